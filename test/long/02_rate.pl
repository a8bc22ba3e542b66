# Many orders of one shop into a database that was never analysed, autovacuum off: the rate at the end is the rate at the
# start. A plan saved while the tables were empty would make it fall.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $orders = $ENV{ORDERS} // 40000;
my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 1, '--orders-per-shop' => $orders, '--days' => 30 ],
	conf => "jit = on\nautovacuum = off\nshared_buffers = 256MB\nmax_wal_size = 4GB");
$cluster->add_shops(1);

is($cluster->full(1), 'succeeded', "a full run of $orders orders");
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.orders'), '>=', 0.9 * $orders, 'they are all there');

my ($first, $last) = split /\|/, $cluster->sql(q{
	WITH fetched AS (
		SELECT ntile(4) OVER (ORDER BY logged_at, started_at) AS part, logged_at, records
		FROM ordersync.request_log
		WHERE verdict = 'ok' AND records > 0
	), rates AS (
		SELECT part, sum(records) / extract(epoch FROM max(logged_at) - min(logged_at)) AS rate FROM fetched GROUP BY part
	)
	SELECT round(max(rate) FILTER (WHERE part = 1)), round(max(rate) FILTER (WHERE part = 4)) FROM rates});
note("measured: records a second, $first in the first quarter, $last in the last");
cmp_ok($last, '>', 0.5 * $first, 'the rate at the end is the rate at the start');

is($cluster->sql('SELECT count(*) FROM pg_statistic AS s JOIN pg_class AS c ON c.oid = s.starelid
	JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $$ordersync$$'), '0', 'nothing was analysed meanwhile');

done_testing;
