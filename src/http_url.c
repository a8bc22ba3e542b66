/*
 * http_url.c
 *	  URLs: what they say, where a call to one leads, and whether it may go there.
 *
 * The same parser that curl uses for the call takes a URL apart, so nobody can
 * show the check one host and curl another.  It needs no set-up, so it works in
 * backends as well as in workers.
 *
 * A host is allowed when ordersync.allowed_hosts lists it: by its name, or by
 * the end of it (".example.com"), with any port or with that one.  Of an empty
 * list any host is.  A host that is not listed by its own name must have a public
 * address: an address in the URL is judged here, what a name leads to when it is
 * connected to (http.c).
 */
#include "compat.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "guc.h"
#include "http_url.h"

/* What counts of a URL. */
typedef struct Url
{
	char		scheme[16];
	char		host[256];		/* lower case, IPv6 without brackets, no dot at its end */
	int			port;
} Url;

/* An IPv4 network: addresses that begin with so many bits. */
typedef struct Network
{
	uint32		address;
	int			bits;
} Network;

/* Of this machine, its link, private networks, or nobody's. */
static const Network not_public[] = {
	{0x00000000, 8}, {0x0A000000, 8}, {0x64400000, 10}, {0x7F000000, 8},
	{0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24}, {0xC0A80000, 16},
	{0xE0000000, 3}
};

static bool read_url(const char *text, bool is_proxy, Url *url);
static bool read_url_part(CURLU *parts, CURLUPart part, char *out, size_t size);
static bool has_part(CURLU *parts, CURLUPart part);
static bool normalize_host(char *host);
static bool host_allowed(const Url *url, GucHost *listed, HttpRefusal *why);
static bool host_is_public(const char *host);
static void append_endpoint(StringInfo out, const Url *url);
static bool ipv4_is_public(uint32 address);
static bool ipv6_is_public(const struct in6_addr *address);
static bool is_own_address(const struct sockaddr *address);

/* See http_url.h. */
bool
http_route(const char *url, const char *proxy, HttpRoute *route, HttpRefusal *why)
{
	Url			to;
	Url			via;
	GucHost		listed;

	memset(why, 0, sizeof(*why));
	if (!read_url(url, false, &to))
	{
		why->message = "this is not the URL of a gateway";
		why->detail = "It must be https://host[:port][/path], without user, query or fragment.";
		why->hint = "The platform's own is https://eco.taobao.com/router/rest.";
		return false;
	}
	if (strcmp(to.scheme, "http") == 0 && !guc_allow_http)
	{
		why->message = "a gateway without TLS is not allowed";
		why->detail = "Data keys and orders would cross the network in clear.";
		why->hint = "Use https. For a test on this machine: ALTER SYSTEM SET ordersync.allow_http = on; SELECT pg_reload_conf();";
		return false;
	}
	if (!host_allowed(&to, &listed, why))
		return false;
	route->any_address = listed == GUC_HOST_NAMED;
	route->quotable = listed >= GUC_HOST_BELOW;
	if (proxy == NULL)
		return true;

	if (!http_proxy_allowed(proxy, why) || !read_url(proxy, true, &via))
		return false;
	listed = guc_host_listed(via.host, via.port);
	route->any_address = listed == GUC_HOST_NAMED;
	route->quotable = route->quotable && listed >= GUC_HOST_BELOW;
	return true;
}

/* See http_url.h. */
bool
http_proxy_allowed(const char *proxy, HttpRefusal *why)
{
	Url			via;
	GucHost		listed;

	memset(why, 0, sizeof(*why));
	if (read_url(proxy, true, &via))
		return host_allowed(&via, &listed, why);
	why->message = "this is not the URL of a proxy";
	why->detail = "It must be http://host:port or https://host:port, without user or password; calls pass through it by CONNECT.";
	why->hint = "The option proxy of a gateway takes it; null takes the option out.";
	return false;
}

/* See http_url.h. */
char *
http_destination(const char *url, const char *proxy)
{
	StringInfoData out;
	Url			to;
	Url			via;

	if (!read_url(url, false, &to) || (proxy != NULL && !read_url(proxy, true, &via)))
		return NULL;
	initStringInfo(&out);
	append_endpoint(&out, &to);
	if (proxy != NULL)
	{
		appendStringInfoString(&out, " via ");
		append_endpoint(&out, &via);
	}
	return out.data;
}

