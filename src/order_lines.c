/*
 * order_lines.c
 *	  What an order's lines say of it: facts of a line, and their sum.
 *
 * The facts of a line are SQL functions too (sqlapi_read.c); an order's own row
 * is summed up here, in the pass that reads it.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "dictionary.h"
#include "order_lines.h"
#include "read_record.h"
#include "value.h"

/* numeric(18,2), in cents */
#define MAX_CENTS INT64CONST(999999999999999999)
/* Sums of cents are kept in two parts, so that no number of lines overflows them. */
#define CENTS_OF_HIGH INT64CONST(1000000000)

/* What is read of a line here. */
enum
{
	LINE_OID,
	LINE_STATUS,
	LINE_REFUND_STATUS,
	LINE_SPECIAL_REFUND_TYPE,
	LINE_NUM,
	LINE_TOTAL_FEE,
	LINE_PART_MJZ_DISCOUNT,
	LINE_LOGISTICS_COMPANY,
	LINE_INVOICE_NO,
	LINE_FIELDS
};

#define LINE_FIELD(name) {name, name, sizeof(name) - 1, NULL, READ_TEXT, false}

static const DictionaryColumn line_fields[LINE_FIELDS] = {
	LINE_FIELD("oid"), LINE_FIELD("status"), LINE_FIELD("refund_status"),
	LINE_FIELD("special_refund_type"), LINE_FIELD("num"), LINE_FIELD("total_fee"),
	LINE_FIELD("part_mjz_discount"), LINE_FIELD("logistics_company"), LINE_FIELD("invoice_no")
};

/* While the lines are summed up. */
typedef struct Summing
{
	LinesSum   *sum;
	TextValue	trade_type;
	int64	   *oids;
	int64		pieces;			/* of all lines */
	int64		sold_pieces;	/* of those that were not unsold */
	bool		any_sold;
	int64		gmv_high;		/* CENTS_OF_HIGH each */
	int64		gmv_low;
	TextValue  *carriers;
	int			ncarriers;
	TextValue  *waybills;
} Summing;

static void add_line(Summing *summing, const TextValue *line);
static bool is_known(const Summing *summing, int64 oid);
static void add_amount(Summing *summing, const TextValue *line);
static void put_amount(Summing *summing);
static void add_text(TextValue *texts, int *n, TextValue text);
static int	compare_texts(const void *a, const void *b);
static char *join_texts(TextValue *texts, int n);
static bool text_is(TextValue text, const char *word);
static TextValue text_value(Datum value, bool isnull);

/* See order_lines.h. */
bool
trade_is_cash_on_delivery(TextValue trade_type)
{
	static const char *const types[] = {WORDS_CASH_ON_DELIVERY};

	for (int i = 0; i < lengthof(types); i++)
	{
		if (text_is(trade_type, types[i]))
			return true;
	}
	return false;
}

/* See order_lines.h. */
bool
line_is_refunded(TextValue refund_status, TextValue special_refund_type)
{
	return text_is(refund_status, "SUCCESS") ||
		(special_refund_type.at != NULL && special_refund_type.len > 0);
}

/* See order_lines.h. */
bool
line_is_unsold(TextValue trade_type, TextValue status, TextValue refund_status,
			   TextValue special_refund_type)
{
	if (text_is(status, "TRADE_CLOSED_BY_TAOBAO"))
		return true;
	return text_is(status, "TRADE_CLOSED") && trade_is_cash_on_delivery(trade_type) &&
		!line_is_refunded(refund_status, special_refund_type);
}

/* See order_lines.h. */
void
lines_sum(JsonbContainer *record, LinesSum *sum)
{
	static const DictionaryColumn trade_fields[] = {LINE_FIELD("type")};
	static ReadPlan *line_plan = NULL;
	static ReadPlan *trade_plan = NULL;
	JsonbContainer *lines = read_container(read_container(record, "orders", false), "order", true);
	int			n = lines == NULL ? 0 : JsonContainerSize(lines);
	uint32		at = 0;
	Summing		summing = {0};
	Datum		value;
	bool		isnull;

	memset(sum, 0, sizeof(*sum));
	if (n == 0)
		return;
	if (line_plan == NULL)
	{
		trade_plan = read_plan(trade_fields, 1, false, TopMemoryContext);
		line_plan = read_plan(line_fields, LINE_FIELDS, false, TopMemoryContext);
	}
	summing.sum = sum;
	summing.oids = palloc(sizeof(int64) * n);
	summing.carriers = palloc(sizeof(TextValue) * n);
	summing.waybills = palloc(sizeof(TextValue) * n);
	read_record_values(trade_plan, record, &value, &isnull);
	summing.trade_type = text_value(value, isnull);
	for (int i = 0; i < n; i++)
	{
		JsonbContainer *object = (JsonbContainer *) ((char *) &lines->children[n] + INTALIGN(at));
		Datum		values[LINE_FIELDS] = {0};
		bool		nulls[LINE_FIELDS];
		TextValue	texts[LINE_FIELDS];

		JBE_ADVANCE_OFFSET(at, lines->children[i]);
		if (!JBE_ISCONTAINER(lines->children[i]) || !JsonContainerIsObject(object))
			continue;
		read_record_values(line_plan, object, values, nulls);
		for (int k = 0; k < LINE_FIELDS; k++)
			texts[k] = text_value(values[k], nulls[k]);
		add_line(&summing, texts);
	}
	sum->item_num = (int32) Max(Min(summing.any_sold ? summing.sold_pieces : summing.pieces,
									PG_INT32_MAX), PG_INT32_MIN);
	put_amount(&summing);
	sum->carriers = join_texts(summing.carriers, summing.ncarriers);
	sum->waybills = join_texts(summing.waybills, sum->nwaybills);
}

