/*
 * http.c
 *	  Calls in flight, on libcurl's multi interface and the server's own wait.
 *
 * libcurl tells which sockets it waits for (on_socket) and when it wants to be
 * called next (on_timer); both only write into the static tables below.
 * http_wait() makes a WaitEventSet of them (made anew when they changed: a
 * closed socket's number may come back at once, which a lasting set cannot
 * bear), beside the latch and the postmaster's death, and passes on what
 * happened.  So a terminate, a reload or a cancel is seen at once however many
 * calls hang.
 *
 * Life of a request: http_submit() -> curl's callbacks fill it -> http_read()
 * hands its subject back, once -> http_reply() -> its memory context goes.
 * The context's callback takes the request away from curl at whatever point of
 * that life it is, so an error anywhere leaks nothing.
 *
 * What one call is told and what it brings is http_request.c's.
 *
 * Errors never cross curl's frames: what runs inside them (callbacks) calls
 * nothing that can throw and writes no memory of palloc's; interrupts are
 * served after curl has returned.  Signals are blocked while curl may start a
 * resolver thread, which inherits the mask: a server's signal handler must
 * never run in a foreign thread.
 *
 * Process-local, all of it: nothing here is shared, and nothing needs cleaning
 * at exit.
 */
#include "compat.h"

#include <curl/curl.h>
#include <signal.h>
#include <sys/socket.h>

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "clock.h"
#include "guc.h"
#include "http.h"
#include "http_request.h"

#if LIBCURL_VERSION_NUM < 0x073e00
#error "ordersync needs libcurl 7.62.0 or later"
#endif

/*
 * A call has one socket for its connection; two more while it is looked up and
 * tried over IPv6 and IPv4 at once; and some are idle ones being closed.
 */
#define MAX_SOCKETS (3 * GUC_MAX_IN_FLIGHT + 64)

/* Descriptors that are curl's but no call's: its wake-up pair, a resolver's. */
#define OTHER_FDS 4

/*
 * What is left to others when not all that are wanted can be had: a wait event
 * set takes one of the same kind each time it is made, and errors out without.
 */
#define SPARE_FDS 8

typedef struct Socket
{
	curl_socket_t fd;
	int			what;			/* CURL_POLL_IN, _OUT or _INOUT */
} Socket;

static CURLM *multi = NULL;
static int	fds_reserved = 0;

/* Written by curl's callbacks. */
static Socket sockets[MAX_SOCKETS];
static int	nsockets = 0;
static bool sockets_changed = true;
static int64 timer_at_ms = -1;	/* steady clock; -1: not wanted */

static WaitEventSet *wait_set = NULL;
static uint32 wait_for_calls = 0;	/* as pg_stat_activity shows the wait */
static uint32 wait_for_work = 0;
static int	ncalls = 0;			/* that curl has */

static int	reserve_fds(int wanted);
static void limit_connections(int max);
static void set_multi(CURLMoption option, long value);
static int	on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg);
static int	on_timer(CURLM *m, long timeout_ms, void *arg);
static void drop_request(void *arg);
static void check_no_transaction(void);
static void rebuild_wait_set(void);
static bool dispatch_socket_events(const WaitEvent *events, int nevents);
static void socket_action(curl_socket_t fd, int what);
static void block_signals(sigset_t *before);
static void restore_signals(const sigset_t *before);
static int64 shorter_wait(int64 wait_ms, int64 at_ms, int64 now_ms);

/* Must run in the worker itself, before any other thread can exist. */
int
http_start(int max)
{
	CURLcode	code = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (code != CURLE_OK)
		elog(ERROR, "could not initialize libcurl: %s", curl_easy_strerror(code));
	if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_SSL) == 0)
		elog(ERROR, "libcurl %s has no TLS", curl_version_info(CURLVERSION_NOW)->version);

	multi = curl_multi_init();
	if (multi == NULL)
		elog(ERROR, "could not create a curl multi handle");
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK)
		elog(ERROR, "could not set up the curl multi handle");

	wait_for_calls = compat_wait_event("OrdersyncCalls");
	wait_for_work = compat_wait_event("OrdersyncIdle");
	return http_resize(max);
}

