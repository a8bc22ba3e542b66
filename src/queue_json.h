/*
 * queue_json.h
 *	  JSON that the queue's verbs are given.
 */
#ifndef ORDERSYNC_QUEUE_JSON_H
#define ORDERSYNC_QUEUE_JSON_H

#include "queue.h"

/* A call as ordersync.log_call() reads it, in the current context. */
extern char *call_as_json(const CallLog *call);

/* How a page ended, as ordersync.settle() reads it. */
extern char *settlement_as_json(const Settlement *s);

/* How it did not, as ordersync.fail() and ordersync.give_back() read it. */
extern char *failure_as_json(const SyncTask *task, const Failure *f);

#endif							/* ORDERSYNC_QUEUE_JSON_H */
