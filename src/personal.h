/*
 * personal.h
 *	  Which members of a record are personal data, by name.
 */
#ifndef ORDERSYNC_PERSONAL_H
#define ORDERSYNC_PERSONAL_H

#include "compat.h"

/* Names longer than this are none of the list's. */
#define PERSONAL_NAME_MAX 64

/*
 * For each length, a bit for each number of personal_ends() that no name of the
 * list or of a scope has.  Nothing is known before the first name is looked up.
 */
extern uint64 personal_absent[PERSONAL_NAME_MAX + 1];

/* A number below 64 of a name's first and last character. */
static inline int
personal_ends(const char *name, size_t len)
{
	return ((unsigned char) name[0] + 3 * (unsigned char) name[len - 1]) & 63;
}

/* Whether this name is surely neither personal nor a scope; most names are told by it. */
static inline bool
personal_surely_not(const char *name, size_t len)
{
	return len == 0 || len > PERSONAL_NAME_MAX ||
		(personal_absent[len] >> personal_ends(name, len) & 1) != 0;
}

/* Whether a member of this name (escapes resolved) is dropped wherever it stands. */
extern bool personal_name(const char *name, size_t len);

/* Whether this name opens a part of the record that describes persons. */
extern bool personal_scope(const char *name, size_t len);

/* Whether a scalar of this name may stay inside such a part. */
extern bool personal_scope_keeps(const char *name, size_t len);

/* Whether this name holds a credential, or what people wrote: no log may quote it. */
extern bool personal_unquotable(const char *name, size_t len);

/* The names that personal_name() knows, NULL at the end. */
extern const char *const *personal_names(void);

#endif							/* ORDERSYNC_PERSONAL_H */
