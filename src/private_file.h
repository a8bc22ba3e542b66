/*
 * private_file.h
 *	  Files on the server that hold secrets.
 */
#ifndef ORDERSYNC_PRIVATE_FILE_H
#define ORDERSYNC_PRIVATE_FILE_H

#include "compat.h"

/*
 * All of a file that only the server can read, of max bytes at most, and behind
 * it a NUL; palloc'd.  Errors are for people, one of them for a role that may not.
 */
extern char *private_file_read(const char *path, size_t max, size_t *len);

#endif							/* ORDERSYNC_PRIVATE_FILE_H */
