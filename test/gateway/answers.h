/*
 * answers.h
 *	  What the platform answers to a call.
 */
#ifndef GATEWAY_ANSWERS_H
#define GATEWAY_ANSWERS_H

#include "protocol.h"

/* How far back the lists reach, in days; 90 on the platform. */
extern int	horizon_days;

/* Calls that ask for a field that is not served get an error. */
extern bool strict_fields;

/* Writes the body of the answer, or of the error. */
extern void answer(Call *call, Out *o);

/* Names that were asked for and are not served, with their API; for the statistics. */
extern void answers_unknown_fields(Out *o);

#endif							/* GATEWAY_ANSWERS_H */
