# Every SQL block of the README runs as printed, in the order in which it stands there, and its Chinese sister has the same
# blocks.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# What is typed there asks the database for now: the platform's clock is the machine's.
my $house = OrdersyncTest->new(
	at => '', gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 30 ],
	databases => 'orders',
	conf => "shared_preload_libraries = 'pg_cron,ordersync'\ncron.database_name = 'orders'\ncron.use_background_workers = on");
$house->sql('CREATE DATABASE orders');

sub blocks { my ($file) = @_; return slurp_file("$ENV{ORDERSYNC_TEST}/../$file") =~ /^```sql\n(.*?)^```$/msg }

my @blocks = blocks('README.md');
cmp_ok(scalar(@blocks), '>', 20, 'the README shows what to type: ' . @blocks . ' blocks');
my @sister = blocks('README.zh-CN.md');
sub bare { return join '', map { s/\s+//gr } map { s/--.*$//gmr } @_ }
is(bare(@sister), bare(@blocks), 'the Chinese README has the same blocks');

# Days are Shanghai's, whatever zone the reader's session is in.
is_deeply([ grep { /current_date|now\(\)::date/i } @blocks ], [], 'no block asks the session which day it is');

my $url = $house->url;
for my $block (@blocks)
{
	my ($first) = $block =~ /^(.*)/;
	my $typed = $block =~ s{https://eco\.taobao\.com/router/rest}{$url}gr;
	my ($status, $out, $err) = $house->node->psql('orders', $typed, on_error_stop => 1);
	ok($status == 0, $first) or diag($err);
	# As with a person who reads on, what a block began is over before the next.
	$house->wait_until('the runs to end', sub {
		$house->sql("SELECT CASE WHEN to_regclass('ordersync.sync_runs') IS NULL THEN 0 ELSE 1 END", 'orders') eq '0'
		or $house->sql("SELECT count(*) FROM ordersync.sync_runs WHERE state IN ('pending', 'running')", 'orders') eq '0' });
}
cmp_ok($house->sql('SELECT count(*) FROM ordersync.orders', 'orders'), '>', 1000, 'and at the end the orders are there');

done_testing;
