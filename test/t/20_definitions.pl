# Every definition of sales, refunds and durations against plain SQL over the gateway's truth, on all kinds of orders that the
# world has; the same after orders were refunded; the same days in every session; and never what the naive sum would give.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @shops = (1, 2);
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 1000, '--days' => 14 ],
	conf => "ordersync.lag = 0\ntimezone = 'UTC'");
$cluster->add_shops(@shops);
$cluster->node->psql('postgres', '', extra_params => [ '-q', '-f', "$ENV{ORDERSYNC_TEST}/truth/definitions.sql" ], on_error_die => 1);

my $n = 0;

# Copies what the gateway says of an object of a shop; its own words to a file, since they are many.
sub copy
{
	my ($shop, $object, $query) = @_;
	my $said = $cluster->node->basedir . '/said';
	system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $said,
		"http://$cluster->{address}/control/truth?shop=$shop&api=list&$query");
	$cluster->sql("COPY def.incoming FROM '$said' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'); SELECT def.take($n, $shop, '$object')");
	return;
}

# What the gateway holds now, as a reading; price protection and cash-back are stored from it where no list has brought them.
sub take
{
	$n++;
	for my $shop (@shops)
	{
		copy($shop, $_, "object=$_") for qw(trades refunds special);
		$cluster->sql("SELECT a.* FROM (SELECT array_agg((r ->> 'refund_id')::bigint ORDER BY r ->> 'refund_id') AS ids,
			array_agg((r ->> 'modified')::timestamp AT TIME ZONE 'Asia/Shanghai' ORDER BY r ->> 'refund_id') AS modified,
			array_agg(substr(sha256(convert_to(r::text, 'UTF8')), 1, 16) ORDER BY r ->> 'refund_id') AS digests,
			array_agg(r::text ORDER BY r ->> 'refund_id') AS bodies FROM def.said WHERE n = $n AND shop_id = $shop AND object = 'special') AS p,
			ordersync.apply_after_sales($shop, 'special', NULL, NULL, p.ids, p.modified, p.digests, p.bodies) AS a WHERE p.ids IS NOT NULL");
	}
	$cluster->sql("SELECT def.work_out($n)");
	return;
}

# Lets so many seconds pass at the platform; the next call would tell its clock, here it is told at once.
sub later
{
	my ($seconds) = @_;
	$cluster->control('advance', seconds => $seconds);
	$cluster->sql("UPDATE ordersync.gateways SET clock_offset = make_interval(secs => " . $cluster->control('clock')->{offset_ms} . " / 1000.0)");
	return;
}

