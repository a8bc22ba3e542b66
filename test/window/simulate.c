/*
 * simulate.c
 *	  Drives the window room through thousands of worlds and checks what it
 *	  says of them.
 *
 * A world is a function of its seed (world.c).  The room is walked through it
 * as a worker does: a page is taken, then settled; now and then the walk is
 * interrupted before or after it settles and goes on from the last saved text,
 * is asked for smaller pages, or gets an answer that contradicts itself.  A
 * window that is cut is walked part by part.  At the end the rows that were
 * settled are held against the world.
 *
 * A seed that breaks a promise is printed; `--seed N --verbose` replays it.
 * `--by-number` walks by page number instead (number.c, a mutant): the same
 * checks must fail then, which shows that they can.  Every run of more than a
 * few worlds ends with the mutant, and with how many worlds lose records so.
 */
#include "compat.h"

#include "tap.h"
#include "walker.h"
#include "world.h"

#define DEFAULT_SEEDS	6000
#define MUTANT_SEEDS	500		/* worlds that the mutant is walked through */
#define SHOWN_SEEDS		5		/* failing seeds named for each promise */
#define MAX_MALFORMED	6		/* in a row: the task fails */

/* What is promised, whatever the world does. */
typedef enum Promise
{
	ENDS,						/* in a bounded number of calls */
	KEEPS_ALL,					/* a closed window has every record that stayed */
	KEEPS_ALL_SHORT,			/* so has a short one */
	COUNTS_HONESTLY,			/* counted: nothing that the platform counts is missing */
	SHORT_WITH_CAUSE,			/* short or failed only for a withheld record or a full second in motion */
	COUNTS_EXACTLY,				/* figures of a quiet window are the world's */
	CLOSES_QUIET,				/* a quiet window is closed */
	KNOWS_NONSENSE,				/* an answer that contradicts itself changes nothing */
	ASKS_INSIDE,				/* no call leaves the window or the page size */
	CUTS_EVENLY,				/* parts join and are equal */
	CALLS_BOUNDED,				/* by what was seen */
	LIES_COST_LITTLE,			/* and closer so, where totals are untrue */
	LIES_NEVER_COUNT,			/* a window whose totals were untrue is not counted */
	OUTSIDE_NEVER_COUNTS,		/* nor is one whose answers did not keep to their range */
	OUTSIDE_COSTS_LITTLE,		/* nor does it take many more calls than without them */
	OUTSIDE_LOSES_NOTHING,		/* it is closed where all that was counted was listed */
	ONE_PAGE_ONE_CALL,
	NPROMISES
} Promise;

static const char *const promise_names[NPROMISES] = {
	"every walk ends in a bounded number of calls",
	"a window that is closed has every record that stayed",
	"a window that is short has every record that stayed and is listed",
	"counted: nothing that the platform counts is missing",
	"short only when a record is withheld or a crowded second does not come to rest",
	"what is reported and seen of a quiet window is what it holds",
	"a quiet window is closed by its first walk",
	"an answer that contradicts itself is malformed and changes nothing",
	"no call leaves the window or asks for a larger page",
	"a window is cut once, into equal parts of whole seconds that join",
	"no walk makes more calls than the records that it sees are worth",
	"untrue totals make a walk that meets no full second little longer",
	"a window whose totals are untrue is never counted unless all of it was seen",
	"a window whose answers do not keep to their range is never counted",
	"records from outside the range cost few calls beyond those of the same list without them",
	"a window is not short for records from outside alone",
	"a quiet window that leaves room on one page costs one call"
};

/* What must have happened often enough for the promises to mean something. */
typedef enum Sight
{
	SAW_COUNTED,
	SAW_SHORT,
	SAW_FRESH,
	SAW_UNPROVEN,
	SAW_CUT,
	SAW_PARTS,
	SAW_FULL_SECOND,
	SAW_PROBE,
	SAW_SECOND_PASS,
	SAW_RESUMED,
	SAW_SHRUNK,
	SAW_NONSENSE,
	SAW_WITHHELD,
	SAW_DRIFT,
	SAW_LIES,
	SAW_DISBELIEF,
	SAW_LIES_IN_FULL_SECOND,
	SAW_OUTSIDE,
	SAW_OUTSIDE_UNPROVEN,
	SAW_OUTSIDE_BESIDE_WITHHELD,
	SAW_OUTSIDE_IN_FULL_SECOND,
	SAW_GIVEN_UP,
	SAW_FORGIVEN,
	NSIGHTS
} Sight;

static const char *const sight_names[NSIGHTS] = {
	"counted", "short", "fresh", "unproven", "cut", "by parts", "second", "probe", "second pass",
	"resumed", "shrunk", "nonsense", "withheld", "drift",
	"untrue totals", "untrue totals found out", "untrue totals in a full second",
	"records from outside", "unproven for them", "beside withheld records", "in a full second",
	"given up for them", "moved on, and as it should be at the second asking"
};

