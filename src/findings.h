/*
 * findings.h
 *	  Members that were dropped for the words of their names are written down.
 */
#ifndef ORDERSYNC_FINDINGS_H
#define ORDERSYNC_FINDINGS_H

#include "scrub.h"

/* Of a shop's page; in its transaction.  Runs a statement only where there is something new to say. */
extern void findings_store(int64 shop_id, const ScrubFindings *findings);

#endif							/* ORDERSYNC_FINDINGS_H */
