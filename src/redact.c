/*
 * redact.c
 *	  Secrets are overwritten in what the other side says.
 */
#include "compat.h"

#include "redact.h"

static void overwrite(char *text, const char *secret);

void
redact_secrets(char *text, const SyncTask *task)
{
	if (text == NULL || task == NULL)
		return;
	overwrite(text, task->data_key);
	if (task->gateway == NULL)
		return;
	overwrite(text, task->gateway->app_secret);
	for (int i = 0; i < task->gateway->nheaders; i++)
		overwrite(text, task->gateway->headers[i].value);
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
