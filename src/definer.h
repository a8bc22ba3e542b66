/*
 * definer.h
 *	  The extension's SECURITY DEFINER functions, and users' code that they set off.
 */
#ifndef ORDERSYNC_DEFINER_H
#define ORDERSYNC_DEFINER_H

extern void definer_install(void);

#endif							/* ORDERSYNC_DEFINER_H */
