/*
 * window_state.c
 *	  A walk through a window is saved, read and copied.
 *
 * What is saved is enough to go on at the last settled page: numbers only.  Ids
 * are in memory, see window.c.
 */
#include "compat.h"

#include "window_saved.h"
#include "window_state.h"

static const char *const phase_names[] = {
	"first", "down", "part", "second", "probe", "ended"
};

/* What of a walk is saved, beside its phase. */
typedef struct SavedWindow
{
	int64		since;
	int64		until;
	int64		end;
	int64		back_to;
	int64		by_parts;
	int64		incomplete;
	int64		total_disproved;	/* 2: suspected */
	int64		doubts;
	int64		pass;
	int64		calls;
	int64		most;
	int64		outside;
	int64		asked_again;
	int64		total;
	int64		top;
	int64		reported;
	int64		seen;
	int64		quarantined;
	int64		at_until;
	int64		part;
	int64		asks;
	int64		untimed;		/* how many there were */
} SavedWindow;

static int	list_numbers(SavedWindow *s, SavedNumber *numbers);
static void restore(Window *w, Phase phase, const SavedWindow *s);

/* Step 6: the walk as text, for window_open(). */
char *
window_save(const Window *w)
{
	SavedNumber numbers[SAVED_MAX_NUMBERS];
	SavedWindow s = {
		.since = w->plan.since, .until = w->plan.until, .end = w->end, .back_to = w->back_to,
		.by_parts = w->by_parts, .incomplete = w->incomplete,
		.total_disproved = w->total_disproved ? 1 : w->suspected ? 2 : 0, .doubts = w->doubts,
		.pass = w->pass, .calls = w->calls, .most = w->most,
		.outside = w->outside, .asked_again = w->asked_again, .total = w->total,
		.top = w->top, .reported = w->reported, .seen = w->seen,
		.quarantined = w->quarantined, .at_until = w->at_until, .part = w->part,
		.asks = w->asks, .untimed = w->untimed.n
	};

	/* what is read anew after an interruption does not count twice */
	if (w->phase == PHASE_SECOND)
	{
		s.calls = w->calls_before;
		s.most = w->most_before;
	}
	else if (w->untimed.n > 0 && !w->by_parts)
		s.calls = w->calls_pass;
	return saved_write(phase_names[w->phase], numbers, list_numbers(&s, numbers));
}

Window *
window_copy(const Window *w)
{
	Window	   *copy = palloc(sizeof(Window));

	*copy = *w;
	keys_own(&copy->full_second.ids);
	keys_own(&copy->full_second.shown);
	keys_own(&copy->full_second.outside_ids);
	keys_own(&copy->outside_ids);
	keys_own(&copy->untimed);
	copy->cuts = palloc(sizeof(int64) * (w->ncuts + 1));
	if (w->ncuts > 0)
		memcpy(copy->cuts, w->cuts, sizeof(int64) * (w->ncuts + 1));
	return copy;
}

/* Its numbers, by name; returns how many. */
static int
list_numbers(SavedWindow *s, SavedNumber *numbers)
{
	const SavedNumber all[] = {
		{"since", &s->since}, {"until", &s->until}, {"end", &s->end},
		{"back_to", &s->back_to}, {"parts", &s->by_parts}, {"incomplete", &s->incomplete},
		{"total_disproved", &s->total_disproved}, {"doubts", &s->doubts}, {"pass", &s->pass},
		{"calls", &s->calls}, {"most", &s->most}, {"outside", &s->outside}, {"asked_again", &s->asked_again}, {"total", &s->total}, {"top", &s->top},
		{"reported", &s->reported}, {"seen", &s->seen}, {"quarantined", &s->quarantined},
		{"at_until", &s->at_until}, {"part", &s->part}, {"asks", &s->asks},
		{"untimed", &s->untimed}
	};

	StaticAssertStmt(lengthof(all) <= SAVED_MAX_NUMBERS, "too many numbers of a walk");
	memcpy(numbers, all, sizeof(all));
	return lengthof(all);
}

/* See window_state.h. */
bool
state_read(Window *w, const char *saved, bool *untimed)
{
	const WindowPlan *plan = &w->plan;
	char		phase[SAVED_KIND_SIZE];
	SavedWindow s;
	SavedNumber numbers[SAVED_MAX_NUMBERS];
	int			i;

	if (!saved_read(saved, phase, numbers, list_numbers(&s, numbers)))
		return false;
	for (i = 0; i < PHASE_ENDED; i++)
	{
		if (strcmp(phase, phase_names[i]) == 0)
			break;
	}
	if (i == PHASE_ENDED || s.since != plan->since || s.until != plan->until ||
		s.end < END_UNKNOWN || s.end > END_EXCLUSIVE || s.back_to < PHASE_FIRST || s.back_to > PHASE_ENDED || s.back_to == PHASE_PROBE || s.pass < 1 || s.pass > PG_INT32_MAX ||
		s.calls < 0 || s.calls > PG_INT32_MAX || s.most < 0 || s.outside < 0 ||
		s.doubts < 0 || s.doubts > PG_INT32_MAX || s.asks < 0 || s.asks > PG_INT32_MAX ||
		s.top <= s.since || s.top > s.until || s.part < s.since ||
		((i == PHASE_PART || s.back_to == PHASE_PART) && (s.by_parts == 0 || s.part >= s.top)) ||
		s.total < -1 || (plan->totals && s.total < 0 && i != PHASE_FIRST))
		return false;
	restore(w, (Phase) i, &s);
	*untimed = s.untimed > 0;
	return true;
}

static void
restore(Window *w, Phase phase, const SavedWindow *s)
{
	w->phase = phase;
	w->end = (End) s->end;
	w->back_to = (Phase) s->back_to;
	w->by_parts = s->by_parts != 0;
	w->incomplete = s->incomplete != 0;
	w->total_disproved = s->total_disproved == 1;
	w->suspected = s->total_disproved == 2;
	w->doubts = (int) s->doubts;
	w->pass = (int) s->pass;
	w->calls = (int) s->calls;
	w->most = s->most;
	w->outside = s->outside;
	w->asked_again = s->asked_again != 0;
	w->total = s->total;
	w->top = s->top;
	w->reported = s->reported;
	w->seen = s->seen;
	w->quarantined = s->quarantined;
	w->at_until = s->at_until;
	w->part = s->part;
	w->asks = (int) s->asks;
	w->many_from = w->plan.since - 1;
	w->calls_pass = w->calls;
}
