/*
 * relay_check.c
 *	  Does the map of a relay make sense as a whole?
 *
 * Each member by itself was read and found good (relay_map.c).  Pure.
 */
#include "compat.h"

#include "relay_map.h"
#include "relay_words.h"

/* What an operation that is there cannot do without; the rest may be left out. */
#define OPTIONAL (RELAY_BIT(RELAY_FIELDS) | RELAY_BIT(RELAY_TYPE) | RELAY_BIT(RELAY_EXT_TYPE) | \
				  RELAY_BIT(RELAY_PAGE_SIZE) | RELAY_BIT(RELAY_USE_HAS_NEXT))

static void settle_after_sales(RelayMap *map, GatewayFault *fault);
static void check_operation(const RelayMap *map, GatewayFault *fault, int operation);
static void check_names(const RelayMap *map, GatewayFault *fault, int operation);
static void check_codes(const RelayMap *map, GatewayFault *fault);
static void warn_of_headers(const RelayMap *map, GatewayFault *fault);

/* See relay_map.h. */
void
relay_map_check(RelayMap *map, GatewayFault *fault)
{
	static const RelayOperation required[] = {RELAY_INCREMENT, RELAY_LIST, RELAY_DETAILS};

	for (int i = 0; i < lengthof(required); i++)
	{
		if (map->paths[required[i]] == NULL)
			relay_map_fault(fault, psprintf("relay.paths.%s", relay_operation_names[required[i]]),
					 "No shop can be read without this operation.", RELAY_PATH_EXPECTED);
	}
	settle_after_sales(map, fault);
	for (int o = 0; o < RELAY_OPERATIONS; o++)
	{
		if (map->paths[o] != NULL)
			check_operation(map, fault, o);
	}
	check_codes(map, fault);
	warn_of_headers(map, fault);
}

/* Which of the operations for after-sales are used. */
static void
settle_after_sales(RelayMap *map, GatewayFault *fault)
{
	const char **paths = map->paths;

	if (map->after_sales == RELAY_BY_ORDER)
	{
		if (paths[RELAY_REFUNDS_OF_ORDER] == NULL)
			paths[RELAY_REFUNDS_OF_ORDER] = paths[RELAY_REFUNDS];
		paths[RELAY_REFUNDS] = NULL;
		if (paths[RELAY_REFUNDS_OF_ORDER] == NULL)
			relay_map_fault(fault, "relay.paths.refunds_of_order",
					 "After-sales are to be read by order (option relay.after_sales).", RELAY_PATH_EXPECTED);
	}
	else if (map->after_sales == RELAY_BY_TIME && paths[RELAY_REFUNDS] == NULL)
		relay_map_fault(fault, "relay.paths.refunds",
				 "After-sales are to be read by the time of their change (option relay.after_sales).",
				 "Give the path; or set relay.after_sales to \"order\" or \"none\".");
	else if (map->after_sales == RELAY_NO_AFTER_SALES)
		paths[RELAY_REFUNDS] = paths[RELAY_REFUNDS_OF_ORDER] = paths[RELAY_REFUND] = NULL;
	/* the second list goes with the first */
	if (paths[RELAY_REFUNDS] == NULL)
		paths[RELAY_SPECIAL_REFUNDS] = NULL;
}

/* An operation that is there has the parameters that it needs, each with a name of its own. */
static void
check_operation(const RelayMap *map, GatewayFault *fault, int operation)
{
	for (int p = 0; p < RELAY_PARAMETERS; p++)
	{
		if ((relay_taken[operation] & ~OPTIONAL & RELAY_BIT(p)) && map->names[operation][p] == NULL)
			relay_map_fault(fault, psprintf("relay.parameters.%s", relay_parameter_names[p]),
					 psprintf("Operation %s cannot be called without it.", relay_operation_names[operation]),
					 RELAY_NAME_EXPECTED);
	}
	check_names(map, fault, operation);
}

static void
check_names(const RelayMap *map, GatewayFault *fault, int operation)
{
	const char *sent[RELAY_PARAMETERS + RELAY_MAX_CONSTANTS + 4];
	int			n = 0;

	for (int p = 0; p < RELAY_PARAMETERS; p++)
		sent[n++] = map->names[operation][p];
	for (int i = 0; i < map->nconstants; i++)
		sent[n++] = map->constants[i].name;
	if (map->sign)
	{
		sent[n++] = map->app_key;
		sent[n++] = map->timestamp;
		sent[n++] = map->sign_method;
		sent[n++] = map->signature;
	}
	for (int i = 0; i < n; i++)
	{
		for (int j = i + 1; j < n && fault->option == NULL; j++)
		{
			if (sent[i] != NULL && sent[j] != NULL && strcmp(sent[i], sent[j]) == 0)
				relay_map_fault(fault, "relay.parameters",
						 psprintf("Operation %s would carry two parameters named \"%s\".",
								  relay_operation_names[operation], sent[i]),
						 "Give each parameter, constant and part of the signature a name of its own, or null to leave it out.");
		}
	}
}

/* A code has one meaning. */
static void
check_codes(const RelayMap *map, GatewayFault *fault)
{
	for (int m = -1; m < RELAY_MEANINGS; m++)
	{
		const RelayCodes *codes = m < 0 ? &map->ok : &map->codes[m];

		for (int i = 0; i < codes->n && (m >= 0 || map->enveloped); i++)
		{
			for (int other = m + 1; other < RELAY_MEANINGS; other++)
			{
				if (relay_has_code(&map->codes[other], codes->codes[i]))
					relay_map_fault(fault, psprintf("relay.codes.%s", relay_meaning_names[other]),
							 psprintf("Code \"%s\" has another meaning already.", codes->codes[i]),
							 "List each code once.");
			}
		}
	}
}

/* See relay_map.h. */
bool
relay_has_code(const RelayCodes *codes, const char *code)
{
	for (int i = 0; i < codes->n; i++)
	{
		if (strcmp(codes->codes[i], code) == 0)
			return true;
	}
	return false;
}

/* A header that is a secret by its name would lie in the table as it is. */
static void
warn_of_headers(const RelayMap *map, GatewayFault *fault)
{
	static const char *const words[] = {
		"authorization", "cookie", "token", "secret", "password", "key"
	};

	for (int i = 0; i < map->nheaders; i++)
	{
		char	   *name = pstrdup(map->headers[i].name);

		for (char *c = name; *c != '\0'; c++)
			*c = pg_tolower((unsigned char) *c);
		for (int w = 0; w < lengthof(words); w++)
		{
			if (strstr(name, words[w]) != NULL)
				fault->warning = map->headers[i].name;
		}
	}
}

/* See relay_map.h. */
void
relay_map_fault(GatewayFault *fault, const char *option, const char *detail, const char *hint)
{
	if (fault->option != NULL)
		return;
	fault->option = pstrdup(option);
	fault->detail = detail;
	fault->hint = hint;
}
