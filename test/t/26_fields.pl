# The shop options fields_add and fields_drop through the real worker: a field that the platform has begun to serve comes into
# records that are stored already and into a report; one that is not asked for keeps what is stored, and new orders have NULL.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 400, '--days' => 20, '--burst' => 0 ]);
$cluster->add_shops(1);
my $shop = 'shop_id = 1';

# One assertion: how many of what is stored satisfy it, as "some of all".
sub stored
{
	my ($name, $expected, $table, $condition) = @_;
	is($cluster->sql("SELECT count(*) FILTER (WHERE $condition) || ' of ' || count(*) FROM ordersync.$table WHERE $shop"),
		$expected, $name);
	return;
}
sub all { my ($table) = @_; return $cluster->sql("SELECT count(*) || ' of ' || count(*) FROM ordersync.$table WHERE $shop") }
sub none { my ($table) = @_; return $cluster->sql("SELECT '0 of ' || count(*) FROM ordersync.$table WHERE $shop") }
sub changed { return $cluster->sql("SELECT coalesce(sum(records_changed), 0) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run}") }

is($cluster->full(1), 'succeeded', 'a full run');
my $whole = $cluster->sql("SELECT max(tid) FROM ordersync.orders WHERE $shop AND status = 'TRADE_FINISHED'");
is($cluster->finish($cluster->{last_run} = $cluster->sql("SELECT ordersync_trigger_order(1, $whole)")), 'succeeded', 'and one order whole');
stored('nothing has the new field', none('order_payloads'), 'order_payloads', "payload ? 'new_field'");

# --- added ---
$cluster->control('novel');
is($cluster->full(1), 'succeeded', 'the platform has a new field');
is(changed(), 0, 'of which nobody hears who does not ask');
$cluster->sql(q{SELECT ordersync_set_shop(1, '{"fields_add": ["new_field", "orders.new_field", "refunds.new_field", "status"]}')});
is($cluster->full(1), 'succeeded', 'asked for it');
stored('every order was asked about it, the whole one too', all('order_payloads'), 'order_payloads', "payload ? 'new_field'");
stored('every line', all('sub_orders'), 'sub_orders', "(SELECT jsonb_path_query_array(p.payload, '\$.orders.order[*].new_field') ? ('L' || oid)
	FROM ordersync.order_payloads p WHERE p.shop_id = sub_orders.shop_id AND p.tid = sub_orders.tid)");
stored('and every after-sale', all('after_sale_payloads'), 'after_sale_payloads', "payload ->> 'new_field' = 'R' || refund_id");
$cluster->sql("SELECT ordersync_add_field('orders', 'news', 'new_field', 'text')");
$cluster->sql("SELECT ordersync_add_field('sub_orders', 'news', 'new_field', 'text')");
$cluster->sql("SELECT ordersync_add_field('after_sales', 'news', 'new_field', 'text')");
my ($told, $untold) = split /\|/, $cluster->sql("SELECT count(*) FILTER (WHERE news = 'N' || tid), count(*) FILTER (WHERE news IS NULL) FROM ordersync.order_report WHERE $shop");
cmp_ok($told, '>', 300, "the report says it of $told orders");
cmp_ok($untold, '>', 10, "and is NULL for the $untold that have none");
is($told + $untold, $cluster->sql("SELECT count(*) FROM ordersync.orders WHERE $shop"), 'there is no third kind');
stored('it says it of lines', all('sub_order_report'), 'sub_order_report', "news = 'L' || oid");
stored('and of after-sales', all('after_sale_report'), 'after_sale_report', "news = 'R' || refund_id");
is($cluster->full(1), 'succeeded', 'once more');
is(changed(), 0, 'the same records change nothing');
is($cluster->control('stats')->{errors}, 0, 'the platform was asked for nothing that it refuses');

# Details and the other list ask for it too, what compares and counts does not: the platform forgets it, and tells who named it.
$cluster->control('novel', on => 0);
$cluster->sql(q{SELECT ordersync_set_shop(1, '{"details": "changed"}')});
$cluster->control('change', shop => 1, orders => 60);
is($cluster->incremental(1), 'succeeded', 'the field is gone');
my %asked = map { $_->{api} => $_->{field} } @{ $cluster->control('stats')->{unknown_fields} };
is(join(' ', map { "$_ $asked{$_}" } sort keys %asked), 'F new_field G new_field I new_field L new_field P new_field',
	'asked for by the lists of an incremental run and the details, not by the list of arrivals');
