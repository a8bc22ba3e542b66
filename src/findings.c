/*
 * findings.c
 *	  Members that were dropped for the words of their names are written down.
 *
 * A field that the platform has begun to serve is in every record from then on, and
 * no page should cost a statement for it.  So this process remembers what it has
 * met, and writes when a shop's field is new to it and when the records that had it
 * have doubled since.  What a transaction wrote counts when it has committed.  The
 * memory is the process's own and never given back; there is an end to its entries.
 */
#include "compat.h"

#include "access/xact.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "datums.h"
#include "db.h"
#include "findings.h"

#define MAX_ENTRIES 10000

typedef struct FindingKey
{
	int64		shop_id;
	char		path[SCRUB_MAX_PATH + 8];	/* zeroes behind its end */
} FindingKey;

typedef struct Finding
{
	FindingKey	key;
	int64		met;			/* records that had it */
	int64		written;		/* of these, in commits */
	int64		pending;		/* and in this transaction; 0: it wrote none */
} Finding;

static HTAB *met = NULL;
static bool any_pending = false;

static DbStatement note_statement = {
	.sql = "SELECT ordersync.note_privacy_findings($1, $2, $3)",
	.nparams = 3,
	.types = {INT8OID, TEXTARRAYOID, INT8ARRAYOID}
};

static void begin(void);
static Finding *look_up(int64 shop_id, const char *path);
static void at_end(XactEvent event, void *arg);

/* See findings.h. */
void
findings_store(int64 shop_id, const ScrubFindings *findings)
{
	const char *paths[SCRUB_MAX_FINDINGS];
	Datum		records[SCRUB_MAX_FINDINGS];
	DbParams	params = {0};
	int			n = 0;

	if (likely(findings->n == 0))
		return;
	if (met == NULL)
		begin();
	for (int i = 0; i < findings->n; i++)
	{
		Finding    *finding = look_up(shop_id, findings->paths[i]);

		if (finding == NULL)
			continue;
		finding->met += findings->records[i];
		if (finding->met < 2 * Max(finding->written, finding->pending))
			continue;
		paths[n] = findings->paths[i];
		records[n++] = Int64GetDatum(finding->met - Max(finding->written, finding->pending));
		finding->pending = finding->met;
		any_pending = true;
	}
	if (n == 0)
		return;
	db_add(&params, Int64GetDatum(shop_id));
	db_add(&params, datum_text_array(paths, n));
	db_add(&params, PointerGetDatum(construct_array(records, n, INT8OID, 8, FLOAT8PASSBYVAL,
													 TYPALIGN_DOUBLE)));
	db_run(&note_statement, &params);
}

static void
begin(void)
{
	HASHCTL		control = {.keysize = sizeof(FindingKey), .entrysize = sizeof(Finding),
		.hcxt = TopMemoryContext};

	met = hash_create("ordersync privacy findings", 64, &control,
					  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	RegisterXactCallback(at_end, NULL);
}

/* NULL: there is no room for another. */
static Finding *
look_up(int64 shop_id, const char *path)
{
	FindingKey	key = {0};
	Finding    *finding;
	bool		found;

	key.shop_id = shop_id;
	strlcpy(key.path, path, sizeof(key.path));
	finding = hash_search(met, &key, hash_get_num_entries(met) < MAX_ENTRIES ? HASH_ENTER : HASH_FIND,
						  &found);
	if (finding != NULL && !found)
		finding->met = finding->written = finding->pending = 0;
	return finding;
}

/* What was written counts, or is written again. */
static void
at_end(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS status;
	Finding    *finding;

	if (!any_pending || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	any_pending = false;
	hash_seq_init(&status, met);
	while ((finding = hash_seq_search(&status)) != NULL)
	{
		if (event == XACT_EVENT_COMMIT)
			finding->written = Max(finding->written, finding->pending);
		finding->pending = 0;
	}
}
