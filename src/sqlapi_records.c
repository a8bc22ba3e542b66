/*
 * sqlapi_records.c
 *	  A batch's records for SQL: new_records(), have_plain_lines() and
 *	  ids_of_records().
 *
 * A record is several kB, and SQL's own means of putting an array of them together
 * and of taking it apart copy each of them several times.  Here the array is made
 * as PL/pgSQL keeps it (expanded), and what is small is taken out of it alone.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "applied.h"
#include "arrays.h"
#include "payload_merge.h"
#include "record_jsonb.h"

/* The arguments of new_records(). */
enum
{
	ARG_FRESH, ARG_READ_AT, ARG_PAGES, ARG_IDS, ARG_MODIFIED, ARG_DIGESTS, ARG_BODIES,
	ARG_RANK, ARG_BIT, ARG_HIDDEN
};

/* An array of them. */
typedef struct Elements
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
} Elements;

/* The batch, and the new record that is being put together. */
typedef struct NewRecords
{
	Elements	args[ARG_BODIES + 1];
	ArrayType  *hidden;
	AppliedType type;
	int			digest;			/* indexes of the other attributes */
	int			read_at;
	Datum	   *values;
	bool	   *nulls;
} NewRecords;

ORDERSYNC_EXPORT Datum ordersync_new_records(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_have_plain_lines(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_ids_of_records(PG_FUNCTION_ARGS);

static void begin_records(NewRecords *batch, FunctionCallInfo fcinfo, Oid type);
static void set_for_all(NewRecords *batch, const char *name, Datum value, bool isnull);
static void fill_record(NewRecords *batch, int k);
static Jsonb *payload_of(const NewRecords *batch, int k);
static Elements elements_of(FunctionCallInfo fcinfo, int arg);
static int	place_in(const Elements *array, int ord);
static void set_attribute(NewRecords *batch, int at, const Elements *from, int i);

PG_FUNCTION_INFO_V1(ordersync_new_records);
/* new_records(fresh, read_at, pages, ids, modified, digests, bodies, rank, bit, hidden) → applied[] */
Datum
ordersync_new_records(PG_FUNCTION_ARGS)
{
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Elements	fresh = elements_of(fcinfo, ARG_FRESH);
	NewRecords	batch;
	ExpandedArrayHeader *result;

	if (fresh.n == 0)
		PG_RETURN_NULL();
	begin_records(&batch, fcinfo, type);
	result = arrays_new(type, fresh.n);
	for (int i = 0; i < fresh.n; i++)
	{
		HeapTuple	tuple;
		MemoryContext before;

		fill_record(&batch, place_in(&batch.args[ARG_IDS], DatumGetInt32(fresh.values[i])));
		tuple = heap_form_tuple(batch.type.desc, batch.values, batch.nulls);
		/* a chunk of its own, as whoever replaces an element frees it */
		before = MemoryContextSwitchTo(result->hdr.eoh_context);
		result->dvalues[i] = heap_copy_tuple_as_datum(tuple, batch.type.desc);
		MemoryContextSwitchTo(before);
		heap_freetuple(tuple);
		if (!batch.nulls[batch.type.payload])
			pfree(DatumGetPointer(batch.values[batch.type.payload]));
	}
	return EOHPGetRWDatum(&result->hdr);
}

/* What is the same for all of them. */
static void
begin_records(NewRecords *batch, FunctionCallInfo fcinfo, Oid type)
{
	for (int i = ARG_FRESH; i <= ARG_BODIES; i++)
		batch->args[i] = elements_of(fcinfo, i);
	batch->hidden = PG_ARGISNULL(ARG_HIDDEN) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_HIDDEN);
	applied_type(&batch->type, type);
	batch->digest = applied_attribute(&batch->type, "digest");
	batch->read_at = applied_attribute(&batch->type, "read_at");
	batch->values = palloc0(sizeof(Datum) * batch->type.desc->natts);
	batch->nulls = palloc(sizeof(bool) * batch->type.desc->natts);
	memset(batch->nulls, true, sizeof(bool) * batch->type.desc->natts);
	set_for_all(batch, "rank", PG_GETARG_DATUM(ARG_RANK), PG_ARGISNULL(ARG_RANK));
	set_for_all(batch, "sources", PG_GETARG_DATUM(ARG_BIT), PG_ARGISNULL(ARG_BIT));
	set_for_all(batch, "touches", BoolGetDatum(true), false);
	set_for_all(batch, "cut", BoolGetDatum(false), false);
}

static void
set_for_all(NewRecords *batch, const char *name, Datum value, bool isnull)
{
	int			at = applied_attribute(&batch->type, name);

	batch->values[at] = value;
	batch->nulls[at] = isnull;
}

/* The attributes of record k of the batch. */
static void
fill_record(NewRecords *batch, int k)
{
	const Elements *args = batch->args;
	const AppliedType *type = &batch->type;
	Jsonb	   *payload = payload_of(batch, k);

	set_attribute(batch, type->id, &args[ARG_IDS], k);
	set_attribute(batch, type->modified, &args[ARG_MODIFIED], k);
	set_attribute(batch, type->page, &args[ARG_PAGES], k);
	set_attribute(batch, batch->digest, &args[ARG_DIGESTS], k);
	batch->nulls[batch->read_at] = true;
	if (!batch->nulls[type->page])
		set_attribute(batch, batch->read_at, &args[ARG_READ_AT],
					  place_in(&args[ARG_READ_AT], DatumGetInt32(batch->values[type->page])));
	batch->values[type->payload] = PointerGetDatum(payload);
	batch->nulls[type->payload] = payload == NULL;
}

/* NULL: it has no body. */
static Jsonb *
payload_of(const NewRecords *batch, int k)
{
	const Elements *bodies = &batch->args[ARG_BODIES];
	text	   *body;

	if (k >= bodies->n || (bodies->nulls != NULL && bodies->nulls[k]))
		return NULL;
	body = DatumGetTextPP(bodies->values[k]);
	return record_jsonb_without(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), batch->hidden);
}