# A view's rows and those worked out from the truth, both ways.
sub same
{
	my ($name, $view, $columns, $where) = @_;
	my $ours = "SELECT $columns FROM ordersync.$view WHERE " . ($where // 'true');
	my $truth = "SELECT $columns FROM def.$view WHERE " . ($where // 'true');
	# each is worked out once
	my ($rows, @differ) = split /\n/, $cluster->sql("WITH ours AS MATERIALIZED ($ours), truth AS MATERIALIZED ($truth)
		SELECT count(*)::text FROM truth
		UNION ALL
		SELECT d::text FROM (SELECT * FROM (SELECT 'here' AS is, * FROM (TABLE ours EXCEPT ALL TABLE truth) AS a
			UNION ALL SELECT 'true', * FROM (TABLE truth EXCEPT ALL TABLE ours) AS b) AS d ORDER BY 2, 3, 4, 1 LIMIT 10) AS d");
	is(join("\n", @differ), '', "$name: $rows rows of $view are as the truth says");
	cmp_ok($rows, '>', 0, "$name: and there are some");
	return;
}

my %views = (
	daily_sales => 'shop_id, day, orders, gmv, paid_orders, zero_orders, items, buyers, paid_amount, post_fee, unallocated, average_order,
		refunds, refunded_amount, net_sales',
	item_sales => 'shop_id, day, num_iid, lines, items, gift_items, paid_amount, refunds, refunded_amount, net_sales',
	refund_rates => 'shop_id, day, num_iid, lines, refunded_lines, line_rate, paid_amount, refunded_amount, amount_rate, net_amount',
	order_report => 'shop_id, tid, tid_str, created_date, paid_date, gmv, paid_amount, deposit_received, refunded_amount, unallocated,
		received_payment, line_count, item_num, hours_to_pay, hours_to_ship, hours_to_end, stage',
	sub_order_report => 'shop_id, oid, oid_str, tid_str, created_date, paid_date, list_amount, gmv, paid_amount, refunded_amount, stage',
);
sub all_same { my ($name) = @_; same($name, $_, $views{$_}) for sort keys %views; return }

# --- the first look ---

is($cluster->full($_), 'succeeded', "shop $_: a full run") for @shops;
take();
all_same('first look');
$cluster->sql("CREATE TABLE def.before AS SELECT shop_id, day, paid_amount, lines, net FROM (SELECT shop_id, day, paid_amount, net_sales AS net FROM ordersync.daily_sales) AS d
	LEFT JOIN (SELECT shop_id, day, sum(paid_amount) AS lines FROM ordersync.item_sales GROUP BY 1, 2) AS i USING (shop_id, day)");
$cluster->sql('CREATE TABLE def.paid_before AS SELECT shop_id, tid FROM def.orders WHERE paid IS NOT NULL');
$cluster->sql('CREATE TABLE def.naive_before AS SELECT shop_id, paid_date AS day, sum(payment) AS payment FROM ordersync.orders WHERE paid_date IS NOT NULL GROUP BY 1, 2');

# --- orders go on, many are refunded ---

for my $when ('five days later', 'ten days later')
{
	later(5 * 86400);
	is($cluster->incremental($_), 'succeeded', "shop $_: $when") for @shops;
	take();
	all_same($when);
}
$cluster->control('change', orders => 400);
is($cluster->incremental($_), 'succeeded', "shop $_: after 400 changes") for @shops;
take();
all_same('after many changes');
copy($_, 'history', 'object=trades&versions=1') for @shops;

# The world has one of each kind: without it, what follows would prove nothing.
my $unsold = "SELECT count(*) FROM def.lines AS l JOIN def.orders AS o USING (shop_id, tid) WHERE l.l ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO'";
my %kinds = (
	'a single line with postage, paid' => "SELECT count(*) FROM def.orders WHERE paid IS NOT NULL AND jsonb_array_length(lines) = 1 AND (r ->> 'post_fee')::numeric > 0",
	'many lines with postage, paid' => "SELECT count(*) FROM def.orders WHERE paid IS NOT NULL AND jsonb_array_length(lines) > 1 AND (r ->> 'post_fee')::numeric > 0",
	'a discount of the shop spread over the lines' => "SELECT count(*) FROM def.lines WHERE (l ->> 'part_mjz_discount')::numeric > 0",
	'a partial refund' => "SELECT count(*) FROM def.refunds JOIN def.lines AS l USING (shop_id, oid) WHERE amount > 0 AND amount < l.paid_amount",
	'two refunds of a line' => "SELECT count(*) FROM (SELECT FROM def.refunds WHERE amount > 0 GROUP BY shop_id, oid HAVING count(*) > 1) AS d",
	'a refund with postage in it' => "SELECT count(*) FROM def.refunds JOIN def.lines AS l USING (shop_id, oid) WHERE amount > l.paid_amount",
	'an exchange that succeeded' => "SELECT count(*) FROM def.said WHERE object = 'refunds' AND r ->> 'dispute_type' LIKE '%EXCHANGE' AND r ->> 'status' = 'SUCCESS'",
	'price protection' => "SELECT count(*) FROM def.refunds WHERE special = 'priceProtect' AND amount > 0",
	'cash back' => "SELECT count(*) FROM def.refunds WHERE special = 'cashBack' AND amount > 0",
	(map { my $state = $_; ("a pre-sale in $state" => "SELECT count(*) FROM def.said WHERE object = 'trades' AND r ->> 'step_trade_status' = '$state'") }
		qw(FRONT_NOPAID_FINAL_NOPAID FRONT_PAID_FINAL_NOPAID FRONT_PAID_FINAL_PAID FRONT_PAID_FRONT_FORFEITED)),
	'a deposit with a pay_time' => "SELECT count(*) FROM def.orders WHERE r ->> 'step_trade_status' = 'FRONT_PAID_FINAL_NOPAID' AND r ->> 'pay_time' <> ''",
	'cash on delivery, paid' => "SELECT count(*) FROM def.orders WHERE r ->> 'type' = 'cod' AND paid IS NOT NULL",
	'cash on delivery, not paid yet' => "SELECT count(*) FROM def.orders WHERE r ->> 'type' = 'cod' AND paid IS NULL AND r ->> 'status' LIKE 'WAIT%'",
	'closed unpaid with a payment' => "SELECT count(*) FROM def.orders WHERE r ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO' AND (r ->> 'payment')::numeric > 0",
	'a line closed before its order was paid' => "$unsold AND o.paid IS NOT NULL",
	'all lines closed but one of three' => "SELECT count(*) FROM (SELECT FROM def.lines JOIN def.orders AS o USING (shop_id, tid) WHERE o.paid IS NOT NULL
		GROUP BY shop_id, tid HAVING count(*) > 2 AND count(*) FILTER (WHERE l ->> 'status' <> 'TRADE_CLOSED_BY_TAOBAO') = 1) AS d",
	'a line closed, the rest repriced and paid' => "$unsold AND o.paid IS NOT NULL AND EXISTS (SELECT FROM jsonb_array_elements(o.lines) AS x (line) WHERE (line ->> 'adjust_fee')::numeric <> 0)",
	'a line closed, the order closed later' => "$unsold AND o.r ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO' AND l.l ->> 'end_time' < o.r ->> 'end_time'",
	'a line closed while we looked, then the rest paid' => "SELECT count(DISTINCT s.r ->> 'tid') FROM def.said AS s JOIN def.orders AS o ON o.shop_id = s.shop_id AND o.tid = (s.r ->> 'tid')::bigint
		CROSS JOIN jsonb_array_elements(s.r #> '{orders,order}') AS l WHERE s.object = 'trades' AND o.paid IS NOT NULL AND s.n < o.first_paid_n AND l ->> 'status' = 'TRADE_CLOSED_BY_TAOBAO'",
	'a closed gift' => "$unsold AND o.paid IS NOT NULL AND (l.l ->> 'price')::numeric = 0",
	'a gift' => "SELECT count(*) FROM def.lines WHERE (l ->> 'price')::numeric = 0",
	'something unallocated' => 'SELECT count(*) FROM def.order_report WHERE unallocated > 0',
	'a net below zero' => 'SELECT count(*) FROM ordersync.sub_order_report WHERE net_amount < 0',
);
cmp_ok($cluster->sql($kinds{$_}), '>', 0, "the world has $_") for sort keys %kinds;

# --- what was paid stays what it was ---

$cluster->sql("CREATE TABLE def.lives AS
	SELECT shop_id, (r ->> 'tid')::bigint AS tid, max((r ->> 'payment')::numeric) FILTER (WHERE def.paid_time(r) IS NOT NULL) AS paid,
		min(r ->> 'modified') FILTER (WHERE r ->> 'step_trade_status' = 'FRONT_PAID_FINAL_NOPAID') AS deposit
	FROM def.said
	WHERE object = 'history'
	GROUP BY 1, 2");
is($cluster->sql('SELECT count(*) FROM def.orders AS o JOIN def.lives AS h USING (shop_id, tid) WHERE NOT o.after_refund AND o.paid_amount <> h.paid'), 0,
	'what was paid is what each order showed before any refund, where it was read before that');
my $paid_then = 'FROM def.orders AS o WHERE o.first_paid_n = 1 AND NOT o.after_refund';
my $refunded_since = "(SELECT sum(f.amount) FROM def.refunds AS f WHERE f.shop_id = o.shop_id AND f.tid = o.tid AND f.first_n > 1) > 0";
cmp_ok($cluster->sql("SELECT count(*) $paid_then AND $refunded_since"), '>', 50, 'many orders that were paid then are refunded since');
cmp_ok($cluster->sql("SELECT count(*) $paid_then AND $refunded_since AND (o.r ->> 'payment')::numeric < o.paid_amount"), '>', 10, 'the platform has lowered the figures of many');	# how many is chance: 19 were seen

my $past = "FROM def.before AS b
	JOIN ordersync.daily_sales AS a USING (shop_id, day)
	LEFT JOIN (SELECT shop_id, day, sum(paid_amount) AS lines FROM ordersync.item_sales GROUP BY 1, 2) AS i USING (shop_id, day)
	LEFT JOIN (SELECT o.shop_id, def.day(o.paid) AS day, sum(o.paid_amount) AS paid_amount,
			sum((SELECT sum(l.paid_amount) FROM def.lines AS l WHERE l.shop_id = o.shop_id AND l.tid = o.tid)) AS lines
		FROM def.orders AS o
		WHERE o.paid IS NOT NULL AND NOT EXISTS (SELECT FROM def.paid_before AS p WHERE p.shop_id = o.shop_id AND p.tid = o.tid)
		GROUP BY 1, 2) AS more USING (shop_id, day)";
cmp_ok($cluster->sql("SELECT count(*) $past"), '>=', 20, 'there are past days');
is($cluster->sql("SELECT count(*) $past WHERE a.paid_amount <> b.paid_amount + coalesce(more.paid_amount, 0)"), 0,
	'the paid amount of each is the same as before; only what was paid since is added');
is($cluster->sql("SELECT count(*) $past WHERE coalesce(i.lines, 0) <> coalesce(b.lines, 0) + coalesce(more.lines, 0)"), 0, 'by item too');
cmp_ok($cluster->sql("SELECT count(*) FROM def.naive_before AS b JOIN (SELECT shop_id, paid_date AS day, sum(payment) AS payment
	FROM ordersync.orders WHERE paid_date IS NOT NULL GROUP BY 1, 2) AS a USING (shop_id, day) WHERE a.payment < b.payment"), '>', 5,
	'naive: the sum of payment has shrunk on many past days');

# --- stages ---

# Read once: as part of a join with the truth the view may be worked out anew for each of its rows.
$cluster->sql('CREATE TABLE def.seen_stages AS SELECT * FROM ordersync.stage_durations; ANALYZE def.seen_stages');
my $known = "FROM (SELECT shop_id, tid, day, stage, entered_at AT TIME ZONE 'Asia/Shanghai' AS entered_at, left_at AT TIME ZONE 'Asia/Shanghai' AS left_at, hours
	FROM def.seen_stages WHERE exact AND (shop_id, tid) IN (SELECT shop_id, tid FROM def.stages))";
is($cluster->sql("SELECT * FROM (SELECT * FROM def.stages EXCEPT SELECT * $known AS d) AS x ORDER BY 1, 2, 5 LIMIT 5"), '', 'stages with times of the platform\'s: none is missing');
is($cluster->sql("SELECT * FROM (SELECT * $known AS d EXCEPT SELECT * FROM def.stages) AS x ORDER BY 1, 2, 5 LIMIT 5"), '', 'nor one too many');
is($cluster->sql("SELECT d.shop_id, d.tid, d.stage, r.stage FROM def.seen_stages AS d JOIN def.order_report AS r USING (shop_id, tid)
	WHERE d.left_at IS NULL AND d.stage <> CASE r.stage WHEN 'created' THEN 'unpaid' ELSE r.stage END LIMIT 5"), '', 'every order is in the stage that it is in');
is($cluster->sql("SELECT count(*) FROM (SELECT FROM ordersync.stage_durations GROUP BY shop_id, tid HAVING count(*) FILTER (WHERE left_at IS NULL) <> 1
	OR min(hours) < 0) AS d"), 0, 'in one, and none was left before it was entered');
is($cluster->sql("SELECT count(DISTINCT (shop_id, tid)) FROM ordersync.stage_durations") , $cluster->sql('SELECT count(*) FROM def.orders'), 'every order has its stages');

# A deposit's time: from the first record that showed it, so between the deposit and the look.
my $deposits = "FROM def.seen_stages AS d
	CROSS JOIN LATERAL (SELECT deposit::timestamp AT TIME ZONE 'Asia/Shanghai' AS at FROM def.lives AS h WHERE h.shop_id = d.shop_id AND h.tid = d.tid) AS real
	WHERE d.stage = 'deposit_paid'";
cmp_ok($cluster->sql("SELECT count(*) $deposits AND d.left_at IS NOT NULL"), '>', 5, 'some deposits were seen come and go');
is($cluster->sql("SELECT count(*) $deposits AND (d.entered_at < real.at OR real.at IS NULL OR d.exact)"), 0, 'none came before it was paid, and none is called exact');
is($cluster->sql("SELECT count(*) FROM ordersync.stage_durations WHERE stage = 'deposit_paid' AND left_at IS NULL"),
	$cluster->sql("SELECT count(*) FROM def.order_report WHERE stage = 'deposit_paid'"), 'deposits that wait for the balance');

# --- the naive sums, which must differ from the definitions in this world ---

sub total { my ($q) = @_; return $cluster->sql("SELECT sum(v) FROM ($q) AS q (v)") }
my $paid = total('SELECT paid_amount FROM def.daily_sales');
my $lines_paid = total('SELECT paid_amount FROM def.lines WHERE paid IS NOT NULL');
my $refunded = total('SELECT refunded_amount FROM def.daily_sales');
is(total('SELECT paid_amount FROM ordersync.daily_sales'), $paid, "paid amount $paid");
is(total('SELECT paid_amount FROM ordersync.item_sales'), $lines_paid, "of it without postage $lines_paid");
is(total('SELECT refunded_amount FROM ordersync.daily_sales'), $refunded, "refunded amount $refunded");
is(total('SELECT refunded_amount FROM ordersync.item_sales'), $refunded, 'by item the same');
is(total('SELECT items FROM ordersync.item_sales'), total('SELECT items FROM def.daily_sales'), 'and the pieces');
is(total('SELECT paid_amount - post_fee - unallocated FROM ordersync.daily_sales'), $lines_paid, 'postage and what is unallocated tell the difference');

my %naive = (
	'the lines of paid orders' => [ $lines_paid, 'SELECT coalesce(s.paid_amount, s.total_fee - coalesce(s.part_mjz_discount, 0)) FROM ordersync.orders AS o JOIN ordersync.sub_orders AS s USING (shop_id, tid) WHERE o.paid_at IS NOT NULL' ],
	'pieces of paid orders with all their lines' => [ total('SELECT items FROM def.daily_sales'), 'SELECT s.num FROM ordersync.orders AS o JOIN ordersync.sub_orders AS s USING (shop_id, tid) WHERE o.paid_at IS NOT NULL' ],
	'a line\'s payment summed' => [ $lines_paid, 'SELECT payment FROM ordersync.sub_orders WHERE paid_at IS NOT NULL' ],
	'a line\'s payment, as if that were with postage' => [ $paid, 'SELECT payment FROM ordersync.sub_orders WHERE paid_at IS NOT NULL' ],
	'an order\'s payment joined to its lines' => [ $paid, 'SELECT o.payment FROM ordersync.orders AS o JOIN ordersync.sub_orders AS s USING (shop_id, tid) WHERE o.paid_at IS NOT NULL' ],
	'postage joined to the lines' => [ total('SELECT post_fee FROM def.daily_sales'), 'SELECT o.post_fee FROM ordersync.orders AS o JOIN ordersync.sub_orders AS s USING (shop_id, tid) WHERE o.paid_at IS NOT NULL' ],
	'an order\'s payment summed' => [ $paid, 'SELECT payment FROM ordersync.orders WHERE paid_at IS NOT NULL' ],
	'deposits taken for sales' => [ $paid, 'SELECT coalesce(step_paid_fee, paid_amount) FROM ordersync.orders' ],
	'refunds with exchanges and repairs' => [ $refunded, "SELECT refund_fee FROM ordersync.after_sales WHERE status = 'SUCCESS'" ],
	'refunds without price protection' => [ $refunded, 'SELECT refunded_amount FROM ordersync.after_sales WHERE special_refund_type IS NULL' ],
	'refunds by the line\'s latest one' => [ $refunded, 'SELECT a.refunded_amount FROM ordersync.after_sales AS a JOIN ordersync.sub_orders AS s ON s.shop_id = a.shop_id AND s.refund_id = a.refund_id' ],
	'lines joined to their after-sales' => [ $lines_paid, 'SELECT s.paid_amount FROM ordersync.sub_orders AS s LEFT JOIN ordersync.after_sales AS a USING (shop_id, oid) WHERE s.paid_at IS NOT NULL' ],
	'the refund taken off twice' => [ total('SELECT paid_amount - refunded_amount FROM def.daily_sales'), 'SELECT payment FROM ordersync.orders WHERE paid_at IS NOT NULL UNION ALL SELECT - refunded_amount FROM ordersync.after_sales' ],
	'gmv without the spread discount' => [ total('SELECT gmv FROM def.daily_sales'), 'SELECT total_fee FROM ordersync.sub_orders' ],
	'gmv from the order\'s total_fee' => [ total('SELECT gmv FROM def.daily_sales'), 'SELECT total_fee FROM ordersync.orders' ],
	'buyers by their masked names' => [ $cluster->sql("SELECT count(DISTINCT r ->> 'buyer_open_uid') FROM def.orders"), 'SELECT count(DISTINCT buyer_nick) FROM ordersync.orders' ],
);
isnt(total($naive{$_}[1]), $naive{$_}[0], "naive: $_ is not the definition") for sort keys %naive;

# What counts as paid: orders that are taken for paid and are not, and the other way round.
my %taken = (
	'payment > 0' => 'payment > 0',
	'a pay_time' => 'pay_time IS NOT NULL',
	'a status' => "status IN ('WAIT_SELLER_SEND_GOODS', 'SELLER_CONSIGNED_PART', 'WAIT_BUYER_CONFIRM_GOODS', 'TRADE_BUYER_SIGNED', 'TRADE_FINISHED')",
	'no status before it' => "status NOT IN ('TRADE_NO_CREATE_PAY', 'WAIT_BUYER_PAY', 'PAY_PENDING', 'WAIT_PRE_AUTH_CONFIRM', 'TRADE_CLOSED_BY_TAOBAO')",
);
for my $name (sort keys %taken)
{
	cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.orders JOIN def.orders AS d USING (shop_id, tid) WHERE ($taken{$name}) <> (d.paid IS NOT NULL)"), '>', 0,
		"naive: $name is not the same as paid");
}
is($cluster->sql('SELECT count(*) FROM ordersync.orders AS o JOIN def.orders AS d USING (shop_id, tid) WHERE (o.paid_at IS NOT NULL) <> (d.paid IS NOT NULL)'), 0, 'paid_at is');

# Sums by day that are right in total and wrong on the days.
sub days_off
{
	my ($sql, $column, $zone) = @_;
	return $cluster->sql("SET TimeZone = '$zone'; SELECT count(*) FROM ($sql) AS naive (shop_id, day, v)
		FULL JOIN (SELECT shop_id, day, $column FROM def.daily_sales WHERE $column <> 0) AS d USING (shop_id, day) WHERE v IS DISTINCT FROM $column");
}
my %day = (
	'refunds by the day they were asked for' => [ 'SELECT shop_id, created_date, sum(refunded_amount) FROM ordersync.after_sales WHERE refunded_amount <> 0 GROUP BY 1, 2', 'refunded_amount' ],
	'paid amounts by the day of the order' => [ 'SELECT shop_id, created_date, sum(paid_amount) FROM ordersync.orders WHERE paid_at IS NOT NULL GROUP BY 1, 2', 'paid_amount' ],
	'paid amounts by the day of the session' => [ 'SELECT shop_id, paid_at::date, sum(paid_amount) FROM ordersync.orders WHERE paid_at IS NOT NULL GROUP BY 1, 2', 'paid_amount' ],
	'orders by the day of the session' => [ 'SELECT shop_id, created::date, count(*) FROM ordersync.orders GROUP BY 1, 2', 'orders' ],
);
for my $name (sort keys %day)
{
	cmp_ok(days_off(@{ $day{$name} }, 'UTC'), '>', 10, "naive: $name is wrong on many days");
}
is(days_off('SELECT shop_id, paid_date, sum(paid_amount) FROM ordersync.orders WHERE paid_at IS NOT NULL GROUP BY 1, 2', 'paid_amount', 'UTC'), 0,
	'by the stored dates it is right on all');

# --- the same days in every session ---

my %printed;
for my $zone ('UTC', 'America/New_York', 'Asia/Shanghai')
{
	$printed{$zone} = join "\n", map { $cluster->sql("SET TimeZone = '$zone'; SET DateStyle = 'ISO';
		SELECT '$_', count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (SELECT $views{$_} FROM ordersync.$_) AS t") } sort keys %views;
	$printed{$zone} .= $cluster->sql("SET TimeZone = '$zone'; SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (SELECT tid, day, stage, hours FROM ordersync.stage_durations) AS t");
	$printed{$zone} .= $cluster->sql("SET TimeZone = '$zone'; SELECT count(*), sum(paid_amount), sum(refunded_amount) FROM ordersync.daily_sales WHERE day = (SELECT max(day) - 5 FROM ordersync.daily_sales)");
}
is($printed{'UTC'}, $printed{'Asia/Shanghai'}, 'a session in UTC reads what one in Shanghai reads');
is($printed{'America/New_York'}, $printed{'Asia/Shanghai'}, 'and one in New York');
isnt($cluster->sql("SET TimeZone = 'UTC'; SELECT md5(string_agg(created::date::text, ',' ORDER BY tid)) FROM ordersync.orders"),
	$cluster->sql("SET TimeZone = 'Asia/Shanghai'; SELECT md5(string_agg(created::date::text, ',' ORDER BY tid)) FROM ordersync.orders"), 'naive: days of the session differ between them');

note('measured: ' . $cluster->sql("SELECT count(*) || ' orders, ' || count(*) FILTER (WHERE paid IS NOT NULL) || ' paid, ' || count(*) FILTER (WHERE after_refund)
	|| ' first seen after a refund' FROM def.orders"));
done_testing;
