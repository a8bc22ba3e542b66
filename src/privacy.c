/*
 * privacy.c
 *	  The database's privacy policy is put in force in this process.
 *
 * Tables: privacy_state has one row, whose generation is another number after each
 * change; privacy has the rules; forgotten and forgotten_orders who was forgotten.
 * Only the first is read to know that nothing has changed, once in a claim and once
 * in a page's transaction, without a statement: a scan of one row.
 *
 * Records are split before their transaction begins.  So the page's transaction
 * locks privacy_state as a reader that whoever changes the policy waits for, and
 * looks again: what was split by another policy is not stored, and the call is made
 * again.  A dump does not get in the way, nor does it wait.
 *
 * What is read is what the statement sees, for the page what is committed by then.
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "personal.h"
#include "privacy.h"
#include "secret.h"

#define MAX_COLUMNS 3

/* A table that is read to its end: the columns that are wanted, of the row in hand. */
typedef struct TableScan
{
	Relation	table;
	TableScanDesc scan;
	TupleTableSlot *slot;
	Snapshot	snapshot;
	int			ncolumns;
	AttrNumber	columns[MAX_COLUMNS];
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} TableScan;

static bool lacks_key = false;	/* the policy in force needs the key and could not open it */

static bool open_table(TableScan *t, const char *name, LOCKMODE lock, Snapshot snapshot,
					   const char *const *columns, int n);
static bool next_row(TableScan *t);
static void close_table(TableScan *t, LOCKMODE lock);
static bool read_generation(LOCKMODE lock, LOCKMODE release, bool latest, uint64 *generation);
static void read_policy(uint64 generation, Snapshot snapshot);
static void read_rules(PersonalPolicy *draft, Snapshot snapshot, bool *hashes);
static bool read_forgotten(PersonalPolicy *draft, Snapshot snapshot);
static bool read_key(PersonalPolicy *draft, Snapshot snapshot);
static int	hex_digit(char c);

/* See privacy.h. */
void
privacy_use(void)
{
	uint64		generation;

	if (!read_generation(AccessShareLock, AccessShareLock, false, &generation))
		generation = 0;
	if (generation != personal_generation() || lacks_key)
		read_policy(generation, GetActiveSnapshot());
}

/* See privacy.h. */
void
privacy_hold(uint64 split_by)
{
	uint64		generation;

	if (!read_generation(RowShareLock, NoLock, true, &generation))
		return;
	if (generation != personal_generation())
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

		read_policy(generation, snapshot);
		UnregisterSnapshot(snapshot);
	}
	if (generation != split_by)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the privacy policy has changed since the records were read"),
				 errdetail("They are not stored; the call is made again.")));
}

/* The number of the database's policy; false while it has none. */
static bool
read_generation(LOCKMODE lock, LOCKMODE release, bool latest, uint64 *generation)
{
	static const char *const columns[] = {"generation"};
	TableScan	t;
	bool		found;

	if (!open_table(&t, "privacy_state", lock, NULL, columns, lengthof(columns)))
		return false;
	/* the lock first: it may have been waited for */
	t.snapshot = RegisterSnapshot(latest ? GetLatestSnapshot() : GetActiveSnapshot());
	t.scan = table_beginscan(t.table, t.snapshot, 0, NULL);
	found = next_row(&t) && !t.nulls[0];
	if (found)
		*generation = (uint64) DatumGetInt64(t.values[0]);
	table_endscan(t.scan);
	UnregisterSnapshot(t.snapshot);
	ExecDropSingleTupleTableSlot(t.slot);
	table_close(t.table, release);
	return found;
}

/* Opens a table of ours; with a snapshot the scan is begun.  False: there is no such table or column. */
static bool
open_table(TableScan *t, const char *name, LOCKMODE lock, Snapshot snapshot,
		   const char *const *columns, int n)
{
	Oid			schema = get_namespace_oid("ordersync", true);
	Oid			relation = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	Assert(n <= MAX_COLUMNS);
	if (!OidIsValid(relation))
		return false;
	t->ncolumns = n;
	for (int i = 0; i < n; i++)
	{
		t->columns[i] = get_attnum(relation, columns[i]);
		if (t->columns[i] == InvalidAttrNumber)
			return false;
	}
	t->table = table_open(relation, lock);
	t->slot = table_slot_create(t->table, NULL);
	t->snapshot = snapshot;
	t->scan = snapshot == NULL ? NULL : table_beginscan(t->table, snapshot, 0, NULL);
	return true;
}

