/*
 * personal.h
 *	  What is done with a member of a record, by its name: the policy in force.
 *
 * A process has one policy: the built-in one until another is put in force.
 */
#ifndef ORDERSYNC_PERSONAL_H
#define ORDERSYNC_PERSONAL_H

#include "compat.h"

#include "personal_names.h"

/* Longer names are in no list and are not remembered, only judged by their words. */
#define PERSONAL_NAME_MAX 64

/* Of the secret that hashes are made with. */
#define PERSONAL_KEY_SIZE 32

/* A hash as it is stored: "h:" and 22 characters of base64url, 132 bits. */
#define PERSONAL_HASH_LEN 24

/* What is known of a name: its rule in the lowest two bits, and these. */
#define PERSONAL_RULE_BITS 3
#define PERSONAL_UNKNOWN 4		/* in no list: judged by its words */
#define PERSONAL_SCOPE 8		/* opens a part of the record that describes persons */
#define PERSONAL_SURVIVES 16	/* stays in the record of a buyer who is forgotten */

typedef struct PersonalName
{
	uint64		head;			/* its first eight bytes, or a number made of fewer */
	uint64		tail;			/* its last eight */
	uint16		len;			/* 0: the slot is free */
	uint8		what;
	char	   *name;
} PersonalName;

#define PERSONAL_SLOTS 4096		/* a power of two */

/* Names that were judged; remembered for the life of the policy. */
extern PersonalName *personal_known;

/* Judges a name (escapes resolved) that is not remembered, and remembers it. */
extern uint8 personal_judge(const char *name, size_t len);

/* Two numbers that tell names of up to sixteen bytes of one length apart. */
static inline void
personal_numbers(const char *name, size_t len, uint64 *head, uint64 *tail)
{
	uint32		a;
	uint32		b;

	if (likely(len >= 8))
	{
		memcpy(head, name, 8);
		memcpy(tail, name + len - 8, 8);
		return;
	}
	*tail = 0;
	if (len >= 4)
	{
		memcpy(&a, name, 4);
		memcpy(&b, name + len - 4, 4);
		*head = (uint64) a << 32 | b;
		return;
	}
	*head = len == 0 ? 0 : (unsigned char) name[0] | (unsigned char) name[len / 2] << 8 |
		(unsigned char) name[len - 1] << 16;
}

static inline unsigned
personal_slot(uint64 head, uint64 tail, size_t len)
{
	return (unsigned) (((head ^ (tail << 23 | tail >> 41)) * UINT64CONST(0x9E3779B97F4A7C15) + len) >>
					   (64 - 12)) & (PERSONAL_SLOTS - 1);
}

/* Whether the middle of two names is the same, whose first and last eight bytes are. */
static inline bool
personal_same_middle(const char *a, const char *b, size_t len)
{
	if (len <= 16)
		return true;
	if (len <= 32)
		return memcmp(a + 8, b + 8, 8) == 0 && memcmp(a + len - 16, b + len - 16, 8) == 0;
	return memcmp(a + 8, b + 8, len - 16) == 0;
}

/* What is known of a name; every key of every record is looked up. */
static pg_attribute_always_inline uint8
personal_look(const char *name, size_t len)
{
	uint64		head;
	uint64		tail;
	const PersonalName *known;

	if (unlikely(personal_known == NULL))
		return personal_judge(name, len);
	personal_numbers(name, len, &head, &tail);
	known = &personal_known[personal_slot(head, tail, len)];
	if (likely(known->head == head && known->tail == tail && known->len == len &&
			   len != 0 && personal_same_middle(known->name, name, len)))
		return known->what;
	return personal_judge(name, len);
}

static inline PersonalRule
personal_rule(uint8 what)
{
	return (PersonalRule) (what & PERSONAL_RULE_BITS);
}

/* Whether a scalar of this name may stay inside a part that describes persons. */
extern bool personal_scope_keeps(const char *name, size_t len);

/* Whether no log may quote the value of this name: what is not kept, credentials, what people wrote. */
extern bool personal_unquotable(const char *name, size_t len);

/* Whether a value of this name is not simply kept, at no place of a record. */
extern bool personal_name(const char *name, size_t len);

/* Does any rule of the policy replace values by hashes? */
extern bool personal_hashes(void);

/*
 * The hash of a text, NUL-terminated; false where there is no key to make it with.
 * A text that is such a hash already is its own.
 */
extern bool personal_hash(const char *text, size_t len, char hash[PERSONAL_HASH_LEN + 1]);

/* Is anybody forgotten, and is it this buyer (by the pseudonym as sent or as stored), or this order's? */
extern bool personal_forgets(void);
extern bool personal_forgets_buyer(const char *uid, size_t len);
extern bool personal_forgets_order(int64 tid);

/*
 * Another policy: a draft, filled, then put in force in place of the one before.
 * What is left out of the draft is as the built-in list says.  An error in between
 * leaves the policy as it was.
 */
typedef struct PersonalPolicy PersonalPolicy;

extern PersonalPolicy *personal_draft(uint64 generation);
extern void personal_draft_rule(PersonalPolicy *draft, const char *field, PersonalRule rule);
extern void personal_draft_key(PersonalPolicy *draft, const unsigned char key[PERSONAL_KEY_SIZE]);
extern void personal_draft_forgotten(PersonalPolicy *draft, const char *buyer, int64 tid);
extern void personal_enforce(PersonalPolicy *draft);

/* The number of the policy in force; 0: the built-in one. */
extern uint64 personal_generation(void);

#endif							/* ORDERSYNC_PERSONAL_H */
