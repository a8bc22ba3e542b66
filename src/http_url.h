/*
 * http_url.h
 *	  URLs: what they say, where a call to one leads, and whether it may go there.
 *
 * The one place where this is decided: set-up asks when a URL is typed, the
 * worker asks before each call, and http.c for each address that it connects to.
 */
#ifndef ORDERSYNC_HTTP_URL_H
#define ORDERSYNC_HTTP_URL_H

#include "compat.h"

#include <sys/socket.h>

/* Longer ones are refused. */
#define HTTP_MAX_URL 2048

/* Why a call may not be made, for people; detail and hint may be NULL. */
typedef struct HttpRefusal
{
	const char *message;
	const char *detail;
	const char *hint;
} HttpRefusal;

/* How a call goes that may be made. */
typedef struct HttpRoute
{
	bool		any_address;	/* the host that is connected to is named in ordersync.allowed_hosts */
	bool		quotable;		/* what answers is listed there, so its words may be kept */
} HttpRoute;

/* Whether a gateway of that URL may be called through that proxy (NULL: none). */
extern bool http_route(const char *url, const char *proxy, HttpRoute *route, HttpRefusal *why);

/* Whether that is a proxy, and one that may be used. */
extern bool http_proxy_allowed(const char *proxy, HttpRefusal *why);

/*
 * Where calls to the URL through the proxy lead, always written the same way:
 * "https://host:443", with " via http://host:1080" for a proxy.  The path does
 * not count.  NULL for what is not a URL.  Secrets are bound to this.
 */
extern char *http_destination(const char *url, const char *proxy);

/*
 * Whether the address is one of the internet's, not of this machine, its link
 * or a private network.  Neither throws nor allocates by palloc.
 */
extern bool http_address_is_public(const struct sockaddr *address);

#endif							/* ORDERSYNC_HTTP_URL_H */
