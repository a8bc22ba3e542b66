/*
 * window_saved.c
 *	  The form of a saved walk, written and read.
 *
 * Whoever reads one must be prepared that it is none: written by another
 * version, or by hand.  The walk begins anew then, which is always safe.  Pure.
 */
#include "compat.h"

#include "json_scan.h"
#include "window_saved.h"

static bool read_member(JsonText key, JsonText value, char kind[SAVED_KIND_SIZE],
						const SavedNumber *numbers, int n, uint32 *found);

char *
saved_write(const char *kind, const SavedNumber *numbers, int n)
{
	/* a name and a number of at most twenty digits each */
	size_t		room = 64 + (size_t) n * 48;
	char	   *text = palloc(room);
	size_t		used = snprintf(text, room, "{\"walk\": \"%s\"", kind);

	for (int i = 0; i < n; i++)
		used += snprintf(text + used, room - used, ", \"%s\": " INT64_FORMAT,
						 numbers[i].name, *numbers[i].value);
	snprintf(text + used, room - used, "}");
	return text;
}

bool
saved_read(const char *saved, char kind[SAVED_KIND_SIZE], const SavedNumber *numbers, int n)
{
	JsonCursor	cursor;
	JsonText	key;
	JsonText	value;
	uint32		found = 0;

	Assert(n <= SAVED_MAX_NUMBERS);
	kind[0] = '\0';
	if (saved == NULL)
		return false;
	json_begin(&cursor, saved, strlen(saved));
	if (!json_enter(&cursor, '{'))
		return false;
	while (json_member(&cursor, &key))
	{
		if (!json_value(&cursor, &value) ||
			!read_member(key, value, kind, numbers, n, &found))
			return false;
	}
	return !cursor.failed && json_at_end(&cursor) && kind[0] != '\0' &&
		found == (UINT32_C(1) << n) - 1;
}

/* False for a value that cannot be what its name says. */
static bool
read_member(JsonText key, JsonText value, char kind[SAVED_KIND_SIZE],
			const SavedNumber *numbers, int n, uint32 *found)
{
	if (json_key_is(key, "walk"))
	{
		if (value.len < 3 || value.len - 2 >= SAVED_KIND_SIZE || value.at[0] != '"')
			return false;
		memcpy(kind, value.at + 1, value.len - 2);
		kind[value.len - 2] = '\0';
		return true;
	}
	for (int i = 0; i < n; i++)
	{
		if (json_key_is(key, numbers[i].name))
		{
			*found |= UINT32_C(1) << i;
			return json_int64(value, numbers[i].value);
		}
	}
	return true;
}

char *
saved_write_one(const char *kind, const char *name, int64 value)
{
	SavedNumber number = {name, &value};

	return saved_write(kind, &number, 1);
}

int64
saved_read_one(const char *saved, const char *kind, const char *name)
{
	char		read[SAVED_KIND_SIZE];
	int64		value = -1;
	SavedNumber number = {name, &value};

	if (!saved_read(saved, read, &number, 1) || strcmp(read, kind) != 0 || value < 0)
		return -1;
	return value;
}
