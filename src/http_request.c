/*
 * http_request.c
 *	  One call as libcurl has it: what it is told of it, what it tells while the
 *	  answer comes, and what came.
 *
 * What runs inside curl's frames (on_...) calls nothing that can throw and writes
 * no memory of palloc's.
 */
#include "compat.h"

#include <ctype.h>
#include <netdb.h>
#include <sys/socket.h>

#include "lib/stringinfo.h"
#include "storage/fd.h"

#include "clock.h"
#include "guc.h"
#include "http_certificates.h"
#include "http_request.h"
#include "http_url.h"

static bool set_headers(HttpRequest *request, const HttpPost *post);
static bool add_header(HttpRequest *request, const char *name, const char *value);
static bool set_options(HttpRequest *request, const HttpPost *post);
static bool set_limits(HttpRequest *request);
static bool set_proxy_password(CURL *easy, const char *user_password);
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
									struct curl_sockaddr *address);
static size_t on_body(char *data, size_t size, size_t n, void *arg);
static size_t on_header(char *data, size_t size, size_t n, void *arg);
static int	on_progress(void *arg, curl_off_t down_total, curl_off_t down,
						curl_off_t up_total, curl_off_t up);
static const char *describe_end(HttpRequest *request, CallReply *reply);

bool
http_request_set(HttpRequest *request, const HttpPost *post)
{
	return set_headers(request, post) && set_options(request, post) &&
		set_proxy_password(request->easy, post->proxy_password);
}

/* The headers that are not curl's own; false when there is no memory for them. */
static bool
set_headers(HttpRequest *request, const HttpPost *post)
{
	bool		good = add_header(request, "Content-Type", post->content_type) &&
		add_header(request, "Expect", "");

	for (int i = 0; i < post->nheaders && good; i++)
		good = add_header(request, post->headers[i].name, post->headers[i].value);
	return good;
}

/* curl copies the line.  Without a value it leaves the header out that it would send by itself. */
static bool
add_header(HttpRequest *request, const char *name, const char *value)
{
	char	   *line = psprintf("%s:%s%s", name, value[0] != '\0' ? " " : "", value);
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	memset(line, 0, strlen(line));
	pfree(line);
	if (longer == NULL)
		return false;
	request->headers = longer;
	return true;
}

/* Every option that a call is made with; false when one is not accepted. */
static bool
set_options(HttpRequest *request, const HttpPost *post)
{
	CURL	   *easy = request->easy;
	bool		good = true;

#define SET(option, value) \
	(good = good && curl_easy_setopt(easy, option, value) == CURLE_OK)

	SET(CURLOPT_PRIVATE, request);
	SET(CURLOPT_ERRORBUFFER, request->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_URL, post->url);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) post->body_len);
	SET(CURLOPT_POSTFIELDS, post->body);
	SET(CURLOPT_HTTPHEADER, request->headers);
	SET(CURLOPT_USERAGENT, "ordersync/" ORDERSYNC_VERSION);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");

	/* a redirect would carry signed parameters to somewhere else */
	SET(CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, guc_allow_http ? "https,http" : "https");
#else
	SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTPS | (guc_allow_http ? CURLPROTO_HTTP : 0)));
#endif
#if LIBCURL_VERSION_NUM >= 0x074000
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
#endif
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);

	/* an empty string, unlike none, keeps the postmaster's environment out */
	SET(CURLOPT_PROXY, post->proxy ? post->proxy : "");
	SET(CURLOPT_NOPROXY, "");
	/* a proxy passes bytes on, and is told nothing but where to */
	SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
	SET(CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return good && set_limits(request) && http_set_certificates(easy);
}

/* Where a call may connect to, and how long and how large it may be. */
static bool
set_limits(HttpRequest *request)
{
	CURL	   *easy = request->easy;
	bool		good = true;

	SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, request);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) guc_connect_timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, (long) guc_request_timeout_ms);

	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, request);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, request);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, request);
	return good;
}

#undef SET

/*
 * "user:password" for the proxy, NULL: none.  Sent by Basic, to the proxy only.
 * libcurl would resolve %XX in both.
 */
