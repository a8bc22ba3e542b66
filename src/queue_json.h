/*
 * queue_json.h
 *	  JSON that the queue's verbs are given.
 */
#ifndef ORDERSYNC_QUEUE_JSON_H
#define ORDERSYNC_QUEUE_JSON_H

#include "lib/stringinfo.h"

#include "queue.h"

/* A call as ordersync.log_call() reads it, in the current context. */
extern char *call_as_json(const CallLog *call);

/* A member of an object that was begun with "{"; a text that is NULL adds none. */
extern void json_string(StringInfo json, const char *name, const char *value);
extern void json_number(StringInfo json, const char *name, int64 value);
extern void json_boolean(StringInfo json, const char *name, bool value);
extern void json_json(StringInfo json, const char *name, const char *value);	/* value is JSON already */
extern void json_numbers(StringInfo json, const char *name, const int64 *values, int n);

/* The same text, or a copy that is valid in this database; NULL for NULL. */
extern const char *json_clean(const char *said);

#endif							/* ORDERSYNC_QUEUE_JSON_H */
