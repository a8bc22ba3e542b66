/*
 * record.c
 *	  Splits an answer's list into records: id, time, seller, digest, and body
 *	  without personal data.
 *
 * A page is split once, into structs that point into one block of memory for
 * all bodies.  Each record is first read the strict way (scrub.c), which tells
 * whether jsonb will take it, and where it ends; of one that fails the end is
 * where its brackets are balanced.  jsonb itself is not built here, so that a
 * record that has not changed costs no more than its digest.  A record whose
 * strings hold invalid text is read again and mended: the order is stored,
 * with its amounts, and what was mended is noted.  A record that is invalid for
 * another reason is read the loose way: it keeps its bytes, its id and its times
 * as far as they can be found, and a reason, and the rest of its page lives.
 *
 * The digest is SHA-256, cut to 16 bytes: buyers choose titles and memos, and a
 * change that could be hidden behind a chosen collision would be lost for good.
 * It covers RECORD_VERSION and the body as it would be stored.
 *
 * Everything lives in the context current at the call and needs no transaction.
 * Bad data is never an error; want of memory is.  The digest's context is the
 * process's own and is kept, since making one costs as much as a short digest.
 */
#include "compat.h"

#include <openssl/evp.h>

#include "utils/memutils.h"

#include "nick.h"
#include "personal.h"
#include "record.h"
#include "scrub.h"
#include "value.h"

/* Raised when apply reads more from the same body: all records then count as changed. */
#define RECORD_VERSION 1

/*
 * No page has more (the platform's limit is 100); what follows the last one
 * counts as one record of no shape, or garbage could ask for all memory.
 */
#define MAX_RECORDS 10000

/* What a quarantined record keeps of itself at most; a bytea has its limit too. */
#define MAX_BODY_LEN 0x0FFFFFFF

/* Longer names are not names; 64 characters, each of them escaped. */
#define MAX_NICK_LEN 1024

typedef enum RecordField
{
	FIELD_REFUND_ID,
	FIELD_TID,
	FIELD_MODIFIED,
	FIELD_CREATED,
	FIELD_ARRIVAL,
	FIELD_SELLER,
	FIELD_BUYER,
	NFIELDS
} RecordField;

typedef struct Splitter
{
	RecordPage *page;
	int			capacity;
	char	   *out;			/* where the next body goes */
	Stream		stream;
	char	  **seller_nicks;
	int			nseller_nicks;
	bool		require;
	JsonText	last_seller;	/* a page carries one name, nearly always */
	char	   *last_nick;
	bool		last_ours;
	ScrubMode	mode;
} Splitter;

static const ScrubMode forgotten = {.forget = true};

static bool split_good(Splitter *splitter, JsonCursor *cursor);
static void split_record(Splitter *splitter, const char *text, size_t len);
static const char *mend_record(Splitter *splitter, Record *record, const char *text, size_t len);
static void set_body(Record *record, char *body, size_t len);
static Record *new_record(Splitter *splitter);
static void name_fields(ScrubField *fields, Stream stream);
static const char *take_fields(Splitter *splitter, Record *record, const ScrubField *fields);
static int64 read_id(const ScrubField *field);
static bool is_forgotten(const Record *record, const ScrubField *fields);
static int64 read_time(const ScrubField *field);
static bool seller_is_ours(Splitter *splitter, Record *record, const ScrubField *field);
static void digest_body(Record *record);

/* See record.h. */
RecordPage *
record_split(const char *list, size_t len, Stream stream,
			 char **seller_nicks, int nseller_nicks, bool require)
{
	Splitter	splitter = {0};
	JsonCursor	cursor;
	JsonText	value;

	splitter.page = palloc0(sizeof(RecordPage));
	splitter.stream = stream;
	splitter.seller_nicks = seller_nicks;
	splitter.nseller_nicks = nseller_nicks;
	splitter.require = require;
	splitter.mode.findings = &splitter.page->findings;
	splitter.page->policy = personal_generation();
	if (list == NULL || len == 0)
		return splitter.page;

	/* bodies with their NULs; nothing but garbage has less than a byte between two records */
	splitter.out = MemoryContextAllocHuge(CurrentMemoryContext, scrub_size(len) + len + 2);
	json_begin(&cursor, list, len);
	if (json_peek(&cursor) != '[')
	{
		split_record(&splitter, cursor.at, cursor.end - cursor.at);
		return splitter.page;
	}

	json_enter(&cursor, '[');
	while (splitter.page->nrecords < MAX_RECORDS && json_element(&cursor))
	{
		if (split_good(&splitter, &cursor))
			continue;
		if (!json_value(&cursor, &value))
			break;
		split_record(&splitter, value.at, value.len);
	}
	if (!json_at_end(&cursor) && cursor.at < cursor.end)
		split_record(&splitter, cursor.at, cursor.end - cursor.at);
	return splitter.page;
}

