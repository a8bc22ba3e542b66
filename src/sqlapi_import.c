/*
 * sqlapi_import.c
 *	  A file of shops, as SQL sees it: its lines, each key sealed.
 *
 * A key is never a value of SQL.  It goes from the file's bytes into a seal of
 * its own, for the shop and for no destination, which only seal_read_key()
 * opens: to seal it for the shop's gateway, or to find that it is the one that
 * is stored.  So no statement, log, plan or error has it, whatever is logged.
 *
 * Whoever may call this may have the server read files: the rights are those of
 * the role that calls, as for COPY.  A file that others could read or write is
 * refused, and of what is in a file no message quotes anything.
 *
 * The bytes are wiped when they have been read, and by an error together with
 * all of the statement's memory.
 */
#include "compat.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "secret.h"
#include "shop_file.h"

#define MAX_FILE_SIZE (64 * 1024 * 1024)
#define READ_COLUMNS 8
#define NO_DESTINATION "no destination yet"

ORDERSYNC_EXPORT Datum ordersync_read_shop_file(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_seal_read_key(PG_FUNCTION_ARGS);

/* Where a shop stands in the file first. */
typedef struct SeenShop
{
	int64		shop_id;		/* the hash's key */
	int64		line;
} SeenShop;

static char *read_private_file(const char *path, size_t *len);
static void check_private(const char *path, const struct stat *status);
static HTAB *make_seen(void);
static char *line_problem(HTAB *seen, const ShopLine *line);
static void put_line(ReturnSetInfo *result, ShopLine *line, char *problem);
static char *import_purpose(const char *shop);

PG_FUNCTION_INFO_V1(ordersync_read_shop_file);
/* read_shop_file(path) → line, shop_id, seller_nick, gateway, options, expires_at, sealed_key, problem */
Datum
ordersync_read_shop_file(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "ordersync shop", ALLOCSET_SMALL_SIZES);
	MemoryContext before;
	HTAB	   *seen;
	ShopFile	file;
	ShopLine	line;
	const char *problem;
	char	   *path;
	char	   *bytes;
	size_t		len;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("path must not be NULL"),
				 errhint("It is that of a file on the server: SELECT * FROM ordersync_import_shops('/etc/ordersync/shops.csv').")));
	path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytes = read_private_file(path, &len);
	problem = shop_file_begin(&file, bytes, len);
	if (problem != NULL)
	{
		OPENSSL_cleanse(bytes, len);
		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("file \"%s\" is not a list of shops", path),
				 errdetail("Reason: %s.", problem),
				 errhint("Begin it with a line that names its columns, divided by commas: shop_id, seller_nick, session_key (or data_key), gateway, options, expires_at; or write on each line an object of JSON with members of these names.")));
	}

	compat_init_materialized_srf(fcinfo);
	seen = make_seen();
	before = MemoryContextSwitchTo(row);
	while (shop_file_next(&file, &line))
	{
		CHECK_FOR_INTERRUPTS();
		put_line(result, &line, line_problem(seen, &line));
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(before);
	hash_destroy(seen);
	OPENSSL_cleanse(bytes, len);
	pfree(bytes);
	return (Datum) 0;
}

/* A file that only the server can read, and a byte more.  Errors are for people. */
static char *
read_private_file(const char *path, size_t *len)
{
	struct stat status;
	char	   *bytes;
	ssize_t		got;
	int			fd;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file of the server"),
				 errdetail("Only roles with privileges of the \"pg_read_server_files\" role may."),
				 errhint("A superuser can import the file, or GRANT pg_read_server_files TO %s.",
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	/* a pipe that nobody writes to must not be waited for */
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("The file must be on the server and belong to the server's user; a relative path begins at the data directory.")));
	if (fstat(fd, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	check_private(path, &status);

	*len = (size_t) status.st_size;
	bytes = palloc(*len + 1);
	for (size_t done = 0; done < *len; done += got)
	{
		got = read(fd, bytes + done, *len - done);
		if (got < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
		if (got == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("file \"%s\" became shorter while it was read", path),
					 errhint("Try again when it is whole.")));
		CHECK_FOR_INTERRUPTS();
	}
	bytes[*len] = '\0';
	CloseTransientFile(fd);
	return bytes;
}

static void
check_private(const char *path, const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path),
				 errhint("Give the path of a file with lines of shops.")));
	if (status->st_uid != geteuid())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" does not belong to the server's user", path),
				 errdetail("It holds keys, so only the server may be able to read it."),
				 errhint("In a shell of root: chown --reference='%s' '%s'; chmod 600 '%s'", DataDir, path, path)));
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" can be used by others than the server", path),
				 errdetail("Its mode is %04o. It holds keys, so only the server may be able to read it.",
						   (unsigned int) (status->st_mode & 07777)),
				 errhint("In a shell of the server's user: chmod 600 '%s'", path)));
	if (status->st_size > MAX_FILE_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large", path),
				 errdetail("It has %lld bytes; the maximum is %d.", (long long) status->st_size, MAX_FILE_SIZE),
				 errhint("Divide it.")));
}

