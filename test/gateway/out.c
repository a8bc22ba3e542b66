/*
 * out.c
 *	  A growing byte buffer, and how numbers, money and times look on the wire.
 *
 * Times are whole epoch seconds inside and 'YYYY-MM-DD HH:MM:SS' at +08 on the
 * wire; no function of the C library's time zone is used, so that the machine's
 * zone cannot matter.  A buffer that cannot grow ends the program: a test that
 * runs out of memory has nothing to prove.
 */
#include "out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ZONE (8 * 3600)

void *
must_alloc(void *old, size_t size)
{
	void	   *p = realloc(old, size);

	if (p == NULL)
	{
		fprintf(stderr, "gateway: out of memory\n");
		exit(1);
	}
	return p;
}

void
out_grow(Out *o, size_t more)
{
	size_t		size = o->size > 0 ? o->size : 4096;

	while (size - o->len < more)
		size *= 2;
	o->data = must_alloc(o->data, size);
	o->size = size;
}

void
out_free(Out *o)
{
	free(o->data);
	memset(o, 0, sizeof(*o));
}

void
out_int(Out *o, int64_t v)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	char		digits[24];
	int			at = sizeof(digits);
	uint64_t	u = v < 0 ? (uint64_t) 0 - (uint64_t) v : (uint64_t) v;

	while (u >= 10)
	{
		at -= 2;
		memcpy(digits + at, pairs + u % 100 * 2, 2);
		u /= 100;
	}
	/* what is left is one digit, or nothing after an even number of them */
	if (u > 0 || at == sizeof(digits))
		digits[--at] = (char) ('0' + u);
	if (v < 0)
		digits[--at] = '-';
	out_bytes(o, digits + at, sizeof(digits) - (size_t) at);
}

void
out_digits(Out *o, uint64_t v, int width)
{
	out_need(o, (size_t) width);
	for (int i = width; i-- > 0; v /= 10)
		o->data[o->len + (size_t) i] = (char) ('0' + v % 10);
	o->len += (size_t) width;
}

void
out_hex(Out *o, uint64_t v, int width)
{
	out_need(o, (size_t) width);
	for (int i = width; i-- > 0; v >>= 4)
		o->data[o->len + (size_t) i] = "0123456789abcdef"[v & 15];
	o->len += (size_t) width;
}

void
out_money(Out *o, int64_t cents)
{
	char		tail[3];

	if (cents < 0)
	{
		out_char(o, '-');
		cents = -cents;
	}
	out_int(o, cents / 100);
	tail[0] = '.';
	tail[1] = (char) ('0' + cents % 100 / 10);
	tail[2] = (char) ('0' + cents % 10);
	out_bytes(o, tail, 3);
}

static void
two(char *p, unsigned v)
{
	p[0] = (char) ('0' + v / 10 % 10);
	p[1] = (char) ('0' + v % 10);
}

void
out_time(Out *o, int64_t epoch)
{
	/* The days of one answer are few: remember the last one's text. */
	static __thread int64_t last_day = INT64_MIN;
	static __thread char day_text[10];
	int64_t		local = epoch + ZONE;
	int64_t		day = local / 86400;
	unsigned	sec = (unsigned) (local % 86400);
	char		text[19];

	if (day != last_day)
	{
		/* civil from days, after the well known era arithmetic */
		int64_t		z = day + 719468;
		int64_t		era = z / 146097;
		unsigned	doe = (unsigned) (z - era * 146097);
		unsigned	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
		unsigned	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
		unsigned	mp = (5 * doy + 2) / 153;
		unsigned	month = mp < 10 ? mp + 3 : mp - 9;
		unsigned	year = (unsigned) (yoe + era * 400) + (month <= 2);

		two(day_text, year / 100);
		two(day_text + 2, year % 100);
		day_text[4] = '-';
		two(day_text + 5, month);
		day_text[7] = '-';
		two(day_text + 8, doy - (153 * mp + 2) / 5 + 1);
		last_day = day;
	}
	memcpy(text, day_text, 10);
	text[10] = ' ';
	two(text + 11, sec / 3600);
	text[13] = ':';
	two(text + 14, sec / 60 % 60);
	text[16] = ':';
	two(text + 17, sec % 60);
	out_bytes(o, text, 19);
}

void
out_json(Out *o, const char *s)
{
	out_char(o, '"');
	for (; *s; s++)
	{
		unsigned char c = (unsigned char) *s;

		if (c == '"' || c == '\\')
		{
			out_char(o, '\\');
			out_char(o, *s);
		}
		else if (c == '\n')
			out_lit(o, "\\n");
		else if (c == '\t')
			out_lit(o, "\\t");
		else if (c < 0x20)
			out_printf(o, "\\u%04x", c);
		else
			out_char(o, *s);
	}
	out_char(o, '"');
}

void
out_printf(Out *o, const char *fmt,...)
{
	va_list		args;
	int			n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	out_need(o, (size_t) n + 1);
	va_start(args, fmt);
	vsnprintf(o->data + o->len, (size_t) n + 1, fmt, args);
	va_end(args);
	o->len += (size_t) n;
}

static int64_t
days_from_civil(int64_t y, unsigned m, unsigned d)
{
	int64_t		era;
	unsigned	yoe,
				doy,
				doe;

	y -= m <= 2;
	era = y / 400;
	yoe = (unsigned) (y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t) doe - 719468;
}

bool
time_read(const char *s, int64_t *epoch)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd";
	static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned	y,
				mo,
				d,
				h,
				mi,
				se;

	if (strlen(s) != sizeof(shape) - 1)
		return false;
	for (int i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	if (sscanf(s, "%4u-%2u-%2u %2u:%2u:%2u", &y, &mo, &d, &h, &mi, &se) != 6)
		return false;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || se > 59)
		return false;
	if (d > month_days[mo - 1] &&
		!(mo == 2 && d == 29 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0)))
		return false;
	*epoch = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + se - ZONE;
	return true;
}

bool
time_read_loose(const char *s, int64_t *epoch)
{
	char	   *end;
	long long	v;

	if (time_read(s, epoch))
		return true;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0')
		return false;
	*epoch = v;
	return true;
}
