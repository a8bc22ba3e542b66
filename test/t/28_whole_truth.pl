# What is stored is what is in the tables: rows that are gone come back by a run, a verify and a reproject, and no day is proven
# without them; orders of a type that no list asks for are found; of two versions of one second the last one is stored.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 240, '--days' => 6, '--new-kind' => 60, '--burst' => 0, '--still' ]);
$cluster->add_shops(1);
# of so few rows a report is compiled for longer than it takes
$cluster->sql('ALTER SYSTEM SET jit = off');
$cluster->sql('SELECT pg_reload_conf()');
my ($since, $until) = map { $cluster->ago($_) . '+08' } 7 * 86400, 0;
my $full = sub { return $cluster->full(1, $since, $until) };
my $verify = sub { return $cluster->finish($cluster->{last_run} = $cluster->sql("SELECT ordersync_verify(1, '$since', '$until')")) };
# The orders as the platform has them, by number.
my $truth = sub { return { map { ($_->{tid} => $_) } map { decode_json($_) } split /\n/, $cluster->control('truth', shop => 1, object => 'trades', api => 'list') } };
my $records = sub { return $cluster->sql("SELECT concat_ws('/', sum(records_new), sum(records_changed)) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run}") };
# All rows but when they were written, and what a payload that was made of columns cannot know.
my $rows = sub
{
	return $cluster->sql(q[SELECT
		(SELECT count(*) || ' ' || md5(string_agg((to_jsonb(o) - 'synced_at'::text - 'details_at'::text)::text, ' ' ORDER BY tid)) FROM ordersync.orders o)
		|| ' ' || (SELECT count(*) || ' ' || md5(string_agg((to_jsonb(s) - '{synced_at,first_seen_at,paid_amount,paid_amount_estimated}'::text[])::text, ' ' ORDER BY oid)) FROM ordersync.sub_orders s)
		|| ' ' || (SELECT count(*) || ' ' || md5(string_agg((to_jsonb(a) - 'synced_at'::text)::text, ' ' ORDER BY refund_id)) FROM ordersync.after_sales a)
		|| ' ' || (SELECT count(*) FROM ordersync.order_payloads) || ' ' || (SELECT count(*) FROM ordersync.after_sale_payloads)]);
};
my $days = sub { my ($where) = @_; return $cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE $where") };

### a type that no list asks for ###

my @new_kind = sort { $a <=> $b } map { $_->{tid} } grep { $_->{type} eq 'new_kind' } values %{ $truth->() };
cmp_ok(scalar @new_kind, '>', 0, 'the world has ' . @new_kind . ' orders of a type that no documentation names');
my $stored = sub { return $cluster->sql("SELECT count(*) FROM ordersync.orders WHERE type = 'new_kind'") };

$cluster->fault('untyped', kind => 'refused');
is($full->(), 'succeeded', 'a gateway that does not answer without the parameter type fails no run');
is($stored->(), 0, 'the lists do not have these orders');
is($cluster->sql("SELECT string_agg(k, ', ' ORDER BY k) FROM ordersync.shops, jsonb_object_keys(unserved) k"), 'after_sales of any type, orders of any type, special_refunds of any type', 'it is noted');
is($cluster->sql("SELECT count(*) FROM ordersync.type_counts"), 0, 'nothing was counted');
$cluster->sql("UPDATE ordersync.shops SET unserved = '{}'");

$cluster->no_faults;
is($full->(), 'succeeded', 'a platform that without the parameter leaves out what its documentation says');
is($cluster->sql("SELECT max(calls) || ' ' || count(*) - count(DISTINCT (stream, since)) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND ext_type = 'any'"), '1 0', 'one call a day and list');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.type_counts WHERE stream = 'orders'"), '>=', 5, 'each whole day is counted');
is($days->("reason IS NOT NULL"), 0, 'no more is counted than stored: nothing is said');
is($full->(), 'succeeded', 'once more');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND ext_type = 'any'"), 0, 'a day is counted once');

$cluster->fault('untyped', kind => 'all');
is($verify->(), 'succeeded', 'a platform that then lists all');
my $whole = $cluster->sql("SELECT count(DISTINCT range) FROM ordersync.type_counts WHERE stream = 'orders' AND any_type > listed");
cmp_ok($whole, '>', 0, "$whole days have more than the types that are asked for");
cmp_ok($stored->(), '>', 0, 'these orders were fetched by their numbers');
is($days->("basis = 'created' AND stream = 'orders' AND verdict = 'proven' AND day IN (SELECT created_date FROM ordersync.orders WHERE type = 'new_kind')"), 0, 'their days are not proven');
is($days->("basis = 'created' AND stream = 'orders' AND reason LIKE '%type that no list asks for%'"), $whole, 'and say why');
like($cluster->sql_fails(q[SELECT ordersync_set_gateway('taobao', '{"types_add": "new_kind"}')]), qr/invalid value for option "types_add"/, 'types_add is a list');
like($cluster->sql_fails(q[SELECT ordersync_set_gateway('taobao', '{"types_add": ["a,b"]}')]), qr/invalid value for option "types_add"/, 'of names');
$cluster->sql(q[SELECT ordersync_set_gateway('taobao', '{"types_add": ["new_kind"]}')]);
is($full->(), 'succeeded', 'the type is asked for');
is($cluster->sql("SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE type = 'new_kind'"), "@new_kind", 'all of them are stored');
is($days->('reason IS NOT NULL'), 0, 'no day says anything');
is($cluster->sql('SELECT count(*) FROM ordersync.type_counts WHERE any_type > listed'), 0, 'the days were counted again');

### rows that are gone ###

$cluster->advance(2 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'an incremental run');
is($full->(), 'succeeded', 'and a full one');
is($records->(), '0/0', 'nothing is new, nothing has changed');
my $before = $rows->();
$cluster->sql('CREATE TABLE orders_before AS SELECT * FROM ordersync.orders');
my $proven = $days->("verdict = 'proven'");
cmp_ok($proven, '>', 5, "$proven days are proven");

my %ways = (full => $full, verify => $verify, reproject => sub { $cluster->sql('CALL ordersync_reproject()'); return 'succeeded' });
for (
	[ 'orders', 'DELETE FROM ordersync.orders WHERE tid % 3 > 0', qr/rows/, qw(full verify reproject) ],
	[ 'sub_orders', 'DELETE FROM ordersync.sub_orders WHERE oid % 2 = 0', qr/lines/, qw(full verify reproject) ],
	[ 'after_sales', 'DELETE FROM ordersync.after_sales', qr/rows/, qw(full verify reproject) ],
	[ 'order_payloads', 'DELETE FROM ordersync.order_payloads WHERE tid % 3 > 0', undef, qw(verify reproject) ],
	[ 'after_sale_payloads', 'DELETE FROM ordersync.after_sale_payloads', undef, qw(verify reproject) ],
	[ 'orders and lines', 'DELETE FROM ordersync.orders; DELETE FROM ordersync.sub_orders', qr/rows/, qw(full reproject) ])
{
	my ($table, $sql, $reason, @by) = @$_;
	for my $way (@by)
	{
		$cluster->sql($sql);
		cmp_ok($days->("verdict = 'proven'"), '<', $proven, "$table: fewer days are proven") if $reason;
		like($cluster->sql("SELECT string_agg(DISTINCT reason, ' ') FROM ordersync.completeness WHERE verdict = 'short'"), $reason, 'and say that they are gone') if $reason;
		is($ways{$way}->(), 'succeeded', "$table, $way");
		is($rows->(), $before, 'all rows are back as they were') or diag("$table by $way: " . substr $cluster->sql("SELECT string_agg(b.tid || ' ' || k.key || ' ' || concat_ws(' for ', k.value, to_jsonb(b) -> k.key), ', ')
			FROM orders_before b JOIN ordersync.orders o USING (tid), jsonb_each(to_jsonb(o)) k WHERE k.key NOT IN ('synced_at', 'details_at') AND k.value IS DISTINCT FROM to_jsonb(b) -> k.key"), 0, 500);
		is($days->("verdict = 'proven'"), $proven, 'and all days proven');
	}
}
is($full->(), 'succeeded', 'a full run after all that');
is($full->(), 'succeeded', 'and another one');
is($records->(), '0/0', 'nothing is new, nothing has changed');

# Of all that is known nothing is left: the counts tell.
$cluster->sql("DELETE FROM ordersync.$_") for qw(orders sub_orders order_payloads);
is($days->("stream = 'orders' AND basis = 'created' AND verdict = 'proven' AND seen > 0"), 0, 'without rows and records no day that had orders is proven');
is($verify->(), 'succeeded', 'verify');
is($cluster->sql('SELECT count(*) FROM ordersync.orders'), (split / /, $before)[0], 'all orders are read again');
is($days->("stream = 'orders' AND basis = 'created' AND verdict = 'proven'") > 5, 1, 'and proven');

# What counts cannot tell: one that is gone is made up for by one that only we have.
my ($tid, $created) = split /\|/, $cluster->sql('SELECT tid, created FROM ordersync.orders ORDER BY created LIMIT 1 OFFSET 60');
$cluster->sql("DELETE FROM ordersync.orders WHERE tid = $tid; INSERT INTO ordersync.orders (shop_id, tid, created, status, line_count) VALUES (1, 42, '$created', 'TRADE_FINISHED', 0)");
is($verify->(), 'succeeded', 'an order is gone, another one is there that nobody lists');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE tid = $tid"), 1, 'it is back');
is($cluster->sql("SELECT count(*) FROM ordersync.repairs WHERE record_id = $tid AND reason = 'verify' AND run_id = $cluster->{last_run}"), 1, 'as a repair');
$cluster->sql('DELETE FROM ordersync.orders WHERE tid = 42; DELETE FROM ordersync.order_payloads WHERE tid = 42');

### two versions of one second ###

my $before_change = $truth->();
my $changed = $cluster->control('change', shop => 1, orders => 12, again => 1, from => $cluster->ago(9 * 86400), to => $cluster->ago(3600))->{changed};
cmp_ok($changed, '>', 5, "$changed orders change within the second of their last change");
$cluster->advance(7200, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'the list of arrivals sees them');
my $now = $truth->();
my %state = map { my ($t, @s) = split /\|/, $_, -1; ($t => "@s") } split /\n/, $cluster->sql('SELECT tid, status, payment FROM ordersync.orders');
is_deeply([ grep { $state{$_} ne "$now->{$_}{status} $now->{$_}{payment}" } sort keys %$now ], [], 'all orders are stored as they are now');
is_deeply([ grep { $before_change->{$_}{modified} ne $now->{$_}{modified} } sort keys %$now ], [], 'though none has another modified');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.repairs WHERE reason = 'arrival' AND run_id = $cluster->{last_run}"), '>', 0, 'those that differ are repairs');
is($cluster->incremental(1), 'succeeded', 'once more');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND stream = 'details'"), 0, 'none is fetched twice');

done_testing;
