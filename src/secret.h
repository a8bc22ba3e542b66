/*
 * secret.h
 *	  Seals secrets for storage and opens them, with the key in
 *	  ordersync.key_file.
 */
#ifndef ORDERSYNC_SECRET_H
#define ORDERSYNC_SECRET_H

#include "compat.h"

/* How the key file was found. */
typedef enum KeyFileState
{
	KEY_FILE_READY,
	KEY_FILE_MISSING,
	KEY_FILE_UNUSABLE
} KeyFileState;

typedef struct KeyFile
{
	KeyFileState state;
	char	   *why;			/* one line, palloc'd; NULL when it is ready */
	uint64		mark;			/* another one for another key; 0 unless it is ready */
} KeyFile;

/* Looks at the key file.  Never errors out. */
extern void secret_look(KeyFile *found);

/* Makes the key file; one that is there, or comes meanwhile, is left as it is. */
extern void secret_make_key(void);

/*
 * What a secret is for: whose it is (kind/name, such as "data_key/7") and where
 * calls that carry it go (http_destination).  A name has no blank in it.
 */
extern char *secret_purpose(const char *kind, const char *name, const char *destination);

/*
 * Seals; the result can be opened with the same purpose only.  Errors are for
 * people.
 */
extern bytea *secret_seal(const char *plain, size_t len, const char *purpose);

/* Why a secret cannot be opened. */
typedef struct SecretTrouble
{
	bool		key_file;		/* nothing can be opened now, whatever it is */
	char	   *why;			/* one line, palloc'd */
} SecretTrouble;

/*
 * The plain text, NUL-terminated, palloc'd, to be wiped by the caller; or NULL
 * with the trouble.  Never errors out.
 */
extern char *secret_open(const bytea *sealed, const char *purpose, SecretTrouble *trouble);

/* Overwrites a secret that is no longer needed. */
extern void secret_wipe(char *plain);

#endif							/* ORDERSYNC_SECRET_H */
