# Cancel, pause, resume, remove, retry and a second trigger while calls hang at the platform: what is taken away is broken off at
# once, everybody else goes on, and nothing is lost afterwards.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A call that hangs does so for longer than any wait here.
my $hang_ms = 30_000;
my $soon = 10;		# seconds, on a machine that has other work; measured is what the notes say

my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 4, '--orders-per-shop' => 600, '--days' => 20 ],
	conf => "ordersync.max_in_flight = 24\nordersync.request_timeout = '60s'\nordersync.workers = 2");
$cluster->add_shops(1 .. 4);
is($cluster->incremental($_), 'succeeded', "a first run of shop $_ checks its data key") for 1 .. 4;

# Tasks of a shop that workers have.
my $running = sub { my ($shop) = @_; return $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE shop_id = $shop AND state = 'running'") };
my $calls_of_workers = sub { return $cluster->sql('SELECT sum(in_flight) FROM ordersync.workers') };
# Calls of these shops hang; a full run of each whose calls are in flight.
my $hanging = sub {
	my (@shops) = @_;
	$cluster->fault('hang', ms => $hang_ms, shop => $_) for @shops;
	my @runs = map { $cluster->trigger('full', $_) } @shops;
	for my $shop (@shops)
	{
		$cluster->wait_until("calls of shop $shop", sub { $running->($shop) > 0 && $calls_of_workers->() >= 4 });
	}
	return @runs;
};
my $released = sub { $cluster->no_faults; $cluster->control('release'); return };
my $measured = sub {
	my ($what, $condition) = @_;
	my $took = $cluster->seconds_until($what, $condition);
	note(sprintf 'measured: %s after %.0f ms', $what, $took * 1000);
	cmp_ok($took, '<', $soon, "$what while calls of ${\ ($hang_ms / 1000)} s hang");
	return;
};
my $attempts = sub { my ($run) = @_; return $cluster->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id = $run") };

# --- cancel

my ($run) = $hanging->(1);
my $other = $cluster->trigger('incremental', 2);
is($cluster->finish($other), 'succeeded', 'another shop goes on');
cmp_ok($cluster->sql("SELECT ordersync_cancel($run)"), '>', 0, 'a run is cancelled');
$measured->('no call is in flight any more', sub { $calls_of_workers->() == 0 });
is($cluster->run_state($run), 'cancelled', 'the run is cancelled');
is($running->(1), 0, 'and nothing of it is being read');
$released->();
is($cluster->full(1), 'succeeded', 'a run afterwards');
$cluster->take('full');
$cluster->equals_truth('after a cancel');

# --- pause: of two shops one, whose walks stay

($run, $other) = $hanging->(1, 2);
my $before = $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE shop_id = 1");
$cluster->sql('SELECT ordersync_pause_shop(1)');
is($running->(1), 0, 'a paused shop has nothing that is being read');
$measured->('only the other shop has calls in flight', sub { $calls_of_workers->() == $running->(2) });
cmp_ok($running->(2), '>', 0, 'which go on');
is($attempts->($run), 0, 'no attempt is spent');
is($cluster->run_state($run), 'running', 'the run waits');
$cluster->sql('SELECT ordersync_pause_shop(1)');
is($cluster->sql('SELECT enabled FROM ordersync.shops WHERE shop_id = 1'), 'f', 'to pause it once more changes nothing');
$released->();
is($cluster->finish($other), 'succeeded', 'the other run ends');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE shop_id = 1"), $before, 'and no call of the paused shop was made');
is($cluster->sql("SELECT waiting_for LIKE '%paused%' FROM ordersync.run_progress WHERE run_id = $run"), 't', 'progress says what it waits for');
$cluster->sql('SELECT ordersync_resume_shop(1)');
is($cluster->finish($run), 'succeeded', 'resumed, it goes on');
$cluster->take('full');
$cluster->equals_truth('after a pause');

# a pause between two pages of a window: the walk goes on where it stood
$cluster->sql("UPDATE ordersync.gateways SET options = options || '{\"page_size\": 10}'");
$cluster->fault('hang', ms => $hang_ms, shop => 1, skip => 30);
$run = $cluster->trigger('full', 1);
$cluster->wait_until('walks that wait for their next page', sub {
	$cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running' AND walk IS NOT NULL") > 0 && $calls_of_workers->() >= 4
		&& $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running'") == $calls_of_workers->() });
my $walks = $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND walk IS NOT NULL");
$cluster->sql('SELECT ordersync_pause_shop(1)');
$measured->('no call is in flight', sub { $calls_of_workers->() == 0 });
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'pending' AND walk IS NOT NULL"), $walks, 'windows that were begun stand where they stood');
my $pages = $cluster->sql("SELECT sum(pages) FROM ordersync.sync_tasks WHERE run_id = $run");
$released->();
$cluster->sql('SELECT ordersync_resume_shop(1)');
is($cluster->finish($run), 'succeeded', 'resumed, they are read to their ends');
is($cluster->sql("SELECT sum(t.pages) = (SELECT count(*) FROM ordersync.request_log l WHERE l.run_id = $run AND l.verdict = 'ok') FROM ordersync.sync_tasks t WHERE t.run_id = $run"), 't', 'and no page twice');
cmp_ok($pages, '>', 0, "$pages pages were read before");
$cluster->take('full');
$cluster->equals_truth('after a pause within windows');
$cluster->sql("UPDATE ordersync.gateways SET options = options - 'page_size'");

# --- a pause that is not committed yet takes one task away from pages that are stored together: the others are stored

my $session = $cluster->node->background_psql('postgres', on_error_die => 1);
$cluster->control('change', orders => 20, shop => $_) for 1, 2;
$cluster->advance(900);
$cluster->fault('hang', ms => $hang_ms);
my @runs = map { $cluster->trigger('incremental', $_) } 1, 2;
$cluster->wait_until('calls of both', sub { $running->(1) > 0 && $running->(2) > 0 && $calls_of_workers->() >= 4 });
$session->query_safe('BEGIN; SELECT ordersync_cancel(' . $runs[0] . ')');
$released->();
is($cluster->finish($runs[1]), 'succeeded', 'what came with pages that are about to be cancelled is stored');
$session->query_safe('COMMIT');
$session->quit;
is($cluster->run_state($runs[0]), 'cancelled', 'the others are not');
is($cluster->incremental($_), 'succeeded', 'the next run') for 1, 2;
$cluster->take('full');
$cluster->equals_truth('after a cancel between pages of two shops');

# --- remove

$cluster->fault('hang', ms => $hang_ms, shop => $_) for 3, 4;
($run, $other) = $hanging->(3, 4);
$cluster->sql('SELECT ordersync_remove_shop(3)');
$measured->('a removed shop has no call in flight', sub { $calls_of_workers->() == $running->(4) });
is($cluster->run_state($run), 'cancelled', 'its run is cancelled');
$cluster->sql('SELECT ordersync_remove_shop(4, purge => true)');
$measured->('a purged shop has none', sub { $calls_of_workers->() == 0 });
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 4'), 0, 'and no row');
$released->();
$cluster->add_shops(3, 4);
is($cluster->full($_), 'succeeded', 'added again, it is read again') for 3, 4;
$cluster->take('full');
$cluster->equals_truth('after a removal');

# --- a second trigger while the first is in flight, and partly failed

my $at = sub { my ($days) = @_; return $cluster->sql("SELECT ordersync_day(ordersync_today() - $days)") };
$cluster->fault('hang', ms => $hang_ms, shop => 1);
my $first = $cluster->trigger('full', 1, $at->(10), $at->(2));
$cluster->wait_until('its calls', sub { $running->(1) > 0 && $calls_of_workers->() >= 4 });
is($cluster->trigger('full', 1, $at->(8), $at->(4)), $first, 'what the first reads joins it');
my $second = $cluster->trigger('full', 1, $at->(8), $at->(1));
isnt($second, $first, 'what it does not read all of does not');
is($cluster->trigger('full', 1, $at->(7), $at->(1)), $second, 'but joins the one that waits');
is($cluster->run_state($second), 'pending', 'which waits for the first');
$cluster->sql("UPDATE ordersync.sync_tasks SET state = 'failed', owner = NULL, token = NULL, error_class = 'network', finished_at = now()
	WHERE task_id = (SELECT min(task_id) FROM ordersync.sync_tasks WHERE run_id = $first AND stream = 'orders' AND since >= '${\ $at->(6)}')");
$cluster->sql("SELECT ordersync.count_tasks($first, -1)");
my $third = $cluster->trigger('full', 1, $at->(9), $at->(2));
cmp_ok($third, '>', $second, 'a window of the first has failed: what needs it does not join it');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id IN ($second, $third) AND state <> 'pending'"), 0, 'one run of the shop and kind is read at a time');
$other = $cluster->trigger('incremental', 1);
$cluster->wait_until('the shop\'s run of another kind', sub { $cluster->run_state($other) eq 'running' });
$released->();
is($cluster->finish($other), 'succeeded', 'that one ends');
$cluster->wait_until('the first run', sub { $cluster->run_state($first) eq 'incomplete' });
is($cluster->finish($_), 'succeeded', 'then the others') for $second, $third;
is($cluster->sql("SELECT bool_and(a.finished_at <= b.began_at) FROM ordersync.sync_runs a, ordersync.sync_tasks b WHERE a.run_id = $second AND b.run_id = $third"), 't', 'one after the other');

# --- retry, while the rest of the run is in flight

$cluster->fault('hang', ms => $hang_ms, shop => 1);
$run = $cluster->trigger('full', 1, $at->(10), $at->(2));
$cluster->wait_until('its calls', sub { $running->(1) > 0 && $calls_of_workers->() >= 4 });
my $task = $cluster->sql("UPDATE ordersync.sync_tasks SET state = 'failed', owner = NULL, token = NULL, error_class = 'network', finished_at = now()
	WHERE task_id = (SELECT min(task_id) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running') RETURNING task_id");
$cluster->sql("SELECT ordersync.count_tasks($run, -1)");
is($cluster->sql("SELECT ordersync_retry($run)"), 1, 'what has failed is tried again while the rest is read');
$cluster->wait_until('it is called for', sub { $cluster->sql("SELECT state FROM ordersync.sync_tasks WHERE task_id = $task") eq 'running' });
$released->();
is($cluster->finish($run), 'succeeded', 'and the run ends well');
$cluster->take('full');
$cluster->equals_truth('after a retry');

is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'"), 0, 'nobody has a task');
my $log = slurp_file($cluster->node->logfile);
unlike($log, qr/TRAP:|PANIC:|was terminated by signal 11/, 'nothing crashed');

done_testing;