my ($cleared, $kept) = split /\|/, $cluster->sql("SELECT count(*) FILTER (WHERE r.news IS NULL), count(*) FILTER (WHERE r.news IS NOT NULL)
	FROM ordersync.order_report r JOIN ordersync.orders o USING (shop_id, tid) WHERE r.$shop AND o.details_at IS NOT NULL AND o.tid <> $whole");
cmp_ok($cleared, '>', 30, 'asked for and not there, it is NULL again');
is($kept, 0, 'in all that have changed');

# --- dropped ---
my $had = $cluster->sql("SELECT count(buyer_nick) || ' ' || count(*) FROM ordersync.orders WHERE $shop");
my $cids = $cluster->sql("SELECT count(cid) || ' ' || count(*) FROM ordersync.sub_orders WHERE $shop");
my $titles = $cluster->sql("SELECT count(title) FROM ordersync.after_sales WHERE $shop");
$cluster->sql(q{SELECT ordersync_set_shop(1, '{"fields_add": null, "fields_drop": ["buyer_nick", "receiver_name", "oaid", "orders.cid", "refunds.title"]}')});
my ($seller) = @{ $cluster->control('shops') };
utf8::encode(my $nick = $seller->{seller_nick});
$cluster->sql(qq{SELECT ordersync_add_shop(2, '$nick', '$seller->{session}', options => '{"fields_drop": ["buyer_nick", "receiver_name", "oaid", "orders.cid", "refunds.title"]}')});
$cluster->control('change', shop => 1, orders => 60);
is($cluster->incremental(1), 'succeeded', 'fields are dropped');
cmp_ok(changed(), '>', 50, 'orders have changed');
is($cluster->full(1), 'succeeded', 'all is read again');
is($cluster->sql("SELECT count(buyer_nick) || ' ' || count(*) FROM ordersync.orders WHERE $shop"), $had, 'what is stored of them stays');
is($cluster->sql("SELECT count(cid) || ' ' || count(*) FROM ordersync.sub_orders WHERE $shop"), $cids, 'of lines too');
is($cluster->sql("SELECT count(title) FROM ordersync.after_sales WHERE $shop"), $titles, 'and of after-sales; new ones have none');

$shop = 'shop_id = 2';
is($cluster->full(2), 'succeeded', 'the same seller anew');
stored('new orders have NULL', none('orders'), 'orders', 'buyer_nick IS NOT NULL OR oaid IS NOT NULL');
stored('their records do not have the field, so it was not asked for', none('order_payloads'), 'order_payloads',
	"payload ? 'buyer_nick' OR payload @? '\$.orders.order[*].cid'");
stored('nor have lines', none('sub_orders'), 'sub_orders', 'cid IS NOT NULL');
stored('nor after-sales', none('after_sales'), 'after_sales', 'title IS NOT NULL');
stored('all else is there', all('sub_orders'), 'sub_orders', 'title IS NOT NULL AND num_iid IS NOT NULL AND status IS NOT NULL AND created IS NOT NULL');
# paid_amount of what was first seen after a refund is another matter
is($cluster->sql("SELECT string_agg(d::text, ' ') FROM (SELECT tid, status, gmv, paid_at, payment, line_count, package_count, CASE WHEN NOT paid_amount_frozen THEN paid_amount END FROM ordersync.orders WHERE shop_id = 2
	EXCEPT SELECT tid, status, gmv, paid_at, payment, line_count, package_count, CASE WHEN NOT paid_amount_frozen THEN paid_amount END FROM ordersync.orders WHERE shop_id = 1) d"), '', 'and says the same');

# Taken back, they come with the next full run.
$cluster->sql(q{SELECT ordersync_set_shop(2, '{"fields_drop": null}')});
is($cluster->full(2), 'succeeded', 'asked for again');
cmp_ok($cluster->sql("SELECT count(buyer_nick) FROM ordersync.orders WHERE $shop"), '>', 300, 'they come into what is stored');
stored('into lines', all('sub_orders'), 'sub_orders', 'cid IS NOT NULL');

done_testing;
