/*
 * store.c
 *	  The records of pages become arrays for one call of apply, and for each page
 *	  one of quarantine where some cannot be stored, or only with a value mended;
 *	  or for one call that compares them with what is stored.
 *
 * What the database has refused before and is as it was is left out, where the
 * claim said that the shop has such records.  A page that was refused in one
 * piece goes to store_parts() instead of apply.
 *
 * Which record wins, what is identical, changed or missing is decided in SQL.
 * Everything allocated here goes with the transaction.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "arrays.h"
#include "clock.h"
#include "datums.h"
#include "db.h"
#include "findings.h"
#include "privacy.h"
#include "store.h"

static DbStatement apply_pages_statement = {
	.sql = "SELECT a.n_new, a.n_changed, a.n_unchanged"
	" FROM ordersync.apply_pages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS a",
	.nparams = 14,
	.types = {
		TEXTOID, INT8OID, TEXTOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
		INT4ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID, TEXTARRAYOID,
		TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID
	}
};

static DbStatement quarantine_statement = {
	.sql = "SELECT ordersync.quarantine_records($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.types = {INT8OID, TEXTOID, INT8OID, INT8OID, INT8ARRAYOID, TEXTARRAYOID, BYTEAARRAYOID}
};

static DbStatement store_parts_statement = {
	.sql = "SELECT a.n_new, a.n_changed, a.n_unchanged"
	" FROM ordersync.store_parts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS a",
	.nparams = 13,
	.types = {
		TEXTOID, INT8OID, TEXTOID, INT8OID, INT8OID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
		BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, INT8ARRAYOID
	}
};

static DbStatement mended_statement = {
	.sql = "SELECT ordersync.note_mended($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.nparams = 10,
	.types = {
		INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
		TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID
	}
};

static DbStatement keep_mends_statement = {
	.sql = "SELECT ordersync.keep_mends($1, $2, $3, $4, $5, $6, $7)",
	.nparams = 7,
	.types = {
		INT8OID, TEXTOID, INT8ARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID
	}
};

static DbStatement known_refusals_statement = {
	.sql = "SELECT k.ord FROM ordersync.known_refusals($1, $2, $3, $4) AS k (ord)",
	.nparams = 4,
	.types = {INT8OID, TEXTOID, INT8ARRAYOID, BYTEAARRAYOID}
};

static DbStatement check_statement = {
	.sql = "SELECT ordersync.check_records($1, $2, $3, $4, $5)",
	.nparams = 5,
	.types = {INT8OID, INT8OID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}
};

static DbStatement follow_up_statement = {
	.sql = "SELECT ordersync.queue_follow_ups($1, $2)",
	.nparams = 2,
	.types = {INT8OID, INT8ARRAYOID}
};

static DbStatement fetched_statement = {
	.sql = "SELECT ordersync.note_fetched($1, $2, $3, $4)",
	.nparams = 4,
	.types = {INT8OID, INT8OID, BOOLOID, BOOLOID}
};

static DbStatement not_served_statement = {
	.sql = "SELECT ordersync.note_not_served($1, $2, $3)",
	.nparams = 3,
	.types = {INT8OID, INT8OID, TEXTOID}
};

static int	prepare(const StorePage *p, Stream stream, bool look);
static int	count_bad(const RecordPage *page);
static int	mark_refused(const SyncTask *task, Stream stream, RecordPage *page);
static bool is_good(const Record *record);
static void quarantine(const SyncTask *task, Stream stream, const RecordPage *page, int n);
static void apply(const StorePage *pages, int npages, Stream stream, const char *source, int n);
static void add_pages(DbParams *params, const StorePage *pages, int n);
static void add_records(DbParams *params, const StorePage *pages, int npages, int n,
						bool numbered);
static void apply_parts(const StorePage *p, Stream stream, const char *source, int n);
static void add_mended_ids(DbParams *params, const StorePage *pages, int npages);
static void read_counts(int row, PageCounts *counts);
static void note_mended(const SyncTask *task, Stream stream, const char *source,
						const RecordPage *page);
static void keep_mends(const SyncTask *task, Stream stream, const RecordPage *page);
static int	count_mends(const RecordPage *page, bool refused);
static void add_mends(DbParams *params, const RecordPage *page, bool refused, int n);
static void add_names(DbParams *params, const FieldNames *fields);
static Datum array_of(Datum *values, bool *nulls, int n, Oid type);
static Datum text_in(MemoryContext context, const char *text, int len);

void
store_pages(const StorePage *pages, int n, Stream stream, const char *source, bool by_parts)
{
	int			good = 0;

	Assert(n == 1 || !by_parts);
	for (int i = 0; i < n; i++)
		privacy_hold(pages[i].page->policy);
	for (int i = 0; i < n; i++)
		good += prepare(&pages[i], stream, by_parts || pages[i].task->refusals);
	if (good > 0 && by_parts)
		apply_parts(&pages[0], stream, source, good);
	else if (good > 0)
		apply(pages, n, stream, source, good);

	for (int i = 0; i < n; i++)
	{
		const SyncTask *task = pages[i].task;

		note_mended(task, stream, source, pages[i].page);
		if (by_parts)
			keep_mends(task, stream, pages[i].page);
		findings_store(task->shop_id, &pages[i].page->findings);
	}
}

/*
 * Puts what can be stored in no database into quarantine and, if it is to look,
 * marks what this one is known to refuse; returns how many records are left.
 */
