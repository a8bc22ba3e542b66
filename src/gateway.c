/*
 * gateway.c
 *	  The protocols by name, and what is common to them.
 *
 * A gateway is where calls go; its protocol is how they are spelt.  A protocol
 * is pure: it builds a request from a call and makes an answer of a reply, and
 * neither waits, nor reads a clock, nor touches the database.
 */
#include "compat.h"

#include "gateway.h"

static void overwrite(char *text, const char *secret);

/* See gateway.h. */
const GatewayProtocol *
gateway_protocol(const char *name)
{
	static const GatewayProtocol *const protocols[] = {&gateway_top};

	for (int i = 0; i < lengthof(protocols); i++)
	{
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	}
	return NULL;
}

/* See gateway.h.  The other side may quote what it was sent, in an error's words for one. */
void
gateway_redact(char *text, const SyncTask *task)
{
	if (text == NULL || task == NULL)
		return;
	overwrite(text, task->data_key);
	if (task->gateway != NULL)
		overwrite(text, task->gateway->app_secret);
}

/* Puts stars over each place where text says secret. */
static void
overwrite(char *text, const char *secret)
{
	size_t		len = secret == NULL ? 0 : strlen(secret);

	/* a "secret" of a letter or two would star out every word */
	if (len < 4)
		return;
	while ((text = strstr(text, secret)) != NULL)
	{
		memset(text, '*', len);
		text += len;
	}
}
