/*
 * worker_status.c
 *	  What a worker is shown to be doing: in ordersync.workers, in
 *	  pg_stat_activity.application_name, in the title of its process.
 *
 * Of all that a worker has in hand the oldest is shown, a window, and how many
 * calls are in flight.  Counters are written at once, since others decide by them; words
 * are put together ten times a second at most, however many pages pass, and
 * the loop comes back in time for the last of them.  The task whose page is being
 * stored is noted by job_transact.c, and shown until the next words.
 *
 * The name begins with NAME_PREFIX: the views tell workers by it from other sessions
 * of the bootstrap superuser, since everybody may see names and only few may
 * see what kind of process a session is.  It has room for 63 bytes of ASCII; what does
 * not fit is left out, the year first.
 */
#include "compat.h"

#include "pgstat.h"
#include "utils/ps_status.h"

#include "clock.h"
#include "shmem.h"
#include "value.h"
#include "worker_status.h"

#define NAME_PREFIX "ordersync: "
#define SHOW_EVERY_MS 100

static int64 shown_at = -SHOW_EVERY_MS; /* steady clock */
static WorkerStatus shown = {.tasks = -1};
static int64 shown_task = 0;

static void show_words(const WorkerStatus *status);
static bool write_name(const SyncTask *oldest, int calls, bool year, char *name, size_t size);
static void write_task(const SyncTask *task, bool year, char *text, size_t size);
static void write_window(const SyncTask *task, bool year, char *text, size_t size);

void
worker_status_start(void)
{
	pgstat_report_appname(NAME_PREFIX "starting");
}

int64
worker_status_show(const WorkerStatus *status)
{
	int64		task = status->oldest ? status->oldest->task_id : 0;
	int64		wait_ms;

	shmem_set(COUNTER_IN_FLIGHT, status->calls);
	shmem_set(COUNTER_CLAIMED, status->tasks);
	shmem_set_status(status->state);
	shmem_sample_calls();
	if (task == shown_task && status->tasks == shown.tasks && status->calls == shown.calls &&
		strcmp(status->state, shown.state) == 0)
		return -1;
	wait_ms = shown_at + SHOW_EVERY_MS - clock_steady_ms();
	if (wait_ms > 0)
		return wait_ms;
	shmem_set_work(status->oldest);
	show_words(status);
	shown = *status;
	shown.oldest = NULL;
	shown_task = task;
	shown_at = clock_steady_ms();
	return -1;
}

static void
show_words(const WorkerStatus *status)
{
	char		name[NAMEDATALEN];
	char		title[256];
	char		task[128];

	if (status->oldest == NULL)
	{
		snprintf(name, sizeof(name), NAME_PREFIX "%s", status->state);
		pgstat_report_appname(name);
		set_ps_display(status->state);
		return;
	}
	write_task(status->oldest, true, task, sizeof(task));
	snprintf(title, sizeof(title), "%s, %d tasks in all, %d calls in flight",
			 task, status->tasks, status->calls);
	set_ps_display(title);
	if (!write_name(status->oldest, status->calls, true, name, sizeof(name)) &&
		!write_name(status->oldest, status->calls, false, name, sizeof(name)))
		write_name(status->oldest, 0, false, name, sizeof(name));
	pgstat_report_appname(name);
}

/* False when it does not fit: it is cut then. */
static bool
write_name(const SyncTask *oldest, int calls, bool year, char *name, size_t size)
{
	char		task[128];

	write_task(oldest, year, task, sizeof(task));
	if (calls == 0)
		return snprintf(name, size, NAME_PREFIX "%s", task) < (int) size;
	return snprintf(name, size, NAME_PREFIX "%s, %d call%s", task, calls, calls == 1 ? "" : "s") < (int) size;
}

/* shop 7 full orders 2026-10-03 10:00-10:30 */
static void
write_task(const SyncTask *task, bool year, char *text, size_t size)
{
	int			used = snprintf(text, size, "shop " INT64_FORMAT " %s %s", task->shop_id, task->kind,
								task->key_check ? "key check" : stream_name(task->stream));

	if (!task->key_check && task->stream != STREAM_DETAILS && task->until > task->since)
		write_window(task, year, text + used, size - used);
}

/* A window lies within a day of Asia/Shanghai, of which it may be the rest: until 24:00. */
static void
write_window(const SyncTask *task, bool year, char *text, size_t size)
{
	char		since[VALUE_TIME_LEN + 1];
	char		until[VALUE_TIME_LEN + 1];
	int			length = task->since % 60 != 0 || task->until % 60 != 0 ? 8 : 5;
	const char *end = until + 11;

	value_write_time(task->since, since);
	value_write_time(task->until, until);
	if (strcmp(end, "00:00:00") == 0)
		end = "24:00:00";
	snprintf(text, size, " %.10s %.*s-%.*s", since, length, since + 11, length, end);
	/* without "2026-" */
	if (!year)
		memmove(text + 1, text + 6, strlen(text + 6) + 1);
}
