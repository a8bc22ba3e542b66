/*
 * personal.c
 *	  Which members of a record are personal data, by name.
 *
 * Names, phones, street addresses, e-mails, identity and payment accounts are
 * dropped wherever they stand, before anything is stored.  The platform sends
 * most of them masked; masked or not, they go.  What stays: the buyer's masked
 * nick, the pseudonyms buyer_open_uid and oaid, the payment's number, and the
 * place down to the district.  identify_info (a third party's appraisal) is
 * taken the other way round: only the members known not to be personal stay.
 *
 * Every key of every record is looked up, so the names stand in a small hash
 * table, and before it in one by length and both ends; both are made at
 * the first look and never changed.  Pure.
 */
#include "compat.h"

#include "personal.h"

#define SCOPE "identify_info"
#define SLOTS 512				/* a power of two, well over twice the names */

static const char *const names[] = {
	/* the addressee */
	"receiver_name", "receiver_mobile", "receiver_phone", "receiver_address",
	"receiver_town", "receiver_zip", "privacy_num",
	/* the buyer */
	"buyer_email", "buyer_alipay_no", "alipay_id", "buyer_memo", "buyer_message",
	"trade_memo", "acookie_id", "donee_nick", "apple_care_email",
	/* the seller's persons and accounts */
	"seller_name", "seller_mobile", "seller_phone", "seller_email", "seller_alipay_no",
	/* travellers */
	"hk_en_name", "hk_china_name", "hk_card_code", "hk_card_type", "hk_gender",
	"hk_birthday",
	/* address_details */
	"detailed_address", "telephone", "contact_name",
	/* who fetches a car, and its plate; where something is to be installed */
	"car_taker", "car_taker_phone", "car_taker_id", "et_plate_number",
	"eticket_service_addr", "o2o_service_mobile", "o2o_service_name",
	"o2o_service_address", "o2o_service_town",
	/* refunds: where the goods go back to */
	"address",
	NULL
};

static const char *const scope_keeps[] = {
	"detail_order_id", "logistics_company", "stage_no", "invoice_no", "refund_id",
	"refund", "unit_id", "service_id", NULL
};

static const char *const unquotable[] = {
	"session", "sign", "access_token", "refresh_token", "top_session", "app_secret",
	"sessionkey", "session_key",
	/* stored, unless the shop's privacy is strict; a log knows nothing of shops */
	"seller_memo", "desc",
	NULL
};

static uint8 slots[SLOTS];		/* index into names + 1; 0: free */
static bool slots_filled = false;

uint64		personal_absent[PERSONAL_NAME_MAX + 1];

static void fill_slots(void);
static void note_present(const char *name);
static bool listed(const char *const *list, const char *name, size_t len);

/* A hash that needs no loop: names differ by length, ends and middle. */
static inline unsigned
slot_of(const char *name, size_t len)
{
	const unsigned char *at = (const unsigned char *) name;

	return (unsigned) (len * 101 + at[0] * 31 + at[len - 1] * 7 + at[len / 2] * 173 +
					   at[len / 4] * 59) & (SLOTS - 1);
}

/* See personal.h. */
bool
personal_name(const char *name, size_t len)
{
	if (len == 0 || len > PERSONAL_NAME_MAX)
		return false;
	if (!slots_filled)
		fill_slots();
	for (unsigned slot = slot_of(name, len); slots[slot] != 0; slot = (slot + 1) & (SLOTS - 1))
	{
		const char *known = names[slots[slot] - 1];

		/* the name may hold a NUL: no string function stops where it should */
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return true;
	}
	return false;
}

/* Places each name in the first free slot from its own on, and notes it as present. */
static void
fill_slots(void)
{
	memset(personal_absent, 0xFF, sizeof(personal_absent));
	note_present(SCOPE);
	StaticAssertStmt(lengthof(names) < 200 && lengthof(names) * 2 < SLOTS,
					 "the table of personal names is too small");
	for (int i = 0; names[i] != NULL; i++)
	{
		unsigned	slot = slot_of(names[i], strlen(names[i]));

		while (slots[slot] != 0)
			slot = (slot + 1) & (SLOTS - 1);
		slots[slot] = (uint8) (i + 1);
		note_present(names[i]);
	}
	slots_filled = true;
}

static void
note_present(const char *name)
{
	size_t		len = strlen(name);

	personal_absent[len] &= ~(UINT64CONST(1) << personal_ends(name, len));
}

/* See personal.h. */
bool
personal_scope(const char *name, size_t len)
{
	return len == sizeof(SCOPE) - 1 && memcmp(name, SCOPE, sizeof(SCOPE) - 1) == 0;
}

/* See personal.h. */
bool
personal_scope_keeps(const char *name, size_t len)
{
	return listed(scope_keeps, name, len);
}

/* See personal.h. */
bool
personal_unquotable(const char *name, size_t len)
{
	return listed(unquotable, name, len);
}

/* Whether name is one of a short list. */
static bool
listed(const char *const *list, const char *name, size_t len)
{
	for (; *list != NULL; list++)
	{
		if (strlen(*list) == len && memcmp(*list, name, len) == 0)
			return true;
	}
	return false;
}

/* See personal.h. */
const char *const *
personal_names(void)
{
	return names;
}
