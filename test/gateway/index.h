/*
 * index.h
 *	  Records by time: hour buckets, each sorted.
 */
#ifndef GATEWAY_INDEX_H
#define GATEWAY_INDEX_H

#include "out.h"

typedef struct Entry
{
	uint32_t	time;
	uint32_t	tag;			/* record number * 32 + trade type */
} Entry;

#define ENTRY_TAG(number, type)	((number) << 5 | (uint32_t) (type))
#define ENTRY_NUMBER(tag)		((tag) >> 5)
#define ENTRY_TYPE(tag)			((tag) & 31)

typedef struct Bucket
{
	Entry	   *entries;		/* ascending by time, then tag */
	uint32_t	count;
	uint32_t	room;
} Bucket;

typedef struct Index
{
	uint32_t	first_hour;
	uint32_t	nbuckets;
	Bucket	   *buckets;
} Index;

extern void index_add(Index *ix, uint32_t time, uint32_t tag);
extern void index_remove(Index *ix, uint32_t time, uint32_t tag);

/* Loading many: append in any order, then sort once. */
extern void index_append(Index *ix, uint32_t time, uint32_t tag);
extern void index_sort(Index *ix);

/* The bucket of that hour, NULL when nothing is there. */
extern const Bucket *index_bucket(const Index *ix, uint32_t hour);

#endif							/* GATEWAY_INDEX_H */
