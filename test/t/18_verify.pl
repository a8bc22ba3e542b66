# Comparing counts: what was deleted, what the platform hides in a list of its own, what nobody can see any more; and what a
# withheld record leaves behind.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 20 ]);
$cluster->add_shops(1);
is($cluster->full(1), 'succeeded', 'a full run');
$cluster->advance(3 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'and an incremental one');
my ($since, $until) = split /\|/, $cluster->sql("SELECT ordersync_day(min(day)), ordersync_day(max(day) + 1)
	FROM ordersync.completeness WHERE basis = 'created'");
my $verify = sub {
	return $cluster->finish($cluster->{last_run} = $cluster->sql("SELECT ordersync_verify(1, '$since', '$until')"));
};
my $tasks = sub { return $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND " . $_[0]) };

my $writes = $cluster->writes;
is($verify->(), 'succeeded', 'counts are compared');
is($tasks->("work = 'store'"), 0, 'no day differs');
is($cluster->writes, $writes, 'nothing is written');
my $days = $tasks->("work = 'count' AND stream = 'orders'");
cmp_ok($days, '>=', 20, "$days days of orders are counted");
is($tasks->("work = 'count' AND stream = 'orders' AND calls > 2"), 0, 'each by one call, or two');
is($tasks->("work = 'check' AND calls > 1 AND reported < 100"), 0, 'each special kind by one');

# Deleted by hand: a day lacks three orders, another an after-sale.
my @gone = split /\n/, $cluster->sql('SELECT tid FROM ordersync.orders WHERE created_date = (SELECT min(created_date) + 5 FROM ordersync.orders) LIMIT 3');
my $list = join ',', @gone;
my ($refund) = $cluster->sql('SELECT refund_id FROM ordersync.after_sales WHERE special_refund_type IS NULL ORDER BY modified LIMIT 1 OFFSET 30');
$cluster->sql("DELETE FROM ordersync.orders WHERE tid IN ($list); DELETE FROM ordersync.sub_orders WHERE tid IN ($list);
	DELETE FROM ordersync.order_payloads WHERE tid IN ($list);
	DELETE FROM ordersync.after_sales WHERE refund_id = $refund; DELETE FROM ordersync.after_sale_payloads WHERE refund_id = $refund");
is($verify->(), 'succeeded', 'three orders and an after-sale are gone');
is($tasks->("work = 'store'"), 2, 'the two days are read again');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE tid IN ($list)"), 3, 'the orders are back');
is($cluster->sql("SELECT count(*) FROM ordersync.sub_orders WHERE tid IN ($list)") >= 3, 1, 'with their lines');
is($cluster->sql("SELECT count(*) FROM ordersync.after_sales WHERE refund_id = $refund"), 1, 'and so is the after-sale');
is($cluster->sql("SELECT string_agg(record_id::text, ',' ORDER BY record_id) FROM ordersync.repairs WHERE reason = 'verify'"),
	join(',', sort { $a <=> $b } @gone, $refund), 'each is a repair by its number');
is($cluster->sql("SELECT repaired FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'created' AND repaired > 0"), 3, 'the day shows them');
is($verify->(), 'succeeded', 'once more');
is($tasks->("work = 'store'"), 0, 'nothing differs');

# Stored and not listed any more: shown, and nothing is deleted.
my $day = $cluster->sql('SELECT min(created_date) + 7 FROM ordersync.orders');
$cluster->sql("INSERT INTO ordersync.orders (shop_id, tid, created, status) VALUES (1, 42, ordersync_day('$day') + interval '10 hours', 'TRADE_FINISHED')");
is($verify->(), 'succeeded', 'an order that only we have');
is($cluster->sql("SELECT surplus FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'created' AND day = '$day'"), 1, 'is shown as surplus');
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE tid = 42'), 1, 'and stays');
$cluster->sql('DELETE FROM ordersync.orders WHERE tid = 42');

# The second at a window's end, which the platform's range may include.
my $midnight = $cluster->sql("SELECT tid FROM ordersync.orders WHERE created_date = '$day' LIMIT 1");
is($cluster->sql("SELECT within || ' ' || at_until FROM ordersync.orders AS o, ordersync.count_stored(1, 'orders', o.created - interval '1 hour', o.created) WHERE o.tid = $midnight"),
	$cluster->sql("SELECT count(*) FILTER (WHERE w.created < o.created) || ' ' || count(*) FILTER (WHERE w.created = o.created) FROM ordersync.orders AS o, ordersync.orders AS w
		WHERE o.tid = $midnight AND w.created BETWEEN o.created - interval '1 hour' AND o.created"), 'is counted by itself');
my ($from, $to) = split /\|/, $cluster->sql("SELECT o.created - interval '1 hour', o.created FROM ordersync.orders AS o WHERE o.tid = $midnight");
for my $end (qw(inclusive exclusive))
{
	$cluster->fault('exclusive_end') if $end eq 'exclusive';
	is($cluster->finish($cluster->{last_run} = $cluster->sql("SELECT ordersync_verify(1, '$from', '$to')")), 'succeeded', "a window whose end has an order, where ends are $end");
	is($tasks->("work = 'store'"), 0, 'has the same count as ours');
	is($tasks->("work = 'count' AND stream = 'orders' AND calls = 2"), 1, 'by asking for that second too');
	$cluster->no_faults;
}

# More than the platform serves.
like($cluster->sql_fails("SELECT ordersync_verify(1, now() - interval '90 days', now())"), qr/does not serve that range.*HINT:  The earliest whole day/s, 'not beyond 89 days');

# Withheld: counted, and in no list. The window is short until it is listed again; then the record is named.
$cluster->advance(3 * 3600);
$cluster->control('change', shop => 1, orders => 20, from => $cluster->ago(3000), to => $cluster->ago(1500));
$cluster->advance(900, quiet => 1);
my ($hidden) = $cluster->behind(1, 'trades');
$cluster->fault('withhold', id => $hidden, method => 'increment.get');
is($cluster->incremental(1), 'incomplete', 'a record is counted, and not listed by modification');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' AND verdict = 'short'"), 1, 'the day is short');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'the list of arrivals had it, and brought it in');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' AND $hidden = ANY (repaired_ids)"), 1, 'the day names it');
is($cluster->sql("SELECT count(*) FROM ordersync.failed_tasks WHERE error_class = 'short' AND run_id = $cluster->{last_run}"), 1, 'the window is among the failed');
$cluster->no_faults;
is($cluster->sql("SELECT ordersync_retry($cluster->{last_run})"), 1, 'it is tried again');
is($cluster->finish($cluster->{last_run}), 'succeeded', 'and whole when it is listed');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE verdict = 'short'"), 0, 'no day is short');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE $hidden = ANY (repaired_ids) AND basis = 'modified' AND verdict <> 'short'"), 1, 'the repaired one is still named');

# Withheld from every list, and served by nothing: nobody can bring it, and nobody says that it is there.
$cluster->advance(3 * 3600);
$cluster->advance(300, quiet => 1);
($hidden) = sort { $a <=> $b } keys %{ $cluster->says(1, 'trades', since => $cluster->ago(7200), until => $cluster->ago(1200)) };
$cluster->sql("DELETE FROM ordersync.orders WHERE tid = $hidden; DELETE FROM ordersync.sub_orders WHERE tid = $hidden; DELETE FROM ordersync.order_payloads WHERE tid = $hidden");
$cluster->fault('withhold', id => $hidden);
is($cluster->incremental(1), 'incomplete', 'a record that is counted everywhere and listed nowhere');
is($cluster->incremental(1), 'incomplete', 'however often');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE basis = 'modified' AND verdict = 'short'"), '>=', 1, 'leaves its day short');
$cluster->no_faults;
is($cluster->incremental(1), 'succeeded', 'the next plain run fills the hole by itself');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'nothing is missing');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE verdict = 'short'"), 0, 'nothing is short');

done_testing;