static HTAB *
make_seen(void)
{
	HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(SeenShop), .hcxt = CurrentMemoryContext};

	return hash_create("ordersync shops of a file", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Why a line cannot be used, a second one of the same shop for instance; NULL: it can. */
static char *
line_problem(HTAB *seen, const ShopLine *line)
{
	SeenShop   *shop;
	bool		found;

	if (line->problem != NULL)
		return pstrdup(line->problem);
	shop = hash_search(seen, &line->shop_id, HASH_ENTER, &found);
	if (found)
		return psprintf("the shop is on line " INT64_FORMAT " already", shop->line);
	shop->line = line->line;
	return NULL;
}

static void
put_line(ReturnSetInfo *result, ShopLine *line, char *problem)
{
	static const ShopColumn columns[] = {SHOP_NICK, SHOP_GATEWAY, SHOP_OPTIONS, SHOP_EXPIRES_AT};
	Datum		values[READ_COLUMNS] = {0};
	bool		nulls[READ_COLUMNS];
	char	   *key = line->values[SHOP_KEY];
	int			n = 0;

	memset(nulls, true, sizeof(nulls));
	nulls[n] = false;
	values[n++] = Int64GetDatum(line->line);
	nulls[n] = !line->has_id;
	values[n++] = Int64GetDatum(line->shop_id);
	for (int i = 0; i < lengthof(columns); i++, n++)
	{
		/* what stands in the wrong column of such a line may be a key */
		nulls[n] = problem != NULL || line->values[columns[i]] == NULL;
		if (!nulls[n])
			values[n] = CStringGetTextDatum(line->values[columns[i]]);
	}
	nulls[n] = problem != NULL || key == NULL;
	if (!nulls[n])
		values[n] = PointerGetDatum(secret_seal(key, strlen(key), import_purpose(psprintf(INT64_FORMAT, line->shop_id))));
	n++;
	nulls[n] = problem == NULL;
	if (problem != NULL)
		values[n] = CStringGetTextDatum(problem);
	secret_wipe(key);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static char *
import_purpose(const char *shop)
{
	return secret_purpose("read_key", shop, NO_DESTINATION);
}

PG_FUNCTION_INFO_V1(ordersync_seal_read_key);
/* seal_read_key(read key, shop, destination, stored key or NULL) → bytea; NULL: it is the stored one */
Datum
ordersync_seal_read_key(PG_FUNCTION_ARGS)
{
	char	   *shop = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *purpose = secret_purpose("data_key", shop, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SecretTrouble trouble;
	char	   *key = secret_open(PG_GETARG_BYTEA_PP(0), import_purpose(shop), &trouble);
	char	   *stored = NULL;
	bytea	   *sealed = NULL;

	if (key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the key that was read cannot be opened"),
				 errdetail("Reason: %s.", trouble.why),
				 errhint("Check the file that ordersync.key_file names, and import again.")));
	if (!PG_ARGISNULL(3))
		stored = secret_open(PG_GETARG_BYTEA_PP(3), purpose, &trouble);
	if (stored == NULL || strcmp(key, stored) != 0)
		sealed = secret_seal(key, strlen(key), purpose);
	secret_wipe(key);
	secret_wipe(stored);
	if (sealed == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(sealed);
}
