/*
 * sqlapi_secret_file.c
 *	  A file with one secret, as SQL sees it: sealed.
 *
 * A secret is never a value of SQL.  It goes from the file's bytes into a seal of
 * its own, for its row and for no destination, which only seal_read_secret()
 * opens: to seal it for where its gateway leads, or to find that it is the one
 * that is stored.  So no statement, log, plan or error has it, whatever is
 * logged.  What is wrong with a file is told without a word of it.
 */
#include "compat.h"

#include <openssl/crypto.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "private_file.h"
#include "secret.h"

#define MAX_FILE_SIZE 65536
#define MAX_HEADER 4096
#define MAX_SECRET 1024

ORDERSYNC_EXPORT Datum ordersync_read_secret_file(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_seal_read_secret(PG_FUNCTION_ARGS);

static char *trimmed(char *text, size_t *len);
static const char *secret_problem(const char *text, size_t len, const char *kind);

PG_FUNCTION_INFO_V1(ordersync_read_secret_file);
/* read_secret_file(path, kind, name) → bytea, for seal_read_secret() */
Datum
ordersync_read_secret_file(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	size_t		size;
	char	   *bytes = private_file_read(path, MAX_FILE_SIZE, &size);
	size_t		len = size;
	char	   *text = trimmed(bytes, &len);
	const char *problem = secret_problem(text, len, kind);
	bytea	   *sealed = NULL;

	if (problem == NULL)
		sealed = secret_seal(text, len, secret_purpose(kind, name, SECRET_NO_DESTINATION));
	OPENSSL_cleanse(bytes, size);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file \"%s\" does not hold one secret", path),
				 errdetail("Reason: %s.", problem),
				 errhint("Write the secret into it, on one line, and nothing else.")));
	PG_RETURN_BYTEA_P(sealed);
}

/* Without the white space around it, which editors leave. */
static char *
trimmed(char *text, size_t *len)
{
	if (*len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		*len -= 3;
	}
	while (*len > 0 && strchr(" \t\r\n", text[*len - 1]) != NULL)
		(*len)--;
	while (*len > 0 && strchr(" \t\r\n", text[0]) != NULL)
	{
		text++;
		(*len)--;
	}
	return text;
}

/* The rules of what is typed, in constant words; NULL: it is well. */
static const char *
secret_problem(const char *text, size_t len, const char *kind)
{
	bool		is_header = strcmp(kind, "header") == 0;
	const char *colon = memchr(text, ':', len);

	if (len == 0)
		return "it is empty";
	if (len > (is_header ? MAX_HEADER : MAX_SECRET))
		return "it is too long";
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] == '\n' || text[i] == '\r')
			return "it has several lines";
		if (text[i] == ' ' && !is_header)
			return "it contains white space";
		if (text[i] < ' ' || text[i] > '~')
			return "it contains a character that is no printable ASCII";
	}
	if (strcmp(kind, "proxy_password") == 0 && (colon == NULL || colon == text || colon == text + len - 1))
		return "it is not \"user:password\"";
	return NULL;
}

PG_FUNCTION_INFO_V1(ordersync_seal_read_secret);
/* seal_read_secret(read, kind, name, destination, stored or NULL) → bytea; NULL: it is the stored one */
Datum
ordersync_seal_read_secret(PG_FUNCTION_ARGS)
{
	char	   *kind;
	char	   *name;
	char	   *purpose;
	SecretTrouble trouble;
	char	   *plain;
	char	   *stored = NULL;
	bytea	   *sealed = NULL;

	/* what admins may call calls this with what they gave */
	for (int i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("what was read, its kind, its name and its destination must not be NULL")));
	}
	kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	purpose = secret_purpose(kind, name, text_to_cstring(PG_GETARG_TEXT_PP(3)));
	plain = secret_open(PG_GETARG_BYTEA_PP(0), secret_purpose(kind, name, SECRET_NO_DESTINATION), &trouble);
	if (plain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the secret that was read cannot be opened"),
				 errdetail("Reason: %s.", trouble.why),
				 errhint("Check the file that ordersync.key_file names, and read it again.")));
	if (!PG_ARGISNULL(4))
		stored = secret_open(PG_GETARG_BYTEA_PP(4), purpose, &trouble);
	if (stored == NULL || strcmp(plain, stored) != 0)
		sealed = secret_seal(plain, strlen(plain), purpose);
	secret_wipe(plain);
	secret_wipe(stored);
	if (sealed == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(sealed);
}
