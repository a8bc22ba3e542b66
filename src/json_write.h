/*
 * json_write.h
 *	  Members of a JSON object, as text: parameters of statements.
 *
 * Each is appended to an object that has begun, with the comma that it needs.
 */
#ifndef ORDERSYNC_JSON_WRITE_H
#define ORDERSYNC_JSON_WRITE_H

#include "compat.h"

#include "lib/stringinfo.h"

/* Nothing for NULL. */
extern void json_string(StringInfo json, const char *name, const char *value);
extern void json_number(StringInfo json, const char *name, int64 value);
extern void json_boolean(StringInfo json, const char *name, bool value);

/* A value that is JSON already; nothing for NULL. */
extern void json_json(StringInfo json, const char *name, const char *value);

/* An array; nothing for NULL. */
extern void json_numbers(StringInfo json, const char *name, const int64 *values, int n);

/* What was said, or, when it is not valid text of this database, a copy with its odd bytes as "?". */
extern const char *valid_text(const char *said);

#endif							/* ORDERSYNC_JSON_WRITE_H */
