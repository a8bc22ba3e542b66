/*
 * main.c
 *	  The simulated gateway: options, start, end.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answers.h"
#include "relay.h"
#include "server.h"
#include "world.h"

static const char help[] =
"A simulated Taobao Open Platform for tests, demos and benchmarks.\n"
"\n"
"Usage: gateway [options]\n"
"  --port N              listen on this port; 0, the default, lets the kernel choose\n"
"  --bind ADDRESS        127.0.0.1\n"
"  --seed S              another world (1)\n"
"  --shops K             shops (3)\n"
"  --orders-per-shop N   orders of each shop over the days (8000); 0: none, at any time\n"
"  --big-shop N          orders of the first shop, when it is to have more than the others\n"
"  --days D              how far back the world reaches (30)\n"
"  --burst N             orders created in one second each evening, and the most that\n"
"                        are shipped in one second (a fifth of a day's, 250 at most)\n"
"  --now 'YYYY-MM-DD HH:MM:SS'   the platform's clock at the start, at +08 (the machine's)\n"
"  --still               nothing happens by itself: orders change only by /control/change,\n"
"                        churn and advance; the clock runs on\n"
"  --late PERCENT        changes that become visible late (0) ...\n"
"  --late-max SECONDS    ... a few by up to so much (3600), most by 90 s\n"
"  --new-kind N          one of N orders is of type new_kind, which no documentation names (0: none)\n"
"  --horizon DAYS        how far back the lists reach (90)\n"
"  --relay SETTINGS      a relay is served, too; several: several. As /control/relay takes them\n"
"  --strict-fields       an error for a field that the API does not serve\n"
"  --gzip                compress for clients that accept it\n"
"  --stop-with-parent    end when the process that started it ends\n"
"  --help                this text\n"
"\n"
"The API is at /router/rest; application key 12345678, secret helloworld.\n"
"Prints \"listening on ADDRESS:PORT\" when it is ready.\n"
"\n"
"Control, GET or POST, answers are JSON; shops count from 1, times are\n"
"'YYYY-MM-DD HH:MM:SS' at +08 or epoch seconds:\n"
"  /control/shops                    names, sessions, user ids\n"
"  /control/truth?shop=&object=trades|refunds|special&api=full|list|increment|incrementv|history|get\n"
"      [&as_of=T][&since=T&until=T&basis=created|modified][&id=][&versions=1][&slim=1]\n"
"      [&ext_type=ershou|service|mark]\n"
"                                    one record a line, with all fields of that API\n"
"  /control/change?orders=N[&shop=][&from=T&to=T][&again=1]\n"
"                                    N orders (of each shop) change; default: `modified` 8 to 2 minutes ago;\n"
"                                    again: those that have changed last in that time, within the same second\n"
"  /control/churn?per_page=N[&shop=][&pages=M][&ago=S]   orders change while lists are read\n"
"  /control/advance?seconds=N[&quiet=1]   the clock jumps, and what was due has happened;\n"
"                                    quiet (a still world): nothing has\n"
"  /control/still?on=1|0             see --still\n"
"  /control/late?percent=P&max=S     see --late\n"
"  /control/clock[?ahead=S]          the clock alone\n"
"  /control/rename?shop=&nick=[&records=mixed]           a renamed seller\n"
"  /control/session?shop=&session=   another session key; KEY-sub is its sub-account's\n"
"  /control/order?tid=               what happened to an order\n"
"  /control/fields?api=list          the names that an API serves, as `fields` wants them\n"
"  /control/novel?on=1|0             trades, lines and refunds have new_field, for who names it\n"
"  /control/hostile?on=1|0           they have personal data that nobody asked for, under names new and old, in JSON in strings\n"
"  /control/limit?per_second=N&ban=S too many calls are banned; 0 ends it\n"
"  /control/relay?base=/relay[&NAME=VALUE]...   a partner's service in front of the same platform, POST\n"
"                                    to base and path; names are the option relay's, with dots:\n"
"                                    paths.list, parameters.credential, envelope.code, headers.X-Token,\n"
"                                    codes.throttled, records.trades, signature.sign, constants.v ...; null:\n"
"                                    none; envelope=on, signature=on [&sign_method=], body=form|json,\n"
"                                    times=text|epoch|epoch_ms, totals=, has_next=, after_sales=time|order,\n"
"                                    errors=codes|status|platform, data=json|text,\n"
"                                    code_as=number|text|flag, simplify=on, max_window=SECONDS\n"
"  /control/sign?secret=&sign_method=&...   the signature of the other parameters\n"
"  /control/stats, /control/stats/reset, /control/log?n=  calls, and the fewest possible\n"
"  /control/fault?name=F[&value=V][&count=N][&skip=N][&percent=P][&shop=][&method=PART]\n"
"  /control/faults, /control/faults/clear[?name=F]\n"
"  /control/release                  calls that hang are answered now\n"
"  /control/reply?method=PART[&count=N][&skip=N][&shop=][&status=][&since=T][&until=T][&id=]\n"
"                                    POST: such a call, when nothing is wrong with it, is\n"
"                                    answered by the bytes of the body, whatever they are;\n"
"                                    only for windows within since..until, or that record;\n"
"                                    several: one after the other; a fault named reply\n"
"Faults (value in brackets):\n"
"  hang [ms], status [code; msg=Retry-After: seconds or date N], close, reset, cut [bytes], drip [bytes per 0.1 s], throttle [ban seconds; sub_code=],\n"
"  quota [calls left today], error [code; sub_code=, msg=, sub_msg=], session_expired, permission,\n"
"  wrong_seller [shop], bad_json, html, empty_body, oversize [bytes], gzip, total_missing, total [added],\n"
"  has_next_missing, has_next_empty, has_next_ignored, list_missing, exclusive_end, unsorted,\n"
"  outside [how many in each list; kind=oldest|newest, and alone, uncounted: records of other ranges],\n"
"  moved_on [seconds; kind=all, else one of three records is listed under a time so much older than its own],\n"
"  blemish [which record; kind=], twice [which record],\n"
"  withhold [one of V; or id=; counted, in no list; kind=uncounted: not even counted; age=S: only while\n"
"    younger than S seconds; with a method: by id neither],\n"
"  ext_hidden [kind=ershou|service|mark: orders that only who asks for that ext_type is shown],\n"
"  empty_as [kind=missing|null|object|array|list], ids_as_text, refund_id_as_number, bare_single,\n"
"  no_request_id\n"
"Blemishes: nul, raw_nul, surrogate, utf8, no_id, bad_id, no_time, bad_time, money, date, deep, shape,\n"
"  null, foreign, number, lines\n";

enum
{
	OPT_PORT = 1, OPT_BIND, OPT_SEED, OPT_SHOPS, OPT_ORDERS, OPT_DAYS, OPT_BURST, OPT_NOW,
	OPT_STILL, OPT_LATE, OPT_LATE_MAX, OPT_NEW_KIND, OPT_HORIZON, OPT_STRICT, OPT_GZIP, OPT_PARENT, OPT_BIG, OPT_RELAY, OPT_HELP
};

static const struct option options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"bind", required_argument, NULL, OPT_BIND},
	{"seed", required_argument, NULL, OPT_SEED},
	{"shops", required_argument, NULL, OPT_SHOPS},
	{"orders-per-shop", required_argument, NULL, OPT_ORDERS},
	{"big-shop", required_argument, NULL, OPT_BIG},
	{"days", required_argument, NULL, OPT_DAYS},
	{"burst", required_argument, NULL, OPT_BURST},
	{"now", required_argument, NULL, OPT_NOW},
	{"still", no_argument, NULL, OPT_STILL},
	{"late", required_argument, NULL, OPT_LATE},
	{"late-max", required_argument, NULL, OPT_LATE_MAX},
	{"new-kind", required_argument, NULL, OPT_NEW_KIND},
	{"horizon", required_argument, NULL, OPT_HORIZON},
	{"relay", required_argument, NULL, OPT_RELAY},
	{"strict-fields", no_argument, NULL, OPT_STRICT},
	{"gzip", no_argument, NULL, OPT_GZIP},
	{"stop-with-parent", no_argument, NULL, OPT_PARENT},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

static long
number(const char *name, const char *text, long low, long high)
{
	char	   *end;
	long		v = strtol(text, &end, 10);

	if (*end != '\0' || end == text || v < low || v > high)
	{
		fprintf(stderr, "gateway: --%s wants a number from %ld to %ld\n", name, low, high);
		exit(2);
	}
	return v;
}

static void
set_now(const char *text)
{
	int64_t		t;

	if (!time_read_loose(text, &t))
	{
		fprintf(stderr, "gateway: --now wants YYYY-MM-DD HH:MM:SS\n");
		exit(2);
	}
	world.offset_ms = t * 1000 - real_ms();
}

static void
add_relay(const char *settings)
{
	Call		call = {0};
	char	   *text = strdup(settings);

	protocol_params(&call, text);
	if (!relay_set(call.params, call.nparams))
	{
		fprintf(stderr, "gateway: too many relays\n");
		exit(2);
	}
	free(text);
}

/* burst: as asked for, -1: the usual. */
static Spread
spread_over_days(long orders, long burst)
{
	Spread		spread = {.per_day = (uint32_t) ((orders + world.days - 1) / world.days)};

	if (burst < 0)
		burst = spread.per_day / 5 < 250 ? spread.per_day / 5 : 250;
	spread.burst = (uint32_t) burst < spread.per_day ? (uint32_t) burst : spread.per_day;
	return spread;
}

