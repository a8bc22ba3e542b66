/*
 * queue_json.h
 *	  JSON that the queue's verbs are given.
 */
#ifndef ORDERSYNC_QUEUE_JSON_H
#define ORDERSYNC_QUEUE_JSON_H

#include "queue.h"

/* A call as ordersync.log_call() reads it, in the current context. */
extern char *call_as_json(const CallLog *call);

/* That calls are stopped, as ordersync.note_stop() reads it; method: of the call. */
extern char *stop_as_json(const BreakerStop *stop, const char *method);

#endif							/* ORDERSYNC_QUEUE_JSON_H */