typedef struct Tally
{
	int			broken[NPROMISES];
	uint64		broken_seeds[NPROMISES][SHOWN_SEEDS];
	int			sights[NSIGHTS];
	int			worlds;
	int			walks;
	int64		calls;
	int			most_calls;
	double		nearest_bound;	/* of all walks, and of those with untrue totals */
	double		nearest_bound_lying;
	int64		sorted_calls;	/* of quiet worlds, against the fewest possible */
	int64		sorted_fewest;
	int64		parts_calls;
	int64		parts_fewest;
	int			hidden;			/* withheld behind late arrivals, see window.c */
	int			coincidences;	/* in a full second, see window.c */
	int			drifting;
	int			lost_forward;	/* drifting worlds in which paging by number lost a record */
	int			lost_backward;
	int			lost_full_second;	/* worlds with a full second in another order each time, likewise */
	int			has_full_second;
} Tally;

/* One walk through one window. */
typedef struct Walk
{
	World	   *world;
	WindowPlan	plan;
	Walker	   *walker;
	char	   *saved;			/* at the last settled page; NULL: none */
	WindowStep	step;
	bool		failed;			/* malformed for good */
	bool		runaway;
	bool		by_parts;
	bool		full_second;
	bool		gave_up;		/* a full second or a part */
	int			calls;
	int			settled;		/* of these, what no interruption has undone */
	int			settled_before; /* at the begin of what is read anew */
	int			lies;			/* totals that were not true */
	int			with_outside;		/* settled answers with records from outside their range */
	int			alone;			/* of these, without one of their range */
	int			arrived_before;	/* the pass that closed it */
	WindowCounts counts;
} Walk;

static Tally tally;
static bool verbose;
static bool by_number;
static bool quiet;				/* broken promises are counted only */

static void run_world(uint64 seed, WorldKind kind);
static int	plain_calls(uint64 seed);
static void run_walk(Walk *walk, const WindowPlan *plan, bool part);
static bool one_call(Walk *walk);
static void garble(Walk *walk, const PageAsk *ask, const WindowAnswer *answer);
static bool nonsense(World *world, const PageAsk *ask, WindowAnswer *answer);
static bool reads_anew(const char *saved);
static bool says(const char *saved, const char *member);
static bool interrupted(World *world, double share);
static void reopen(Walk *walk);
static void note_phase(Walk *walk);
static void check_ask(Walk *walk, const PageAsk *ask);
static void check_walk(Walk *walk);
static void check_calls(Walk *walk);
static void check_lies(Walk *walk);
static void check_outside(Walk *walk);
static bool may_be_given_up(const Walk *walk);
static void weigh_outside(Walk *walk);
static void check_records(Walk *walk);
static bool second_coincidence(const World *world, const WorldRecord *lost);
static void check_quiet(Walk *walk);
static void weigh_calls(const World *world, int calls);
static void check_cuts(Walk *walk, const int64 *cuts, int n);
static void count_lost_by_number(const World *world);
static bool loses_by_number(uint64 seed, bool forward);
static void page_forward(World *world);
static void page_backward(World *world);
static void try_mutant(uint64 first);
static void broken(const Walk *walk, Promise promise, const char *format,...) pg_attribute_printf(3, 4);
static const char *step_name(WindowStep step);
static void report(void);

int
main(int argc, char **argv)
{
	int64		seeds = DEFAULT_SEEDS;
	uint64		first = 1;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (strcmp(argv[i], "--by-number") == 0)
			by_number = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
		{
			first = strtoull(argv[++i], NULL, 10);
			seeds = 1;
		}
		else if (strcmp(argv[i], "--first") == 0 && i + 1 < argc)
			first = strtoull(argv[++i], NULL, 10);
		else if (argv[i][0] >= '1' && argv[i][0] <= '9')
			seeds = strtoll(argv[i], NULL, 10);
		else
		{
			fprintf(stderr, "usage: simulate [SEEDS] [--first N] [--seed N] [--verbose] [--by-number]\n");
			return 2;
		}
	}
	if (seeds > 1)
		test_rules();
	for (uint64 seed = first; seed < first + seeds; seed++)
	{
		run_world(seed, WORLD_HONEST);
		if (seed % 3 == 0 || seeds == 1)
		{
			run_world(seed, WORLD_LYING);
			run_world(seed, WORLD_OUTSIDE);
		}
	}
	report();
	if (seeds >= MUTANT_SEEDS && !by_number)
		try_mutant(first);
	return tap_done();
}

