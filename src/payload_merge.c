/*
 * payload_merge.c
 *	  What a merge asks of a stored payload and a new record.
 *
 * Both questions are asked of each record that is stored, and are answered
 * from the names and types that a jsonb has at its beginning: no value is
 * compared or copied but the ids of lines.  Names in an object are sorted, so
 * that one walk over two objects compares them.  Pure.
 */
#include "compat.h"

#include "fmgr.h"

#include "payload_merge.h"

ORDERSYNC_EXPORT Datum ordersync_has_plain_lines(PG_FUNCTION_ARGS);
ORDERSYNC_EXPORT Datum ordersync_is_covered(PG_FUNCTION_ARGS);

static JsonbContainer *lines_of(Jsonb *record);
static bool get_member(JsonbContainer *object, const char *name, JsonbValue *value);
static JsonbContainer *container_member(JsonbContainer *object, const char *name);
static JsonbContainer *object_element(JsonbContainer *array, uint32 i);
static bool has_names_of(JsonbContainer *object, JsonbContainer *other);
static bool has_same_id(JsonbContainer *line, JsonbContainer *other);

PG_FUNCTION_INFO_V1(ordersync_has_plain_lines);
/* has_plain_lines(record jsonb) → boolean; false for no record */
Datum
ordersync_has_plain_lines(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && payload_has_plain_lines(PG_GETARG_JSONB_P(0)));
}

PG_FUNCTION_INFO_V1(ordersync_is_covered);
/* is_covered(payload jsonb, record jsonb) → boolean */
Datum
ordersync_is_covered(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(payload_is_covered(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1)));
}

/* See payload_merge.h. */
bool
payload_has_plain_lines(Jsonb *record)
{
	JsonbContainer *lines = lines_of(record);

	if (lines == NULL || !JsonContainerIsArray(lines))
		return false;
	for (uint32 i = 0; i < JsonContainerSize(lines); i++)
	{
		if (object_element(lines, i) == NULL)
			return false;
	}
	return true;
}

/* See payload_merge.h. */
bool
payload_is_covered(Jsonb *payload, Jsonb *record)
{
	JsonbContainer *old = lines_of(payload);
	JsonbContainer *new = lines_of(record);
	JsonbValue	orders;

	if (!JB_ROOT_IS_OBJECT(payload) || !JB_ROOT_IS_OBJECT(record) ||
		!has_names_of(&record->root, &payload->root))
		return false;
	if (!get_member(&record->root, "orders", &orders))
		return true;

	/* lines in another form, or none, say nothing of the old ones */
	if (!payload_has_plain_lines(record) || JsonContainerSize(new) == 0)
		return false;
	if (old == NULL)
		return !get_member(container_member(&payload->root, "orders"), "order", &orders);
	if (!JsonContainerIsArray(old) || JsonContainerSize(old) > JsonContainerSize(new))
		return false;
	for (uint32 i = 0; i < JsonContainerSize(old); i++)
	{
		JsonbContainer *line = object_element(old, i);
		JsonbContainer *same = object_element(new, i);

		if (line == NULL || !has_names_of(same, line) || !has_same_id(same, line))
			return false;
	}
	return true;
}

/* What stands where an order's lines stand, if an object or array does; NULL for nothing else. */
static JsonbContainer *
lines_of(Jsonb *record)
{
	return container_member(container_member(&record->root, "orders"), "order");
}

/* The value of an object's member; false when there is none, or no object. */
static bool
get_member(JsonbContainer *object, const char *name, JsonbValue *value)
{
	return object != NULL && JsonContainerIsObject(object) &&
		getKeyJsonValueFromContainer(object, name, strlen(name), value) != NULL;
}

/* The object or array that an object's member is; NULL if it is not one. */
static JsonbContainer *
container_member(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get_member(object, name, &value) && value.type == jbvBinary ? value.val.binary.data : NULL;
}

/* The object that an array's element is; NULL if it is not one. */
static JsonbContainer *
object_element(JsonbContainer *array, uint32 i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);
	JsonbContainer *object = NULL;

	if (value != NULL && value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		object = value->val.binary.data;
	if (value != NULL)
		pfree(value);
	return object;
}

/* Whether an object has a member for each one of the other's. */
static bool
has_names_of(JsonbContainer *object, JsonbContainer *other)
{
	uint32		n = JsonContainerSize(object);
	uint32		n_other = JsonContainerSize(other);
	const char *name = (const char *) &object->children[2 * n];
	const char *name_other = (const char *) &other->children[2 * n_other];
	uint32		at = 0;
	uint32		at_other = 0;
	uint32		i = 0;

	for (uint32 k = 0; k < n_other; k++)
	{
		uint32		past_other = at_other;
		bool		found = false;

		JBE_ADVANCE_OFFSET(past_other, other->children[k]);
		for (; i < n && !found; i++)
		{
			uint32		past = at;

			JBE_ADVANCE_OFFSET(past, object->children[i]);
			found = past - at == past_other - at_other &&
				memcmp(name + at, name_other + at_other, past - at) == 0;
			at = past;
		}
		if (!found)
			return false;
		at_other = past_other;
	}
	return true;
}

/* Whether both lines have no oid, or the same one in the same form. */
static bool
has_same_id(JsonbContainer *line, JsonbContainer *other)
{
	JsonbValue	id;
	JsonbValue	id_other;
	bool		has = get_member(line, "oid", &id);

	if (has != get_member(other, "oid", &id_other))
		return false;
	if (!has)
		return true;
	if (id.type != id_other.type)
		return false;
	if (id.type == jbvString)
		return id.val.string.len == id_other.val.string.len &&
			memcmp(id.val.string.val, id_other.val.string.val, id.val.string.len) == 0;
	return id.type == jbvNumeric &&
		VARSIZE_ANY(id.val.numeric) == VARSIZE_ANY(id_other.val.numeric) &&
		memcmp(id.val.numeric, id_other.val.numeric, VARSIZE_ANY(id.val.numeric)) == 0;
}
