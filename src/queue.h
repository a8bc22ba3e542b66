/*
 * queue.h
 *	  The queue's verbs: claim, settle, fail.  One SQL call each.
 *
 * All must be called between db_begin() and db_commit().
 */
#ifndef ORDERSYNC_QUEUE_H
#define ORDERSYNC_QUEUE_H

#include "breaker.h"
#include "task.h"

/* The task was taken from us, cancelled or its run removed: SQLSTATE of settle and fail. */
#define QUEUE_FENCED MAKE_SQLSTATE('O', 'S', '0', '0', '1')

/* One of the gateway's secrets, as ordersync.secrets has it. */
typedef struct SealedSecret
{
	char	   *name;			/* "header/gateway/Name", "proxy_password/gateway" */
	bytea	   *sealed;
} SealedSecret;

/* A claimed task in a memory context of its own; its secrets are still sealed. */
typedef struct Claim
{
	MemoryContext context;
	SyncTask   *task;
	bytea	   *sealed_data_key;	/* NULL: none stored */
	bytea	   *sealed_app_secret;	/* NULL: none stored */
	int			nsecrets;
	SealedSecret *secrets;		/* the gateway's other ones */
} Claim;

/* One call as ordersync.request_log keeps it; absent strings are NULL. */
typedef struct CallLog
{
	const char *method;
	bool		paged;			/* the five below mean something */
	int64		window_since;
	int64		window_until;
	int			page_no;
	int			page_size;
	bool		use_has_next;
	Verdict		verdict;
	int			http_status;
	int64		code;
	const char *msg;
	const char *sub_code;
	const char *sub_msg;
	const char *request_id;
	int64		total;			/* -1: not sent */
	int			has_next;		/* -1: not sent */
	int			records;
	int64		bytes;
	int64		started_ms;		/* epoch */
	int64		duration_ms;
	const char *answer;			/* excerpt without personal data; NULL when ok */
} CallLog;

/* What is known of the platform's clock after a call; nothing to say: moved is false. */
typedef struct ClockReading
{
	bool		moved;
	int64		offset_ms;		/* platform's clock minus ours */
} ClockReading;

/* How a page ended. */
typedef struct Settlement
{
	const char *state;			/* running, succeeded, incomplete */
	const char *outcome;		/* of the window: NULL, counted, short, unproven, fresh, fetched */
	const char *class;			/* of an incomplete one: short, total, range; NULL: none */
	const char *walk;
	int64		reported;
	int64		seen;
	int64		quarantined;
	int			passes;
	int64		outside;		/* records that were listed outside the range asked for */
	bool		closed;			/* the two below mean something */
	int64		closed_since;
	int64		closed_until;
	PageCounts	page;
	const int64 *cuts;			/* ascending bounds; NULL: not cut */
	int			ncuts;			/* bounds, one more than parts */
	int			page_size;
	int			more_tasks;		/* that the page's transaction has made for the run */
	ClockReading clock;
	const CallLog *call;		/* NULL: no call was made */
} Settlement;

/* How it did not. */
typedef struct Failure
{
	Verdict		verdict;
	const char *class;
	const char *message;
	int64		retry_ms;		/* that the platform wants to be left alone; 0: not said */
	const char *banned;			/* throttled: what waits: gateway, method; by our own limit of calls a day: day,
								 * reserved (all but what a person asked for) */
	const char *method;			/* where it is a method: which */
	bool		key_check;		/* the call is the one that asks whose the data key is */
	bool		conflict;		/* an error of the database that says nothing against the task */
	const BreakerStop *stop;	/* NULL: calls like it are not stopped.  Without class: it is only given back */
	const char *walk;
	int			page_size;
	ClockReading clock;
	const CallLog *call;		/* NULL: no call was made */
} Failure;

/* What the key file means to a database's secrets. */
typedef struct KeyFileNote
{
	int			sealed;			/* how many there are */
	int			unreadable;		/* of these, how many cannot be opened now */
	int			outdated;		/* how many an older key of the file has sealed */
} KeyFileNote;

/* How many of max tasks are a fair part of what so many workers find now; at least a batch. */
extern int	queue_claim_share(int max, int workers);

/* Takes up to max tasks, each into a child of parent; returns how many.  places: see places.h. */
extern int	queue_claim(const char *owner, int max, const char *places, MemoryContext parent,
						Claim *claims);

/* Epoch milliseconds at which a claim may find what it cannot find now; -1: none known. */
extern int64 queue_next_due(void);

/* Locks tasks that are settled in one transaction; errors out as settle does when one is not ours. */
extern void queue_lock_tasks(const SyncTask **tasks, int n);

/* Gives tasks of paused shops back; lost: which of the tasks are not, or no longer, this worker's. */
extern void queue_recall_tasks(const SyncTask **tasks, int n, bool *lost);

/* True when the run ended with it. */
extern bool queue_settle(const SyncTask *task, const Settlement *settlement);

/*
 * Settles a count of a task's window; at_until: of the second at its end, -1
 * when that was not asked for.  True when it is to be asked for now: the task
 * stands at walk then.
 */
extern bool queue_settle_count(const SyncTask *task, int64 total, int64 at_until,
							   const char *walk, const ClockReading *clock,
							   const CallLog *call);

/* Settles a key check; the shop's new key state, in the current context. */
extern char *queue_settle_key(const SyncTask *task, const char *outcome, int64 user_id,
							  const char *nick, const ClockReading *clock,
							  const CallLog *call);

/* Returns after how many milliseconds such a call may be tried again. */
extern int64 queue_fail(const SyncTask *task, const Failure *failure);

/* It was not tried: failure has why calls like its next one are stopped, and no class. */
extern void queue_give_back(const SyncTask *task, const Failure *failure);

/* Reserves calls of that day of the platform's: so many were reserved before, so many are now. */
extern void queue_reserve_calls(const Gateway *gateway, int day, int64 per_day, int64 *from, int64 *to);

/* Notes that the key file cannot be used, and why; or, with NULL, what it opens. */
extern void queue_note_key_file(const char *trouble, KeyFileNote *result);

/* Tables up to date, log partitions for the days to come, a step of the clean-up; true: there is more to do. */
extern bool queue_maintenance(void);

/* Runs for shops that are behind their targets; after how many milliseconds to ask again. */
extern int	queue_watch(void);

/* Changes are stamped for pollers of the push's shape; after how many milliseconds to ask again, 0: at once. */
extern int	queue_stamp_jdp(void);

#endif							/* ORDERSYNC_QUEUE_H */
