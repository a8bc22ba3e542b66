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

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "answers.h"
#include "bodies.h"
#include "control.h"
#include "faults.h"
#include "relay.h"
#include "stats.h"

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
	char	   *query;			/* NULL: none */
	Out			body;
	Call		call;
	Out			answer;
} Request;

static struct MHD_Daemon *http;
static bool always_gzip;

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
		if (call->relay != NULL)
			relay_wrap(call, &body);
		if (call->status != 0)
			status = call->status;
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
	return send_body(connection, &(Body) {status, type, packed, cut, drip}, &body);
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
			return send_truth(connection, truth);
		status = 400;
	}
	else
		status = control_answer(r->path, &r->call, &body);
	return send_body(connection, &(Body) {status, "application/json", false, SIZE_MAX, 0}, &body);
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

/* Head is there: whose request is it? */
static void
request_head(Request *r)
{
	char	   *query = strchr(r->target, '?');

	r->stage = STAGE_BODY;
	if (query != NULL)
		*query++ = '\0';
	r->path = r->target;
	r->query = query;
	r->api = strcmp(r->path, "/router/rest") == 0 || relay_at(r->path) != NULL;
	if (r->api)
		stats_arrived();
}

/* The parameters of query and body. */
static void
read_params(Request *r)
{
	protocol_params(&r->call, r->query);
	if (control_takes_bytes(r->path))
		r->call.body = &r->body;
	else if (r->body.len > 0)
	{
		out_char(&r->body, '\0');
		protocol_params(&r->call, r->body.data);
	}
}

static const char *
header_of(void *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
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
	if (relay_at(r->path) != NULL)
		relay_read(&r->call, r->path, method, r->query, &r->body, header_of, connection);
	else
		read_params(r);
	if (!r->api)
	{
		if (strncmp(r->path, "/control/", 9) == 0)
			return answer_control(connection, r);
		r->stage = STAGE_ANSWERED;
		out_lit(&none, "not here\n");
		return send_body(connection, &(Body) {404, "text/plain", false, SIZE_MAX, 0}, &none);
	}
	if (r->call.relay == NULL)
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
	waiting_start();
	info = MHD_get_daemon_info(http, MHD_DAEMON_INFO_BIND_PORT);
	return info != NULL ? info->port : options->port;
}
