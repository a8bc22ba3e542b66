/*
 * rules.c
 *	  The rules of the walk, one by one: what is asked, and what comes of the
 *	  answer.
 *
 * A rule is a table of exchanges.  The window is [0, 100) seconds from SINCE,
 * a page ten records, unless the table says otherwise.  Records are written as
 * their second with a letter that tells those of one second apart ("42 42b"),
 * "!" for one that is quarantined, "?c" for one whose time cannot be read; a
 * second that is negative is before the window.
 * Each table is walked three times: as it is; through window_save() and
 * window_open() after every page; and with every page taken in once in vain, the
 * walk going on from a window_copy(): nothing may be different.  Numbers up to
 * 7 are those of the steps in window.c; 8 is lists without totals, 9 totals that
 * are not believed; "by number" is the mutant that loses records (number.c).
 */
#include "compat.h"

#include "tap.h"
#include "walker.h"

#define SINCE	1767196800
#define MAX_ROWS 64

typedef struct Exchange
{
	/* expected */
	int			start;
	int			end;
	int			page_no;
	int			page_size;
	bool		use_has_next;

	/* answered */
	int64		total;
	int			has_next;
	const char *rows;

	WindowStep	step;			/* expected */
} Exchange;

typedef struct Rule
{
	const char *name;
	bool		unsorted;
	bool		no_totals;
	bool		fresh;
	bool		may_cut;
	bool		moves;			/* a record's time can become later */
	bool		by_number;
	int			span;			/* 0: 100 */
	Exchange	exchanges[12];
	int64		reported;
	int64		seen;
	int64		quarantined;
	int64		outside;
	int			passes;
	bool		unsaved;		/* rests on what is in memory only, as does which records from outside are known */
} Rule;

#define TOTAL	false
#define NEXT	true
#define MORE	WINDOW_MORE
#define COUNTED WINDOW_COUNTED
#define SHORT	WINDOW_SHORT
#define TEN(s)	s " " s "b " s "c " s "d " s "e " s "f " s "g " s "h " s "i " s "j"

