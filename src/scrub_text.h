/*
 * scrub_text.h
 *	  What people wrote, without long numbers and e-mail addresses.
 */
#ifndef ORDERSYNC_SCRUB_TEXT_H
#define ORDERSYNC_SCRUB_TEXT_H

#include "compat.h"

/* What stands in the place of what was replaced. */
#define SCRUB_STARS "***"

/*
 * Replaces, in place, each run of seven digits or more (also the full-width ones),
 * each mobile number in groups (138 0013 8000, 138-0013-8000) and each e-mail
 * address by stars; returns the length.  What was replaced is never found again.
 */
extern size_t scrub_text(char *text, size_t len);

/* As the inside of a JSON string; to: six times len bytes.  Returns how many. */
extern size_t scrub_escape(const char *text, size_t len, char *to);

#endif							/* ORDERSYNC_SCRUB_TEXT_H */
