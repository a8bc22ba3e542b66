/*
 * bodies.c
 *	  Bodies on their way out: whole, packed, broken off, slow, or streamed.
 *
 * A slow body and a hanging call suspend their connection; a second thread does
 * nothing but resume connections when their time has come.
 */
#include "bodies.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

/* A body that is not simply sent. */
typedef struct Stream
{
	struct MHD_Connection *connection;
	Out			data;
	size_t		cut;			/* bytes before the line breaks, SIZE_MAX: none */
	size_t		drip;			/* bytes in each tenth of a second, 0: all */
	bool		rest;			/* a tenth of a second is due */
	Truth	   *truth;
	size_t		sent;			/* of data */
	bool		more;			/* truth has more */
} Stream;

typedef struct Waiting
{
	struct Waiting *next;
	struct MHD_Connection *connection;
	int64_t		until_ms;
} Waiting;

static pthread_mutex_t wait_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wait_more = PTHREAD_COND_INITIALIZER;
static Waiting *waiting;		/* by time; guarded by wait_lock */

void
wait_for(struct MHD_Connection *connection, int64_t ms)
{
	Waiting    *w = must_alloc(NULL, sizeof(*w));
	Waiting   **p = &waiting;

	w->connection = connection;
	w->until_ms = real_ms() + ms;
	MHD_suspend_connection(connection);
	pthread_mutex_lock(&wait_lock);
	while (*p != NULL && (*p)->until_ms <= w->until_ms)
		p = &(*p)->next;
	w->next = *p;
	*p = w;
	pthread_cond_signal(&wait_more);
	pthread_mutex_unlock(&wait_lock);
}

static void *
wake_main(void *arg)
{
	(void) arg;
	pthread_mutex_lock(&wait_lock);
	for (;;)
	{
		Waiting    *w = waiting;

		if (w == NULL)
			pthread_cond_wait(&wait_more, &wait_lock);
		else if (w->until_ms > real_ms())
		{
			struct timespec until = {w->until_ms / 1000, w->until_ms % 1000 * 1000000};

			pthread_cond_timedwait(&wait_more, &wait_lock, &until);
		}
		else
		{
			waiting = w->next;
			MHD_resume_connection(w->connection);
			free(w);
		}
	}
	return NULL;
}

/* How many were released. */
int
waiting_release(void)
{
	int			n = 0;

	pthread_mutex_lock(&wait_lock);
	for (Waiting *w = waiting; w != NULL; w = w->next, n++)
		w->until_ms = 0;
	pthread_cond_signal(&wait_more);
	pthread_mutex_unlock(&wait_lock);
	return n;
}

int
waiting_count(void)
{
	int64_t		now = real_ms();
	int			n = 0;

	pthread_mutex_lock(&wait_lock);
	for (Waiting *w = waiting; w != NULL; w = w->next)
		n += w->until_ms > now;
	pthread_mutex_unlock(&wait_lock);
	return n;
}

void
waiting_start(void)
{
	pthread_t	thread;

	pthread_create(&thread, NULL, wake_main, NULL);
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	Stream	   *s = cls;
	size_t		n;

	if (s->truth != NULL && s->sent == s->data.len)
	{
		s->data.len = s->sent = 0;
		while (s->more && s->data.len == 0)
			s->more = truth_next(s->truth, &s->data, 1 << 18);
		if (s->data.len == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (pos >= s->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (s->drip > 0)
	{
		if (s->rest)
		{
			s->rest = false;
			wait_for(s->connection, 100);
			return 0;
		}
		s->rest = true;
		if (max > s->drip)
			max = s->drip;
	}
	n = s->data.len - s->sent;
	if (n > max)
		n = max;
	if (n > s->cut - pos)
		n = s->cut - pos;
	memcpy(buf, s->data.data + s->sent, n);
	s->sent += n;
	return (ssize_t) n;
}

static void
stream_free(void *cls)
{
	Stream	   *s = cls;

	if (s->truth != NULL)
		truth_close(s->truth);
	out_free(&s->data);
	free(s);
}

void
compress_body(Out *o)
{
	static z_stream z;
	static bool ready;
	Out			packed = {0};

	if (!ready && deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	ready = true;
	deflateReset(&z);
	out_need(&packed, deflateBound(&z, o->len));
	z.next_in = (Bytef *) o->data;
	z.avail_in = (uInt) o->len;
	z.next_out = (Bytef *) packed.data;
	z.avail_out = (uInt) packed.size;
	deflate(&z, Z_FINISH);
	packed.len = z.total_out;
	out_free(o);
	*o = packed;
}

/* A moment by the platform's clock, as HTTP writes it. */
static void
add_time(struct MHD_Response *response, const char *header, time_t moment)
{
	char		text[64];
	struct tm	tm;

	gmtime_r(&moment, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	MHD_add_response_header(response, header, text);
}

static void
add_retry_after(struct MHD_Response *response, const char *when)
{
	if (strncmp(when, "date ", 5) == 0)
		add_time(response, MHD_HTTP_HEADER_RETRY_AFTER, (time_t) clock_now() + atoi(when + 5));
	else
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, when);
}

static void
add_date(struct MHD_Response *response)
{
	add_time(response, MHD_HTTP_HEADER_DATE, (time_t) clock_now());
}

enum MHD_Result
send_body(struct MHD_Connection *connection, const Body *how, Out *data)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (how->cut != SIZE_MAX || how->drip != 0)
	{
		Stream	   *s = must_alloc(NULL, sizeof(*s));

		*s = (Stream) {.connection = connection, .data = *data, .cut = how->cut, .drip = how->drip};
		response = MHD_create_response_from_callback(data->len, 16384, stream_read, s, stream_free);
	}
	else
		response = MHD_create_response_from_buffer(data->len, data->data, MHD_RESPMEM_MUST_FREE);
	memset(data, 0, sizeof(*data));
	add_date(response);
	if (how->retry_after != NULL && how->retry_after[0] != '\0')
		add_retry_after(response, how->retry_after);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, how->type);
	if (how->packed)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	result = MHD_queue_response(connection, (unsigned) how->status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result
send_truth(struct MHD_Connection *connection, Truth *truth)
{
	Stream	   *s = must_alloc(NULL, sizeof(*s));
	struct MHD_Response *response;
	enum MHD_Result result;

	*s = (Stream) {.connection = connection, .cut = SIZE_MAX, .truth = truth, .more = true};
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1 << 18, stream_read, s,
												 stream_free);
	add_date(response);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
	result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}