/*
 * The record ahead, where it is good JSON: then reading it tells where it ends.
 * Else false, and nothing consumed.
 */
static bool
split_good(Splitter *splitter, JsonCursor *cursor)
{
	ScrubField	fields[NFIELDS];
	Record	   *record;
	size_t		body_len;
	size_t		used;

	name_fields(fields, splitter->stream);
	if (json_peek(cursor) != '{' ||
		!scrub_first(cursor->at, cursor->end - cursor->at, fields, NFIELDS,
					 &splitter->mode, splitter->out, &body_len, &used))
		return false;
	record = new_record(splitter);
	record->quarantine = take_fields(splitter, record, fields);
	if (unlikely(is_forgotten(record, fields)))
		scrub_strict(cursor->at, used, NULL, 0, &forgotten, splitter->out, &body_len);
	cursor->at += used;
	set_body(record, splitter->out, body_len);
	splitter->out += record->body_len + 1;
	return true;
}

/* One record of the page: strictly, mended when that fails, and loosely when that fails too. */
static void
split_record(Splitter *splitter, const char *text, size_t len)
{
	Record	   *record = new_record(splitter);
	ScrubField	fields[NFIELDS];
	const char *reason;
	size_t		body_len = 0;

	name_fields(fields, splitter->stream);
	reason = scrub_strict(text, len, fields, NFIELDS, &splitter->mode, splitter->out, &body_len);
	if (reason == NULL)
	{
		reason = take_fields(splitter, record, fields);
		if (is_forgotten(record, fields))
			scrub_strict(text, len, NULL, 0, &forgotten, splitter->out, &body_len);
	}
	else
	{
		if (strcmp(reason, "nul") == 0 || strcmp(reason, "encoding") == 0 ||
			strcmp(reason, "syntax") == 0)
		{
			reason = mend_record(splitter, record, text, len);
			if (reason == NULL)
				return;
		}
		name_fields(fields, splitter->stream);
		body_len = scrub_loose(text, len, splitter->out);
		scrub_find(text, len, fields, NFIELDS);
		take_fields(splitter, record, fields);
		/* what cannot be read cannot be told apart */
		if (is_forgotten(record, fields))
			body_len = 0;
	}

	record->quarantine = reason;
	set_body(record, splitter->out, body_len);
	splitter->out += record->body_len + 1;
}

/*
 * A record whose strings hold invalid text; NULL when it can be stored once
 * they are mended, else the reason why not, and the record is as it was.
 */
static const char *
mend_record(Splitter *splitter, Record *record, const char *text, size_t len)
{
	char	   *body = MemoryContextAllocHuge(CurrentMemoryContext,
											  scrub_mended_size(text, len) + 1);
	ScrubField	fields[NFIELDS];
	const char *reason;
	size_t		body_len;

	name_fields(fields, splitter->stream);
	reason = scrub_mend(text, len, fields, NFIELDS, &splitter->mode, body, &body_len, &record->mends);
	if (reason == NULL)
	{
		reason = take_fields(splitter, record, fields);
		if (is_forgotten(record, fields))
			scrub_mend(text, len, NULL, 0, &forgotten, body, &body_len, &record->mends);
	}
	if (reason != NULL)
	{
		memset(record, 0, sizeof(*record));
		pfree(body);
		return reason;
	}
	set_body(record, body, body_len);
	return NULL;
}

/* Ends the body, which has room for a NUL, and takes the digest. */
static void
set_body(Record *record, char *body, size_t len)
{
	record->body = body;
	record->body_len = (int) Min(len, MAX_BODY_LEN);
	body[record->body_len] = '\0';
	digest_body(record);
}

/* The next struct of the page; earlier ones may move. */
static Record *
new_record(Splitter *splitter)
{
	RecordPage *page = splitter->page;

	if (page->nrecords == splitter->capacity)
	{
		splitter->capacity = Max(128, splitter->capacity * 2);
		if (page->records == NULL)
			page->records = palloc(splitter->capacity * sizeof(Record));
		else
			page->records = repalloc_huge(page->records, splitter->capacity * sizeof(Record));
	}
	memset(&page->records[page->nrecords], 0, sizeof(Record));
	return &page->records[page->nrecords++];
}

/* The members of a record of this stream that we look at ourselves. */
static void
name_fields(ScrubField *fields, Stream stream)
{
#define NAMED(text) {.name = (text), .name_len = sizeof(text) - 1}
	static const ScrubField named[NFIELDS] = {
		[FIELD_REFUND_ID] = NAMED("refund_id"),
		[FIELD_TID] = NAMED("tid"),
		[FIELD_MODIFIED] = NAMED("modified"),
		[FIELD_CREATED] = NAMED("created"),
		[FIELD_ARRIVAL] = NAMED("async_modified"),
		[FIELD_SELLER] = NAMED("seller_nick"),
		[FIELD_BUYER] = NAMED("buyer_open_uid")
	};
#undef NAMED

	memcpy(fields, named, sizeof(named));
	/* a trade has no refund_id of its own */
	if (stream == STREAM_ORDERS)
		fields[FIELD_REFUND_ID].name = NULL;
}

