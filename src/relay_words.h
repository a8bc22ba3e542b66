/*
 * relay_words.h
 *	  What a relay's operations and parameters are named in the option, and which
 *	  operation takes which parameter.
 */
#ifndef ORDERSYNC_RELAY_WORDS_H
#define ORDERSYNC_RELAY_WORDS_H

#include "relay_map.h"

#define RELAY_BIT(n) (1 << (n))

/* By operation, parameter and meaning. */
extern const char *const relay_operation_names[RELAY_OPERATIONS];
extern const char *const relay_parameter_names[RELAY_PARAMETERS];
extern const char *const relay_meaning_names[RELAY_MEANINGS];

/* The bits of the parameters that each operation takes. */
extern const int relay_taken[RELAY_OPERATIONS];

#define RELAY_PATH_EXPECTED "It must be a path like \"/GetOrder1\", without a query; null for an operation that the relay does not have."
#define RELAY_NAME_EXPECTED "It must be the name of a parameter, or null if it is not sent."

#endif							/* ORDERSYNC_RELAY_WORDS_H */