static const Rule rules[] = {
	{"1: all in one answer",
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "99 50 0", COUNTED}},
	.reported = 3, .seen = 3, .passes = 1},
	{"1: nothing in the window",
		.exchanges = {{0, 100, 1, 10, TOTAL, 0, -1, "", COUNTED}},
	.passes = 1},
	{"1: no total is malformed, and the same is asked again",
		.exchanges = {{0, 100, 1, 10, TOTAL, -1, -1, "99 50", WINDOW_MALFORMED},
		{0, 100, 1, 10, TOTAL, 2, -1, "99 50", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"1: a count above an empty list is asked for again, as a part",
		.exchanges = {{0, 100, 1, 10, TOTAL, 2, -1, "", MORE},
		{0, 100, 1, 10, TOTAL, 2, -1, "99 50", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"1: however many it counts: the next answer may be whole",
		.exchanges = {{0, 100, 1, 10, TOTAL, 999, -1, "", MORE},
		{0, 100, 1, 10, TOTAL, 2, -1, "99 50", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"1: the second at the end counts for the platform, not for the window",
		.exchanges = {{0, 100, 1, 10, TOTAL, 4, -1, "100 100b 50 0", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"1: a record sent twice is one",
		.exchanges = {{0, 100, 1, 10, TOTAL, 2, -1, "99 99 50", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"1: quarantined records and those without time count as seen",
		.exchanges = {{0, 100, 1, 10, TOTAL, 4, -1, "99! ?a 50 0!", COUNTED}},
	.reported = 4, .seen = 4, .quarantined = 3, .passes = 1},

	{"2: down by time, where the end is exclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 14, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 90b 80 70 60", COUNTED}},
	.reported = 14, .seen = 14, .passes = 1},
	{"2: down by time, where the end is inclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 22, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 1, "91 90 80 79 78 77 76 75 74 73", MORE},
		{0, 74, 1, 10, NEXT, -1, 0, "74 73 73b 5 4 3", COUNTED}},
	.reported = 22, .seen = 22, .passes = 1},
	{"2: without has_next the total tells the end",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, 3, -1, "90 89 3", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"2: without has_next and total a page with room tells the end",
		.exchanges = {{0, 100, 1, 10, TOTAL, 20, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, -1, "90 89 88 87 86 85 84 83 82 81", MORE},
		{0, 82, 1, 10, NEXT, -1, -1, "81 3", COUNTED}},
	.reported = 20, .seen = 20, .passes = 1},
	{"2: has_next above an empty list is malformed",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 1, "", WINDOW_MALFORMED},
		{0, 91, 1, 10, NEXT, -1, 0, "90 89 3", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"2: an end that is full of its own second is left out, once a probe has shown that it is inclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 30, -1, TEN("100"), MORE},
			{100, 100, 1, 1, TOTAL, 28, -1, "100", MORE},
		{0, 99, 1, 10, TOTAL, 2, -1, "99 1", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"2: records that have moved to an exclusive end do not make it inclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, TEN("100"), MORE},
			{100, 100, 1, 1, TOTAL, 0, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, 12, -1, TEN("100"), MORE},
			{99, 100, 1, 10, TOTAL, 12, -1, TEN("100"), MORE},
			{99, 100, 2, 10, TOTAL, 12, -1, "99 99b", MORE},
		{0, 99, 1, 10, NEXT, -1, 0, "", SHORT + 100}},
	.unsaved = true},
	{"2: a record without time is counted once, whichever page shows it",
		.exchanges = {{0, 100, 1, 10, TOTAL, 13, -1, "99 98 97 96 95 94 93 92 90 ?x", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 ?x 80 70 60", COUNTED}},
	.reported = 13, .seen = 13, .quarantined = 1, .passes = 1, .unsaved = true},

	{"3: a second that holds more than a page, last page to first; the end exclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 15, -1, "99 60 60b 60c 60d 60e 60f 60g 60h 60i", MORE},
			{0, 61, 1, 10, NEXT, -1, 1, TEN("60"), MORE},
			{60, 61, 1, 10, TOTAL, 13, -1, TEN("60"), MORE},
			{60, 61, 2, 10, TOTAL, 13, -1, "60k 60l 60m", MORE},
			{60, 60, 1, 1, TOTAL, 0, -1, "", MORE},
		{0, 60, 1, 10, NEXT, -1, 0, "5", COUNTED}},
	.reported = 15, .seen = 15, .passes = 1, .unsaved = true},
	{"3: the same where the end is inclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 15, -1, "99 60 60b 60c 60d 60e 60f 60g 60h 60i", MORE},
			{0, 61, 1, 10, NEXT, -1, 1, TEN("60"), MORE},
			{60, 61, 1, 10, TOTAL, 13, -1, TEN("60"), MORE},
			{60, 61, 2, 10, TOTAL, 13, -1, "60k 60l 60m", MORE},
			{60, 60, 1, 1, TOTAL, 13, -1, "60", MORE},
		{0, 59, 1, 10, NEXT, -1, 0, "5", COUNTED}},
	.reported = 15, .seen = 15, .passes = 1, .unsaved = true},
	{"3: a page of one second alone needs no other look",
		.exchanges = {{0, 100, 1, 10, TOTAL, 11, -1, TEN("60"), MORE},
			{60, 61, 1, 10, TOTAL, 11, -1, TEN("60"), MORE},
			{60, 61, 2, 10, TOTAL, 11, -1, "60k", MORE},
			{60, 60, 1, 1, TOTAL, 0, -1, "", MORE},
		{0, 60, 1, 10, NEXT, -1, 0, "", COUNTED}},
	.reported = 11, .seen = 11, .passes = 1, .unsaved = true},
	{"3: ids are united over rounds while the order differs",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 16, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 16, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 16, -1, "0c 0k 0l 0m 0n 0o", MORE},
			{0, 1, 1, 10, TOTAL, 16, -1, TEN("0"), MORE},
		{0, 1, 2, 10, TOTAL, 16, -1, "0a 0b 0l 0p", COUNTED}},
	.reported = 16, .seen = 16, .passes = 1, .unsaved = true},
	{"3: and a last page that is nearly empty is read again in every third round only",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 12, -1, "0c 0k", MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 12, -1, "0c 0k", MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
		{0, 1, 1, 10, TOTAL, 12, -1, "0a 0b 0c 0d 0e 0f 0g 0h 0i 0l", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1, .unsaved = true},
	{"3: a total that changes begins the union anew",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 16, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 17, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 16, -1, "0k 0l 0m 0n 0o 0p", MORE},
			{0, 1, 1, 10, TOTAL, 16, -1, "0b 0c 0d 0e 0f 0g 0h 0i 0j 0k", MORE},
			{0, 1, 2, 10, TOTAL, 16, -1, "0l 0m 0n 0o 0p 0q", COUNTED}},
	.reported = 16, .seen = 16, .passes = 1, .unsaved = true},
	{"3: a full second that shrinks to a page is judged by one response",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 9, -1, "", MORE},
			{0, 1, 1, 10, TOTAL, 9, -1, "0b 0c 0d 0e 0f 0g 0h 0i", MORE},
			{0, 1, 1, 10, TOTAL, 9, -1, "0c 0d 0e 0f 0g 0h 0i 0k", MORE},
			{0, 1, 1, 10, TOTAL, 8, -1, "0c 0d 0e 0f 0g 0h 0i 0k", MORE},
			{0, 1, 1, 10, TOTAL, 10, -1, TEN("0"), SHORT + 100}},
	.unsaved = true},

	{"4: a list that is not sorted goes by parts of two thirds of a page",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "9 98 30 44 61 77 2 80 91 99", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "98 61 77 99 91 80", MORE},
		{0, 45, 1, 10, TOTAL, 6, -1, "9 30 2 44 10 11", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"4: but by one call where one is enough",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "9 98 30", COUNTED}},
	.reported = 3, .seen = 3, .passes = 1},
	{"4: a list found unsorted, too",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "9 98 30 44 61 77 2 80 91 99", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "98 61 77 99 91 80", MORE},
		{0, 45, 1, 10, TOTAL, 6, -1, "9 30 2 44 10 11", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"4: a walk that came out with fewer, by parts",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90", MORE},
			{45, 100, 1, 10, TOTAL, 9, -1, "99 98 97 96 95 94 93 92 91", MORE},
		{0, 45, 1, 10, TOTAL, 0, -1, "", COUNTED}},
	.reported = 9, .seen = 9, .passes = 2},
	{"4: a part that does not fit is halved",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{45, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{73, 100, 1, 10, TOTAL, 9, -1, "99 98 97 96 95 94 93 92 91", MORE},
		{0, 73, 1, 10, TOTAL, 3, -1, "60 61 62", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"4: so is one that is full, whatever it counts",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{45, 100, 1, 10, TOTAL, 10, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{73, 100, 1, 10, TOTAL, 9, -1, "99 98 97 96 95 94 93 92 91", MORE},
		{0, 73, 1, 10, TOTAL, 3, -1, "60 61 62", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1},
	{"4: a part with fewer is asked again, five times; the rest is read, the window short",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "99 98 97 96 95", MORE},
		{0, 45, 1, 10, TOTAL, 6, -1, "1 2 3 4 5 6", SHORT}},
	.reported = 12, .seen = 11, .passes = 1},
	{"4: a record withheld alone in its part makes the window short, not malformed",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 7, -1, "1 2 3 4 5 6", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
			{5, 100, 1, 10, TOTAL, 1, -1, "", MORE},
		{0, 5, 1, 10, TOTAL, 6, -1, "0 1 2 3 4 4b", SHORT}},
	.reported = 7, .seen = 6, .passes = 1},
	{"4: a part whose fifth asking shows all of it is whole",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 7, -1, "1 2 3 4 5 6", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20", MORE},
			{5, 100, 1, 10, TOTAL, 7, -1, "16 17 18 19 20 21 22", MORE},
		{0, 5, 1, 10, TOTAL, 0, -1, "", COUNTED}},
	.reported = 7, .seen = 7, .passes = 1},

	{"5: more than the count: something arrived, and the walk begins again",
		.exchanges = {{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", COUNTED}},
	.reported = 12, .seen = 12, .passes = 2},
	{"5: five walks, then by parts",
		.exchanges = {{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{0, 100, 1, 10, TOTAL, 11, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", MORE},
			{40, 100, 1, 10, TOTAL, 9, -1, "99 98 97 96 95 94 93 92 91", MORE},
		{0, 40, 1, 10, TOTAL, 2, -1, "10 9", COUNTED}},
	.reported = 11, .seen = 11, .passes = 6},

	{"7: more than ten pages are cut, if they may be",
		.may_cut = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 101, -1, TEN("99"), WINDOW_CUT}},
	.reported = 101, .passes = 1},
	{"7: ten pages are not",
		.may_cut = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 100, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 1, "90 89 88 87 86 85 84 83 82 81", SHORT + 100}},
	},
	{"7: a part is not cut again",
		.exchanges = {{0, 100, 1, 10, TOTAL, 500, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 1, "90 89 88 87 86 85 84 83 82 81", SHORT + 100}},
	},
	{"7: one second cannot be cut",
		.may_cut = true,.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 500, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 500, -1, TEN("0"), SHORT + 100}},
	},

	{"8: without totals the end of the list closes the window, unproven",
		.no_totals = true,.may_cut = true,
		.exchanges = {{0, 100, 1, 10, NEXT, -1, 1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 80 70", WINDOW_UNPROVEN}},
	.reported = -1, .seen = 12, .passes = 1},
	{"8: a full second without totals is whole when two rounds list as many as there are ids",
		.no_totals = true,.span = 1,
		.exchanges = {{0, 1, 1, 10, NEXT, -1, 1, TEN("0"), MORE},
			{0, 1, 1, 10, NEXT, -1, 1, TEN("0"), MORE},
			{0, 1, 2, 10, NEXT, -1, 0, "0k 0l", MORE},
			{0, 1, 1, 10, NEXT, -1, 1, TEN("0"), MORE},
		{0, 1, 2, 10, NEXT, -1, 0, "0k 0l", WINDOW_UNPROVEN}},
	.reported = -1, .seen = 12, .passes = 1, .unsaved = true},
	{"8: without totals and not sorted, by parts that end",
		.no_totals = true,.unsorted = true,
		.exchanges = {{0, 100, 1, 10, NEXT, -1, 1, TEN("99"), MORE},
			{50, 100, 1, 10, NEXT, -1, 1, TEN("99"), MORE},
			{75, 100, 1, 10, NEXT, -1, 0, TEN("99"), MORE},
			{60, 75, 1, 10, NEXT, -1, 0, "", MORE},
			{30, 60, 1, 10, NEXT, -1, 0, "", MORE},
		{0, 30, 1, 10, NEXT, -1, 0, "7 9", WINDOW_UNPROVEN}},
	.reported = -1, .seen = 12, .passes = 1},

	{"fresh: walked once, whatever came of it",
		.fresh = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 14, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 80", WINDOW_FRESH}},
	.reported = 14, .seen = 11, .passes = 1},
	{"fresh: by parts, too, and no part twice",
		.fresh = true,.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, TEN("99"), MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "98 61 77 99 91", MORE},
		{0, 45, 1, 10, TOTAL, 6, -1, "9 30 2 44 10 11", WINDOW_FRESH}},
	.reported = 12, .seen = 11, .passes = 1},

	{"9: a page that is full ends nothing by its count",
		.exchanges = {{0, 100, 1, 10, TOTAL, 10, -1, "99 98 97 96 95 94 93 92 91 90", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90", COUNTED}},
	.reported = 10, .seen = 10, .passes = 1},
	{"9: more records than are counted: counts steer nothing any more, the window is short",
		.exchanges = {{0, 100, 1, 10, TOTAL, 2, -1, "99 98 97", MORE},
			{0, 98, 1, 10, NEXT, -1, 1, "97 96 95 94 93 92 91 90 89 88", MORE},
		{0, 89, 1, 10, NEXT, -1, 0, "88 50", SHORT}},
	.reported = 2, .seen = 13, .passes = 1},
	{"9: nor do they where a page with room lacks a page of what it counts",
		.exchanges = {{0, 100, 1, 10, TOTAL, 999999999, -1, "50", MORE},
			{0, 51, 1, 10, NEXT, -1, 0, "50", MORE},
		{0, 100, 1, 10, TOTAL, 999999999, -1, "50", SHORT}},
	.reported = 999999999, .seen = 1, .passes = 2},
	{"9: but one untrue count is forgiven",
		.exchanges = {{0, 100, 1, 10, TOTAL, 999999999, -1, "50", MORE},
			{0, 51, 1, 10, NEXT, -1, 0, "50", MORE},
		{0, 100, 1, 10, TOTAL, 1, -1, "50", COUNTED}},
	.reported = 1, .seen = 1, .passes = 2},
	{"9: of a list that is not sorted, too",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 608, -1, "50 60", MORE},
		{0, 100, 1, 10, TOTAL, 2, -1, "50 60", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"9: but a walk by time that sees as many is whole: pages may be smaller than asked for",
		.may_cut = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 14, -1, "99 98 97 96", MORE},
			{0, 97, 1, 10, NEXT, -1, 1, "96 95 94 93", MORE},
			{0, 94, 1, 10, NEXT, -1, 1, "93 92 91 90", MORE},
			{0, 91, 1, 10, NEXT, -1, 1, "90 89 88 87", MORE},
		{0, 88, 1, 10, NEXT, -1, 0, "87 86", COUNTED}},
	.reported = 14, .seen = 14, .passes = 1},
	{"9: a list that has nothing is asked again, as often as a part that lacks records",
		.exchanges = {{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
			{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", MORE},
		{0, 100, 1, 10, TOTAL, PG_INT64_MAX, -1, "", SHORT}},
	.reported = WINDOW_MOST_TOTAL, .passes = 1},
	{"9: such a window is not cut",
		.may_cut = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 500, -1, "98", MORE},
			{0, 99, 1, 10, NEXT, -1, 0, "98", MORE},
		{0, 100, 1, 10, TOTAL, 500, -1, "98", SHORT}},
	.reported = 500, .seen = 1, .passes = 2},
	{"9: a list that is not sorted is read by parts then, which end by has_next",
		.unsorted = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, TEN("99"), MORE},
			{45, 100, 1, 10, TOTAL, 4, -1, "98 61 77 99 91", MORE},
		{0, 45, 1, 10, NEXT, -1, 0, "10 11", SHORT}},
	.reported = 12, .seen = 7, .passes = 1},
	{"9: no second holds so many: its pages are read first to last, until they bring nothing new",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 999999999, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 999999999, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 999999999, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 999999999, -1, "0k", MORE},
			{0, 1, 1, 10, NEXT, -1, 1, TEN("0"), MORE},
			{0, 1, 2, 10, NEXT, -1, 0, "0k", MORE},
			{0, 1, 1, 10, NEXT, -1, 1, TEN("0"), MORE},
		{0, 1, 2, 10, NEXT, -1, 0, "0k", SHORT}},
	.reported = 999999999, .seen = 11, .passes = 1, .unsaved = true},
	{"9: a second that holds more than it counts is read to its end",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
			{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 11, -1, "0k 0l 0m", MORE},
			{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 11, -1, "0k 0l 0m", MORE},
			{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 11, -1, "0k 0l 0m", MORE},
			{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
			{0, 1, 2, 10, TOTAL, 11, -1, "0k 0l 0m", MORE},
			{0, 1, 1, 10, TOTAL, 11, -1, TEN("0"), MORE},
		{0, 1, 2, 10, TOTAL, 11, -1, "0k 0l 0m", SHORT}},
	.reported = 11, .seen = 13, .passes = 1, .unsaved = true},
	{"9: a count alone does not make the end inclusive",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, TEN("60"), MORE},
			{60, 61, 1, 10, TOTAL, 11, -1, TEN("60"), MORE},
			{60, 61, 2, 10, TOTAL, 11, -1, "60k", MORE},
			{60, 60, 1, 1, TOTAL, 11, -1, "", MORE},
		{0, 60, 1, 10, NEXT, -1, 0, "59", COUNTED}},
	.reported = 12, .seen = 12, .passes = 1, .unsaved = true},

	{"by number: pages first to last; a record that leaves takes another one along, and nobody notices",
		.by_number = true,.may_cut = true,
		.exchanges = {{0, 100, 1, 10, NEXT, -1, 1, "99 98 97 96 95 94 93 92 91 90", MORE},
			/* 99 has left: 89 stands on the first page now */
			{0, 100, 2, 10, NEXT, -1, 1, "88 87 86 85 84 83 82 81 80 79!", MORE},
		{0, 100, 3, 10, NEXT, -1, 0, "78 77", COUNTED}},
	.reported = 22, .seen = 22, .quarantined = 1, .passes = 1},
	{"by number: without has_next the total tells the last page",
		.by_number = true,.fresh = true,
		.exchanges = {{0, 100, 1, 10, NEXT, 12, -1, "100 98 97 96 95 94 93 92 91 90", MORE},
		{0, 100, 2, 10, NEXT, 12, -1, "89 88", WINDOW_FRESH}},
	.reported = 11, .seen = 11, .passes = 1},

	{"nonsense: more records than asked for",
		.exchanges = {{0, 100, 1, 10, TOTAL, 11, -1, TEN("99") " 98", WINDOW_MALFORMED},
		{0, 100, 1, 10, TOTAL, 1, -1, "3", COUNTED}},
	.reported = 1, .seen = 1, .passes = 1},
	{"from outside: beside records that are all that is counted they leave the window unproven",
		.exchanges = {{0, 100, 1, 10, TOTAL, 2, -1, "101 98 3", WINDOW_UNPROVEN}},
	.reported = 2, .seen = 2, .outside = 1, .passes = 1},
	{"from outside: they may be what is counted",
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "98 3 -60", WINDOW_UNPROVEN}},
	.reported = 3, .seen = 2, .outside = 1, .passes = 1},
	{"from outside: alone, too",
		.exchanges = {{0, 100, 1, 10, TOTAL, 1, -1, "-60", WINDOW_UNPROVEN}},
	.reported = 1, .outside = 1, .passes = 1},
	{"from outside: but not for more than there are of them",
		.exchanges = {{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
			{0, 4, 1, 10, NEXT, -1, 0, "3 -60", MORE},
			{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
			{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
			{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
			{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
			{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", MORE},
		{0, 100, 1, 10, TOTAL, 4, -1, "98 3 -60", SHORT}},
	.reported = 4, .seen = 2, .outside = 1, .passes = 2, .unsaved = true},
	{"from outside: records that moved on are asked for once more, and a list that has caught up is counted",
		.moves = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "130 98 3", MORE},
		{0, 100, 1, 10, TOTAL, 2, -1, "98 3", COUNTED}},
	.reported = 2, .seen = 2, .passes = 1},
	{"from outside: but once",
		.moves = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "130 98 3", MORE},
		{0, 100, 1, 10, TOTAL, 3, -1, "130 98 3", WINDOW_UNPROVEN}},
	.reported = 3, .seen = 2, .outside = 1, .passes = 1},
	{"from outside: not where an older one is among them",
		.moves = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 4, -1, "130 98 3 -60", WINDOW_UNPROVEN}},
	.reported = 4, .seen = 2, .outside = 2, .passes = 1},
	{"from outside: nor in a fresh window",
		.moves = true,.fresh = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 3, -1, "130 98 3", WINDOW_FRESH}},
	.reported = 3, .seen = 2, .outside = 1, .passes = 1},
	{"from outside: they take room, and the walk goes down by the records of its range",
		.exchanges = {{0, 100, 1, 10, TOTAL, 14, -1, "-7 99 98 97 96 140 95 94 93 92", MORE},
		{0, 93, 1, 10, NEXT, -1, 0, "92 91 90 89 140 88", WINDOW_UNPROVEN}},
	.reported = 14, .seen = 12, .outside = 2, .passes = 1, .unsaved = true},
	{"from outside: and may come on top of a full page",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, "99 98 97 96 95 94 93 92 91 90 -7", MORE},
		{0, 91, 1, 10, NEXT, -1, 0, "90 89 88 -7", WINDOW_UNPROVEN}},
	.reported = 12, .seen = 12, .outside = 1, .passes = 1, .unsaved = true},
	{"from outside: a page of nothing else has no oldest second; parts are whole with them",
		.exchanges = {{0, 100, 1, 10, TOTAL, 12, -1, TEN("150"), MORE},
			{45, 100, 1, 10, TOTAL, 6, -1, "151 152 153 154 155 156", MORE},
		{0, 45, 1, 10, TOTAL, 6, -1, "90 44 88 85 1 86", WINDOW_UNPROVEN}},
	.reported = 12, .seen = 2, .outside = 20, .passes = 1},
	{"from outside: a list of nothing else is given up",
		.exchanges = {{0, 100, 1, 10, TOTAL, 500, -1, TEN("150"), MORE},
			{99, 100, 1, 10, TOTAL, 500, -1, TEN("150"), MORE},
			{99, 100, 1, 10, TOTAL, 500, -1, TEN("150"), MORE},
			{99, 100, 51, 10, TOTAL, 500, -1, TEN("151"), MORE},
		{99, 100, 50, 10, TOTAL, 500, -1, TEN("152"), SHORT}},
	.reported = 0, .outside = 30, .passes = 1, .unsaved = true},
	{"from outside: it is not cut for what it counts",
		.may_cut = true,
		.exchanges = {{0, 100, 1, 10, TOTAL, 500, -1, "99 98 140 141 142 143 144 145 146 147", MORE},
			{0, 99, 1, 10, NEXT, -1, 0, "98 3", MORE},
		{99, 100, 1, 10, TOTAL, 1, -1, "99", SHORT + 100}}},
	{"from outside: where the list has no total they show in the class, too",
		.no_totals = true,
		.exchanges = {{0, 100, 1, 10, NEXT, -1, 0, "98 3 -60", WINDOW_UNPROVEN}},
	.reported = -1, .seen = 2, .outside = 1, .passes = 1},
	{"from outside: a full second, in which some have moved on",
		.span = 1,
		.exchanges = {{0, 1, 1, 10, TOTAL, 12, -1, "0 0b 0c 0d 0e 0f 0g 0h 70 71", MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, "0 0b 0c 0d 0e 0f 0g 0h 70 71", MORE},
			{0, 1, 2, 10, TOTAL, 12, -1, "0i 0j", MORE},
			{0, 1, 1, 10, TOTAL, 12, -1, "0 0b 0c 0d 0e 0f 0g 0h 70 71", MORE},
		{0, 1, 2, 10, TOTAL, 12, -1, "0i 0j", WINDOW_UNPROVEN}},
	.reported = 12, .seen = 10, .outside = 2, .passes = 1, .unsaved = true},
};

