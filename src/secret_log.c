/*
 * secret_log.c
 *	  Keeps secrets that are typed in a statement out of the server log and
 *	  pg_stat_activity.
 *
 * The server writes a statement into its log when it fails
 * (log_min_error_statement), when statements are logged (log_statement,
 * log_min_duration_statement, extensions that audit) and when its backend
 * crashes.  Of a statement that names one of the functions that take a secret,
 * it is left out: the STATEMENT line by the flag that the server has for it,
 * lines of level LOG that quote it, or its plan, by other words in its place.
 *
 * Values that an error quotes are left out, too, also in what the client is told:
 * of a data key that was typed in the place of a number, or behind a quote that
 * does not end.  What is no function at all may be a name that was mistyped.
 *
 * The functions themselves say that they run, by secret_log_hide_statement(): so
 * does a statement that calls them by another name.  From then on, or, where it
 * names them, from when it is parsed, nobody sees it in pg_stat_activity, from which the server also takes what it logs of a backend
 * that dies, or of the others in a deadlock.
 *
 * A preloaded library hides them all.  One that is loaded by the first call of
 * a session comes too late for what log_statement wrote before that call ran,
 * which is said.
 *
 * The hook runs inside the error machinery: it never errors out, and allocates
 * a little in the context of the error only when it replaces something.
 */
#include "compat.h"

#include <ctype.h>

#include "access/xact.h"
#include "commands/prepare.h"
#include "parser/analyze.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/elog.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "secret_log.h"

/* The functions that take a secret, and how they all begin. */
#define PREFIX "ordersync_"
static const char *const secret_functions[] = {
	"ordersync_add_gateway",
	"ordersync_add_shop",
	"ordersync_set_data_key",
	"ordersync_set_gateway_secret",
	"ordersync_set_session_key"
};

#define SOME_FUNCTION "a function that takes a secret"

static emit_log_hook_type previous_hook = NULL;
static post_parse_analyze_hook_type previous_analyze_hook = NULL;
static TimestampTz installed_in = 0;	/* the statement; 0: the server's start */
static TimestampTz hidden_statement = 0;	/* which has said that it has a secret */
static TimestampTz harmless = 0;	/* whose text was searched when it was parsed, and named none */

static void hide_activity(ParseState *state, Query *query, JumbleState *jumble);
static void show_instead(const char *function);
static void hide_secrets(ErrorData *error);
static const char *function_of_statement(void);
static const char *function_named(const char *text);
static const char *function_executed(const char *text);
static void hide_values(ErrorData *error);
static bool may_be_mistyped(const ErrorData *error);
static void hide_in_line(ErrorData *error, const char *running);
static const char *secret_function_in(const char *text);
static const char *find_secret_function(const char *text, const char **at);
static bool quotes_call(const char *context);
static char *hidden(char *text, const char *function);

void
secret_log_install(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = hide_secrets;
	previous_analyze_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = hide_activity;
	if (!process_shared_preload_libraries_in_progress)
		installed_in = GetCurrentStatementStartTimestamp();
}

/*
 * As soon as the statement is understood, before it is planned.  What functions
 * and scripts run is not shown, so it is not searched; and a text of many
 * statements is searched once, or it would take the square of its length.
 */
static void
hide_activity(ParseState *state, Query *query, JumbleState *jumble)
{
	if (state->p_sourcetext == debug_query_string && harmless != GetCurrentStatementStartTimestamp())
	{
		const char *function = function_named(debug_query_string);

		if (function != NULL)
			show_instead(function);
		else
			harmless = GetCurrentStatementStartTimestamp();
	}
	if (previous_analyze_hook)
		previous_analyze_hook(state, query, jumble);
}

static void
show_instead(const char *function)
{
	pgstat_report_activity(STATE_RUNNING, psprintf("(a statement that calls %s, hidden by ordersync)", function));
}

