/*
 * redact.c
 *	  Secrets are overwritten in what the other side says.
 */
#include "compat.h"

#include <ctype.h>

#include "common/base64.h"

#include "redact.h"

static void redact_gateway(char *text, const Gateway *gateway);
static void redact_secret(char *text, const char *secret);
static void redact_basic(char *text, const char *secret);
static void overwrite(char *text, const char *secret);

void
redact_secrets(char *text, const SyncTask *task)
{
	if (text == NULL || task == NULL)
		return;
	redact_secret(text, task->data_key);
	if (task->gateway != NULL)
		redact_gateway(text, task->gateway);
}

/* Of the two parts of a value, "user:password" and "Bearer token", the second may stand alone. */
static void
redact_gateway(char *text, const Gateway *gateway)
{
	redact_secret(text, gateway->app_secret);
	redact_secret(text, gateway->proxy_password);
	if (gateway->proxy_password != NULL)
	{
		redact_basic(text, gateway->proxy_password);
		if (strchr(gateway->proxy_password, ':') != NULL)
			redact_secret(text, strchr(gateway->proxy_password, ':') + 1);
	}
	for (int i = 0; i < gateway->nheaders; i++)
	{
		const char *value = gateway->headers[i].value;

		redact_secret(text, value);
		if (value != NULL && strchr(value, ' ') != NULL)
			redact_secret(text, strrchr(value, ' ') + 1);
	}
}

/* As it is, as JSON writes it, and as a form or URL does. */
static void
redact_secret(char *text, const char *secret)
{
	static const char digits[] = "0123456789ABCDEF0123456789abcdef";
	size_t		len = secret == NULL ? 0 : strlen(secret);
	char	   *form;
	char	   *at;

	overwrite(text, secret);
	if (len == 0 || secret[strcspn(secret, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~ ")] == '\0')
		return;
	form = palloc(3 * len + 1);
	at = form;
	for (size_t i = 0; i < len; i++)
	{
		if (strchr("\"\\/", secret[i]) != NULL)
			*at++ = '\\';
		*at++ = secret[i];
	}
	*at = '\0';
	overwrite(text, form);
	for (int low = 0; low <= 16; low += 16)
	{
		at = form;
		for (size_t i = 0; i < len; i++)
		{
			unsigned char c = (unsigned char) secret[i];

			if (isalnum(c) || strchr("-_.~", c) != NULL)
				*at++ = c;
			else
				at += sprintf(at, "%%%c%c", digits[low + c / 16], digits[low + c % 16]);
		}
		*at = '\0';
		overwrite(text, form);
	}
	memset(form, 0, 3 * len);
	pfree(form);
}

/* As a header of "Basic" has it. */
static void
redact_basic(char *text, const char *secret)
{
	int			len = (int) strlen(secret);
	int			room = pg_b64_enc_len(len);
	char	   *form = palloc0(room + 1);

	if (pg_b64_encode((const void *) secret, len, form, room) > 0)
		overwrite(text, form);
	memset(form, 0, room);
	pfree(form);
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