int
http_resize(int max)
{
	max = reserve_fds(max);
	limit_connections(max);
	return max;
}

/*
 * Tells fd.c of the descriptors that curl may hold, so that the server does not
 * open as many files of its own.  Fewer may be had than wanted; at least one
 * call is always possible.
 */
static int
reserve_fds(int wanted)
{
	int			enough;

	wanted += OTHER_FDS;
	enough = wanted;
	while (fds_reserved < wanted && AcquireExternalFD())
		fds_reserved++;
	if (fds_reserved < wanted)
		enough = Max(fds_reserved - SPARE_FDS, 0);
	while (fds_reserved > enough)
	{
		ReleaseExternalFD();
		fds_reserved--;
	}
	if (fds_reserved < wanted)
		ereport(LOG,
				(errmsg("ordersync can have %d calls in flight, not %d",
						Max(fds_reserved - OTHER_FDS, 1), wanted - OTHER_FDS),
				 errhint("Increase max_files_per_process.")));
	return Max(fds_reserved - OTHER_FDS, 1);
}

/* Connections are kept for the next call, never more of them than calls. */
static void
limit_connections(int max)
{
	set_multi(CURLMOPT_MAX_HOST_CONNECTIONS, max);
	set_multi(CURLMOPT_MAX_TOTAL_CONNECTIONS, max);
	set_multi(CURLMOPT_MAXCONNECTS, max);
}

static void
set_multi(CURLMoption option, long value)
{
	CURLMcode	code = curl_multi_setopt(multi, option, value);

	if (code != CURLM_OK)
		elog(ERROR, "could not set a curl option: %s", curl_multi_strerror(code));
}

HttpRequest *
http_submit(const HttpPost *post, void *subject)
{
	HttpRequest *request = palloc0(sizeof(HttpRequest));
	CURLMcode	code;
	sigset_t	before;

	buffer_init(&request->body, (size_t) guc_max_response_kb * 1024);
	request->subject = subject;
	request->any_address = post->any_address;
	request->callback.func = drop_request;
	request->callback.arg = request;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &request->callback);

	request->easy = curl_easy_init();
	if (request->easy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("libcurl could not create a handle for a call.")));
	if (!http_request_set(request, post))
		elog(ERROR, "could not set up a call: out of memory or an option that libcurl lacks");

	request->started_ms = clock_epoch_ms();
	request->started_steady_ms = clock_steady_ms();
	block_signals(&before);
	code = curl_multi_add_handle(multi, request->easy);
	restore_signals(&before);
	if (code != CURLM_OK)
		elog(ERROR, "could not start a call: %s", curl_multi_strerror(code));
	request->in_multi = true;
	ncalls++;
	return request;
}

/* curl: wait for this socket from now on, or no longer. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	int			i = 0;

	while (i < nsockets && sockets[i].fd != fd)
		i++;

	if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE)
	{
		if (i < nsockets)
			sockets[i] = sockets[--nsockets];
	}
	else
	{
		if (i == MAX_SOCKETS)
			return -1;
		if (i == nsockets)
			nsockets++;
		sockets[i].fd = fd;
		sockets[i].what = what;
	}
	sockets_changed = true;
	return 0;
}

/* curl: call me at that time, once. */
static int
on_timer(CURLM *m, long timeout_ms, void *arg)
{
	timer_at_ms = timeout_ms < 0 ? -1 : clock_steady_ms() + timeout_ms;
	return 0;
}

/* The context goes: takes the request away from curl, then frees what is not palloc'd. */
static void
drop_request(void *arg)
{
	HttpRequest *request = arg;

	if (request->easy != NULL)
	{
		sigset_t	before;

		block_signals(&before);
		if (request->in_multi)
		{
			curl_multi_remove_handle(multi, request->easy);
			ncalls--;
		}
		curl_easy_cleanup(request->easy);
		restore_signals(&before);
		request->easy = NULL;
	}
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	buffer_free(&request->body);
}

