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
my $house = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => $orders, '--days' => 27 ],
	conf => 'ordersync.lag = 0');
$house->add_shops(1);

is($house->full(1), 'succeeded', 'a full run of a month succeeds');
my ($since, $until) = $house->range_of($house->{last_run});
my $full = $house->{last_run};
note('measured: ' . $house->sql("SELECT r.records || ' records in ' || round(r.seconds, 1) || ' s, ' || round(r.records / r.seconds)
	|| ' a second; ' || r.calls || ' calls' FROM (SELECT sum(t.records_new) AS records, sum(t.calls) AS calls,
	extract(epoch FROM min(r.finished_at) - min(r.started_at)) AS seconds
	FROM ordersync.sync_runs AS r JOIN ordersync.sync_tasks AS t USING (run_id) WHERE run_id = $full) AS r"));
$house->take('full');
$house->equals_truth('full run');
cmp_ok($house->sql('SELECT count(*) FROM ordersync.orders'), '>=', 0.95 * $orders, "the month has some $orders orders");

my ($rows, $writes) = ($house->fingerprint, $house->writes);
is($house->full(1, $since, $until), 'succeeded', 'the same month again');
is($house->fingerprint, $rows, 'a second full run touches no row: neither place, xmin nor xmax');
is($house->writes, $writes, 'a second full run writes nothing');

$house->control('change', shop => 1, orders => $changes);
# What is loaded in the very second in which it is read may be followed by another version in it, and is fetched once more.
$house->advance(5, quiet => 1);
is($house->incremental(1), 'succeeded', "an incremental run after $changes changes");
my ($inc_since, $inc_until) = $house->range_of($house->{last_run});
$house->take('incremental');
$house->equals_truth('incremental run');
isnt($house->fingerprint, $rows, 'it did change rows');

($rows, $writes) = ($house->fingerprint, $house->writes);
is($house->incremental(1, $inc_since, $inc_until), 'succeeded', 'the same changes again');
is($house->fingerprint, $rows, 'a second incremental run touches no row');
is($house->writes, $writes, 'a second incremental run writes nothing');

is($house->full(1, $since, $until), 'succeeded', 'the month once more, which brings what only the list serves');
$house->take('full');
$house->equals_truth('full run over changed orders');

($rows, $writes) = ($house->fingerprint, $house->writes);
for my $kind (qw(incremental full incremental full))
{
	is($house->run($kind, 1, $kind eq 'full' ? ($since, $until) : ($inc_since, $inc_until)), 'succeeded', "$kind, in any order");
}
is($house->fingerprint, $rows, 'runs in any order touch no row');
is($house->writes, $writes, 'runs in any order write nothing');
$house->equals_truth('after runs in any order');

is($house->sql('SELECT count(*) FROM ordersync.quarantine'), '0', 'nothing is in quarantine');
is($house->sql("SELECT count(*) FROM ordersync.sub_orders AS s
	WHERE NOT EXISTS (SELECT FROM ordersync.orders AS o WHERE o.shop_id = s.shop_id AND o.tid = s.tid)"), '0',
	'every sub-order has its order');

done_testing;
