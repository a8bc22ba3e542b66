/*
 * text.h
 *	  What the world's people and things are called.
 *
 * All texts are UTF-8 and already escaped for JSON.
 */
#ifndef GATEWAY_TEXT_H
#define GATEWAY_TEXT_H

#include <stddef.h>

typedef struct Words
{
	size_t		count;
	const char *const *list;
} Words;

typedef struct Region
{
	const char *state;
	const char *city;
	const char *district;
} Region;

extern const Words item_titles;
extern const Words nasty_titles;	/* what breaks readers: quotes, emoji, SQL, marks */
extern const Words colours;
extern const Words surnames;
extern const Words carriers;
extern const Words refund_reasons;
extern const Words refund_notes;
extern const Words memos;

#define REGIONS 24
extern const Region regions[REGIONS];

#endif							/* GATEWAY_TEXT_H */
