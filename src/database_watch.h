/*
 * database_watch.h
 *	  Tells the launcher of a database that was made, renamed or altered.
 */
#ifndef ORDERSYNC_DATABASE_WATCH_H
#define ORDERSYNC_DATABASE_WATCH_H

#include "compat.h"

/* Called while the library is being preloaded. */
extern void database_watch_install(void);

#endif							/* ORDERSYNC_DATABASE_WATCH_H */
