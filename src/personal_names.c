/*
 * personal_names.c
 *	  Which names of members are personal data where nobody has said otherwise.
 *
 * Three lists.  The fields that the platform documents, each with its rule: what
 * names, locates, or identifies a person goes; what people wrote is kept without
 * long numbers and e-mail addresses; the buyer's pseudonyms and the place down to
 * the district stay.  The words by which a name that is not documented says that
 * it is personal: whole words between underscores or capitals, so that "ip" is
 * not found in "trip".  And the fields that no rule may touch.  Pure.
 */
#include "compat.h"

#include "dictionary.h"
#include "personal_names.h"

/* Longer names are judged by their beginning and their end. */
#define MAX_NAME 256
#define MAX_WORDS (MAX_NAME / 2)

#define RECEIVER "addressee"
#define BUYER "account or identity of the buyer"
#define SELLER "contact of the seller"
#define STAFF "contact of delivery or shop staff"
#define DONEE "who is given the goods"
#define IDENTITY "identity document, traveller"
#define PLACE "where somebody lives or is served"
#define CAR "who fetches a car, and its plate"
#define INVOICE "invoice title and payer"
#define WRITTEN "written by people: runs of seven digits or more and e-mail addresses are replaced"
#define REGION "place down to the district"
#define PSEUDONYM "the platform's pseudonym or masked name"
#define PAYMENT "number of the payment, for finance"
#define HARMLESS "says something about personal data, holds none"

static const PersonalDefault defaults[] = {
	{"receiver_name", PERSONAL_DROP, RECEIVER}, {"receiver_mobile", PERSONAL_DROP, RECEIVER},
	{"receiver_phone", PERSONAL_DROP, RECEIVER}, {"receiver_address", PERSONAL_DROP, RECEIVER},
	{"receiver_town", PERSONAL_DROP, RECEIVER}, {"receiver_zip", PERSONAL_DROP, RECEIVER},
	{"privacy_num", PERSONAL_DROP, RECEIVER}, {"mobile", PERSONAL_DROP, RECEIVER},
	{"phone", PERSONAL_DROP, RECEIVER}, {"telephone", PERSONAL_DROP, RECEIVER},
	{"address_detail", PERSONAL_DROP, PLACE}, {"town", PERSONAL_DROP, PLACE},
	{"address_details", PERSONAL_DROP, PLACE}, {"detailed_address", PERSONAL_DROP, PLACE},
	{"contact_name", PERSONAL_DROP, RECEIVER}, {"zip", PERSONAL_DROP, PLACE},
	{"buyer_email", PERSONAL_DROP, BUYER}, {"buyer_alipay_no", PERSONAL_DROP, BUYER},
	{"alipay_id", PERSONAL_DROP, BUYER}, {"acookie_id", PERSONAL_DROP, BUYER},
	{"buyer_ip", PERSONAL_DROP, BUYER}, {"ip", PERSONAL_DROP, BUYER},
	{"apple_care_email", PERSONAL_DROP, BUYER}, {"donee_*", PERSONAL_DROP, DONEE},
	{"seller_name", PERSONAL_DROP, SELLER}, {"seller_mobile", PERSONAL_DROP, SELLER},
	{"seller_phone", PERSONAL_DROP, SELLER}, {"seller_email", PERSONAL_DROP, SELLER},
	{"seller_alipay_no", PERSONAL_DROP, SELLER}, {"address", PERSONAL_DROP, SELLER},
	{"f_term", PERSONAL_DROP, STAFF}, {"o2o_guide_name", PERSONAL_DROP, STAFF},
	{"nr_shop_guide_name", PERSONAL_DROP, STAFF}, {"courier_*", PERSONAL_DROP, STAFF},
	{"rider_*", PERSONAL_DROP, STAFF}, {"delivery_man_*", PERSONAL_DROP, STAFF},
	{"hk_*", PERSONAL_DROP, IDENTITY}, {"id_card", PERSONAL_DROP, IDENTITY},
	{"cert_no", PERSONAL_DROP, IDENTITY}, {"passport", PERSONAL_DROP, IDENTITY},
	{"eticket_service_addr", PERSONAL_DROP, PLACE}, {"o2o_service_name", PERSONAL_DROP, PLACE},
	{"o2o_service_mobile", PERSONAL_DROP, PLACE}, {"o2o_service_address", PERSONAL_DROP, PLACE},
	{"o2o_service_town", PERSONAL_DROP, PLACE}, {"car_taker", PERSONAL_DROP, CAR},
	{"car_taker_phone", PERSONAL_DROP, CAR}, {"car_taker_id", PERSONAL_DROP, CAR},
	{"et_plate_number", PERSONAL_DROP, CAR}, {"plate_number", PERSONAL_DROP, CAR},
	{"invoice_title", PERSONAL_DROP, INVOICE}, {"invoice_name", PERSONAL_DROP, INVOICE},
	{"payer_*", PERSONAL_DROP, INVOICE},
	{"seller_memo", PERSONAL_SCRUB, WRITTEN}, {"buyer_memo", PERSONAL_SCRUB, WRITTEN},
	{"buyer_message", PERSONAL_SCRUB, WRITTEN}, {"trade_memo", PERSONAL_SCRUB, WRITTEN},
	{"desc", PERSONAL_SCRUB, WRITTEN},
	{"receiver_country", PERSONAL_KEEP, REGION}, {"receiver_state", PERSONAL_KEEP, REGION},
	{"receiver_city", PERSONAL_KEEP, REGION}, {"receiver_district", PERSONAL_KEEP, REGION},
	{"buyer_nick", PERSONAL_KEEP, PSEUDONYM}, {"buyer_open_uid", PERSONAL_KEEP, PSEUDONYM},
	{"oaid", PERSONAL_KEEP, PSEUDONYM}, {"ouid", PERSONAL_KEEP, PSEUDONYM},
	{"alipay_no", PERSONAL_KEEP, PAYMENT},
	{"real_name_auth_status", PERSONAL_KEEP, HARMLESS}, {"stage_address_type", PERSONAL_KEEP, HARMLESS},
	{"is_o2o_passport", PERSONAL_KEEP, HARMLESS}, {"modify_address", PERSONAL_KEEP, HARMLESS}, {"ti_modify_address_time", PERSONAL_KEEP, HARMLESS},
	{NULL, PERSONAL_KEEP, NULL}
};

