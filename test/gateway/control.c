/*
 * control.c
 *	  What a test tells the world to do.
 *
 * Requests are GET or POST under /control/, answers JSON.  None of them is
 * signed: the program listens on loopback and holds nothing real.
 */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>

#include "bodies.h"
#include "change.h"
#include "faults.h"
#include "relay.h"
#include "render.h"
#include "stats.h"

static int64_t
number(const Call *control, const char *name, int64_t otherwise)
{
	const char *v = param(control, name);

	return v ? strtoll(v, NULL, 10) : otherwise;
}

static int
refuse(Out *o, const char *why)
{
	o->len = 0;
	out_lit(o, "{\"error\":");
	out_json(o, why);
	out_lit(o, "}\n");
	return 400;
}

static Shop *
one_shop(const Call *control)
{
	int64_t		no = number(control, "shop", 1);

	return no >= 1 && no <= world.nshops ? &world.shops[no - 1] : NULL;
}

static void
write_clock(Out *o)
{
	out_lit(o, "\"now\":\"");
	out_time(o, clock_now());
	out_printf(o, "\",\"offset_ms\":%lld,\"still\":%s", (long long) world.offset_ms,
			   world.still ? "true" : "false");
}

static int
shops(const Call *control, Out *o)
{
	(void) control;
	world_tick();
	out_char(o, '[');
	for (int i = 0; i < world.nshops; i++)
	{
		const Shop *s = &world.shops[i];

		out_printf(o, "%s{\"shop\":%d,\"seller_nick\":\"%s\",\"session\":\"%s\",\"sub_session\":\"%s-sub\",\"user_id\":%lld,\"orders\":%u,\"refunds\":%u}",
				   i ? "," : "", i + 1, s->nick, s->session, s->session, (long long) s->user_id,
				   s->norders, s->nrefunds);
	}
	out_lit(o, "]\n");
	return 200;
}

static int
change(const Call *control, Out *o)
{
	int64_t		now = clock_now();
	int64_t		from = now - 480,
				to = now - 120;
	int64_t		n = number(control, "orders", 100);
	const char *f = param(control, "from"),
			   *t = param(control, "to");
	Changed		sum = {0};

	if ((f && !time_read_loose(f, &from)) || (t && !time_read_loose(t, &to)))
		return refuse(o, "from and to are times");
	if (t == NULL && f != NULL && to <= from)
		to = from + 1;
	if (to > now + 1 || from > now)
		return refuse(o, "nothing changes in the future");
	world_tick();
	for (int i = 0; i < world.nshops; i++)
		if (param(control, "shop") == NULL || number(control, "shop", 0) == i + 1)
		{
			Changed		c = number(control, "again", 0) ?
				change_again(&world.shops[i], (uint32_t) n, from, to) :
				change_orders(&world.shops[i], (uint32_t) n, from, to);

			sum.orders += c.orders;
			sum.refunds += c.refunds;
			sum.short_of += c.short_of;
		}
	out_printf(o, "{\"changed\":%u,\"refunds\":%u,\"short_of\":%u,\"from\":\"", sum.orders,
			   sum.refunds, sum.short_of);
	out_time(o, from);
	out_lit(o, "\",\"to\":\"");
	out_time(o, to);
	out_lit(o, "\"}\n");
	return 200;
}

static int
advance(const Call *control, Out *o)
{
	int64_t		seconds = number(control, "seconds", 0);
	uint64_t	before = world.changes;

	world_tick();
	if (seconds < 0)
		return refuse(o, "time goes forward");
	if (param(control, "quiet") && !world.still)
		return refuse(o, "only a still world can let time pass without living");
	if (param(control, "quiet"))
		world.offset_ms += seconds * 1000;
	else
		world_advance(seconds);
	out_char(o, '{');
	write_clock(o);
	out_printf(o, ",\"changes\":%llu}\n", (unsigned long long) (world.changes - before));
	return 200;
}

/* The clock alone: ahead of the machine's by so many seconds, without living through them. */
static int
set_clock(const Call *control, Out *o)
{
	if (param(control, "ahead"))
	{
		world_tick();
		world.offset_ms = number(control, "ahead", 0) * 1000;
	}
	out_char(o, '{');
	write_clock(o);
	out_lit(o, "}\n");
	return 200;
}