static void
run_world(uint64 seed, WorldKind kind)
{
	World		world;
	Walk		walk;

	if (kind != WORLD_HONEST && by_number)
		return;
	world_make(&world, seed, kind);
	tally.worlds += kind == WORLD_HONEST;
	tally.drifting += world.drifts && kind == WORLD_HONEST;
	tally.sights[SAW_DRIFT] += world.drifts;
	tally.sights[SAW_WITHHELD] += world.withheld > 0;
	if (verbose)
		tap_note("seed " UINT64_FORMAT ": [" INT64_FORMAT ", " INT64_FORMAT ") %d records (%d withheld, %d without time),"
				 " largest second %d at " INT64_FORMAT ", page %d%s%s%s%s, end %s, order %d%s, says %d,"
				 " leave %.2f x %d, arrive %.2f, move %.2f, lie %d, mode %d%s",
				 seed, world.since, world.until, world.stay, world.withheld, world.untimed,
				 world.second_size, world.full_second, world.plan.page_size,
				 world.plan.sorted ? ", sorted" : "", world.plan.totals ? ", totals" : "",
				 world.plan.fresh ? ", fresh" : "", world.plan.may_cut ? ", may cut" : "",
				 world.inclusive ? "inclusive" : "exclusive", world.order, world.shuffled ? " shuffled" : "",
				 world.saying, world.leave_rate, world.leave_calls, world.arrive_rate, world.move_rate, world.lie,
				 world.outside_mode, world.outside_counted ? " counted" : "");
	memset(&walk, 0, sizeof(walk));
	walk.world = &world;
	run_walk(&walk, &world.plan, false);
	if (walk.step == WINDOW_CUT)
	{
		const int64 *cuts;
		int			n = walker_cuts(walk.walker, &cuts);

		tally.sights[SAW_CUT]++;
		check_cuts(&walk, cuts, n);
		for (int i = n - 1; i >= 0; i--)
		{
			WindowPlan	plan = walk.plan;
			Walk		part;

			plan.since = cuts[i];
			plan.until = cuts[i + 1];
			plan.may_cut = false;
			memset(&part, 0, sizeof(part));
			part.world = &world;
			run_walk(&part, &plan, true);
			check_walk(&part);
		}
	}
	else
		check_walk(&walk);
	if (kind == WORLD_HONEST)
		weigh_calls(&world, world.calls);
	if (kind == WORLD_OUTSIDE)
		weigh_outside(&walk);
	if (!by_number && !verbose && kind == WORLD_HONEST)
		count_lost_by_number(&world);
	world_free(&world);
}

static void
run_walk(Walk *walk, const WindowPlan *plan, bool part)
{
	walk->plan = *plan;
	walk->lies = -walk->world->lies;
	world_begin_walk(walk->world);
	walk->walker = walker_open(by_number, plan, NULL);
	while (one_call(walk))
	{
		if (walk->calls > 1000 + 200 * (walk->world->n / walk->plan.page_size + 1))
		{
			walk->runaway = true;
			break;
		}
	}
	note_phase(walk);
	walk->lies += walk->world->lies;
	walker_counts(walk->walker, &walk->counts);
	tally.walks++;
	tally.calls += walk->calls;
	if (walk->calls > 20000)
		tap_note("seed " UINT64_FORMAT " %d calls", walk->world->seed, walk->calls);
	tally.most_calls = Max(tally.most_calls, walk->calls);
	if (verbose)
		tap_note("%s by %d calls: reported " INT64_FORMAT ", seen " INT64_FORMAT ", quarantined " INT64_FORMAT
				 ", passes %d", walk->failed ? "failed" : step_name(walk->step), walk->calls,
				 walk->counts.reported, walk->counts.seen, walk->counts.quarantined, walk->counts.passes);
}

/* Asks, takes and settles once; false when the walk has ended. */
static bool
one_call(Walk *walk)
{
	World	   *world = walk->world;
	PageAsk	ask;
	WindowAnswer answer;
	int			malformed = 0;

	note_phase(walk);
	for (;;)
	{
		walker_ask(walk->walker, &ask);
		check_ask(walk, &ask);
		world_answer(world, &ask, &answer);
		walk->calls++;
		if (interrupted(world, 0.3))
		{
			reopen(walk);		/* before it settled: the same page again */
			return true;
		}
		if (random_chance(&world->chance, world->garble_rate))
			garble(walk, &ask, &answer);
		walk->step = walker_take(walk->walker, &answer);
		if (verbose)
			tap_note("  " INT64_FORMAT " .. " INT64_FORMAT " page %d of %d%s: total " INT64_FORMAT ", has_next %d,"
					 " %d rows -> %s", ask.start - world->since, ask.end - world->since, ask.page_no, ask.page_size,
					 ask.use_has_next ? ", has_next" : "", answer.total, answer.has_next, answer.nrecords,
					 step_name(walk->step));
		if (walk->step != WINDOW_MALFORMED)
			break;
		if (++malformed == MAX_MALFORMED)
		{
			walk->failed = true;
			return false;
		}
	}
	world_settled(world, &answer);
	free(walk->saved);
	walk->saved = walker_save(walk->walker);
	walk->settled++;
	walk->with_outside += world->outside_sent > 0;
	walk->alone += world->outside_sent > 0 && world->outside_sent == answer.nrecords;
	if (!reads_anew(walk->saved))
		walk->settled_before = walk->settled;
	if (verbose)
		tap_note("    %s", walk->saved);
	if (walk->step != WINDOW_MORE)
		return false;
	if (interrupted(world, 1))
		reopen(walk);
	if (walk->plan.page_size * 8 > world->plan.page_size &&
		random_chance(&world->chance, world->shrink_rate) && walker_shrink(walk->walker))
	{
		walk->plan.page_size /= 2;
		tally.sights[SAW_SHRUNK]++;
	}
	return true;
}

