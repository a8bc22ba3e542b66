/*
 * read_record.c
 *	  The typed values of a stored record, read from its jsonb in one pass.
 *
 * An object of jsonb keeps its keys sorted by length, then by bytes, and the
 * last of several equal keys only.  A plan keeps its columns in the same order,
 * so both are walked side by side, once, and no key is searched for.  The
 * values are read by value.c, as the read_* functions of SQL are: a record and
 * a value alone are read alike.
 *
 * It is the merged record that is read, not the bytes that came: what several
 * lists say of an order is put together in jsonb, and rows are made again from
 * what is stored, so that one reader serves all of them.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "read_record.h"
#include "value.h"

/* A value of jsonb as text; length 0 and at NULL: null. */
typedef struct ValueText
{
	const char *at;
	int			len;
} ValueText;

static int	compare_keys(const char *a, int a_len, const char *b, int b_len);
static int	compare_columns(const void *a, const void *b, void *columns);
static ValueText text_of(JEntry entry, const char *base, uint32 offset, uint32 len);
static JsonbContainer *container_of(JEntry entry, char *base, uint32 offset);
static ValueText member_text(JsonbContainer *object, const char *name);
static bool read_value(const DictionaryColumn *column, JEntry entry, char *base, uint32 offset, uint32 len,
					   Datum *value, bool *isnull);
static bool read_typed(ReadKind kind, ValueText text, Datum *value);
static bool read_number(ReadKind kind, ValueText text, Datum *value);
static bool read_sku_id(ValueText text, Datum *value);

/* See read_record.h. */
ReadPlan *
read_plan(const DictionaryColumn *columns, int ncolumns, bool of_trade, MemoryContext context)
{
	ReadPlan   *plan = MemoryContextAllocZero(context, sizeof(ReadPlan));

	plan->columns = columns;
	plan->ncolumns = ncolumns;
	plan->order = MemoryContextAlloc(context, sizeof(int) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i].of_trade == of_trade)
			plan->order[plan->norder++] = i;
	}
	qsort_arg(plan->order, plan->norder, sizeof(int), compare_columns, unconstify(DictionaryColumn *, columns));
	return plan;
}

/* jsonb's order of keys. */
static int
compare_keys(const char *a, int a_len, const char *b, int b_len)
{
	return a_len == b_len ? memcmp(a, b, a_len) : a_len - b_len;
}

static int
compare_columns(const void *a, const void *b, void *columns)
{
	const DictionaryColumn *left = (const DictionaryColumn *) columns + *(const int *) a;
	const DictionaryColumn *right = (const DictionaryColumn *) columns + *(const int *) b;

	return compare_keys(left->field, left->field_len, right->field, right->field_len);
}

/* See read_record.h. */
bool
read_record_values(const ReadPlan *plan, JsonbContainer *record, Datum *values, bool *nulls)
{
	int			n = JsonContainerIsObject(record) ? JsonContainerSize(record) : 0;
	char	   *base = (char *) &record->children[n * 2];
	uint32		key_at = 0;
	uint32		value_at = n > 0 ? getJsonbOffset(record, n) : 0;
	int			next = 0;
	bool		unreadable = false;

	for (int i = 0; i < plan->norder; i++)
		nulls[plan->order[i]] = true;

	for (int i = 0; i < n && next < plan->norder; i++)
	{
		uint32		key_end = key_at;
		uint32		value_end = value_at;
		int			comparison = 1;

		JBE_ADVANCE_OFFSET(key_end, record->children[i]);
		JBE_ADVANCE_OFFSET(value_end, record->children[n + i]);
		/* columns of one field stand side by side; those that the record lacks are passed */
		while (next < plan->norder)
		{
			int			c = plan->order[next];
			const DictionaryColumn *column = &plan->columns[c];

			comparison = compare_keys(column->field, column->field_len, base + key_at, key_end - key_at);
			if (comparison > 0)
				break;
			if (comparison == 0 &&
				!read_value(column, record->children[n + i], base, value_at, value_end - value_at,
							&values[c], &nulls[c]))
				unreadable = true;
			next++;
		}
		key_at = key_end;
		value_at = value_end;
	}
	return unreadable;
}

/* False when the value is one and could not be read. */
static bool
read_value(const DictionaryColumn *column, JEntry entry, char *base, uint32 offset, uint32 len,
		   Datum *value, bool *isnull)
{
	ValueText	text;

	if (column->member != NULL)
	{
		JsonbContainer *object = container_of(entry, base, offset);

		if (object == NULL || !JsonContainerIsObject(object))
			return true;
		text = member_text(object, column->member);
	}
	else
		text = text_of(entry, base, offset, len);
	if (text.at == NULL)
		return true;

	if (column->kind == READ_TEXT || column->kind == READ_WORD)
	{
		*isnull = column->kind == READ_WORD && text.len == 4 && memcmp(text.at, "null", 4) == 0;
		if (!*isnull)
			*value = PointerGetDatum(cstring_to_text_with_len(text.at, text.len));
		return true;
	}
	if (column->kind == READ_SKU_ID)
	{
		*isnull = !read_sku_id(text, value);
		return true;
	}
	if (text.len == 0)
		return true;
	*isnull = !read_typed(column->kind, text, value);
	if (*isnull)
		return false;
	*isnull = column->kind == READ_ID && DatumGetInt64(*value) == 0;
	return true;
}