/* A table may end before its walk does. */
#define OPEN_END(exchange) ((int) (exchange)->step == SHORT + 100)

typedef enum How
{
	AS_IT_IS,
	SAVED,
	UNDONE
} How;

static void follow(const Rule *rule, How how);
static int	read_rows(const char *text, WindowRecord *rows);
static void plan_of(const Rule *rule, WindowPlan *plan);
static void test_cuts(void);
static void test_shrink(void);
static void test_saved(void);
static void test_given_up(void);
static void answer_with(WindowAnswer *answer, int64 total, int has_next, const char *text);

void
test_rules(void)
{
	for (int i = 0; i < lengthof(rules); i++)
	{
		follow(&rules[i], AS_IT_IS);
		follow(&rules[i], UNDONE);
		if (!rules[i].unsaved)
			follow(&rules[i], SAVED);
	}
	test_cuts();
	test_shrink();
	test_saved();
	test_given_up();
}

/* Walks a table; one line of the stream. */
static void
follow(const Rule *rule, How how)
{
	static const char *const names[] = {"", " (saved after every page)", " (every page taken back once)"};

	WindowPlan	plan;
	Walker	   *walker;
	WindowCounts counts;
	char	   *saved = NULL;
	char		wrong[256] = "";
	bool		open_end = false;

	plan_of(rule, &plan);
	walker = walker_open(rule->by_number, &plan, NULL);
	for (int i = 0; i < lengthof(rule->exchanges) && wrong[0] == '\0'; i++)
	{
		const Exchange *e = &rule->exchanges[i];
		PageAsk	ask;
		WindowAnswer answer;
		WindowStep	step;

		if (e->rows == NULL)
			break;
		walker_ask(walker, &ask);
		if (ask.start != SINCE + e->start || ask.end != SINCE + e->end || ask.page_no != e->page_no ||
			ask.page_size != e->page_size || ask.use_has_next != e->use_has_next)
			snprintf(wrong, sizeof(wrong), "call %d asks " INT64_FORMAT " .. " INT64_FORMAT " page %d of %d, %s",
					 i + 1, ask.start - SINCE, ask.end - SINCE, ask.page_no, ask.page_size,
					 ask.use_has_next ? "has_next" : "total");
		answer_with(&answer, e->total, e->has_next, e->rows);
		if (OPEN_END(e))
		{
			open_end = true;
			break;
		}
		if (walker_agrees(walker, &answer) != (e->step != WINDOW_MALFORMED) && wrong[0] == '\0')
			snprintf(wrong, sizeof(wrong), "call %d is said to be %s", i + 1, e->step != WINDOW_MALFORMED ? "malformed" : "good");
		if (how == UNDONE)
		{
			Walker	   *kept = walker_copy(walker);

			(void) walker_take(walker, &answer);
			walker = kept;
		}
		step = walker_take(walker, &answer);
		if (step != e->step && wrong[0] == '\0')
			snprintf(wrong, sizeof(wrong), "call %d came to %d, not to %d", i + 1, step, e->step);
		if (step != MORE && step != WINDOW_MALFORMED)
			break;
		if (how == SAVED)
		{
			free(saved);
			saved = walker_save(walker);
			walker = walker_open(rule->by_number, &plan, saved);
		}
	}
	walker_counts(walker, &counts);
	if (wrong[0] == '\0' && !open_end &&
		(counts.reported != rule->reported || counts.seen != rule->seen ||
		 counts.quarantined != rule->quarantined || counts.outside != rule->outside || counts.passes != rule->passes))
		snprintf(wrong, sizeof(wrong), "reported " INT64_FORMAT ", seen " INT64_FORMAT ", quarantined " INT64_FORMAT
				 ", outside " INT64_FORMAT ", passes %d", counts.reported, counts.seen, counts.quarantined, counts.outside, counts.passes);
	if (!tap_ok(wrong[0] == '\0', "%s%s", rule->name, names[how]))
		tap_note("%s", wrong);
	free(saved);
}

