/*
 * guc.c
 *	  Every setting, its bounds and its checks.
 *
 * All can be changed by a reload.  None sizes shared memory: worker slots are
 * as many as the server has background workers at all (shmem.c), so a library
 * that was not preloaded defines the very same settings.
 *
 * Lists (databases, hosts) are kept as typed and taken apart where they are
 * read, once a reload at most; their check hooks only make sure that this
 * cannot fail.  Secrets are never settings.
 */
#include "compat.h"

#include <arpa/inet.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "guc.h"

bool		guc_enabled = true;
int			guc_workers = 1;
int			guc_max_in_flight = 16;
int			guc_max_active_shops = 100;
int			guc_lag_s = 60;
int			guc_settle_s = 600;
int			guc_settle_after_sales_s = 86400;
int			guc_proof_delay_s = 3600;
int			guc_page_size = 100;
int			guc_max_attempts = 8;
int			guc_retry_base_ms = 1000;
int			guc_retry_cap_ms = 300000;
int			guc_connect_timeout_ms = 15000;
int			guc_request_timeout_ms = 30000;
int			guc_max_response_kb = 32768;
bool		guc_allow_http = false;
char	   *guc_ca_file = NULL;
char	   *guc_key_file = NULL;

/* The platform's own: in use, its older name, overseas, and the sandbox. */
#define PLATFORM_HOSTS \
	"eco.taobao.com,gw.api.taobao.com,api.taobao.com,gw.api.tbsandbox.com"

#define DAY_S 86400

/* Which calls leave a row in ordersync.request_log: asked for in SQL only. */
typedef enum RequestLog
{
	REQUEST_LOG_OFF,
	REQUEST_LOG_ERRORS,
	REQUEST_LOG_ALL
} RequestLog;

static int	request_log = REQUEST_LOG_ALL;

/* These, too, are asked for in SQL only. */
static int	freshness_target_s = 26 * 3600;
static int	full_run_target_s = 32 * DAY_S;
static int	key_warning_s = 14 * DAY_S;
static int	keep_log_s = 30 * DAY_S;
static int	keep_runs_s = 90 * DAY_S;
static int	keep_changes_s = 0;
static int	keep_feed_s = 7 * DAY_S;
static int	keep_quarantine_s = 90 * DAY_S;
static char *databases = NULL;
static char *allowed_hosts = NULL;

static const struct config_enum_entry request_log_options[] = {
	{"all", REQUEST_LOG_ALL, false},
	{"errors", REQUEST_LOG_ERRORS, false},
	{"off", REQUEST_LOG_OFF, false},
	{NULL, 0, false}
};

static void define_worker_settings(void);
static int	default_workers(void);
static int	visible_cores(void);
static void define_watch_settings(void);
static void define_window_settings(void);
static void define_retry_settings(void);
static void define_network_settings(void);
static void define_retention_settings(void);
static void define_retention(const char *name, const char *what, const char *details,
							 int *value);
static bool check_retention(int *newval, void **extra, GucSource source);
static bool split_port(char *host, int *port);
static bool same_host(const char *host, const char *allowed);
static bool check_hosts(char **newval, void **extra, GucSource source);
static bool check_list(char **newval, void **extra, GucSource source);
static List *split_list(const char *typed);

/* Defines every setting; the prefix last, so that a misspelt one is refused. */
void
guc_define(void)
{
	define_worker_settings();
	define_watch_settings();
	define_window_settings();
	define_retry_settings();
	define_network_settings();
	define_retention_settings();
	MarkGUCPrefixReserved("ordersync");
}

