/*
 * privacy.h
 *	  The database's privacy policy is put in force in this process.
 */
#ifndef ORDERSYNC_PRIVACY_H
#define ORDERSYNC_PRIVACY_H

#include "compat.h"

/* Of the key for hashes, among the other secrets. */
#define PRIVACY_KEY_KIND "hash_key"
#define PRIVACY_KEY_NAME "installation"
#define PRIVACY_KEY_DESTINATION "none"

/*
 * Puts the database's policy in force where it is another one than that in force;
 * the built-in one while there are no tables.  Inside a transaction with a snapshot.
 */
extern void privacy_use(void);

/*
 * The same, and nobody changes the policy until the transaction ends: raises an
 * error that counts as a conflict when records were split by another one.
 */
extern void privacy_hold(uint64 split_by);

#endif							/* ORDERSYNC_PRIVACY_H */
