# The same orders from the list and from the history, which serves fewer fields: a figure or column is the same from both, or
# NULL from the history. Never 0, never false for what the platform did not say.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 10 ], conf => 'jit = off');
$cluster->sql('CREATE EXTENSION IF NOT EXISTS ordersync; SELECT ordersync.set_up()');
$cluster->sql('CREATE UNLOGGED TABLE incoming (body text)');
my ($listed, $archived) = (1, 2);

# Stores what the gateway says of an object as the worker would store it from that source.
sub store
{
	my ($shop, $object, $source, $api) = @_;
	my $said = $cluster->node->basedir . '/said';
	my $id = $object eq 'trades' ? 'tid' : 'refund_id';
	my $apply = $object eq 'trades' ? 'apply_orders' : 'apply_after_sales';
	system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $said,
		"http://$cluster->{address}/control/truth?shop=1&object=$object&api=$api");
	$cluster->sql("TRUNCATE incoming; COPY incoming FROM '$said' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
	return $cluster->sql("SELECT a.n_new FROM (SELECT array_agg((r ->> '$id')::bigint ORDER BY r ->> '$id') AS ids,
			array_agg((r ->> 'modified')::timestamp AT TIME ZONE 'Asia/Shanghai' ORDER BY r ->> '$id') AS modified,
			array_agg(substr(sha256(convert_to(r::text, 'UTF8')), 1, 16) ORDER BY r ->> '$id') AS digests,
			array_agg(r::text ORDER BY r ->> '$id') AS bodies FROM (SELECT body::jsonb AS r FROM incoming WHERE body <> '') AS i) AS p,
		ordersync.$apply($shop, '$source', NULL, NULL, p.ids, p.modified, p.digests, p.bodies) AS a");
}

for my $shop ($listed, $archived)
{
	store($shop, 'refunds', 'list', 'list');
	store($shop, 'special', 'special', 'list');
}
cmp_ok(store($listed, 'trades', 'list', 'list'), '>=', 300, 'orders from the list');	# at midnight none more
is(store($archived, 'trades', 'history', 'history'), $cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 1'), 'the same from the history');

$cluster->sql('ANALYZE');

my %keys = (
	orders => 'tid', sub_orders => 'oid', after_sales => 'refund_id', order_report => 'tid', sub_order_report => 'oid', after_sale_report => 'refund_id',
	daily_sales => 'day', item_sales => 'day, num_iid', refund_rates => 'day, num_iid', stage_durations => 'tid, stage',
);
for my $view (sort keys %keys)
{
	for my $shop ($listed, $archived)
	{
		my $rows = $shop == $listed ? 'l' : 'h';
		$cluster->sql("CREATE TABLE ${view}_$rows AS SELECT jsonb_build_array($keys{$view}) AS k, to_jsonb(v) - '{shop_id,platform_state,end_unknown,first_seen_at,synced_at}'::text[] AS r
			FROM ordersync.$view AS v WHERE shop_id = $shop; ANALYZE ${view}_$rows");
	}
	my $both = "FROM ${view}_l AS l FULL JOIN ${view}_h AS h USING (k)";
	cmp_ok($cluster->sql("SELECT count(*) $both WHERE l.r IS NOT NULL AND h.r IS NOT NULL"), '>', 5, "$view: rows from both");
	is($cluster->sql("SELECT count(*) $both WHERE l.r IS NULL OR h.r IS NULL"), 0, "$view: the same rows");
	is($cluster->sql("SELECT string_agg(DISTINCT key || ': ' || coalesce(l.r ->> key, 'NULL') || ' in the list, ' || (h.r ->> key), E'\\n')
		$both CROSS JOIN jsonb_object_keys(h.r) AS key WHERE h.r ->> key IS NOT NULL AND h.r -> key IS DISTINCT FROM l.r -> key"), '', "$view: the same values, or NULL");
}
is($cluster->sql("SELECT count(*) FROM ordersync.daily_sales WHERE shop_id = $listed AND paid_orders > 0 AND buyers IS NULL"), 0, 'buyers are known from the list');
is($cluster->sql("SELECT count(*) FROM ordersync.daily_sales WHERE shop_id = $archived AND paid_orders > 0 AND buyers IS NOT NULL"), 0, 'and not from the history');
is($cluster->sql("SELECT string_agg(DISTINCT key, ' ') FROM ordersync.daily_sales AS l JOIN ordersync.daily_sales AS h ON l.shop_id = $listed AND h.shop_id = $archived AND h.day = l.day
	CROSS JOIN jsonb_object_keys(to_jsonb(h)) AS key WHERE to_jsonb(h) ->> key IS NULL AND to_jsonb(l) ->> key IS NOT NULL"), 'buyers', 'which is all that its days lack');

done_testing;
