/*
 * buffer.c
 *	  A byte buffer with a hard limit that never throws.
 *
 * It holds what comes back from the network while libcurl's frames are on the
 * stack, where nothing may throw: no palloc, no StringInfo, no ereport.  An
 * append that cannot be done leaves the buffer as it was and says why in a
 * flag; the callback then aborts the transfer.  The memory is malloc's, so
 * whoever owns the buffer must call buffer_free(), in the server by a reset
 * callback of the memory context that the request lives in.
 *
 * This file includes nothing of PostgreSQL but the ground, and needs no lock:
 * a buffer belongs to one process.
 */
#include "compat.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"

#define BUFFER_FIRST 8192

static bool buffer_reserve(ByteBuffer *buffer, size_t need);

/* Makes an empty buffer that will hold at most limit bytes. */
void
buffer_init(ByteBuffer *buffer, size_t limit)
{
	memset(buffer, 0, sizeof(ByteBuffer));
	/* one byte for the NUL must always fit a size_t */
	buffer->limit = Min(limit, SIZE_MAX - 1);
}

/* Appends len bytes, or nothing and false.  Never throws. */
bool
buffer_append(ByteBuffer *buffer, const void *data, size_t len)
{
	if (len > buffer->limit - buffer->len)
	{
		buffer->overflowed = true;
		return false;
	}
	if (!buffer_reserve(buffer, buffer->len + len + 1))
		return false;
	if (len > 0)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return true;
}

/* Grows the memory to at least need bytes, by doubling. */
static bool
buffer_reserve(ByteBuffer *buffer, size_t need)
{
	size_t		capacity = buffer->capacity;
	char	   *data;

	if (need <= capacity)
		return true;
	capacity = Max(capacity, BUFFER_FIRST);
	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
	{
		buffer->out_of_memory = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* Gives the memory back.  Harmless on a buffer that was never filled. */
void
buffer_free(ByteBuffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->limit);
}
