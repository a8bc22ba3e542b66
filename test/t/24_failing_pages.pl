# A page that fails for good does not take its window's rest with it: what can be read is read, the rest stands alone as failed,
# the run is incomplete, and a retry fetches what is missing.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 4000, '--days' => 4 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3");
$cluster->add_shops(1);
$cluster->advance(300, quiet => 1);

# Two orders whose pages cannot be stored, in seconds of different days, for a reason that may pass by itself (what the database
# refuses for good costs its record only: 32_refusals.pl). They have no after-sales, by which they would be fetched too.
my %created = map { /"tid":(\d+),"created":"([^"]+)"/ ? ($1 => $2) : () } split /\n/, $cluster->control('truth', shop => 1, slim => 1);
my @tids = sort { $created{$a} cmp $created{$b} } keys %created;
my $returned = $cluster->has_after_sales(1);
my @plain = grep { !$returned->{$_} } @tids;
cmp_ok(scalar @plain, '<', scalar @tids, 'some orders have after-sales');
my @bad = @plain[ int(@plain * 0.3), int(@plain * 0.7) ];
$cluster->sql('SELECT ordersync.set_up()');
$cluster->sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error USING MESSAGE = ''unwanted''; END';
	CREATE TRIGGER broken BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid IN (" . join(',', @bad) . ")) EXECUTE FUNCTION broken()");
is($cluster->full(1), 'incomplete', 'a full run with two orders that cannot be stored');
my $run = $cluster->{last_run};
my %second; $second{ $created{$_} }++ for @tids;
my $lost = 0; $lost += $second{$_} for map { $created{$_} } @bad;
my $missing = () = $cluster->behind(1, 'trades');
cmp_ok($missing, '>=', 2, 'both are missing');
cmp_ok($missing, '<=', $lost, "and no more than share their second ($missing)");
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'failed'"), 2, 'two windows have failed');
is($cluster->sql("SELECT max(until - since) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'failed'"), '00:00:01', 'of a second each');
is($cluster->sql("SELECT string_agg(to_char(timezone('Asia/Shanghai', since), 'YYYY-MM-DD HH24:MI:SS'), ',' ORDER BY since) FROM ordersync.failed_tasks
	WHERE run_id = $run"), join(',', map { $created{$_} } @bad), 'with their range');
like($cluster->sql("SELECT min(error) FROM ordersync.failed_tasks WHERE run_id = $run"), qr/unwanted/, 'and the reason');
is($cluster->sql("SELECT tstzmultirange(tstzrange(min(since), min(since) + interval '1 second')) <@ (SELECT ranges FROM ordersync.coverage
	WHERE stream = 'orders' AND basis = 'created') FROM ordersync.failed_tasks WHERE run_id = $run"), 'f', 'which is not covered');
cmp_ok($cluster->sql("SELECT sum(calls) FROM ordersync.sync_tasks WHERE run_id = $run AND work <> 'count'"), '<', @tids / 10, 'without calling on and on');
$cluster->sql('DROP TRIGGER broken ON ordersync.orders');
is($cluster->sql("SELECT ordersync_retry($run)"), 2, 'both are tried again');
is($cluster->finish($run), 'succeeded', 'and the run is whole');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'nothing is missing');

# The gateway down altogether: windows are not halved over and over for that.
$cluster->fault('status', value => 502);
my $down = $cluster->trigger('full', 1);
$cluster->wait_until('a probe of it', sub { $cluster->sql("SELECT count(*) FROM ordersync.stopped_calls c JOIN ordersync.request_log l ON l.started_at > c.since WHERE l.http_status = 502") > 0 });
is($cluster->run_state($down), 'running', 'a gateway that is down fails no run');
is($cluster->sql("SELECT max(splits) FROM ordersync.sync_tasks WHERE run_id = $down"), 0, 'has no window halved');
$cluster->no_faults;
is($cluster->finish($down), 'succeeded', 'when it is up again the run succeeds');

# Garbage in every answer of one list, the other lists are good.
$cluster->fault('bad_json', method => 'taobao.refunds.receive.get');
my $garbage = $cluster->trigger('full', 1);
$cluster->wait_until('the others to be read', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $garbage
	AND stream = 'orders' AND NOT held AND state <> 'succeeded'") == 0 });
$cluster->wait_until('its list to be stopped', sub { $cluster->sql("SELECT string_agg(DISTINCT method, ',') FROM ordersync.stopped_calls") eq 'taobao.refunds.receive.get' });
is($cluster->sql("SELECT string_agg(DISTINCT stream || ' ' || error_class, ',') FROM ordersync.failed_tasks WHERE run_id = $garbage"),
	'after_sales malformed', 'a list that answers garbage fails by itself');
is($cluster->sql("SELECT max(splits) FROM ordersync.sync_tasks WHERE run_id = $garbage"), 0, 'and no window is halved');
$cluster->no_faults;
is($cluster->finish($garbage), 'succeeded', 'when it answers again the run succeeds');

done_testing;
