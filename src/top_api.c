/*
 * top_api.c
 *	  The platform's APIs that we call: names, parameters, shape of the answer.
 *
 * One row a call.  Every list names every type: the platform's default leaves
 * orders out without a word, the most frequent reason for "lost" ones.  What the
 * privacy policy drops is not asked for, but the receiver's fields with which alone
 * the pseudonym oaid comes; of lines, which are asked for whole, it is dropped here.
 * Pure.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "personal.h"
#include "top_api.h"
#include "top_fields.h"

/* All types that the platform knows of; it ignores those that a shop does not have. */
#define ALL_TYPES \
	"fixed,auction,guarantee_trade,step,independent_simple_trade,independent_shop_trade," \
	"auto_delivery,ec,cod,fenxiao,game_equipment,shopex_trade,netcn_trade,external_trade," \
	"instant_trade,b2c_cod,hotel_trade,super_market_trade,super_market_cod_trade,taohua," \
	"waimai,o2o_offlinetrade,nopaid,eticket,tmall_i18n,insurance_plus,finance," \
	"pre_auth_type,lazada"

/* An order's lines, and how a shop's options and parameter "fields" name a field of them. */
#define LINES "orders"
#define LINE_PREFIX "orders."
/* How a shop's options name a field of an after-sale; no call does. */
#define REFUND_PREFIX "refunds."

static const TopApi apis[] = {
	{
		.kind = CALL_LIST, .stream = STREAM_ORDERS, .basis = BASIS_MODIFIED,
		.list = {"taobao.trades.sold.increment.get", "increment", true, true, 100, true, true},
		.envelope = "trades_sold_increment_get_response",
		.plural = "trades", .singular = "trade", .id = "tid",
		.start_param = "start_modified", .end_param = "end_modified",
		.types = ALL_TYPES, .object = "trade"
	},
	{
		.kind = CALL_LIST, .stream = STREAM_ORDERS, .basis = BASIS_CREATED,
		.list = {"taobao.trades.sold.get", "list", true, true, 100, true, true},
		.envelope = "trades_sold_get_response",
		.plural = "trades", .singular = "trade", .id = "tid",
		.start_param = "start_created", .end_param = "end_created",
		.types = ALL_TYPES, .object = "trade"
	},
	{
		.kind = CALL_LIST, .stream = STREAM_ORDERS, .basis = BASIS_ARRIVAL,
		.list = {"taobao.trades.sold.incrementv.get", "arrival", true, true, 100, true, true},
		.envelope = "trades_sold_incrementv_get_response",
		.plural = "trades", .singular = "trade", .id = "tid",
		.start_param = "start_create", .end_param = "end_create",
		.types = ALL_TYPES, .fields = "tid,modified,async_modified", .object = "trade"
	},
	{
		.kind = CALL_LIST, .stream = STREAM_ORDERS, .basis = BASIS_CREATED, .history = true,
		.list = {"taobao.trades.sold.history.get", "history", true, false, 50, true, true},
		.envelope = "trades_sold_history_get_response",
		.plural = "trades", .singular = "trade", .id = "tid",
		.start_param = "start_created", .end_param = "end_created",
		.types = ALL_TYPES, .object = "trade"
	},
	{
		.kind = CALL_LIST, .stream = STREAM_AFTER_SALES, .basis = BASIS_MODIFIED,
		.list = {"taobao.refunds.receive.get", "list", false, true, 100, true, true},
		.envelope = "refunds_receive_get_response",
		.plural = "refunds", .singular = "refund", .id = "refund_id",
		.start_param = "start_modified", .end_param = "end_modified",
		.types = ALL_TYPES, .object = "refund"
	},
	{
		.kind = CALL_LIST, .stream = STREAM_SPECIAL_REFUNDS, .basis = BASIS_MODIFIED,
		.list = {"taobao.special.refunds.receive.get", "special", false, true, 100, true, true},
		.envelope = "special_refunds_receive_get_response",
		.plural = "refunds", .singular = "refund", .id = "refund_id",
		.start_param = "start_modified", .end_param = "end_modified",
		.types = ALL_TYPES, .object = "refund"
	},
	{
		.kind = CALL_DETAILS, .stream = STREAM_ORDERS,
		.list = {"taobao.trade.fullinfo.get", "details", false, false, 1, false, false},
		.envelope = "trade_fullinfo_get_response",
		.plural = "trade", .id = "tid", .object = "trade",
		.extra_fields = "orders.is_jzfx"
	},
	{
		.kind = CALL_DETAILS, .stream = STREAM_AFTER_SALES,
		.list = {"taobao.refund.get", "details", false, false, 1, false, false},
		.envelope = "refund_get_response",
		.plural = "refund", .id = "refund_id", .object = "refund"
	},
	{
		/* of relays only */
		.kind = CALL_REFUNDS_OF_ORDER, .stream = STREAM_AFTER_SALES,
		.list = {NULL, "list", false, true, 100, false, false},
		.envelope = "refunds_receive_get_response",
		.plural = "refunds", .singular = "refund", .id = "refund_id", .object = "refund"
	},
	{
		.kind = CALL_WHOAMI,
		.list = {"taobao.user.seller.get", NULL, false, false, 1, false, false},
		.envelope = "user_seller_get_response",
		.plural = "user", .id = "nick", .fields = "user_id,nick"
	}
};

