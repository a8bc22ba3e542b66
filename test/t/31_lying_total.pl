# A total_results that the answers do not bear out is not walked: few calls, all that is listed is stored, the windows are short with a
# class and a remedy, and no day is proven by it. Once the gateway tells the truth the next run is whole.
use strict;
use warnings;
use OrdersyncPages;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 6 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3");
$cluster->add_shops(1);
$cluster->advance(300, quiet => 1);
$cluster->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});

# What is added to every total. Of an honest list the full run asks about once a window and page.
for my $added (999999999, 9223372036854775000, 1)
{
	$cluster->sql('TRUNCATE ordersync.orders, ordersync.sub_orders, ordersync.after_sales, ordersync.order_payloads, ordersync.after_sale_payloads');
	$cluster->fault('total', value => $added);
	isnt($cluster->full(1), 'succeeded', "totals that are wrong by $added");
	my $run = $cluster->{last_run};
	is(join(' ', $cluster->behind(1, 'trades')), '', 'all orders that are listed are stored');
	is(join(' ', $cluster->behind(1, 'refunds')), '', 'all after-sales, too');
	my $calls = $cluster->sql("SELECT calls FROM ordersync.run_progress WHERE run_id = $run");
	my $windows = $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND work <> 'count'");
	cmp_ok($calls, '<=', 10 * $windows, "by few calls ($calls for $windows windows)");
	cmp_ok($windows, '<=', 120, 'and the windows are not cut into more');
	is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND outcome = 'counted' AND reported > 0 AND seen > 0"), 0,
		'no window counts');
	$cluster->no_faults;
	next if $added != 999999999;
	is($cluster->sql("SELECT string_agg(DISTINCT error_class, ' ') FROM ordersync.failed_tasks WHERE run_id = $run"), 'total', 'the class says why');
	like($cluster->sql("SELECT min(hint || ': ' || what_to_do) FROM ordersync.failed_tasks WHERE run_id = $run"), qr/total_results contradicts .*ordersync_retry\($run\)/,
		'and what to do');
	like($cluster->sql("SELECT min(error) FROM ordersync.failed_tasks WHERE run_id = $run"), qr/count of \d+ records is not what it lists/, 'with figures');
	is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE verdict IN ('counted', 'proven')"), 0, 'no day is proven by it');
	cmp_ok($cluster->sql("SELECT ordersync_retry($run)"), '>', 0, 'tried again');
	is($cluster->finish($run), 'succeeded', 'with true totals the run is whole');
}

# The case as it was reported: one order a window, and a count of nearly a thousand million.
undef $cluster;
my $page = OrdersyncPages->new(conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3");
my $moment = $page->moment;
my $body = $page->page_of(increment => qq({"tid":1,"created":"$moment","modified":"$moment","status":"WAIT_BUYER_PAY"}))
	=~ s/"total_results":1/"total_results":999999999/r;
is($page->read_body(increment => $body), 'incomplete', 'one order, counted as 999999999');
is($page->sql("SELECT count(*) FROM ordersync.orders"), 1, 'is stored');
is($page->sql("SELECT count(*), max(calls), max(error_class) FROM ordersync.sync_tasks
	WHERE run_id = $page->{last_run} AND stream = 'orders' AND basis = 'modified'"),
	'1|4|total', 'by three calls of one task, behind the one that checks the key');

done_testing;
