# Small answers of several shops that are in hand together are settled in one transaction. What is wrong with one shop costs no other one anything: a record
# that the database refuses, a row that somebody holds, a task that is another worker's by now.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $shops = 24;
my $world = OrdersyncTest->new(gateway => [ '--shops' => $shops, '--orders-per-shop' => 6, '--days' => 2, '--burst' => 0 ],
	conf => "ordersync.workers = 1\nordersync.max_in_flight = 16\nordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nlog_min_messages = debug1");
$world->add_shops(1 .. $shops);
$world->advance(300, quiet => 1);
$world->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});
my $log = $world->node->logfile;
my $from;

# Queues a run of every shop over all that there is, while the log is locked: what is in hand then waits, all of it answered. The first of the runs.
sub all_shops
{
	my ($meanwhile) = @_;
	$world->sql('TRUNCATE ordersync.orders, ordersync.sub_orders, ordersync.after_sales, ordersync.order_payloads, ordersync.after_sale_payloads, ordersync.order_changes, ordersync.quarantine');
	$from = -s $log;
	my $holder = $world->node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE ordersync.request_log IN SHARE ROW EXCLUSIVE MODE');
	my $first = $world->sql("SELECT min(run_id) FROM ordersync_trigger_all('full', now() - interval '3 days')");
	$world->wait_until('an answer to wait and all others to be there', sub {
		$world->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND wait_event_type = 'Lock'") == 1
			&& $world->in_flight == 0 });
	$meanwhile->($first) if $meanwhile;
	$holder->query('ROLLBACK');
	$holder->quit;
	return $first;
}
sub ended
{
	my ($first, $but) = @_;
	my $others = $but ? "AND shop_id <> $but" : '';
	$world->wait_until('the runs', sub { $world->sql("SELECT count(*) FROM ordersync.sync_runs WHERE run_id >= $first AND state IN ('pending', 'running') $others") == 0 });
	return $world->sql("SELECT string_agg(DISTINCT state, ',') FROM ordersync.sync_runs WHERE run_id >= $first $others");
}
sub is_whole
{
	my ($what, @but) = @_;
	my @behind = map { my $shop = $_; map { "$shop: $_" } $world->behind($shop, 'trades'), $world->behind($shop, 'refunds') } grep { my $shop = $_; !grep { $_ == $shop } @but } 1 .. $shops;
	return is_deeply(\@behind, [], "$what: every other shop is as the platform says");
}
# The most shops whose calls one transaction has logged.
sub most_together { my ($first) = @_; return $world->sql("SELECT count(DISTINCT shop_id) FROM ordersync.request_log WHERE run_id >= $first GROUP BY xmin::text ORDER BY 1 DESC LIMIT 1") }
sub log_text { return PostgreSQL::Test::Utils::slurp_file($log, $from) }

# keys are checked one by one
my $run = all_shops();
is(ended($run), 'succeeded', 'a first run of all shops');

# --- together ---

$run = all_shops();
is(ended($run), 'succeeded', 'a run of all shops');
cmp_ok(most_together($run), '>=', 8, 'answers of several shops are settled in one transaction');
is_whole('together');
is($world->sql("SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id >= $run AND t.stream = 'orders' AND t.work = 'store' AND t.records_new <> (SELECT count(*) FROM ordersync.order_changes c
	WHERE c.task_id = t.task_id AND c.field = 'first_seen' AND c.object = 'order')"), 0, 'each task has counted its own orders');
is($world->sql("SELECT count(*) FROM ordersync.sync_runs r WHERE r.run_id >= $run AND (r.open_tasks <> 0 OR r.held_tasks <> 0)"), 0, 'each run has counted its own tasks');
is($world->sql("SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id >= $run AND t.calls <> (SELECT count(*) FROM ordersync.request_log l WHERE l.task_id = t.task_id)"), 0, 'each call is logged');

# --- a record that the database refuses ---

# of two: the answer that came first is alone, whichever it is
$world->sql('ALTER TABLE ordersync.orders ADD CONSTRAINT not_this_shop CHECK (shop_id NOT IN (7, 8)) NOT VALID');
$run = all_shops();
is(ended($run), 'succeeded', 'a run while a constraint refuses the orders of two shops');
is_whole('refused', 7, 8);
is($world->sql("SELECT string_agg(DISTINCT shop_id || ' ' || reason, ',') FROM ordersync.quarantine WHERE resolved_at IS NULL"), '7 refused,8 refused', 'those alone are in quarantine');
like(log_text(), qr/DEBUG:  ordersync failed while storing pages: .*not_this_shop/, 'they were in hand with others');
$world->sql('ALTER TABLE ordersync.orders DROP CONSTRAINT not_this_shop');

# --- a task that is another worker's ---

my $lost;
$run = all_shops(sub {
	$lost = $world->sql("SELECT task_id FROM ordersync.sync_tasks WHERE run_id >= $_[0] AND state = 'running' ORDER BY shop_id DESC LIMIT 1");
	$world->sql("UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE task_id = $lost");
});
is(ended($run), 'succeeded', 'a run of whose tasks one is taken away');
is_whole('a lost task');
is($world->sql("SELECT state, attempt, calls FROM ordersync.sync_tasks WHERE task_id = $lost"), 'succeeded|0|1', 'what was read for it before is not counted');

# --- somebody holds rows of two shops ---

my $keeper = $world->node->background_psql('postgres');
$run = all_shops(sub { $keeper->query_safe('BEGIN; SELECT count(*) FROM (SELECT FROM ordersync.coverage WHERE shop_id IN (9, 10) FOR UPDATE) AS c') });
$world->wait_until('one of them to be in hand with others', sub { log_text() =~ /DEBUG:  ordersync failed while storing pages: .*lock timeout/ });
$world->wait_until('it alone to wait', sub { $world->sql("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'ordersync worker' AND NOT l.granted") == 1 });
$keeper->query('ROLLBACK');
$keeper->quit;
is(ended($run), 'succeeded', 'a run while somebody holds rows of two shops');
is($world->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id >= $run AND shop_id NOT IN (9, 10)"), 0, 'costs no other one an attempt');
is_whole('rows are held');

done_testing;
