/*
 * index.c
 *	  Records by time: hour buckets, each sorted.
 *
 * A shop has some hundreds of records in an hour, so keeping a bucket sorted by
 * moving its tail costs less than any tree, and a listing reads memory in one
 * direction.
 */
#include "index.h"

#include <stdlib.h>

static Bucket *
bucket_for(Index *ix, uint32_t time)
{
	uint32_t	hour = time / 3600;

	if (ix->nbuckets == 0)
		ix->first_hour = hour;
	if (hour < ix->first_hour)
	{
		uint32_t	more = ix->first_hour - hour;

		ix->buckets = must_alloc(ix->buckets, (ix->nbuckets + more) * sizeof(Bucket));
		memmove(ix->buckets + more, ix->buckets, ix->nbuckets * sizeof(Bucket));
		memset(ix->buckets, 0, more * sizeof(Bucket));
		ix->nbuckets += more;
		ix->first_hour = hour;
	}
	if (hour - ix->first_hour >= ix->nbuckets)
	{
		uint32_t	want = hour - ix->first_hour + 24;

		ix->buckets = must_alloc(ix->buckets, want * sizeof(Bucket));
		memset(ix->buckets + ix->nbuckets, 0, (want - ix->nbuckets) * sizeof(Bucket));
		ix->nbuckets = want;
	}
	return &ix->buckets[hour - ix->first_hour];
}

static int
compare(const void *a, const void *b)
{
	const Entry *x = a,
			   *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

/* Where the entry is, or would go. */
static uint32_t
place(const Bucket *b, const Entry *e)
{
	uint32_t	low = 0,
				high = b->count;

	while (low < high)
	{
		uint32_t	mid = (low + high) / 2;

		if (compare(&b->entries[mid], e) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
index_append(Index *ix, uint32_t time, uint32_t tag)
{
	Bucket	   *b = bucket_for(ix, time);

	if (b->count == b->room)
	{
		b->room = b->room < 4 ? 4 : b->room + b->room / 2;
		b->entries = must_alloc(b->entries, b->room * sizeof(Entry));
	}
	b->entries[b->count++] = (Entry) {time, tag};
}

void
index_sort(Index *ix)
{
	for (uint32_t i = 0; i < ix->nbuckets; i++)
		if (ix->buckets[i].count > 1)
			qsort(ix->buckets[i].entries, ix->buckets[i].count, sizeof(Entry), compare);
}

void
index_add(Index *ix, uint32_t time, uint32_t tag)
{
	Entry		e = {time, tag};
	Bucket	   *b;
	uint32_t	at;

	index_append(ix, time, tag);
	b = bucket_for(ix, time);
	b->count--;
	at = place(b, &e);
	memmove(b->entries + at + 1, b->entries + at, (b->count - at) * sizeof(Entry));
	b->entries[at] = e;
	b->count++;
}

void
index_remove(Index *ix, uint32_t time, uint32_t tag)
{
	Entry		e = {time, tag};
	Bucket	   *b = bucket_for(ix, time);
	uint32_t	at = place(b, &e);

	if (at == b->count || compare(&b->entries[at], &e) != 0)
		abort();				/* index and records disagree */
	b->count--;
	memmove(b->entries + at, b->entries + at + 1, (b->count - at) * sizeof(Entry));
}

const Bucket *
index_bucket(const Index *ix, uint32_t hour)
{
	if (hour < ix->first_hour || hour - ix->first_hour >= ix->nbuckets)
		return NULL;
	return &ix->buckets[hour - ix->first_hour];
}