void
http_wait(int64 wait_ms)
{
	WaitEvent	events[64];
	int			nevents;
	int64		now_ms = clock_steady_ms();

	check_no_transaction();
	if (sockets_changed)
		rebuild_wait_set();
	if (timer_at_ms >= 0)
		wait_ms = shorter_wait(wait_ms, timer_at_ms, now_ms);

	nevents = WaitEventSetWait(wait_set, (long) wait_ms, events, lengthof(events),
							   ncalls > 0 ? wait_for_calls : wait_for_work);

	if (timer_at_ms >= 0 && timer_at_ms <= clock_steady_ms())
	{
		timer_at_ms = -1;		/* a one-shot: curl sets it again */
		socket_action(CURL_SOCKET_TIMEOUT, 0);
	}
	if (dispatch_socket_events(events, nevents))
		ResetLatch(MyLatch);
	/* a cancel is for a statement, and none is running */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
}

/*
 * The one promise that everything else rests on: nobody waits for the network
 * with a transaction, a snapshot or an xmin.  Worth more than an Assert, and
 * costs nothing.
 */
static void
check_no_transaction(void)
{
	if (IsTransactionOrTransactionBlock() || HaveRegisteredOrActiveSnapshot() ||
		TransactionIdIsValid(MyProc->xmin))
		elog(ERROR, "a transaction is open while waiting for the network");
}

/* A set is made for one state of the sockets and never changed. */
static void
rebuild_wait_set(void)
{
	if (wait_set != NULL)
	{
		FreeWaitEventSet(wait_set);
		wait_set = NULL;
	}
	wait_set = compat_create_wait_event_set(nsockets + 2);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < nsockets; i++)
	{
		uint32		wanted = 0;

		if (sockets[i].what & CURL_POLL_IN)
			wanted |= WL_SOCKET_READABLE;
		if (sockets[i].what & CURL_POLL_OUT)
			wanted |= WL_SOCKET_WRITEABLE;
		AddWaitEventToSet(wait_set, wanted, sockets[i].fd, NULL, NULL);
	}
	sockets_changed = false;
}

/*
 * Gives socket events to curl; true when the latch was among them.  curl may
 * close a socket whose event is still to come: only those it still waits for
 * are passed on.
 */
static bool
dispatch_socket_events(const WaitEvent *events, int nevents)
{
	bool		woken = false;

	for (int i = 0; i < nevents; i++)
	{
		int			what = 0;

		if (events[i].events & WL_LATCH_SET)
			woken = true;
		if (events[i].events & WL_SOCKET_READABLE)
			what |= CURL_CSELECT_IN;
		if (events[i].events & WL_SOCKET_WRITEABLE)
			what |= CURL_CSELECT_OUT;
		if (what == 0)
			continue;
		for (int s = 0; s < nsockets; s++)
		{
			if (sockets[s].fd == events[i].fd)
			{
				socket_action(events[i].fd, what);
				break;
			}
		}
	}
	return woken;
}

/* Lets curl work.  Its callbacks run here, and nowhere else but in drop and submit. */
static void
socket_action(curl_socket_t fd, int what)
{
	int			running;
	CURLMcode	code;
	sigset_t	before;

	block_signals(&before);
	code = curl_multi_socket_action(multi, fd, what, &running);
	restore_signals(&before);
	if (code != CURLM_OK)
		elog(ERROR, "libcurl failed: %s", curl_multi_strerror(code));
}

void *
http_read(void)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		HttpRequest *request = NULL;
		CURLcode	result;

		if (message->msg != CURLMSG_DONE)
			continue;
		/* the message dies with remove_handle */
		result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &request);
		curl_multi_remove_handle(multi, message->easy_handle);
		request->in_multi = false;
		ncalls--;
		request->done = true;
		request->result = result;
		request->ended_steady_ms = clock_steady_ms();
		return request->subject;
	}
	return NULL;
}

/*
 * A thread started meanwhile (curl's resolver) begins with every signal
 * blocked, so the server's handlers run in our thread only.
 */
static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* The shorter of a wait (-1: for ever) and the time until a moment, never below 0. */
static int64
shorter_wait(int64 wait_ms, int64 at_ms, int64 now_ms)
{
	int64		until = Max(at_ms - now_ms, 0);

	return wait_ms < 0 ? until : Min(wait_ms, until);
}
