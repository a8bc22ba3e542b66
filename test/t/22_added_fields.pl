# Payloads kept, cut and not kept through the real worker: the tables are the same, the disk is not. Fields added to the
# reports outlive the extension, a dump and an older version; lost columns come back from the payloads, batch by batch.
use strict;
use warnings;
use IPC::Run;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 400, '--days' => 30, '--burst' => 0 ]);
my $node = $cluster->node;

# The same seller as four shops, one for each way of keeping.
my %way = (1 => '{}', 12 => '{"payloads": "off"}', 13 => '{"payloads": "3 days"}', 14 => '{"privacy": "strict"}');
my ($seller) = @{ $cluster->control('shops') };
utf8::encode(my $nick = $seller->{seller_nick});
$cluster->create_extension;
$cluster->sql("SELECT ordersync_add_shop($_, '$nick', '$seller->{session}', options => '$way{$_}')") for sort keys %way;
my @shops = sort { $a <=> $b } keys %way;

# One assertion: a shop's rows are those of shop 1 but for times of ours and, where said, other columns.
sub same_rows
{
	my ($shop, $name, @but) = @_;
	my $but = join ',', qw(shop_id first_seen_at synced_at details_at), @but;
	my $differences = join "\n", map {
		$cluster->sql("SELECT '$_', count(*), min(r::text) FROM (
			(SELECT to_jsonb(t) - '{$but}'::text[] FROM ordersync.$_ t WHERE shop_id = 1 EXCEPT SELECT to_jsonb(t) - '{$but}'::text[] FROM ordersync.$_ t WHERE shop_id = $shop)
			UNION ALL
			(SELECT to_jsonb(t) - '{$but}'::text[] FROM ordersync.$_ t WHERE shop_id = $shop EXCEPT SELECT to_jsonb(t) - '{$but}'::text[] FROM ordersync.$_ t WHERE shop_id = 1)) d (r)
			HAVING count(*) > 0") } qw(orders sub_orders after_sales);
	$differences =~ s/^\n+|\n+$//g;
	is($differences, '', $name);
	return;
}

# What the worker does at its start, at once.
sub maintenance_done
{
	$cluster->sql('UPDATE ordersync.payload_cuts SET done_on = NULL');
	for my $enabled ('off', 'on')
	{
		$cluster->sql("ALTER SYSTEM SET ordersync.enabled = $enabled");
		$cluster->sql('SELECT pg_reload_conf()');
		$cluster->wait_until("the worker, $enabled", sub { ($cluster->worker_pids ? 'on' : 'off') eq $enabled });
	}
	$cluster->wait_until('the payloads to be cut', sub {
		$cluster->sql("SELECT count(*) = count(done_on) AND count(*) = 2 FROM ordersync.payload_cuts") eq 't' });
	return;
}

# One assertion: runs of all these shops at once.
sub all_succeed
{
	my ($name, $kind, $shops, @range) = @_;
	my @runs = map { $cluster->trigger($kind, $_, @range) } @$shops;
	is(join(' ', map { $cluster->finish($_) } @runs), join(' ', map { 'succeeded' } @runs), $name);
	return;
}

all_succeed('full runs', 'full', \@shops);
maintenance_done();
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 13 AND payload IS NULL"), '>', 100, 'the worker has cut what ended longer ago');
is($cluster->sql("SELECT count(*) FROM ordersync.order_payloads JOIN ordersync.orders o USING (shop_id, tid)
	WHERE shop_id = 13 AND (payload IS NULL) <> (o.status IN ('TRADE_FINISHED', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO') AND coalesce(o.end_time, o.modified) < now() - interval '3 days')
		AND abs(extract(epoch FROM now() - interval '3 days' - coalesce(o.end_time, o.modified))) > 600"), 0, 'exactly that');

# The world goes on, sources mix.
for my $round (1 .. 2)
{
	$cluster->control('change', shop => 1, orders => 100);
	if ($round == 2)
	{
		$cluster->sql("SELECT ordersync_set_shop($_, '{\"details\": \"changed\"}')") for @shops;
	}
	all_succeed("incremental runs, round $round", 'incremental', \@shops);
	maintenance_done();
}
my ($since, $until) = split /\|/, $cluster->sql("SELECT now() - interval '10 days', now() - interval '5 days'");
$cluster->sql("SELECT ordersync_set_shop($_, '{\"details\": null}')") for @shops;
all_succeed('a part once more', 'full', \@shops, $since, $until);

same_rows(12, 'a shop that keeps no payload has the same rows');
same_rows(13, 'one that cuts them by age too');
same_rows(14, 'strict privacy leaves out memos and descriptions and nothing else', qw(seller_memo description));
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 1 AND seller_memo IS NOT NULL'), '>', 0, 'there are memos');
is($cluster->sql("SELECT (SELECT count(*) FROM ordersync.orders o JOIN ordersync.order_payloads p USING (shop_id, tid) WHERE shop_id = 14 AND (seller_memo IS NOT NULL OR payload ? 'seller_memo'))
	+ (SELECT count(*) FROM ordersync.after_sales a JOIN ordersync.after_sale_payloads p USING (shop_id, refund_id) WHERE shop_id = 14 AND (description IS NOT NULL OR payload ? 'desc'))"), 0, 'but not in shop 14');
is($cluster->sql("SELECT count(*) FROM (SELECT object, id, field, old_value, new_value, platform_time FROM ordersync.order_changes WHERE shop_id = 1
	EXCEPT ALL SELECT object, id, field, old_value, new_value, platform_time FROM ordersync.order_changes WHERE shop_id = 12) d"), 0, 'the same lifecycle');
is($cluster->sql('SELECT count(payload) FROM ordersync.order_payloads WHERE shop_id = 12'), 0, 'and not one payload');

# The disk: the tables of payloads with the one shop and with the other, each alone.
my %size;
for my $shop (1, 12)
{
	$cluster->sql("CREATE TABLE only_$shop (LIKE ordersync.order_payloads INCLUDING ALL); INSERT INTO only_$shop SELECT * FROM ordersync.order_payloads WHERE shop_id = $shop; VACUUM only_$shop");
	$size{$shop} = $cluster->sql("SELECT pg_total_relation_size('only_$shop') / (SELECT count(*) FROM only_$shop)");
	$size{data} = $cluster->sql("SELECT (pg_total_relation_size('ordersync.orders') + pg_total_relation_size('ordersync.sub_orders')) / (SELECT count(*) FROM ordersync.orders)");
}
cmp_ok($size{12}, '<', $size{1} / 5, 'what is not kept takes no room');
note("measured: an order's payload takes $size{1} bytes, its row without it $size{12}; its columns and lines $size{data}");

# A field for everybody who reads.
$cluster->sql("SELECT ordersync_add_field('orders', 'area', 'buyer_area', 'text')");
$cluster->sql("SELECT ordersync_add_field('sub_orders', 'seller_kind', 'seller_type', 'text')");
$cluster->sql("SELECT ordersync_add_field('after_sales', 'version', 'refund_version', 'bigint')");
my $told = q{SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (
	SELECT to_jsonb(o) FROM (SELECT shop_id, tid, area FROM ordersync.order_report) o UNION ALL SELECT to_jsonb(s) FROM (SELECT shop_id, oid, seller_kind FROM ordersync.sub_order_report) s
	UNION ALL SELECT to_jsonb(a) FROM (SELECT shop_id, refund_id, version FROM ordersync.after_sale_report) a) r};
my $said = $cluster->sql($told);
is($cluster->sql("SELECT count(*) FROM ordersync.order_report r JOIN ordersync.order_payloads p USING (shop_id, tid) WHERE r.area IS DISTINCT FROM p.payload ->> 'buyer_area'"), 0, 'an added field says what the payload says');
cmp_ok($cluster->sql("SELECT count(seller_kind) FROM ordersync.sub_order_report WHERE shop_id = 1"), '>', 700, 'of lines too');
cmp_ok($cluster->sql("SELECT count(area) FROM ordersync.order_report WHERE shop_id = 1"), '>', 100, 'where the payload is kept');
is($cluster->sql("SELECT count(area) FROM ordersync.order_report WHERE shop_id = 12"), 0, 'and NULL where it is not');

# A report that somebody reads in an open transaction: only a change of that report waits for him, and not for long.
{
	my ($in, $out, $err) = ("SET application_name = 'dashboard'; BEGIN; SELECT FROM ordersync.daily_sales LIMIT 0; SELECT 'reads ' || count(*) FROM ordersync.order_report;\n", '', '');
	my $bi = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
	$bi->pump until $out =~ /^reads/m || !$bi->pumpable;
	my $pid = $cluster->sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'dashboard'");

	my ($status, undef, $refused) = $node->psql('postgres', "SET statement_timeout = '20s'; SELECT ordersync_add_field('after_sales', 'phase', 'refund_phase', 'text'), ordersync_drop_field('after_sales', 'phase')");
	is($status, 0, "another report's fields come and go beside a reader") or diag($refused);
	my $began = time;
	my $reader = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
		# behind who waits for the view, so as to be made to wait by him
		'-c', "SET statement_timeout = '20s'", '-c', 'DO $$ BEGIN WHILE NOT EXISTS (
			SELECT FROM pg_locks WHERE relation = to_regclass($v$ordersync.order_report$v$) AND NOT granted) LOOP END LOOP; END $$',
		'-c', "SET statement_timeout = '4s'", '-c', "SELECT count(*) > 0 FROM ordersync.order_report" ],
		'>', \my $read, '2>', \my $read_err);
	($status, undef, $refused) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '20s'; SELECT ordersync_add_field('orders', 'point', 'alipay_point', 'bigint')");
	cmp_ok(time - $began, '<', 10, 'a field of that report does not wait for long');
	like($refused, qr/55P03: ordersync\.order_report is in use and cannot be changed\n.*\bprocess $pid of "\w+" \(dashboard\).*pg_terminate_backend\($pid\)/s, 'it says for whom to wait');
	$reader->finish;
	is("$read$read_err", "t\n", 'who comes to read meanwhile does not wait for long either');
	like($cluster->sql_fails("SET statement_timeout = '20s'; SELECT ordersync_drop_field('orders', 'area')"), qr/order_report is in use/, 'nor does a field go');
	like($cluster->sql_fails("SET statement_timeout = '20s'; BEGIN; UPDATE ordersync.installation SET version = '0.0.9'; SELECT ordersync.maintenance()"), qr/ordersync\.own_shops is in use/, 'nor does a new version wait to make its views');
	($status, undef, $refused) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '20s'; SELECT ordersync.set_up()");
	like($refused, qr/55P03: (?:ordersync\.own_shops|a view of ordersync) is in use and cannot be changed\n.*\bprocess $pid of "\w+" \(dashboard\).*end it: SELECT pg_terminate_backend\($pid\)/s, 'and says so, with the session and the command');
	is($cluster->sql("SELECT count(*) FROM ordersync.added_fields"), 3, 'nothing is half done');
	$in .= "COMMIT;\n\\q\n";
	$bi->finish;
	$cluster->sql("SELECT ordersync_add_field('orders', 'point', 'alipay_point', 'bigint'), ordersync_drop_field('orders', 'point')");
	is($cluster->sql($told), $said, 'afterwards it goes');
}

$cluster->sql('DROP EXTENSION ordersync');
is($cluster->sql($told), $said, 'it is there while the extension is not');
$cluster->sql('CREATE EXTENSION ordersync');
is($cluster->sql('SELECT ordersync.set_up_if_outdated()'), 't', 'made anew, it takes the tables up');
is($cluster->sql($told), $said, 'and when it is back');

my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
$cluster->sql('CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'restored elsewhere');
is($cluster->sql($told, 'restored'), $said, 'it is there');
$cluster->sql("UPDATE ordersync.installation SET version = '0.0.9'; SELECT ordersync.maintenance()", 'restored');
is($cluster->sql($told, 'restored'), $said, 'after the tables were brought up to date too');
$cluster->sql("SELECT ordersync_drop_field('orders', 'area')", 'restored');
is($cluster->sql("SELECT count(*) FROM pg_attribute WHERE attrelid = 'ordersync.order_report'::regclass AND attname = 'area' AND NOT attisdropped", 'restored'), 0, 'and can be dropped there');

# An older release had no such columns: the new one's are filled from the payloads.
my @gone = ([ orders => 'cod_fee numeric(18,2)' ], [ orders => 'buyer_obtain_point_fee bigint' ], [ sub_orders => 'shipping_type text' ], [ after_sales => 'refund_version bigint' ]);
my $rows = sub { my ($but, $where) = @_; return map { $cluster->sql("SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (SELECT to_jsonb(t) - '{synced_at$but}'::text[] FROM ordersync.$_ t WHERE $where) r") } qw(orders sub_orders after_sales) };
my @before = $rows->('', 'shop_id IN (1, 14)');
my @others = $rows->(join('', map { ',' . ($_->[1] =~ /^(\w+)/)[0] } @gone), 'true');
my $changes = $cluster->sql('SELECT count(*) FROM ordersync.order_changes');
for (@gone)
{
	my ($table, $column) = @$_;
	my ($name) = $column =~ /^(\w+)/;
	$cluster->sql("ALTER TABLE ordersync.$table DROP COLUMN $name; ALTER TABLE ordersync.$table ADD COLUMN $column");
}
isnt(join(' ', $rows->('', 'shop_id IN (1, 14)')), "@before", 'the columns are empty');
$cluster->sql('CREATE ROLE dba LOGIN; CREATE ROLE ops LOGIN');
$cluster->sql("SELECT ordersync_grant('dba', 'admin'), ordersync_grant('ops', 'operator')");
my $as = sub { my ($role, $sql) = @_; my ($status, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]); return $err };
like($as->('ops', 'CALL ordersync_reproject()'), qr/permission denied/, 'not for an operator');
like($as->('dba', "$_ CALL ordersync_reproject()"), qr/ERROR:  invalid transaction termination\n.*HINT: .*outside a transaction.*AUTOCOMMIT on/s, "nor in a transaction block: $_")
	for 'BEGIN;', "\\set AUTOCOMMIT off\n";
like($as->('ops', 'BEGIN; CALL ordersync_sync(1)'), qr/invalid transaction termination.*outside a transaction/s, 'which ordersync_sync refuses alike');
like($as->('dba', 'CALL ordersync_reproject(ARRAY[1, 99])'), qr/ERROR:  shop 99 does not exist\n.*HINT: .*ordersync\.shops/s, 'nor for a shop that is not there');
isnt(join(' ', $rows->('', 'shop_id IN (1, 14)')), "@before", 'before which nothing is written');

my $half = $cluster->sql("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY created) FROM ordersync.orders WHERE shop_id = 1");
my $err = $as->('dba', "CALL ordersync_reproject('{1}', until => '$half')");
like($err, qr/shop 1: all (\d+) orders read, [1-9]\d* rows written/, 'an admin fills the older half of one shop');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE buyer_obtain_point_fee IS NOT NULL AND (shop_id <> 1 OR created >= '$half')"), 0, 'that half only');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE buyer_obtain_point_fee IS NOT NULL"), '>', 100, 'which is filled');

# All of it, while the shop is being read.
$cluster->control('change', shop => 1, orders => 100);
my $run = $cluster->trigger('full', 1);
$err = $as->('dba', 'CALL ordersync_reproject()');
like($err, qr/shop 14: all \d+ after_sales read/, 'and the rest, while a run reads the shop');
is($cluster->finish($run), 'succeeded', 'which goes on meanwhile');
is($cluster->run('full', 14), 'succeeded', 'the other shop has read the same');
same_rows(14, 'rows from the payloads are rows from the platform', qw(seller_memo description));
is(($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = 1 AND cod_fee IS NULL"))[0], $cluster->sql("SELECT count(*) FROM ordersync.order_payloads WHERE shop_id = 1 AND NOT payload ? 'cod_fee'"), 'no value is missing');
is($cluster->sql("SELECT count(*) FROM ordersync.order_changes WHERE run_id IS NULL"), 0, 'the lifecycle knows nothing of it');
my $writes = $cluster->writes;
unlike($as->('dba', 'CALL ordersync_reproject()'), qr/[1-9]\d* rows written/, 'a second time nothing is written');
is($cluster->writes, $writes, 'not a row');

# Programs read what the tables hold.
is($cluster->sql("SELECT string_agg(tid::text, ',') FROM ordersync_orders('{1}', NULL, NULL, page => 50)"),
	$cluster->sql("SELECT string_agg(tid::text, ',') FROM (SELECT tid FROM ordersync.orders WHERE shop_id = 1 ORDER BY created DESC, tid DESC LIMIT 50) o"), 'a page of orders');
is($cluster->sql("SELECT jsonb_array_length(o -> 'lines') || ' ' || (o ->> 'area') FROM (SELECT ordersync_order(shop_id, tid) AS o FROM ordersync.order_report WHERE shop_id = 1 AND area IS NOT NULL ORDER BY tid LIMIT 1) x"),
	$cluster->sql("SELECT line_count || ' ' || area FROM ordersync.order_report WHERE shop_id = 1 AND area IS NOT NULL ORDER BY tid LIMIT 1"), 'an order, with its added field');

done_testing;
