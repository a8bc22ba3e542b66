/*
 * id_array.h
 *	  Arrays of ids as SQL hands them over.
 */
#ifndef ORDERSYNC_ID_ARRAY_H
#define ORDERSYNC_ID_ARRAY_H

#include "compat.h"

#include "utils/array.h"

/* The ids of a bigint[], sorted, each once, NULLs left out; in the current context. */
extern int64 *id_array_sorted(ArrayType *array, int *n);

#endif							/* ORDERSYNC_ID_ARRAY_H */
