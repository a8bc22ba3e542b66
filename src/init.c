/*
 * init.c
 *	  The door: what happens when the library is loaded.
 *
 * Preloaded by the postmaster, it has shared memory and a launcher besides its
 * settings; loaded later, by a function call or LOAD, it has settings and
 * functions, and no worker runs.  Either way it keeps secrets out of the log, and
 * users' triggers within our rights.  curl is left alone here: it is a worker's
 * business (http.c), and this may be the postmaster.
 */
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "database_watch.h"
#include "definer.h"
#include "gateway_share.h"
#include "guc.h"
#include "launcher.h"
#include "secret_log.h"
#include "shmem.h"

ORDERSYNC_MODULE_MAGIC;

extern ORDERSYNC_EXPORT void _PG_init(void);

void
_PG_init(void)
{
	guc_define();
	secret_log_install();
	definer_install();
	if (!process_shared_preload_libraries_in_progress)
		return;
	shmem_install();
	gateway_share_install();
	launcher_register();
	database_watch_install();
}
