/*
 * nick.h
 *	  Sellers' names, as records, key checks and people write them.
 */
#ifndef ORDERSYNC_NICK_H
#define ORDERSYNC_NICK_H

#include "compat.h"

/* The name with XML's entities resolved, palloc'd: a relay may escape what it passes on. */
extern char *nick_unescape(const char *nick);

/* The main account's name, likewise: a sub-account's "main:sub" is "main". */
extern char *nick_main(const char *nick);

/* The same seller, escaped or not and whatever the sub-account. */
extern bool nick_same_seller(const char *a, const char *b);

#endif							/* ORDERSYNC_NICK_H */