int
main(int argc, char **argv)
{
	ServerOptions server = {.bind = "127.0.0.1"};
	long		orders = 8000;
	long		big = -1;
	long		burst = -1;
	bool		still = false;
	int			opt;
	int			port;
	struct rlimit files;
	sigset_t	signals;
	int			got;

	world.late_max = 3600;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (opt)
		{
			case OPT_PORT:
				server.port = (int) number("port", optarg, 0, 65535);
				break;
			case OPT_BIND:
				server.bind = optarg;
				break;
			case OPT_SEED:
				pattern.seed = strtoull(optarg, NULL, 10);
				break;
			case OPT_SHOPS:
				world.nshops = (int) number("shops", optarg, 1, 100000);
				break;
			case OPT_ORDERS:
				orders = number("orders-per-shop", optarg, 0, 50000000);
				break;
			case OPT_BIG:
				big = number("big-shop", optarg, 0, 50000000);
				break;
			case OPT_DAYS:
				world.days = (int) number("days", optarg, 1, 2000);
				break;
			case OPT_BURST:
				burst = number("burst", optarg, 0, 1000000);
				break;
			case OPT_NOW:
				set_now(optarg);
				break;
			case OPT_STILL:
				still = true;
				break;
			case OPT_LATE:
				world.late_permille = (int) number("late", optarg, 0, 100) * 10;
				break;
			case OPT_LATE_MAX:
				world.late_max = (int) number("late-max", optarg, 1, 86400);
				break;
			case OPT_NEW_KIND:
				pattern.new_kind = (uint32_t) number("new-kind", optarg, 0, 1000000);
				break;
			case OPT_HORIZON:
				horizon_days = (int) number("horizon", optarg, 1, 2000);
				break;
			case OPT_RELAY:
				add_relay(optarg);
				break;
			case OPT_STRICT:
				strict_fields = true;
				break;
			case OPT_GZIP:
				server.gzip = true;
				break;
			case OPT_PARENT:
				prctl(PR_SET_PDEATHSIG, SIGTERM);
				break;
			case OPT_HELP:
				fputs(help, stdout);
				return 0;
			default:
				fprintf(stderr, "Try 'gateway --help'.\n");
				return 2;
		}
	if (optind < argc)
	{
		fprintf(stderr, "gateway: no arguments but options\n");
		return 2;
	}

	/* Answers are large and short-lived: keep their memory instead of mapping it anew. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	pattern.others = spread_over_days(orders, burst);
	pattern.first = spread_over_days(big < 0 ? orders : big, burst);
	if ((orders > 0 || big > 0) && clock_now() - (int64_t) world.days * 86400 < 1577980800)
	{
		fprintf(stderr, "gateway: the world begins in 2020\n");
		return 2;
	}
	world_build();
	world.still = still;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
	{
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	port = server_start(&server);
	if (port < 0)
		return 1;
	printf("listening on %s:%d\n", server.bind, port);
	fflush(stdout);
	sigwait(&signals, &got);
	/* Connections may hang on purpose: leave without waiting for them. */
	_exit(0);
}