/* Does an interruption throw away more than the call in hand? */
static bool
reads_anew(const char *saved)
{
	return says(saved, "\"walk\": \"second\"") || !says(saved, "\"untimed\": 0");
}

/* Has a saved walk that member? */
static bool
says(const char *saved, const char *member)
{
	const char *at = strstr(saved, member);

	return at != NULL && strchr(",}", at[strlen(member)]) != NULL;
}

/* Does the worker die here? */
static bool
interrupted(World *world, double share)
{
	return world->crashes > 0 && random_chance(&world->chance, world->crash_rate * share) &&
		world->crashes-- > 0;
}

/* Another process claims the task. */
static void
reopen(Walk *walk)
{
	tally.sights[SAW_RESUMED]++;
	walk->settled = walk->settled_before;
	walk->walker = walker_open(by_number, &walk->plan, walk->saved);
	if (verbose)
		tap_note("    interrupted, goes on from %s", walk->saved ? walk->saved : "the beginning");
}

/* An answer that contradicts itself must be refused and change nothing. */
static void
garble(Walk *walk, const PageAsk *ask, const WindowAnswer *answer)
{
	WindowRecord *rows = palloc(sizeof(WindowRecord) * (3 * ask->page_size + answer->nrecords + 2));
	WindowAnswer bad = *answer;
	char	   *before = walker_save(walk->walker);
	char	   *after;
	WindowStep	step;

	memcpy(rows, answer->records, sizeof(WindowRecord) * answer->nrecords);
	bad.records = rows;
	if (nonsense(walk->world, ask, &bad))
	{
		if (walker_agrees(walk->walker, &bad))
			broken(walk, KNOWS_NONSENSE, "nonsense was said to be good");
		step = walker_take(walk->walker, &bad);
		after = walker_save(walk->walker);
		tally.sights[SAW_NONSENSE]++;
		if (step != WINDOW_MALFORMED)
			broken(walk, KNOWS_NONSENSE, "nonsense was taken as %s", step_name(step));
		else if (strcmp(before, after) != 0)
			broken(walk, KNOWS_NONSENSE, "nonsense changed the walk");
		free(after);
	}
	free(before);
	free(rows);
}

/* Turns an answer into one that no honest platform gives; false: not this one. */
static bool
nonsense(World *world, const PageAsk *ask, WindowAnswer *answer)
{
	WindowRecord *rows = unconstify(WindowRecord *, answer->records);
	int			kind = random_below(&world->chance, 4);

	switch (kind)
	{
		case 0:					/* more, but nothing now */
			answer->nrecords = 0;
			answer->total = ask->use_has_next ? -1 : answer->total;
			answer->has_next = 1;
			return true;
		case 1:					/* more than asked for */
			for (int i = 0; i <= 2 * ask->page_size; i++)
			{
				rows[i].key = -1 - i;
				rows[i].time = ask->start;
				rows[i].quarantined = false;
			}
			answer->nrecords = ask->page_size + 1 + random_below(&world->chance, ask->page_size);
			return true;
		case 2:					/* fewer than none */
			answer->total = -2 - random_below(&world->chance, 100);
			return true;
		default:				/* no total where one was asked for */
			answer->total = -1;
			return !ask->use_has_next;
	}
}

/* What the walk is about to do, from its own text. */
static void
note_phase(Walk *walk)
{
	char	   *text = walker_save(walk->walker);

	if (says(text, "\"walk\": \"first\""))
		walk->arrived_before = walk->world->arrived;
	if (says(text, "\"walk\": \"second\""))
		walk->full_second = true;
	if (says(text, "\"walk\": \"probe\""))
		tally.sights[SAW_PROBE]++;
	walk->by_parts = says(text, "\"parts\": 1");
	walk->gave_up = says(text, "\"incomplete\": 1");
	free(text);
}

static void
check_ask(Walk *walk, const PageAsk *ask)
{
	if (ask->start < walk->plan.since || ask->end > walk->plan.until || ask->end < ask->start ||
		ask->page_size < 1 || ask->page_size > walk->plan.page_size || ask->page_no < 1)
		broken(walk, ASKS_INSIDE, "asked " INT64_FORMAT " .. " INT64_FORMAT " page %d of %d",
			   ask->start, ask->end, ask->page_no, ask->page_size);
}

