/*
 * db.h
 *	  The worker's way to its database: the bracket around every transaction,
 *	  the identity inside it, and saved statements.  The only room that knows SPI.
 */
#ifndef ORDERSYNC_DB_H
#define ORDERSYNC_DB_H

#include "compat.h"
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#define DB_MAX_PARAMS 24

/* Why nothing can be done in this database now. */
typedef enum DbState
{
	DB_READY,
	DB_NO_EXTENSION,			/* never created, or dropped */
	DB_OTHER_VERSION,			/* its SQL is not this library's */
	DB_NO_TABLES,				/* no gateway was ever added */
	DB_UNSAFE_OWNER				/* the schema's owner is a superuser */
} DbState;

/* How much the commit is worth. */
typedef enum DbDurability
{
	DB_DURABLE,					/* on disk here before going on */
	DB_REPEATABLE				/* what is lost in a crash is fetched again, whole */
} DbDurability;

/* A statement, prepared at its first use and kept for the life of the process. */
typedef struct DbStatement
{
	const char *sql;			/* $n parameters, every name qualified */
	int			nparams;
	Oid			types[DB_MAX_PARAMS];
	struct _SPI_plan *plan;
} DbStatement;

/* Its parameters, added in their order. */
typedef struct DbParams
{
	int			n;
	Datum		values[DB_MAX_PARAMS];
	char		nulls[DB_MAX_PARAMS];
} DbParams;

/* Fixes every setting of the session that a database or role could have changed. */
extern void db_init_session(void);

/*
 * Begins a transaction as the owner of schema ordersync, with a snapshot and
 * SPI.  Not DB_READY: nothing is open.  What is allocated inside goes with the
 * transaction; results must be copied out.
 */
extern DbState db_begin(const char *activity, DbDurability durability);
extern void db_commit(void);

/* The rest of the transaction waits for no lock for long: it fails instead. */
extern void db_limit_lock_waits(void);

/* After an error, once the caller has copied it. */
extern void db_abort(void);

/* Runs it and returns the number of rows; they stay readable until the next one. */
extern uint64 db_run(DbStatement *statement, const DbParams *params);

/* A value of the last result; row and column from 0. */
extern Datum db_value(uint64 row, int column, bool *isnull);

/* The same where no value means 0, false or NULL; text is palloc'd in context. */
extern int64 db_int8(uint64 row, int column);
extern int32 db_int4(uint64 row, int column);
extern bool db_bool(uint64 row, int column);
extern char *db_text(uint64 row, int column, MemoryContext context);

/* Sends statistics of the tables at once; before a long sleep. */
extern void db_report(void);

/* One or two words for people. */
extern const char *db_state_name(DbState state);

static inline void
db_add(DbParams *params, Datum value)
{
	if (params->n >= DB_MAX_PARAMS)
		elog(ERROR, "too many parameters");
	params->nulls[params->n] = ' ';
	params->values[params->n++] = value;
}

static inline void
db_add_null(DbParams *params)
{
	db_add(params, (Datum) 0);
	params->nulls[params->n - 1] = 'n';
}

/* NULL for no text. */
static inline void
db_add_text(DbParams *params, const char *value)
{
	if (value == NULL)
		db_add_null(params);
	else
		db_add(params, CStringGetTextDatum(value));
}

#endif							/* ORDERSYNC_DB_H */