static void
plan_of(const Rule *rule, WindowPlan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->since = SINCE;
	plan->until = SINCE + (rule->span > 0 ? rule->span : 100);
	plan->page_size = 10;
	plan->sorted = !rule->unsorted;
	plan->totals = !rule->no_totals;
	plan->fresh = rule->fresh;
	plan->may_cut = rule->may_cut;
	plan->moves = rule->moves;
}

/* The rows live until the next answer. */
static void
answer_with(WindowAnswer *answer, int64 total, int has_next, const char *text)
{
	static WindowRecord rows[MAX_ROWS];

	answer->total = total;
	answer->has_next = has_next;
	answer->nrecords = read_rows(text, rows);
	answer->records = rows;
}

static int
read_rows(const char *text, WindowRecord *rows)
{
	int			n = 0;

	while (*text != '\0')
	{
		WindowRecord *row = &rows[n++];
		bool		dated = *text != '?';
		int			second = dated ? strtol(text, (char **) &text, 10) : (text++, 1000000);
		char		letter = *text >= 'a' && *text <= 'z' ? *text++ : 'a';

		row->key = second * 100 + letter;
		row->time = dated ? SINCE + second : NO_TIME;
		row->quarantined = !dated || *text == '!';
		text += *text == '!';
		text += *text == ' ';
	}
	return n;
}

