/*
 * applied.h
 *	  Arrays of ordersync.applied: in these SQL and C hand each other the records
 *	  of a batch.
 *
 * Memory: all is palloc'd in the current context; what an element holds lies in
 * the array, or is decompressed by whoever reads it.  A malformed array is an
 * error of the caller's and throws.
 */
#ifndef ORDERSYNC_APPLIED_H
#define ORDERSYNC_APPLIED_H

#include "compat.h"

#include "access/tupdesc.h"
#include "utils/array.h"

/* Where the attributes are that C reads and writes; indexes into values. */
typedef struct AppliedType
{
	TupleDesc	desc;
	int			id;
	int			modified;
	int			page;
	int			payload;
} AppliedType;

/* An array, and the one element of it that is at hand. */
typedef struct AppliedArray
{
	AppliedType type;
	Datum	   *elements;
	bool	   *element_nulls;	/* NULL: no element is */
	int			n;
	Datum	   *values;			/* of the element's attributes */
	bool	   *nulls;
} AppliedArray;

/* The elements' type, by its oid. */
extern void applied_type(AppliedType *type, Oid oid);

/* The index of an attribute. */
extern int	applied_attribute(const AppliedType *type, const char *name);

/* Takes an array apart; one that PL/pgSQL keeps expanded need not be put together for that. */
extern void applied_open(AppliedArray *array, AnyArrayType *from);

/* Takes element i apart, from 0. */
extern void applied_get(AppliedArray *array, int i);

#endif
