/*
 * record.h
 *	  Splits an answer's list into records: id, time, seller, digest, body
 *	  without personal data.  Builds no jsonb.
 */
#ifndef ORDERSYNC_RECORD_H
#define ORDERSYNC_RECORD_H

#include "scrub.h"
#include "task.h"

#define RECORD_DIGEST_SIZE 16

typedef struct Record
{
	int64		id;				/* tid or refund_id; 0 when it has none that is usable */
	int64		order;			/* an after-sale's tid; 0 when it has none that is usable */
	int64		modified;		/* epoch seconds; NO_TIME when unreadable */
	int64		created;
	int64		arrival;		/* async_modified */
	const char *seller_nick;	/* NULL: not sent */
	uint8		digest[RECORD_DIGEST_SIZE]; /* over the body below and RECORD_VERSION */
	const char *body;			/* JSON text without personal data, NUL-terminated */
	int			body_len;		/* bytes; a quarantined body may hold NULs and is
								 * otherwise as sent: no text until checked */
	const char *quarantine;		/* NULL: storable; else the reason, one word:
								 * no_id, no_time, shape, nul, nesting, number,
								 * syntax, foreign_seller */
	bool		refused;		/* storable, but the database refuses it as it is;
								 * quarantine has it (store.c) */
	ScrubMends	mends;			/* of a storable one: values that came with what is
								 * no text, and what is stored for them */
} Record;

typedef struct RecordPage
{
	int			nrecords;
	Record	   *records;		/* in the order sent */
	ScrubFindings findings;		/* members dropped for the words of their names */
	uint64		policy;			/* generation of the policy that it was split by */
} RecordPage;

/*
 * list: the bytes of the JSON array (or single object) of records inside an
 * answer, as gateway_classify() found it; NULL for an empty list.  Decides
 * per record whether it can become jsonb; never throws for bad data.
 * seller_nicks: the names that the records may carry ("main:sub" counts as
 * "main"), NULL: any; require: a record without one is quarantined too.
 * STREAM_DETAILS takes refunds (by their refund_id) and trades alike.
 * Bytes that belong to no record become one with reason syntax or shape, so
 * that nothing sent is silently left out.  No order of the page is assumed.
 */
extern RecordPage *record_split(const char *list, size_t len, Stream stream,
								char **seller_nicks, int nseller_nicks, bool require);

/* Copies text with the values of personal fields blanked, for logs; at most max bytes. */
extern char *record_excerpt(const char *body, size_t len, size_t max);

#endif							/* ORDERSYNC_RECORD_H */
