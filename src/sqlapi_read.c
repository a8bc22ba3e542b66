/*
 * sqlapi_read.c
 *	  The columns of stored records as rows: read_orders(), read_lines() and
 *	  read_after_sales() of SQL.
 *
 * Their argument is an array of ordersync.applied, of which they take page,
 * id, modified and payload; their rows begin with where in the array the
 * record stands.  They look at nothing else, so all are IMMUTABLE and
 * PARALLEL SAFE. detoasted() is for a payload that several functions look
 * into: as it stands in its row each of them would decompress it.  What wins,
 * what counts as paid and what is written is decided in SQL.
 */
#include "compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "applied.h"
#include "dictionary.h"
#include "order_lines.h"
#include "read_record.h"

/* What stands before the columns of the dictionary: ord, page, id, modified. */
#define RECORD_COLUMNS 4
/* What orders are told of their lines, behind the columns. */
#define SUM_COLUMNS 8
/* And in the rows of lines line_no and again. */
#define LINE_COLUMNS 6

ORDERSYNC_EXPORT Datum ordersync_read_orders(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_lines(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_read_after_sales(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_detoasted(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_is_cash_on_delivery(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_line_refunded(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_line_unsold(PG_FUNCTION_ARGS);

/* The records given, and where the rows go. */
typedef struct RecordReader
{
	ReturnSetInfo *result;
	AppliedArray records;
	MemoryContext context;		/* of one record: reset for each */
} RecordReader;

/* Which lines of the record have been seen. */
typedef struct SeenLines
{
	int64	   *oids;
	int			n;
} SeenLines;

static Datum read_rows(FunctionCallInfo fcinfo, const DictionaryColumn *columns, int ncolumns,
					   bool with_lines);
static void put_sum(JsonbContainer *record, Datum *values, bool *nulls);
static TextValue text_argument(FunctionCallInfo fcinfo, int i);
static void begin_reading(RecordReader *reader, FunctionCallInfo fcinfo);
static JsonbContainer *take_record(RecordReader *reader, int i, Datum *values, bool *nulls);
static void read_lines_of(RecordReader *reader, JsonbContainer *record, const ReadPlan *trade,
						  const ReadPlan *line, Datum *values, bool *nulls);
static bool seen_before(SeenLines *seen, Datum oid, bool isnull);
static bool has_unreadable_lines(JsonbContainer *record);
static int	column_at(const DictionaryColumn *columns, int ncolumns, const char *name);

PG_FUNCTION_INFO_V1(ordersync_read_orders);
/* read_orders(applied[]) → ord, page, tid, modified, the columns, the sum of its lines, unreadable */
Datum
ordersync_read_orders(PG_FUNCTION_ARGS)
{
	return read_rows(fcinfo, order_columns, lengthof(order_columns), true);
}

PG_FUNCTION_INFO_V1(ordersync_read_after_sales);
/* read_after_sales(applied[]) → ord, page, refund_id, modified, the columns, unreadable */
Datum
ordersync_read_after_sales(PG_FUNCTION_ARGS)
{
	return read_rows(fcinfo, after_sale_columns, lengthof(after_sale_columns), false);
}

/* A row a record. */
static Datum
read_rows(FunctionCallInfo fcinfo, const DictionaryColumn *columns, int ncolumns, bool with_lines)
{
	RecordReader reader;
	ReadPlan   *plan = read_plan(columns, ncolumns, false, CurrentMemoryContext);
	int			width = RECORD_COLUMNS + ncolumns + (with_lines ? SUM_COLUMNS : 0) + 1;
	Datum	   *values = palloc0(sizeof(Datum) * width);
	bool	   *nulls = palloc0(sizeof(bool) * width);

	begin_reading(&reader, fcinfo);
	if (reader.result->setDesc->natts != width)
		elog(ERROR, "the function has %d columns, the dictionary makes %d", reader.result->setDesc->natts, width);
	for (int i = 0; i < reader.records.n; i++)
	{
		MemoryContext before = MemoryContextSwitchTo(reader.context);
		JsonbContainer *record = take_record(&reader, i, values, nulls);
		bool		unreadable = read_record_values(plan, record, values + RECORD_COLUMNS,
													nulls + RECORD_COLUMNS);

		if (with_lines)
		{
			put_sum(record, values + RECORD_COLUMNS + ncolumns, nulls + RECORD_COLUMNS + ncolumns);
			unreadable |= has_unreadable_lines(record);
		}
		values[width - 1] = BoolGetDatum(unreadable);
		tuplestore_putvalues(reader.result->setResult, reader.result->setDesc, values, nulls);
		MemoryContextSwitchTo(before);
		MemoryContextReset(reader.context);
	}
	return (Datum) 0;
}

/* line_count, item_num, gmv, logistics_company, invoice_no, package_count, refunded, disputed */
static void
put_sum(JsonbContainer *record, Datum *values, bool *nulls)
{
	LinesSum	sum;

	lines_sum(record, &sum);
	values[0] = Int32GetDatum(sum.nlines);
	values[1] = Int32GetDatum(sum.item_num);
	nulls[2] = !sum.has_gmv;
	if (sum.has_gmv)
		values[2] = NumericGetDatum(int64_div_fast_to_numeric(sum.gmv_cents, 2));
	nulls[3] = sum.carriers == NULL;
	if (sum.carriers != NULL)
		values[3] = CStringGetTextDatum(sum.carriers);
	nulls[4] = sum.waybills == NULL;
	if (sum.waybills != NULL)
		values[4] = CStringGetTextDatum(sum.waybills);
	values[5] = Int32GetDatum(sum.nwaybills);
	values[6] = BoolGetDatum(sum.refunded);
	values[7] = BoolGetDatum(sum.disputed);
}

PG_FUNCTION_INFO_V1(ordersync_read_lines);
/* read_lines(applied[]) → ord, page, tid, modified, line_no, again, the columns, unreadable */
Datum
ordersync_read_lines(PG_FUNCTION_ARGS)
{
	RecordReader reader;
	int			ncolumns = lengthof(line_columns);
	ReadPlan   *trade = read_plan(line_columns, ncolumns, true, CurrentMemoryContext);
	ReadPlan   *line = read_plan(line_columns, ncolumns, false, CurrentMemoryContext);
	int			width = LINE_COLUMNS + ncolumns + 1;
	Datum	   *values = palloc0(sizeof(Datum) * width);
	bool	   *nulls = palloc0(sizeof(bool) * width);

	begin_reading(&reader, fcinfo);
	if (reader.result->setDesc->natts != width)
		elog(ERROR, "the function has %d columns, the dictionary makes %d", reader.result->setDesc->natts, width);
	for (int i = 0; i < reader.records.n; i++)
	{
		MemoryContext before = MemoryContextSwitchTo(reader.context);
		JsonbContainer *record = take_record(&reader, i, values, nulls);

		read_lines_of(&reader, record, trade, line, values, nulls);
		MemoryContextSwitchTo(before);
		MemoryContextReset(reader.context);
	}
	return (Datum) 0;
}

/* A row a line; the columns of its order stand in all of them. */
static void
read_lines_of(RecordReader *reader, JsonbContainer *record, const ReadPlan *trade,
			  const ReadPlan *line, Datum *values, bool *nulls)
{
	static int	oid_at = -1;
	JsonbContainer *lines = read_container(read_container(record, "orders", false), "order", true);
	int			n = lines == NULL ? 0 : JsonContainerSize(lines);
	char	   *base = n == 0 ? NULL : (char *) &lines->children[n];
	uint32		at = 0;
	SeenLines	seen = {palloc(sizeof(int64) * Max(n, 1)), 0};

	if (n == 0)
		return;
	if (oid_at < 0)
		oid_at = column_at(line_columns, lengthof(line_columns), "oid");
	read_record_values(trade, record, values + LINE_COLUMNS, nulls + LINE_COLUMNS);
	for (int i = 0; i < n; i++)
	{
		JsonbContainer *object = (JsonbContainer *) (base + INTALIGN(at));
		bool		unreadable;

		JBE_ADVANCE_OFFSET(at, lines->children[i]);
		/* a record is stored with its lines in one form, all of them objects */
		if (!JBE_ISCONTAINER(lines->children[i]) || !JsonContainerIsObject(object))
			continue;
		unreadable = read_record_values(line, object, values + LINE_COLUMNS, nulls + LINE_COLUMNS);
		values[4] = Int16GetDatum((int16) Min(i + 1, PG_INT16_MAX));
		values[5] = BoolGetDatum(seen_before(&seen, values[LINE_COLUMNS + oid_at],
											 nulls[LINE_COLUMNS + oid_at]));
		values[reader->result->setDesc->natts - 1] =
			BoolGetDatum(unreadable || nulls[LINE_COLUMNS + oid_at]);
		tuplestore_putvalues(reader->result->setResult, reader->result->setDesc, values, nulls);
	}
}

/* Whether a line of this record before this one has the same id. */
static bool
seen_before(SeenLines *seen, Datum oid, bool isnull)
{
	if (isnull)
		return false;
	for (int i = 0; i < seen->n; i++)
	{
		if (seen->oids[i] == DatumGetInt64(oid))
			return true;
	}
	seen->oids[seen->n++] = DatumGetInt64(oid);
	return false;
}

/* Takes the function's argument apart. */
static void
begin_reading(RecordReader *reader, FunctionCallInfo fcinfo)
{
	applied_open(&reader->records, PG_GETARG_ANY_ARRAY_P(0));
	reader->context = AllocSetContextCreate(CurrentMemoryContext, "ordersync record",
											ALLOCSET_DEFAULT_SIZES);
	compat_init_materialized_srf(fcinfo);
	reader->result = (ReturnSetInfo *) fcinfo->resultinfo;
}

/* The record that element i holds, and the first values of its rows. */
static JsonbContainer *
take_record(RecordReader *reader, int i, Datum *values, bool *nulls)
{
	AppliedArray *records = &reader->records;
	const AppliedType *type = &records->type;

	applied_get(records, i);
	if (records->nulls[type->payload])
		elog(ERROR, "a record has no payload");
	values[0] = Int32GetDatum(i + 1);
	values[1] = records->values[type->page];
	nulls[1] = records->nulls[type->page];
	values[2] = records->values[type->id];
	nulls[2] = records->nulls[type->id];
	values[3] = records->values[type->modified];
	nulls[3] = records->nulls[type->modified];
	return &DatumGetJsonbP(records->values[type->payload])->root;
}

/* Elements that are not lines were moved to this member. */
static bool
has_unreadable_lines(JsonbContainer *record)
{
	JsonbContainer *orders = read_container(record, "orders", false);
	JsonbValue	value;

	return orders != NULL &&
		getKeyJsonValueFromContainer(orders, "unreadable", strlen("unreadable"), &value) != NULL;
}

/* The index of a column. */
static int
column_at(const DictionaryColumn *columns, int ncolumns, const char *name)
{
	for (int i = 0; i < ncolumns; i++)
	{
		if (strcmp(columns[i].column, name) == 0)
			return i;
	}
	elog(ERROR, "the dictionary has no column \"%s\"", name);
}

PG_FUNCTION_INFO_V1(ordersync_detoasted);
/* detoasted(jsonb) → the same, decompressed and in one piece */
Datum
ordersync_detoasted(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(PG_GETARG_JSONB_P(0));
}

PG_FUNCTION_INFO_V1(ordersync_is_cash_on_delivery);
/* is_cash_on_delivery(trade_type) → boolean; strict */
Datum
ordersync_is_cash_on_delivery(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(trade_is_cash_on_delivery(text_argument(fcinfo, 0)));
}

PG_FUNCTION_INFO_V1(ordersync_line_refunded);
/* line_refunded(refund_status, special_refund_type) → boolean */
Datum
ordersync_line_refunded(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(line_is_refunded(text_argument(fcinfo, 0), text_argument(fcinfo, 1)));
}

PG_FUNCTION_INFO_V1(ordersync_line_unsold);
/* line_unsold(trade_type, status, refund_status, special_refund_type) → boolean */
Datum
ordersync_line_unsold(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(line_is_unsold(text_argument(fcinfo, 0), text_argument(fcinfo, 1),
								  text_argument(fcinfo, 2), text_argument(fcinfo, 3)));
}

static TextValue
text_argument(FunctionCallInfo fcinfo, int i)
{
	TextValue	value = {NULL, 0};

	if (!PG_ARGISNULL(i))
	{
		text	   *given = PG_GETARG_TEXT_PP(i);

		value.at = VARDATA_ANY(given);
		value.len = (int) VARSIZE_ANY_EXHDR(given);
	}
	return value;
}