/* Holds an ended walk against its world. */
static void
check_walk(Walk *walk)
{
	tally.sights[SAW_FULL_SECOND] += walk->full_second;
	tally.sights[SAW_PARTS] += walk->by_parts;
	tally.sights[SAW_SECOND_PASS] += walk->counts.passes > 1 && !walk->by_parts;
	if (walk->runaway)
	{
		broken(walk, ENDS, "%d calls", walk->calls);
		return;
	}
	tally.sights[SAW_COUNTED] += walk->step == WINDOW_COUNTED;
	tally.sights[SAW_SHORT] += walk->step == WINDOW_SHORT;
	tally.sights[SAW_FRESH] += walk->step == WINDOW_FRESH;
	tally.sights[SAW_UNPROVEN] += walk->step == WINDOW_UNPROVEN;
	check_records(walk);
	check_quiet(walk);
	check_calls(walk);
	check_lies(walk);
	check_outside(walk);
}

/* What the walk has cost, against what it has brought; window.h states the bound. */
static void
check_calls(Walk *walk)
{
	const World *world = walk->world;
	int			bound = WINDOW_MAX_CALLS(world->shown, walk->plan.page_size);

	if (by_number)
		return;
	if (walk->settled > (walk->with_outside > 0 ? 2 : 1) * bound)
		broken(walk, CALLS_BOUNDED, "%d calls, %d records", walk->settled, world->shown);
	if (walk->with_outside == 0)
		tally.nearest_bound = Max(tally.nearest_bound, (double) walk->settled / bound);
	if (walk->lies == 0)
		return;
	tally.nearest_bound_lying = Max(tally.nearest_bound_lying, (double) walk->settled / bound);
	if (!walk->full_second && !world->drifts &&
		walk->settled > 40 + 20 * (world->shown / walk->plan.page_size + 1))
		broken(walk, LIES_COST_LITTLE, "%d calls, %d records", walk->settled, world->shown);
}

/* What untrue totals come to where nothing moves. */
static void
check_lies(Walk *walk)
{
	const World *world = walk->world;
	int			holds = 0;

	tally.sights[SAW_LIES] += walk->lies > 0;
	tally.sights[SAW_DISBELIEF] += walk->counts.total_disproved;
	tally.sights[SAW_LIES_IN_FULL_SECOND] += walk->lies > 0 && walk->full_second;
	if (walk->counts.total_disproved && walk->lies == 0 && walk->with_outside == 0 && world->withheld == 0)
		broken(walk, LIES_NEVER_COUNT, "true totals were not believed");
	if (walk->counts.total_disproved && walk->step == WINDOW_COUNTED)
		broken(walk, LIES_NEVER_COUNT, "counted, though not believed");
	if (walk->lies == 0 || walk->step != WINDOW_COUNTED || world->drifts || world->untimed > 0)
		return;
	for (int i = 0; i < world->n; i++)
		holds += world->records[i].time >= walk->plan.since && world->records[i].time < walk->plan.until;
	/* some may be the truth by chance */
	if ((world->lie < LIE_ONE_PAGE && holds > 0) || walk->counts.seen != holds)
		broken(walk, LIES_NEVER_COUNT, "lie %d: counted " INT64_FORMAT " of %d", world->lie, walk->counts.seen, holds);
}

/* A list that does not keep to its range proves nothing; but one glitch is forgiven. */
static void
check_outside(Walk *walk)
{
	const World *world = walk->world;
	int			withheld = 0;

	for (int i = 0; i < world->n; i++)
		withheld += world->records[i].withheld && world->records[i].time >= walk->plan.since &&
			world->records[i].time <= walk->plan.until;
	if (walk->with_outside == 0)
		return;
	tally.sights[SAW_OUTSIDE]++;
	tally.sights[SAW_OUTSIDE_UNPROVEN] += walk->step == WINDOW_UNPROVEN;
	tally.sights[SAW_OUTSIDE_BESIDE_WITHHELD] += withheld > 0;
	tally.sights[SAW_OUTSIDE_IN_FULL_SECOND] += walk->full_second;
	tally.sights[SAW_GIVEN_UP] += walk->step == WINDOW_SHORT && walk->counts.outside > 0 && withheld == 0;
	tally.sights[SAW_FORGIVEN] += walk->step == WINDOW_COUNTED && walk->with_outside == 1;
	if (walk->step == WINDOW_COUNTED && (walk->with_outside > 1 || walk->counts.outside > 0))
		broken(walk, OUTSIDE_NEVER_COUNTS, "mode %d: counted after %d answers with records from outside", world->outside_mode, walk->with_outside);
	if ((walk->step == WINDOW_SHORT || walk->failed) && !world->drifts && withheld == 0 &&
		world->outside_mode < OUTSIDE_ONLY && !may_be_given_up(walk) && walk->plan.page_size >= 10 &&
		!(walk->full_second && world->outside_mode != OUTSIDE_MOVED))
		broken(walk, OUTSIDE_LOSES_NOTHING, "mode %d: %s", world->outside_mode, walk->failed ? "failed" : "short");
}