/* 7: equal parts of whole seconds of about ten pages. */
static void
test_cuts(void)
{
	static const Rule cut = {.may_cut = true};
	static const struct
	{
		int64		total;
		int			span;
		int			parts;
		const char *rows;
	}			cases[] = {
		{101, 100, 2, "6 5 4 3 2 1 1b 1c 1d 1e"},
		{201, 100, 3, "6 5 4 3 2 1 1b 1c 1d 1e"},
		{1000, 100, 10, "6 5 4 3 2 1 1b 1c 1d 1e"},
		{1000, 7, 7, "6 5 4 3 2 1 1b 1c 1d 1e"},
		{1000000, 86400, 1000, TEN("86399")},
		/* what the newest page does not make likely is not cut into so many */
		{1000000, 86400, 20, "6 5 4 3 2 1 1b 1c 1d 1e"},
		{PG_INT64_MAX, 86400, 20, "6 5 4 3 2 1 1b 1c 1d 1e"}
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		WindowPlan	plan;
		Window	   *window;
		WindowAnswer answer;
		const int64 *cuts;
		int			n;
		bool		even = true;

		plan_of(&cut, &plan);
		plan.until = SINCE + cases[i].span;
		window = window_open(&plan, NULL);
		answer_with(&answer, cases[i].total, -1, cases[i].rows);
		even &= window_take(window, &answer) == WINDOW_CUT;
		n = window_cuts(window, &cuts);
		even &= n == cases[i].parts && cuts[0] == plan.since && cuts[n] == plan.until;
		for (int k = 0; k < n && even; k++)
			even &= cuts[k + 1] - cuts[k] >= cases[i].span / n && cuts[k + 1] - cuts[k] <= cases[i].span / n + 1;
		tap_ok(even, "7: " INT64_FORMAT " records in %d seconds make %d equal parts",
			   cases[i].total, cases[i].span, cases[i].parts);
	}
}