static int
prepare(const StorePage *p, Stream stream, bool look)
{
	int			bad = count_bad(p->page);

	memset(p->counts, 0, sizeof(*p->counts));
	if (bad > 0)
		quarantine(p->task, stream, p->page, bad);
	p->counts->quarantined = bad + (look ? mark_refused(p->task, stream, p->page) : 0);
	return p->page->nrecords - p->counts->quarantined;
}

static int
count_bad(const RecordPage *page)
{
	int			bad = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		if (page->records[i].quarantine != NULL)
			bad++;
	}
	return bad;
}

/*
 * Marks those of the good records that the database has refused as they are;
 * returns how many.  After store_parts() these are the ones that it refused.
 */
static int
mark_refused(const SyncTask *task, Stream stream, RecordPage *page)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	Datum	   *digests = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	Record	  **records = palloc(sizeof(Record *) * Max(page->nrecords, 1));
	DbParams	params = {0};
	int			n = 0;
	int			refused;

	for (int i = 0; i < page->nrecords; i++)
	{
		Record	   *record = &page->records[i];

		/* what an attempt that was undone has marked is looked for again */
		record->refused = false;
		if (!is_good(record))
			continue;
		ids[n] = Int64GetDatum(record->id);
		digests[n] = datum_bytes(record->digest, RECORD_DIGEST_SIZE);
		records[n++] = record;
	}
	if (n == 0)
		return 0;
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, stream_name(stream));
	db_add(&params, array_of(ids, NULL, n, INT8OID));
	db_add(&params, array_of(digests, NULL, n, BYTEAOID));
	refused = (int) db_run(&known_refusals_statement, &params);
	for (int i = 0; i < refused; i++)
		records[db_int4(i, 0) - 1]->refused = true;
	return refused;
}

/* It can be stored, as far as is known. */
static bool
is_good(const Record *record)
{
	return record->quarantine == NULL && !record->refused;
}