/* Five answers of records from outside alone, or twenty with some, may end a walk. */
static bool
may_be_given_up(const Walk *walk)
{
	return walk->with_outside + 3 * walk->alone >= 20;
}

/* Calls in a world in which nothing else happens, against those of the same list without records from outside. */
static void
weigh_outside(Walk *walk)
{
	const World *world = walk->world;
	int			calls = world->calls;
	int			bound;

	if (world->drifts || world->crash_rate > 0 || world->shrink_rate > 0 || world->garble_rate > 0 ||
		world->plan.page_size < 10)
		return;
	/* a full second in which others are listed may take all of its rounds */
	if (world->outside_mode >= OUTSIDE_NO_START && world->second_size * 2 > world->plan.page_size)
		return;
	for (int i = 0; i < world->n; i++)
	{
		if (world->records[i].withheld)
			return;
	}
	bound = world->outside_mode == OUTSIDE_ONLY ? 30 : 3 * plain_calls(world->seed) + 120;
	if (calls > bound)
		broken(walk, OUTSIDE_COSTS_LITTLE, "mode %d: %d calls, %d at most", world->outside_mode, calls, bound);
}

/* Of all walks through the world of a seed, as it is when its list keeps to its range. */
static int
plain_calls(uint64 seed)
{
	Tally		kept = tally;
	bool		was_quiet = quiet;
	bool		was_verbose = verbose;
	int			calls;

	quiet = true;
	verbose = false;
	tally.calls = 0;
	run_world(seed, WORLD_HONEST);
	calls = (int) tally.calls;
	tally = kept;
	quiet = was_quiet;
	verbose = was_verbose;
	return calls;
}

/* No record that stayed is missing, and nothing that is counted. */
static void
check_records(Walk *walk)
{
	const World *world = walk->world;
	bool		closed = walk->step == WINDOW_COUNTED || walk->step == WINDOW_FRESH ||
		walk->step == WINDOW_UNPROVEN;
	bool		trusted = world->order != ORDER_SORTED && walk->plan.sorted &&
		(walk->plan.fresh || !walk->plan.totals || walk->lies > 0);
	/* nor can anything but true totals tell what leaves between two pages of one second */
	bool		scattered = walk->full_second && (world->shuffled || world->order != ORDER_SORTED ||
												  (walk->lies > 0 && world->drifts));
	bool		coincidence = false;
	bool		beyond = false; /* one is withheld at the second where an inclusive range ends */
	int			withheld = 0;

	for (int i = 0; i < world->n; i++)
	{
		const WorldRecord *record = &world->records[i];

		if (record->withheld && world->inclusive && record->time == walk->plan.until)
			beyond = true;
		if (record->time < walk->plan.since || record->time >= walk->plan.until)
			continue;
		withheld += record->withheld;
		if (!record->stays || record->withheld || record->received || walk->failed)
			continue;
		/* not served at all, or beyond where the walk was given up; no such window is closed */
		if ((walk->step == WINDOW_SHORT || walk->step == WINDOW_FRESH) && may_be_given_up(walk))
			continue;
		/* nor is all of a full second seen where its order and the records from outside differ between calls */
		if (walk->step != WINDOW_COUNTED && walk->with_outside > 0 && scattered)
			continue;
		if (world->outside_mode == OUTSIDE_ONLY && walk->step != WINDOW_COUNTED)
			continue;

		/* nothing but true totals can show that a list is not sorted as documented */
		if (trusted)
			continue;
		if (closed && (second_coincidence(world, record) || (walk->full_second && walk->lies > 0 && world->drifts)))
			coincidence = true;
		else if (closed && !(walk->gave_up && scattered))
			broken(walk, KEEPS_ALL, "%s lacks " INT64_FORMAT " at +" INT64_FORMAT,
				   step_name(walk->step), record->id, record->time - world->since);
		else if (!closed && !scattered)
			broken(walk, KEEPS_ALL_SHORT, "%s lacks " INT64_FORMAT " at +" INT64_FORMAT,
				   step_name(walk->step), record->id, record->time - world->since);
	}
	tally.coincidences += coincidence;
	if (walk->step == WINDOW_COUNTED && withheld > 0)
	{
		if (!walk->by_parts && world->arrived - walk->arrived_before >= withheld)
			tally.hidden++;
		else if (walk->full_second && world->arrived > 0 && world->left > 0)
			tally.coincidences++;
		else
			broken(walk, COUNTS_HONESTLY, "%d withheld", withheld);
	}
	if (walk->step == WINDOW_COUNTED && walk->counts.reported != walk->counts.seen && !by_number)
		broken(walk, COUNTS_HONESTLY, "reported " INT64_FORMAT ", seen " INT64_FORMAT,
			   walk->counts.reported, walk->counts.seen);
	if ((walk->step == WINDOW_SHORT || walk->failed) && withheld == 0 && !beyond && walk->lies == 0 && walk->with_outside == 0 &&
		!(world->drifts && walk->full_second))
		broken(walk, SHORT_WITH_CAUSE, "%s", walk->failed ? "failed" : "short");
}

