/*
 * faults.c
 *	  What the platform does wrong when it is told to.
 *
 * A fault stands until it has hit `count` calls or is cleared.  The rooms ask
 * by name at the place where it takes effect; several can hit one call.  Of
 * several of one name the oldest that concerns a call is due first, so that
 * replies can be lined up.
 */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_FAULTS 256

const char *const fault_names[FAULT_COUNT] = {
	"hang", "status", "close", "reset", "cut", "drip", "throttle", "quota", "error",
	"session_expired", "permission", "wrong_seller", "bad_json", "html", "empty_body",
	"total_missing", "total", "has_next_missing", "has_next_empty", "has_next_ignored",
	"list_missing", "exclusive_end", "unsorted", "outside", "moved_on", "oversize", "blemish", "twice", "withhold",
	"ext_hidden", "untyped", "reply", "empty_as", "ids_as_text", "refund_id_as_number", "bare_single", "no_request_id", "gzip"
};

static Fault faults[MAX_FAULTS];
static int	nfaults;
static int	serial;

static struct
{
	double		per_second;
	int			ban_seconds;
	double		tokens;
	int64_t		at_ms;
	int64_t		banned_until_ms;
}			limit;

static bool
concerns(const Fault *f, const Call *call)
{
	if ((f->shop != 0 && (call->shop == NULL || call->shop->no + 1 != f->shop)) ||
		(f->method[0] != '\0' &&
		 (call->method_name == NULL || strstr(call->method_name, f->method) == NULL)))
		return false;
	return f->name != FAULT_REPLY ||
		((f->id == 0 || f->id == call->id) &&
		 (f->since == 0 || (call->start != 0 && call->start >= f->since)) &&
		 (f->until == 0 || (call->start != 0 && call->end <= f->until)));
}

const Fault *
fault_look(FaultName name, const Call *call)
{
	for (int i = 0; i < nfaults; i++)
		if (faults[i].name == name && faults[i].count != 0 && concerns(&faults[i], call))
			return &faults[i];
	return NULL;
}

const Fault *
fault_take(FaultName name, Call *call)
{
	static uint64_t dice = 1;

	for (int i = 0; i < nfaults; i++)
	{
		Fault	   *f = &faults[i];

		if (f->name != name || f->count == 0 || !concerns(f, call))
			continue;
		if (f->skip > 0)
		{
			f->skip--;
			continue;
		}
		if (f->percent < 100 && (int) draw(&dice, 100) >= f->percent)
			continue;
		if (f->count > 0)
			f->count--;
		f->hits++;
		snprintf(call->fault, sizeof(call->fault), "%s", fault_names[name]);
		return f;
	}
	return NULL;
}

/* ---- refusals ---- */

static bool
refuse_ban(Call *call, Out *o, const char *sub_code, int64_t ms)
{
	char		sub_msg[96];

	snprintf(sub_msg, sizeof(sub_msg), "This ban will last for %lld more seconds",
			 (long long) (ms > 0 ? (ms + 999) / 1000 : 1));
	return !protocol_error(call, o, 7, "App Call Limited", sub_code, sub_msg);
}

/* Whose limit it is: as told, or the API's. */
static const char *
limit_of(const Fault *f)
{
	return f->sub_code[0] ? f->sub_code : "accesscontrol.limited-by-api-access-count";
}

static bool
throttled(Call *call, Out *o)
{
	int64_t		now = real_ms();
	const Fault *f;

	for (int i = 0; i < nfaults; i++)
		if (faults[i].name == FAULT_THROTTLE && faults[i].until_ms > now && concerns(&faults[i], call))
		{
			snprintf(call->fault, sizeof(call->fault), "ban");
			return refuse_ban(call, o, limit_of(&faults[i]), faults[i].until_ms - now);
		}
	f = fault_take(FAULT_THROTTLE, call);
	if (f != NULL)
	{
		((Fault *) f)->until_ms = now + f->value * 1000;
		return refuse_ban(call, o, limit_of(f), f->value * 1000);
	}
	if (limit.per_second > 0)
	{
		limit.tokens += (double) (now - limit.at_ms) * limit.per_second / 1000;
		limit.at_ms = now;
		if (limit.tokens > limit.per_second)
			limit.tokens = limit.per_second;
		if (limit.banned_until_ms <= now && limit.tokens < 1)
			limit.banned_until_ms = now + limit.ban_seconds * 1000;
		if (limit.banned_until_ms > now)
		{
			snprintf(call->fault, sizeof(call->fault), "limit");
			return refuse_ban(call, o, "accesscontrol.limited-by-app-api-access-count",
							  limit.banned_until_ms - now);
		}
		limit.tokens -= 1;
	}
	return false;
}

