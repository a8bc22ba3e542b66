/*
 * key_file.h
 *	  The file with the keys that seal secrets, ordersync.key_file.
 */
#ifndef ORDERSYNC_KEY_FILE_H
#define ORDERSYNC_KEY_FILE_H

#include "compat.h"

#define KEY_SIZE 32
#define KEY_FILE_MAX_KEYS 16

/* How the key file was found. */
typedef enum KeyFileState
{
	KEY_FILE_READY,
	KEY_FILE_MISSING,
	KEY_FILE_UNUSABLE
} KeyFileState;

/* The keys of the file, the newest first: that one seals, all of them open. */
typedef struct KeyRing
{
	int			n;
	unsigned char keys[KEY_FILE_MAX_KEYS][KEY_SIZE];
} KeyRing;

/*
 * Reads the file; why is set, one line, palloc'd, unless it is ready.  Never
 * errors out.  The caller wipes what was read.
 */
extern KeyFileState key_file_read(KeyRing *ring, char **why);
extern void key_ring_wipe(KeyRing *ring);

/* A number by which what a key has sealed names it; never 0. */
extern uint32 key_id(const unsigned char key[KEY_SIZE]);

/* Makes the key file; one that is there, or comes meanwhile, is left as it is. */
extern void key_file_make(void);

/*
 * Puts a new key before the others, and drops all but the newest; how many were
 * dropped.  Other databases of the server must be kept out meanwhile.
 */
extern void key_file_add(void);
extern int	key_file_drop_old(void);

#endif							/* ORDERSYNC_KEY_FILE_H */
