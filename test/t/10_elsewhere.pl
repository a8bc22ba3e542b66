# Dump and restore keep every row and the extension goes on there; neither time zone nor date style of session or server
# changes a value.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $house = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 30 ],
	databases => 'postgres,restored',
	conf => "timezone = 'America/New_York'\ndatestyle = 'SQL, DMY'\nlc_monetary = 'C'");
$house->add_shops(1);
is($house->full(1), 'succeeded', 'a full run on a server of another zone and date style');
$house->sql("SET timezone = 'Pacific/Auckland'; SET datestyle = 'German'; SELECT ordersync_trigger_incremental(1)");
is($house->finish($house->sql('SELECT max(run_id) FROM ordersync.sync_runs')), 'succeeded', 'triggered by a session of a third');
$house->new_judge;
$house->sql("ALTER DATABASE postgres SET datestyle = 'ISO, YMD'");
$house->take('full');
$house->equals_truth('another time zone and date style');
is($house->sql("SELECT ordersync_day('2026-03-01') AT TIME ZONE 'Asia/Shanghai'"), '2026-03-01 00:00:00',
	'a day begins at midnight in Shanghai');

# A user's own index, column and policy are in the dump, as on any table.
$house->sql(q{
	ALTER TABLE ordersync.orders ADD COLUMN mine text DEFAULT 'x';
	CREATE INDEX mine_idx ON ordersync.orders (mine);
	DROP SCHEMA truth CASCADE});
my $dump = $house->node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $house->node->connstr('postgres') ], 'dump');
$house->sql('CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $house->node->connstr('restored'), $dump ], 'restore');
for my $table (qw(orders sub_orders after_sales order_payloads after_sale_payloads order_changes sync_runs sync_tasks coverage shops gateways))
{
	my $query = "SET datestyle = 'ISO'; SET timezone = 'UTC'; SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM ordersync.$table AS t";
	is($house->sql($query, 'restored'), $house->sql($query), "$table: every row is there");
}
is($house->sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'mine_idx'", 'restored'), '1', 'with the user\'s index');

# The key file is this server's, so the shop goes on at once.
my $rows = $house->sql('SELECT count(*) FROM ordersync.orders', 'restored');
$house->control('change', shop => 1, orders => 50);
my $run = $house->sql('SELECT ordersync_trigger_incremental(1)', 'restored');
$house->wait_until('the run in the restored database', sub {
	$house->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", 'restored') !~ /pending|running/ });
is($house->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", 'restored'), 'succeeded', 'the restored database goes on');

# DROP EXTENSION leaves tables and views readable; DROP … CASCADE takes no order with it.
$house->sql('DROP EXTENSION ordersync CASCADE', 'restored');
cmp_ok($house->sql('SELECT count(*) FROM ordersync.orders', 'restored'), '>=', $rows, 'orders outlive the extension');
cmp_ok($house->sql('SELECT count(*) FROM ordersync.order_report', 'restored'), '>=', $rows, 'the report can still be read');

done_testing;
