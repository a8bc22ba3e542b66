/*
 * clock.h
 *	  The two clocks: the wall's, for what is written down or said
 *	  to a platform, and one that never jumps, for waiting and pacing.
 *
 * Everything else that needs the time has it as an argument, but for moments
 * that are only shown (shmem.c, GetCurrentTimestamp()).
 */
#ifndef ORDERSYNC_CLOCK_H
#define ORDERSYNC_CLOCK_H

#include <time.h>

#include "compat.h"
#include "datatype/timestamp.h"

/* Microseconds between the Unix epoch and the one that timestamptz counts from. */
#define CLOCK_EPOCH_SHIFT_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* Milliseconds since the Unix epoch, by this machine's wall clock. */
static inline int64
clock_epoch_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds since some moment in the past; only differences mean anything. */
static inline int64
clock_steady_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Seconds since the Unix epoch as timestamptz. */
static inline TimestampTz
clock_timestamp_of(int64 epoch_s)
{
	return epoch_s * USECS_PER_SEC - CLOCK_EPOCH_SHIFT_US;
}

/* Milliseconds since the Unix epoch as timestamptz. */
static inline TimestampTz
clock_timestamp_of_ms(int64 epoch_ms)
{
	return epoch_ms * 1000 - CLOCK_EPOCH_SHIFT_US;
}

/* A timestamptz as milliseconds since the Unix epoch. */
static inline int64
clock_ms_of(TimestampTz timestamp)
{
	return (timestamp + CLOCK_EPOCH_SHIFT_US) / 1000;
}

#endif							/* ORDERSYNC_CLOCK_H */
