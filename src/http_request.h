/*
 * http_request.h
 *	  One call as libcurl has it.  For http.c and http_request.c; nobody else includes it.
 */
#ifndef ORDERSYNC_HTTP_REQUEST_H
#define ORDERSYNC_HTTP_REQUEST_H

#include "compat.h"

#include <curl/curl.h>

#include "buffer.h"
#include "http.h"
#include "http_head.h"

struct HttpRequest
{
	CURL	   *easy;			/* NULL once it was taken away */
	struct curl_slist *headers;
	bool		in_multi;
	bool		done;			/* read: result is valid */
	CURLcode	result;
	void	   *subject;
	bool		any_address;	/* connects to addresses that are not public, too */
	char		refused[64];	/* the first address that was not connected to, or "" */
	ByteBuffer	body;
	HttpHead	head;
	bool		too_large;		/* over the limit before it was decompressed */
	int64		started_ms;		/* wall clock */
	int64		started_steady_ms;
	int64		ended_steady_ms;
	char		error[CURL_ERROR_SIZE];
	MemoryContextCallback callback;
};

/* Everything that libcurl is to know of the call; false when it cannot take it. */
extern bool http_request_set(HttpRequest *request, const HttpPost *post);

#endif							/* ORDERSYNC_HTTP_REQUEST_H */
