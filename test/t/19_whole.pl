# A shop with many orders over 90 days: a full run; then three days of life, late changes among them, in which nobody reads;
# then one incremental run. Every row is as the gateway says, and every day that ended more than a day ago is proven.
# ORDERS=n: so many orders.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $orders = $ENV{ORDERS} // 6000;
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => $orders, '--days' => 90 ]);
$cluster->add_shops(1);

my $since = $cluster->sql("SELECT ordersync_day((timezone('Asia/Shanghai', now()) - interval '88 days')::date)");
is($cluster->full(1, $since), 'succeeded', 'a full run of 88 days');
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.orders'), '>', $orders * 0.95, 'brings nearly all of them');
$cluster->take('full');

$cluster->control('late', percent => 5, max => 3600);
$cluster->advance(3 * 86400);
$cluster->control('late', percent => 0);
$cluster->advance(7200);
$cluster->advance(120, quiet => 1);
my $from = $cluster->sql("SELECT to_char(timezone('Asia/Shanghai', timestamptz '$since'), 'YYYY-MM-DD HH24:MI:SS')");
my @behind = $cluster->behind(1, 'trades', basis => 'created', since => $from);
cmp_ok(scalar(@behind), '>', $orders / 90, scalar(@behind) . ' orders are new or have changed in three days');
is($cluster->incremental(1), 'succeeded', 'one incremental run');
my $run = $cluster->{last_run};
note('measured: ' . $cluster->sql("SELECT string_agg(w || ' ' || calls, ', ') FROM (SELECT CASE WHEN t.basis = 'arrival' THEN 'check of arrivals'
	WHEN t.stream = 'details' THEN 'by id (' || t.reason || ')' ELSE t.stream END AS w, sum(t.calls) AS calls
	FROM ordersync.sync_tasks AS t WHERE t.run_id = $run GROUP BY 1 ORDER BY 1) AS c") . ' calls');
note('measured: ' . $cluster->sql("SELECT count(*) || ' repairs' FROM ordersync.repairs"));
is($cluster->sql("SELECT max(until - since) <= interval '1 day' FROM ordersync.sync_tasks WHERE run_id = $run AND since IS NOT NULL"), 't',
	'in windows that the platform accepts');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND verdict = 'rejected'"), 0, 'nothing was refused');
is_deeply([ $cluster->behind(1, $_, $_ eq 'trades' ? (basis => 'created') : (), since => $from) ], [], "no one of $_ is missing or stale")
	for qw(trades refunds special);

my $old = "day < (timezone('Asia/Shanghai', now() + (SELECT clock_offset FROM ordersync.gateways)) - interval '1 day')::date";
is($cluster->sql("SELECT string_agg(DISTINCT stream || ' ' || basis || ' ' || verdict, ', ') FROM ordersync.completeness WHERE $old"),
	'after_sales modified proven, orders created proven, orders modified proven', 'every day that ended more than a day ago is proven');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE $old AND basis = 'created' AND (stored <> reported OR surplus > 0)"), 0,
	'and its counts agree');
my ($first, $days) = split /\|/, $cluster->sql("SELECT min(day) <= '$since'::timestamptz::date + 1, count(*) FROM ordersync.completeness WHERE basis = 'created'");
is($first, 't', "from the first day on, $days of them");

$cluster->take('incremental');
$cluster->equals_truth('after three days', but => [ qw(paid_amount paid_amount_frozen paid_amount_estimated refunded_at refunded_date closed_at) ]);

done_testing;
