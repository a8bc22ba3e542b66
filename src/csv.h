/*
 * csv.h
 *	  Comma-separated values (RFC 4180), record by record, in place.
 */
#ifndef ORDERSYNC_CSV_H
#define ORDERSYNC_CSV_H

#include "compat.h"

/* More cells than a record of ours can have; of the cells behind them only the number is counted. */
#define CSV_MAX_CELLS 32

typedef struct CsvCell
{
	char	   *at;
	size_t		len;			/* in bytes */
	bool		quoted;			/* at and len are between the quotes */
} CsvCell;

typedef struct CsvRecord
{
	int64		line;			/* on which it begins, from 1 */
	char	   *at;				/* all of it, without its line end */
	size_t		len;
	int			ncells;			/* may be more than CSV_MAX_CELLS */
	CsvCell		cells[CSV_MAX_CELLS];
	const char *problem;		/* why it is none, constant words; NULL when it is one */
} CsvRecord;

typedef struct CsvReader
{
	char	   *at;				/* next byte to be read */
	char	   *end;
	int64		line;
} CsvReader;

/* A reader at the beginning of a text of len bytes; csv_resolve() may write a NUL at text[len]. */
extern void csv_begin(CsvReader *reader, char *text, size_t len);

/*
 * The next record that is not an empty line; false at the end.  Past one that is
 * none the next line is read.
 */
extern bool csv_next(CsvReader *reader, CsvRecord *record);

/* Resolves the quotes of a record's cells and ends each by a NUL, in place. */
extern void csv_resolve(CsvRecord *record);

#endif							/* ORDERSYNC_CSV_H */
