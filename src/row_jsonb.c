/*
 * row_jsonb.c
 *	  row_jsonb() of SQL: a row as jsonb, as the server's to_jsonb() makes it.
 *
 * The server looks up each column's type for each row, prints numbers to read
 * them again, and puts the same keys in order over and over.  Here that is done
 * once for a statement, and jsonb_build.c writes the datum, byte for byte the
 * server's own.
 *
 * Known are the types of the columns of messages of the change feed.  A row with
 * another one, with two columns of one name, or longer than MAX_ROW, is given to
 * to_jsonb() as it came: so its result, and each error, is the server's.  So is the
 * row of a table or of another type that has a name: that one may be altered while
 * the statement runs, and a row that is older than a column has its default.
 *
 * What is remembered of a type of rows lives as long as the expression that the
 * call stands in, in a context of its own.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "jsonb_build.h"

#define MAX_ROW (16 * 1024 * 1024)	/* its jsonb stays far below JENTRY_OFFLENMASK */

/* A type of rows. */
typedef struct RowForm
{
	MemoryContext context;		/* of all below */
	Oid			type;
	int32		typmod;
	TupleDesc	desc;			/* NULL: its rows are the server's business */
	Datum	   *values;			/* of the row at hand, in the order of columns */
	bool	   *nulls;
	JsonbItem  *items;
	JsonbSortKey *pairs;		/* the items in the order in which they are stored */
} RowForm;

ORDERSYNC_EXPORT Datum ordersync_row_jsonb(PG_FUNCTION_ARGS);

static RowForm *form_of(FunctionCallInfo fcinfo, HeapTupleHeader row);
static void learn_form(RowForm *form);
static bool is_known(Oid type);
static Jsonb *convert(RowForm *form, HeapTupleHeader row);
static bool set_item(JsonbItem *item, Oid type, Datum value);
static void set_number(JsonbItem *item, int64 value);
static bool set_jsonb(JsonbItem *item, Datum value);
static bool set_array(JsonbItem *item, ArrayType *array);

PG_FUNCTION_INFO_V1(ordersync_row_jsonb);
/* row_jsonb(row record) → jsonb; strict */
Datum
ordersync_row_jsonb(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	RowForm    *form = form_of(fcinfo, row);
	Jsonb	   *result = form->desc == NULL ? NULL : convert(form, row);

	if (result == NULL)
		return to_jsonb(fcinfo);
	PG_RETURN_JSONB_P(result);
}

/* What is known of the row's type. */
static RowForm *
form_of(FunctionCallInfo fcinfo, HeapTupleHeader row)
{
	RowForm    *form = fcinfo->flinfo->fn_extra;

	if (form == NULL)
	{
		form = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RowForm));
		form->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "ordersync row",
											  ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = form;
	}
	if (form->type != HeapTupleHeaderGetTypeId(row) || form->typmod != HeapTupleHeaderGetTypMod(row))
	{
		form->type = InvalidOid;	/* until all of it is known */
		form->desc = NULL;
		MemoryContextReset(form->context);
		form->typmod = HeapTupleHeaderGetTypMod(row);
		form->type = HeapTupleHeaderGetTypeId(row);
		learn_form(form);
	}
	return form;
}

/* Columns, and the order of their names; no desc where the server is to be asked. */
static void
learn_form(RowForm *form)
{
	MemoryContext before = MemoryContextSwitchTo(form->context);
	TupleDesc	shared = lookup_rowtype_tupdesc(form->type, form->typmod);
	TupleDesc	desc = CreateTupleDescCopy(shared);
	bool		known = form->type == RECORDOID && desc->natts > 0;

	ReleaseTupleDesc(shared);
	form->values = palloc(sizeof(Datum) * desc->natts);
	form->nulls = palloc(sizeof(bool) * desc->natts);
	form->items = palloc0(sizeof(JsonbItem) * desc->natts);
	form->pairs = palloc(sizeof(JsonbSortKey) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		known = known && is_known(column->atttypid);
		form->items[i].key = NameStr(column->attname);
		form->items[i].key_len = strlen(NameStr(column->attname));
	}
	if (known && jsonb_sort_items(form->items, desc->natts, form->pairs))
		form->desc = desc;
	MemoryContextSwitchTo(before);
}

