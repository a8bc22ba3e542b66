/*
 * top_api.h
 *	  The platform's APIs that we call: names, parameters, shape of the answer.
 *	  Shared by the rooms of protocol "top" only.
 */
#ifndef ORDERSYNC_TOP_API_H
#define ORDERSYNC_TOP_API_H

#include "call_params.h"
#include "gateway.h"

/* Who serves a field. */
#define TOP_INCREMENT 0x01
#define TOP_LIST 0x02
#define TOP_HISTORY 0x04
#define TOP_DETAILS 0x08
#define TOP_ARRIVAL 0x10
#define TOP_SPECIAL 0x20

typedef struct TopFields
{
	uint8		served_by;
	const char *names;			/* divided by spaces; NULL at the table's end */
} TopFields;

typedef struct TopApi
{
	CallKind	kind;
	Stream		stream;			/* of a list; for details, of the record */
	Basis		basis;			/* of a list */
	bool		history;		/* of a list: what is older than three months */
	GatewayList list;			/* method, source, and what the list can do */
	const char *envelope;		/* root of the answer */
	const char *plural;			/* member that holds the list, or the one record */
	const char *singular;		/* member of that one; NULL: holds the record itself */
	const char *id;				/* the record's key: also the parameter of a details call */
	const char *start_param;
	const char *end_param;
	const char *types;			/* parameter "type", NULL: none */
	const char *fields;			/* parameter "fields"; NULL: all that source and object serve */
	const char *object;			/* trade or refund */
	const char *extra_fields;	/* come only when named beside their object */
} TopApi;

/* The API of a call, NULL when the platform has none for it. */
extern const TopApi *top_api(const GatewayCall *call);

/* The value of parameter "fields" of a call of that API, in the current context. */
extern char *top_field_list(const TopApi *api, const GatewayCall *call);

/* Adds what a call says of itself: fields, range, page, types, id; by the platform's names. */
extern void top_add_params(CallParams *params, const GatewayCall *call, const TopApi *api);

/* Verdict on a reply: see GatewayProtocol. */
extern void top_classify(const GatewayCall *call, const CallReply *reply,
						 GatewayAnswer *answer);

/* A day's quota is the longest ban there is; a larger number is not a number of seconds. */
#define TOP_MAX_BAN_S (24 * 3600)

/* The seconds of a ban, or ten minutes in place of a number without sense. */
extern int64 top_believed_ban(int64 seconds);

/* What an answer's text came to. */
typedef enum TopReading
{
	TOP_ANSWER,					/* it is one of the call */
	TOP_ERROR,					/* an error of the platform: its words stand in answer */
	TOP_UNREADABLE
} TopReading;

/* Where the parts of an answer are that are not where the platform has them; paths of names. */
typedef struct TopPaths
{
	const char *list;			/* the list, or the one record */
	const char *total;
	const char *has_next;
} TopPaths;

/* Answer without anything in it; false when the network failed, which answer then says. */
extern bool top_begin_answer(const GatewayCall *call, const CallReply *reply, GatewayAnswer *answer);

/*
 * Reads the text of an answer in any of the platform's forms.  paths: NULL, or
 * those that are set stand for the platform's own.  fault: why it is unreadable.
 */
extern TopReading top_read(const GatewayCall *call, const TopApi *api, const char *text, size_t len,
						   const TopPaths *paths, GatewayAnswer *answer, const char **fault);

/* The verdict, where none is set yet: by the platform's own words, the HTTP status, the answer itself. */
extern void top_conclude(const GatewayCall *call, const CallReply *reply, TopReading reading,
						 const char *fault, GatewayAnswer *answer);

/* Sets what is not ok. */
extern void top_fail(GatewayAnswer *answer, Verdict verdict, const char *class, char *message);

/* How long the words of a call limit say that it lasts, 0 when they do not. */
extern int64 top_ban_ms(const char *words);

/* The platform's words as they may be stored and logged: without long numbers and e-mail addresses.  NULL may be. */
extern void top_scrub_words(char *words);

/* Verdict, class and message from the platform's own codes, which stand in answer. */
extern void top_classify_error(const GatewayCall *call, GatewayAnswer *answer);

#endif							/* ORDERSYNC_TOP_API_H */
