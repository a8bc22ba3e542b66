/*
 * datums.h
 *	  C values as Datums: text or NULL, bytes, arrays of text.
 *
 * All is allocated in the current context.
 */
#ifndef ORDERSYNC_DATUMS_H
#define ORDERSYNC_DATUMS_H

#include "compat.h"

#include "utils/array.h"

/* A text, or NULL for none. */
extern Datum datum_text(const char *text, bool *isnull);

/* A bytea. */
extern Datum datum_bytes(const void *bytes, size_t len);

/* A text[] of names. */
extern Datum datum_text_array(const char *const *names, int n);

/* The elements of a text[], none of which may be NULL; *n says how many. */
extern char **text_array_elements(ArrayType *array, int *n);

#endif							/* ORDERSYNC_DATUMS_H */
