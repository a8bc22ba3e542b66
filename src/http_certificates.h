/*
 * http_certificates.h
 *	  The CA certificates that gateways are verified with: where libcurl looks for
 *	  them, and whether they can be read there.
 */
#ifndef ORDERSYNC_HTTP_CERTIFICATES_H
#define ORDERSYNC_HTTP_CERTIFICATES_H

#include "compat.h"

/* The file or directory that libcurl was built to use; NULL: it was built without one. */
extern const char *http_default_certificates(void);

/* Why no certificates can be read there, palloc'd, one line; NULL when some can. */
extern char *http_certificates_trouble(const char *path);

/*
 * Has a call (a curl handle) verify the gateway by ordersync.ca_file or the
 * system's certificates, and likewise a proxy that is spoken to by TLS.  False
 * when an option is not accepted.  There is no way to make a call without.
 */
extern bool http_set_certificates(void *easy);

/* Whether a call's end (a CURLcode) was a certificate that is not accepted, or that none could be read. */
extern bool http_certificate_refused(int result);

/* curl's words for that, and by which certificates it looked. */
extern const char *http_describe_refusal(const char *words);

#endif							/* ORDERSYNC_HTTP_CERTIFICATES_H */