static bool
set_proxy_password(CURL *easy, const char *user_password)
{
	StringInfoData encoded;
	bool		good;

	if (user_password == NULL)
		return true;
	initStringInfo(&encoded);
	enlargeStringInfo(&encoded, 3 * strlen(user_password));
	for (const char *c = user_password; *c != '\0'; c++)
	{
		/* the first colon is where the password begins */
		if (isalnum((unsigned char) *c) || (*c == ':' && strchr(encoded.data, ':') == NULL))
			appendStringInfoChar(&encoded, *c);
		else
			appendStringInfo(&encoded, "%%%02X", (unsigned char) *c);
	}
	good = curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long) CURLAUTH_BASIC) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_PROXYUSERPWD, encoded.data) == CURLE_OK;
	explicit_bzero(encoded.data, encoded.maxlen);
	pfree(encoded.data);
	return good;
}

/*
 * curl: about to connect to this address, which may be the proxy's.  The last
 * moment: what the name leads to is known only now, and what was looked up
 * before might be another one.
 */
static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpRequest *request = arg;

	if (!request->any_address && !http_address_is_public(&address->addr))
	{
		if (request->refused[0] == '\0' &&
			getnameinfo(&address->addr, address->addrlen, request->refused,
						sizeof(request->refused), NULL, 0, NI_NUMERICHOST) != 0)
			strlcpy(request->refused, "unknown", sizeof(request->refused));
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl: some of the body.  Taking less than offered ends the call. */
static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	HttpRequest *request = arg;

	return buffer_append(&request->body, data, size * n) ? size * n : 0;
}

/* curl: one header line, not terminated. */
static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	HttpRequest *request = arg;

	return http_head_take(&request->head, data, size * n) ? size * n : 0;
}

/*
 * curl: so many bytes have come, as they were sent.  The body has its own limit
 * when it is decompressed; this one is for what is compressed and never becomes
 * any body.
 */
static int
on_progress(void *arg, curl_off_t down_total, curl_off_t down,
			curl_off_t up_total, curl_off_t up)
{
	HttpRequest *request = arg;

	request->too_large = down > (curl_off_t) guc_max_response_kb * 1024;
	return request->too_large;
}

size_t
http_body_bytes(const HttpRequest *request)
{
	return request->body.len;
}

void
http_reply(HttpRequest *request, CallReply *reply)
{
	long		status = 0;
	double		connected_s = 0;

	if (!request->done)
		elog(ERROR, "reply of a call requested before it ended");

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	memset(reply, 0, sizeof(*reply));
	reply->net_error = request->result;
	if (request->result != CURLE_OK)
		reply->net_message = describe_end(request, reply);
	reply->timed_out = request->result == CURLE_OPERATION_TIMEDOUT;
	curl_easy_getinfo(request->easy, CURLINFO_PRETRANSFER_TIME, &connected_s);
	reply->unconnected = request->result != CURLE_OK && connected_s <= 0;
	reply->too_large = request->body.overflowed || request->too_large;
	reply->http_status = (int) status;
	reply->body = request->body.data ? request->body.data : "";
	reply->body_len = request->body.len;
	reply->date_s = request->head.date_s;
	reply->retry_after_s = request->head.retry_after_s;
	/* a time is the platform's: its own Date says how far off that is */
	if (request->head.retry_at_s > 0)
		reply->retry_after_s = Max(request->head.retry_at_s -
								   (request->head.date_s > 0 ? request->head.date_s :
									clock_epoch_ms() / 1000), 0);
	reply->started_ms = request->started_ms;
	reply->duration_ms = request->ended_steady_ms - request->started_steady_ms;
}

/* Why a call brought no answer, for people; and what of it has a name in the reply. */
static const char *
describe_end(HttpRequest *request, CallReply *reply)
{
	const char *words = request->error[0] != '\0' ? request->error :
		curl_easy_strerror(request->result);
	long		connect_status = 0;

	if (request->result == CURLE_COULDNT_CONNECT && request->refused[0] != '\0')
	{
		reply->refused = true;
		return psprintf("the host's address %s is not public, and the host is not in ordersync.allowed_hosts by its own name",
						request->refused);
	}
	curl_easy_getinfo(request->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status != 0 && (connect_status < 200 || connect_status > 299))
	{
		reply->proxy_status = (int) connect_status;
		return psprintf(connect_status == 407 ?
						"the proxy does not accept the user and password that it was given, or wants some (HTTP %ld)" :
						"the proxy does not connect to the gateway (HTTP %ld)", connect_status);
	}
	reply->untrusted = http_certificate_refused(request->result);
	if (reply->untrusted)
		return http_describe_refusal(words);
	return request->head.trouble != NULL ? request->head.trouble : words;
}
