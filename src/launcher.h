/*
 * launcher.h
 *	  The process that sees to it that every database has its workers.
 */
#ifndef ORDERSYNC_LAUNCHER_H
#define ORDERSYNC_LAUNCHER_H

#include "compat.h"

/* Registers the launcher with the postmaster; only while the library is being preloaded. */
extern void launcher_register(void);

extern ORDERSYNC_EXPORT void ordersync_launcher_main(Datum arg);

#endif							/* ORDERSYNC_LAUNCHER_H */
