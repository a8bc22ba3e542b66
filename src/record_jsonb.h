/*
 * record_jsonb.h
 *	  The text of a record as jsonb.
 */
#ifndef ORDERSYNC_RECORD_JSONB_H
#define ORDERSYNC_RECORD_JSONB_H

#include "compat.h"

#include "utils/array.h"
#include "utils/jsonb.h"

/*
 * The jsonb of a JSON text in the server's encoding, without NUL: the bytes
 * and the errors of jsonb_in, several times as fast.  In the current context.
 */
extern Jsonb *record_jsonb(const char *text, size_t len);

/* The same as record_jsonb(text) - hidden; hidden (text[]) may be NULL. */
extern Jsonb *record_jsonb_without(const char *text, size_t len, ArrayType *hidden);

#endif							/* ORDERSYNC_RECORD_JSONB_H */
