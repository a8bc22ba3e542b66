/*
 * server.c
 *	  The HTTP side: requests in, answers and misbehaviour out.
 *
 * One thread polls all connections and makes all answers, so the world needs
 * no lock.  An answer that has to wait (hang, drip) suspends its connection; a
 * second thread does nothing but resume connections when their time has come.
 *
 * Life of a request: the raw target is kept before the library decodes it (the
 * signature is over our own reading of query and body), the body is collected,
 * then the faults of the line are looked up, then the answer is made.
 */
#include "server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "answers.h"
#include "control.h"
#include "faults.h"
#include "stats.h"
#include "truth.h"

#define MAX_BODY	(4 << 20)

typedef enum Stage
{
	STAGE_HEAD, STAGE_BODY, STAGE_WAITING, STAGE_ANSWERED
} Stage;

typedef struct Request
{
	Stage		stage;
	bool		api;
	char	   *target;			/* as sent */
	char	   *path;
	Out			body;
	Call		call;
	Out			answer;
} Request;

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

static struct MHD_Daemon *http;
static bool always_gzip;

/* ---- waiting ---- */

typedef struct Waiting
{
	struct Waiting *next;
	struct MHD_Connection *connection;
	int64_t		until_ms;
} Waiting;

static pthread_mutex_t wait_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wait_more = PTHREAD_COND_INITIALIZER;
static Waiting *waiting;		/* by time; guarded by wait_lock */

static void
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

/* ---- bodies ---- */

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

static void
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

static void
add_date(struct MHD_Response *response)
{
	char		text[64];
	time_t		now = (time_t) clock_now();
	struct tm	tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, text);
}

static enum MHD_Result
send_body(struct MHD_Connection *connection, int status, const char *type, Out *body,
		  bool packed, size_t cut, size_t drip)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (cut != SIZE_MAX || drip != 0)
	{
		Stream	   *s = must_alloc(NULL, sizeof(*s));

		*s = (Stream) {.connection = connection, .data = *body, .cut = cut, .drip = drip};
		response = MHD_create_response_from_callback(body->len, 16384, stream_read, s, stream_free);
	}
	else
		response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
	memset(body, 0, sizeof(*body));
	add_date(response);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (packed)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	result = MHD_queue_response(connection, (unsigned) status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- the platform's side ---- */

/* Ends the connection without an answer; by a reset when it is to hurt. */
static enum MHD_Result
hang_up(struct MHD_Connection *connection, bool reset)
{
	if (reset)
	{
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct sockaddr none = {.sa_family = AF_UNSPEC};

		/* On Linux, connecting an established socket to nowhere sends RST. */
		if (info != NULL)
			(void) !connect(info->connect_fd, &none, sizeof(none));
	}
	return MHD_NO;
}

static bool
accepts_gzip(struct MHD_Connection *connection)
{
	const char *v = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
												MHD_HTTP_HEADER_ACCEPT_ENCODING);

	return v != NULL && strstr(v, "gzip") != NULL;
}

static void
spoil_body(Call *call, Out *o, const char **type)
{
	const Fault *f;

	if (fault_take(FAULT_BAD_JSON, call))
		o->len = o->len * 2 / 3;
	if (fault_take(FAULT_EMPTY_BODY, call))
		o->len = 0;
	if (fault_take(FAULT_HTML, call))
	{
		o->len = 0;
		out_lit(o, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>");
		*type = "text/html";
	}
	f = fault_take(FAULT_OVERSIZE, call);
	if (f != NULL && f->value > 0)
	{
		out_need(o, (size_t) f->value);
		memset(o->data + o->len, ' ', (size_t) f->value);
		o->len += (size_t) f->value;
	}
}

static enum MHD_Result
answer_call(struct MHD_Connection *connection, Request *r)
{
	static size_t usual = 1 << 16;
	Call	   *call = &r->call;
	const char *type = "text/javascript;charset=UTF-8";
	const Fault *f;
	Out			body = {0};
	size_t		cut = SIZE_MAX,
				drip = 0;
	int			status = 200;
	bool		packed;

	r->stage = STAGE_ANSWERED;
	if ((f = fault_take(FAULT_RESET, call)) != NULL || (f = fault_take(FAULT_CLOSE, call)) != NULL)
	{
		stats_answered(call, 0);
		return hang_up(connection, f->name == FAULT_RESET);
	}
	out_need(&body, usual);
	if ((f = fault_take(FAULT_STATUS, call)) != NULL)
	{
		status = (int) f->value;
		type = "text/html";
		out_printf(&body, "<html><body><h1>%d</h1></body></html>", status);
	}
	else
	{
		answer(call, &body);
		spoil_body(call, &body, &type);
	}
	usual = body.len + body.len / 8 + 4096;
	if ((f = fault_take(FAULT_CUT, call)) != NULL)
		cut = f->has_value ? (size_t) f->value : body.len / 2;
	if ((f = fault_take(FAULT_DRIP, call)) != NULL)
		drip = f->value > 0 ? (size_t) f->value : 1;
	packed = (always_gzip || fault_take(FAULT_GZIP, call)) && accepts_gzip(connection);
	if (packed)
		compress_body(&body);
	stats_answered(call, body.len);
	return send_body(connection, status, type, &body, packed, cut, drip);
}

/* ---- the test's side ---- */

static enum MHD_Result
answer_control(struct MHD_Connection *connection, Request *r)
{
	Out			body = {0};
	int			status;

	r->stage = STAGE_ANSWERED;
	if (strcmp(r->path, "/control/truth") == 0)
	{
		Truth	   *truth;

		world_tick();
		truth = truth_open(&r->call, &body);
		if (truth != NULL)
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
		status = 400;
	}
	else
		status = control_answer(r->path, &r->call, &body);
	return send_body(connection, status, "application/json", &body, false, SIZE_MAX, 0);
}

/* ---- requests ---- */

static void *
request_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
	Request    *r = must_alloc(NULL, sizeof(Request));

	(void) cls;
	(void) connection;
	memset(r, 0, sizeof(*r));
	r->target = strdup(target);
	r->call.started_ms = real_ms();
	return r;
}