/* Smaller pages, but not while a second is read by page number. */
static void
test_shrink(void)
{
	static const Rule plain = {.span = 0};
	WindowPlan	plan;
	Window	   *window;
	PageAsk	ask;
	WindowAnswer answer;

	plan_of(&plain, &plan);
	window = window_open(&plan, NULL);
	tap_ok(window_shrink(window), "pages can be halved");
	window_ask(window, &ask);
	tap_ok(ask.page_size == 5, "and are asked for so");
	tap_ok(window_shrink(window) && window_shrink(window) && !window_shrink(window), "down to one record");

	window = window_open(&plan, NULL);
	answer_with(&answer, 40, -1, TEN("99"));
	(void) window_take(window, &answer);
	window_ask(window, &ask);
	tap_ok(ask.start == SINCE + 99 && !window_shrink(window), "3: the page size stays while a second is read by number");

	plan.fixed_pages = true;
	window = window_open(&plan, NULL);
	tap_ok(!window_shrink(window), "pages of a size that cannot be asked for are not halved");
	answer_with(&answer, 30, -1, TEN("100"));
	(void) window_take(window, &answer);
	window_ask(window, &ask);
	tap_ok(ask.start == SINCE + 100 && ask.page_size == 10, "2: nor is one record alone asked for by a probe");
	answer_with(&answer, 28, -1, TEN("100"));
	tap_ok(window_take(window, &answer) == MORE, "2: its answer may be a page");
}

