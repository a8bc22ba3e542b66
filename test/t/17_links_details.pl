# Records by id: a line's after-sale that no list brought, an after-sale's order, the shop's details, one order at once, and
# what the platform has archived.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

# All of it lies within a month, also when that is February and the day ends before the full run.
my $house = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 2000, '--days' => 27 ]);
$house->add_shops(1, 2);
$house->advance(7200, quiet => 1);	# all that becomes visible late has done so
my $fetched = sub { return $house->sql("SELECT count(DISTINCT i) FROM ordersync.sync_tasks, unnest(ids) AS i
	WHERE run_id = $house->{last_run} AND " . $_[0]) };

# What was written is looked at; for rows that this test deletes or changes the shop is noted whole.
my $change_by_hand = sub { $house->sql("$_[0]; SELECT ordersync.note_all_links(1)") };

# After-sales that lines name and no list brings: those of the last day an incremental run reads once more.
my @named = split /\n/, do {
	is($house->full(1), 'succeeded', 'a full run');
	my $read_again = $house->ago(2 * 86400) . '+08';
	$house->sql("SELECT refund_id FROM ordersync.after_sales WHERE oid IN (SELECT oid FROM ordersync.sub_orders AS s
		WHERE s.refund_id = after_sales.refund_id) AND modified < '$read_again' ORDER BY refund_id LIMIT 7");
};
is(scalar(@named), 7, 'lines name their after-sales');
is($fetched->("reason = 'link'"), 0, 'after a whole reading nothing has to be fetched');
is($house->sql('SELECT count(*) FROM ordersync.link_candidates'), 0, 'nor is anything noted for the next run');
is($house->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'after_sales' AND verdict = 'proven'") > 20, 1, 'and after-sales are proven');
my $ids = join ',', @named;
$change_by_hand->("DELETE FROM ordersync.after_sales WHERE refund_id IN ($ids); DELETE FROM ordersync.after_sale_payloads WHERE refund_id IN ($ids)");
is($house->incremental(1), 'succeeded', 'lines speak of after-sales that are not stored');
is($fetched->("reason = 'link' AND details_of = 'after_sales'"), 7, 'they are fetched by their ids');
is($house->sql("SELECT count(*) FROM ordersync.after_sales WHERE refund_id IN ($ids)"), 7, 'and stored');
is($house->sql("SELECT count(*) FROM ordersync.repairs WHERE reason = 'link' AND record_id IN ($ids)"), 7, 'as repairs');
is($house->sql("SELECT sum(repaired) FROM ordersync.completeness WHERE stream = 'after_sales'"), 7, 'which the days show');

# One whose state the line contradicts by a later change.
my ($stale, $line) = split /\|/, $house->sql("SELECT a.refund_id, s.oid FROM ordersync.after_sales AS a JOIN ordersync.sub_orders AS s
	ON s.refund_id = a.refund_id WHERE a.status = 'SUCCESS' AND s.refund_status = 'SUCCESS' AND s.modified > a.modified - interval '1 day' LIMIT 1");
$change_by_hand->("UPDATE ordersync.after_sales SET status = 'WAIT_SELLER_AGREE', modified = created WHERE refund_id = $stale;
	UPDATE ordersync.after_sale_payloads SET modified = modified - interval '30 days', payload = payload || '{\"status\": \"WAIT_SELLER_AGREE\"}',
		digest_list = NULL, digest_details = NULL WHERE refund_id = $stale");
is($house->incremental(1), 'succeeded', 'a line contradicts its after-sale');
is($house->sql("SELECT status FROM ordersync.after_sales WHERE refund_id = $stale"), 'SUCCESS', 'which is fetched by its id');
is($house->incremental(1), 'succeeded', 'once more');
is($fetched->("reason = 'link'"), 0, 'and then nothing is left to fetch');

# An after-sale whose order is not stored brings it.
my $tid = $house->sql("SELECT tid FROM ordersync.after_sales ORDER BY refund_id LIMIT 1");
$change_by_hand->("DELETE FROM ordersync.orders WHERE tid = $tid; DELETE FROM ordersync.sub_orders WHERE tid = $tid; DELETE FROM ordersync.order_payloads WHERE tid = $tid");
is($house->incremental(1), 'succeeded', 'an after-sale without its order');
is($house->sql("SELECT count(*) FROM ordersync.orders WHERE tid = $tid AND details_at IS NOT NULL"), 1, 'brings it');
cmp_ok($house->sql("SELECT count(*) FROM ordersync.sub_orders WHERE tid = $tid"), '>=', 1, 'with its lines');

# One that the platform does not serve any more is noted, asked for once, and no failure.
$change_by_hand->("DELETE FROM ordersync.orders WHERE tid = $tid; DELETE FROM ordersync.sub_orders WHERE tid = $tid; DELETE FROM ordersync.order_payloads WHERE tid = $tid");
$house->fault('error', method => 'fullinfo', code => 15, sub_code => 'isv.trade-not-exist', sub_msg => 'no');
is($house->incremental(1), 'succeeded', 'an order that the platform has archived is no failure');
is($house->sql("SELECT served FROM ordersync.lookups WHERE stream = 'orders' AND record_id = $tid"), 'f', 'it is noted');
is($house->incremental(1), 'succeeded', 'the next run');
is($fetched->('true'), 0, 'does not ask for it again');
my $kept = $house->sql('SELECT tid FROM ordersync.orders ORDER BY tid LIMIT 1');
my $run = $house->sql("SELECT ordersync_trigger_order(1, $kept)");
is($house->finish($run), 'succeeded', 'asked for one order that is archived');
like($house->sql("SELECT message FROM ordersync.sync_runs WHERE run_id = $run"), qr/does not serve order $kept.*isv\.trade-not-exist/, 'the run says so');
is($house->sql("SELECT platform_state FROM ordersync.orders WHERE tid = $kept"), 'missing', 'an order that ought to be listed is missing');
$house->no_faults;

# One order at once, while a long run is under way.
my $of_two = (sort keys %{ $house->says(2, 'refunds') })[0];
my ($order) = $house->control('truth', shop => 2, object => 'refunds', slim => 1) =~ /"refund_id":"$of_two","tid":(\d+)/;
$house->fault('hang', ms => 25_000, method => 'sold.get', shop => 2);
my $full = $house->sql('SELECT ordersync_trigger_full(2)');
$run = $house->sql("SELECT ordersync_trigger_order(2, $order)");
is($house->finish($run), 'succeeded', 'one order, while a full run waits for slow answers');
is($house->run_state($full), 'running', 'it did not wait for that');
is($house->sql("SELECT count(*) FROM ordersync.orders WHERE tid = $order AND shop_id = 2 AND details_at IS NOT NULL"), 1, 'it is stored whole');
is($house->sql("SELECT count(*) FROM ordersync.after_sales WHERE tid = $order AND shop_id = 2"), scalar(grep { /"tid":$order\b/ }
	split /\n/, $house->control('truth', shop => 2, object => 'refunds', slim => 1)), 'with its after-sales');
$house->no_faults;
$house->control('release');
is($house->finish($full), 'succeeded', 'the full run');
$run = $house->sql("SELECT ordersync_trigger_order(2, $kept)");
is($house->finish($run), 'succeeded', 'the order of another shop');
is($house->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND tid = $kept"), 0, 'is not this shop\'s');

# Every new or changed record whole.
$house->sql(q[SELECT ordersync_set_shop(2, '{"details": "changed"}')]);
is($house->incremental(2), 'succeeded', 'the first run with details');
my $first = $house->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND details_at IS NOT NULL");
$house->advance(600, quiet => 1);	# none of them changes before its details were asked for last
$house->control('change', shop => 2, orders => 60);
is($house->incremental(2), 'succeeded', 'sixty orders change');
cmp_ok($fetched->("reason = 'details' AND details_of = 'orders'"), '>=', 60, 'each is fetched whole');
cmp_ok($fetched->("reason = 'details' AND details_of = 'after_sales'"), '>=', 1, 'and so are after-sales');
is($house->sql('SELECT count(*) FROM ordersync.link_candidates WHERE shop_id = 2'), 0, 'what the run wrote has been checked');
cmp_ok($house->sql("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'link_candidates'"), '>=', 2, 'from notes');
is($house->sql("SELECT count(*) FROM ordersync.order_payloads AS p JOIN ordersync.orders AS o USING (shop_id, tid)
	WHERE p.shop_id = 2 AND p.sources & 8 = 0
		AND NOT EXISTS (SELECT FROM ordersync.lookups AS l WHERE l.shop_id = 2 AND l.record_id = p.tid AND l.asked_at >= p.modified)
		AND o.synced_at > (SELECT started_at FROM ordersync.sync_runs WHERE run_id = $house->{last_run})"), 0, 'no changed order is without its details');
cmp_ok($house->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND seller_memo IS NOT NULL"), '>=', 1, 'what only details serve is there');
is($house->sql("SELECT max(cardinality(ids)) > 1 AND max(cardinality(ids)) <= 25 FROM ordersync.sync_tasks WHERE reason = 'details'"), 't', 'many ids a task');
my $writes = $house->writes;
my ($since, $until) = $house->range_of($house->{last_run});
is($house->incremental(2, $since, $until), 'succeeded', 'the same again');
is($fetched->("reason = 'details'"), 0, 'has nothing to fetch');
is($house->writes, $writes, 'and writes nothing');

# One id that always fails does not take the others with it.
my @five = split /\n/, $house->sql("SELECT tid FROM ordersync.orders WHERE shop_id = 2 ORDER BY tid LIMIT 5");
$house->sql("UPDATE ordersync.order_payloads SET sources = 4, rank = 3, digest_details = NULL,
	payload = payload - 'available_confirm_fee' WHERE tid IN (" . join(',', @five) . ');
	DELETE FROM ordersync.lookups');
$house->sql("ALTER SYSTEM SET ordersync.retry_base = '20ms'; ALTER SYSTEM SET ordersync.retry_cap = '100ms'");
$house->sql('SELECT pg_reload_conf()');
$house->sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error; END';
	CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = $five[2] AND NEW.details_at IS NOT NULL)
		EXECUTE FUNCTION broken()");
$house->sql("UPDATE ordersync.orders SET details_at = NULL WHERE tid IN (" . join(',', @five) . ')');
is($house->full(2), 'incomplete', 'a record that cannot be stored for a reason that may pass');
is($house->sql("SELECT count(*) FROM ordersync.orders WHERE details_at IS NOT NULL AND tid IN (" . join(',', @five) . ')'), 4, 'costs the others nothing');
is($house->sql("SELECT ids FROM ordersync.sync_tasks WHERE run_id = $house->{last_run} AND state = 'failed'"), "{$five[2]}", 'and stands alone as failed');
$house->sql('DROP TRIGGER broken ON ordersync.orders');
is($house->sql("SELECT ordersync_retry($house->{last_run})"), 1, 'tried again');
is($house->finish($house->{last_run}), 'succeeded', 'it comes through');

done_testing;
