/*
 * world.c
 *	  A platform made of a seed: records that leave, arrive late, come twice,
 *	  are withheld or carry no time, and the list that serves them, which may
 *	  list what was not asked for.
 *
 * All is a function of the seed and of the calls made, so that a failing seed
 * can be replayed.  Records stand newest first; those that have left stay in
 * the array as gone, for the checks at the end.
 */
#include "compat.h"

#include "world.h"

static void choose_list(World *w);
static void choose_lie(World *w);
static void choose_outside_mode(World *w);
static int64 lie_about(World *w, int64 total, int page_size);
static void choose_drift(World *w);
static void choose_walk(World *w);
static void make_records(World *w);
static int	choose_count(World *w);
static int64 choose_time(World *w, int kind, const int64 *bursts, int nbursts);
static WorldRecord *add_record(World *w, int64 time);
static void settle_facts(World *w);
static void drift(World *w);
static int	events(World *w, double rate);
static WorldRecord *pick(World *w, int where);
static int64 newer_time(World *w, const WorldRecord *record);
static int	one_outside(World *w, const PageAsk *ask);
static int	add_outside(World *w, const PageAsk *ask, int n, int64 *total);
static int	add_fixed(World *w, const PageAsk *ask, int sent, int64 *total);
static void send_row(World *w, int row);
static bool listed(const World *w, const WorldRecord *record, int64 start, int64 end);
static void scatter(World *w, int *positions, int n);
static int	compare_records(const void *a, const void *b);

