# ordersync_compare(): a month of 500,000 orders beside a puller's table of 1,500,000, with faults planted in it.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time);

my $orders = $ENV{ORDERS} // 1_500_000;
my $node = PostgreSQL::Test::Cluster->new('compare');
OrdersyncTest::init_from_template($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nshared_buffers = 512MB\nmax_wal_size = 4GB\n");
$node->start;
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sql('CREATE EXTENSION ordersync; SELECT ordersync.set_up()');
# three months; the second of them is compared
sql(qq{
	INSERT INTO ordersync.orders (shop_id, tid, type, status, created, pay_time, paid_at, modified, payment, paid_amount)
	SELECT 7, 1347456243421000949 + i::bigint * 10007, 'fixed', 'TRADE_FINISHED', c.at, c.at, c.at, c.at + interval '9 days', 152.37, 152.37
	FROM generate_series(0, $orders - 1) i,
		LATERAL (SELECT date_trunc('second', '2026-09-01 00:00+08'::timestamptz + i * interval '91 days' / $orders) AS at) c});
sql(q{VACUUM ANALYZE ordersync.orders});
sql(q{CREATE TABLE theirs AS
	SELECT tid::text AS tid, status, payment::float8 AS payment, created AT TIME ZONE 'Asia/Shanghai' AS created,
		modified AT TIME ZONE 'Asia/Shanghai' AS modified, pay_time AT TIME ZONE 'Asia/Shanghai' AS pay_time
	FROM ordersync.orders});
sub summary
{
	my ($table) = @_;
	my $began = time;
	my $said = sql("SELECT string_agg(difference || ' ' || records, ', ' ORDER BY difference) FROM ordersync_compare_summary('$table', '2026-10-01', '2026-11-01')");
	note(sprintf('%s: %.1f s', $table, time - $began));
	return ($said, time - $began);
}
my $month = sql(q{SELECT count(*) FROM ordersync.orders WHERE created_date >= '2026-10-01' AND created_date < '2026-11-01'});
cmp_ok($month, '>', $orders * 0.33, "a month of $month orders");
my ($said, $seconds) = summary('theirs');
is($said, '', 'a copy without faults');
cmp_ok($seconds, '<', 120, 'in good time');

# of the month's orders by the remainder of their place: which, and how many, is known before
sql(q{CREATE TEMP TABLE place AS SELECT tid::text AS tid, (row_number() OVER (ORDER BY tid)) % 1000 AS k FROM ordersync.orders WHERE created_date >= '2026-10-01' AND created_date < '2026-11-01';
	CREATE TABLE places AS SELECT * FROM place; ANALYZE places;
	DELETE FROM theirs t USING places p WHERE p.tid = t.tid AND k = 1;
	UPDATE theirs t SET modified = modified - interval '1 hour', status = 'WAIT_BUYER_PAY' FROM places p WHERE p.tid = t.tid AND k IN (2, 3);
	UPDATE theirs t SET payment = payment * 100 FROM places p WHERE p.tid = t.tid AND k = 4;
	UPDATE theirs t SET created = created - interval '8 hours' FROM places p WHERE p.tid = t.tid AND k = 5;
	UPDATE theirs t SET tid = (t.tid::float8::bigint)::text FROM places p WHERE p.tid = t.tid AND k = 6 AND t.tid::float8::bigint <> t.tid::bigint;
	INSERT INTO theirs SELECT t.* FROM theirs t JOIN places p ON p.tid = t.tid WHERE k = 7});
my %n = map { split /\|/ } split /\n/, sql('SELECT k, count(*) FROM places WHERE k <= 7 GROUP BY k');
my $rounded = sql('SELECT count(*) FROM places WHERE k = 6 AND tid::float8::bigint <> tid::bigint');
($said, $seconds) = summary('theirs');
is($said, join(', ', "amount_in_cents $n{4}", "id_duplicate $n{7}", "id_rounded $rounded", "only_ours $n{1}", 'stale_in_theirs ' . ($n{2} + $n{3}), "time_zone $n{5}"),
	'each planted fault');
cmp_ok($seconds, '<', 120, 'in good time');

# all of them off by a zone
sql(q{CREATE TABLE off AS SELECT tid, created - interval '8 hours' AS created, modified - interval '8 hours' AS modified, pay_time - interval '8 hours' AS pay_time
	FROM ordersync.orders});
($said, $seconds) = summary('off');
is($said, "time_zone $month", 'a fault of every row');
cmp_ok($seconds, '<', 240, 'in good time');
$node->stop;

done_testing;
