/*
 * http.h
 *	  Calls in flight: submit, wait, read, drop.  The only room that knows curl, with http_url.
 *
 * A worker has at most one of these, and everything here is for workers only.
 */
#ifndef ORDERSYNC_HTTP_H
#define ORDERSYNC_HTTP_H

#include "task.h"

typedef struct HttpRequest HttpRequest;

/* Prepares this process; returns how many calls it may have in flight, at most max. */
extern int	http_start(int max);

/* Takes over a changed ordersync.max_in_flight; returns as http_start(). */
extern int	http_resize(int max);

/* What is sent; all of it must live until the request is gone. */
typedef struct HttpPost
{
	const char *url;
	const char *body;
	size_t		body_len;
	const char *content_type;
	int			nheaders;		/* beside those that every call carries */
	const HttpHeader *headers;
	const char *proxy;			/* NULL: none */
	const char *proxy_password;	/* "user:password", NULL: none */
	bool		any_address;	/* also to an address that is not public (http_url.h) */
} HttpPost;

/*
 * Sends a POST.  The request is gone when the memory context current at this
 * call is reset or deleted; that also breaks the call off.  subject comes back
 * from http_read().
 */
extern HttpRequest *http_submit(const HttpPost *post, void *subject);

/*
 * Waits up to wait_ms (-1: for ever) until something happened: a call moved,
 * or the latch was set.  Must be called with no transaction open and no
 * snapshot held; errors out otherwise.  Interrupts are served here.
 */
extern void http_wait(int64 wait_ms);

/* The subject of a call that has ended, one at a time; NULL when there is none. */
extern void *http_read(void);

/* Bytes of its body so far. */
extern size_t http_body_bytes(const HttpRequest *request);

/* What it brought; only after http_read() returned its subject. */
extern void http_reply(HttpRequest *request, CallReply *reply);

#endif							/* ORDERSYNC_HTTP_H */
