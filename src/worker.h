/*
 * worker.h
 *	  The process that makes the calls of one database.
 */
#ifndef ORDERSYNC_WORKER_H
#define ORDERSYNC_WORKER_H

#include "compat.h"

/* Its entry; the launcher hands it a SlotTicket in bgw_extra. */
extern ORDERSYNC_EXPORT void ordersync_worker_main(Datum arg);

#endif							/* ORDERSYNC_WORKER_H */
