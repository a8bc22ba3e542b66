/*
 * scrub_loose.c
 *	  Copies bytes that are not valid JSON, without personal data.
 *
 * For records that failed the strict way (scrub.c): quarantine keeps their
 * bytes as they came, yet never personal ones; and for the beginning of any
 * answer, in a log.  It does not trust quotes to come in pairs: at every quote
 * it asks whether a personal name and a colon follow, and when the value after
 * it has no end it drops the rest.  JSON inside a text is looked through as
 * well: there a quote stands behind backslashes, as many at the begin of a name
 * as at its end.  Known limit: of a value that is itself broken by a stray
 * quote, what stands after that quote stays.
 *
 * Never throws for what it reads and never reads past the end.  Pure.
 */
#include "compat.h"

#include "lib/stringinfo.h"

#include "personal.h"
#include "scrub.h"
#include "scrub_text.h"

static const char *personal_value(const char *quote, const char *end, bool logging,
								  int *slashes);
static bool names_words(const char *name, size_t len);
static const char *words_end(const char *at, const char *end, bool json);
static const char *skip_personal(const char *at, const char *end, int slashes);
static const char *personal_element(const char *angle, const char *end);

/* See scrub.h. */
size_t
scrub_loose(const char *text, size_t len, char *out)
{
	const char *at = text;
	const char *end = text + len;
	char	   *to = out;

	while (at < end)
	{
		const char *quote = memchr(at, '"', end - at);
		const char *value;
		int			slashes;

		if (quote == NULL)
			quote = end;
		memcpy(to, at, quote - at);
		to += quote - at;
		at = quote;
		if (at == end)
			break;
		value = personal_value(at, end, false, &slashes);
		if (value == NULL)
		{
			*to++ = *at++;
			continue;
		}
		while (slashes > 0 && to > out && to[-1] == '\\')
			to--;
		at = skip_personal(value, end, slashes);
		if (at == NULL)
			break;
		value = json_skip_space(at, end);
		if (value < end && *value == ',')
			at = value + 1;
		else
		{
			while (to > out && (to[-1] == ' ' || to[-1] == '\n' || to[-1] == '\r' || to[-1] == '\t'))
				to--;
			if (to > out && to[-1] == ',')
				to--;
		}
	}
	return to - out;
}

/*
 * Where the value begins when a personal key and a colon stand at this quote;
 * else NULL.  slashes: the backslashes before each of its quotes.
 */
static const char *
personal_value(const char *quote, const char *end, bool logging, int *slashes)
{
	char		decoded[PERSONAL_NAME_MAX];
	JsonText	key;
	const char *past;
	int			len;

	/* escapes make a name at most six times as long */
	past = memchr(quote + 1, '"', Min(end - quote - 1, PERSONAL_NAME_MAX * 6));
	if (past == NULL)
		return NULL;
	key.at = quote + 1;
	key.len = past - key.at;
	*slashes = 0;
	while (key.len > 0 && key.at[key.len - 1] == '\\')
	{
		key.len--;
		(*slashes)++;
	}
	len = json_key_decode(key, decoded, sizeof(decoded));
	/* in a text the escapes are escaped, once more for each text around it */
	for (int i = 0; i < *slashes && len > 0 && memchr(decoded, '\\', len) != NULL; i++)
	{
		char		once[PERSONAL_NAME_MAX];

		memcpy(once, decoded, len);
		key.at = once;
		key.len = len;
		len = json_key_decode(key, decoded, sizeof(decoded));
	}
	if (len <= 0 ||
		!(logging ? personal_unquotable(decoded, len) : personal_name(decoded, len)))
		return NULL;
	past = json_skip_space(past + 1, end);
	if (past >= end || *past != ':')
		return NULL;
	return json_skip_space(past + 1, end);
}

/*
 * Past a personal value, inside a text up to that text's end at most; NULL when
 * it does not end.
 */
static const char *
skip_personal(const char *at, const char *end, int slashes)
{
	int			depth = 0;
	bool		inside = false;

	if (slashes == 0)
		return json_skip_value(at, end);
	while (at < end)
	{
		int			n = 0;

		while (at + n < end && at[n] == '\\')
			n++;
		if (at + n < end && at[n] == '"')
		{
			if (n < slashes)
				return at;
			at += n + 1;
			if (n > slashes)
				continue;
			inside = !inside;
			if (!inside && depth == 0)
				return at;
			continue;
		}
		at += n;
		if (at >= end)
			return NULL;
		if (!inside)
		{
			if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
				return at;
			if (*at == '{' || *at == '[')
				depth++;
			else if ((*at == '}' || *at == ']') && --depth == 0)
				return at + 1;
		}
		at++;
	}
	return NULL;
}

