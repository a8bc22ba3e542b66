/*
 * buffer.h
 *	  A byte buffer with a hard limit that never throws, for curl callbacks:
 *	  malloc, no palloc, no ereport.
 */
#ifndef ORDERSYNC_BUFFER_H
#define ORDERSYNC_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ByteBuffer
{
	char	   *data;			/* NUL-terminated once anything was appended, else NULL */
	size_t		len;			/* bytes, without that NUL */
	size_t		capacity;		/* bytes allocated */
	size_t		limit;			/* len never grows past it */
	bool		overflowed;		/* an append was refused because of the limit */
	bool		out_of_memory;	/* an append was refused by malloc */
} ByteBuffer;

/* Makes an empty buffer; allocates nothing yet. */
extern void buffer_init(ByteBuffer *buffer, size_t limit);

/* Appends all of it, or nothing and false (see overflowed, out_of_memory). */
extern bool buffer_append(ByteBuffer *buffer, const void *data, size_t len);

/* Gives the memory back; the buffer is as after buffer_init(). */
extern void buffer_free(ByteBuffer *buffer);

#endif							/* ORDERSYNC_BUFFER_H */