static void
request_end(void *cls, struct MHD_Connection *connection, void **con_cls,
			enum MHD_RequestTerminationCode why)
{
	Request    *r = *con_cls;

	(void) cls;
	(void) connection;
	(void) why;
	if (r == NULL)
		return;
	if (r->api)
		stats_left();
	free(r->target);
	out_free(&r->body);
	free(r);
	*con_cls = NULL;
}

/* Head is there: which door? */
static void
request_head(Request *r)
{
	char	   *query = strchr(r->target, '?');

	r->stage = STAGE_BODY;
	if (query != NULL)
		*query++ = '\0';
	r->path = r->target;
	r->api = strcmp(r->path, "/router/rest") == 0;
	if (r->api)
		stats_arrived();
	protocol_params(&r->call, query);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
		   const char *version, const char *data, size_t *size, void **con_cls)
{
	Request    *r = *con_cls;
	const Fault *f;
	Out			none = {0};

	(void) cls;
	(void) url;
	(void) method;
	(void) version;
	if (r->stage == STAGE_HEAD)
	{
		request_head(r);
		return MHD_YES;
	}
	if (*size > 0)
	{
		if (r->body.len + *size <= MAX_BODY)
			out_bytes(&r->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (r->stage == STAGE_WAITING)
		return answer_call(connection, r);
	if (r->body.len > 0)
	{
		out_char(&r->body, '\0');
		protocol_params(&r->call, r->body.data);
	}
	if (!r->api)
	{
		if (strncmp(r->path, "/control/", 9) == 0)
			return answer_control(connection, r);
		r->stage = STAGE_ANSWERED;
		out_lit(&none, "not here\n");
		return send_body(connection, 404, "text/plain", &none, false, SIZE_MAX, 0);
	}
	protocol_recognise(&r->call);
	f = fault_take(FAULT_HANG, &r->call);
	if (f != NULL && f->value > 0)
	{
		r->stage = STAGE_WAITING;
		wait_for(connection, f->value);
		return MHD_YES;
	}
	return answer_call(connection, r);
}

int
server_start(const ServerOptions *options)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) options->port)};
	const union MHD_DaemonInfo *info;
	pthread_t	thread;

	always_gzip = options->gzip;
	if (inet_pton(AF_INET, options->bind, &address.sin_addr) != 1)
	{
		fprintf(stderr, "gateway: %s is no address\n", options->bind);
		return -1;
	}
	http = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_INTERNAL_POLLING_THREAD |
							MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
							(uint16_t) options->port, NULL, NULL, on_request, NULL,
							MHD_OPTION_SOCK_ADDR, (struct sockaddr *) &address,
							MHD_OPTION_URI_LOG_CALLBACK, request_begin, NULL,
							MHD_OPTION_NOTIFY_COMPLETED, request_end, NULL,
							MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) (128 << 10),
							MHD_OPTION_CONNECTION_LIMIT, 4000u,
							MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u,
							MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
							MHD_OPTION_END);
	if (http == NULL)
	{
		fprintf(stderr, "gateway: cannot listen on %s:%d\n", options->bind, options->port);
		return -1;
	}
	pthread_create(&thread, NULL, wake_main, NULL);
	info = MHD_get_daemon_info(http, MHD_DAEMON_INFO_BIND_PORT);
	return info != NULL ? info->port : options->port;
}
