/*
 * secret.h
 *	  Seals secrets for storage and opens them, with the key in
 *	  ordersync.key_file.
 */
#ifndef ORDERSYNC_SECRET_H
#define ORDERSYNC_SECRET_H

#include "compat.h"
#include "key_file.h"

typedef struct KeyFile
{
	KeyFileState state;
	char	   *why;			/* one line, palloc'd; NULL when it is ready */
	uint64		mark;			/* another one for other keys; 0 unless it is ready */
	int			keys;			/* how many it has */
	uint32		newest;			/* key_id() of the one that seals; 0 unless it is ready */
} KeyFile;

/* Looks at the key file.  Never errors out. */
extern void secret_look(KeyFile *found);

/* The bytes that all begins with that is sealed now; NULL unless the key file is ready. */
extern bytea *secret_newest_head(void);

/*
 * What a secret is for: whose it is (kind/name, such as "data_key/7") and where
 * calls that carry it go (http_destination).  A name has no blank in it.
 */
extern char *secret_purpose(const char *kind, const char *name, const char *destination);

/* In place of a destination that is not known yet; no call goes there. */
#define SECRET_NO_DESTINATION "no destination yet"

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

/* The same secret sealed with the newest key; NULL: it is, or it does not open.  Never errors out but for memory. */
extern bytea *secret_renew(const bytea *sealed, const char *purpose);

/* Which sealing this is: its nonce in hex, which is no secret, palloc'd; NULL: of nothing, or of no form that is known. */
extern char *secret_seal_id(const bytea *sealed);

/* Overwrites a secret that is no longer needed. */
extern void secret_wipe(char *plain);

#endif							/* ORDERSYNC_SECRET_H */
