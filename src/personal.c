/*
 * personal.c
 *	  What is done with a member of a record, by its name: the policy in force.
 *
 * A policy is made of rules for names and for beginnings and ends of names; an
 * exact name wins over these, the longer of these over the shorter, and a name in
 * no rule is judged by its words (personal_names.c).  It is written in several
 * ways all the same: receiverName and RECEIVER_NAME are receiver_name.
 *
 * Every key of every record is looked up.  Platforms send some hundred names
 * again and again, so a name is judged once and then remembered, in a table whose
 * first slot for a name is looked at inline (personal.h); a name that finds it taken
 * stands in the next free one.  Those that come when the table is a quarter full
 * are judged anew each time.
 *
 * identify_info (a third party's appraisal) is taken the other way round: unless
 * a rule names it, only the members known not to be personal stay.
 *
 * A hash is HMAC-SHA256 with the installation's key, cut to 132 bits.  Without
 * the key nothing is hashed: such members are dropped.
 *
 * Each policy has a memory context of its own, which goes with it.
 */
#include "compat.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "utils/memutils.h"

#include "personal.h"

#define SCOPE "identify_info"
#define MAX_REMEMBERED (PERSONAL_SLOTS / 4)

typedef struct Rule
{
	char	   *field;
	size_t		len;			/* without its star */
	bool		begins;			/* x*: names that begin so */
	bool		ends;			/* *x */
	PersonalRule rule;
} Rule;

struct PersonalPolicy
{
	MemoryContext context;
	uint64		generation;
	Rule	   *rules;
	int			nrules;
	bool		hashes;
	bool		has_key;
	unsigned char key[PERSONAL_KEY_SIZE];
	char	  **buyers;			/* who is forgotten: hashes, sorted */
	int			nbuyers;
	int64	   *orders;			/* and their orders, sorted */
	int			norders;
	PersonalName *known;
	int			nknown;
};

static const char *const scope_keeps[] = {
	"detail_order_id", "logistics_company", "stage_no", "invoice_no", "refund_id",
	"refund", "unit_id", "service_id", NULL
};

static const char *const unquotable[] = {
	"session", "sign", "access_token", "refresh_token", "top_session", "app_secret",
	"sessionkey", "session_key", "datakey", "data_key",
	/* stored, unless the shop's privacy is strict or the buyer is forgotten; a log knows nothing of these */
	"seller_memo", "buyer_memo", "buyer_message", "trade_memo", "desc", "buyer_nick", "buyer_open_uid",
	"oaid", "ouid", "alipay_no",
	NULL
};

static PersonalPolicy *policy = NULL;
PersonalName *personal_known = NULL;

static void use_defaults(void);
static PersonalName *find_slot(const char *name, size_t len);
static uint8 judge(const char *name, size_t len);
static const Rule *rule_for(const char *name, size_t len);
static bool applies(const Rule *rule, const char *name, size_t len);
static size_t plain_form(const char *name, size_t len, char *plain, size_t size);
static void remember(PersonalName *slot, const char *name, size_t len, uint8 what);
static bool listed(const char *const *list, const char *name, size_t len);
static void *grow(PersonalPolicy *draft, void *array, int n, size_t size);
static int	compare_texts(const void *a, const void *b);
static int	compare_numbers(const void *a, const void *b);
static bool is_hash(const char *text, size_t len);

/* See personal.h. */
uint8
personal_judge(const char *name, size_t len)
{
	PersonalName *slot;
	uint8		what;

	if (policy == NULL)
		use_defaults();
	if (len == 0 || len > PERSONAL_NAME_MAX)
		return judge(name, len);
	slot = find_slot(name, len);
	if (slot->len != 0)
		return slot->what;
	what = judge(name, len);
	if (policy->nknown < MAX_REMEMBERED)
		remember(slot, name, len, what);
	return what;
}

/* Where a name stands, or the free slot where it would. */
static PersonalName *
find_slot(const char *name, size_t len)
{
	uint64		head;
	uint64		tail;
	unsigned	at;

	personal_numbers(name, len, &head, &tail);
	for (at = personal_slot(head, tail, len);; at = (at + 1) & (PERSONAL_SLOTS - 1))
	{
		PersonalName *slot = &policy->known[at];

		if (slot->len == 0 || (slot->len == len && memcmp(slot->name, name, len) == 0))
			return slot;
	}
}