/* A name with such a word is personal. */
static const char *const words[] = {
	"mobile", "mobiles", "phone", "phones", "telephone", "tel", "cellphone", "fax", "email", "emails",
	"mailbox", "wechat", "weixin", "qq", "address", "addresses", "addr", "zip", "zipcode", "postcode",
	"idcard", "passport", "certno", "birthday", "birthdate", "gender", "sex", "realname", "surname",
	"contact", "contacts", "linkman", "consignee", "addressee", "recipient", "plate", "ip", "ipv", "imei", "imsi",
	"longitude", "latitude", "lng", "lat", NULL
};

/* So is one with these two, one behind the other. */
static const char *const pairs[] = {
	"id card", "id no", "id number", "identity card", "identity no", "identity number", "identity code",
	"cert no", "cert number", "cert id", "cert code", "certificate no", "certificate number", "card holder",
	"real name", "true name", "full name", "first name", "last name", "family name", "given name",
	"bank account", "bank card", "pay account", "payment account", "alipay account", "alipay id",
	"alipay name", "account no", "account name", "account number", "license no", "licence no",
	"license number", "driver license", "car no", "car number", "birth date", "birth day", "post code",
	"postal code", "house number", "house no", "room no", "room number", "door no",
	"invoice title", "invoice name", "invoice payer", "taxpayer no", "taxpayer id", "taxpayer number",
	"taxpayer code", NULL
};

/* The name, or the number, of one of these. */
static const char *const persons[] = {
	"receiver", "buyer", "seller", "sender", "courier", "rider", "driver", "deliveryman", "postman", "guide",
	"staff", "operator", "customer", "member", "user", "donee", "payer", "payee", "owner", "holder",
	"cardholder", "signer", "taker", "picker", "visitor", "passenger", "guest", "patient", "person", "clerk",
	"cashier", "salesman", "man", NULL
};

/* A last word by which a name says that it is about them only... */
static const char *const about[] = {
	"type", "types", "status", "state", "time", "flag", "count", "level", "city", "province", "prov",
	"country", "district", "area", "fee", "price", "amount", "changed", "modified", NULL
};

/* ... which does not help these. */
static const char *const always[] = {"gender", "sex", "birthday", "birthdate", NULL};

/* Beside what the dictionary reads as a number, a time or a word. */
static const char *const structure[] = {
	"tid", "oid", "refund_id", "tid_str", "oid_str", "num_iid", "sku_id", "status", "refund_status",
	"order_status", "trade_status", "step_trade_status", "type", "dispute_type", "special_refund_type",
	"seller_nick", "orders", "order", "trade", "trades", "refund", "refunds", "modified", "created",
	"async_modified", "is_free_gift", "cod_status", NULL
};

/* Of the fields that have a column, what tells a buyer. */
static const char *const erased[] = {
	"buyer_nick", "buyer_open_uid", "oaid", "alipay_no", "receiver_city", "receiver_district", "seller_memo",
	"desc", NULL
};

typedef struct Words
{
	int			n;
	char	   *words[MAX_WORDS];
	char		text[MAX_NAME * 2];
} Words;

static void split(Words *split, const char *name, size_t len);
static bool pair_listed(const char *first, const char *second);
static bool listed(const char *const *list, const char *word);
static bool fits(const char *rule, size_t len, const char *name);
static bool has_column(const char *name, size_t len, bool text);
static bool column_of(const DictionaryColumn *columns, int n, const char *name, size_t len, bool text);

/* See personal_names.h. */
const PersonalDefault *
personal_defaults(void)
{
	return defaults;
}

