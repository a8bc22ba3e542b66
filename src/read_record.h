/*
 * read_record.h
 *	  The typed values of a stored record, read from its jsonb in one pass.
 */
#ifndef ORDERSYNC_READ_RECORD_H
#define ORDERSYNC_READ_RECORD_H

#include "compat.h"

#include "utils/jsonb.h"

#include "dictionary_column.h"

/* A table's columns in the order in which a record's members stand in jsonb. */
typedef struct ReadPlan
{
	const DictionaryColumn *columns;
	int			ncolumns;
	int			norder;
	int		   *order;			/* indexes of columns, by the length of their field, then its bytes */
	bool		of_trade;		/* these are the columns that a line takes from its order */
} ReadPlan;

/* Of the columns that are (not) taken from a line's order; allocated in context. */
extern ReadPlan *read_plan(const DictionaryColumn *columns, int ncolumns, bool of_trade,
						   MemoryContext context);

/*
 * Sets values[i] and nulls[i] of the plan's columns; the others are left alone.
 * A member that is absent, null, or, for a typed column, the empty text is NULL.
 * True when a value that is none of these could not be read: it is NULL too.
 * Texts are in the current context.
 */
extern bool read_record_values(const ReadPlan *plan, JsonbContainer *record,
							   Datum *values, bool *nulls);

/* The member of an object, as a container; NULL when there is none of that name and shape. */
extern JsonbContainer *read_container(JsonbContainer *object, const char *name, bool array);

#endif							/* ORDERSYNC_READ_RECORD_H */
