/*
 * secret_log.c
 *	  Keeps secrets that are typed in a statement out of the server log.
 *
 * The server writes a statement into its log when it fails
 * (log_min_error_statement), when statements are logged (log_statement,
 * log_min_duration_statement, extensions that audit) and when its backend
 * crashes.  Of a statement that names one of the functions that take a secret,
 * it is left out: the STATEMENT line by the flag that the server has for it,
 * lines of level LOG that quote it by other words in its place.  What the
 * client is told does not change.
 *
 * A preloaded library hides them all.  One that is loaded by the first call of
 * a session comes too late for what log_statement wrote before that call ran:
 * secret_log_warn() says so.
 *
 * The hook runs inside the error machinery: it never errors out, and allocates
 * a little in the context of the error only when it replaces something.
 */
#include "compat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/elog.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "secret_log.h"

/* The functions that take a secret. */
static const char *const secret_functions[] = {
	"ordersync_add_gateway",
	"ordersync_add_shop",
	"ordersync_set_data_key",
	"ordersync_set_gateway_secret",
	"ordersync_set_session_key"
};

static emit_log_hook_type previous_hook = NULL;
static TimestampTz installed_in = 0;	/* the statement; 0: the server's start */

static void hide_secrets(ErrorData *error);
static void hide_in_line(ErrorData *error);
static const char *secret_function_in(const char *text);
static const char *find_secret_function(const char *text, const char **at);
static bool quotes_call(const char *context);
static char *hidden(char *text, const char *function);

void
secret_log_install(void)
{
	previous_hook = emit_log_hook;
	emit_log_hook = hide_secrets;
	if (!process_shared_preload_libraries_in_progress)
		installed_in = GetCurrentStatementStartTimestamp();
}

static void
hide_secrets(ErrorData *error)
{
	/* the context: a statement that calls it under another name, EXECUTE or a wrapper */
	if (secret_function_in(debug_query_string) != NULL || secret_function_in(error->context) != NULL)
	{
		error->hide_stmt = true;
		/* a block's or function's statement; parameters, where they were asked for */
		if (quotes_call(error->context) || log_parameter_max_length_on_error != 0)
			error->context = NULL;
		if (secret_function_in(error->internalquery) != NULL)
			error->internalquery = NULL;
	}
	if (error->elevel == LOG || error->elevel == LOG_SERVER_ONLY)
		hide_in_line(error);
	if (previous_hook)
		previous_hook(error);
}

/* A line that quotes a statement: in its message, or in its details (EXECUTE, a crash). */
static void
hide_in_line(ErrorData *error)
{
	const char *function = secret_function_in(error->message);
	const char *in_detail = secret_function_in(error->detail);
	const char *in_detail_log = secret_function_in(error->detail_log);

	if (in_detail != NULL)
		error->detail = hidden(error->detail, in_detail);
	if (in_detail_log != NULL)
		error->detail_log = hidden(error->detail_log, in_detail_log);
	if (function == NULL && debug_query_string != NULL && error->message != NULL &&
		strstr(error->message, debug_query_string) != NULL)
		function = in_detail != NULL ? in_detail : in_detail_log;
	if (function == NULL)
		return;
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
		if (**at != 'o' && **at != 'O')
			continue;
		for (int i = 0; i < lengthof(secret_functions); i++)
		{
			if (pg_strncasecmp(*at, secret_functions[i], strlen(secret_functions[i])) == 0)
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

/* The line up to the statement, with words in the statement's place. */
static char *
hidden(char *text, const char *function)
{
	char	   *statement = debug_query_string != NULL ? strstr(text, debug_query_string) : NULL;
	int			before = statement != NULL ? (int) (statement - text) : 0;

	return psprintf("%.*s(a statement that calls %s, hidden by ordersync)",
					before, text, function);
}

void
secret_log_warn(void)
{
	if (installed_in == 0 || installed_in != GetCurrentStatementStartTimestamp() ||
		log_statement != LOGSTMT_ALL)
		return;
	ereport(WARNING,
			(errmsg("the server log contains this statement, including the secret"),
			 errdetail("log_statement is \"all\", and the library was not preloaded, so it could not hide the statement."),
			 errhint("Put ordersync into shared_preload_libraries, or SET LOCAL log_statement = none "
					 "before typing a secret; remove the line from the log.")));
}