/* As received, but for personal data; a record without an id has NULL for it. */
static void
quarantine(const SyncTask *task, Stream stream, const RecordPage *page, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	bool	   *no_id = palloc(sizeof(bool) * n);
	Datum	   *reasons = palloc(sizeof(Datum) * n);
	Datum	   *bodies = palloc(sizeof(Datum) * n);
	DbParams	params = {0};
	int			k = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];

		if (record->quarantine == NULL)
			continue;
		ids[k] = Int64GetDatum(record->id);
		no_id[k] = record->id == 0;
		reasons[k] = CStringGetTextDatum(record->quarantine);
		bodies[k] = datum_bytes(record->body, record->body_len);
		k++;
	}

	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, stream_name(stream));
	db_add(&params, Int64GetDatum(task->run_id));
	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, array_of(ids, no_id, k, INT8OID));
	db_add(&params, array_of(reasons, NULL, k, TEXTOID));
	db_add(&params, array_of(bodies, NULL, k, BYTEAOID));
	db_run(&quarantine_statement, &params);
}

/* Pages with n good records in all. */
static void
apply(const StorePage *pages, int npages, Stream stream, const char *source, int n)
{
	const SyncTask *task = pages[0].task;
	DbParams	params = {0};

	db_add_text(&params, stream_name(stream));
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, source);
	add_pages(&params, pages, npages);
	add_records(&params, pages, npages, n, true);
	/* as the pages were asked with, whatever the shop's options are by now */
	add_names(&params, &task->fields_add);
	add_names(&params, &task->fields_drop);
	add_mended_ids(&params, pages, npages);
	if (db_run(&apply_pages_statement, &params) != npages)
		elog(ERROR, "apply counted other pages than it was given");
	for (int i = 0; i < npages; i++)
		read_counts(i, pages[i].counts);
}

/* Run, task and time of reading of each. */
static void
add_pages(DbParams *params, const StorePage *pages, int n)
{
	Datum	   *runs = palloc(sizeof(Datum) * n);
	Datum	   *tasks = palloc(sizeof(Datum) * n);
	Datum	   *times = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
	{
		runs[i] = Int64GetDatum(pages[i].task->run_id);
		tasks[i] = Int64GetDatum(pages[i].task->task_id);
		times[i] = TimestampTzGetDatum(clock_timestamp_of_ms(pages[i].read_ms));
	}
	db_add(params, array_of(runs, NULL, n, INT8OID));
	db_add(params, array_of(tasks, NULL, n, INT8OID));
	db_add(params, array_of(times, NULL, n, TIMESTAMPTZOID));
}

/* The good ones, page by page, n in all; numbered: with the number of their page, from 1. */
static void
add_records(DbParams *params, const StorePage *pages, int npages, int n, bool numbered)
{
	Datum	   *numbers = palloc(sizeof(Datum) * n);
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *modified = palloc(sizeof(Datum) * n);
	Datum	   *digests = palloc(sizeof(Datum) * n);
	ExpandedArrayHeader *bodies = arrays_new(TEXTOID, n);
	int			k = 0;

	for (int p = 0; p < npages; p++)
	{
		for (int i = 0; i < pages[p].page->nrecords; i++)
		{
			const Record *record = &pages[p].page->records[i];

			if (!is_good(record))
				continue;
			numbers[k] = Int32GetDatum(p + 1);
			ids[k] = Int64GetDatum(record->id);
			modified[k] = TimestampTzGetDatum(clock_timestamp_of(record->modified));
			digests[k] = datum_bytes(record->digest, RECORD_DIGEST_SIZE);
			bodies->dvalues[k] = text_in(bodies->hdr.eoh_context, record->body, record->body_len);
			k++;
		}
	}
	Assert(k == n);
	if (numbered)
		db_add(params, array_of(numbers, NULL, k, INT4OID));
	db_add(params, array_of(ids, NULL, k, INT8OID));
	db_add(params, array_of(modified, NULL, k, TIMESTAMPTZOID));
	db_add(params, array_of(digests, NULL, k, BYTEAOID));
	db_add(params, EOHPGetRODatum(&bodies->hdr));
}

