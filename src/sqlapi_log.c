/*
 * sqlapi_log.c
 *	  Lines for the server's log about what a transaction has done: a run has
 *	  begun or ended, a shop's state has changed.
 *
 * log_line() only takes note.  The lines are written when the transaction has
 * committed and released its locks: a page that is stored once more has ended its
 * run once, and nobody waits for a lock while the log is written.  Lines of a
 * subtransaction go with it; those of a transaction that is prepared are not
 * written.
 *
 * One event is one line: control characters become spaces, and neither statement
 * nor context of the caller is added.
 *
 * Memory: the lines lie in the transaction's context, which outlives the release
 * of its locks.
 */
#include "compat.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

typedef struct LogLine
{
	SubTransactionId subtransaction;
	char	   *text;
} LogLine;

static List *lines = NIL;		/* in TopTransactionContext */
static bool committed = false;	/* by a transaction that still holds its locks */

static void register_callbacks(void);
static void at_transaction_end(XactEvent event, void *arg);
static void at_subtransaction_end(SubXactEvent event, SubTransactionId mine,
								  SubTransactionId parent, void *arg);
static void at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
					   void *arg);
static void write_lines(void);
static void clean(char *text);

extern ORDERSYNC_EXPORT Datum ordersync_log_line(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(ordersync_log_line);

/* ordersync.log_line(text) */
Datum
ordersync_log_line(PG_FUNCTION_ARGS)
{
	MemoryContext before;
	LogLine    *line;
	char	   *database;

	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	register_callbacks();
	before = MemoryContextSwitchTo(TopTransactionContext);
	database = get_database_name(MyDatabaseId);
	line = palloc(sizeof(LogLine));
	line->subtransaction = GetCurrentSubTransactionId();
	line->text = psprintf("ordersync: database \"%s\", %s", database ? database : "",
						  text_to_cstring(PG_GETARG_TEXT_PP(0)));
	clean(line->text);
	lines = lappend(lines, line);
	MemoryContextSwitchTo(before);
	PG_RETURN_VOID();
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
	registered = true;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			committed = lines != NIL;
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			lines = NIL;		/* the memory goes with the transaction */
			committed = false;
			break;
		default:
			break;
	}
}

/* Numbers of subtransactions grow: those of one that aborts, and of what it held, are its own or later. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (lines != NIL && ((LogLine *) llast(lines))->subtransaction >= mine)
		lines = list_delete_last(lines);
}

/* Called for every resource owner and phase: the first of the last phase is ours. */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level, void *arg)
{
	if (!committed || phase != RESOURCE_RELEASE_AFTER_LOCKS || !is_top_level)
		return;
	committed = false;
	write_lines();
	lines = NIL;
}

static void
write_lines(void)
{
	ListCell   *cell;

	foreach(cell, lines)
		ereport(LOG_SERVER_ONLY,
				(errmsg_internal("%s", ((LogLine *) lfirst(cell))->text),
				 errhidestmt(true),
				 errhidecontext(true)));
}

/* A role's name may hold anything; a line is one line. */
static void
clean(char *text)
{
	for (char *c = text; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = ' ';
	}
}