/* The value as ->> gives it. */
static ValueText
text_of(JEntry entry, const char *base, uint32 offset, uint32 len)
{
	ValueText	text = {NULL, 0};

	if (JBE_ISSTRING(entry))
	{
		text.at = base + offset;
		text.len = (int) len;
	}
	else if (JBE_ISNUMERIC(entry))
	{
		text.at = DatumGetCString(DirectFunctionCall1(numeric_out,
													  PointerGetDatum(base + INTALIGN(offset))));
		text.len = (int) strlen(text.at);
	}
	else if (JBE_ISBOOL(entry))
	{
		text.at = JBE_ISBOOL_TRUE(entry) ? "true" : "false";
		text.len = (int) strlen(text.at);
	}
	else if (JBE_ISCONTAINER(entry))
	{
		JsonbContainer *container = (JsonbContainer *) unconstify(char *, base + INTALIGN(offset));

		text.at = JsonbToCString(NULL, container, (int) (len - (INTALIGN(offset) - offset)));
		text.len = (int) strlen(text.at);
	}
	return text;
}

/* NULL when the value is a scalar. */
static JsonbContainer *
container_of(JEntry entry, char *base, uint32 offset)
{
	return JBE_ISCONTAINER(entry) ? (JsonbContainer *) (base + INTALIGN(offset)) : NULL;
}

/* A member of an object as text. */
static ValueText
member_text(JsonbContainer *object, const char *name)
{
	int			n = JsonContainerSize(object);
	int			name_len = (int) strlen(name);
	char	   *base = (char *) &object->children[n * 2];
	ValueText	none = {NULL, 0};

	for (int i = 0; i < n; i++)
	{
		if (getJsonbLength(object, i) == (uint32) name_len &&
			memcmp(base + getJsonbOffset(object, i), name, name_len) == 0)
			return text_of(object->children[n + i], base, getJsonbOffset(object, n + i),
						   getJsonbLength(object, n + i));
	}
	return none;
}

/* See read_record.h. */
JsonbContainer *
read_container(JsonbContainer *object, const char *name, bool array)
{
	JsonbValue	value;

	if (object == NULL || !JsonContainerIsObject(object) ||
		getKeyJsonValueFromContainer(object, name, (int) strlen(name), &value) == NULL ||
		value.type != jbvBinary ||
		(array ? !JsonContainerIsArray(value.val.binary.data) :
		 !JsonContainerIsObject(value.val.binary.data)))
		return NULL;
	return value.val.binary.data;
}

/* False when the text is not exactly one of that kind. */
static bool
read_typed(ReadKind kind, ValueText text, Datum *value)
{
	int64		number;
	bool		boolean;

	switch (kind)
	{
		case READ_TIME:
			if (!value_time(text.at, text.len, &number))
				return false;
			*value = TimestampTzGetDatum(clock_timestamp_of(number));
			return true;
		case READ_MONEY:
			if (!value_money(text.at, text.len, &number))
				return false;
			*value = NumericGetDatum(int64_div_fast_to_numeric(number, 2));
			return true;
		case READ_BOOLEAN:
			if (!value_boolean(text.at, text.len, &boolean))
				return false;
			*value = BoolGetDatum(boolean);
			return true;
		default:
			return read_number(kind, text, value);
	}
}

/* An integer that fits its type. */
static bool
read_number(ReadKind kind, ValueText text, Datum *value)
{
	int64		number;

	switch (kind)
	{
		case READ_SMALLINT:
			if (!value_integer(text.at, text.len, PG_INT16_MIN, PG_INT16_MAX, &number))
				return false;
			*value = Int16GetDatum((int16) number);
			return true;
		case READ_INT:
			if (!value_integer(text.at, text.len, PG_INT32_MIN, PG_INT32_MAX, &number))
				return false;
			*value = Int32GetDatum((int32) number);
			return true;
		default:
			if (!value_integer(text.at, text.len, PG_INT64_MIN, PG_INT64_MAX, &number))
				return false;
			*value = Int64GetDatum(number);
			return true;
	}
}

/* sku: the SKU's id, a bar, its properties; an id alone may come too. */
static bool
read_sku_id(ValueText text, Datum *value)
{
	const char *bar = memchr(text.at, '|', text.len);
	int64		id;

	if (!value_integer(text.at, bar == NULL ? text.len : bar - text.at, PG_INT64_MIN, PG_INT64_MAX, &id) ||
		id == 0)
		return false;
	*value = Int64GetDatum(id);
	return true;
}