/* A page that was refused in one piece. */
static void
apply_parts(const StorePage *p, Stream stream, const char *source, int n)
{
	const SyncTask *task = p->task;
	DbParams	params = {0};

	db_add_text(&params, stream_name(stream));
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, source);
	db_add(&params, Int64GetDatum(task->run_id));
	db_add(&params, Int64GetDatum(task->task_id));
	add_records(&params, p, 1, n, false);
	add_names(&params, &task->fields_add);
	add_names(&params, &task->fields_drop);
	db_add(&params, TimestampTzGetDatum(clock_timestamp_of_ms(p->read_ms)));
	add_mended_ids(&params, p, 1);
	db_run(&store_parts_statement, &params);
	read_counts(0, p->counts);
	p->counts->quarantined = count_bad(p->page) + mark_refused(task, stream, p->page);
}

/* Of the records that have mended values; NULL for none. */
static void
add_mended_ids(DbParams *params, const StorePage *pages, int npages)
{
	List	   *found = NIL;
	Datum	   *ids;
	int			k = 0;
	ListCell   *cell;

	for (int p = 0; p < npages; p++)
	{
		for (int i = 0; i < pages[p].page->nrecords; i++)
		{
			if (pages[p].page->records[i].mends.n > 0)
				found = lappend(found, &pages[p].page->records[i]);
		}
	}
	if (found == NIL)
	{
		db_add_null(params);
		return;
	}
	ids = palloc(sizeof(Datum) * list_length(found));
	foreach(cell, found)
		ids[k++] = Int64GetDatum(((const Record *) lfirst(cell))->id);
	db_add(params, array_of(ids, NULL, k, INT8OID));
}

static void
read_counts(int row, PageCounts *counts)
{
	counts->records_new = db_int4(row, 0);
	counts->changed = db_int4(row, 1);
	counts->unchanged = db_int4(row, 2);
}

/* What was mended in what apply has stored of the page: as it came, and as it is stored. */
static void
note_mended(const SyncTask *task, Stream stream, const char *source,
			const RecordPage *page)
{
	int			n = count_mends(page, false);
	DbParams	params = {0};

	if (n == 0)
		return;
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, stream_name(stream));
	db_add_text(&params, source);
	db_add(&params, Int64GetDatum(task->run_id));
	db_add(&params, Int64GetDatum(task->task_id));
	add_mends(&params, page, false, n);
	db_run(&mended_statement, &params);
}

/* The same of what was refused, for the time when it is stored. */
static void
keep_mends(const SyncTask *task, Stream stream, const RecordPage *page)
{
	int			n = count_mends(page, true);
	DbParams	params = {0};

	if (n == 0)
		return;
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add_text(&params, stream_name(stream));
	add_mends(&params, page, true, n);
	db_run(&keep_mends_statement, &params);
}

static int
count_mends(const RecordPage *page, bool refused)
{
	int			n = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		if (page->records[i].refused == refused)
			n += page->records[i].mends.n;
	}
	return n;
}

/* Five arrays of n: ids, modified (of refused records their digests), paths, values, bytes. */
static void
add_mends(DbParams *params, const RecordPage *page, bool refused, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *versions = palloc(sizeof(Datum) * n);
	Datum	   *paths = palloc(sizeof(Datum) * n);
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *left_out = palloc(sizeof(bool) * n);
	Datum	   *bodies = palloc(sizeof(Datum) * n);
	int			k = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];

		if (record->refused != refused)
			continue;
		for (int m = 0; m < record->mends.n; m++, k++)
		{
			const ScrubMend *mend = &record->mends.mends[m];

			ids[k] = Int64GetDatum(record->id);
			versions[k] = refused ? datum_bytes(record->digest, RECORD_DIGEST_SIZE) :
				TimestampTzGetDatum(clock_timestamp_of(record->modified));
			paths[k] = CStringGetTextDatum(mend->path);
			left_out[k] = mend->stored.at == NULL;
			values[k] = left_out[k] ? (Datum) 0 :
				PointerGetDatum(cstring_to_text_with_len(mend->stored.at, mend->stored.len));
			bodies[k] = datum_bytes(mend->came.at, mend->came.len);
		}
	}
	db_add(params, array_of(ids, NULL, k, INT8OID));
	db_add(params, array_of(versions, NULL, k, refused ? BYTEAOID : TIMESTAMPTZOID));
	db_add(params, array_of(paths, NULL, k, TEXTOID));
	db_add(params, array_of(values, left_out, k, TEXTOID));
	db_add(params, array_of(bodies, NULL, k, BYTEAOID));
}

