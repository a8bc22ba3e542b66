/*
 * arrays.h
 *	  Arrays of SQL as PL/pgSQL keeps them: expanded, so that no element is copied
 *	  when the array is handed on.
 *
 * Memory: in the current context, or in the array's own, a child of it.
 */
#ifndef ORDERSYNC_ARRAYS_H
#define ORDERSYNC_ARRAYS_H

#include "compat.h"

#include "utils/array.h"

/* The elements of an array and which are NULL (NULL: none is); how many.  One that is expanded is not put together for it. */
extern int	arrays_elements(AnyArrayType *array, Datum **elements, bool **nulls);

/*
 * An array from 1 to n, none of them NULL: the caller sets dvalues, to what is
 * palloc'd in hdr.eoh_context and needs no detoasting.  n is at least 1.
 */
extern ExpandedArrayHeader *arrays_new(Oid type, int n);

#endif
