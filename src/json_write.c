/*
 * json_write.c
 *	  Members of a JSON object, as text.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "json_write.h"

void
json_string(StringInfo json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
	escape_json(json, valid_text(value));
}

void
json_number(StringInfo json, const char *name, int64 value)
{
	appendStringInfo(json, "%s\"%s\":" INT64_FORMAT, json->len > 1 ? "," : "", name, value);
}

void
json_boolean(StringInfo json, const char *name, bool value)
{
	appendStringInfo(json, "%s\"%s\":%s", json->len > 1 ? "," : "", name,
					 value ? "true" : "false");
}

void
json_json(StringInfo json, const char *name, const char *value)
{
	if (value != NULL)
		appendStringInfo(json, "%s\"%s\":%s", json->len > 1 ? "," : "", name, value);
}

void
json_numbers(StringInfo json, const char *name, const int64 *values, int n)
{
	if (values == NULL)
		return;
	appendStringInfo(json, "%s\"%s\":[", json->len > 1 ? "," : "", name);
	for (int i = 0; i < n; i++)
		appendStringInfo(json, "%s" INT64_FORMAT, i > 0 ? "," : "", values[i]);
	appendStringInfoChar(json, ']');
}

const char *
valid_text(const char *said)
{
	char	   *copy;

	if (said == NULL || pg_verifymbstr(said, (int) strlen(said), true))
		return said;
	copy = pstrdup(said);
	for (char *c = copy; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return copy;
}
