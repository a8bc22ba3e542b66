/*
 * refusal.c
 *	  What an error of the database says of the records that were to be stored.
 *
 * A user may put triggers, constraints, policies and indexes on the tables.
 * What these refuse is one record's fault or everybody's; the SQLSTATE tells
 * what is likely, and trying the page's other records tells what is true.  An
 * error that may pass by itself (deadlock, time-out, full disk, lost
 * connection) says nothing of a record and is told apart by its SQLSTATE alone.
 *
 * Classes that users make up for themselves count as a record's: nobody but a
 * trigger raises them.
 */
#include "compat.h"

#include "refusal.h"

#define CLASS(a, b) MAKE_SQLSTATE(a, b, '0', '0', '0')

/* What may pass by itself, or is nobody's word on a record. */
static const int passing_classes[] = {
	CLASS('0', '0'), CLASS('0', '8'),	/* connection */
	CLASS('2', '5'),			/* transaction state, such as read-only */
	CLASS('4', '0'),			/* deadlock, serialization */
	CLASS('5', '3'),			/* disk full, out of memory, too many connections */
	CLASS('5', '7'),			/* cancel, shutdown */
	CLASS('5', '8'),			/* the system's own errors */
	CLASS('7', '2'),			/* snapshot too old */
	CLASS('F', '0'),			/* configuration file */
	CLASS('O', 'S')				/* ours */
};

static const int passing_codes[] = {
	ERRCODE_LOCK_NOT_AVAILABLE, ERRCODE_OBJECT_IN_USE,
	ERRCODE_DATA_CORRUPTED, ERRCODE_INDEX_CORRUPTED
};

/* What is about the values at hand. */
static const int record_classes[] = {
	CLASS('0', '2'), CLASS('0', '9'),	/* no data, triggered action */
	CLASS('2', '0'), CLASS('2', '1'),	/* no case, too many rows */
	CLASS('2', '2'), CLASS('2', '3'),	/* data, constraints */
	CLASS('2', '7'), CLASS('2', 'F'),	/* triggered change, SQL routine */
	CLASS('3', '8'), CLASS('3', '9'),	/* routines in other languages */
	CLASS('4', '4'),			/* WITH CHECK OPTION */
	CLASS('5', '4'),			/* limits, such as an index row's size */
	CLASS('P', '0')				/* PL/pgSQL's RAISE */
};

/* What else PostgreSQL raises; the standard leaves 5 to 9 and I to Z to users. */
static const int servers_classes[] = {
	CLASS('5', '5'), CLASS('H', 'V'), CLASS('X', 'X')
};

static bool is_in(int code, const int *codes, int n);
static bool is_users(int sqlerrcode);

RefusalKind
refusal_kind(int sqlerrcode)
{
	int			class = ERRCODE_TO_CATEGORY(sqlerrcode);

	if (is_in(class, passing_classes, lengthof(passing_classes)) ||
		is_in(sqlerrcode, passing_codes, lengthof(passing_codes)))
		return REFUSAL_NONE;
	if (is_in(class, record_classes, lengthof(record_classes)) || is_users(sqlerrcode))
		return REFUSAL_RECORD;
	return REFUSAL_OBJECT;
}

static bool
is_in(int code, const int *codes, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (codes[i] == code)
			return true;
	}
	return false;
}

/* Of a class that is neither the standard's nor the server's. */
static bool
is_users(int sqlerrcode)
{
	char		first = PGUNSIXBIT(sqlerrcode);

	return ((first >= '5' && first <= '9') || (first >= 'I' && first <= 'Z')) &&
		!is_in(ERRCODE_TO_CATEGORY(sqlerrcode), servers_classes, lengthof(servers_classes));
}

const char *
refusal_name(RefusalKind kind)
{
	switch (kind)
	{
		case REFUSAL_NONE:
			return NULL;
		case REFUSAL_RECORD:
			return "record";
		case REFUSAL_OBJECT:
			return "object";
	}
	return NULL;
}