static int
set_still(const Call *control, Out *o)
{
	world_tick();
	world_set_still(number(control, "on", 1) != 0);
	out_char(o, '{');
	write_clock(o);
	out_lit(o, "}\n");
	return 200;
}

static int
set_churn(const Call *control, Out *o)
{
	churn.per_page = (int) number(control, "per_page", 0);
	churn.shop = (int) number(control, "shop", 0);
	churn.left = number(control, "pages", -1);
	churn.ago = (int) number(control, "ago", 0);
	out_printf(o, "{\"per_page\":%d,\"pages\":%lld,\"churned\":%llu}\n", churn.per_page,
			   (long long) churn.left, (unsigned long long) churn.changed);
	return 200;
}

static int
set_late(const Call *control, Out *o)
{
	world.late_permille = (int) number(control, "percent", 0) * 10;
	world.late_max = (int) number(control, "max", 3600);
	out_printf(o, "{\"percent\":%d,\"max\":%d}\n", world.late_permille / 10, world.late_max);
	return 200;
}

static int
rename_shop(const Call *control, Out *o)
{
	Shop	   *s = one_shop(control);
	const char *nick = param(control, "nick");

	if (s == NULL || nick == NULL)
		return refuse(o, "shop and nick");
	/* records=mixed: orders of one case in two keep the old name */
	s->old_nick[0] = '\0';
	if (param(control, "records") && strcmp(param(control, "records"), "mixed") == 0)
		memcpy(s->old_nick, s->nick, sizeof(s->nick));
	snprintf(s->nick, sizeof(s->nick), "%s", nick);
	return shops(control, o);
}

static int
set_session(const Call *control, Out *o)
{
	Shop	   *s = one_shop(control);
	const char *session = param(control, "session");

	if (s == NULL || session == NULL)
		return refuse(o, "shop and session");
	snprintf(s->session, sizeof(s->session), "%s", session);
	return shops(control, o);
}

static int
show_order(const Call *control, Out *o)
{
	static const char *const kinds[] = {
		"create", "reprice", "close_line", "pending", "preauth", "deposit", "balance", "forfeit", "pay", "forbid",
		"release", "ship", "sign", "reject", "finish", "close", "memo", "rate", "refund_open",
		"refund_note", "refund_agree", "refund_return", "refund_refuse", "refund_success",
		"refund_cancel", "special"
	};
	int64_t		tid = number(control, "tid", 0);
	int			no;
	uint32_t	n,
				index;
	Facts		f;
	Step		steps[MAX_STEPS];
	int			count;

	world_tick();
	if (!tid_order(tid, &no, &n) || no >= world.nshops || !world_find(&world.shops[no], tid, &index))
		return refuse(o, "no order of that tid");
	count = world_steps(&world.shops[no], index, &f, steps);
	out_printf(o, "{\"shop\":%d,\"index\":%u,\"type\":\"%s\",\"steps\":[", no + 1, index, type_names[f.type]);
	for (int i = 0; i < count; i++)
	{
		out_printf(o, "%s{\"kind\":\"%s\",\"at\":\"", i ? "," : "", kinds[steps[i].kind]);
		out_time(o, steps[i].at);
		out_lit(o, "\",\"arrival\":\"");
		out_time(o, steps[i].arrival);
		out_printf(o, "\",\"line\":%d,\"refund\":%d}", steps[i].line, steps[i].refund);
	}
	out_lit(o, "]}\n");
	return 200;
}

static int
fault(const Call *control, Out *o)
{
	return faults_add(control, o) ? 200 : 400;
}

/* A reply of the test's own: the body as it was sent. */
static int
reply(const Call *control, Out *o)
{
	return faults_add_reply(control, o) ? 200 : 400;
}

static int
list_faults(const Call *control, Out *o)
{
	(void) control;
	faults_list(o);
	return 200;
}

static int
clear_faults(const Call *control, Out *o)
{
	faults_clear(param(control, "name"));
	faults_list(o);
	return 200;
}

/* Calls that hang are answered now; the fault is still there for the next ones. */
static int
release(const Call *control, Out *o)
{
	(void) control;
	out_printf(o, "{\"released\":%d}\n", waiting_release());
	return 200;
}

