/*
 * call_params.c
 *	  The parameters of one call: collected, signed, written as a form or as JSON.
 *
 * They stand in the order in which they were added; those that came with the
 * base URL first, which are signed and not written again.  Pure.
 */
#include "compat.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "call_params.h"
#include "sign.h"
#include "value.h"

static char *decode(const char *text, size_t len);
static void encode(StringInfo body, const char *text);
static void set_body(GatewayRequest *request, StringInfo body, const char *type);

/* See call_params.h. */
bool
params_add_url(CallParams *params, const char *url)
{
	const char *at = strchr(url, '?');

	while (at != NULL && at[1] != '\0' && at[1] != '#')
	{
		const char *name = at + 1;
		size_t		len = strcspn(name, "&#");
		const char *equals = memchr(name, '=', len);
		size_t		name_len = equals == NULL ? len : equals - name;

		if (params->n >= CALL_MAX_PARAMS / 4)
			return false;
		if (len > 0)
			params_add(params, decode(name, name_len),
					   equals == NULL ? "" : decode(equals + 1, len - name_len - 1), PARAM_TEXT);
		at = name[len] == '&' ? name + len : NULL;
	}
	params->nurl = params->n;
	return true;
}

/* Resolves %XX and '+'. */
static char *
decode(const char *text, size_t len)
{
	char	   *out = palloc(len + 1);
	size_t		used = 0;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i] == '+' ? ' ' : text[i];

		if (c == '%' && i + 2 < len && isxdigit((unsigned char) text[i + 1]) &&
			isxdigit((unsigned char) text[i + 2]))
		{
			char		hex[3] = {text[i + 1], text[i + 2], '\0'};

			c = (char) strtol(hex, NULL, 16);
			i += 2;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	return out;
}

/* See call_params.h. */
void
params_add(CallParams *params, const char *name, const char *value, ParamKind kind)
{
	if (name == NULL || name[0] == '\0' || value == NULL || value[0] == '\0')
		return;
	if (params->n >= CALL_MAX_PARAMS)
		elog(ERROR, "too many parameters for one call");
	params->params[params->n].name = name;
	params->params[params->n].value = value;
	params->params[params->n].kind = kind;
	params->n++;
}

/* See call_params.h. */
void
params_add_time(CallParams *params, const char *name, int64 epoch_s)
{
	char	   *text = palloc(VALUE_TIME_LEN + 1);
	int			n = params->n;

	value_write_time(epoch_s, text);
	params_add(params, name, text, PARAM_TIME);
	if (params->n > n)
		params->params[n].epoch_s = epoch_s;
}

/* See call_params.h. */
char *
params_sign(const CallParams *params, const char *method, const char *secret, const char **error)
{
	SignParam	sorted[CALL_MAX_PARAMS];

	for (int i = 0; i < params->n; i++)
	{
		sorted[i].name = params->params[i].name;
		sorted[i].value = params->params[i].value;
	}
	return sign_params(method, secret, sorted, params->n, error);
}

/* See call_params.h. */
void
params_form(const CallParams *params, GatewayRequest *request)
{
	StringInfoData body;

	initStringInfo(&body);
	for (int i = params->nurl; i < params->n; i++)
	{
		if (i > params->nurl)
			appendStringInfoChar(&body, '&');
		encode(&body, params->params[i].name);
		appendStringInfoChar(&body, '=');
		encode(&body, params->params[i].value);
	}
	set_body(request, &body, "application/x-www-form-urlencoded;charset=UTF-8");
}

/* Percent-encodes all but the unreserved characters. */
static void
encode(StringInfo body, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++)
	{
		unsigned char c = *text;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			c == '-' || c == '_' || c == '.' || c == '~')
			appendStringInfoChar(body, c);
		else
		{
			appendStringInfoChar(body, '%');
			appendStringInfoChar(body, digits[c >> 4]);
			appendStringInfoChar(body, digits[c & 15]);
		}
	}
}

/* See call_params.h. */
void
params_json(const CallParams *params, GatewayRequest *request)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfoChar(&body, '{');
	for (int i = params->nurl; i < params->n; i++)
	{
		const CallParam *param = &params->params[i];

		if (i > params->nurl)
			appendStringInfoChar(&body, ',');
		escape_json(&body, param->name);
		appendStringInfoChar(&body, ':');
		if (param->kind == PARAM_NUMBER || param->kind == PARAM_BOOL)
			appendStringInfoString(&body, param->value);
		else
			escape_json(&body, param->value);
	}
	appendStringInfoChar(&body, '}');
	set_body(request, &body, "application/json;charset=UTF-8");
}

static void
set_body(GatewayRequest *request, StringInfo body, const char *type)
{
	request->body = body->data;
	request->body_len = body->len;
	request->content_type = type;
}