/* 6: a text that is no walk of this plan begins anew. */
static void
test_saved(void)
{
	static const Rule plain = {.span = 0};
#define SAVED(phase, end, part, top, asks) \
	"{\"walk\": \"" phase "\", \"since\": 1767196800, \"until\": 1767196900, \"end\": " end ", \"back_to\": 5, \"parts\": 1, \"incomplete\": 0," \
	" \"total_disproved\": 0, \"doubts\": 0, \"pass\": 1, \"calls\": 1, \"most\": 3, \"outside\": 0, \"asked_again\": 0, \"total\": 3, \"top\": " top "," \
	" \"reported\": 0, \"seen\": 3, \"quarantined\": 0, \"at_until\": 0, \"part\": " part ", \"asks\": " asks ", \"untimed\": 0}"
	static const char *const texts[] = {
		"", "nonsense", "{}", "[]", "null", "{\"walk\": \"down\"}", "{\"walk\": \"ids\", \"done\": 3}",
		SAVED("ended", "0", "1767196800", "1767196850", "0"),
		SAVED("far too long for a phase", "0", "1767196800", "1767196850", "0"),
		SAVED("part", "0", "1767196800", "1767199999", "0"),	/* its top is behind the window */
		SAVED("part", "7", "1767196800", "1767196850", "0"),	/* an end that is none */
		SAVED("part", "0", "1767196850", "1767196850", "0"),	/* an empty part */
		SAVED("part", "0", "1767196800", "\"x\"", "0"),
		SAVED("part", "0", "1767196800", "1767196850", "99999999999"),
		SAVED("part", "0", "1767196800", "1767196850", "0") "}",
		"1 part [1767196800, 1767196900) end 0 parts 1 incomplete 0 total_disproved 0 doubts 0 pass 1 calls 1 most 3 total 3 top 1767196850"
		" reported 0 seen 3 quarantined 0 at_until 0 part 1767196800 asks 0 untimed 0",	/* of an older version */
	};
	WindowPlan	plan;
	PageAsk	ask;
	WindowAnswer answer;
	Window	   *window;
	char	   *saved;

	plan_of(&plain, &plan);
	for (int i = 0; i < lengthof(texts); i++)
	{
		window_ask(window_open(&plan, texts[i]), &ask);
		tap_ok(ask.end == plan.until && !ask.use_has_next && ask.page_no == 1, "6: \"%.24s\" begins anew", texts[i]);
	}
	window_ask(window_open(&plan, SAVED("part", "0", "1767196800", "1767196850", "0")), &ask);
	tap_ok(ask.end == SINCE + 50, "6: and one that is goes on");
#undef SAVED

	window = window_open(&plan, NULL);
	answer_with(&answer, 14, -1, "99 98 97 96 95 94 93 92 91 90");
	(void) window_take(window, &answer);
	saved = window_save(window);
	window_ask(window_open(&plan, saved), &ask);
	tap_ok(ask.end == SINCE + 91 && ask.use_has_next, "6: a walk goes on below the last second that is counted");
	tap_ok(strlen(saved) < 400, "6: its text is short: %s", saved);
	plan.until -= 1;
	window_ask(window_open(&plan, saved), &ask);
	tap_ok(ask.end == plan.until && !ask.use_has_next, "6: another window's walk begins anew");
	free(saved);
}