/* One line; what it says of a dispute counts also when it stands twice or has no id. */
static void
add_line(Summing *summing, const TextValue *line)
{
	LinesSum   *sum = summing->sum;
	TextValue	refund_status = line[LINE_REFUND_STATUS];
	int64		number;

	if (refund_status.at != NULL && refund_status.len > 0 && !text_is(refund_status, "NO_REFUND"))
		sum->disputed = true;
	if (line[LINE_OID].at == NULL ||
		!value_integer(line[LINE_OID].at, line[LINE_OID].len, PG_INT64_MIN, PG_INT64_MAX, &number) ||
		is_known(summing, number))
		return;
	summing->oids[sum->nlines++] = number;

	if (line_is_refunded(refund_status, line[LINE_SPECIAL_REFUND_TYPE]))
		sum->refunded = true;
	if (line[LINE_NUM].at == NULL ||
		!value_integer(line[LINE_NUM].at, line[LINE_NUM].len, PG_INT32_MIN, PG_INT32_MAX, &number))
		number = 0;
	summing->pieces += number;
	if (!line_is_unsold(summing->trade_type, line[LINE_STATUS], refund_status,
						line[LINE_SPECIAL_REFUND_TYPE]))
	{
		summing->sold_pieces += number;
		summing->any_sold = true;
	}
	add_amount(summing, line);
	add_text(summing->carriers, &summing->ncarriers, line[LINE_LOGISTICS_COMPANY]);
	add_text(summing->waybills, &sum->nwaybills, line[LINE_INVOICE_NO]);
}

/* Whether a line of this id has been summed up. */
static bool
is_known(const Summing *summing, int64 oid)
{
	for (int i = 0; i < summing->sum->nlines; i++)
	{
		if (summing->oids[i] == oid)
			return true;
	}
	return false;
}

/* total_fee less part_mjz_discount; a line without a total adds nothing. */
static void
add_amount(Summing *summing, const TextValue *line)
{
	int64		total;
	int64		discount;

	if (line[LINE_TOTAL_FEE].at == NULL ||
		!value_money(line[LINE_TOTAL_FEE].at, line[LINE_TOTAL_FEE].len, &total))
		return;
	if (line[LINE_PART_MJZ_DISCOUNT].at == NULL ||
		!value_money(line[LINE_PART_MJZ_DISCOUNT].at, line[LINE_PART_MJZ_DISCOUNT].len, &discount))
		discount = 0;
	summing->gmv_high += (total - discount) / CENTS_OF_HIGH;
	summing->gmv_low += (total - discount) % CENTS_OF_HIGH;
	summing->sum->has_gmv = true;
}

/* The amounts' sum, if the column can hold it. */
static void
put_amount(Summing *summing)
{
	LinesSum   *sum = summing->sum;
	int64		high = summing->gmv_high + summing->gmv_low / CENTS_OF_HIGH;
	int64		low = summing->gmv_low % CENTS_OF_HIGH;

	/* so near to the column's ends they are one number again */
	sum->has_gmv = sum->has_gmv && high >= -CENTS_OF_HIGH && high <= CENTS_OF_HIGH;
	sum->gmv_cents = sum->has_gmv ? high * CENTS_OF_HIGH + low : 0;
	sum->has_gmv = sum->has_gmv && sum->gmv_cents >= -MAX_CENTS && sum->gmv_cents <= MAX_CENTS;
}

/* Adds a text that is none of those that are there; the empty one is none. */
static void
add_text(TextValue *texts, int *n, TextValue text)
{
	if (text.at == NULL || text.len == 0)
		return;
	for (int i = 0; i < *n; i++)
	{
		if (compare_texts(&texts[i], &text) == 0)
			return;
	}
	texts[(*n)++] = text;
}

/* The order of collation "C". */
static int
compare_texts(const void *a, const void *b)
{
	const TextValue *left = a;
	const TextValue *right = b;
	int			difference = memcmp(left->at, right->at, Min(left->len, right->len));

	return difference != 0 ? difference : left->len - right->len;
}

/* Sorted and divided by commas; NULL for none. */
static char *
join_texts(TextValue *texts, int n)
{
	StringInfoData list;

	if (n == 0)
		return NULL;
	qsort(texts, n, sizeof(TextValue), compare_texts);
	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&list, ',');
		appendBinaryStringInfo(&list, texts[i].at, texts[i].len);
	}
	return list.data;
}

static bool
text_is(TextValue text, const char *word)
{
	int			len = (int) strlen(word);

	return text.at != NULL && text.len == len && memcmp(text.at, word, len) == 0;
}

static TextValue
text_value(Datum value, bool isnull)
{
	TextValue	text = {NULL, 0};

	if (!isnull)
	{
		text.at = VARDATA_ANY(DatumGetPointer(value));
		text.len = (int) VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	}
	return text;
}
