# 32 calls hang for as long as it takes, two of them of single orders, for which places are kept: no transaction and no xmin is held meanwhile, and terminate and a fast shutdown are
# obeyed at once. The limits here are for slow machines; what was measured is printed.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 1, '--orders-per-shop' => 3000, '--days' => 30 ],
	conf => 'ordersync.max_in_flight = 32');
$cluster->add_shops(1);
is($cluster->incremental(1), 'succeeded', 'a first run checks the data key');

$cluster->fault('hang', ms => 25_000);
my $run = $cluster->trigger('full', 1);
$cluster->wait_until('30 hanging calls', sub { $cluster->in_flight >= 30 });
is($cluster->in_flight, 30, 'of the 32 places of a worker a full run takes 30');
my @tids = split /\n/, $cluster->sql('SELECT tid FROM ordersync.orders ORDER BY tid DESC LIMIT 2');
my @orders = map { $cluster->sql("SELECT ordersync_trigger_order(1, $_)") } @tids;
$cluster->wait_until('32 hanging calls', sub { $cluster->in_flight >= 32 });
cmp_ok($cluster->in_flight, '>=', 32, '32 calls hang at once, from one worker');
is(scalar(my @pids = $cluster->worker_pids), 1, 'one worker holds them all');

my ($looks, $oldest, $xmins) = (0, 0, 0);
my $end = time + 2;
while (time < $end)
{
	my ($age, $xmin) = split /\|/, $cluster->sql(q{
		SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) * 1000, count(backend_xmin) FILTER (WHERE state = 'idle')
		FROM pg_stat_activity WHERE backend_type LIKE 'ordersync%'});
	$oldest = $age if $age > $oldest;
	$xmins += $xmin;
	$looks++;
}
note(sprintf('measured: %d looks: oldest transaction %.1f ms', $looks, $oldest));
cmp_ok($oldest, '<', 100, 'no worker has a transaction older than 100 ms');
is($xmins, 0, 'no idle worker holds an xmin');

my ($pid) = $cluster->worker_pids;
$cluster->sql("SELECT pg_terminate_backend($pid)");
my $took = $cluster->seconds_until('the worker to go', sub {
	$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0 });
note(sprintf('measured: pg_terminate_backend obeyed in %.0f ms', $took * 1000));
cmp_ok($took, '<', 5, 'pg_terminate_backend is obeyed while calls hang');

$cluster->wait_until('another worker with hanging calls', sub {
	my @now = $cluster->worker_pids;
	@now && $now[0] != $pid && $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running' AND attempt > 1") >= 1 });
ok(1, 'another worker took the tasks over');

my $since = time;
$cluster->node->stop('fast');
note(sprintf('measured: fast shutdown in %.0f ms', (time - $since) * 1000));
cmp_ok(time - $since, '<', 10, 'a fast shutdown does not wait for the network');

$cluster->no_faults;
$cluster->node->start;
is(join(' ', map { $cluster->finish($_) } $run, @orders), 'succeeded succeeded succeeded', 'the runs go on after the restart');
$cluster->take('full');
$cluster->equals_truth('after terminate and restart');

my $log = slurp_file($cluster->node->logfile);
unlike($log, qr/TRAP:|PANIC:|was terminated by signal 11/, 'nothing crashed');

done_testing;
