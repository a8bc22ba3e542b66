/*
 * nick.c
 *	  Sellers' names, as records, key checks and people write them.
 *
 * Relays that turn XML into JSON leave "H&M" as "H&amp;M".  It is the same
 * seller: names are compared with XML's five entities and its numeric ones
 * resolved, once.  What is not an entity stays as it is.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "nick.h"

static size_t read_entity(const char *text, pg_wchar *code);
static bool is_text(pg_wchar code);

/* See nick.h. */
char *
nick_unescape(const char *nick)
{
	/* an entity is never shorter than what it stands for */
	char	   *plain = palloc(strlen(nick) + 1);
	size_t		used = 0;

	while (*nick != '\0')
	{
		pg_wchar	code;
		size_t		len = *nick == '&' ? read_entity(nick, &code) : 0;

		if (len == 0)
		{
			plain[used++] = *nick++;
			continue;
		}
		unicode_to_utf8(code, (unsigned char *) plain + used);
		used += pg_utf_mblen((unsigned char *) plain + used);
		nick += len;
	}
	plain[used] = '\0';
	return plain;
}

/* The length of the entity that text begins with, and what it stands for; 0 for none. */
static size_t
read_entity(const char *text, pg_wchar *code)
{
	static const struct
	{
		const char *name;
		char		stands_for;
	}			entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}
	};
	bool		hex;
	const char *digits;
	char	   *end;
	unsigned long value;

	for (int i = 0; i < lengthof(entities); i++)
	{
		if (strncmp(text, entities[i].name, strlen(entities[i].name)) == 0)
		{
			*code = (unsigned char) entities[i].stands_for;
			return strlen(entities[i].name);
		}
	}
	if (text[1] != '#')
		return 0;
	hex = text[2] == 'x';
	digits = text + (hex ? 3 : 2);
	/* no sign, no blank, no second 0x, which strtoul would take */
	if (strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") == 0)
		return 0;
	value = strtoul(digits, &end, hex ? 16 : 10);
	if (*end != ';' || value > 0x10FFFF || !is_text((pg_wchar) value))
		return 0;
	*code = (pg_wchar) value;
	return end + 1 - text;
}

/* A character that a text of the server's may hold, and no control character. */
static bool
is_text(pg_wchar code)
{
	return code >= 0x20 && code != 0x7F && (code < 0xD800 || code > 0xDFFF);
}

/* See nick.h. */
char *
nick_main(const char *nick)
{
	char	   *plain = nick_unescape(nick);

	plain[strcspn(plain, ":")] = '\0';
	return plain;
}

/* See nick.h. */
bool
nick_same_seller(const char *a, const char *b)
{
	char	   *main_a = nick_main(a);
	char	   *main_b = nick_main(b);
	bool		same = *main_a != '\0' && strcmp(main_a, main_b) == 0;

	pfree(main_a);
	pfree(main_b);
	return same;
}
