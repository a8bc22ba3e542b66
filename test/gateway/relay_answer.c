/*
 * relay_answer.c
 *	  What a relay answers: the platform's answer bare or in an envelope, errors
 *	  by the relay's own codes, by HTTP statuses or as the platform tells them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "relay_private.h"

static const char *kind_of_code(const Call *call);
static void write_envelope(Call *call, Out *o, const char *code, const char *message, bool has_data);

/* Bytes as a JSON text, whatever they are. */
static void
put_quoted(Out *o, const char *s, size_t n)
{
	out_char(o, '"');
	for (size_t i = 0; i < n; i++)
	{
		if (s[i] == '"' || s[i] == '\\')
			out_char(o, '\\');
		if ((unsigned char) s[i] < 0x20)
			out_printf(o, "\\u%04x", (unsigned char) s[i]);
		else
			out_char(o, s[i]);
	}
	out_char(o, '"');
}

void
write_members(Out *o, const Member *members, int n)
{
	bool		any = false;
	bool		done[8] = {false};

	out_char(o, '{');
	for (int i = 0; i < n; i++)
	{
		const char *dot;
		size_t		head;
		Member		inner[8];
		int			ninner = 0;

		if (members[i].path == NULL || done[i])
			continue;
		if (any)
			out_char(o, ',');
		any = true;
		dot = strchr(members[i].path, '.');
		head = dot ? (size_t) (dot - members[i].path) : strlen(members[i].path);
		put_quoted(o, members[i].path, head);
		out_char(o, ':');
		if (dot == NULL)
		{
			out_bytes(o, members[i].json, members[i].len);
			continue;
		}
		/* all that are below the same name */
		for (int k = i; k < n; k++)
			if (members[k].path != NULL && strncmp(members[k].path, members[i].path, head + 1) == 0)
			{
				done[k] = true;
				inner[ninner++] = (Member) {members[k].path + head + 1, members[k].json, members[k].len};
			}
		write_members(o, inner, ninner);
	}
	out_char(o, '}');
}

/* The first of the codes that mean something. */
static void
first_code(const Call *call, const char *kind, char *code, size_t size)
{
	char		name[64];
	const char *codes;

	snprintf(name, sizeof(name), strcmp(kind, "ok") == 0 ? "envelope.%s" : "codes.%s", kind);
	codes = relay_setting(call->relay, name);
	snprintf(code, size, "%.*s", codes == NULL ? 0 : (int) strcspn(codes, ","), codes == NULL ? "" : codes);
}

/* What the relay itself refuses, and whom it does not know. */
bool
relay_check(Call *call, Out *o)
{
	if (call->refused[0] == '\0' && call->shop == NULL)
	{
		call->refused_as = "unauthorized";
		/* as careless services do */
		snprintf(call->refused, sizeof(call->refused), "unknown data key %s", param(call, "session"));
	}
	if (call->refused[0] == '\0')
	{
		const char *longest = relay_setting(call->relay, "max_window");
		const char *start = NULL,
				   *end = NULL;
		int64_t		from,
					to;

		for (int i = 0; i < call->nparams; i++)
		{
			if (strncmp(call->params[i].name, "start_", 6) == 0)
				start = call->params[i].value;
			if (strncmp(call->params[i].name, "end_", 4) == 0)
				end = call->params[i].value;
		}
		if (longest == NULL || start == NULL || end == NULL || !time_read(start, &from) ||
			!time_read(end, &to) || to - from <= atoll(longest))
			return true;
		call->refused_as = "other";
		snprintf(call->refused, sizeof(call->refused), "the range is longer than %s seconds", longest);
	}
	call->code = 900;
	out_lit(o, "{}");
	return false;
}

void
relay_wrap(Call *call, Out *o)
{
	const Relay *relay = call->relay;
	bool		enveloped = relay_is_on(relay, "envelope");
	const char *errors = relay_setting(relay, "errors");
	const char *kind;
	const char *words;
	char		code[64];

	if (call->replied)
		return;
	if (call->refused[0] == '\0' && (call->code == 0 || strcmp(errors, "platform") == 0 ||
									 (!enveloped && strcmp(errors, "status") != 0)))
	{
		first_code(call, "ok", code, sizeof(code));
		if (enveloped)
			write_envelope(call, o, code, "ok", true);
		return;
	}
	kind = call->refused[0] != '\0' ? call->refused_as : kind_of_code(call);
	words = call->refused[0] != '\0' ? call->refused : call->words;
	first_code(call, strcmp(kind, "not here") == 0 ? "not_found" : kind, code, sizeof(code));
	if (strcmp(kind, "not here") == 0)
		call->status = 404;
	else if (!enveloped || strcmp(errors, "status") == 0)
		call->status = atoi(code) >= 400 && atoi(code) < 600 ? atoi(code) : 400;
	if (enveloped && strcmp(errors, "status") != 0)
		write_envelope(call, o, code, words, false);
	else
	{
		o->len = 0;
		out_lit(o, "{\"error\":");
		put_quoted(o, words, strlen(words));
		out_char(o, '}');
	}
}

/* What an error of the platform is to a relay. */
static const char *
kind_of_code(const Call *call)
{
	switch (call->code)
	{
		case 7:
			return "throttled";
		case 26:
		case 27:
			return "unauthorized";
		case 11:
			return "permission";
		case 15:
			return strstr(call->words, "not-exist") != NULL ? "not_found" :
				strstr(call->words, "isp.") != NULL ? "retry" : "other";
		default:
			return "other";
	}
}

/* What o has becomes the data of its envelope, which has none otherwise. */
static void
write_envelope(Call *call, Out *o, const char *code, const char *message, bool has_data)
{
	const Relay *relay = call->relay;
	const char *code_as = relay_setting(relay, "code_as");
	Out			said = {0},
				words = {0},
				packed = {0},
				id = {0},
				all = {0};
	Member		members[4];

	if (strcmp(code_as, "flag") == 0)
		out_text(&said, has_data ? "true" : "false");
	else if (strcmp(code_as, "text") == 0 || strspn(code, "0123456789") != strlen(code))
		put_quoted(&said, code, strlen(code));
	else
		out_text(&said, code);
	put_quoted(&words, message, strlen(message));
	if (!has_data)
		out_lit(&packed, "null");
	else if (strcmp(relay_setting(relay, "data"), "text") == 0)
		put_quoted(&packed, o->data, o->len);
	else
		out_bytes(&packed, o->data, o->len);
	out_char(&id, '"');
	write_request_id(&id);
	out_char(&id, '"');
	members[0] = (Member) {relay_setting(relay, "envelope.code"), said.data, said.len};
	members[1] = (Member) {relay_setting(relay, "envelope.message"), words.data, words.len};
	members[2] = (Member) {relay_setting(relay, "envelope.data"), packed.data, packed.len};
	members[3] = (Member) {relay_setting(relay, "envelope.request_id"), id.data, id.len};
	write_members(&all, members, 4);
	/* without a name the data's members stand beside the others */
	if (members[2].path == NULL && has_data && o->len > 2 && o->data[0] == '{')
	{
		all.data[all.len - 1] = ',';
		out_bytes(&all, o->data + 1, o->len - 1);
	}
	out_free(&said);
	out_free(&words);
	out_free(&packed);
	out_free(&id);
	out_free(o);
	*o = all;
}
