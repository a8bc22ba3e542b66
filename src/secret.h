/*
 * secret.h
 *	  Seals secrets for storage and opens them, with the key in
 *	  ordersync.key_file.
 */
#ifndef ORDERSYNC_SECRET_H
#define ORDERSYNC_SECRET_H

#include "compat.h"

/*
 * What a secret is for: whose it is (kind/name, such as "data_key/7") and where
 * calls that carry it go (http_destination).  A name has no blank in it.
 */
extern char *secret_purpose(const char *kind, const char *name, const char *destination);

/*
 * Seals; the result can be opened with the same purpose only.  Makes the key
 * file when there is none.  Errors are for people.
 */
extern bytea *secret_seal(const char *plain, size_t len, const char *purpose);

/*
 * The plain text, NUL-terminated; or NULL with *why saying in one line why it
 * cannot be opened.  Both palloc'd; the caller wipes what it was given.
 */
extern char *secret_open(const bytea *sealed, const char *purpose, char **why);

/* Overwrites a secret that is no longer needed. */
extern void secret_wipe(char *plain);

#endif							/* ORDERSYNC_SECRET_H */
