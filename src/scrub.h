/*
 * scrub.h
 *	  Copies a record without personal data, and says whether jsonb will take it.
 */
#ifndef ORDERSYNC_SCRUB_H
#define ORDERSYNC_SCRUB_H

#include "json_scan.h"

/* A member of the record itself that the caller wants to see. */
typedef struct ScrubField
{
	const char *name;			/* NULL: none */
	size_t		name_len;
	JsonText	value;			/* in the text given; at is NULL: not there.  The last of
								 * several counts, as in jsonb */
} ScrubField;

/*
 * Copies the object text, of which nothing but white space may follow, to out
 * (at least len bytes), without the personal members.  Returns NULL and sets
 * *outlen when what was copied is valid JSON, valid UTF-8 and within jsonb's
 * limits; else the reason: nul, encoding, nesting, number, syntax, shape.
 */
extern const char *scrub_strict(const char *text, size_t len,
								ScrubField *fields, int nfields,
								char *out, size_t *outlen);

/*
 * The same for a text that is no good: copies every byte as it is but for the
 * personal members, found by the look of their keys.  Returns how many.
 */
extern size_t scrub_loose(const char *text, size_t len, char *out);

/* Finds fields in a text that may be no good, as far as it can be read. */
extern void scrub_find(const char *text, size_t len, ScrubField *fields, int nfields);

/*
 * For logs: at most max bytes of any answer (JSON, XML, HTML, a part of one) as
 * clean UTF-8 on one line, in the current context, personal and secret values
 * blanked.
 */
extern char *scrub_excerpt(const char *text, size_t len, size_t max);

#endif							/* ORDERSYNC_SCRUB_H */
