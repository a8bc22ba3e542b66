# A month by a full run, many changes by an incremental run: every row equal to the gateway's truth, and whatever is read again
# changes nothing. ORDERS=n: so many orders, a tenth of them changes.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $orders = $ENV{ORDERS} // 2000;
my $changes = $orders / 10;
# The orders of 27 days, which every month has. Without a lag, so that all runs see the same world to its last second:
# after-sales are read up to now.
my $cluster = OrdersyncTest->new(bare => 1, gateway => [ '--shops' => 1, '--orders-per-shop' => $orders, '--days' => 27 ],
	conf => 'ordersync.lag = 0');
$cluster->add_shops(1);

is($cluster->full(1), 'succeeded', 'a full run of a month succeeds');
my ($since, $until) = $cluster->range_of($cluster->{last_run});
my $full = $cluster->{last_run};
note('measured: ' . $cluster->sql("SELECT r.records || ' records in ' || round(r.seconds, 1) || ' s, ' || round(r.records / r.seconds)
	|| ' a second; ' || r.calls || ' calls' FROM (SELECT sum(t.records_new) AS records, sum(t.calls) AS calls,
	extract(epoch FROM min(r.finished_at) - min(r.started_at)) AS seconds
	FROM ordersync.sync_runs AS r JOIN ordersync.sync_tasks AS t USING (run_id) WHERE run_id = $full) AS r"));
$cluster->take('full');
$cluster->equals_truth('full run');
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.orders'), '>=', 0.95 * $orders, "the month has some $orders orders");

my ($rows, $writes) = ($cluster->fingerprint, $cluster->writes);
is($cluster->full(1, $since, $until), 'succeeded', 'the same month again');
is($cluster->fingerprint, $rows, 'a second full run touches no row: neither place, xmin nor xmax');
is($cluster->writes, $writes, 'a second full run writes nothing');

$cluster->control('change', shop => 1, orders => $changes);
# What is loaded in the very second in which it is read may be followed by another version in it, and is fetched once more.
$cluster->advance(5, quiet => 1);
is($cluster->incremental(1), 'succeeded', "an incremental run after $changes changes");
my ($inc_since, $inc_until) = $cluster->range_of($cluster->{last_run});
$cluster->take('incremental');
$cluster->equals_truth('incremental run');
isnt($cluster->fingerprint, $rows, 'it did change rows');

($rows, $writes) = ($cluster->fingerprint, $cluster->writes);
is($cluster->incremental(1, $inc_since, $inc_until), 'succeeded', 'the same changes again');
is($cluster->fingerprint, $rows, 'a second incremental run touches no row');
is($cluster->writes, $writes, 'a second incremental run writes nothing');

is($cluster->full(1, $since, $until), 'succeeded', 'the month once more, which brings what only the list serves');
$cluster->take('full');
$cluster->equals_truth('full run over changed orders');

($rows, $writes) = ($cluster->fingerprint, $cluster->writes);
for my $kind (qw(incremental full incremental full))
{
	is($cluster->run($kind, 1, $kind eq 'full' ? ($since, $until) : ($inc_since, $inc_until)), 'succeeded', "$kind, in any order");
}
is($cluster->fingerprint, $rows, 'runs in any order touch no row');
is($cluster->writes, $writes, 'runs in any order write nothing');
$cluster->equals_truth('after runs in any order');

is($cluster->sql('SELECT count(*) FROM ordersync.quarantine'), '0', 'nothing is in quarantine');
is($cluster->sql("SELECT count(*) FROM ordersync.sub_orders AS s
	WHERE NOT EXISTS (SELECT FROM ordersync.orders AS o WHERE o.shop_id = s.shop_id AND o.tid = s.tid)"), '0',
	'every sub-order has its order');

done_testing;
