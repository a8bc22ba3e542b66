/*
 * stats.h
 *	  What was asked of the platform.
 */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include "protocol.h"

extern int	stats_in_flight;
extern int	stats_peak_in_flight;

extern void stats_arrived(void);
extern void stats_left(void);

/* A call was answered, with so many bytes of body. */
extern void stats_answered(const Call *call, size_t bytes);
extern void stats_write(Out *o);
extern void stats_log(const Call *control, Out *o);
extern void stats_reset(void);

#endif							/* GATEWAY_STATS_H */