/* The one coincidence in which a full second may hide a record, see window.c. */
static bool
second_coincidence(const World *world, const WorldRecord *lost)
{
	int			came = 0;
	int			went = 0;

	for (int i = 0; i < world->n; i++)
	{
		if (world->records[i].time != lost->time)
			continue;
		came += world->records[i].id > world->n - world->arrived;
		went += world->records[i].gone;
	}
	return came > 0 && went > 0;
}

/* A world in which nothing moves and nothing is withheld. */
static void
check_quiet(Walk *walk)
{
	const World *world = walk->world;
	bool		bare = world->crash_rate == 0 && world->shrink_rate == 0 && world->garble_rate == 0;
	int			holds = 0;
	int			quarantined = 0;
	int			asked = 0;
	int			untimed = 0;
	int			twice = 0;

	if (world->drifts || world->withheld > 0 || walk->lies > 0 || world->outside_mode != OUTSIDE_NONE)
		return;
	for (int i = 0; i < world->n; i++)
	{
		const WorldRecord *record = &world->records[i];

		if (record->time < walk->plan.since ||
			record->time > walk->plan.until - (world->inclusive ? 0 : 1))
			continue;
		asked++;
		untimed += record->untimed;
		twice += record->twice;
		if (record->time == walk->plan.until)
			continue;
		holds++;
		quarantined += record->quarantined;
	}
	if (walk->step != (walk->plan.fresh ? WINDOW_FRESH : walk->plan.totals ? WINDOW_COUNTED : WINDOW_UNPROVEN))
		broken(walk, CLOSES_QUIET, "%s", walk->failed ? "failed" : step_name(walk->step));
	if (walk->step == WINDOW_COUNTED && !by_number &&
		(abs((int) walk->counts.seen - holds) > untimed ||
		 abs((int) walk->counts.quarantined - quarantined) > untimed))
		broken(walk, COUNTS_EXACTLY, "seen " INT64_FORMAT " of %d, quarantined " INT64_FORMAT " of %d",
			   walk->counts.seen, holds, walk->counts.quarantined, quarantined);
	if (!bare || twice > 0 || world->untimed > 0)
		return;
	if (asked < walk->plan.page_size && walk->calls != 1)
		broken(walk, ONE_PAGE_ONE_CALL, "%d records by %d calls", asked, walk->calls);
}

/* Calls of a quiet world against the fewest that could carry its records. */
static void
weigh_calls(const World *world, int calls)
{
	int			asked = 0;
	int64		fewest;

	if (world->drifts || world->withheld > 0 || world->crash_rate > 0 || world->shrink_rate > 0 ||
		world->garble_rate > 0 || !world->plan.totals || world->plan.page_size < 20 ||
		world->second_size * 4 > world->plan.page_size)
		return;
	for (int i = 0; i < world->n; i++)
		asked += world_in_window(world, &world->records[i]);
	fewest = Max((asked + world->plan.page_size - 1) / world->plan.page_size, 1);
	if (!world->plan.sorted)
	{
		tally.parts_calls += calls;
		tally.parts_fewest += fewest;
	}
	else if (world->order == ORDER_SORTED)
	{
		tally.sorted_calls += calls;
		tally.sorted_fewest += fewest;
	}
}

static void
check_cuts(Walk *walk, const int64 *cuts, int n)
{
	int64		least = PG_INT64_MAX;
	int64		most = 0;

	if (n < 2 || cuts[0] != walk->plan.since || cuts[n] != walk->plan.until)
		broken(walk, CUTS_EVENLY, "%d parts", n);
	for (int i = 0; i < n; i++)
	{
		least = Min(least, cuts[i + 1] - cuts[i]);
		most = Max(most, cuts[i + 1] - cuts[i]);
	}
	if (least < 1 || most - least > 1)
		broken(walk, CUTS_EVENLY, "parts of " INT64_FORMAT " to " INT64_FORMAT " seconds", least, most);
	if (!walk->plan.may_cut)
		broken(walk, CUTS_EVENLY, "not asked to");
}

/* What other pullers do, in the same world. */
static void
count_lost_by_number(const World *world)
{
	bool		has_full_second = world->shuffled && world->second_size > world->plan.page_size;
	bool		forward = loses_by_number(world->seed, true);

	tally.has_full_second += has_full_second;
	tally.lost_full_second += has_full_second && forward;
	if (!world->drifts)
		return;
	tally.lost_forward += forward;
	tally.lost_backward += world->totals && loses_by_number(world->seed, false);
}

/* Does paging by number lose a record that stayed in this world? */
static bool
loses_by_number(uint64 seed, bool forward)
{
	World		world;
	bool		lost = false;

	world_make(&world, seed, WORLD_HONEST);
	if (forward)
		page_forward(&world);
	else
		page_backward(&world);
	for (int i = 0; i < world.n; i++)
	{
		const WorldRecord *record = &world.records[i];

		if (record->stays && !record->withheld && !record->received && world_in_window(&world, record))
			lost = true;
	}
	world_free(&world);
	return lost;
}

