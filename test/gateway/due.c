/*
 * due.c
 *	  What is still to happen, by the second at which it becomes visible: a heap.
 */
#include "due.h"

static Due *heap;
static size_t heap_count,
			heap_room;

void
due_push(Due d)
{
	size_t		i = heap_count++;

	if (heap_count > heap_room)
	{
		heap_room = heap_room == 0 ? 1024 : heap_room * 2;
		heap = must_alloc(heap, heap_room * sizeof(Due));
	}
	while (i > 0 && heap[(i - 1) / 2].at > d.at)
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = d;
}

int64_t
due_next(void)
{
	return heap_count > 0 ? heap[0].at : INT64_MAX;
}

Due
due_pop(void)
{
	Due			top = heap[0],
				last = heap[--heap_count];
	size_t		i = 0;

	for (;;)
	{
		size_t		child = 2 * i + 1;

		if (child >= heap_count)
			break;
		if (child + 1 < heap_count && heap[child + 1].at < heap[child].at)
			child++;
		if (heap[child].at >= last.at)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}
