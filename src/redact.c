/*
 * redact.c
 *	  Secrets are overwritten in what the other side says.
 */
#include "compat.h"

#include "redact.h"

static void redact_gateway(char *text, const Gateway *gateway);
static void overwrite(char *text, const char *secret);

void
redact_secrets(char *text, const SyncTask *task)
{
	if (text == NULL || task == NULL)
		return;
	overwrite(text, task->data_key);
	if (task->gateway != NULL)
		redact_gateway(text, task->gateway);
}

/* Of the two parts of a value, "user:password" and "Bearer token", the second may stand alone. */
static void
redact_gateway(char *text, const Gateway *gateway)
{
	overwrite(text, gateway->app_secret);
	overwrite(text, gateway->proxy_password);
	if (gateway->proxy_password != NULL && strchr(gateway->proxy_password, ':') != NULL)
		overwrite(text, strchr(gateway->proxy_password, ':') + 1);
	for (int i = 0; i < gateway->nheaders; i++)
	{
		const char *value = gateway->headers[i].value;

		overwrite(text, value);
		if (value != NULL && strchr(value, ' ') != NULL)
			overwrite(text, strrchr(value, ' ') + 1);
	}
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
