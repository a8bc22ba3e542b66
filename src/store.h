/*
 * store.h
 *	  Hands a page's records to apply and to quarantine, or to a check; the
 *	  counts come back.  All must be called between db_begin() and db_commit().
 */
#ifndef ORDERSYNC_STORE_H
#define ORDERSYNC_STORE_H

#include "record.h"
#include "task.h"

/* A page of which the database refuses everything, as store_parts() in SQL says it. */
#define STORE_ALL_REFUSED MAKE_SQLSTATE('O', 'S', '0', '0', '3')

/* What one call brought; counts is filled in. */
typedef struct StorePage
{
	const SyncTask *task;
	RecordPage *page;
	int64		read_ms;		/* when the call began, by the platform's clock */
	PageCounts *counts;
} StorePage;

/*
 * Stores pages of one shop that were read from one list with the same fields.
 * stream: what the records are (STREAM_ORDERS or STREAM_AFTER_SALES); source:
 * apply's word for the list; by_parts: the page, which is the only one, was refused
 * in one piece.  Marks the records that the database refuses.
 */
extern void store_pages(const StorePage *pages, int n, Stream stream, const char *source,
						bool by_parts);

/*
 * Compares the page's orders with what is stored and notes in the task what is
 * missing, older or cannot be compared; returns how many.  Every record has an id.
 */
extern int	store_check(const SyncTask *task, const RecordPage *page);

/* What a stored page brings beyond its rows; returns how many tasks were made. */
extern int	store_follow_up(const SyncTask *task, const RecordPage *page);

/*
 * One record was fetched by its id; stored: it could be, else it is in
 * quarantine; changed: what is stored is not as before.
 */
extern void store_note_fetched(const SyncTask *task, int64 id, bool stored, bool changed);

/* The platform does not serve the record by its id; message: valid text, its words. */
extern void store_note_not_served(const SyncTask *task, int64 id, const char *message);

#endif							/* ORDERSYNC_STORE_H */
