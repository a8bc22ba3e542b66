/*
 * job_secrets.c
 *	  The secrets that the calls of a job are signed with, or carry.
 *
 * They are opened before the first call, in the job's context, and overwritten
 * when the job is closed.  Each opens for the place that it was given for only.
 * Nothing here touches the database.
 */
#include "compat.h"

#include "job_private.h"
#include "secret.h"

static bool open_gateway_secrets(Job *job, const char *destination, SecretTrouble *trouble);
static void set_header(Gateway *gateway, char *name, char *value);
static char *open_secret(const bytea *sealed, const char *kind, const char *name,
						 const char *destination, MemoryContext context,
						 SecretTrouble *trouble);

/*
 * All secrets into the job's context; NULL, or the class of why one cannot be
 * opened with a line for people: key_file (nothing opens now), secret_unreadable
 * (one of the gateway's), key_unreadable (the shop's).
 */
const char *
job_open_secrets(Job *job, char **why)
{
	SyncTask   *task = job->task;
	const char *destination = http_destination(task->gateway->base_url, task->gateway->proxy);
	SecretTrouble trouble = {0};
	char		shop[32];

	if (destination == NULL)
	{
		*why = "the gateway's URL or proxy cannot be read";
		return "secret_unreadable";
	}
	if (!open_gateway_secrets(job, destination, &trouble))
	{
		*why = trouble.why;
		return trouble.key_file ? "key_file" : "secret_unreadable";
	}
	snprintf(shop, sizeof(shop), INT64_FORMAT, task->shop_id);
	task->data_key = open_secret(job->claim.sealed_data_key, "data_key", shop, destination,
								 job->context, &trouble);
	*why = trouble.why;
	if (task->data_key == NULL)
		return trouble.key_file ? "key_file" : "key_unreadable";
	return NULL;
}

/* False, with the trouble, when one of them does not open. */
static bool
open_gateway_secrets(Job *job, const char *destination, SecretTrouble *trouble)
{
	const Claim *claim = &job->claim;
	Gateway    *gateway = job->task->gateway;
	HttpHeader *headers;

	if (claim->sealed_app_secret != NULL || job->needs_secret)
	{
		gateway->app_secret = open_secret(claim->sealed_app_secret, "app_secret", gateway->name,
										  destination, job->context, trouble);
		if (gateway->app_secret == NULL)
			return false;
	}
	headers = MemoryContextAllocZero(job->context,
									 sizeof(HttpHeader) * (gateway->nheaders + claim->nsecrets + 1));
	/* behind those that the protocol's options name */
	if (gateway->nheaders > 0)
		memcpy(headers, gateway->headers, sizeof(HttpHeader) * gateway->nheaders);
	gateway->headers = headers;
	for (int i = 0; i < claim->nsecrets; i++)
	{
		const SealedSecret *secret = &claim->secrets[i];
		char	   *name = strchr(secret->name, '/') + 1;
		char	   *kind = pnstrdup(secret->name, name - 1 - secret->name);
		char	   *header = strchr(name, '/');
		char	   *plain = open_secret(secret->sealed, kind, name, destination, job->context, trouble);

		if (plain == NULL)
			return false;
		if (header != NULL)
			set_header(gateway, header + 1, plain);
		else
			gateway->proxy_password = plain;
	}
	return true;
}

/* In place of one that the protocol's options name: a header goes out once. */
static void
set_header(Gateway *gateway, char *name, char *value)
{
	int			i = 0;

	while (i < gateway->nheaders && pg_strcasecmp(gateway->headers[i].name, name) != 0)
		i++;
	gateway->headers[i] = (HttpHeader) {name, value};
	gateway->nheaders = Max(gateway->nheaders, i + 1);
}

static char *
open_secret(const bytea *sealed, const char *kind, const char *name,
			const char *destination, MemoryContext context, SecretTrouble *trouble)
{
	MemoryContext before;
	char	   *plain;

	if (sealed == NULL)
	{
		trouble->key_file = false;
		trouble->why = psprintf("no %s of %s is stored", kind, name);
		return NULL;
	}
	before = MemoryContextSwitchTo(context);
	plain = secret_open(sealed, secret_purpose(kind, name, destination), trouble);
	MemoryContextSwitchTo(before);
	if (plain == NULL && !trouble->key_file)
		trouble->why = psprintf("the %s of %s cannot be opened: %s", kind, name, trouble->why);
	return plain;
}

void
job_wipe_secrets(Job *job)
{
	Gateway    *gateway = job->task->gateway;

	secret_wipe(job->task->data_key);
	secret_wipe(gateway->app_secret);
	secret_wipe(gateway->proxy_password);
	for (int i = 0; i < gateway->nheaders; i++)
		secret_wipe(gateway->headers[i].value);
}