static void
hide_secrets(ErrorData *error)
{
	const char *running = function_of_statement();

	/* the context: a statement that calls it under another name, EXECUTE or a wrapper */
	if (running != NULL || secret_function_in(error->context) != NULL)
	{
		error->hide_stmt = true;
		hide_values(error);
		/* a block's or function's statement; parameters, where they were asked for */
		if (quotes_call(error->context) || log_parameter_max_length_on_error != 0)
			error->context = NULL;
		if (secret_function_in(error->internalquery) != NULL)
			error->internalquery = NULL;
	}
	else if (may_be_mistyped(error))
	{
		error->hide_stmt = true;
		hide_values(error);
	}
	if (error->elevel == LOG || error->elevel == LOG_SERVER_ONLY)
		hide_in_line(error, running);
	if (previous_hook)
		previous_hook(error);
}

/* The function that takes a secret, if the statement in hand calls one. */
static const char *
function_of_statement(void)
{
	const char *function = function_named(debug_query_string);

	if (function == NULL && hidden_statement != 0 &&
		hidden_statement == GetCurrentStatementStartTimestamp())
		function = SOME_FUNCTION;
	return function;
}

/* The one that a text names, or that a statement which it executes names. */
static const char *
function_named(const char *text)
{
	const char *function = secret_function_in(text);

	return function != NULL ? function : function_executed(text);
}

/* That of a statement which was prepared before, and is executed by its name. */
static const char *
function_executed(const char *text)
{
	static const char *const word = "execute";
	char		name[NAMEDATALEN];

	for (const char *at = text; at != NULL && *at != '\0'; at++)
	{
		PreparedStatement *prepared;
		bool		quoted;
		size_t		len = 0;

		if ((*at != 'e' && *at != 'E') || pg_strncasecmp(at, word, strlen(word)) != 0 || !isspace((unsigned char) at[strlen(word)]))
			continue;
		at += strlen(word);
		while (isspace((unsigned char) at[1]))
			at++;
		quoted = at[1] == '"';
		at += quoted;
		while (at[len + 1] != '\0' && (quoted ? at[len + 1] != '"' : strchr(" \t\r\n(;", at[len + 1]) == NULL) && len < NAMEDATALEN - 1)
		{
			name[len] = quoted ? at[len + 1] : pg_ascii_tolower((unsigned char) at[len + 1]);
			len++;
		}
		name[len] = '\0';
		prepared = FetchPreparedStatement(name, false);
		if (prepared != NULL && secret_function_in(prepared->plansource->query_string) != NULL)
			return secret_function_in(prepared->plansource->query_string);
	}
	return NULL;
}

/* Errors of the parser and of types' input functions quote what they stumbled over. */
static void
hide_values(ErrorData *error)
{
	char	   *quote;

	switch (error->sqlerrcode)
	{
		case ERRCODE_SYNTAX_ERROR:
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_INVALID_TEXT_REPRESENTATION:
		case ERRCODE_INVALID_DATETIME_FORMAT:
		case ERRCODE_DATETIME_VALUE_OUT_OF_RANGE:
		case ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE:
			break;
		default:
			return;
	}
	error->detail = NULL;
	error->detail_log = NULL;
	error->context = NULL;
	if (error->message != NULL && (quote = strchr(error->message, '"')) != NULL)
		error->message = psprintf("%.*s(a value, hidden by ordersync)",
								  (int) (quote - error->message), error->message);
}

/* A statement with a name like ours that the server does not understand. */
static bool
may_be_mistyped(const ErrorData *error)
{
	if (debug_query_string == NULL ||
		(error->sqlerrcode != ERRCODE_UNDEFINED_FUNCTION && error->sqlerrcode != ERRCODE_SYNTAX_ERROR))
		return false;
	for (const char *at = debug_query_string; *at != '\0'; at++)
	{
		if (pg_strncasecmp(at, PREFIX, strlen(PREFIX)) == 0)
			return true;
	}
	return false;
}

