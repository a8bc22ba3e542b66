/*
 * task.h
 *	  The values that rooms hand to each other: shop, gateway, task, verdict.
 *
 * Plain values only.  Strings are NUL-terminated UTF-8 and belong to whoever
 * made the struct.  Instants that the platform uses are whole seconds
 * since the Unix epoch (UTC), in int64; durations carry their unit in the name.
 */
#ifndef ORDERSYNC_TASK_H
#define ORDERSYNC_TASK_H

#include "compat.h"

typedef enum Stream
{
	STREAM_ORDERS,				/* lists of trades with their sub-orders */
	STREAM_AFTER_SALES,			/* lists of refunds */
	STREAM_SPECIAL_REFUNDS,		/* their second list: price protection, cash-back */
	STREAM_DETAILS				/* single records by id */
} Stream;

/* What is done with what a list brings. */
typedef enum TaskWork
{
	WORK_STORE,					/* its records are stored */
	WORK_CHECK,					/* they are compared with what is stored */
	WORK_COUNT					/* only its total is asked for and compared */
} TaskWork;

typedef enum Basis
{
	BASIS_MODIFIED,				/* the record's last change */
	BASIS_CREATED,				/* the order's creation; never changes */
	BASIS_ARRIVAL				/* load time into the platform's read store */
} Basis;

/* What a call came to; see the table of error codes in top_error.c. */
typedef enum Verdict
{
	VERDICT_OK,
	VERDICT_RETRY,				/* network, 5xx, isp.*: again after back-off */
	VERDICT_THROTTLED,			/* call limit: again after the ban, no attempt charged */
	VERDICT_UNAUTHORIZED,		/* data key invalid: the shop waits for a new one */
	VERDICT_REJECTED,			/* permission, parameters, signature: nobody retries */
	VERDICT_MALFORMED			/* not an answer of this protocol: again, charged */
} Verdict;

/* One page of a list: records with time in [start, end] (end may be exclusive there). */
typedef struct PageAsk
{
	int64		start;
	int64		end;
	int			page_no;		/* from 1 */
	int			page_size;
	bool		use_has_next;	/* false: the answer carries its total */
} PageAsk;

/* Time of a record that has none that can be read. */
#define NO_TIME PG_INT64_MIN

/* What a finished call brought; strings live as long as the request (http.c). */
typedef struct CallReply
{
	int			net_error;		/* 0, or the CURLcode */
	const char *net_message;	/* NULL without net_error */
	bool		refused;		/* not connected to: its address is not public; net_message says which */
	bool		timed_out;
	bool		unconnected;	/* no connection came about, so that nothing was sent */
	int			proxy_status;	/* what a proxy answered that would not connect; 0: none did */
	bool		untrusted;		/* a certificate was not accepted, or those to check by not read */
	bool		too_large;		/* over ordersync.max_response_size */
	int			http_status;	/* 0 when there was none */
	const char *body;			/* decompressed; never NULL */
	size_t		body_len;
	int64		date_s;			/* the answer's Date, epoch seconds; 0: none */
	int64		retry_after_s;	/* its Retry-After, seconds from then on; 0: none */
	int64		started_ms;		/* wall clock, epoch */
	int64		duration_ms;
} CallReply;

/* What became of a page's records. */
typedef struct PageCounts
{
	int			records_new;
	int			changed;
	int			unchanged;
	int			quarantined;
} PageCounts;

/* A header that calls carry beside the protocol's own. */
typedef struct HttpHeader
{
	char	   *name;
	char	   *value;			/* secret or not: never log */
} HttpHeader;
/* So many tokens of its gateway's rate a call of that method takes. */
typedef struct MethodWeight
{
	char	   *method;
	double		tokens;
} MethodWeight;

/* The platform wants no calls of that method until then. */
typedef struct BannedMethod
{
	char	   *method;
	int64		until_ms;		/* epoch */
} BannedMethod;

