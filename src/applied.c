/*
 * applied.c
 *	  Arrays of ordersync.applied.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "utils/typcache.h"

#include "applied.h"
#include "arrays.h"

/* See applied.h. */
void
applied_type(AppliedType *type, Oid oid)
{
	type->desc = lookup_rowtype_tupdesc_copy(oid, -1);
	type->id = applied_attribute(type, "id");
	type->modified = applied_attribute(type, "modified");
	type->page = applied_attribute(type, "page");
	type->payload = applied_attribute(type, "payload");
}

/* See applied.h. */
int
applied_attribute(const AppliedType *type, const char *name)
{
	for (int i = 0; i < type->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(type->desc, i)->attname), name) == 0)
			return i;
	}
	elog(ERROR, "the records have no attribute \"%s\"", name);
}

/* See applied.h. */
void
applied_open(AppliedArray *array, AnyArrayType *from)
{
	applied_type(&array->type, AARR_ELEMTYPE(from));
	array->n = arrays_elements(from, &array->elements, &array->element_nulls);
	array->values = palloc(sizeof(Datum) * array->type.desc->natts);
	array->nulls = palloc(sizeof(bool) * array->type.desc->natts);
}

/* See applied.h. */
void
applied_get(AppliedArray *array, int i)
{
	HeapTupleHeader header;
	HeapTupleData tuple;

	if (array->element_nulls != NULL && array->element_nulls[i])
		elog(ERROR, "a record is NULL");
	header = DatumGetHeapTupleHeader(array->elements[i]);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, array->type.desc, array->values, array->nulls);
}