/* See scrub.h. */
void
scrub_find(const char *text, size_t len, ScrubField *fields, int nfields)
{
	JsonCursor	cursor;
	JsonText	key;
	JsonText	value;

	json_begin(&cursor, text, len);
	if (!json_enter(&cursor, '{'))
		return;
	while (json_member(&cursor, &key) && json_value(&cursor, &value))
	{
		for (int i = 0; i < nfields; i++)
		{
			if (fields[i].name != NULL && json_key_is(key, fields[i].name))
				fields[i].value = value;
		}
	}
}

/* See scrub.h. */
char *
scrub_excerpt(const char *text, size_t len, size_t max)
{
	const char *at = text;
	const char *end = text + len;
	StringInfoData kept;
	char	   *clean;

	/* a little more than max, for what cleaning makes shorter */
	initStringInfo(&kept);
	while (at < end && kept.len < max + 16)
	{
		const char *value = NULL;
		int			slashes = 0;

		if (*at == '"')
			value = personal_value(at, end, true, &slashes);
		else if (*at == '<')
			value = personal_element(at, end);
		if (value == NULL)
		{
			appendStringInfoChar(&kept, *at++);
			continue;
		}
		appendBinaryStringInfo(&kept, at, value - at);
		appendStringInfoString(&kept, *at == '"' ? "\"*\"" : "*");
		if (*at == '"')
			at = skip_personal(value, end, slashes);
		else
			at = memchr(value, '<', end - value);
		if (at == NULL)
			break;
	}
	clean = json_clean_text(kept.data, kept.len, max);
	pfree(kept.data);
	return clean;
}

/* See scrub.h. */
void
scrub_words(char *text)
{
	const char *end = text + strlen(text);
	const char *at = text;
	char	   *to = text;

	while (at < end)
	{
		const char *past = *at != '"' && *at != '<' ? NULL :
			memchr(at + 1, *at == '"' ? '"' : '>', Min(end - at - 1, PERSONAL_NAME_MAX));

		if (past == NULL || !names_words(at + 1, past - at - 1))
		{
			*to++ = *at++;
			continue;
		}
		past = words_end(past + 1, end, *at == '"');
		memmove(to, at, past - at);
		to += scrub_text(to, past - at);
		at = past;
	}
	*to = '\0';
}

/* msg, sub_msg, and what relays call them. */
static bool
names_words(const char *name, size_t len)
{
	while (len > 0 && name[len - 1] == '\\')
		len--;					/* in a text */
	return (len >= 3 && pg_strncasecmp(name + len - 3, "msg", 3) == 0) ||
		(len >= 7 && pg_strncasecmp(name + len - 7, "message", 7) == 0);
}

/* Behind such a name: where its value ends, or the name where none that is plain follows. */
static const char *
words_end(const char *at, const char *end, bool json)
{
	const char *colon = json ? json_skip_space(at, end) : at;
	int			slashes = 0;
	int			n = 0;

	if (json && (colon >= end || *colon != ':'))
		return at;
	at = json ? json_skip_space(colon + 1, end) : at;
	for (; json && at < end && *at == '\\'; at++)
		slashes++;
	if (!json || at >= end || *at != '"')
	{
		while (at < end && strchr(json ? ",}]{[\"" : "<", *at) == NULL)
			at++;
		return at;
	}
	for (at++; at < end && (*at != '"' || n > slashes); at++)
		n = *at == '\\' ? n + 1 : 0;
	return at;
}

/* Where the content begins when a personal XML element opens at this angle; else NULL. */
static const char *
personal_element(const char *angle, const char *end)
{
	const char *past = memchr(angle + 1, '>', Min(end - angle - 1, PERSONAL_NAME_MAX + 1));
	size_t		len;

	/* the end of one does not open another */
	if (past == NULL || angle[1] == '/')
		return NULL;
	len = past - angle - 1;
	return personal_unquotable(angle + 1, len) ? past + 1 : NULL;
}
