/*
 * relay.c
 *	  What a relay is set to: its names, paths and forms.
 */
#include "relay.h"

#include <stdlib.h>

#include "relay_private.h"

#define MAX_RELAYS 16

static Relay relays[MAX_RELAYS];
static int	nrelays;

static const Param defaults[] = {
	{"base", "/relay"},
	{"paths.increment", "/OrderIncrement"}, {"paths.list", "/GetOrder1"},
	{"paths.details", "/GetOrderInfo"}, {"paths.refunds", "/OrderRefundsGet"},
	{"parameters.credential", "DataKey"},
	{"body", "form"}, {"times", "text"}, {"after_sales", "time"},
	{"totals", "true"}, {"has_next", "true"},
	{"envelope.code", "code"}, {"envelope.message", "message"}, {"envelope.data", "data"},
	{"envelope.ok", "0"},
	{"codes.throttled", "429"}, {"codes.unauthorized", "401"}, {"codes.retry", "500"},
	{"codes.not_found", "404"}, {"codes.permission", "403"}, {"codes.other", "400"},
	{"signature.app_key", "app_key"}, {"signature.timestamp", "timestamp"},
	{"signature.sign_method", "sign_method"}, {"signature.sign", "sign"},
	{"errors", "codes"}, {"data", "json"}, {"code_as", "number"}
};

static const char *
lookup(const Param *settings, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].value;
	return NULL;
}

const char *
relay_setting(const Relay *relay, const char *name)
{
	const char *value = lookup(relay->settings, (size_t) relay->n, name);

	if (value == NULL)
		value = lookup(defaults, sizeof(defaults) / sizeof(defaults[0]), name);
	return value == NULL || strcmp(value, "null") == 0 ? NULL : value;
}

/* By its own name, or because a member of it is set. */
bool
relay_is_on(const Relay *relay, const char *name)
{
	size_t		len = strlen(name);
	const char *value = relay_setting(relay, name);

	if (value != NULL)
		return strcmp(value, "on") == 0 || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	for (int i = 0; i < relay->n; i++)
		if (strncmp(relay->settings[i].name, name, len) == 0 && relay->settings[i].name[len] == '.')
			return true;
	return false;
}

const char *
relay_record_name(const Relay *relay, const char *name)
{
	char		setting[64] = "records.";

	if (relay == NULL)
		return NULL;
	strncat(setting, name, sizeof(setting) - strlen(setting) - 1);
	return relay_setting(relay, setting);
}

bool
relay_set(const Param *settings, int n)
{
	const char *base = lookup(settings, (size_t) n, "base");
	Relay	   *relay;
	int			i = 0;

	if (base == NULL)
		base = "/relay";
	while (i < nrelays && strcmp(relay_setting(&relays[i], "base"), base) != 0)
		i++;
	if (i == MAX_RELAYS)
		return false;
	if (i == nrelays)
		nrelays++;
	relay = &relays[i];
	for (int k = 0; k < relay->n; k++)
	{
		free((char *) relay->settings[k].name);
		free((char *) relay->settings[k].value);
	}
	relay->n = 0;
	for (int k = 0; k < n && k < MAX_PARAMS; k++)
		relay->settings[relay->n++] = (Param) {strdup(settings[k].name), strdup(settings[k].value)};
	return true;
}

const Relay *
relay_at(const char *path)
{
	const Relay *found = NULL;
	size_t		longest = 0;

	for (int i = 0; i < nrelays; i++)
	{
		const char *base = relay_setting(&relays[i], "base");
		size_t		len = strlen(base);

		if (strncmp(path, base, len) == 0 && path[len] == '/' && len >= longest)
		{
			found = &relays[i];
			longest = len;
		}
	}
	return found;
}
