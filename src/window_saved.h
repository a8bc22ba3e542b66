/*
 * window_saved.h
 *	  A saved walk: where a task stands, as sync_tasks.walk keeps it.
 *
 * A flat JSON object of whole numbers, under "walk" what kind of walk it is: the
 * phase of a window, "ids" or "count".  SQL reads it with ->>.
 */
#ifndef ORDERSYNC_WINDOW_SAVED_H
#define ORDERSYNC_WINDOW_SAVED_H

#include "compat.h"

#define SAVED_KIND_SIZE 16
#define SAVED_MAX_NUMBERS 24

/* A number of it, to be written or read. */
typedef struct SavedNumber
{
	const char *name;
	int64	   *value;
} SavedNumber;

/* As JSON text. */
extern char *saved_write(const char *kind, const SavedNumber *numbers, int n);

/* False when it is not such a text, or one of the numbers is not there; saved may be NULL. */
extern bool saved_read(const char *saved, char kind[SAVED_KIND_SIZE],
					   const SavedNumber *numbers, int n);

/* A walk that is one number, "ids" or "count"; reading gives -1 where it is not that. */
extern char *saved_write_one(const char *kind, const char *name, int64 value);
extern int64 saved_read_one(const char *saved, const char *kind, const char *name);

#endif							/* ORDERSYNC_WINDOW_SAVED_H */
