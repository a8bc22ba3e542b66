/*
 * sqlapi_health.c
 *	  What ordersync_doctor() asks of the library itself: its version, and the
 *	  certificates that gateways are verified with.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "guc.h"
#include "http_certificates.h"

extern ORDERSYNC_EXPORT Datum ordersync_library_version(PG_FUNCTION_ARGS);
extern ORDERSYNC_EXPORT Datum ordersync_certificates(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(ordersync_library_version);
PG_FUNCTION_INFO_V1(ordersync_certificates);

/* ordersync.library_version(): of the one that is loaded, whatever is on disk by now. */
Datum
ordersync_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(ORDERSYNC_VERSION));
}

/* ordersync.health_certificates(): ordersync.ca_file and its trouble, the system's and theirs. */
Datum
ordersync_certificates(PG_FUNCTION_ARGS)
{
	const char *paths[2] = {guc_ca_file, http_default_certificates()};
	TupleDesc	columns;
	Datum		values[4];
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < 2; i++)
	{
		char	   *trouble;

		if (paths[i] == NULL || paths[i][0] == '\0')
			continue;
		nulls[2 * i] = false;
		values[2 * i] = CStringGetTextDatum(paths[i]);
		trouble = http_certificates_trouble(paths[i]);
		if (trouble == NULL)
			continue;
		nulls[2 * i + 1] = false;
		values[2 * i + 1] = CStringGetTextDatum(trouble);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
