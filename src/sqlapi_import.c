/*
 * sqlapi_import.c
 *	  A file of shops, as SQL sees it: its lines, each key sealed.
 *
 * A key is never a value of SQL.  It goes from the file's bytes into a seal for
 * the shop and for no destination, which only seal_read_secret() opens.  Of what
 * is in a file no message quotes anything.
 *
 * The bytes are wiped when they have been read, and by an error together with
 * all of the statement's memory.
 */
#include "compat.h"

#include <openssl/crypto.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "private_file.h"
#include "secret.h"
#include "shop_file.h"

#define MAX_FILE_SIZE (64 * 1024 * 1024)
#define READ_COLUMNS 8

ORDERSYNC_EXPORT Datum ordersync_read_shop_file(PG_FUNCTION_ARGS);

/* Where a shop stands in the file first. */
typedef struct SeenShop
{
	int64		shop_id;		/* the hash's key */
	int64		line;
} SeenShop;

static HTAB *make_seen(void);
static char *line_problem(HTAB *seen, const ShopLine *line);
static void put_line(ReturnSetInfo *result, ShopLine *line, char *problem);

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
	bytes = private_file_read(path, MAX_FILE_SIZE, &len);
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
		values[n] = PointerGetDatum(secret_seal(key, strlen(key), secret_purpose("data_key", psprintf(INT64_FORMAT, line->shop_id), SECRET_NO_DESTINATION)));
	n++;
	nulls[n] = problem == NULL;
	if (problem != NULL)
		values[n] = CStringGetTextDatum(problem);
	secret_wipe(key);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
