/*
 * id_array.c
 *	  Arrays of ids as SQL hands them over.
 */
#include "compat.h"

#include "catalog/pg_type_d.h"

#include "id_array.h"

static int	compare_ids(const void *a, const void *b);

/* See id_array.h. */
int64 *
id_array_sorted(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	int64	   *ids;
	int			k = 0;

	deconstruct_array(array, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &elements, &nulls, &nelements);
	ids = palloc(sizeof(int64) * Max(nelements, 1));
	for (int i = 0; i < nelements; i++)
	{
		if (!nulls[i])
			ids[k++] = DatumGetInt64(elements[i]);
	}
	qsort(ids, k, sizeof(int64), compare_ids);
	*n = 0;
	for (int i = 0; i < k; i++)
	{
		if (i == 0 || ids[i] != ids[i - 1])
			ids[(*n)++] = ids[i];
	}
	return ids;
}

static int
compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}
