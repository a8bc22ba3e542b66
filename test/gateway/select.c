/*
 * select.c
 *	  `fields` of a request: which fields of which objects are asked for.
 *
 * A name is a field of the record (`tid`), a whole object (`orders`) or a field
 * of an object (`orders.oid`).  What an API does not serve, or what is no field
 * at all, is left out silently, as the platform does, but counted: a test can
 * see that the client asks for nothing that is not there.
 */
#include "select.h"

#include <stdlib.h>

const char	api_letters[API_COUNT] = {'I', 'V', 'S', 'H', 'F', 'G', 'L', 'G', 'P'};

int
api_named(const char *name)
{
	static const char *const names[API_COUNT] = {
		"increment", "incrementv", "list", "history", "full", "get", "refunds", "refund", "special"
	};

	for (int i = 0; i < API_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return strcmp(name, "sold") == 0 ? API_SOLD : -1;
}

#define FIELD_ROW(name, kind, apis) \
	{#name, "\"" #name "\":", sizeof(#name) + 2, KIND_##kind, apis},

static const Field trade_fields[] = {TRADE_FIELDS(FIELD_ROW)};
static const Field order_fields[] = {ORDER_FIELDS(FIELD_ROW)};
static const Field service_fields[] = {SERVICE_FIELDS(FIELD_ROW)};
static const Field promotion_fields[] = {PROMOTION_FIELDS(FIELD_ROW)};
static const Field logistics_fields[] = {LOGISTICS_FIELDS(FIELD_ROW)};
static const Field agreement_fields[] = {AGREEMENT_FIELDS(FIELD_ROW)};
static const Field refund_fields[] = {REFUND_FIELDS(FIELD_ROW)};

const Field *const object_fields[OBJECT_COUNT] = {
	trade_fields, order_fields, service_fields, promotion_fields, logistics_fields,
	agreement_fields, refund_fields
};

static const int field_count[OBJECT_COUNT] = {
	TF_COUNT, OF_COUNT, SF_COUNT, PF_COUNT, LF_COUNT, AF_COUNT, RF_COUNT
};

/* An object inside the record and the field that holds it. */
static const struct
{
	const char *prefix;
	Object		object;
	uint16_t	holder;
}			nested[] = {
	{"orders", OBJECT_ORDER, TF_orders},
	{"service_orders", OBJECT_SERVICE, TF_service_orders},
	{"promotion_details", OBJECT_PROMOTION, TF_promotion_details},
	{"logistics_infos", OBJECT_LOGISTICS, TF_logistics_infos},
	{"logistics_agreement", OBJECT_AGREEMENT, TF_logistics_agreement},
};

#define NNESTED (sizeof(nested) / sizeof(nested[0]))
#define CACHED	16

typedef struct Marks
{
	bool		on[OBJECT_COUNT][TF_COUNT];
	bool		novel[OBJECT_COUNT];
} Marks;

static struct
{
	char	   *fields;			/* NULL: all */
	bool		include_oaid;
	bool		used;
	Selection	selection;
}			cache[CACHED];
static unsigned cache_next;

bool		select_novel;

void
select_set_novel(bool on)
{
	select_novel = on;
	for (unsigned i = 0; i < CACHED; i++)
		cache[i].used = false;
}

static bool
serves(Api api, Object object, int id)
{
	return strchr(object_fields[object][id].apis, api_letters[api]) != NULL;
}

static void
mark_whole(Marks *m, Api api, Object object)
{
	for (int i = 0; i < field_count[object]; i++)
		m->on[object][i] = m->on[object][i] || serves(api, object, i);
}

static int
find_field(Object object, const char *name, size_t n)
{
	const Field *f = object_fields[object];

	for (int i = 0; i < field_count[object]; i++)
		if (f[i].key_len == n + 3 && memcmp(f[i].name, name, n) == 0)
			return i;
	return -1;
}

static bool
is_novel(const char *name, size_t n)
{
	return select_novel && n == strlen(NOVEL_FIELD) && memcmp(name, NOVEL_FIELD, n) == 0;
}

static bool
mark(Marks *m, Api api, const char *name, size_t n)
{
	Object		top = api >= API_REFUNDS ? OBJECT_REFUND : OBJECT_TRADE;
	const char *dot = memchr(name, '.', n);
	size_t		head = dot ? (size_t) (dot - name) : n;
	int			id = find_field(top, name, head);

	if (is_novel(name, n))
		return m->novel[top] = true;
	if (id < 0 || !serves(api, top, id))
		return false;
	m->on[top][id] = true;
	for (size_t i = 0; top == OBJECT_TRADE && i < NNESTED; i++)
	{
		int			sub;
		const char *end;

		if (nested[i].holder != id)
			continue;
		if (dot == NULL)
		{
			mark_whole(m, api, nested[i].object);
			return true;
		}
		/* orders.shp_info.transport_type asks for orders.shp_info */
		if (nested[i].object == OBJECT_ORDER && is_novel(dot + 1, n - head - 1))
			return m->novel[OBJECT_ORDER] = true;
		end = memchr(dot + 1, '.', n - head - 1);
		sub = find_field(nested[i].object, dot + 1,
						 end ? (size_t) (end - dot - 1) : n - head - 1);
		if (sub < 0 || !serves(api, nested[i].object, sub))
			return false;
		m->on[nested[i].object][sub] = true;
		return true;
	}
	return true;
}

/* oaid is given only to who asks for all that it stands for. */
static bool
oaid_complete(const Marks *m)
{
	const bool *t = m->on[OBJECT_TRADE];

	return t[TF_receiver_name] && t[TF_receiver_address] && t[TF_created] &&
		t[TF_receiver_mobile] && t[TF_receiver_phone];
}

static void
pick(Selection *s, const Marks *m)
{
	memcpy(s->novel, m->novel, sizeof(s->novel));
	for (int object = 0; object < OBJECT_COUNT; object++)
	{
		Picked	   *p = &s->picked[object];

		p->count = 0;
		for (int i = 0; i < field_count[object]; i++)
			if (m->on[object][i])
				p->ids[p->count++] = (uint16_t) i;
	}
}

static void
build(Selection *s, Api api, const char *fields, bool include_oaid)
{
	Marks		m;

	memset(&m, 0, sizeof(m));
	memset(s, 0, sizeof(*s));
	s->api = api;
	if (fields == NULL)
	{
		for (int object = 0; object < OBJECT_COUNT; object++)
			mark_whole(&m, api, (Object) object);
	}
	else
		for (const char *p = fields; *p;)
		{
			size_t		n = strcspn(p, ",");
			size_t		skip = strspn(p, " ");
			size_t		len = n;

			if (skip > n)
				skip = n;
			while (len > skip && p[len - 1] == ' ')
				len--;
			if (len > skip && !mark(&m, api, p + skip, len - skip) && s->unknown++ == 0)
			{
				size_t		keep = len - skip < 63 ? len - skip : 63;

				memcpy(s->unknown_name, p + skip, keep);
			}
			p += n + (p[n] == ',');
		}
	s->oaid = include_oaid || fields == NULL || oaid_complete(&m);
	pick(s, &m);
}

static const Selection *
cached(Api api, const char *fields, bool include_oaid)
{
	unsigned	slot;

	for (unsigned i = 0; i < CACHED; i++)
		if (cache[i].used && cache[i].selection.api == api &&
			cache[i].include_oaid == include_oaid && !cache[i].fields == !fields &&
			(fields == NULL || strcmp(cache[i].fields, fields) == 0))
			return &cache[i].selection;
	slot = cache_next++ % CACHED;
	free(cache[slot].fields);
	cache[slot].fields = fields ? strdup(fields) : NULL;
	cache[slot].include_oaid = include_oaid;
	cache[slot].used = true;
	build(&cache[slot].selection, api, fields, include_oaid);
	return &cache[slot].selection;
}

const Selection *
select_fields(Api api, const char *fields, bool include_oaid)
{
	return cached(api, fields, include_oaid);
}

const Selection *
select_all(Api api)
{
	return cached(api, NULL, true);
}
