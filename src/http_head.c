/*
 * http_head.c
 *	  The headers of an answer, as they come: what of them counts, and what they
 *	  may not say.
 *
 * Date counts: what the platform's clock said when it answered; and Retry-After,
 * in seconds or as a time.  Others may stand before the answer's (100 Continue);
 * what a proxy says of itself curl keeps back.
 *
 * What comes compressed must be gzip, once: that is what was asked for.  libcurl
 * would undo others too, and several one after the other, where a few bytes can
 * be worth hours of work without any body that its limit could be held to.
 */
#include "compat.h"

#include <curl/curl.h>

#include "http_head.h"

/* All headers of an answer together. */
#define MAX_BYTES (256 * 1024)

static const char *value_of(const char *line, size_t *len, const char *name);
static int64 read_date(const char *value, size_t len);
static void read_retry_after(HttpHead *head, const char *value, size_t len);
static bool is_word(const char *value, size_t len, const char *word);

/* See http_head.h. */
bool
http_head_take(HttpHead *head, const char *line, size_t len)
{
	const char *value;

	head->bytes += len;
	if (head->bytes > MAX_BYTES)
	{
		head->trouble = "the headers of the answer are too long";
		return false;
	}
	if (len > 5 && pg_strncasecmp(line, "http/", 5) == 0)
	{
		head->date_s = head->retry_after_s = head->retry_at_s = 0;
		head->encodings = 0;
	}
	else if ((value = value_of(line, &len, "date:")) != NULL)
		head->date_s = read_date(value, len);
	else if ((value = value_of(line, &len, "retry-after:")) != NULL)
		read_retry_after(head, value, len);
	else if ((value = value_of(line, &len, "content-encoding:")) != NULL &&
			 len > 0 && !is_word(value, len, "identity") &&
			 (head->encodings++ > 0 ||
			  !(is_word(value, len, "gzip") || is_word(value, len, "x-gzip"))))
	{
		head->trouble = "the answer is compressed in a way that was not asked for";
		return false;
	}
	return true;
}

/* The value of a header of that name, without blanks around it; NULL, and len as it was, for others. */
static const char *
value_of(const char *line, size_t *len, const char *name)
{
	size_t		skip = strlen(name);
	size_t		end = *len;

	if (*len < skip || pg_strncasecmp(line, name, skip) != 0)
		return NULL;
	while (skip < end && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	while (end > skip && (unsigned char) line[end - 1] <= ' ')
		end--;
	*len = end - skip;
	return line + skip;
}

/* 0 for what is no date. */
static int64
read_date(const char *value, size_t len)
{
	char		text[64];
	time_t		date;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, value, len);
	text[len] = '\0';
	date = curl_getdate(text, NULL);
	return date > 0 ? (int64) date : 0;
}

/* Seconds, or a date; what is neither says nothing. */
static void
read_retry_after(HttpHead *head, const char *value, size_t len)
{
	int64		seconds = 0;
	size_t		digits = 0;

	while (digits < len && digits < 10 && value[digits] >= '0' && value[digits] <= '9')
		seconds = seconds * 10 + (value[digits++] - '0');
	head->retry_after_s = digits == len ? seconds : 0;
	head->retry_at_s = digits == 0 ? read_date(value, len) : 0;
}

static bool
is_word(const char *value, size_t len, const char *word)
{
	return len == strlen(word) && pg_strncasecmp(value, word, len) == 0;
}