static void
use_defaults(void)
{
	personal_enforce(personal_draft(0));
}

static uint8
judge(const char *name, size_t len)
{
	const Rule *rule = rule_for(name, len);
	uint8		what = personal_survives(name, len) ? PERSONAL_SURVIVES : 0;

	if (rule != NULL)
	{
		what |= rule->rule == PERSONAL_HASH && !policy->has_key ? PERSONAL_DROP : rule->rule;
		return what;
	}
	if (len == sizeof(SCOPE) - 1 && memcmp(name, SCOPE, len) == 0)
		return what | PERSONAL_SCOPE;
	if (personal_by_words(name, len))
		return what | PERSONAL_UNKNOWN | PERSONAL_DROP;
	return what;
}

/* The rule for a name, as it stands or written another way; NULL: there is none. */
static const Rule *
rule_for(const char *name, size_t len)
{
	char		plain[PERSONAL_NAME_MAX * 4];
	const Rule *best = NULL;

	if (len == 0)
		return NULL;
	len = plain_form(name, len, plain, sizeof(plain));
	for (int i = 0; i < policy->nrules; i++)
	{
		const Rule *rule = &policy->rules[i];

		if (!applies(rule, plain, len))
			continue;
		if (!rule->begins && !rule->ends)
			return rule;
		if (best == NULL || rule->len > best->len)
			best = rule;
	}
	return best;
}

static bool
applies(const Rule *rule, const char *name, size_t len)
{
	if (len < rule->len || (len > rule->len && !rule->begins && !rule->ends))
		return false;
	return memcmp(rule->ends ? name + len - rule->len : name, rule->field, rule->len) == 0;
}

/*
 * In lower case, a capital behind a small letter parted by an underscore, as is
 * what stands beside a hyphen; of a name without either, as it is.
 */
static size_t
plain_form(const char *name, size_t len, char *plain, size_t size)
{
	size_t		n = 0;

	for (size_t i = 0; i < len && n < size; i++)
	{
		char		c = name[i];
		bool		upper = c >= 'A' && c <= 'Z';

		if (upper && i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z')
		{
			plain[n++] = '_';
			if (n == size)
				break;
		}
		plain[n++] = upper ? c - 'A' + 'a' : c == '-' ? '_' : c;
	}
	return n;
}

static void
remember(PersonalName *slot, const char *name, size_t len, uint8 what)
{
	slot->name = MemoryContextAlloc(policy->context, len);
	memcpy(slot->name, name, len);
	personal_numbers(name, len, &slot->head, &slot->tail);
	slot->what = what;
	slot->len = (uint16) len;
	policy->nknown++;
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
	return listed(unquotable, name, len) || personal_name(name, len);
}

/* See personal.h. */
bool
personal_name(const char *name, size_t len)
{
	return (personal_look(name, len) & (PERSONAL_RULE_BITS | PERSONAL_SCOPE)) != 0;
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
PersonalPolicy *
personal_draft(uint64 generation)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "ordersync privacy policy",
												  ALLOCSET_DEFAULT_SIZES);
	PersonalPolicy *draft = MemoryContextAllocZero(context, sizeof(PersonalPolicy));

	draft->context = context;
	draft->generation = generation;
	return draft;
}

/* See personal.h. */
void
personal_draft_rule(PersonalPolicy *draft, const char *field, PersonalRule rule)
{
	size_t		len = strlen(field);
	bool		ends = len > 1 && field[0] == '*';
	bool		begins = len > 1 && field[len - 1] == '*';
	Rule	   *r;

	draft->rules = grow(draft, draft->rules, draft->nrules, sizeof(Rule));
	r = &draft->rules[draft->nrules++];
	r->begins = begins && !ends;
	r->ends = ends;
	r->len = len - (begins || ends);
	r->field = MemoryContextAlloc(draft->context, len + 1);
	memcpy(r->field, field + ends, r->len);
	r->field[r->len] = '\0';
	r->rule = rule;
	if (rule == PERSONAL_HASH)
		draft->hashes = true;
}

/* See personal.h. */
void
personal_draft_key(PersonalPolicy *draft, const unsigned char key[PERSONAL_KEY_SIZE])
{
	memcpy(draft->key, key, PERSONAL_KEY_SIZE);
	draft->has_key = true;
}

