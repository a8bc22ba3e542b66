/*
 * arrays.c
 *	  Arrays of SQL as PL/pgSQL keeps them.
 */
#include "compat.h"

#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "arrays.h"

/* See arrays.h. */
int
arrays_elements(AnyArrayType *array, Datum **elements, bool **nulls)
{
	Oid			type = AARR_ELEMTYPE(array);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			n;

	if (VARATT_IS_EXPANDED_HEADER(array))
	{
		deconstruct_expanded_array(&array->xpn);
		*elements = array->xpn.dvalues;
		*nulls = array->xpn.dnulls;
		return array->xpn.nelems;
	}
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(&array->flt, type, typlen, typbyval, typalign, elements, nulls, &n);
	return n;
}

/* See arrays.h. */
ExpandedArrayHeader *
arrays_new(Oid type, int n)
{
	ExpandedArrayHeader *array = construct_empty_expanded_array(type, CurrentMemoryContext, NULL);
	MemoryContext context = array->hdr.eoh_context;

	Assert(n > 0);
	array->ndims = 1;
	array->dims = MemoryContextAlloc(context, sizeof(int));
	array->lbound = MemoryContextAlloc(context, sizeof(int));
	array->dims[0] = n;
	array->lbound[0] = 1;
	array->dvalues = MemoryContextAllocZero(context, sizeof(Datum) * n);
	array->dvalueslen = array->nelems = n;
	/* what stands for an empty array does not stand for this one */
	array->fvalue = NULL;
	array->fstartptr = array->fendptr = NULL;
	array->dnulls = NULL;
	array->flat_size = 0;
	return array;
}
