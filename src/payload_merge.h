/*
 * payload_merge.h
 *	  What a merge asks of a stored payload and a new record.
 */
#ifndef ORDERSYNC_PAYLOAD_MERGE_H
#define ORDERSYNC_PAYLOAD_MERGE_H

#include "compat.h"

#include "utils/jsonb.h"

/* Whether a record's lines are a wrapped array of objects: {"orders": {"order": [{}, ...]}}. */
extern bool payload_has_plain_lines(Jsonb *record);

/*
 * Whether the record has each member that the payload has, and its lines begin
 * with the payload's, in their order, each with all of its members: what a
 * newer, not poorer record makes of the payload is then the record itself.
 * False also where that is merely not seen at once.
 */
extern bool payload_is_covered(Jsonb *payload, Jsonb *record);

#endif							/* ORDERSYNC_PAYLOAD_MERGE_H */
