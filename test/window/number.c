/*
 * number.c
 *	  A window read by page number, first to last, as most programs read such
 *	  lists: it loses records.
 *
 * The simulation walks it through the same worlds as the product's walk; its
 * checks must object, or they could object to nothing.
 *
 * Pages are asked for until one says that it is the last; then the window
 * counts as whole, for nobody compares.  A record that leaves a page moves the
 * first of the next page into this one, where it is not asked for again; and
 * where a second takes more than a page, in an order that differs between
 * calls, one page repeats what another has shown instead of showing the rest.
 */
#include "compat.h"

#include "number.h"
#include "window_saved.h"

static int	list_numbers(int64 *page, NumberWalk *walk, SavedNumber *numbers);
static bool goes_on(const Response *p);

/* What of it is saved; returns how many numbers. */
static int
list_numbers(int64 *page, NumberWalk *walk, SavedNumber *numbers)
{
	numbers[0] = (SavedNumber) {"page", page};
	numbers[1] = (SavedNumber) {"seen", &walk->seen};
	numbers[2] = (SavedNumber) {"quarantined", &walk->quarantined};
	return 3;
}

void
number_open(NumberWalk *walk, const char *saved)
{
	char		kind[SAVED_KIND_SIZE];
	SavedNumber numbers[SAVED_MAX_NUMBERS];
	int64		page;

	memset(walk, 0, sizeof(*walk));
	if (!saved_read(saved, kind, numbers, list_numbers(&page, walk, numbers)) ||
		strcmp(kind, "number") != 0 || page < 1 || page > PG_INT32_MAX)
	{
		page = 1;
		walk->seen = walk->quarantined = 0;
	}
	walk->page = (int) page;
}

char *
number_save(const NumberWalk *walk)
{
	NumberWalk	copy = *walk;
	SavedNumber numbers[SAVED_MAX_NUMBERS];
	int64		page = walk->page;

	return saved_write("number", numbers, list_numbers(&page, &copy, numbers));
}

void
number_ask(const NumberWalk *walk, const WindowPlan *plan, PageAsk *ask)
{
	ask->start = plan->since;
	ask->end = plan->until;
	ask->page_no = walk->page;
	ask->page_size = plan->page_size;
	ask->use_has_next = true;
}

/* One page; the last one makes the window whole, whatever was on the others. */
WindowStep
number_take(NumberWalk *walk, const WindowPlan *plan, const Response *p)
{
	for (int i = 0; i < p->n; i++)
	{
		if (p->records[i].time == plan->until)
			continue;
		walk->seen++;
		walk->quarantined += p->records[i].quarantined;
	}
	if (goes_on(p))
	{
		walk->page++;
		return WINDOW_MORE;
	}
	if (plan->fresh)
		return WINDOW_FRESH;
	return plan->totals ? WINDOW_COUNTED : WINDOW_UNPROVEN;
}

/* By has_next; lists that do not send it tell by their total, or by being full. */
static bool
goes_on(const Response *p)
{
	if (p->has_next >= 0)
		return p->has_next == 1;
	if (p->total >= 0)
		return p->total > (int64) p->ask.page_no * p->ask.page_size;
	return response_is_full(p);
}

void
number_counts(const NumberWalk *walk, const WindowPlan *plan, WindowCounts *counts)
{
	counts->passes = 1;
	counts->seen = walk->seen;
	counts->quarantined = walk->quarantined;
	counts->reported = plan->totals ? walk->seen : -1;
}