/* Whether set_item() takes values of that type. */
static bool
is_known(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case TIMESTAMPTZOID:
		case JSONBOID:
		case JSONBARRAYOID:
			return true;
		default:
			return false;
	}
}

/* The row as jsonb; NULL: the server is to be asked. */
static Jsonb *
convert(RowForm *form, HeapTupleHeader row)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_tableOid = InvalidOid, .t_data = row};
	int			n = form->desc->natts;
	size_t		bound;
	Jsonb	   *result;

	if (HeapTupleHeaderGetNatts(row) < n)
		return NULL;
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, form->desc, form->values, form->nulls);
	for (int i = 0; i < n; i++)
	{
		JsonbItem  *item = &form->items[i];

		item->type = JENTRY_ISNULL;
		item->len = 0;
		if (!form->nulls[i] && !set_item(item, TupleDescAttr(form->desc, i)->atttypid, form->values[i]))
			return NULL;
	}
	bound = jsonb_items_bound(form->items, n);
	if (bound > MAX_ROW)
		return NULL;
	result = palloc(VARHDRSZ + bound);
	SET_VARSIZE(result, VARHDRSZ + jsonb_write_object(form->pairs, n, VARDATA(result)));
	return result;
}

/* The value of an item; false: the server is to be asked. */
static bool
set_item(JsonbItem *item, Oid type, Datum value)
{
	text	   *string;

	switch (type)
	{
		case TEXTOID:
			string = DatumGetTextPP(value);
			item->type = JENTRY_ISSTRING;
			item->value = VARDATA_ANY(string);
			item->len = VARSIZE_ANY_EXHDR(string);
			return true;
		case BOOLOID:
			item->type = DatumGetBool(value) ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
			return true;
		case INT2OID:
			set_number(item, DatumGetInt16(value));
			return true;
		case INT4OID:
			set_number(item, DatumGetInt32(value));
			return true;
		case INT8OID:
			set_number(item, DatumGetInt64(value));
			return true;
		case TIMESTAMPTZOID:
			item->type = JENTRY_ISSTRING;
			item->value = JsonEncodeDateTime(NULL, value, TIMESTAMPTZOID, NULL);
			item->len = strlen(item->value);
			return true;
		case JSONBOID:
			return set_jsonb(item, value);
		default:
			return set_array(item, DatumGetArrayTypeP(value));
	}
}

static void
set_number(JsonbItem *item, int64 value)
{
	Numeric		number = int64_to_numeric(value);

	item->type = JENTRY_ISNUMERIC;
	item->value = (const char *) number;
	item->len = VARSIZE_ANY(number);
}

/* An object or array goes in as it is; a lone scalar is wrapped otherwise. */
static bool
set_jsonb(JsonbItem *item, Datum value)
{
	Jsonb	   *jsonb = DatumGetJsonbP(value);

	item->type = JENTRY_ISCONTAINER;
	item->value = (const char *) &jsonb->root;
	item->len = VARSIZE(jsonb) - VARHDRSZ;
	return !JB_ROOT_IS_SCALAR(jsonb);
}

/* An array of jsonb, of one dimension. */
static bool
set_array(JsonbItem *item, ArrayType *array)
{
	Datum	   *values;
	bool	   *nulls;
	JsonbItem  *items;
	int			n;
	size_t		bound;
	char	   *bytes;

	if (ARR_NDIM(array) > 1)
		return false;
	deconstruct_array(array, JSONBOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	items = palloc0(sizeof(JsonbItem) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		items[i].type = JENTRY_ISNULL;
		if (!nulls[i] && !set_jsonb(&items[i], values[i]))
			return false;
	}
	bound = jsonb_items_bound(items, n);
	if (bound > MAX_ROW)
		return false;
	bytes = palloc(bound);
	item->type = JENTRY_ISCONTAINER;
	item->value = bytes;
	item->len = jsonb_write_array(items, n, JB_FARRAY, bytes);
	return true;
}