/* Databases, workers and their limits, the key file, the request log. */
static void
define_worker_settings(void)
{
	DefineCustomStringVariable("ordersync.databases",
							   "Databases that workers are started for.",
							   "Names separated by commas. Empty: no worker runs.",
							   &databases, "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_list, NULL, NULL);
	DefineCustomBoolVariable("ordersync.enabled",
							 "Lets workers run.",
							 "Off: all workers exit, and queued tasks wait. "
							 "Meant for restores and maintenance.",
							 &guc_enabled, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.workers",
							"Number of workers per database.",
							"One worker keeps many calls in flight; more workers add processor time only. "
							"They share a gateway's calls per second evenly. By default as "
							"many as there are processor cores, at most a quarter of "
							"max_worker_processes.",
							&guc_workers, default_workers(), 1, GUC_MAX_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.max_in_flight",
							"Maximum number of calls that one worker keeps in flight.",
							NULL,
							&guc_max_in_flight, 16, 1, GUC_MAX_IN_FLIGHT,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.max_active_shops",
							"Maximum number of shops per database that are processed at the same time.",
							NULL,
							&guc_max_active_shops, 100, 1, 100000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ordersync.key_file",
							   "File with the key that encrypts secrets.",
							   "A relative path is relative to the data directory. "
							   "Created when the first secret is stored; a base backup includes it "
							   "when it is there, a dump never does.",
							   &guc_key_file, "ordersync.key",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomEnumVariable("ordersync.request_log",
							 "Selects which calls are logged in ordersync.request_log.",
							 NULL,
							 &request_log, REQUEST_LOG_ALL, request_log_options,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/*
 * Storing is what takes the time, so a core more stores more.  But a background
 * worker that is ours is nobody else's: the server's parallel queries and other
 * extensions live off max_worker_processes, too.
 */
static int
default_workers(void)
{
	int			room = Min(max_worker_processes / 4, GUC_MAX_WORKERS);

	return Max(Min(visible_cores(), room), 1);
}

/* Those that this process may run on. */
static int
visible_cores(void)
{
	long		online;

#ifdef CPU_COUNT
	cpu_set_t	allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		return CPU_COUNT(&allowed);
#endif
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (int) Min(online, INT_MAX) : 1;
}

/* What shops are watched for. */
static void
define_watch_settings(void)
{
	DefineCustomIntVariable("ordersync.freshness_target",
							"Maximum time that a shop may be behind before a worker starts an incremental run.",
							"A shop's option freshness_target takes precedence. 0: no shop is watched.",
							&freshness_target_s, 26 * 3600, 0, 366 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.full_run_target",
							"Maximum age of a shop's last full run before a worker starts one.",
							"A shop's option full_run_target takes precedence. 0: no shop is watched.",
							&full_run_target_s, 32 * 86400, 0, 366 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.key_warning",
							"Time before the expiry of a data key at which listeners are notified.",
							"0: they are not.",
							&key_warning_s, 14 * 86400, 0, 366 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/* Which records are read, and when they are considered settled. */
static void
define_window_settings(void)
{
	DefineCustomIntVariable("ordersync.lag",
							"Minimum age of requested records.",
							"Measured by the platform's clock.",
							&guc_lag_s, 60, 0, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.settle",
							"Age at which orders are considered settled.",
							"Younger orders are stored and read again by the next run.",
							&guc_settle_s, 600, 0, 7 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.settle_after_sales",
							"Age at which after-sales are considered settled.",
							NULL,
							&guc_settle_after_sales_s, 86400, 0, 7 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.proof_delay",
							"Maximum delay until a change becomes visible on the platform.",
							"A range is proven when arrivals were checked until this "
							"long after its end.",
							&guc_proof_delay_s, 3600, 0, 7 * 86400,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.page_size",
							"Number of records requested per call.",
							"A gateway's option page_size takes precedence. Halved for a task "
							"whose calls time out.",
							&guc_page_size, 100, 1, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/* Retries of failed calls. */
static void
define_retry_settings(void)
{
	DefineCustomIntVariable("ordersync.max_attempts",
							"Number of attempts per page after which its task fails.",
							"Bans and conflicts inside the database are not counted.",
							&guc_max_attempts, 8, 1, 1000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.retry_base",
							"Delay before the second attempt.",
							"Doubled for each further one, with jitter.",
							&guc_retry_base_ms, 1000, 10, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.retry_cap",
							"Maximum delay between two attempts.",
							NULL,
							&guc_retry_cap_ms, 300 * 1000, 10, 24 * 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* Destinations, encryption and limits of calls. */
static void
define_network_settings(void)
{
	DefineCustomIntVariable("ordersync.connect_timeout",
							"Maximum time to wait for a connection to a gateway.",
							NULL,
							&guc_connect_timeout_ms, 15 * 1000, 10, 600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.request_timeout",
							"Maximum time per call, including the connection.",
							NULL,
							&guc_request_timeout_ms, 30 * 1000, 10, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("ordersync.max_response_size",
							"Maximum size of an answer, after decompression.",
							NULL,
							&guc_max_response_kb, 32 * 1024, 16, 1024 * 1024,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("ordersync.allowed_hosts",
							   "Hosts that calls may go to.",
							   "Names separated by commas; one that begins with a dot "
							   "stands for all below it, one with \":port\" for that port "
							   "only. Empty: any host. A host that is not listed by its own "
							   "name must have a public address.",
							   &allowed_hosts, PLATFORM_HOSTS,
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_hosts, NULL, NULL);
	DefineCustomBoolVariable("ordersync.allow_http",
							 "Allows gateways without TLS.",
							 "Orders and keys then cross the network in the clear.",
							 &guc_allow_http, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("ordersync.ca_file",
							   "File with the CA certificates that gateways are verified with.",
							   "Empty: the system's certificates.",
							   &guc_ca_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

/* How long is kept what would grow for ever: ordersync.clean_up() cuts it. */
static void
define_retention_settings(void)
{
	define_retention("ordersync.keep_log",
					 "Age at which days of the request log are dropped.",
					 "0: never.", &keep_log_s);
	define_retention("ordersync.keep_runs",
					 "Age at which runs that have ended are removed, with their tasks.",
					 "Kept in any case: the last run of each shop and kind, and runs with a window "
					 "that failed and is still not read. 0: never.", &keep_runs_s);
	define_retention("ordersync.keep_changes",
					 "Age at which changes of orders are removed.",
					 "Kept in any case: those that amounts and reports are made from. 0: never.",
					 &keep_changes_s);
	define_retention("ordersync.keep_feed",
					 "Age at which changes that a consumer of the change feed has not read are removed.",
					 "What all consumers have read is removed at once. 0: never.",
					 &keep_feed_s);
	define_retention("ordersync.keep_quarantine",
					 "Age at which entries of the quarantine are removed, counted from their resolution.",
					 "Entries that are not resolved are kept. 0: never.", &keep_quarantine_s);
}

static void
define_retention(const char *name, const char *what, const char *details, int *value)
{
	DefineCustomIntVariable(name, what, details,
							value, *value, 0, 3650 * DAY_S,
							PGC_SIGHUP, GUC_UNIT_S, check_retention, NULL, NULL);
}

/* Less than a day would cut what somebody still looks at. */
static bool
check_retention(int *newval, void **extra, GucSource source)
{
	if (*newval == 0 || *newval >= DAY_S)
		return true;
	GUC_check_errdetail("The shortest time is 1d; 0 keeps for ever.");
	return false;
}

/* The databases as typed, one list cell a name. */
List *
guc_database_list(void)
{
	return split_list(databases);
}

/* Looks the name up in the list; both as they are stored, case counts. */
bool
guc_database_listed(const char *database)
{
	ListCell   *cell;

	foreach(cell, guc_database_list())
	{
		if (strcmp((const char *) lfirst(cell), database) == 0)
			return true;
	}
	return false;
}

/* See guc.h. */
GucHost
guc_host_listed(const char *host, int port)
{
	List	   *hosts = split_list(allowed_hosts);
	GucHost		listed = hosts == NIL ? GUC_HOST_ANY : GUC_HOST_REFUSED;
	ListCell   *cell;

	foreach(cell, hosts)
	{
		char	   *allowed = pstrdup((const char *) lfirst(cell));
		int			only_port;
		size_t		tail;
		bool		same;

		if (!split_port(allowed, &only_port))
			continue;
		tail = strlen(allowed);
		same = same_host(host, allowed);
		if (!same && (allowed[0] != '.' || strlen(host) <= tail ||
					  pg_strcasecmp(host + strlen(host) - tail, allowed) != 0))
			continue;
		if (only_port != 0 && only_port != port)
			listed = Max(listed, GUC_HOST_OTHER_PORT);
		else if (same)
			return GUC_HOST_NAMED;
		else
			listed = GUC_HOST_BELOW;
	}
	return listed;
}

/*
 * Cuts the port off "host:port" or "[address]:port", 0: there is none; a bare
 * IPv6 address has more colons than one.  False for what cannot be a host.
 */
static bool
split_port(char *host, int *port)
{
	char	   *end = host[0] == '[' ? strchr(host, ']') : NULL;
	char	   *colon = end != NULL ? end + 1 : strchr(host, ':');

	*port = 0;
	if (strpbrk(host, "/@?#\\ *") != NULL || (host[0] == '[' && end == NULL))
		return false;
	if (colon == NULL || *colon == '\0' || (end == NULL && strchr(colon + 1, ':') != NULL))
		return host[0] != '\0';
	if (*colon != ':' || strlen(colon + 1) > 5 ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	*port = atoi(colon + 1);
	*colon = '\0';
	return host[0] != '\0' && *port > 0 && *port <= 65535;
}

/* Without case, as host names are; of addresses each way of writing them. */
static bool
same_host(const char *host, const char *allowed)
{
	size_t		len = strlen(allowed);
	char	   *bare = allowed[0] == '[' && allowed[len - 1] == ']' ?
		pnstrdup(allowed + 1, len - 2) : pstrdup(allowed);
	struct in6_addr a;
	struct in6_addr b;

	if (inet_pton(AF_INET6, host, &a) == 1 && inet_pton(AF_INET6, bare, &b) == 1)
		return memcmp(&a, &b, sizeof(a)) == 0;
	return pg_strcasecmp(host, bare) == 0;
}

/* See guc.h. */
const char *
guc_allowed_hosts(void)
{
	return allowed_hosts != NULL ? allowed_hosts : "";
}

/* A list must be readable as one; what its names mean is seen when they are used. */
static bool
check_list(char **newval, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*newval ? *newval : "");
	List	   *names = NIL;
	bool		readable = SplitGUCList(copy, ',', &names);

	list_free(names);
	pfree(copy);
	if (!readable)
		GUC_check_errdetail("List syntax is invalid.");
	return readable;
}

/* What cannot be a host would allow nothing, in silence. */
static bool
check_hosts(char **newval, void **extra, GucSource source)
{
	ListCell   *cell;

	if (!check_list(newval, extra, source))
		return false;
	foreach(cell, split_list(*newval))
	{
		int			port;

		if (split_port(pstrdup((const char *) lfirst(cell)), &port))
			continue;
		GUC_check_errdetail("\"%s\" is not a host name or address, nor one with a port, like \"relay.example.com:8443\".",
							(const char *) lfirst(cell));
		return false;
	}
	return true;
}

/* Takes a checked list apart; quotes may protect commas and blanks in a name. */
static List *
split_list(const char *typed)
{
	List	   *names = NIL;

	if (typed == NULL || !SplitGUCList(pstrdup(typed), ',', &names))
		return NIL;
	return names;
}