static int
set_limit(const Call *control, Out *o)
{
	const char *v = param(control, "per_second");

	faults_limit(v ? atof(v) : 0, (int) number(control, "ban", 1));
	out_lit(o, "{\"ok\":true}\n");
	return 200;
}

static int
show_stats(const Call *control, Out *o)
{
	(void) control;
	world_tick();
	stats_write(o);
	return 200;
}

static int
reset_stats(const Call *control, Out *o)
{
	(void) control;
	stats_reset();
	out_lit(o, "{\"ok\":true}\n");
	return 200;
}

static int
show_log(const Call *control, Out *o)
{
	stats_log(control, o);
	return 200;
}

/* The signature of the other parameters: for the known-answer vectors. */
static int
show_sign(const Call *control, Out *o)
{
	const char *secret = param(control, "secret");
	const char *method = param(control, "sign_method");
	Call		c = *control;
	char		hex[129];
	int			n = 0;

	for (int i = 0; i < control->nparams; i++)
		if (strcmp(control->params[i].name, "secret") != 0)
			c.params[n++] = control->params[i];
	if (secret == NULL || method == NULL || !protocol_sign(method, secret, c.params, n, hex))
		return refuse(o, "secret and sign_method");
	out_printf(o, "{\"sign\":\"%s\"}\n", hex);
	return 200;
}

/* The names that an API serves, as `fields` wants them. */
static int
show_fields(const Call *control, Out *o)
{
	const char *api = param(control, "api");
	int			found = api_named(api ? api : "list");

	if (found < 0)
		return refuse(o, "increment, incrementv, list, history, full, get, refunds, refund or special");
	for (int i = 0; i < TF_COUNT; i++)
	{
		Object		object = found >= API_REFUNDS ? OBJECT_REFUND : OBJECT_TRADE;

		if (i >= (object == OBJECT_REFUND ? (int) RF_COUNT : (int) TF_COUNT))
			break;
		if (strchr(object_fields[object][i].apis, api_letters[found]) != NULL)
			out_printf(o, "%s%s", o->len > 0 ? "," : "", object_fields[object][i].name);
	}
	out_char(o, '\n');
	return 200;
}

/* A relay by its settings. */
static int
set_relay(const Call *control, Out *o)
{
	if (!relay_set(control->params, control->nparams))
		return refuse(o, "no more relays");
	out_lit(o, "{\"ok\":true}\n");
	return 200;
}

/* Whether records have NOVEL_FIELD. */
static int
set_novel(const Call *control, Out *o)
{
	select_set_novel(number(control, "on", 1) != 0);
	out_lit(o, "{\"ok\":true}\n");
	return 200;
}

/* Whether records are full of personal data in places where nobody expects them. */
static int
set_hostile(const Call *control, Out *o)
{
	render_hostile = number(control, "on", 1) != 0;
	out_lit(o, "{\"ok\":true}\n");
	return 200;
}

static const struct
{
	const char *path;
	int			(*answer) (const Call *control, Out *o);
}			routes[] = {
	{"/control/shops", shops}, {"/control/change", change}, {"/control/advance", advance},
	{"/control/clock", set_clock}, {"/control/still", set_still}, {"/control/churn", set_churn},
	{"/control/late", set_late}, {"/control/rename", rename_shop}, {"/control/session", set_session},
	{"/control/order", show_order}, {"/control/fault", fault}, {"/control/reply", reply}, {"/control/faults", list_faults},
	{"/control/faults/clear", clear_faults}, {"/control/release", release}, {"/control/limit", set_limit},
	{"/control/relay", set_relay}, {"/control/fields", show_fields}, {"/control/novel", set_novel}, {"/control/hostile", set_hostile}, {"/control/sign", show_sign}, {"/control/stats", show_stats}, {"/control/stats/reset", reset_stats}, {"/control/log", show_log},
};

bool
control_takes_bytes(const char *path)
{
	return strcmp(path, "/control/reply") == 0;
}

int
control_answer(const char *path, Call *control, Out *o)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(path, routes[i].path) == 0)
			return routes[i].answer(control, o);
	o->len = 0;
	out_lit(o, "{\"error\":\"no such control\",\"controls\":[");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		out_printf(o, "%s\"%s\"", i ? "," : "", routes[i].path);
	out_lit(o, ",\"/control/truth\"]}\n");
	return 404;
}
