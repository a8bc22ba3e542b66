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

#endif							/* ORDERSYNC_HTTP_CERTIFICATES_H */
