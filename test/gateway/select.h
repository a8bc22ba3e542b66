/*
 * select.h
 *	  `fields` of a request: which fields of which objects are asked for.
 */
#ifndef GATEWAY_SELECT_H
#define GATEWAY_SELECT_H

#include "fields.h"
#include "out.h"

typedef enum Api
{
	API_INCREMENT, API_INCREMENTV, API_SOLD, API_HISTORY, API_FULLINFO, API_TRADE,
	API_REFUNDS, API_REFUND, API_SPECIAL, API_COUNT
} Api;

extern const char api_letters[API_COUNT];

/* An Api by its short name (increment, list, full, refunds ...), -1: none. */
extern int	api_named(const char *name);

#define TRADE_ENUM(name, kind, apis)		TF_##name,
#define ORDER_ENUM(name, kind, apis)		OF_##name,
#define SERVICE_ENUM(name, kind, apis)		SF_##name,
#define PROMOTION_ENUM(name, kind, apis)	PF_##name,
#define LOGISTICS_ENUM(name, kind, apis)	LF_##name,
#define AGREEMENT_ENUM(name, kind, apis)	AF_##name,
#define REFUND_ENUM(name, kind, apis)		RF_##name,

enum { TRADE_FIELDS(TRADE_ENUM) TF_COUNT };
enum { ORDER_FIELDS(ORDER_ENUM) OF_COUNT };
enum { SERVICE_FIELDS(SERVICE_ENUM) SF_COUNT };
enum { PROMOTION_FIELDS(PROMOTION_ENUM) PF_COUNT };
enum { LOGISTICS_FIELDS(LOGISTICS_ENUM) LF_COUNT };
enum { AGREEMENT_FIELDS(AGREEMENT_ENUM) AF_COUNT };
enum { REFUND_FIELDS(REFUND_ENUM) RF_COUNT };

typedef enum FieldKind
{
	KIND_TEXT, KIND_NUMBER, KIND_FLAG, KIND_TIME, KIND_NEST
} FieldKind;

typedef struct Field
{
	const char *name;
	const char *key;			/* "name": with its quotes and colon */
	uint8_t		key_len;
	uint8_t		kind;
	const char *apis;
} Field;

/* The objects that have fields of their own in a selection. */
typedef enum Object
{
	OBJECT_TRADE, OBJECT_ORDER, OBJECT_SERVICE, OBJECT_PROMOTION, OBJECT_LOGISTICS,
	OBJECT_AGREEMENT, OBJECT_REFUND, OBJECT_COUNT
} Object;

extern const Field *const object_fields[OBJECT_COUNT];

typedef struct Picked
{
	uint16_t	count;
	uint16_t	ids[TF_COUNT];
} Picked;

typedef struct Selection
{
	Api			api;
	bool		oaid;			/* all that oaid depends on is asked for */
	int			unknown;		/* names that this API does not serve */
	char		unknown_name[64];	/* the first of them */
	bool		novel[OBJECT_COUNT];	/* NOVEL_FIELD is asked for */
	Picked		picked[OBJECT_COUNT];
} Selection;

/*
 * A field that is in no documentation: trades, lines and refunds have it from
 * the moment on at which the platform is told to serve it, and nobody gets it who
 * does not name it.
 */
#define NOVEL_FIELD "new_field"
extern bool select_novel;
extern void select_set_novel(bool on);

/*
 * The selection for a list of names; kept for the next request, so the result
 * is good until a few other lists have been asked for.
 */
extern const Selection *select_fields(Api api, const char *fields, bool include_oaid);

/* All that the API serves. */
extern const Selection *select_all(Api api);

#endif							/* GATEWAY_SELECT_H */