static bool
quota_spent(Call *call, Out *o)
{
	for (int i = 0; i < nfaults; i++)
	{
		Fault	   *f = &faults[i];
		int64_t		local = clock_ms() + 8 * 3600 * 1000;

		if (f->name != FAULT_QUOTA || f->count == 0 || !concerns(f, call))
			continue;
		if (f->value > 0)
		{
			f->value--;
			return false;
		}
		f->hits++;
		snprintf(call->fault, sizeof(call->fault), "quota");
		return refuse_ban(call, o, "accesscontrol.limited-by-app-access-count",
						  86400 * 1000 - local % (86400 * 1000));
	}
	return false;
}

bool
fault_refuses(Call *call, Out *o)
{
	const Fault *f;

	if (throttled(call, o) || quota_spent(call, o))
		return true;
	f = fault_take(FAULT_ERROR, call);
	if (f != NULL)
		return !protocol_error(call, o, (int) f->value, f->msg[0] ? f->msg : "Remote service error",
							   f->sub_code[0] ? f->sub_code : NULL, f->sub_msg[0] ? f->sub_msg : NULL);
	if (fault_take(FAULT_SESSION_EXPIRED, call))
		return !protocol_error(call, o, 27, "Invalid session:session-expired", "session-expired", NULL);
	if (fault_take(FAULT_PERMISSION, call))
		return !protocol_error(call, o, 11, "Insufficient ISV Permissions",
							   "isv.permission-api-package-empty", "权限不足");
	return false;
}

/* ---- withheld records ---- */

static const Call *hiding_from;

static bool
withholds(Fault *f, const Call *call, int64_t id, uint32_t modified)
{
	if (f->name != FAULT_WITHHOLD || f->count == 0 || !concerns(f, call) ||
		(f->age > 0 && modified + (int64_t) f->age <= clock_now()) ||
		!(f->id != 0 ? f->id == id :
		  f->value > 0 && mix64((uint64_t) id) % (uint64_t) f->value == 0))
		return false;
	f->hits++;
	return true;
}

static Visibility
is_hidden(const Shop *shop, ListKind kind, uint32_t number)
{
	bool		refunds = kind == LIST_REFUNDS || kind == LIST_SPECIAL;
	uint32_t	index = refunds ? shop->refunds[number].order : number;
	int64_t		id = order_tid(shop->no, shop->first + index);
	uint32_t	modified = shop->orders[index].modified;

	if (refunds)
	{
		id = refund_id_of(id, shop->refunds[number].refund);
		modified = shop->refunds[number].modified;
	}
	for (int i = 0; i < nfaults; i++)
		if (withholds(&faults[i], hiding_from, id, modified))
			return strcmp(faults[i].kind, "uncounted") == 0 ? ABSENT : WITHHELD;
	return VISIBLE;
}

void
fault_hide(const Call *call)
{
	hiding_from = call;
	query_hidden = fault_look(FAULT_WITHHOLD, call) ? is_hidden : NULL;
}

/* Withheld from lists alone, a record can still be asked for by its id. */
bool
fault_withholds(const Call *call, uint32_t modified)
{
	for (int i = 0; i < nfaults; i++)
		if (faults[i].method[0] != '\0' && withholds(&faults[i], call, call->id, modified))
			return true;
	return false;
}

unsigned
fault_ext_hidden(const Call *call)
{
	unsigned	hidden = 0;

	for (int i = 0; i < nfaults; i++)
		if (faults[i].name == FAULT_EXT_HIDDEN && faults[i].count != 0 && concerns(&faults[i], call))
			hidden |= 1u << ext_type_named(faults[i].kind);
	return hidden & ~(1u << EXT_NONE);
}

void
fault_outside(const Call *call, Query *q)
{
	const Fault *outside = fault_look(FAULT_OUTSIDE, call);
	const Fault *moved = fault_look(FAULT_MOVED_ON, call);

	if (outside != NULL)
	{
		q->outside = outside->has_value ? (int) outside->value : 1;
		q->outside_newest = strstr(outside->kind, "newest") != NULL;
		q->outside_alone = strstr(outside->kind, "alone") != NULL;
		q->outside_uncounted = strstr(outside->kind, "uncounted") != NULL;
	}
	if (moved != NULL && q->kind != LIST_CREATED)
	{
		q->moved_on = moved->value;
		q->all_moved_on = strcmp(moved->kind, "all") == 0;
	}
}

bool
fault_replies(Call *call, Out *o)
{
	const Fault *f = fault_take(FAULT_REPLY, call);

	if (f == NULL)
		return false;
	call->status = (int) f->value;
	call->replied = true;
	if (f->body_len > 0)
		out_bytes(o, f->body, f->body_len);
	return true;
}

/* ---- control ---- */

static void
keep(char *to, size_t size, const Call *control, const char *name)
{
	const char *v = param(control, name);

	snprintf(to, size, "%s", v ? v : "");
}