/* 3: thirty rounds, then the full second is given up and what is below it is read. */
static void
test_given_up(void)
{
	static const Rule plain = {.span = 0};
	WindowPlan	plan;
	Window	   *window;
	PageAsk	ask;
	WindowAnswer answer;
	WindowStep	step;
	int			pages[3] = {0, 0, 0};
	int			calls = 0;

	plan_of(&plain, &plan);
	window = window_open(&plan, NULL);
	answer_with(&answer, 14, -1, TEN("60"));
	step = window_take(window, &answer);
	for (;;)
	{
		window_ask(window, &ask);
		if (step != MORE || ask.start == SINCE || ask.page_size == 1)
			break;
		answer_with(&answer, 17, -1, ask.page_no == 1 ? TEN("60") : "60k 60l 60m 60n 60o 60p");
		pages[Min(ask.page_no, 2)]++;
		step = window_take(window, &answer);
		calls++;
	}
	tap_ok(step == MORE && calls == 60 && pages[1] == 30 && pages[2] == 30,
		   "3: thirty rounds through two pages that show sixteen of seventeen (%d calls)", calls);
	answer_with(&answer, 0, -1, "");
	step = window_take(window, &answer);
	window_ask(window, &ask);
	tap_ok(step == MORE && ask.start == SINCE && ask.end == SINCE + 60, "3: then what is below is read");
	answer_with(&answer, -1, 0, "5");
	tap_ok(window_take(window, &answer) == SHORT, "3: and the window is short");
}