/* NULL for none. */
static void
add_names(DbParams *params, const FieldNames *fields)
{
	Datum	   *names;

	if (fields->n == 0)
	{
		db_add_null(params);
		return;
	}
	names = palloc(sizeof(Datum) * fields->n);
	for (int i = 0; i < fields->n; i++)
		names[i] = CStringGetTextDatum(fields->names[i]);
	db_add(params, array_of(names, NULL, fields->n, TEXTOID));
}

int
store_check(const SyncTask *task, const RecordPage *page)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	Datum	   *modified = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	bool	   *no_time = palloc(sizeof(bool) * Max(page->nrecords, 1));
	Datum	   *arrivals = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	bool	   *no_arrival = palloc(sizeof(bool) * Max(page->nrecords, 1));
	DbParams	params = {0};
	int			k = 0;

	/* one that cannot be read has an id all the same, and is fetched by it */
	for (int i = 0; i < page->nrecords; i++)
	{
		const Record *record = &page->records[i];

		if (record->id == 0)
			continue;
		ids[k] = Int64GetDatum(record->id);
		no_time[k] = record->quarantine != NULL;
		modified[k] = no_time[k] ? (Datum) 0 :
			TimestampTzGetDatum(clock_timestamp_of(record->modified));
		no_arrival[k] = no_time[k] || record->arrival == NO_TIME;
		arrivals[k] = no_arrival[k] ? (Datum) 0 :
			TimestampTzGetDatum(clock_timestamp_of(record->arrival));
		k++;
	}
	if (k == 0)
		return 0;
	db_add(&params, Int64GetDatum(task->shop_id));
	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, array_of(ids, NULL, k, INT8OID));
	db_add(&params, array_of(modified, no_time, k, TIMESTAMPTZOID));
	db_add(&params, array_of(arrivals, no_arrival, k, TIMESTAMPTZOID));
	db_run(&check_statement, &params);
	return db_int4(0, 0);
}

int
store_follow_up(const SyncTask *task, const RecordPage *page)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(page->nrecords, 1));
	DbParams	params = {0};
	int			k = 0;

	for (int i = 0; i < page->nrecords; i++)
	{
		if (is_good(&page->records[i]))
			ids[k++] = Int64GetDatum(page->records[i].id);
	}
	if (k == 0)
		return 0;
	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, array_of(ids, NULL, k, INT8OID));
	db_run(&follow_up_statement, &params);
	return db_int4(0, 0);
}

void
store_note_fetched(const SyncTask *task, int64 id, bool stored, bool changed)
{
	DbParams	params = {0};

	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, Int64GetDatum(id));
	db_add(&params, BoolGetDatum(stored));
	db_add(&params, BoolGetDatum(changed));
	db_run(&fetched_statement, &params);
}

void
store_note_not_served(const SyncTask *task, int64 id, const char *message)
{
	DbParams	params = {0};

	db_add(&params, Int64GetDatum(task->task_id));
	db_add(&params, Int64GetDatum(id));
	db_add_text(&params, message);
	db_run(&not_served_statement, &params);
}

/* A one-dimensional array of int4, int8, timestamptz, text or bytea; nulls may be NULL. */
static Datum
array_of(Datum *values, bool *nulls, int n, Oid type)
{
	int16		length;
	bool		by_value;
	char		alignment;
	int			lower = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, type,
											  length, by_value, alignment));
}

static Datum
text_in(MemoryContext context, const char *text, int len)
{
	MemoryContext before = MemoryContextSwitchTo(context);
	Datum		result = PointerGetDatum(cstring_to_text_with_len(text, len));

	MemoryContextSwitchTo(before);
	return result;
}