/* What every kind of fault may be given. */
static Fault
read_fault(const Call *control, FaultName name)
{
	Fault		f = {.name = name, .count = -1, .percent = 100};

	f.serial = ++serial;
	if (param(control, "count"))
		f.count = atoll(param(control, "count"));
	if (param(control, "skip"))
		f.skip = atoi(param(control, "skip"));
	if (param(control, "percent"))
		f.percent = atoi(param(control, "percent"));
	if (param(control, "shop"))
		f.shop = atoi(param(control, "shop"));
	if (param(control, "tid") || param(control, "id"))
		f.id = atoll(param(control, "tid") ? param(control, "tid") : param(control, "id"));
	if (param(control, "age"))
		f.age = atoi(param(control, "age"));
	keep(f.method, sizeof(f.method), control, "method");
	keep(f.kind, sizeof(f.kind), control, "kind");
	keep(f.sub_code, sizeof(f.sub_code), control, "sub_code");
	keep(f.msg, sizeof(f.msg), control, "msg");
	keep(f.sub_msg, sizeof(f.sub_msg), control, "sub_msg");
	return f;
}

static void
forget(int i)
{
	free(faults[i].body);
	memmove(&faults[i], &faults[i + 1], (size_t) (--nfaults - i) * sizeof(Fault));
}

/* Puts it behind the others. */
static bool
add(const Fault *f, Out *o)
{
	/* those that are used up, without a ban still running, make room */
	for (int i = nfaults; i-- > 0;)
		if (faults[i].count == 0 && faults[i].until_ms <= real_ms())
			forget(i);
	if (nfaults == MAX_FAULTS)
	{
		free(f->body);
		out_lit(o, "{\"error\":\"too many faults\"}\n");
		return false;
	}
	faults[nfaults++] = *f;
	faults_list(o);
	return true;
}

bool
faults_add(const Call *control, Out *o)
{
	Fault		f;
	const char *name = param(control, "name");
	const char *value = NULL;
	static const char *const value_names[] = {"value", "ms", "seconds", "bytes", "code", "calls", "one_of", "to"};
	int			n = -1;

	/* name=hang&ms=100, or hang=100 */
	for (int i = 0; i < FAULT_COUNT; i++)
	{
		if (name != NULL && strcmp(name, fault_names[i]) == 0)
			n = i;
		for (int k = 0; name == NULL && k < control->nparams; k++)
			if (strcmp(control->params[k].name, fault_names[i]) == 0 && n < 0)
			{
				n = i;
				value = control->params[k].value;
			}
	}
	if (n < 0)
	{
		out_lit(o, "{\"error\":\"no fault of that name\"}\n");
		return false;
	}
	f = read_fault(control, (FaultName) n);
	if (n == FAULT_EXT_HIDDEN && ext_type_named(f.kind) == EXT_NONE)
	{
		out_lit(o, "{\"error\":\"kind is ershou, service or mark\"}\n");
		return false;
	}
	if (value == NULL)
		value = param(control, fault_names[n]);
	for (size_t i = 0; value == NULL && i < sizeof(value_names) / sizeof(value_names[0]); i++)
		value = param(control, value_names[i]);
	if (value != NULL && *value != '\0')
	{
		f.has_value = true;
		f.value = strtoll(value, NULL, 10);
	}
	return add(&f, o);
}

bool
faults_add_reply(const Call *control, Out *o)
{
	Fault		f = read_fault(control, FAULT_REPLY);
	const char *since = param(control, "since"),
			   *until = param(control, "until");

	if ((since && !time_read_loose(since, &f.since)) || (until && !time_read_loose(until, &f.until)))
	{
		out_lit(o, "{\"error\":\"since and until are times\"}\n");
		return false;
	}
	if (param(control, "status"))
		f.value = atoi(param(control, "status"));
	if (control->body != NULL && control->body->len > 0)
	{
		f.body_len = control->body->len;
		f.body = must_alloc(NULL, f.body_len);
		memcpy(f.body, control->body->data, f.body_len);
	}
	return add(&f, o);
}

void
faults_list(Out *o)
{
	out_lit(o, "[");
	for (int i = 0; i < nfaults; i++)
		out_printf(o, "%s{\"serial\":%d,\"name\":\"%s\",\"value\":%lld,\"count\":%lld,\"shop\":%d,\"method\":\"%s\",\"kind\":\"%s\",\"hits\":%llu}",
				   i ? "," : "", faults[i].serial, fault_names[faults[i].name],
				   (long long) faults[i].value, (long long) faults[i].count, faults[i].shop,
				   faults[i].method, faults[i].kind, (unsigned long long) faults[i].hits);
	out_lit(o, "]\n");
}

void
faults_clear(const char *name)
{
	for (int i = nfaults; i-- > 0;)
		if (name == NULL || strcmp(name, fault_names[faults[i].name]) == 0)
			forget(i);
	if (name == NULL)
		faults_limit(0, 0);
}

void
faults_limit(double per_second, int ban_seconds)
{
	limit.per_second = per_second;
	limit.ban_seconds = ban_seconds > 0 ? ban_seconds : 1;
	limit.tokens = per_second;
	limit.at_ms = real_ms();
	limit.banned_until_ms = 0;
}
