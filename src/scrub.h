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

/* A value that was mended, or a member that was left out since its name is not valid text. */
typedef struct ScrubMend
{
	const char *path;			/* names from the record inwards, by dots; clean text */
	JsonText	came;			/* in the text given: between the quotes; the name, where that is bad */
	JsonText	stored;			/* in what was copied, with quotes; at is NULL: left out */
} ScrubMend;

typedef struct ScrubMends
{
	ScrubMend  *mends;			/* in the current context */
	int			n;
} ScrubMends;

/* Members that were dropped for the words of their names; no value. */
#define SCRUB_MAX_FINDINGS 50
#define SCRUB_MAX_PATH 200

typedef struct ScrubFindings
{
	int			n;
	char	   *paths[SCRUB_MAX_FINDINGS];	/* names by dots, in the current context */
	int			records[SCRUB_MAX_FINDINGS];	/* how many had one */
} ScrubFindings;

/* How a text is read, beside the policy in force (personal.h). */
typedef struct ScrubMode
{
	bool		forget;			/* its buyer is forgotten: only what survives is kept */
	ScrubFindings *findings;	/* NULL: not wanted */
} ScrubMode;

/* No more than so many are told of one record; all are mended. */
#define SCRUB_MAX_MENDS 100

/* Room for what is copied of so many bytes: hashes are longer than what they stand for. */
extern size_t scrub_size(size_t len);

/*
 * Copies the object text, of which nothing but white space may follow, to out (at
 * least scrub_size() bytes), by the policy: personal members cut out or replaced,
 * in JSON that stands in strings, too.  mode may be NULL.  Returns NULL and sets
 * *outlen when what was copied is valid JSON, valid UTF-8 and within jsonb's
 * limits; else the reason: nul, encoding, nesting, number, syntax, shape.
 */
extern const char *scrub_strict(const char *text, size_t len,
								ScrubField *fields, int nfields,
								const ScrubMode *mode, char *out, size_t *outlen);

/*
 * The same for the object that begins text, whatever follows it; *used: the
 * bytes that it takes.  False, and nothing else said, also where a personal
 * value is so odd that the object might end elsewhere for json_skip_value().
 */
extern bool scrub_first(const char *text, size_t len,
						ScrubField *fields, int nfields,
						const ScrubMode *mode, char *out, size_t *outlen, size_t *used);

/*
 * The same for a text that scrub_strict() refused, where strings are its only
 * fault: U+FFFD takes the place of a NUL, of half a surrogate pair and of
 * what is not UTF-8; a raw control character and a backslash that begins no
 * escape are kept, escaped.  A member whose name would have to be mended is
 * left out: nobody knows whether it is personal. out: scrub_mended_size()
 * bytes at least.
 */
extern const char *scrub_mend(const char *text, size_t len,
							  ScrubField *fields, int nfields,
							  const ScrubMode *mode, char *out, size_t *outlen, ScrubMends *mends);
extern size_t scrub_mended_size(const char *text, size_t len);

/*
 * The same for a text that is invalid: copies every byte as it is but for the
 * personal members, found by the look of their keys.  Returns how many.
 */
extern size_t scrub_loose(const char *text, size_t len, char *out);

/* Finds fields in a text that may be invalid, as far as it can be read. */
extern void scrub_find(const char *text, size_t len, ScrubField *fields, int nfields);

/*
 * For logs: at most max bytes of any answer (JSON, XML, HTML, a part of one) as
 * clean UTF-8 on one line, in the current context, personal and secret values
 * blanked.
 */
extern char *scrub_excerpt(const char *text, size_t len, size_t max);

/*
 * What an excerpt quotes of the other side's words (msg, sub_msg, message), in place,
 * without long numbers and e-mail addresses.  Secrets are overwritten before: what
 * is left of one that lost its digits would not be found.
 */
extern void scrub_words(char *text);

#endif							/* ORDERSYNC_SCRUB_H */