/* See personal.h.  A buyer, or with NULL an order. */
void
personal_draft_forgotten(PersonalPolicy *draft, const char *buyer, int64 tid)
{
	if (buyer == NULL)
	{
		draft->orders = grow(draft, draft->orders, draft->norders, sizeof(int64));
		draft->orders[draft->norders++] = tid;
		return;
	}
	draft->buyers = grow(draft, draft->buyers, draft->nbuyers, sizeof(char *));
	draft->buyers[draft->nbuyers++] = MemoryContextStrdup(draft->context, buyer);
}

/* Room for one more; the array doubles at the powers of two from 16 on. */
static void *
grow(PersonalPolicy *draft, void *array, int n, size_t size)
{
	if (n == 0)
		return MemoryContextAlloc(draft->context, 16 * size);
	if (n >= 16 && (n & (n - 1)) == 0)
		return repalloc_huge(array, 2 * (Size) n * size);
	return array;
}

/* See personal.h. */
void
personal_enforce(PersonalPolicy *draft)
{
	PersonalPolicy *before = policy;

	if (draft->nrules == 0)
	{
		for (const PersonalDefault *d = personal_defaults(); d->field != NULL; d++)
			personal_draft_rule(draft, d->field, d->rule);
	}
	qsort(draft->buyers, draft->nbuyers, sizeof(char *), compare_texts);
	qsort(draft->orders, draft->norders, sizeof(int64), compare_numbers);
	draft->known = MemoryContextAllocZero(draft->context, PERSONAL_SLOTS * sizeof(PersonalName));
	policy = draft;
	personal_known = draft->known;
	if (before != NULL)
	{
		OPENSSL_cleanse(before->key, PERSONAL_KEY_SIZE);
		MemoryContextDelete(before->context);
	}
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int
compare_numbers(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* See personal.h. */
uint64
personal_generation(void)
{
	return policy == NULL ? 0 : policy->generation;
}

/* See personal.h. */
bool
personal_hashes(void)
{
	return policy != NULL && policy->hashes && policy->has_key;
}

/* See personal.h. */
bool
personal_hash(const char *text, size_t len, char hash[PERSONAL_HASH_LEN + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;

	if (is_hash(text, len))
	{
		memcpy(hash, text, len);
		hash[len] = '\0';
		return true;
	}
	if (policy == NULL || !policy->has_key ||
		HMAC(EVP_sha256(), policy->key, PERSONAL_KEY_SIZE, (const unsigned char *) text, len,
			 digest, &digest_len) == NULL)
		return false;
	hash[0] = 'h';
	hash[1] = ':';
	/* 22 digits of six bits: the first 132 bits */
	for (int i = 0; i < PERSONAL_HASH_LEN - 2; i++)
	{
		int			bit = i * 6;
		unsigned	two = digest[bit / 8] << 8 | digest[bit / 8 + 1];

		hash[i + 2] = digits[two >> (10 - bit % 8) & 63];
	}
	hash[PERSONAL_HASH_LEN] = '\0';
	return true;
}

static bool
is_hash(const char *text, size_t len)
{
	if (len != PERSONAL_HASH_LEN || text[0] != 'h' || text[1] != ':')
		return false;
	for (int i = 2; i < PERSONAL_HASH_LEN; i++)
	{
		char		c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  c == '-' || c == '_'))
			return false;
	}
	return true;
}

/* See personal.h. */
bool
personal_forgets(void)
{
	return policy != NULL && policy->nbuyers + policy->norders > 0;
}

/* See personal.h. */
bool
personal_forgets_buyer(const char *uid, size_t len)
{
	char		hash[PERSONAL_HASH_LEN + 1];
	const char *key = hash;

	return policy != NULL && policy->nbuyers > 0 && len > 0 && personal_hash(uid, len, hash) &&
		bsearch(&key, policy->buyers, policy->nbuyers, sizeof(char *), compare_texts) != NULL;
}

/* See personal.h. */
bool
personal_forgets_order(int64 tid)
{
	return policy != NULL && policy->norders > 0 &&
		bsearch(&tid, policy->orders, policy->norders, sizeof(int64), compare_numbers) != NULL;
}