/* See personal_names.h. */
bool
personal_by_words(const char *name, size_t len)
{
	Words		w = {0};
	bool		found = false;
	bool		is_about;

	if (len > MAX_NAME)
		return personal_by_words(name, MAX_NAME) || personal_by_words(name + len - MAX_NAME, MAX_NAME);
	split(&w, name, len);
	if (w.n == 0)
		return false;
	is_about = w.n > 1 && listed(about, w.words[w.n - 1]);
	for (int i = 0; i < w.n; i++)
	{
		const char *next = i + 1 < w.n ? w.words[i + 1] : "";

		if (listed(always, w.words[i]))
			return true;
		found = found || listed(words, w.words[i]) || pair_listed(w.words[i], next) ||
			(listed(persons, w.words[i]) && strcmp(next, "name") == 0);
	}
	return found && !is_about;
}

/* In lower case; a word ends before a capital, and at whatever is no letter. */
static void
split(Words *w, const char *name, size_t len)
{
	char	   *to = w->text;
	bool		inside = false;

	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = name[i];
		bool		upper = c >= 'A' && c <= 'Z';
		bool		letter = upper || (c >= 'a' && c <= 'z') || c >= 0x80;
		bool		after_lower = i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z';
		bool		before_lower = i + 1 < len && name[i + 1] >= 'a' && name[i + 1] <= 'z';

		if (inside && (!letter || (upper && (after_lower || before_lower))))
		{
			*to++ = '\0';
			inside = false;
		}
		if (!letter)
			continue;
		if (!inside)
		{
			w->words[w->n++] = to;
			inside = true;
		}
		*to++ = upper ? c - 'A' + 'a' : c;
	}
	*to = '\0';
}

static bool
pair_listed(const char *first, const char *second)
{
	size_t		len = strlen(first);

	for (const char *const *pair = pairs; *pair != NULL; pair++)
	{
		if (strncmp(*pair, first, len) == 0 && (*pair)[len] == ' ' &&
			strcmp(*pair + len + 1, second) == 0)
			return true;
	}
	return false;
}

static bool
listed(const char *const *list, const char *word)
{
	for (; *list != NULL; list++)
	{
		if (strcmp(*list, word) == 0)
			return true;
	}
	return false;
}

/* See personal_names.h. */
bool
personal_protected(const char *name)
{
	size_t		len = strlen(name);

	for (const char *const *s = structure; *s != NULL; s++)
	{
		if (fits(name, len, *s))
			return true;
	}
	return has_column(name, len, false);
}

/* Whether a rule for a name, or with a star for names that begin or end so, is one for this. */
static bool
fits(const char *rule, size_t len, const char *name)
{
	size_t		name_len = strlen(name);

	if (len > 1 && rule[0] == '*')
		return name_len >= len - 1 && strcmp(name + name_len - (len - 1), rule + 1) == 0;
	if (len > 1 && rule[len - 1] == '*')
		return strncmp(name, rule, len - 1) == 0;
	return name_len == len && memcmp(name, rule, len) == 0;
}

/* See personal_names.h.  Of the platform's own structure, and what columns hold. */
bool
personal_survives(const char *name, size_t len)
{
	char		copy[NAMEDATALEN];

	if (len == 0 || len >= sizeof(copy) || memchr(name, '*', len) != NULL)
		return false;
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (strlen(copy) != len || listed(erased, copy))
		return false;
	return listed(structure, copy) || has_column(name, len, true);
}

/* Is the field, or a member of one, read into a column?  text: also where it is any text. */
static bool
has_column(const char *name, size_t len, bool text)
{
	return column_of(order_columns, lengthof(order_columns), name, len, text) ||
		column_of(line_columns, lengthof(line_columns), name, len, text) ||
		column_of(after_sale_columns, lengthof(after_sale_columns), name, len, text);
}

static bool
column_of(const DictionaryColumn *columns, int n, const char *name, size_t len, bool text)
{
	for (int i = 0; i < n; i++)
	{
		const DictionaryColumn *c = &columns[i];

		if (!text && c->kind == READ_TEXT)
			continue;
		if (fits(name, len, c->field) || (c->member != NULL && fits(name, len, c->member)))
			return true;
	}
	return false;
}

static const char *const rule_names[] = {
	[PERSONAL_KEEP] = "keep",
	[PERSONAL_SCRUB] = "scrub",
	[PERSONAL_HASH] = "hash",
	[PERSONAL_DROP] = "drop"
};

/* See personal_names.h. */
const char *
personal_rule_name(PersonalRule rule)
{
	return rule_names[rule];
}

/* See personal_names.h. */
bool
personal_rule_from_name(const char *name, PersonalRule *rule)
{
	for (int i = 0; i < lengthof(rule_names); i++)
	{
		if (strcmp(rule_names[i], name) == 0)
		{
			*rule = (PersonalRule) i;
			return true;
		}
	}
	return false;
}
