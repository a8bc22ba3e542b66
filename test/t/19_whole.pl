# A shop with many orders over 90 days: a full run; then three days of life, late changes among them, in which nobody reads;
# then one incremental run. Every row is as the gateway says, and every day that ended more than a day ago is proven.
# ORDERS=n: so many orders.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $orders = $ENV{ORDERS} // 6000;
my $house = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => $orders, '--days' => 90 ]);
$house->add_shops(1);

my $since = $house->sql("SELECT ordersync_day((timezone('Asia/Shanghai', now()) - interval '88 days')::date)");
is($house->full(1, $since), 'succeeded', 'a full run of 88 days');
cmp_ok($house->sql('SELECT count(*) FROM ordersync.orders'), '>', $orders * 0.95, 'brings nearly all of them');
$house->take('full');

$house->control('late', percent => 5, max => 3600);
$house->advance(3 * 86400);
$house->control('late', percent => 0);
$house->advance(7200);
$house->advance(120, quiet => 1);
my $from = $house->sql("SELECT to_char(timezone('Asia/Shanghai', timestamptz '$since'), 'YYYY-MM-DD HH24:MI:SS')");
my @behind = $house->behind(1, 'trades', basis => 'created', since => $from);
cmp_ok(scalar(@behind), '>', $orders / 90, scalar(@behind) . ' orders are new or have changed in three days');
is($house->incremental(1), 'succeeded', 'one incremental run');
my $run = $house->{last_run};
note('measured: ' . $house->sql("SELECT string_agg(w || ' ' || calls, ', ') FROM (SELECT CASE WHEN t.basis = 'arrival' THEN 'check of arrivals'
	WHEN t.stream = 'details' THEN 'by id (' || t.reason || ')' ELSE t.stream END AS w, sum(t.calls) AS calls
	FROM ordersync.sync_tasks AS t WHERE t.run_id = $run GROUP BY 1 ORDER BY 1) AS c") . ' calls');
note('measured: ' . $house->sql("SELECT count(*) || ' repairs' FROM ordersync.repairs"));
is($house->sql("SELECT max(until - since) <= interval '1 day' FROM ordersync.sync_tasks WHERE run_id = $run AND since IS NOT NULL"), 't',
	'in windows that the platform accepts');
is($house->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND verdict = 'rejected'"), 0, 'nothing was refused');
is_deeply([ $house->behind(1, $_, $_ eq 'trades' ? (basis => 'created') : (), since => $from) ], [], "no one of $_ is missing or stale")
	for qw(trades refunds special);

my $old = "day < (timezone('Asia/Shanghai', now() + (SELECT clock_offset FROM ordersync.gateways)) - interval '1 day')::date";
is($house->sql("SELECT string_agg(DISTINCT stream || ' ' || basis || ' ' || verdict, ', ') FROM ordersync.completeness WHERE $old"),
	'after_sales modified proven, orders created proven, orders modified proven', 'every day that ended more than a day ago is proven');
is($house->sql("SELECT count(*) FROM ordersync.completeness WHERE $old AND basis = 'created' AND (stored <> reported OR surplus > 0)"), 0,
	'and its counts agree');
my ($first, $days) = split /\|/, $house->sql("SELECT min(day) <= '$since'::timestamptz::date + 1, count(*) FROM ordersync.completeness WHERE basis = 'created'");
is($first, 't', "from the first day on, $days of them");

$house->take('incremental');
$house->equals_truth('after three days', but => [ qw(paid_amount paid_amount_frozen paid_amount_estimated refunded_at refunded_date closed_at) ]);

done_testing;
