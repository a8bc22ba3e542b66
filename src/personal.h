/*
 * personal.h
 *	  Which members of a record are personal data, by name.
 */
#ifndef ORDERSYNC_PERSONAL_H
#define ORDERSYNC_PERSONAL_H

#include "compat.h"

/* Names longer than this are none of the list's. */
#define PERSONAL_NAME_MAX 64

/* Whether a member of this name (escapes resolved) is dropped wherever it stands. */
extern bool personal_name(const char *name, size_t len);

/* Whether this name opens a part of the record that speaks of persons. */
extern bool personal_scope(const char *name, size_t len);

/* Whether a scalar of this name may stay inside such a part. */
extern bool personal_scope_keeps(const char *name, size_t len);

/* Whether this name holds a credential, or what people wrote: no log may quote it. */
extern bool personal_unquotable(const char *name, size_t len);

/* The names that personal_name() knows, NULL at the end. */
extern const char *const *personal_names(void);

#endif							/* ORDERSYNC_PERSONAL_H */