/*
 * A line that quotes a statement: in its message, or in its details (EXECUTE, a
 * crash); or that shows the plan of one which running calls.
 */
static void
hide_in_line(ErrorData *error, const char *running)
{
	const char *function = secret_function_in(error->message);
	const char *in_detail = secret_function_in(error->detail);
	const char *in_detail_log = secret_function_in(error->detail_log);

	if (in_detail != NULL && error->detail != NULL)
		error->detail = hidden(error->detail, in_detail);
	if (in_detail_log != NULL && error->detail_log != NULL)
		error->detail_log = hidden(error->detail_log, in_detail_log);
	if (in_detail != NULL || in_detail_log != NULL)
		error->hide_stmt = true;	/* EXECUTE, with values */
	if (function == NULL && debug_query_string != NULL && error->message != NULL &&
		strstr(error->message, debug_query_string) != NULL)
		function = running != NULL ? running : in_detail != NULL ? in_detail : in_detail_log;
	if (function == NULL && running != NULL &&
		(error->detail != NULL || error->detail_log != NULL ||
		 (error->message != NULL && strchr(error->message, '\n') != NULL)))
		function = running;
	if (function == NULL)
		return;
	if (error->message != NULL)
		error->message = hidden(error->message, function);
	error->detail = NULL;		/* its parameters */
	error->detail_log = NULL;
}

/* The first function that takes a secret and is named in the text; NULL: none. */
static const char *
secret_function_in(const char *text)
{
	const char *at;

	return find_secret_function(text, &at);
}

/* The same, in upper case too, and where its name stands. */
static const char *
find_secret_function(const char *text, const char **at)
{
	if (text == NULL)
		return NULL;
	for (*at = text; **at != '\0'; (*at)++)
	{
		if ((**at != 'o' && **at != 'O') || pg_strncasecmp(*at, PREFIX, strlen(PREFIX)) != 0)
			continue;
		for (int i = 0; i < lengthof(secret_functions); i++)
		{
			size_t		len = strlen(secret_functions[i]);

			/* the variants that read a file are given its path */
			if (pg_strncasecmp(*at, secret_functions[i], len) == 0 &&
				pg_strncasecmp(*at + len, "_from_file", strlen("_from_file")) != 0)
				return secret_functions[i];
		}
	}
	return NULL;
}

/* Is a call quoted in a context that also names functions by their types? */
static bool
quotes_call(const char *context)
{
	const char *function;
	const char *at;

	while ((function = find_secret_function(context, &at)) != NULL)
	{
		context = at + strlen(function);
		if (strncmp(context, "(bigint,", 8) != 0 && strncmp(context, "(text,", 6) != 0)
			return true;
	}
	return false;
}

/* The line up to the statement or plan, with words in its place. */
static char *
hidden(char *text, const char *function)
{
	char	   *statement = debug_query_string != NULL ? strstr(text, debug_query_string) : NULL;
	int			before = statement != NULL ? (int) (statement - text) : 0;

	if (statement == NULL && (statement = strstr(text, " plan:\n")) != NULL)
		before = (int) (statement - text) + (int) strlen(" plan:\n");
	return psprintf("%.*s(a statement that calls %s, hidden by ordersync)",
					before, text, function);
}

void
secret_log_hide_statement(void)
{
	hidden_statement = GetCurrentStatementStartTimestamp();
	show_instead(function_of_statement());
	if (installed_in == 0 || installed_in != hidden_statement || log_statement != LOGSTMT_ALL)
		return;
	ereport(WARNING,
			(errmsg("the server log contains this statement, including the secret"),
			 errdetail("log_statement is \"all\", and the library was not preloaded, so it could not hide the statement."),
			 errhint("Put ordersync into shared_preload_libraries, or SET LOCAL log_statement = none "
					 "before typing a secret; remove the line from the log.")));
}
