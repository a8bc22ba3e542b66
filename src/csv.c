/*
 * csv.c
 *	  Comma-separated values (RFC 4180), record by record, in place.
 *
 * The reader of COPY is not used.  What it says of a record that it does not
 * like quotes that record, which may hold a secret; it gives up the whole file
 * there; it takes a line "\." for the end; and it wants a table.
 *
 * A record is looked at first and changed only when it is whole, so that past
 * one that is not, as with a quote that is never closed, the next line is as it
 * was.  Each byte is looked at once or twice: only the last quote of a text can
 * be without an end.
 *
 * Pure: no errors, no memory of its own.
 */
#include "compat.h"

#include "csv.h"

static void take_record(CsvReader *reader, CsvRecord *record);
static bool take_cell(CsvReader *reader, CsvCell *cell, const char **problem);
static bool take_quoted(CsvReader *reader, CsvCell *cell, const char **problem);
static void take_line_end(CsvReader *reader);
static void skip_line(CsvReader *reader);

void
csv_begin(CsvReader *reader, char *text, size_t len)
{
	reader->at = text;
	reader->end = text + len;
	reader->line = 1;
}

bool
csv_next(CsvReader *reader, CsvRecord *record)
{
	while (reader->at < reader->end && (*reader->at == '\n' || *reader->at == '\r'))
		take_line_end(reader);
	if (reader->at >= reader->end)
		return false;

	record->line = reader->line;
	record->at = reader->at;
	record->ncells = 0;
	record->problem = NULL;
	take_record(reader, record);
	record->len = reader->at - record->at;
	if (record->problem != NULL)
	{
		reader->at = record->at;
		reader->line = record->line;
		skip_line(reader);
		record->len = reader->at - record->at;
	}
	take_line_end(reader);
	return true;
}

/* Up to the line end, or up to where it cannot be read. */
static void
take_record(CsvReader *reader, CsvRecord *record)
{
	for (;;)
	{
		CsvCell		cell;

		if (!take_cell(reader, &cell, &record->problem))
			return;
		if (record->ncells < CSV_MAX_CELLS)
			record->cells[record->ncells] = cell;
		record->ncells++;
		if (reader->at >= reader->end || *reader->at != ',')
			return;
		reader->at++;
	}
}

/* Up to a comma, a line end or the end. */
static bool
take_cell(CsvReader *reader, CsvCell *cell, const char **problem)
{
	if (reader->at < reader->end && *reader->at == '"')
		return take_quoted(reader, cell, problem);

	cell->at = reader->at;
	cell->quoted = false;
	while (reader->at < reader->end && *reader->at != ',' && *reader->at != '\n' && *reader->at != '\r')
	{
		if (*reader->at == '"')
		{
			*problem = "a quote stands in a cell that does not begin with one";
			return false;
		}
		reader->at++;
	}
	cell->len = reader->at - cell->at;
	return true;
}

static bool
take_quoted(CsvReader *reader, CsvCell *cell, const char **problem)
{
	cell->at = ++reader->at;
	cell->quoted = true;
	for (;; reader->at++)
	{
		if (reader->at >= reader->end)
		{
			*problem = "a quote is not closed";
			return false;
		}
		if (*reader->at == '\n')
			reader->line++;
		if (*reader->at != '"')
			continue;
		if (reader->at + 1 >= reader->end || reader->at[1] != '"')
			break;
		reader->at++;
	}
	cell->len = reader->at - cell->at;
	reader->at++;
	if (reader->at < reader->end && *reader->at != ',' && *reader->at != '\n' && *reader->at != '\r')
	{
		*problem = "after a closing quote there is neither a comma nor the line's end";
		return false;
	}
	return true;
}

/* One of LF, CR LF, CR; nothing at the end. */
static void
take_line_end(CsvReader *reader)
{
	if (reader->at >= reader->end)
		return;
	if (*reader->at == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n')
		reader->at++;
	reader->at++;
	reader->line++;
}

static void
skip_line(CsvReader *reader)
{
	while (reader->at < reader->end && *reader->at != '\n' && *reader->at != '\r')
		reader->at++;
}

void
csv_resolve(CsvRecord *record)
{
	for (int i = 0; i < Min(record->ncells, CSV_MAX_CELLS); i++)
	{
		CsvCell    *cell = &record->cells[i];
		size_t		len = 0;

		for (size_t k = 0; k < cell->len; k++)
		{
			if (cell->quoted && cell->at[k] == '"')
				k++;			/* the second of two */
			cell->at[len++] = cell->at[k];
		}
		cell->at[len] = '\0';
		cell->len = len;
	}
}
