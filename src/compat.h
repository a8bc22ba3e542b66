/*
 * compat.h
 *	  The ground: PostgreSQL itself, and every difference between its versions
 *	  by the name of the feature.  No other file asks for PG_VERSION_NUM.
 *
 * It stands first in each .c in the place of postgres.h.  Two things force
 * that: on 15 PGDLLEXPORT is empty, so it must be given a meaning before any
 * macro that uses it is expanded (PG_MODULE_MAGIC, PG_FUNCTION_INFO_V1), else
 * -fvisibility=hidden hides them ("missing magic block"); and the pure rooms
 * (window, pace) are also built into a simulation outside the server, with
 * -DFRONTEND, where postgres_fe.h must come instead.
 */
#ifndef ORDERSYNC_COMPAT_H
#define ORDERSYNC_COMPAT_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

/* Version floor. */
#if PG_VERSION_NUM < 150000
#error "ordersync needs PostgreSQL 15 or later; set PG_CONFIG to the pg_config of such a server"
#endif

/* ORDERSYNC_VERSION is default_version of the control file: the Makefile defines it. */

/*
 * Symbol visibility: from 16 the server defines PGDLLEXPORT so that it
 * survives -fvisibility=hidden; 15 leaves it empty.
 */
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* Every function that SQL or the postmaster calls by name is declared with it. */
#define ORDERSYNC_EXPORT PGDLLEXPORT

/* noreturn: a prefix of the declaration, as 18 spells it. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

#ifndef FRONTEND

/* varlena macros: a header of their own since 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Module magic: names the library and its version in 18's pg_get_loaded_modules(). */
#if PG_VERSION_NUM >= 180000
#define ORDERSYNC_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "ordersync", .version = ORDERSYNC_VERSION)
#else
#define ORDERSYNC_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/*
 * Wait event set that lives until freed: in TopMemoryContext before 17, owned
 * by no resource owner since.  Needs storage/latch.h of the caller.
 */
#if PG_VERSION_NUM >= 170000
#define compat_create_wait_event_set(nevents) CreateWaitEventSet(NULL, (nevents))
#else
#define compat_create_wait_event_set(nevents) \
	CreateWaitEventSet(TopMemoryContext, (nevents))
#endif

/*
 * Wait event shown in pg_stat_activity: by a name of our own since 17, as the
 * general "Extension" before.  Needs utils/wait_event.h of the caller.
 */
#if PG_VERSION_NUM >= 170000
#define compat_wait_event(name) WaitEventExtensionNew(name)
#else
#define compat_wait_event(name) PG_WAIT_EXTENSION
#endif

/* Memory of a setting's check hook ("extra"): malloc before 16. */
#if PG_VERSION_NUM >= 160000
#define compat_guc_malloc(elevel, size) guc_malloc((elevel), (size))
#define compat_guc_free(ptr) guc_free(ptr)
#else
#define compat_guc_malloc(elevel, size) malloc(size)
#define compat_guc_free(ptr) free(ptr)
#endif

/*
 * Set-returning helper: renamed in 16; 15 keeps the old name for good.  Needs
 * funcapi.h of the caller.
 */
#if PG_VERSION_NUM >= 160000
#define compat_init_materialized_srf(fcinfo) InitMaterializedSRF((fcinfo), 0)
#else
#define compat_init_materialized_srf(fcinfo) SetSingleFuncCall((fcinfo), 0)
#endif

/* Index scan: may be asked to count its searches since 18.  Needs access/genam.h of the caller. */
#if PG_VERSION_NUM >= 180000
#define compat_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan((table), (index), (snapshot), NULL, (nkeys), 0)
#else
#define compat_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan((table), (index), (snapshot), (nkeys), 0)
#endif

/* This backend's place among the processes: numbered from 0 since 17, from 1 before. */
#if PG_VERSION_NUM >= 170000
#define compat_my_proc_number() ((int) MyProcNumber)
#else
#define compat_my_proc_number() ((int) MyBackendId - 1)
#endif

/* What other processes show of themselves, one by one from 1: renamed in 16.  Needs utils/backend_status.h of the caller. */
#if PG_VERSION_NUM >= 160000
#define compat_backend_status(i) pgstat_get_local_beentry_by_index(i)
#else
#define compat_backend_status(i) pgstat_fetch_stat_local_beentry(i)
#endif

#endif							/* !FRONTEND */

#endif							/* ORDERSYNC_COMPAT_H */