/* First to last: the mutant. */
static void
page_forward(World *world)
{
	Walker	   *walker = walker_open(true, &world->plan, NULL);
	PageAsk		ask;
	WindowAnswer answer;
	WindowStep	step;

	do
	{
		walker_ask(walker, &ask);
		world_answer(world, &ask, &answer);
		step = walker_take(walker, &answer);
		world_settled(world, &answer);
	} while (step == WINDOW_MORE);
}

/* Last to first by the total, as is said to be safe. */
static void
page_backward(World *world)
{
	PageAsk	ask = {world->since, world->until, 1, world->plan.page_size, false};
	WindowAnswer answer;

	world_answer(world, &ask, &answer);
	for (int64 page = (answer.total + ask.page_size - 1) / ask.page_size; page >= 1; page--)
	{
		ask.page_no = (int) page;
		world_answer(world, &ask, &answer);
		world_settled(world, &answer);
	}
}

/* The checks that the product's walk passes must object to paging by number. */
static void
try_mutant(uint64 first)
{
	Tally		kept = tally;
	int			caught = 0;
	int			drifting;

	memset(&tally, 0, sizeof(tally));
	by_number = quiet = true;
	for (uint64 seed = first; seed < first + MUTANT_SEEDS; seed++)
	{
		int			before = tally.broken[KEEPS_ALL] + tally.broken[COUNTS_HONESTLY];

		run_world(seed, WORLD_HONEST);
		caught += tally.broken[KEEPS_ALL] + tally.broken[COUNTS_HONESTLY] > before;
	}
	drifting = tally.drifting;
	by_number = quiet = false;
	tally = kept;
	tap_ok(caught * 3 >= drifting, "the mutant is caught: paging by number breaks these promises in %d of %d worlds (%d in motion)",
		   caught, MUTANT_SEEDS, drifting);
}

static void
broken(const Walk *walk, Promise promise, const char *format,...)
{
	va_list		args;

	if (tally.broken[promise] < SHOWN_SEEDS && !quiet)
	{
		char		text[256];

		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		tap_note("seed " UINT64_FORMAT ": %s", walk->world->seed, text);
		tally.broken_seeds[promise][tally.broken[promise]] = walk->world->seed;
	}
	tally.broken[promise]++;
}

static const char *
step_name(WindowStep step)
{
	static const char *const names[] = {
		"more", "cut", "counted", "unproven", "fresh", "short", "malformed"
	};

	return names[step];
}

static void
report(void)
{
	double		sorted = (double) tally.sorted_calls / Max(tally.sorted_fewest, 1);
	double		parts = (double) tally.parts_calls / Max(tally.parts_fewest, 1);

	for (int i = 0; i < NPROMISES; i++)
	{
		if (tap_ok(tally.broken[i] == 0, "%s", promise_names[i]))
			continue;
		tap_note("broken %d times; replay with --seed " UINT64_FORMAT " --verbose",
				 tally.broken[i], tally.broken_seeds[i][0]);
	}
	tap_note("%d worlds (%d of them in motion), %d walks, " INT64_FORMAT " calls, at most %d in one walk",
			 tally.worlds, tally.drifting, tally.walks, tally.calls, tally.most_calls);
	tap_note("nearest to the bound of calls: %.2f, with untrue totals %.2f", tally.nearest_bound, tally.nearest_bound_lying);
	if (tally.worlds < 1000 || by_number)
		return;
	tap_ok(sorted < 1.25, "calls against the fewest possible in quiet worlds: %.3f by time", sorted);
	tap_ok(parts < 2.5, "calls against the fewest possible in quiet worlds: %.3f by parts", parts);
	for (int i = 0; i < NSIGHTS; i++)
		tap_ok(tally.sights[i] * 500 >= tally.worlds, "seen often enough: %s (%d times)", sight_names[i], tally.sights[i]);
	tap_ok(tally.hidden * 200 <= tally.worlds, "withheld behind late arrivals, a known limit: %d times", tally.hidden);
	tap_ok(tally.coincidences * 200 <= tally.worlds, "coincidences in a full second, a known limit: %d times", tally.coincidences);
	tap_ok(tally.lost_forward * 3 >= tally.drifting, "by page number, first to last, records are lost in a third of the worlds in motion (%d of %d)",
		   tally.lost_forward, tally.drifting);
	tap_ok(tally.lost_backward * 5 >= tally.drifting, "by page number, last to first, in a fifth of them (%d)",
		   tally.lost_backward);
	tap_ok(tally.lost_full_second * 4 >= tally.has_full_second * 3, "by page number in three of four worlds with a full second in another order each time (%d of %d)",
		   tally.lost_full_second, tally.has_full_second);
}
