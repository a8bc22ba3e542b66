/*
 * queue_json.h
 *	  JSON that the queue's verbs are given.
 */
#ifndef ORDERSYNC_QUEUE_JSON_H
#define ORDERSYNC_QUEUE_JSON_H

#include "queue.h"

/* A call as ordersync.log_call() reads it, in the current context. */
extern char *call_as_json(const CallLog *call);

#endif							/* ORDERSYNC_QUEUE_JSON_H */