static bool lists(const TopApi *api, const SyncTask *task);
static uint8 source_bit(const char *source);
static const TopFields *object_fields(const char *object);
static char *whole_record(const TopApi *api, const SyncTask *task);
static bool is_wanted(const char *name);
static void ask_for_lines(StringInfo list, const TopApi *api, const FieldNames *drop);
static const char *name_of(const char *option, bool refund);
static bool drops(const FieldNames *drop, const char *prefix, const char *name, bool refund);
static bool comes_with_lines(StringInfo list, const TopApi *api, const char *name);
static bool asks_for(StringInfo list, const char *name);
static void ask_for(StringInfo list, const char *prefix, const char *name);

/* See top_api.h. */
const TopApi *
top_api(const GatewayCall *call)
{
	for (int i = 0; i < lengthof(apis); i++)
	{
		const TopApi *api = &apis[i];

		if (api->kind != call->kind)
			continue;
		if (api->kind == CALL_WHOAMI || api->kind == CALL_REFUNDS_OF_ORDER ||
			(api->kind == CALL_DETAILS && api->stream == call->details_of) ||
			(api->kind == CALL_LIST && lists(api, call->task)))
			return api;
	}
	return NULL;
}

/* Is it the list that the task is read from? */
static bool
lists(const TopApi *api, const SyncTask *task)
{
	return api->stream == task->stream && api->basis == task->basis &&
		api->history == task->history;
}

/* See top_api.h.  What is only compared or counted is not served whole. */
char *
top_field_list(const TopApi *api, const GatewayCall *call)
{
	StringInfoData list;

	initStringInfo(&list);
	if (call->kind == CALL_LIST && call->only_total)
	{
		appendStringInfoString(&list, api->id);
		return list.data;
	}
	if (api->fields != NULL)
	{
		appendStringInfoString(&list, api->fields);
		return list.data;
	}
	if (call->kind == CALL_LIST && call->task->work == WORK_CHECK)
	{
		appendStringInfo(&list, "%s,modified,created", api->id);
		return list.data;
	}
	return whole_record(api, call->task);
}

/*
 * All that the API serves, but for what the shop drops, and what it adds; each
 * name once.  Lines are asked for as one object, which is what the platform's
 * own clients do; by their names only where one of them is dropped.
 */
static char *
whole_record(const TopApi *api, const SyncTask *task)
{
	StringInfoData list;
	bool		refund = strcmp(api->object, "refund") == 0;
	int			n = 0;
	const char **names = gateway_served_fields(api->list.source, api->object, &n);

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		if (!refund && strcmp(names[i], LINES) == 0)
			ask_for_lines(&list, api, &task->fields_drop);
		else if (!drops(&task->fields_drop, "", names[i], refund) && is_wanted(names[i]))
			ask_for(&list, "", names[i]);
	}
	for (int i = 0; i < task->fields_add.n; i++)
	{
		const char *name = name_of(task->fields_add.names[i], refund);

		if (name != NULL && !asks_for(&list, name) && !comes_with_lines(&list, api, name))
			ask_for(&list, "", name);
	}
	return list.data;
}

/* Is the field stored, or does the platform serve one that is stored only together with it? */
static bool
is_wanted(const char *name)
{
	static const char *const with_oaid[] = {
		"receiver_name", "receiver_address", "receiver_mobile", "receiver_phone"
	};

	if (personal_rule(personal_look(name, strlen(name))) != PERSONAL_DROP)
		return true;
	for (int i = 0; i < lengthof(with_oaid); i++)
	{
		if (strcmp(with_oaid[i], name) == 0)
			return personal_rule(personal_look("oaid", strlen("oaid"))) != PERSONAL_DROP;
	}
	return false;
}

