/*
 * guc.h
 *	  Every setting of the extension, as the server holds it now.
 */
#ifndef ORDERSYNC_GUC_H
#define ORDERSYNC_GUC_H

#include "compat.h"
#include "nodes/pg_list.h"

/* The most that ordersync.max_in_flight and ordersync.workers may be set to. */
#define GUC_MAX_IN_FLIGHT 512
#define GUC_MAX_WORKERS 32

extern bool guc_enabled;
extern int	guc_workers;
extern int	guc_max_in_flight;
extern int	guc_max_active_shops;
extern int	guc_lag_s;
extern int	guc_settle_s;
extern int	guc_settle_after_sales_s;
extern int	guc_proof_delay_s;
extern int	guc_page_size;
extern int	guc_max_attempts;
extern int	guc_retry_base_ms;
extern int	guc_retry_cap_ms;
extern int	guc_connect_timeout_ms;
extern int	guc_request_timeout_ms;
extern int	guc_max_response_kb;
extern bool guc_allow_http;
extern char *guc_ca_file;
extern char *guc_key_file;

/* Defines all of them and reserves the prefix; called once, by _PG_init. */
extern void guc_define(void);

/* ordersync.databases as a list of names, palloc'd in the current context. */
extern List *guc_database_list(void);

/* Is this database in ordersync.databases? */
extern bool guc_database_listed(const char *database);

/* How ordersync.allowed_hosts lists a host; of an empty list every host is allowed. */
typedef enum GucHost
{
	GUC_HOST_REFUSED,
	GUC_HOST_OTHER_PORT,		/* listed with other ports only */
	GUC_HOST_ANY,				/* the list is empty */
	GUC_HOST_BELOW,				/* below a name that begins with a dot */
	GUC_HOST_NAMED				/* by its own name or address */
} GucHost;

/* The host in lower case, an IPv6 address without brackets. */
extern GucHost guc_host_listed(const char *host, int port);

/* ordersync.allowed_hosts as typed. */
extern const char *guc_allowed_hosts(void);

#endif							/* ORDERSYNC_GUC_H */
