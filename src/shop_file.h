/*
 * shop_file.h
 *	  A file of shops: comma-separated values, or an object of JSON on each line.
 */
#ifndef ORDERSYNC_SHOP_FILE_H
#define ORDERSYNC_SHOP_FILE_H

#include "compat.h"

#include "csv.h"

/* What a line may say of a shop, by the names of columns and members. */
typedef enum ShopColumn
{
	SHOP_ID,
	SHOP_NICK,
	SHOP_KEY,
	SHOP_GATEWAY,
	SHOP_OPTIONS,
	SHOP_EXPIRES_AT,
	SHOP_COLUMNS
} ShopColumn;

/* One line.  Values are NUL-terminated, and lie in the text or in the current memory context; NULL: nothing is said. */
typedef struct ShopLine
{
	int64		line;			/* its number, from 1 */
	bool		has_id;
	int64		shop_id;
	char	   *values[SHOP_COLUMNS];	/* but for SHOP_ID */
	const char *problem;		/* why it cannot be used; NULL: it can.  Quotes nothing of the file */
} ShopLine;

typedef struct ShopFile
{
	CsvReader	reader;
	bool		is_json;
	int			ncolumns;		/* of the header */
	ShopColumn	columns[CSV_MAX_CELLS];
} ShopFile;

/*
 * Begins to read a text of len bytes, which is changed while it is read; text[len]
 * must be writable.  NULL, or why nothing of it can be read, in constant words.
 */
extern const char *shop_file_begin(ShopFile *file, char *text, size_t len);

/* The next line; false at the end. */
extern bool shop_file_next(ShopFile *file, ShopLine *line);

#endif							/* ORDERSYNC_SHOP_FILE_H */