static void
append_endpoint(StringInfo out, const Url *url)
{
	const char *form = strchr(url->host, ':') != NULL ? "%s://[%s]:%d" : "%s://%s:%d";

	appendStringInfo(out, form, url->scheme, url->host, url->port);
}

/* Takes a URL apart; false for what is none of a gateway, or none of a proxy. */
static bool
read_url(const char *text, bool is_proxy, Url *url)
{
	CURLU	   *parts;
	bool		readable;
	char		port[8];
	char		path[4];

	if (strlen(text) > HTTP_MAX_URL || strstr(text, "://") == NULL ||
		strstr(text, ":///") != NULL || strpbrk(text, "?#\\") != NULL)
		return false;
	for (const char *c = text; *c != '\0'; c++)
	{
		if ((unsigned char) *c <= ' ' || *c == 0x7F)
			return false;
	}

	/* curl allocates; nothing may throw before it was given back */
	parts = curl_url();
	readable = parts != NULL &&
		curl_url_set(parts, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
	if (readable)
		readable = read_url_part(parts, CURLUPART_SCHEME, url->scheme, sizeof(url->scheme)) &&
			read_url_part(parts, CURLUPART_HOST, url->host, sizeof(url->host)) &&
			read_url_part(parts, CURLUPART_PORT, port, sizeof(port)) &&
			(!is_proxy || (read_url_part(parts, CURLUPART_PATH, path, sizeof(path)) &&
						   strcmp(path, "/") == 0)) &&
			!has_part(parts, CURLUPART_USER) && !has_part(parts, CURLUPART_PASSWORD) &&
			!has_part(parts, CURLUPART_QUERY) && !has_part(parts, CURLUPART_FRAGMENT) &&
			!has_part(parts, CURLUPART_ZONEID);
	curl_url_cleanup(parts);
	if (!readable || !normalize_host(url->host))
		return false;

	/* the one that curl takes for a proxy without TLS is none of HTTP's */
	url->port = port[0] != '\0' ? atoi(port) :
		strcmp(url->scheme, "https") == 0 ? 443 : is_proxy ? 1080 : 80;
	return strcmp(url->scheme, "https") == 0 || strcmp(url->scheme, "http") == 0;
}

/* A part of the URL in lower case, "" where there is none; false when it is too long. */
static bool
read_url_part(CURLU *parts, CURLUPart part, char *out, size_t size)
{
	char	   *value = NULL;
	bool		fits;

	out[0] = '\0';
	if (curl_url_get(parts, part, &value, 0) != CURLUE_OK)
		return true;
	fits = strlcpy(out, value, size) < size;
	curl_free(value);
	for (char *c = out; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return fits;
}

static bool
has_part(CURLU *parts, CURLUPart part)
{
	char	   *value = NULL;
	bool		there = curl_url_get(parts, part, &value, 0) == CURLUE_OK;

	curl_free(value);
	return there;
}

/* One way to write a host; false for what is neither a name of ASCII letters nor an address. */
static bool
normalize_host(char *host)
{
	size_t		len = strlen(host);
	struct in6_addr address;

	if (host[0] == '\0')
		return false;
	if (len > 2 && host[0] == '[' && host[len - 1] == ']')
	{
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
		return inet_pton(AF_INET6, host, &address) == 1 &&
			inet_ntop(AF_INET6, &address, host, INET6_ADDRSTRLEN) != NULL;
	}
	/* "host." is "host" */
	if (len > 1 && host[len - 1] == '.')
		host[--len] = '\0';
	return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* By the list, and by its address where the URL has one. */
static bool
host_allowed(const Url *url, GucHost *listed, HttpRefusal *why)
{
	const char *missing = strchr(url->host, ':') != NULL ? psprintf("[%s]", url->host) : url->host;

	*listed = guc_host_listed(url->host, url->port);
	if (*listed == GUC_HOST_OTHER_PORT)
	{
		why->message = psprintf("port %d of host \"%s\" is not in ordersync.allowed_hosts",
								url->port, url->host);
		why->detail = psprintf("Allowed hosts: %s.", guc_allowed_hosts());
		missing = psprintf("%s:%d", missing, url->port);
	}
	else if (*listed == GUC_HOST_REFUSED)
	{
		why->message = psprintf("host \"%s\" is not in ordersync.allowed_hosts", url->host);
		why->detail = psprintf("Allowed hosts: %s.", guc_allowed_hosts());
	}
	else if (*listed != GUC_HOST_NAMED && !host_is_public(url->host))
	{
		why->message = psprintf("host \"%s\" is not in ordersync.allowed_hosts by its own name",
								url->host);
		why->detail = "It is this machine, or lies in its link or in a private network.";
	}
	else
		return true;
	why->hint = psprintf("As superuser type: ALTER SYSTEM SET ordersync.allowed_hosts = %s; SELECT pg_reload_conf();",
						 quote_literal_cstr(guc_allowed_hosts()[0] == '\0' ? missing :
											psprintf("%s,%s", guc_allowed_hosts(), missing)));
	return false;
}

/* What is to be seen of it: where a name leads is known when it is connected to. */
static bool
host_is_public(const char *host)
{
	static const char local[] = ".localhost";
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	size_t		len = strlen(host);

	if (inet_pton(AF_INET, host, &ipv4.sin_addr) == 1)
		return http_address_is_public((struct sockaddr *) &ipv4);
	if (inet_pton(AF_INET6, host, &ipv6.sin6_addr) == 1)
		return http_address_is_public((struct sockaddr *) &ipv6);
	return strcmp(host, local + 1) != 0 &&
		(len < strlen(local) || strcmp(host + len - strlen(local), local) != 0);
}

/* See http_url.h. */
bool
http_address_is_public(const struct sockaddr *address)
{
	bool		public = false;

	if (address->sa_family == AF_INET)
		public = ipv4_is_public(ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr));
	else if (address->sa_family == AF_INET6)
		public = ipv6_is_public(&((const struct sockaddr_in6 *) address)->sin6_addr);
	return public && !is_own_address(address);
}

static bool
ipv4_is_public(uint32 address)
{
	for (int i = 0; i < lengthof(not_public); i++)
	{
		if ((address ^ not_public[i].address) >> (32 - not_public[i].bits) == 0)
			return false;
	}
	return true;
}

/* Global unicast; of what carries an IPv4 address (mapped, NAT64, 6to4), that one counts. */
static bool
ipv6_is_public(const struct in6_addr *address)
{
	static const uint8 nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
	const uint8 *bytes = address->s6_addr;
	uint32		ipv4;

	if (IN6_IS_ADDR_V4MAPPED(address) || memcmp(bytes, nat64, sizeof(nat64)) == 0)
		memcpy(&ipv4, bytes + 12, sizeof(ipv4));
	else if (bytes[0] == 0x20 && bytes[1] == 0x02)
		memcpy(&ipv4, bytes + 2, sizeof(ipv4));
	else
		return (bytes[0] & 0xE0) == 0x20;
	return ipv4_is_public(ntohl(ipv4));
}

/* A public address may still be one of ours.  Not known counts as ours. */
static bool
is_own_address(const struct sockaddr *address)
{
	struct ifaddrs *list;
	bool		own = false;

	if (getifaddrs(&list) != 0)
		return true;
	for (struct ifaddrs *one = list; one != NULL && !own; one = one->ifa_next)
	{
		if (one->ifa_addr == NULL || one->ifa_addr->sa_family != address->sa_family)
			continue;
		if (address->sa_family == AF_INET)
			own = ((const struct sockaddr_in *) one->ifa_addr)->sin_addr.s_addr ==
				((const struct sockaddr_in *) address)->sin_addr.s_addr;
		else if (address->sa_family == AF_INET6)
			own = memcmp(&((const struct sockaddr_in6 *) one->ifa_addr)->sin6_addr,
						 &((const struct sockaddr_in6 *) address)->sin6_addr,
						 sizeof(struct in6_addr)) == 0;
	}
	freeifaddrs(list);
	return own;
}