static Elements
elements_of(FunctionCallInfo fcinfo, int arg)
{
	Elements	e = {NULL, NULL, 0};

	if (!PG_ARGISNULL(arg))
		e.n = arrays_elements(PG_GETARG_ANY_ARRAY_P(arg), &e.values, &e.nulls);
	return e;
}

/* The index of what SQL counts from 1. */
static int
place_in(const Elements *array, int ord)
{
	if (ord < 1 || ord > array->n)
		elog(ERROR, "there is no element %d of %d", ord, array->n);
	return ord - 1;
}

/* An attribute, from element i of an array that is as long as the others. */
static void
set_attribute(NewRecords *batch, int at, const Elements *from, int i)
{
	if (i >= from->n)
		elog(ERROR, "an array of the batch has %d elements only", from->n);
	batch->values[at] = from->values[i];
	batch->nulls[at] = from->nulls != NULL && from->nulls[i];
}

PG_FUNCTION_INFO_V1(ordersync_have_plain_lines);
/* have_plain_lines(applied[]) → boolean; strict */
Datum
ordersync_have_plain_lines(PG_FUNCTION_ARGS)
{
	AppliedArray records;

	applied_open(&records, PG_GETARG_ANY_ARRAY_P(0));
	for (int i = 0; i < records.n; i++)
	{
		applied_get(&records, i);
		if (records.nulls[records.type.payload] ||
			!payload_has_plain_lines(DatumGetJsonbP(records.values[records.type.payload])))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(ordersync_ids_of_records);
/* ids_of_records(applied[]) → page, id, modified; strict */
Datum
ordersync_ids_of_records(PG_FUNCTION_ARGS)
{
	AppliedArray records;
	ReturnSetInfo *result;

	compat_init_materialized_srf(fcinfo);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	applied_open(&records, PG_GETARG_ANY_ARRAY_P(0));
	for (int i = 0; i < records.n; i++)
	{
		const int	from[] = {records.type.page, records.type.id, records.type.modified};
		Datum		values[lengthof(from)];
		bool		nulls[lengthof(from)];

		applied_get(&records, i);
		for (int k = 0; k < lengthof(from); k++)
		{
			values[k] = records.values[from[k]];
			nulls[k] = records.nulls[from[k]];
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
