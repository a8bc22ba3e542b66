/*
 * personal_names.h
 *	  Which names of members are personal data where nobody has said otherwise.
 */
#ifndef ORDERSYNC_PERSONAL_NAMES_H
#define ORDERSYNC_PERSONAL_NAMES_H

#include "compat.h"

typedef enum PersonalRule
{
	PERSONAL_KEEP,
	PERSONAL_SCRUB,				/* long numbers and e-mail addresses in it are replaced */
	PERSONAL_HASH,				/* a keyed hash stands for it */
	PERSONAL_DROP
} PersonalRule;

/* A name, or with "*" at one end the names that end or begin alike. */
typedef struct PersonalDefault
{
	const char *field;
	PersonalRule rule;
	const char *why;
} PersonalDefault;

/* The list, with field NULL at its end. */
extern const PersonalDefault *personal_defaults(void);

/* Whether a name that is in no list says that it is personal, by its words. */
extern bool personal_by_words(const char *name, size_t len);

/* Whether the records could not be told apart, dated or counted without the field, or amounts would be wrong. */
extern bool personal_protected(const char *name);

/* Whether a member stays in the record of a buyer who is forgotten. */
extern bool personal_survives(const char *name, size_t len);

/* The rule's word, and back; false when there is none of that word. */
extern const char *personal_rule_name(PersonalRule rule);
extern bool personal_rule_from_name(const char *name, PersonalRule *rule);

#endif							/* ORDERSYNC_PERSONAL_NAMES_H */
