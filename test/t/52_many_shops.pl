# One big shop, many small ones, one with an expired data key and one whose gateway answers 500 for ever, all triggered together:
# the small ones are done before the big one, and the sick ones cost them nothing. SHOPS, ORDERS, BIG, DAYS and
# LATENCY (milliseconds that each answer takes) make it larger: test/long/52_many_shops.pl.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my %size = map { $_->[0] => $ENV{ $_->[0] } // $_->[1] } [ SHOPS => 30 ], [ ORDERS => 30 ], [ BIG => 15_000 ], [ DAYS => 2 ], [ LATENCY => 40 ], [ SECONDS => 600 ];
my ($big, $expired, $broken) = (1, 2, 3);
my $workers = 2;
my $in_flight = 16;

my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => $size{SHOPS}, '--orders-per-shop' => $size{ORDERS}, '--big-shop' => $size{BIG}, '--days' => $size{DAYS} ],
	conf => "ordersync.workers = $workers\nordersync.max_in_flight = $in_flight\nordersync.retry_base = '200ms'\nordersync.retry_cap = '2s'\n"
		. "ordersync.max_attempts = 4\nshared_buffers = 256MB\nmax_wal_size = 4GB");
$cluster->add_shops(1 .. $size{SHOPS});
$cluster->fault('session_expired', shop => $expired);
$cluster->fault('status', value => 500, shop => $broken);
$cluster->fault('hang', ms => $size{LATENCY});

my $since = $cluster->sql("SELECT ordersync_day(ordersync_today() - $size{DAYS} - 1)");
my $small = "shop_id NOT IN ($big, $expired, $broken)";
my $began = time;
my %run = map { split /\|/ } split /\n/, $cluster->sql("SELECT shop_id, run_id FROM ordersync_trigger_all('full', '$since')");
my ($big_run, $sick_run) = @run{$big, $broken};
$cluster->wait_until('the small shops', sub {
	$cluster->sql("SELECT count(*) FROM ordersync.sync_runs WHERE $small AND state IN ('pending', 'running')") == 0 }, $size{SECONDS});
my $small_took = time - $began;
my ($state, $rest) = split /\|/, $cluster->sql("SELECT state, open_tasks FROM ordersync.sync_runs WHERE run_id = $big_run");
is($state, 'running', "the big shop is still being read, $rest windows are left");
is($cluster->sql("SELECT state || ' ' || count(*) FROM ordersync.sync_runs WHERE $small GROUP BY state"), 'succeeded ' . ($size{SHOPS} - 3),
	"all small shops are done");
is($cluster->finish($big_run), 'succeeded', 'then the big one ends, too') if $cluster->wait_until('the big shop', sub { $cluster->run_state($big_run) ne 'running' }, 4 * $size{SECONDS});
my $took = time - $began;

my ($small_calls, $calls, $duration) = split /\|/, $cluster->sql("SELECT count(*) FILTER (WHERE $small), count(*), round(sum(duration_ms) / 1000) FROM ordersync.request_log");
note(sprintf 'measured: %d small shops with %d calls done after %.1f s; the sum of their calls is %d x %d ms / %d in flight = %.1f s',
	$size{SHOPS} - 3, $small_calls, $small_took, $small_calls, $size{LATENCY}, $workers * $in_flight, $small_calls * $size{LATENCY} / 1000 / ($workers * $in_flight));
note(sprintf 'measured: all %d calls with %d orders done after %.1f s; the sum of calls is %.1f s, that of what they took %.1f s',
	$calls, $cluster->sql('SELECT count(*) FROM ordersync.orders'), $took, $calls * $size{LATENCY} / 1000 / ($workers * $in_flight), $duration / ($workers * $in_flight));
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $big"), '>=', $size{BIG} * 0.98, 'all of its orders are there');
is($cluster->sql("SELECT count(*) FROM (SELECT shop_id FROM ordersync.orders WHERE $small GROUP BY 1) s"), $size{SHOPS} - 3, 'and orders of each small one');

# the sick ones: few calls, a class and what to do
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE shop_id = $expired"), '<=', 4, 'an expired key costs a call or two, not one a window');
$cluster->wait_until('the shop whose gateway answers 500', sub { $cluster->run_state($sick_run) !~ /^(?:pending|running)$/ });
is($cluster->sql("SELECT DISTINCT error_class IS NOT NULL AND error LIKE '%500%' AND what_to_do LIKE '%SELECT ordersync_retry($sick_run)%' FROM ordersync.failed_tasks WHERE shop_id = $broken"), 't',
	'the one that always fails has a class and what to do in failed_tasks');
is($cluster->sql("SELECT last_error_class IS NOT NULL AND last_error LIKE '%500%' FROM ordersync.shop_health WHERE shop_id = $broken"), 't', 'and in shop_health');
is($cluster->sql("SELECT key_state, key_message IS NOT NULL FROM ordersync.shop_health WHERE shop_id = $expired"), 'expired|t', 'so has the one without a key');
is($cluster->sql("SELECT DISTINCT class, what_to_do FROM ordersync.failed_tasks WHERE shop_id = $expired"), "unauthorized|SELECT ordersync_set_session_key($expired, session_key)", 'with class and command');
is($cluster->sql("SELECT state, what_to_do FROM ordersync.shop_health WHERE shop_id = $expired"), "unauthorized|SELECT ordersync_set_session_key($expired, session_key)", 'in both views');
is($cluster->sql("SELECT DISTINCT error_class FROM ordersync.sync_tasks WHERE shop_id = $expired AND error_class IS NOT NULL"), 'session', 'whose windows wait for one');

# cured, they are read
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_session_key($expired, 'session-$expired')");
$cluster->sql("SELECT ordersync_retry($sick_run)");
$cluster->wait_until('the sick ones', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_runs WHERE state IN ('pending', 'running')") == 0 }, $size{SECONDS});
is($cluster->sql("SELECT string_agg(DISTINCT state, ' ') FROM ordersync.sync_runs"), 'succeeded', 'with a key and a gateway that answers they are read as well');
unlike(slurp_file($cluster->node->logfile), qr/TRAP:|PANIC:|was terminated by signal 11/, 'nothing crashed');

done_testing;