/* Fills the record from its fields; the reason when it cannot be stored without one of them. */
static const char *
take_fields(Splitter *splitter, Record *record, const ScrubField *fields)
{
	bool		ours;

	record->id = read_id(&fields[FIELD_REFUND_ID]);
	if (splitter->stream == STREAM_AFTER_SALES)
		record->order = read_id(&fields[FIELD_TID]);	/* another record's id */
	else if (fields[FIELD_REFUND_ID].value.at == NULL)
		record->id = read_id(&fields[FIELD_TID]);
	record->modified = read_time(&fields[FIELD_MODIFIED]);
	record->created = read_time(&fields[FIELD_CREATED]);
	record->arrival = read_time(&fields[FIELD_ARRIVAL]);
	ours = seller_is_ours(splitter, record, &fields[FIELD_SELLER]);
	if (record->id == 0)
		return "no_id";
	if (record->modified == NO_TIME)
		return "no_time";
	return ours ? NULL : "foreign_seller";
}

/* An id, 0 when it is no positive int64. */
static int64
read_id(const ScrubField *field)
{
	JsonText	value = field->value;
	int64		id;

	if (value.at == NULL)
		return 0;
	if (value.len >= 2 && *value.at == '"')
	{
		value.at++;
		value.len -= 2;
	}
	return value_integer(value.at, value.len, 1, PG_INT64_MAX, &id) ? id : 0;
}

/* Is it a record of a buyer, or of an order, that was forgotten?  What tells the buyer is taken out of it, too. */
static bool
is_forgotten(const Record *record, const ScrubField *fields)
{
	JsonText	buyer = fields[FIELD_BUYER].value;
	JsonText	order = fields[FIELD_TID].value;
	char	   *uid;
	int64		tid;

	if (likely(!personal_forgets()))
		return false;
	if (personal_forgets_order(record->id) && fields[FIELD_REFUND_ID].value.at == NULL)
		return true;
	if (order.at != NULL && json_int64(order, &tid) && personal_forgets_order(tid))
		return true;
	uid = buyer.at == NULL ? NULL : json_text(buyer, MAX_NICK_LEN);
	return uid != NULL && personal_forgets_buyer(uid, strlen(uid));
}

/* A moment, NO_TIME when it is not there or cannot be read. */
static int64
read_time(const ScrubField *field)
{
	int64		epoch_s;

	if (field->value.at == NULL || field->value.len < 2 || *field->value.at != '"' ||
		!value_time(field->value.at + 1, field->value.len - 2, &epoch_s))
		return NO_TIME;
	return epoch_s;
}

/* Whether the record's seller is one of the shop's names; remembers the last one seen. */
static bool
seller_is_ours(Splitter *splitter, Record *record, const ScrubField *field)
{
	JsonText	seller = field->value;

	if (seller.at == NULL || (seller.len == 4 && memcmp(seller.at, "null", 4) == 0) ||
		(seller.len == 2 && *seller.at == '"'))
		return !splitter->require;
	if (splitter->last_nick == NULL || splitter->last_seller.len != seller.len ||
		memcmp(splitter->last_seller.at, seller.at, seller.len) != 0)
	{
		splitter->last_seller = seller;
		splitter->last_nick = json_text(seller, MAX_NICK_LEN);
		splitter->last_ours = splitter->seller_nicks == NULL;
		for (int i = 0; i < splitter->nseller_nicks && splitter->last_nick != NULL && !splitter->last_ours; i++)
		{
			if (nick_same_seller(splitter->last_nick, splitter->seller_nicks[i]))
				splitter->last_ours = true;
		}
	}
	record->seller_nick = splitter->last_nick;
	return splitter->last_ours;
}

/* The digest of version and body. */
static void
digest_body(Record *record)
{
	static EVP_MD_CTX *context = NULL;
	static bool ready = false;
	static const unsigned char version = RECORD_VERSION;
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (context == NULL)
		context = EVP_MD_CTX_new();
	/* named once: each time that it is named, libcrypto looks the algorithm up */
	if (context == NULL ||
		EVP_DigestInit_ex(context, ready ? NULL : EVP_sha256(), NULL) != 1 ||
		EVP_DigestUpdate(context, &version, 1) != 1 ||
		EVP_DigestUpdate(context, record->body, record->body_len) != 1 ||
		EVP_DigestFinal_ex(context, digest, NULL) != 1)
		elog(ERROR, "could not compute the digest of a record");
	ready = true;
	memcpy(record->digest, digest, RECORD_DIGEST_SIZE);
}

/* See record.h. */
char *
record_excerpt(const char *body, size_t len, size_t max)
{
	return scrub_excerpt(body, len, max);
}
