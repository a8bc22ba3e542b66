# Dump and restore keep every row and the extension goes on there; neither time zone nor date style of session or server
# changes a value.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 30 ],
	databases => 'postgres,restored',
	conf => "timezone = 'America/New_York'\ndatestyle = 'SQL, DMY'\nlc_monetary = 'C'");
$cluster->add_shops(1);
is($cluster->full(1), 'succeeded', 'a full run on a server of another zone and date style');
$cluster->sql("SET timezone = 'Pacific/Auckland'; SET datestyle = 'German'; SELECT ordersync_trigger_incremental(1)");
is($cluster->finish($cluster->sql('SELECT max(run_id) FROM ordersync.sync_runs')), 'succeeded', 'triggered by a session of a third');
$cluster->new_judge;
$cluster->sql("ALTER DATABASE postgres SET datestyle = 'ISO, YMD'");
$cluster->take('full');
$cluster->equals_truth('another time zone and date style');
is($cluster->sql("SELECT ordersync_day('2026-03-01') AT TIME ZONE 'Asia/Shanghai'"), '2026-03-01 00:00:00',
	'a day begins at midnight in Shanghai');

# A user's own index, column and policy are in the dump, as on any table.
$cluster->sql(q{
	ALTER TABLE ordersync.orders ADD COLUMN mine text DEFAULT 'x';
	CREATE INDEX mine_idx ON ordersync.orders (mine);
	DROP SCHEMA truth CASCADE});
my $dump = $cluster->node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $cluster->node->connstr('postgres') ], 'dump');
$cluster->sql('CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $cluster->node->connstr('restored'), $dump ], 'restore');
for my $table (qw(orders sub_orders after_sales order_payloads after_sale_payloads order_changes sync_runs sync_tasks coverage shops gateways))
{
	my $query = "SET datestyle = 'ISO'; SET timezone = 'UTC'; SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM ordersync.$table AS t";
	is($cluster->sql($query, 'restored'), $cluster->sql($query), "$table: every row is there");
}
is($cluster->sql("SELECT count(*) FROM pg_indexes WHERE indexname = 'mine_idx'", 'restored'), '1', 'with the user\'s index');

# The key file is this server's, so the shop goes on at once.
my $rows = $cluster->sql('SELECT count(*) FROM ordersync.orders', 'restored');
$cluster->control('change', shop => 1, orders => 50);
my $run = $cluster->sql('SELECT ordersync_trigger_incremental(1)', 'restored');
$cluster->wait_until('the run in the restored database', sub {
	$cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", 'restored') !~ /pending|running/ });
is($cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", 'restored'), 'succeeded', 'the restored database goes on');

# DROP EXTENSION leaves tables and views readable; DROP … CASCADE takes no order with it.
$cluster->sql('DROP EXTENSION ordersync CASCADE', 'restored');
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.orders', 'restored'), '>=', $rows, 'orders outlive the extension');
cmp_ok($cluster->sql('SELECT count(*) FROM ordersync.order_report', 'restored'), '>=', $rows, 'the report can still be read');

done_testing;
