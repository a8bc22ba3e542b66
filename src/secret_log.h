/*
 * secret_log.h
 *	  Keeps secrets that are typed in a statement out of the server log.
 */
#ifndef ORDERSYNC_SECRET_LOG_H
#define ORDERSYNC_SECRET_LOG_H

/* Installs the hook; when the library is loaded. */
extern void secret_log_install(void);

/* WARNING where the statement in hand may have been logged before the hook was there. */
extern void secret_log_warn(void);

#endif							/* ORDERSYNC_SECRET_LOG_H */