uint64
random_next(uint64 *state)
{
	uint64		z = (*state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

int64
random_below(uint64 *state, int64 n)
{
	return (int64) (random_next(state) % (uint64) n);
}

double
random_unit(uint64 *state)
{
	return (double) (random_next(state) >> 11) / 9007199254740992.0;
}

bool
random_chance(uint64 *state, double p)
{
	return random_unit(state) < p;
}

/* The world of a seed, as it stands before the first call. */
void
world_make(World *w, uint64 seed, WorldKind kind)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->random = seed * UINT64CONST(0x2545F4914F6CDD1D) + 1;
	w->chance = ~w->random;
	(void) random_next(&w->random);
	choose_list(w);
	choose_walk(w);
	make_records(w);
	choose_drift(w);
	if (kind == WORLD_LYING)
		choose_lie(w);
	if (kind == WORLD_OUTSIDE)
		choose_outside_mode(w);
	settle_facts(w);
}

/* All that is counted is listed: what is not seen was lost. */
static void
choose_lie(World *w)
{
	w->lie = LIE_NONE + 1 + w->seed / 3 % (NLIES - 1);
	w->lie_call = 1 + random_below(&w->random, 6);
	w->totals = w->plan.totals = true;
	for (int i = 0; i < w->n; i++)
		w->records[i].withheld = false;
}

/* There are neighbours near and far, and now and then something is withheld beside those from outside. */
static void
choose_outside_mode(World *w)
{
	uint64	   *r = &w->random;
	int			far = 4 + random_below(r, 40);
	double		moved = random_chance(r, 0.5) ? 0.02 : random_unit(r);

	w->outside_mode = OUTSIDE_NONE + 1 + w->seed / 3 % (NOUTSIDE_MODES - 1);
	w->outside_counted = random_chance(r, 0.5);
	w->outside_call = 1 + random_below(r, 2);
	w->outside_place = random_below(r, 3);
	for (int i = 0; i < w->n; i++)
	{
		WorldRecord *record = &w->records[i];

		if (w->outside_mode == OUTSIDE_MOVED && random_chance(r, moved))
			record->moved = 1 + random_below(r, random_chance(r, 0.3) ? 60 : 2 * (w->until - w->since) + 60);
		if (random_chance(r, w->outside_mode == OUTSIDE_INSTEAD ? 0.05 : 0.002))
			record->withheld = true;
		/* what has no time is taken to be in any range */
		if (w->outside_mode >= OUTSIDE_ONLY)
			record->untimed = false;
	}
	for (int i = 0; i < far; i++)
	{
		int64		distance = 1 + random_below(r, random_chance(r, 0.5) ? 3600 : 86400 * 60);

		(void) add_record(w, random_chance(r, 0.5) ? w->since - distance : w->until + distance);
	}
	w->fixed = w->records[w->n - 1 - random_below(r, far)].id;
	qsort(w->records, w->n, sizeof(WorldRecord), compare_records);
}

void
world_begin_walk(World *w)
{
	w->walk++;
	w->shown = 0;
}

void
world_free(World *w)
{
	free(w->records);
	free(w->sent);
	free(w->positions);
}

static void
choose_list(World *w)
{
	static const int spans[] = {1, 2, 10, 600, 3600, 86400, 86400, 86400};
	uint64	   *r = &w->random;

	w->since = 1767196800 + random_below(r, 86400 * 30);
	w->until = w->since + spans[random_below(r, lengthof(spans))];
	w->inclusive = random_chance(r, 0.5);
	w->shuffled = random_chance(r, 0.5);
	w->order = random_chance(r, 0.78) ? ORDER_SORTED :
		random_chance(r, 0.5) ? ORDER_MIXED : ORDER_RANDOM;
	w->totals = random_chance(r, 0.92);
	w->saying = random_chance(r, 0.8) ? SAYS_HAS_NEXT :
		random_chance(r, 0.5) && w->totals ? SAYS_TOTAL : SAYS_NOTHING;
}

static void
choose_walk(World *w)
{
	uint64	   *r = &w->random;

	w->plan.since = w->since;
	w->plan.until = w->until;
	w->plan.page_size = random_chance(r, 0.3) ? 100 :
		random_chance(r, 0.15) ? 1 + random_below(r, 5) : 1 + random_below(r, 100);
	/* a list may be better or worse than its documents say */
	w->plan.sorted = random_chance(r, 0.08) ? w->order != ORDER_SORTED : w->order == ORDER_SORTED;
	w->plan.totals = w->totals;
	w->plan.moves = w->seed % 5 != 0;
	w->plan.fresh = random_chance(r, 0.08);
	w->plan.may_cut = random_chance(r, 0.5);
	w->crash_rate = random_chance(r, 0.3) ? random_unit(r) * 0.5 : 0;
	w->crashes = 1 + random_below(r, 30);
	w->shrink_rate = random_chance(r, 0.1) ? 0.03 : 0;
	w->garble_rate = random_chance(r, 0.15) ? 0.05 : 0;
}

/* Half of the worlds are quiet. */
static void
choose_drift(World *w)
{
	uint64	   *r = &w->random;

	if (random_chance(r, 0.4))
	{
		double		rates[] = {0.2, 1, 1, 2, 5, w->plan.page_size / 2.0, w->plan.page_size};

		w->leave_rate = rates[random_below(r, lengthof(rates))];
		w->leave_calls = random_chance(r, 0.5) ? 1 + random_below(r, 40) : PG_INT32_MAX;
		w->leave_where = random_below(r, 4);
	}
	if (random_chance(r, 0.15))
	{
		w->arrive_rate = 0.02 + random_unit(r) * 0.5;
		w->arrive_in_full_second = random_chance(r, 0.3);
	}
	if (random_chance(r, 0.08))
		w->move_rate = random_unit(r);
	w->arrive_most = 1 + random_below(r, 100);
	w->drifts = w->leave_rate > 0 || w->arrive_rate > 0 || w->move_rate > 0;
}

static void
make_records(World *w)
{
	uint64	   *r = &w->random;
	int			n = choose_count(w);
	int			kind = random_below(r, 5);
	int64		bursts[8] = {0};
	int			nbursts = 1 + random_below(r, lengthof(bursts));
	double		untimed = random_chance(r, 0.1) ? random_unit(r) * 0.1 : 0;
	double		twice = random_chance(r, 0.12) ? random_unit(r) * 0.1 : 0;
	int			withheld = n > 0 && random_chance(r, 0.12) ? 1 + random_below(r, 3) : 0;
	int			outside;

	if (random_chance(r, 0.005))
		untimed = 1;
	for (int i = 0; i < nbursts; i++)
		bursts[i] = random_chance(r, 0.1) ? w->since :
			random_chance(r, 0.1) ? w->until - 1 :
			w->since + random_below(r, w->until - w->since);
	for (int i = 0; i < n; i++)
	{
		WorldRecord *record = add_record(w, choose_time(w, kind, bursts, nbursts));

		record->untimed = random_chance(r, untimed);
		record->quarantined = record->untimed || random_chance(r, 0.03);
		record->twice = random_chance(r, twice);
	}
	for (int i = 0; i < withheld; i++)
		w->records[random_below(r, n)].withheld = true;

	/* neighbours: before the window, at the second of its end, after it */
	outside = random_below(r, 30);
	for (int i = 0; i < outside; i++)
		(void) add_record(w, random_chance(r, 0.5) ? w->since - 1 - random_below(r, 100) :
						  w->until + random_below(r, 100));
	outside = random_chance(r, 0.3) ? random_below(r, 3 * w->plan.page_size) : random_below(r, 3);
	for (int i = 0; i < outside; i++)
		(void) add_record(w, w->until);
	qsort(w->records, w->n, sizeof(WorldRecord), compare_records);
}

/* 0 to 3,000 records, and rarely very many pages. */
static int
choose_count(World *w)
{
	uint64	   *r = &w->random;
	int64		page = w->plan.page_size;
	int64		most;

	if (random_chance(r, 0.05))
		return 0;
	if (random_chance(r, 0.2))
		most = page;
	else if (random_chance(r, 0.5))
		most = page * 4;
	else
		most = random_chance(r, 0.95) ? page * 25 : page * 100;
	return 1 + random_below(r, Min(most, 3000));
}

/* Even over the window; bursts; full seconds in single seconds; all in one second. */
static int64
choose_time(World *w, int kind, const int64 *bursts, int nbursts)
{
	uint64	   *r = &w->random;
	int64		even = w->since + random_below(r, w->until - w->since);
	int64		burst = bursts[random_below(r, nbursts)];

	switch (kind)
	{
		case 0:
		case 1:
			return even;
		case 2:
			burst += random_below(r, 60);
			return burst < w->until ? burst : even;
		case 3:
			return random_chance(r, 0.7) ? bursts[0] : random_chance(r, 0.5) ? burst : even;
		default:
			return random_chance(r, 0.3) ? burst : even;
	}
}

static WorldRecord *
add_record(World *w, int64 time)
{
	WorldRecord *record;

	if (w->n == w->room)
	{
		w->room = Max(w->room * 2, 64);
		w->records = pg_realloc(w->records, sizeof(WorldRecord) * w->room);
	}
	record = &w->records[w->n++];
	memset(record, 0, sizeof(*record));
	record->id = ++w->next_id;
	record->time = time;
	record->rank = random_next(&w->random);
	record->stays = true;
	return record;
}

/* What the checks at the end need to know of the beginning. */
static void
settle_facts(World *w)
{
	int			same = 0;

	for (int i = 0; i < w->n; i++)
	{
		WorldRecord *record = &w->records[i];

		if (!world_in_window(w, record))
			continue;
		w->stay++;
		w->withheld += record->withheld;
		w->untimed += record->untimed;
		same = i > 0 && w->records[i - 1].time == record->time ? same + 1 : 1;
		if (same > w->second_size)
		{
			w->second_size = same;
			w->full_second = record->time;
		}
	}
}

int
world_in_window(const World *w, const WorldRecord *record)
{
	return record->time >= w->since && record->time < w->until;
}

/* The world moves, then answers. */
void
world_answer(World *w, const PageAsk *ask, WindowAnswer *answer)
{
	int64		first = (int64) (ask->page_no - 1) * ask->page_size;
	bool		says_total = w->totals && (!ask->use_has_next || w->saying == SAYS_TOTAL);
	int			n = 0;
	int64		total = 0;
	int			sent = 0;
	bool		more;

	w->calls++;
	drift(w);
	if (2 * w->n + 1 > w->sent_room)
	{
		w->sent_room = 4 * w->n + 64;
		w->positions = pg_realloc(w->positions, sizeof(int) * w->sent_room);
		w->sent = pg_realloc(w->sent, sizeof(WindowRecord) * w->sent_room);
	}
	for (int i = 0; i < w->n; i++)
	{
		const WorldRecord *record = &w->records[i];

		if (!listed(w, record, ask->start, ask->end))
			continue;
		total++;
		if (record->withheld)
			continue;
		w->positions[n++] = i;
		if (record->twice)
			w->positions[n++] = i;
	}
	scatter(w, w->positions, n);
	n = add_outside(w, ask, n, &total);
	for (int64 i = first; i < n && sent < ask->page_size; i++)
		w->positions[sent++] = w->positions[i];
	more = first + sent < n;
	sent = add_fixed(w, ask, sent, &total);
	w->outside_sent = 0;
	for (int i = 0; i < sent; i++)
	{
		send_row(w, i);
		w->outside_sent += w->sent[i].time != NO_TIME && (w->sent[i].time < ask->start || w->sent[i].time > ask->end);
	}
	answer->total = says_total ? lie_about(w, total, ask->page_size) : -1;
	answer->has_next = ask->use_has_next && w->saying == SAYS_HAS_NEXT ? more : -1;
	answer->nrecords = sent;
	answer->records = w->sent;
}

/* The row as the record at its position looks. */
static void
send_row(World *w, int row)
{
	const WorldRecord *record = &w->records[w->positions[row]];

	w->sent[row].key = record->id;
	w->sent[row].time = record->untimed ? NO_TIME : record->time + record->moved;
	w->sent[row].quarantined = record->quarantined;
}

/* The position of a record that was not asked for; -1: none was found. */
static int
one_outside(World *w, const PageAsk *ask)
{
	for (int tries = 0; tries < 50; tries++)
	{
		int			i = random_below(&w->random, w->n);
		const WorldRecord *record = &w->records[i];

		if (!record->untimed && !record->gone && !record->withheld &&
			(record->time < ask->start || record->time > ask->end))
			return i;
	}
	return -1;
}

/* In the list, where they take the place of others on its pages; returns how long it is. */
static int
add_outside(World *w, const PageAsk *ask, int n, int64 *total)
{
	int			come = 0;

	if (w->outside_mode == OUTSIDE_ANY)
		come = random_chance(&w->random, 0.3) ? 1 + random_below(&w->random, 4) : 0;
	else if (w->outside_mode == OUTSIDE_ONCE)
		come = w->calls == w->outside_call ? 1 + random_below(&w->random, 4) : 0;
	else if (w->outside_mode == OUTSIDE_INSTEAD)
	{
		for (int i = 0; i < w->n; i++)
			come += w->records[i].withheld && listed(w, &w->records[i], ask->start, ask->end);
	}
	for (int i = 0; i < come; i++)
	{
		int			one = one_outside(w, ask);
		int			place = random_below(&w->random, n + 1);

		if (one < 0)
			break;
		memmove(w->positions + place + 1, w->positions + place, sizeof(int) * (n - place));
		w->positions[place] = one;
		n++;
		*total += w->outside_counted && w->outside_mode != OUTSIDE_INSTEAD;
	}
	return n;
}

/* On the page, beyond its size if need be. */
static int
add_fixed(World *w, const PageAsk *ask, int sent, int64 *total)
{
	int			place = w->outside_place == 0 ? 0 : w->outside_place == 1 ? sent : random_below(&w->random, sent + 1);

	if (w->outside_mode != OUTSIDE_FIXED)
		return sent;
	for (int i = 0; i < w->n; i++)
	{
		if (w->records[i].id != w->fixed)
			continue;
		memmove(w->positions + place + 1, w->positions + place, sizeof(int) * (sent - place));
		w->positions[place] = i;
	}
	*total += w->outside_counted;
	return sent + 1;
}

/* What an answer says of so many records. */
static int64
lie_about(World *w, int64 total, int page_size)
{
	int64		said = total;

	switch (w->lie)
	{
		case LIE_NONE:
		case NLIES:
			break;
		case LIE_LESS:
			said = Max(total - 1, 0);
			break;
		case LIE_MORE:
			said = total + 1;
			break;
		case LIE_HALF:
			said = total / 2;
			break;
		case LIE_DOUBLE:
			said = total * 2;
			break;
		case LIE_PAGE_LESS:
			said = Max(total - page_size, 0);
			break;
		case LIE_PAGE_MORE:
			said = total + page_size;
			break;
		case LIE_NOTHING:
			said = 0;
			break;
		case LIE_ONE_PAGE:
			said = w->plan.page_size;
			break;
		case LIE_HUGE:
			said = 999999999;
			break;
		case LIE_INT32:
			said = (int64) PG_INT32_MAX - 1 + w->calls % 3;
			break;
		case LIE_INT64:
			said = PG_INT64_MAX - w->calls % 2;
			break;
		case LIE_RANDOM:
			said = random_below(&w->random, 2 * total + 3);
			break;
		case LIE_WILD:
			said = (int64) (random_next(&w->random) >> (1 + random_below(&w->random, 62)));
			break;
		case LIE_ONCE:
			said = w->calls == w->lie_call ? 999999999 : total;
			break;
	}
	w->lies += said != total;
	return said;
}

static bool
listed(const World *w, const WorldRecord *record, int64 start, int64 end)
{
	bool		after = record->time >= start;
	bool		before = record->time < end || (w->inclusive && record->time == end);

	switch (w->outside_mode)
	{
		case OUTSIDE_ONLY:
			return !record->gone && !(after && record->time <= end);
		case OUTSIDE_NO_START:
			return !record->gone && before;
		case OUTSIDE_NO_END:
			return !record->gone && after;
		default:
			return !record->gone && after && before;
	}
}

/* The order in which a list stands when it is read. */
static void
scatter(World *w, int *positions, int n)
{
	uint64		fixed = w->seed + 1;
	uint64	   *r = w->order == ORDER_MIXED ? &fixed : &w->random;

	if (w->order != ORDER_SORTED)
	{
		for (int i = n - 1; i > 0; i--)
		{
			int			j = random_below(r, i + 1);
			int			swap = positions[i];

			positions[i] = positions[j];
			positions[j] = swap;
		}
		return;
	}
	for (int i = 0, end; w->shuffled && i < n; i = end)
	{
		end = i + 1;
		while (end < n && w->records[positions[end]].time == w->records[positions[i]].time)
			end++;
		for (int k = end - 1; k > i; k--)
		{
			int			j = i + random_below(r, k - i + 1);
			int			swap = positions[k];

			positions[k] = positions[j];
			positions[j] = swap;
		}
	}
}

/* Between two calls. */
static void
drift(World *w)
{
	WorldRecord *record;
	WorldRecord moved;

	if (w->calls <= w->leave_calls)
	{
		for (int i = events(w, w->leave_rate); i > 0; i--)
		{
			if ((record = pick(w, w->leave_where)) == NULL)
				break;
			record->gone = true;
			record->stays = false;
			w->left++;
		}
	}
	for (int i = events(w, w->arrive_rate); i > 0 && w->arrived < w->arrive_most; i--)
	{
		record = add_record(w, w->arrive_in_full_second && w->second_size > 0 ? w->full_second :
							w->since + random_below(&w->random, w->until - w->since));
		record->stays = false;
		w->arrived++;
		qsort(w->records, w->n, sizeof(WorldRecord), compare_records);
	}
	for (int i = events(w, w->move_rate); i > 0 && w->arrived < w->arrive_most; i--)
	{
		if ((record = pick(w, 0)) == NULL)
			break;
		moved = *record;
		record->gone = true;
		record->stays = false;
		w->left++;
		record = add_record(w, newer_time(w, &moved));
		record->id = moved.id;
		record->stays = false;
		w->moved++;
		w->arrived++;
		qsort(w->records, w->n, sizeof(WorldRecord), compare_records);
	}
}

/* How many of something that happens so often a call. */
static int
events(World *w, double rate)
{
	int			n = (int) rate;

	return n + (random_chance(&w->random, rate - n) ? 1 : 0);
}

/* One that is still there, in the window and not withheld; NULL: none was found. */
static WorldRecord *
pick(World *w, int where)
{
	for (int tries = 0; tries < 50 && w->n > 0; tries++)
	{
		int			i = random_below(&w->random, w->n);
		WorldRecord *record;

		if (where == 2)
			i = i * (random_unit(&w->random) * 0.2);
		else if (where == 3)
			i = w->n - 1 - i * (random_unit(&w->random) * 0.2);
		record = &w->records[i];
		if (record->gone || record->withheld || !world_in_window(w, record))
			continue;
		if (where == 1 && record->time != w->full_second && tries < 49)
			continue;
		return record;
	}
	return NULL;
}

static int64
newer_time(World *w, const WorldRecord *record)
{
	int64		room = w->until - record->time;

	return record->time + random_below(&w->random, room);
}

/* The caller has stored the rows of the last answer. */
void
world_settled(World *w, const WindowAnswer *answer)
{
	for (int i = 0; i < answer->nrecords; i++)
	{
		WorldRecord *record = &w->records[w->positions[i]];

		record->received = true;
		w->shown += record->walk != w->walk;
		record->walk = w->walk;
	}
}

/* Newest first; within a second by rank. */
static int
compare_records(const void *a, const void *b)
{
	const WorldRecord *x = a;
	const WorldRecord *y = b;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}
