/*
 * refusal.h
 *	  What an error of the database says of the records that were to be stored.
 */
#ifndef ORDERSYNC_REFUSAL_H
#define ORDERSYNC_REFUSAL_H

#include "compat.h"

typedef enum RefusalKind
{
	REFUSAL_NONE,				/* nothing: it may pass by itself */
	REFUSAL_RECORD,				/* a record is refused for what is in it */
	REFUSAL_OBJECT				/* a trigger or table is at fault: as a rule all
								 * records alike */
} RefusalKind;

extern RefusalKind refusal_kind(int sqlerrcode);

/* Its word in SQL; NULL for REFUSAL_NONE. */
extern const char *refusal_name(RefusalKind kind);

#endif							/* ORDERSYNC_REFUSAL_H */
