/*
 * store.h
 *	  Hands a page's records to apply and to quarantine; the counts come back.
 */
#ifndef ORDERSYNC_STORE_H
#define ORDERSYNC_STORE_H

#include "record.h"
#include "task.h"

typedef struct StoreCounts
{
	int			records_new;
	int			changed;
	int			unchanged;
	int			quarantined;
} StoreCounts;

/*
 * Must be called between db_begin() and db_commit().  stream: what the records
 * are (STREAM_ORDERS or STREAM_AFTER_SALES); source: apply's word for the list
 * that they came by.
 */
extern void store_page(const SyncTask *task, Stream stream, const char *source,
					   const RecordPage *page, StoreCounts *counts);

#endif							/* ORDERSYNC_STORE_H */