/* One way to the platform.  Secrets are opened; never log this struct. */
typedef struct Gateway
{
	char	   *name;
	char	   *base_url;
	char	   *app_key;		/* "": none */
	char	   *app_secret;		/* NULL: none is needed */
	char	   *protocol;		/* "top", "relay" */
	char	   *sign_method;	/* "md5", "hmac", "hmac-sha256" */
	char	   *proxy;			/* NULL: none */
	char	   *types_add;		/* order types asked for beside ours, "a,b"; NULL: none */
	int			page_size;		/* records asked for in one call, 1..100 */
	double		calls_per_second;	/* 0: no limit of ours */
	int64		clock_offset_ms;	/* platform's clock minus ours */
	int64		lifted_ms;		/* epoch; what the platform said before bans nothing; 0: none */
	char	   *options;		/* JSON, of which a protocol reads its own member; NULL: none */
	int			nheaders;
	HttpHeader *headers;		/* values are opened */
	char	   *proxy_password; /* opened, "user:password"; NULL: none */
	int			calls_in_flight;	/* of all workers; 0: no limit of ours, here and below */
	int64		calls_per_day;
	int64		calls_per_day_reserved; /* of these, for what a person asked for */
	int64		version_us;		/* grows when the settings above change */
	MethodWeight *weights;		/* others take one token */
	int			nweights;
	BannedMethod *banned;		/* as the database knew when the task was claimed */
	int			nbanned;
	void	   *map;			/* what the protocol has read of options; NULL: nothing */
} Gateway;

/* Fields as a shop's options name them: "x", of lines "orders.x", of refunds "refunds.x". */
typedef struct FieldNames
{
	int			n;
	char	  **names;
} FieldNames;

/* In place of a kind: the list without its parameter "type", as the platform shows it then. */
#define TASK_ANY_TYPE "any"

/* One window of one stream of one run, as claimed. */
typedef struct SyncTask
{
	int64		task_id;
	int64		run_id;
	int64		token;			/* fences: settle and fail must present it */
	int64		shop_id;
	char	   *kind;			/* of its run */
	bool		failed_before;	/* it has failed since its last page, and was charged, or was halved for that */
	int			priority;		/* of its run; 0: somebody waits for it */
	Stream		stream;
	Basis		basis;
	int64		since;			/* window [since, until), epoch seconds */
	int64		until;
	bool		fresh;			/* younger than settle: stored, closes nothing */
	bool		may_cut;		/* not itself a part of a cut window */
	TaskWork	work;
	bool		history;		/* from the platform's list of what is older than three months */
	char	   *ext_type;		/* only orders of this kind, NULL: all, TASK_ANY_TYPE */
	bool		follow_up;		/* a stored page brings more than its rows */
	Stream		details_of;		/* STREAM_DETAILS: what the ids are */
	bool		by_order;		/* STREAM_DETAILS: the ids are of orders, whose after-sales are fetched */
	int64	   *ids;			/* STREAM_DETAILS: the ids to fetch */
	int			nids;
	char	   *walk;			/* where the last settled page left off, or NULL */
	bool		key_check;		/* the data key is to be verified first */
	bool		key_recheck;	/* it is good, a day has passed: nothing waits for the answer */
	bool		require_seller; /* key unverified: records must name the seller */
	bool		refusals;		/* the database refuses some of the shop's records */
	char	  **seller_nicks;	/* names under which the shop's records come */
	int			nseller_nicks;
	char	   *data_key;		/* opened; never log */
	char	   *key_seal;		/* which sealing of it was claimed (secret_seal_id); NULL: none is stored */
	FieldNames	fields_add;		/* asked for beside the protocol's own */
	FieldNames	fields_drop;	/* not asked for */
	Gateway    *gateway;
} SyncTask;

extern const char *stream_name(Stream stream);
extern const char *basis_name(Basis basis);
extern const char *verdict_name(Verdict verdict);

/* The stream of the table that a stream's records go to: orders or after-sales. */
extern Stream stream_of_records(Stream stream, Stream details_of);

/* The value of a word; false, and nothing set, when there is none. */
extern bool stream_from_name(const char *name, Stream *stream);
extern bool basis_from_name(const char *name, Basis *basis);
extern bool work_from_name(const char *name, TaskWork *work);

#endif							/* ORDERSYNC_TASK_H */
