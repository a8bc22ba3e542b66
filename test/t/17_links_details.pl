# Records by id: a line's after-sale that no list brought, an after-sale's order, the shop's details, one order at once, and
# what the platform has archived.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

# All of it lies within a month, also when that is February and the day ends before the full run.
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 2000, '--days' => 27 ]);
$cluster->add_shops(1, 2);
$cluster->advance(7200, quiet => 1);	# all that becomes visible late has done so
my $fetched = sub { return $cluster->sql("SELECT count(DISTINCT i) FROM ordersync.sync_tasks, unnest(ids) AS i
	WHERE run_id = $cluster->{last_run} AND " . $_[0]) };

# What was written is looked at; for rows that this test deletes or changes the shop is noted whole.
my $change_by_hand = sub { $cluster->sql("$_[0]; SELECT ordersync.note_all_links(1)") };

# After-sales that lines name and no list brings: those of the last day an incremental run reads once more.
my @named = split /\n/, do {
	is($cluster->full(1), 'succeeded', 'a full run');
	my $read_again = $cluster->ago(2 * 86400) . '+08';
	$cluster->sql("SELECT refund_id FROM ordersync.after_sales WHERE oid IN (SELECT oid FROM ordersync.sub_orders AS s
		WHERE s.refund_id = after_sales.refund_id) AND modified < '$read_again' ORDER BY refund_id LIMIT 7");
};
is(scalar(@named), 7, 'lines name their after-sales');
is($fetched->("reason = 'link'"), 0, 'after a whole reading nothing has to be fetched');
is($cluster->sql('SELECT count(*) FROM ordersync.link_candidates'), 0, 'nor is anything noted for the next run');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'after_sales' AND verdict = 'proven'") > 20, 1, 'and after-sales are proven');
my $ids = join ',', @named;
$change_by_hand->("DELETE FROM ordersync.after_sales WHERE refund_id IN ($ids); DELETE FROM ordersync.after_sale_payloads WHERE refund_id IN ($ids)");
is($cluster->incremental(1), 'succeeded', 'lines speak of after-sales that are not stored');
is($fetched->("reason = 'link' AND details_of = 'after_sales'"), 7, 'they are fetched by their ids');
is($cluster->sql("SELECT count(*) FROM ordersync.after_sales WHERE refund_id IN ($ids)"), 7, 'and stored');
is($cluster->sql("SELECT count(*) FROM ordersync.repairs WHERE reason = 'link' AND record_id IN ($ids)"), 7, 'as repairs');
is($cluster->sql("SELECT sum(repaired) FROM ordersync.completeness WHERE stream = 'after_sales'"), 7, 'which the days show');

# One whose state the line contradicts by a later change.
my ($stale, $line) = split /\|/, $cluster->sql("SELECT a.refund_id, s.oid FROM ordersync.after_sales AS a JOIN ordersync.sub_orders AS s
	ON s.refund_id = a.refund_id WHERE a.status = 'SUCCESS' AND s.refund_status = 'SUCCESS' AND s.modified > a.modified - interval '1 day' LIMIT 1");
$change_by_hand->("UPDATE ordersync.after_sales SET status = 'WAIT_SELLER_AGREE', modified = created WHERE refund_id = $stale;
	UPDATE ordersync.after_sale_payloads SET modified = modified - interval '30 days', payload = payload || '{\"status\": \"WAIT_SELLER_AGREE\"}',
		digest_list = NULL, digest_details = NULL WHERE refund_id = $stale");
is($cluster->incremental(1), 'succeeded', 'a line contradicts its after-sale');
is($cluster->sql("SELECT status FROM ordersync.after_sales WHERE refund_id = $stale"), 'SUCCESS', 'which is fetched by its id');
is($cluster->incremental(1), 'succeeded', 'once more');
is($fetched->("reason = 'link'"), 0, 'and then nothing is left to fetch');

# An after-sale whose order is not stored brings it.
my $tid = $cluster->sql("SELECT tid FROM ordersync.after_sales ORDER BY refund_id LIMIT 1");
$change_by_hand->("DELETE FROM ordersync.orders WHERE tid = $tid; DELETE FROM ordersync.sub_orders WHERE tid = $tid; DELETE FROM ordersync.order_payloads WHERE tid = $tid");
is($cluster->incremental(1), 'succeeded', 'an after-sale without its order');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE tid = $tid AND details_at IS NOT NULL"), 1, 'brings it');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.sub_orders WHERE tid = $tid"), '>=', 1, 'with its lines');

# One that the platform does not serve any more is noted, asked for once, and no failure.
$change_by_hand->("DELETE FROM ordersync.orders WHERE tid = $tid; DELETE FROM ordersync.sub_orders WHERE tid = $tid; DELETE FROM ordersync.order_payloads WHERE tid = $tid");
$cluster->fault('error', method => 'fullinfo', code => 15, sub_code => 'isv.trade-not-exist', sub_msg => 'no');
is($cluster->incremental(1), 'succeeded', 'an order that the platform has archived is no failure');
is($cluster->sql("SELECT served FROM ordersync.lookups WHERE stream = 'orders' AND record_id = $tid"), 'f', 'it is noted');
is($cluster->incremental(1), 'succeeded', 'the next run');
is($fetched->('true'), 0, 'does not ask for it again');
my $kept = $cluster->sql('SELECT tid FROM ordersync.orders ORDER BY tid LIMIT 1');
my $run = $cluster->sql("SELECT ordersync_trigger_order(1, $kept)");
is($cluster->finish($run), 'succeeded', 'asked for one order that is archived');
like($cluster->sql("SELECT message FROM ordersync.sync_runs WHERE run_id = $run"), qr/does not serve order $kept.*isv\.trade-not-exist/, 'the run says so');
is($cluster->sql("SELECT platform_state FROM ordersync.orders WHERE tid = $kept"), 'missing', 'an order that ought to be listed is missing');
$cluster->no_faults;

# One order at once, while a long run is under way.
my $of_two = (sort keys %{ $cluster->says(2, 'refunds') })[0];
my ($order) = $cluster->control('truth', shop => 2, object => 'refunds', slim => 1) =~ /"refund_id":"$of_two","tid":(\d+)/;
$cluster->fault('hang', ms => 25_000, method => 'sold.get', shop => 2);
my $full = $cluster->sql('SELECT ordersync_trigger_full(2)');
$run = $cluster->sql("SELECT ordersync_trigger_order(2, $order)");
is($cluster->finish($run), 'succeeded', 'one order, while a full run waits for slow answers');
is($cluster->run_state($full), 'running', 'it did not wait for that');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE tid = $order AND shop_id = 2 AND details_at IS NOT NULL"), 1, 'it is stored whole');
is($cluster->sql("SELECT count(*) FROM ordersync.after_sales WHERE tid = $order AND shop_id = 2"), scalar(grep { /"tid":$order\b/ }
	split /\n/, $cluster->control('truth', shop => 2, object => 'refunds', slim => 1)), 'with its after-sales');
$cluster->no_faults;
$cluster->control('release');
is($cluster->finish($full), 'succeeded', 'the full run');
$run = $cluster->sql("SELECT ordersync_trigger_order(2, $kept)");
is($cluster->finish($run), 'succeeded', 'the order of another shop');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND tid = $kept"), 0, 'is not this shop\'s');

# Every new or changed record whole.
$cluster->sql(q[SELECT ordersync_set_shop(2, '{"details": "changed"}')]);
is($cluster->incremental(2), 'succeeded', 'the first run with details');
my $first = $cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND details_at IS NOT NULL");
$cluster->advance(600, quiet => 1);	# none of them changes before its details were asked for last
$cluster->control('change', shop => 2, orders => 60);
is($cluster->incremental(2), 'succeeded', 'sixty orders change');
cmp_ok($fetched->("reason = 'details' AND details_of = 'orders'"), '>=', 60, 'each is fetched whole');
cmp_ok($fetched->("reason = 'details' AND details_of = 'after_sales'"), '>=', 1, 'and so are after-sales');
is($cluster->sql('SELECT count(*) FROM ordersync.link_candidates WHERE shop_id = 2'), 0, 'what the run wrote has been checked');
cmp_ok($cluster->sql("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'link_candidates'"), '>=', 2, 'from notes');
is($cluster->sql("SELECT count(*) FROM ordersync.order_payloads AS p JOIN ordersync.orders AS o USING (shop_id, tid)
	WHERE p.shop_id = 2 AND p.sources & 8 = 0
		AND NOT EXISTS (SELECT FROM ordersync.lookups AS l WHERE l.shop_id = 2 AND l.record_id = p.tid AND l.asked_at >= p.modified)
		AND o.synced_at > (SELECT started_at FROM ordersync.sync_runs WHERE run_id = $cluster->{last_run})"), 0, 'no changed order is without its details');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 2 AND seller_memo IS NOT NULL"), '>=', 1, 'what only details serve is there');
is($cluster->sql("SELECT max(cardinality(ids)) > 1 AND max(cardinality(ids)) <= 25 FROM ordersync.sync_tasks WHERE reason = 'details'"), 't', 'many ids a task');
my $writes = $cluster->writes;
my ($since, $until) = $cluster->range_of($cluster->{last_run});
is($cluster->incremental(2, $since, $until), 'succeeded', 'the same again');
is($fetched->("reason = 'details'"), 0, 'has nothing to fetch');
is($cluster->writes, $writes, 'and writes nothing');

# One id that always fails does not take the others with it.
my @five = split /\n/, $cluster->sql("SELECT tid FROM ordersync.orders WHERE shop_id = 2 ORDER BY tid LIMIT 5");
$cluster->sql("UPDATE ordersync.order_payloads SET sources = 4, rank = 3, digest_details = NULL,
	payload = payload - 'available_confirm_fee' WHERE tid IN (" . join(',', @five) . ');
	DELETE FROM ordersync.lookups');
$cluster->sql("ALTER SYSTEM SET ordersync.retry_base = '20ms'; ALTER SYSTEM SET ordersync.retry_cap = '100ms'");
$cluster->sql('SELECT pg_reload_conf()');
$cluster->sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error; END';
	CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = $five[2] AND NEW.details_at IS NOT NULL)
		EXECUTE FUNCTION broken()");
$cluster->sql("UPDATE ordersync.orders SET details_at = NULL WHERE tid IN (" . join(',', @five) . ')');
is($cluster->full(2), 'incomplete', 'a record that cannot be stored for a reason that may pass');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE details_at IS NOT NULL AND tid IN (" . join(',', @five) . ')'), 4, 'costs the others nothing');
is($cluster->sql("SELECT ids FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND state = 'failed'"), "{$five[2]}", 'and stands alone as failed');
$cluster->sql('DROP TRIGGER broken ON ordersync.orders');
is($cluster->sql("SELECT ordersync_retry($cluster->{last_run})"), 1, 'tried again');
is($cluster->finish($cluster->{last_run}), 'succeeded', 'it comes through');

done_testing;
