/*
 * redact.h
 *	  Secrets are overwritten in what the other side says: it may quote what it
 *	  was sent, in an error's words for one.
 */
#ifndef ORDERSYNC_REDACT_H
#define ORDERSYNC_REDACT_H

#include "task.h"

/*
 * Overwrites, where text quotes them, the data key, and the secret and the
 * headers' values of the task's gateway; text may be NULL.
 */
extern void redact_secrets(char *text, const SyncTask *task);

#endif							/* ORDERSYNC_REDACT_H */
