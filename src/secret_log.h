/*
 * secret_log.h
 *	  Keeps secrets that are typed in a statement out of the server log and
 *	  pg_stat_activity.
 */
#ifndef ORDERSYNC_SECRET_LOG_H
#define ORDERSYNC_SECRET_LOG_H

/* Installs the hook; when the library is loaded. */
extern void secret_log_install(void);

/*
 * The statement in hand has a secret: it is shown to nobody any more, and no line
 * of the log quotes it.  WARNING where it may have been logged before the hook
 * was there.
 */
extern void secret_log_hide_statement(void);

#endif							/* ORDERSYNC_SECRET_LOG_H */
