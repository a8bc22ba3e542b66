/*
 * truth.h
 *	  The world as it really is, record by record.
 */
#ifndef GATEWAY_TRUTH_H
#define GATEWAY_TRUTH_H

#include "protocol.h"

typedef struct Truth Truth;

/* From a control request's parameters; NULL and a message in o when they make no sense. */
extern Truth *truth_open(const Call *control, Out *o);

/* Appends the next records, about `most` bytes; false when there are no more. */
extern bool truth_next(Truth *t, Out *o, size_t most);
extern void truth_close(Truth *t);

#endif							/* GATEWAY_TRUTH_H */
