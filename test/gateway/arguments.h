/*
 * arguments.h
 *	  What a call asks for: fields, window, page, filters.
 */
#ifndef GATEWAY_ARGUMENTS_H
#define GATEWAY_ARGUMENTS_H

#include "protocol.h"
#include "query.h"
#include "select.h"

typedef struct ListInfo
{
	ListKind	kind;
	Api			api;
	const char *start;			/* names of the window's parameters */
	const char *end;
	bool		required;		/* the window must be given ... */
	int			max_span;		/* ... and may be so long, 0: any length */
	int			max_page;
	bool		total;			/* can tell one */
	const char *plural;
	const char *singular;
} ListInfo;

extern const ListInfo list_info[M_COUNT];

/* Errors in o; both return false. */
extern bool missing(Call *call, Out *o, const char *name);
extern bool invalid(Call *call, Out *o, const char *name, const char *why);

/* NULL and an error in o when there are none. */
extern const Selection *read_fields(Call *call, Api api, bool include_oaid, Out *o);
extern bool read_list_request(Call *call, const ListInfo *info, Query *q, Out *o);

#endif							/* GATEWAY_ARGUMENTS_H */
