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
extern bool guc_test_page_numbers;
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

/* May calls go to this host?  True for every host while ordersync.allowed_hosts is empty. */
extern bool guc_host_allowed(const char *host);

#endif							/* ORDERSYNC_GUC_H */
