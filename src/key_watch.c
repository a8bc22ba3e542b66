/*
 * key_watch.c
 *	  Whether the worker can use the key file, and what follows when that changes.
 *
 * A key file that is missing or has the wrong mode is a state of the server: no
 * task is claimed meanwhile, gateways say so in their secret_state, one line is
 * written to the log.  It is looked at again every two seconds, and when the
 * worker is woken; once it is good all shops go on by themselves.
 *
 * Another key in the file is another matter: at the start, and whenever the
 * key has changed, every sealed secret is tried, those that cannot be opened
 * are marked and those that open again are not any more (note_key_file).  As
 * long as some are unreadable the file is looked at as often: the right one
 * may be put back.
 *
 * So it is when a key was added or dropped.  Which key the database's secrets are
 * sealed with is then told to other databases, whose old keys may be this one's.
 *
 * What was noted last is remembered here; when noting fails it is tried again.
 */
#include "compat.h"

#include "clock.h"
#include "guc.h"
#include "job.h"
#include "key_watch.h"
#include "queue.h"
#include "secret.h"
#include "shmem.h"

#define LOOK_EVERY_MS 1000		/* at most, while all is well */
#define LOOK_AGAIN_MS 2000		/* while it is not */
#define NOTE_AGAIN_MS (10 * 1000)	/* after an error of the database */
#define COUNT_AGAIN_MS (60 * 1000)	/* while some are sealed with an older key */

static bool noted = false;		/* the two below stand in the database */
static KeyFileState noted_state;
static uint64 noted_mark;
static bool ready = true;
static bool unreadable = false;		/* some secrets do not open with the key that is there */
static bool outdated = false;	/* some were sealed with an older key of the file */
static int64 count_at = 0;
static int64 look_at = 0;

static bool is_noted(const KeyFile *found);
static bool record_state(const KeyFile *found, KeyFileNote *result);
static void do_record_state(void *arg);
static void report(const char *database, const KeyFile *found, const KeyFileNote *result);
static void report_unusable(const KeyFile *found);
static void report_mismatch(const char *database, const KeyFileNote *result);

bool
key_watch_ready(const char *database)
{
	int64		now = clock_steady_ms();
	KeyFile		found;
	KeyFileNote result = {0};

	if (now < look_at)
		return ready;
	secret_look(&found);
	if (!is_noted(&found) || (outdated && now >= count_at))
	{
		if (!record_state(&found, &result))
		{
			ready = found.state == KEY_FILE_READY;
			look_at = now + NOTE_AGAIN_MS;
			return ready;
		}
		report(database, &found, &result);
		shmem_set_key_missing(found.state == KEY_FILE_MISSING && result.sealed > 0);
		shmem_set_sealed_with(result.sealed == 0 ? NO_SECRETS : result.outdated == 0 ? found.newest : 0);
		noted = true;
		noted_state = found.state;
		noted_mark = found.mark;
		/* where nothing is sealed yet, nothing is missing */
		ready = found.state == KEY_FILE_READY || result.sealed == 0;
		unreadable = ready && result.unreadable > 0;
		outdated = result.outdated > 0;
		count_at = now + COUNT_AGAIN_MS;
	}
	look_at = now + (ready && !unreadable ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
	return ready;
}

/* Whether a file that is not there is missed may change: secrets are forgotten, or restored. */
static bool
is_noted(const KeyFile *found)
{
	return noted && found->state != KEY_FILE_MISSING &&
		noted_state == found->state && noted_mark == found->mark;
}

bool
key_watch_blocks(void)
{
	return !ready;
}

void
key_watch_recheck(void)
{
	noted = false;
	look_at = 0;
}

void
key_watch_renewed(void)
{
	if (outdated)
		key_watch_recheck();
}

int64
key_watch_next(void)
{
	return ready && !unreadable ? PG_INT64_MAX : look_at;
}

/* What record_state() hands to its transaction. */
typedef struct Noting
{
	const KeyFile *found;
	KeyFileNote *result;
} Noting;

static bool
record_state(const KeyFile *found, KeyFileNote *result)
{
	Noting		noting = {found, result};
	DbState		state;
	ErrorData  *error;

	return job_transact("recording the key file state", DB_DURABLE, do_record_state, &noting,
						&state, &error) == OUTCOME_DONE;
}

/* In a transaction. */
static void
do_record_state(void *arg)
{
	Noting	   *noting = arg;

	queue_note_key_file(noting->found->why, noting->result);
}

/* Logs one line per server, whatever the number of workers that see it. */
static void
report(const char *database, const KeyFile *found, const KeyFileNote *result)
{
	if (result->sealed == 0)
		shmem_report_once("nothing sealed");
	else if (found->state != KEY_FILE_READY)
	{
		if (shmem_report_once(found->why))
			report_unusable(found);
	}
	else if (result->unreadable > 0)
	{
		if (shmem_report_once(psprintf("%s " UINT64_FORMAT, database, found->mark)))
			report_mismatch(database, result);
	}
	/* a file that is made by the first secret was not missed before */
	else if (shmem_report_once("ready") && noted && noted_state != KEY_FILE_READY && !ready)
		ereport(LOG,
				(errmsg("ordersync can open its secrets again")));
}

static void
report_unusable(const KeyFile *found)
{
	ereport(LOG,
			(errmsg("ordersync cannot open its secrets, all tasks wait"),
			 errdetail("%s.", found->why),
			 found->state == KEY_FILE_MISSING ?
			 errhint("Restore the file that sealed them from a base backup or, after "
					 "pg_upgrade, from the old data directory; or delete what it sealed: "
					 "SELECT ordersync_forget_secrets().") :
			 errhint("When the file is usable again, all shops continue automatically.")));
}

static void
report_mismatch(const char *database, const KeyFileNote *result)
{
	ereport(LOG,
			(errmsg("%d of %d secrets in database \"%s\" were sealed with another key than the one in \"%s\"",
					result->unreadable, result->sealed, database, guc_key_file),
			 errhint("Restore the file that sealed them, or set them again; "
					 "secret_state of ordersync.gateways and key_state of ordersync.shops say which.")));
}
