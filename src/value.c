/*
 * value.c
 *	  Reads the platform's scalar values exactly, or not at all.
 *
 * The wire knows integers (as numbers or strings), money (yuan, two decimals,
 * mostly strings), moments without a zone that mean Asia/Shanghai, and
 * booleans.  What is not exactly one of these is not read: the caller makes it
 * NULL and notes it, it is never rounded, guessed or an error.  Asia/Shanghai
 * is taken as +08:00 throughout, as the platform's clock is; so nothing here
 * depends on the server's TimeZone, DateStyle or locale, nor on a time zone
 * database.  Pure.
 */
#include "compat.h"

#include "value.h"

#define SHANGHAI_S (8 * 3600)
#define DAY_S 86400

/* numeric(18,2): sixteen digits before the point */
#define MONEY_MAX_CENTS INT64CONST(999999999999999999)

static bool read_digits(const char *text, int n, int *result);
static int	days_in_month(int year, int month);
static int64 days_from_civil(int year, int month, int day);
static void civil_from_days(int64 days, int *year, int *month, int *day);

/* See value.h. */
bool
value_integer(const char *text, size_t len, int64 min, int64 max, int64 *result)
{
	const char *end = text + len;
	bool		negative = len > 0 && *text == '-';
	uint64		limit = negative ? (uint64) PG_INT64_MAX + 1 : (uint64) PG_INT64_MAX;
	uint64		number = 0;
	int64		value;

	if (negative)
		text++;
	if (text == end)
		return false;
	for (; text < end; text++)
	{
		unsigned	digit = (unsigned char) *text - '0';

		if (digit > 9 || number > (limit - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	value = negative ? (int64) (0 - number) : (int64) number;
	if (value < min || value > max)
		return false;
	*result = value;
	return true;
}

/* See value.h. */
bool
value_money(const char *text, size_t len, int64 *cents)
{
	const char *end = text + len;
	bool		negative = len > 0 && *text == '-';
	const char *digits;
	int64		value = 0;
	int			decimals = 0;

	if (negative)
		text++;
	for (digits = text; text < end && *text >= '0' && *text <= '9'; text++)
	{
		value = value * 10 + (*text - '0');
		if (value > MONEY_MAX_CENTS / 100)
			return false;
	}
	if (text == digits)
		return false;
	if (text < end && *text == '.')
	{
		text++;
		for (digits = text; text < end && *text >= '0' && *text <= '9'; text++)
		{
			if (decimals < 2)
			{
				value = value * 10 + (*text - '0');
				decimals++;
			}
			else if (*text != '0')
				return false;	/* a fraction of a cent: exact or nothing */
		}
		if (text == digits)
			return false;
	}
	if (text != end)
		return false;
	for (; decimals < 2; decimals++)
		value *= 10;
	*cents = negative ? -value : value;
	return true;
}

/* See value.h. */
bool
value_time(const char *text, size_t len, int64 *epoch_s)
{
	int			year,
				month,
				day,
				hour,
				minute,
				second;

	if (len != VALUE_TIME_LEN || text[4] != '-' || text[7] != '-' || text[10] != ' ' ||
		text[13] != ':' || text[16] != ':' ||
		!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
		!read_digits(text + 8, 2, &day) || !read_digits(text + 11, 2, &hour) ||
		!read_digits(text + 14, 2, &minute) || !read_digits(text + 17, 2, &second))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
		hour > 23 || minute > 59 || second > 59)
		return false;
	*epoch_s = days_from_civil(year, month, day) * DAY_S +
		hour * 3600 + minute * 60 + second - SHANGHAI_S;
	return true;
}

/* Exactly n digits. */
static bool
read_digits(const char *text, int n, int *result)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
	{
		unsigned	digit = (unsigned char) text[i] - '0';

		if (digit > 9)
			return false;
		value = value * 10 + (int) digit;
	}
	*result = value;
	return true;
}

/* Gregorian, leap years included. */
static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/*
 * Days since 1970-01-01.  Counts in years that begin in March, so that the
 * leap day is the last of its year; 153 days make five months from there.
 */
static int64
days_from_civil(int year, int month, int day)
{
	int64		march_year = month > 2 ? year : year - 1;
	int64		months = month > 2 ? month - 3 : month + 9;

	return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
		(153 * months + 2) / 5 + day - 1 - 719468;
}

/* See value.h. */
bool
value_boolean(const char *text, size_t len, bool *result)
{
	*result = len == 4 && pg_strncasecmp(text, "true", 4) == 0;
	return *result || (len == 5 && pg_strncasecmp(text, "false", 5) == 0);
}

/* See value.h.  The year is clamped to four digits. */
void
value_write_time(int64 epoch_s, char *buffer)
{
	/* 0001-01-01 and the end of 9999, there */
	int64		local = Min(Max(epoch_s, INT64CONST(-62135596800) - SHANGHAI_S),
							INT64CONST(253402300799) - SHANGHAI_S) + SHANGHAI_S;
	int64		days = local / DAY_S - (local % DAY_S < 0 ? 1 : 0);
	int			second = (int) (local - days * DAY_S);
	int			year,
				month,
				day;

	civil_from_days(days, &year, &month, &day);
	snprintf(buffer, VALUE_TIME_LEN + 1, "%04u-%02u-%02u %02u:%02u:%02u",
			 (unsigned) year % 10000, (unsigned) month % 100, (unsigned) day % 100,
			 (unsigned) second / 3600 % 100, (unsigned) second / 60 % 60, (unsigned) second % 60);
}

/* The date of a day since 1970-01-01, from year 1 on; the inverse of days_from_civil(). */
static void
civil_from_days(int64 days, int *year, int *month, int *day)
{
	int64		shifted = days + 719468;
	int64		era = shifted / 146097;
	int64		day_of_era = shifted % 146097;
	int64		year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
							   day_of_era / 146096) / 365;
	int64		day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
											year_of_era / 100);
	int			months = (int) ((5 * day_of_year + 2) / 153);

	*day = (int) (day_of_year - (153 * months + 2) / 5) + 1;
	*month = months < 10 ? months + 3 : months - 9;
	*year = (int) (year_of_era + era * 400) + (*month <= 2 ? 1 : 0);
}