static void
ask_for_lines(StringInfo list, const TopApi *api, const FieldNames *drop)
{
	const char **names;
	bool		whole = true;
	int			n = 0;

	for (int i = 0; i < drop->n; i++)
		whole = whole && strncmp(drop->names[i], LINE_PREFIX, strlen(LINE_PREFIX)) != 0;
	if (whole)
	{
		ask_for(list, "", LINES);
		if (api->extra_fields != NULL)
			ask_for(list, "", api->extra_fields);
		return;
	}
	names = gateway_served_fields(api->list.source, "order", &n);
	for (int i = 0; i < n; i++)
	{
		if (!drops(drop, LINE_PREFIX, names[i], false))
			ask_for(list, LINE_PREFIX, names[i]);
	}
}

/* An option's name as a call for orders, or for refunds, spells it; NULL: it is the other's. */
static const char *
name_of(const char *option, bool refund)
{
	bool		of_refund = strncmp(option, REFUND_PREFIX, strlen(REFUND_PREFIX)) == 0;

	if (of_refund != refund)
		return NULL;
	return of_refund ? option + strlen(REFUND_PREFIX) : option;
}

static bool
drops(const FieldNames *drop, const char *prefix, const char *name, bool refund)
{
	for (int i = 0; i < drop->n; i++)
	{
		const char *dropped = name_of(drop->names[i], refund);

		if (dropped != NULL && strncmp(dropped, prefix, strlen(prefix)) == 0 &&
			strcmp(dropped + strlen(prefix), name) == 0)
			return true;
	}
	return false;
}

/* Is the name a line's field that the API is known to serve, and are lines asked for whole? */
static bool
comes_with_lines(StringInfo list, const TopApi *api, const char *name)
{
	int			n = 0;
	const char **names;

	if (strncmp(name, LINE_PREFIX, strlen(LINE_PREFIX)) != 0 || !asks_for(list, LINES))
		return false;
	names = gateway_served_fields(api->list.source, "order", &n);
	for (int i = 0; i < n; i++)
	{
		if (strcmp(name + strlen(LINE_PREFIX), names[i]) == 0)
			return true;
	}
	return false;
}

/* A field of an object that is in the list whole may have to be named all the same. */
static bool
asks_for(StringInfo list, const char *name)
{
	const char *at = list->data;

	while (*at != '\0')
	{
		size_t		len = strcspn(at, ",");

		if (strncmp(at, name, len) == 0 && name[len] == '\0')
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}

static void
ask_for(StringInfo list, const char *prefix, const char *name)
{
	appendStringInfo(list, "%s%s%s", list->len > 0 ? "," : "", prefix, name);
}

/* See gateway.h. */
const char *
gateway_listed_types(void)
{
	return ALL_TYPES;
}

/* See gateway.h. */
const char **
gateway_served_fields(const char *source, const char *object, int *n)
{
	uint8		bit = source_bit(source);
	const TopFields *table = object_fields(object);
	const char **names = NULL;
	int			count = 0;
	int			capacity = 0;

	*n = 0;
	if (bit == 0 || table == NULL)
		return NULL;
	for (; table->names != NULL; table++)
	{
		char	   *rest = NULL;

		if ((table->served_by & bit) == 0)
			continue;
		for (char *name = strtok_r(pstrdup(table->names), " ", &rest); name != NULL;
			 name = strtok_r(NULL, " ", &rest))
		{
			if (count == capacity)
			{
				capacity = Max(64, capacity * 2);
				names = names == NULL ? palloc(capacity * sizeof(char *)) :
					repalloc(names, capacity * sizeof(char *));
			}
			names[count++] = name;
		}
	}
	*n = count;
	return names;
}

/* The bit of a source's word, 0 when there is none. */
static uint8
source_bit(const char *source)
{
	static const struct
	{
		const char *source;
		uint8		bit;
	}			sources[] = {
		{"increment", TOP_INCREMENT},
		{"list", TOP_LIST},
		{"history", TOP_HISTORY},
		{"details", TOP_DETAILS},
		{"arrival", TOP_ARRIVAL},
		{"special", TOP_SPECIAL}
	};

	for (int i = 0; i < lengthof(sources); i++)
	{
		if (strcmp(sources[i].source, source) == 0)
			return sources[i].bit;
	}
	return 0;
}

/* The table of an object's word, NULL when there is none. */
static const TopFields *
object_fields(const char *object)
{
	if (strcmp(object, "trade") == 0)
		return top_trade_fields;
	if (strcmp(object, "order") == 0)
		return top_order_fields;
	if (strcmp(object, "refund") == 0)
		return top_refund_fields;
	return NULL;
}
