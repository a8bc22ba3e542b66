/*
 * scrub_text.c
 *	  What people wrote, without long numbers and e-mail addresses.
 *
 * Memos and messages are worth keeping, and are where people write phone numbers,
 * identity numbers and mail addresses.  Shorter numbers (a size, a quantity, a
 * time, a date) stay.  Pure.
 */
#include "compat.h"

#include "scrub_text.h"

#define MIN_DIGITS 7

static size_t digit_len(const char *at, const char *end);
static const char *number_end(const char *at, const char *end);
static const char *mobile_end(const char *at, const char *end);
static const char *digits_end(const char *at, const char *end, int n);
static const char *mail_end(const char *at, const char *end);
static bool in_mail(char c);

/* See scrub_text.h. */
size_t
scrub_text(char *text, size_t len)
{
	const char *end = text + len;
	const char *at = text;
	char	   *to = text;

	while (at < end)
	{
		const char *past = NULL;

		if (*at == '@' && at + 1 < end && (past = mail_end(at, end)) != NULL)
		{
			/* what stands before it has been copied */
			while (to > text && in_mail(to[-1]))
				to--;
		}
		else if (digit_len(at, end) > 0)
		{
			past = number_end(at, end);
			if (past == NULL)
			{
				/* a shorter run, whole: its rest is no run of its own */
				do
				{
					size_t		n = digit_len(at, end);

					memmove(to, at, n);
					to += n;
					at += n;
				} while (digit_len(at, end) > 0);
				continue;
			}
		}
		if (past == NULL)
		{
			*to++ = *at++;
			continue;
		}
		memcpy(to, SCRUB_STARS, sizeof(SCRUB_STARS) - 1);
		to += sizeof(SCRUB_STARS) - 1;
		at = past;
	}
	return to - text;
}

/* The bytes of the digit at at, a full-width one among them; 0: there is none. */
static size_t
digit_len(const char *at, const char *end)
{
	const unsigned char *c = (const unsigned char *) at;

	if (at < end && *c >= '0' && *c <= '9')
		return 1;
	if (end - at >= 3 && c[0] == 0xEF && c[1] == 0xBC && c[2] >= 0x90 && c[2] <= 0x99)
		return 3;
	return 0;
}

/* Past a number that is too long to stay; NULL where none begins. */
static const char *
number_end(const char *at, const char *end)
{
	const char *past = at;
	int			digits = 0;
	size_t		n;

	while ((n = digit_len(past, end)) > 0)
	{
		past += n;
		digits++;
	}
	return digits >= MIN_DIGITS ? past : mobile_end(at, end);
}

/* Past a mobile number in groups of 3, 4 and 4 digits, or NULL. */
static const char *
mobile_end(const char *at, const char *end)
{
	static const int groups[] = {3, 4, 4};

	if (*at != '1')
		return NULL;
	for (int i = 0; i < lengthof(groups); i++)
	{
		if (i > 0)
		{
			if (at >= end || (*at != ' ' && *at != '-' && *at != '.'))
				return NULL;
			at++;
		}
		at = digits_end(at, end, groups[i]);
		if (at == NULL)
			return NULL;
	}
	return at;
}

/* Past exactly n digits, or NULL. */
static const char *
digits_end(const char *at, const char *end, int n)
{
	size_t		len;

	while (n-- > 0)
	{
		len = digit_len(at, end);
		if (len == 0)
			return NULL;
		at += len;
	}
	return digit_len(at, end) > 0 ? NULL : at;
}

/* Past the mail address whose "@" is at at, or NULL: a name stands before it, a host with a dot behind it. */
static const char *
mail_end(const char *at, const char *end)
{
	const char *past = at + 1;
	bool		dot = false;

	while (past < end && in_mail(*past))
	{
		if (*past == '.' && past > at + 1)
			dot = true;
		past++;
	}
	return dot ? past : NULL;
}

static bool
in_mail(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '.' || c == '_' || c == '-' || c == '+' || c == '%' || c == '*';
}

/* See scrub_text.h. */
size_t
scrub_escape(const char *text, size_t len, char *to)
{
	static const char escapes[] = "\bb\tt\nn\ff\rr";
	char	   *start = to;

	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = text[i];
		const char *escape = c < 0x20 && c != '\0' ? strchr(escapes, c) : NULL;

		if (c == '"' || c == '\\')
		{
			*to++ = '\\';
			*to++ = c;
		}
		else if (c >= 0x20)
			*to++ = c;
		else if (escape != NULL)
		{
			*to++ = '\\';
			*to++ = escape[1];
		}
		else
			to += snprintf(to, 7, "\\u%04x", c);
	}
	return to - start;
}
