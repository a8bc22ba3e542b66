# Cancel, pause, resume, remove, retry and a second trigger while calls hang at the platform: what is taken away is broken off at
# once, everybody else goes on, and nothing is lost afterwards.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A call that hangs does so for longer than any wait here; on a machine that has other work what is broken off at once takes a
# while, too. What was measured is printed.
my $hang_ms = 300_000;
my $soon = 10;

# Places for all windows of three runs: what hangs keeps nobody else waiting for a place.
my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 9, '--orders-per-shop' => 300, '--days' => 20 ],
	conf => "ordersync.max_in_flight = 200\nordersync.request_timeout = '600s'\nordersync.workers = 2");
$cluster->add_shops(1 .. 9);
is($cluster->finish($cluster->sql("SELECT ordersync_check_shop($_)")), 'succeeded', "the data key of shop $_") for 1 .. 9;

# Tasks of a shop that workers have, and calls that workers wait for.
my $running = sub { my ($shop) = @_; return $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE shop_id = $shop AND state = 'running'") };
my $calls = sub { return $cluster->sql('SELECT sum(in_flight) FROM ordersync.workers') };
# As many calls hang as tasks are running: none is being answered, and no page being stored.
my $all_call = sub {
	my (@shops) = @_;
	my $hanging = $cluster->control('stats')->{waiting};
	my $tasks = $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'");
	return $hanging == $tasks && !grep { $running->($_) == 0 } @shops;
};
# Calls of these shops hang; a full run of each, whose calls are in flight.
my $hanging = sub {
	my (@shops) = @_;
	$cluster->fault('hang', ms => $hang_ms, shop => $_) for @shops;
	my @runs = map { $cluster->trigger('full', $_) } @shops;
	$cluster->wait_until("calls of @shops", sub { $all_call->(@shops) });
	return @runs;
};
my $release = sub { $cluster->no_faults; $cluster->control('release'); return };
my $at_once = sub {
	my ($what, $condition) = @_;
	my $took = $cluster->seconds_until($what, $condition);
	note(sprintf 'measured: %s after %.0f ms', $what, $took * 1000);
	cmp_ok($took, '<', $soon, $what);
	return;
};
# Every call that brought a page asked for something else.
my $once = sub {
	my ($run) = @_;
	return $cluster->sql("SELECT count(*) - count(DISTINCT (task_id, window_since, window_until, page_no, method)) FROM ordersync.request_log
		WHERE run_id = $run AND verdict = 'ok' AND window_since IS NOT NULL");
};

# --- cancel

my ($run) = $hanging->(1);
is($cluster->full(2), 'succeeded', 'another shop goes on');
cmp_ok($cluster->sql("SELECT ordersync_cancel($run)"), '>', 0, 'a run is cancelled');
$at_once->('no call is in flight any more', sub { $calls->() == 0 });
is($cluster->run_state($run), 'cancelled', 'the run is cancelled');
is($running->(1), 0, 'and nothing of it is being read');
$release->();
is($cluster->full(1), 'succeeded', 'a run afterwards');

# --- pause: of two shops one

($run, my $other) = $hanging->(3, 4);
$cluster->sql('SELECT ordersync_pause_shop(3)');
is($running->(3), 0, 'a paused shop has nothing that is being read');
$at_once->('only the other shop has calls in flight', sub { $calls->() == $running->(4) });
cmp_ok($calls->(), '>', 0, 'which go on');
is($cluster->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id = $run"), 0, 'no attempt is spent');
is($cluster->run_state($run), 'running', 'the run waits');
is($cluster->sql("SELECT waiting_for LIKE '%paused%' FROM ordersync.run_progress WHERE run_id = $run"), 't', 'progress says what for');
$cluster->sql('SELECT ordersync_pause_shop(3)');
is($cluster->sql('SELECT enabled FROM ordersync.shops WHERE shop_id = 3'), 'f', 'to pause it once more changes nothing');
$release->();
is($cluster->finish($other), 'succeeded', 'the other run ends');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run"), 0, 'no call of the paused one was made meanwhile');
$cluster->sql('SELECT ordersync_resume_shop(3)');
is($cluster->finish($run), 'succeeded', 'resumed, it goes on');
is($once->($run), 0, 'and nothing was read twice');

# --- pause: between two pages of windows, whose walks go on where they stood

$cluster->sql("UPDATE ordersync.gateways SET options = options || '{\"page_size\": 4}'");
$cluster->fault('hang', ms => $hang_ms, shop => 5, skip => 40);
$run = $cluster->trigger('full', 5);
$cluster->wait_until('windows that wait for their next page', sub {
	$cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running' AND walk IS NOT NULL") > 0 && $all_call->(5) });
$cluster->sql('SELECT ordersync_pause_shop(5)');
$at_once->('no call of the shop is in flight', sub { $calls->() == 0 });
my $begun = "SELECT count(*), sum(pages), md5(string_agg(walk::text, ' ' ORDER BY task_id)) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'pending' AND walk IS NOT NULL";
my $stand = $cluster->sql($begun);
like($stand, qr/^[1-9]\d*\|[1-9]/, 'windows that were begun wait');
$release->();
is($cluster->full(2), 'succeeded', 'whoever else is triggered has its turn');
is($cluster->sql($begun), $stand, 'they stand where they stood');
$cluster->sql('SELECT ordersync_resume_shop(5)');
is($cluster->finish($run), 'succeeded', 'resumed, they are read to their ends');
is($once->($run), 0, 'and no page twice');
$cluster->sql("UPDATE ordersync.gateways SET options = options - 'page_size'");

# --- a cancel between claim and page: of pages that are stored together those of the cancelled run are not stored, the others are

my $session = $cluster->node->background_psql('postgres', on_error_die => 1);
my ($since, $until) = map { $cluster->sql("SELECT ordersync_day(ordersync_today() - $_)") } 9, 8;
$cluster->fault('hang', ms => $hang_ms);
($run, $other) = map { $cluster->trigger('full', $_, $since, $until) } 6, 7;
$cluster->wait_until('calls of both', sub { $all_call->(6, 7) });
$session->query_safe("BEGIN; SELECT ordersync_cancel($run)");
$release->();
$cluster->wait_until('a worker that waits for the cancel', sub {
	$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND wait_event_type = 'Lock'") > 0 });
$session->query_safe('COMMIT');
$session->quit;
is($cluster->finish($other), 'succeeded', 'what came with pages of a run that is being cancelled is stored');
is($cluster->run_state($run), 'cancelled', 'that run is cancelled');
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 6'), 0, 'and nothing of it is stored');
is($cluster->full($_), 'succeeded', 'the next run') for 6, 7;

# --- remove

($run, $other) = $hanging->(8, 9);
$cluster->sql('SELECT ordersync_remove_shop(8)');
$at_once->('a removed shop has no call in flight', sub { $calls->() == $running->(9) });
is($cluster->run_state($run), 'cancelled', 'its run is cancelled');
$cluster->sql('SELECT ordersync_remove_shop(9, purge => true)');
$at_once->('nor has a purged one', sub { $calls->() == 0 });
$release->();
$cluster->add_shops(8, 9);
is($cluster->full($_), 'succeeded', 'added again, it is read') for 8, 9;

# --- a second trigger while the first is in flight, and partly failed

my $at = sub { my ($days) = @_; return $cluster->sql("SELECT ordersync_day(ordersync_today() - $days)") };
my $fail_one = sub {
	my ($of, $where) = @_;
	my $task = $cluster->sql("UPDATE ordersync.sync_tasks SET state = 'failed', owner = NULL, token = NULL, error_class = 'network', finished_at = now()
		WHERE task_id = (SELECT min(task_id) FROM ordersync.sync_tasks WHERE run_id = $of AND state = 'running' AND $where) RETURNING task_id");
	$cluster->sql("SELECT ordersync.count_tasks($of, -1)");
	return $task;
};
$cluster->fault('hang', ms => $hang_ms, shop => 1);
my $first = $cluster->trigger('full', 1, $at->(10), $at->(2));
$cluster->wait_until('its calls', sub { $all_call->(1) });
is($cluster->trigger('full', 1, $at->(8), $at->(4)), $first, 'what the first reads joins it');
my $second = $cluster->trigger('full', 1, $at->(8), $at->(1));
isnt($second, $first, 'what it does not read all of does not');
is($cluster->trigger('full', 1, $at->(7), $at->(1)), $second, 'but joins the one that waits');
$fail_one->($first, "stream = 'orders' AND since >= '" . $at->(6) . "'");
my $third = $cluster->trigger('full', 1, $at->(9), $at->(2));
cmp_ok($third, '>', $second, 'a window of the first has failed: what needs it does not join it');
$other = $cluster->trigger('incremental', 1);
$cluster->wait_until('the shop\'s run of another kind', sub { $running->(1) > 0 && $cluster->run_state($other) eq 'running' });
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id IN ($second, $third) AND state <> 'pending'"), 0, 'one run of the shop and kind is read at a time');
$release->();
is($cluster->finish($other), 'succeeded', 'that one ends');
$cluster->wait_until('the first run', sub { $cluster->run_state($first) eq 'incomplete' });
is($cluster->finish($_), 'succeeded', 'then the others') for $second, $third;
is($cluster->sql("SELECT (SELECT finished_at FROM ordersync.sync_runs WHERE run_id = $first) <= (SELECT started_at FROM ordersync.sync_runs WHERE run_id = $second)
	AND (SELECT finished_at FROM ordersync.sync_runs WHERE run_id = $second) <= (SELECT started_at FROM ordersync.sync_runs WHERE run_id = $third)"), 't', 'one after the other');

# --- retry, while the rest of the run is in flight

$cluster->fault('hang', ms => $hang_ms, shop => 1);
$run = $cluster->trigger('full', 1);
$cluster->wait_until('its calls', sub { $all_call->(1) });
my $task = $fail_one->($run, 'true');
is($cluster->sql("SELECT ordersync_retry($run)"), 1, 'what has failed is tried again while the rest is read');
$cluster->wait_until('a call for it', sub { $cluster->sql("SELECT state FROM ordersync.sync_tasks WHERE task_id = $task") eq 'running' });
$release->();
is($cluster->finish($run), 'succeeded', 'and the run ends well');

$cluster->take('full');
$cluster->equals_truth('after all of it');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'"), 0, 'nobody has a task');
unlike(slurp_file($cluster->node->logfile), qr/TRAP:|PANIC:|was terminated by signal 11/, 'nothing crashed');

done_testing;
