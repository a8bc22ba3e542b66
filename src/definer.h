/*
 * definer.h
 *	  The extension's SECURITY DEFINER functions, and users' code that they set off.
 */
#ifndef ORDERSYNC_DEFINER_H
#define ORDERSYNC_DEFINER_H

/* Installs the hook; from the first load of the library in a process on. */
extern void definer_install(void);

#endif							/* ORDERSYNC_DEFINER_H */