static bool
next_row(TableScan *t)
{
	if (!table_scan_getnextslot(t->scan, ForwardScanDirection, t->slot))
		return false;
	for (int i = 0; i < t->ncolumns; i++)
		t->values[i] = slot_getattr(t->slot, t->columns[i], &t->nulls[i]);
	return true;
}

static void
close_table(TableScan *t, LOCKMODE lock)
{
	table_endscan(t->scan);
	ExecDropSingleTupleTableSlot(t->slot);
	table_close(t->table, lock);
}

/* The rules and who is forgotten, in force in place of what was. */
static void
read_policy(uint64 generation, Snapshot snapshot)
{
	PersonalPolicy *draft = personal_draft(generation);
	bool		needs_key = false;

	read_rules(draft, snapshot, &needs_key);
	if (read_forgotten(draft, snapshot))
		needs_key = true;
	lacks_key = !read_key(draft, snapshot) && needs_key;
	personal_enforce(draft);
}

static void
read_rules(PersonalPolicy *draft, Snapshot snapshot, bool *hashes)
{
	static const char *const columns[] = {"field", "rule"};
	TableScan	t;

	if (!open_table(&t, "privacy", AccessShareLock, snapshot, columns, lengthof(columns)))
		return;
	while (next_row(&t))
	{
		PersonalRule rule;

		if (t.nulls[0] || t.nulls[1] ||
			!personal_rule_from_name(TextDatumGetCString(t.values[1]), &rule))
			continue;
		personal_draft_rule(draft, TextDatumGetCString(t.values[0]), rule);
		*hashes = *hashes || rule == PERSONAL_HASH;
	}
	close_table(&t, AccessShareLock);
}

/* Whether there are any buyers among them. */
static bool
read_forgotten(PersonalPolicy *draft, Snapshot snapshot)
{
	static const char *const buyer[] = {"buyer"};
	static const char *const tid[] = {"tid"};
	TableScan	t;
	bool		any = false;

	if (open_table(&t, "forgotten", AccessShareLock, snapshot, buyer, lengthof(buyer)))
	{
		while (next_row(&t))
		{
			any = true;
			personal_draft_forgotten(draft, TextDatumGetCString(t.values[0]), 0);
		}
		close_table(&t, AccessShareLock);
	}
	if (open_table(&t, "forgotten_orders", AccessShareLock, snapshot, tid, lengthof(tid)))
	{
		while (next_row(&t))
			personal_draft_forgotten(draft, NULL, DatumGetInt64(t.values[0]));
		close_table(&t, AccessShareLock);
	}
	return any;
}

/* The key that hashes are made with; false where there is none or it cannot be opened. */
static bool
read_key(PersonalPolicy *draft, Snapshot snapshot)
{
	static const char *const columns[] = {"kind", "destination", "sealed"};
	TableScan	t;
	char	   *plain = NULL;
	bool		found = false;

	if (!open_table(&t, "secrets", AccessShareLock, snapshot, columns, lengthof(columns)))
		return false;
	while (!found && next_row(&t))
	{
		SecretTrouble trouble;

		found = strcmp(TextDatumGetCString(t.values[0]), PRIVACY_KEY_KIND) == 0;
		if (found)
			plain = secret_open(DatumGetByteaPP(t.values[2]),
								secret_purpose(PRIVACY_KEY_KIND, PRIVACY_KEY_NAME,
											   TextDatumGetCString(t.values[1])), &trouble);
	}
	close_table(&t, AccessShareLock);
	found = plain != NULL && strlen(plain) == 2 * PERSONAL_KEY_SIZE;
	if (found)
	{
		unsigned char key[PERSONAL_KEY_SIZE];

		for (int i = 0; i < PERSONAL_KEY_SIZE; i++)
			key[i] = (unsigned char) (hex_digit(plain[2 * i]) << 4 | hex_digit(plain[2 * i + 1]));
		personal_draft_key(draft, key);
		explicit_bzero(key, sizeof(key));
	}
	if (plain != NULL)
		secret_wipe(plain);
	return found;
}

static int
hex_digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}
