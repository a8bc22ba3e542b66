# Answers that are in hand together are stored in one transaction, up to eight of them. What is wrong with one page costs no other one anything: a record that
# cannot be stored, a task that is another worker's by now, a record that the database refuses, an error that may pass, a crash in the middle.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $world = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 600, '--days' => 27, '--burst' => 0 ],
	conf => "ordersync.workers = 1\nordersync.max_in_flight = 64\nordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3\nlog_min_messages = debug1");
$world->add_shops(1);
$world->advance(300, quiet => 1);
is($world->incremental(1), 'succeeded', 'a first run checks the data key');
$world->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});
my $log = $world->node->logfile;

# A full run whose first page finds the tables locked until every other call that it has made is answered; what is done in between. The run, to be finished.
sub full_run
{
	my ($meanwhile) = @_;
	$world->fault('hang', ms => 300);
	my $holder = $world->node->background_psql('postgres');
	$holder->query_safe('BEGIN; LOCK TABLE ordersync.order_payloads, ordersync.after_sale_payloads IN SHARE ROW EXCLUSIVE MODE');
	my $run = $world->trigger('full', 1);
	$world->wait_until('a page to wait and all others to be answered', sub {
		$world->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND wait_event_type = 'Lock'") == 1
			&& $world->in_flight == 0 });
	$world->no_faults;
	$meanwhile->($run) if $meanwhile;
	eval { $holder->query('ROLLBACK'); $holder->quit };
	return $run;
}

# Pages of orders by the transaction that logged them: how many were stored in each.
sub batches
{
	my ($run) = @_;
	return split /\n/, $world->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND method = 'taobao.trades.sold.get'
		AND window_since IS NOT NULL AND records > 0 GROUP BY xmin ORDER BY 1 DESC");
}
sub calls_of { my ($run) = @_; return $world->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run") }
# The day whose page is read together with others: the oldest that is in hand.
sub oldest_in_hand
{
	my ($run) = @_;
	return $world->sql("SELECT task_id FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running' AND stream = 'orders' ORDER BY since LIMIT 1");
}
sub empty { $world->sql('TRUNCATE ordersync.orders, ordersync.sub_orders, ordersync.after_sales, ordersync.order_payloads, ordersync.after_sale_payloads, ordersync.order_changes, ordersync.quarantine'); return }
sub is_whole
{
	my ($what, @but) = @_;
	is_deeply([ $world->behind(1, 'trades') ], [ sort @but ], "$what: the orders are as the platform says" . (@but ? ', but for what cannot be stored' : ''));
	return is_deeply([ $world->behind(1, 'refunds') ], [], "$what: so are the after-sales");
}
# What the server's log says of failed transactions since the last look.
my $from = -s $log;
sub failures
{
	my $text = PostgreSQL::Test::Utils::slurp_file($log, $from);
	$from = -s $log;
	my @said;
	push @said, "$1: $2" while $text =~ /\b(DEBUG|LOG):  ordersync failed while (.*)/g;
	return @said;
}

# --- stored together ---

empty();
my $run = full_run();
is($world->finish($run), 'succeeded', 'a full run of several windows at once');
is_whole('together');
my @n = batches($run);
cmp_ok($n[0], '>', 4, "pages that were in hand together are stored together (@n)");
cmp_ok($n[0], '<=', 8, 'eight of them at most');
is($world->sql("SELECT count(DISTINCT o.xmin) < count(DISTINCT o.task_id) FROM (SELECT p.xmin::text, c.task_id FROM ordersync.order_payloads p
	JOIN ordersync.order_changes c USING (shop_id, tid) WHERE c.run_id = $run AND c.field = 'first_seen') o"), 't', 'orders of several tasks are written by one transaction');
is($world->sql("SELECT sum(records_new) FILTER (WHERE stream = 'orders') = (SELECT count(*) FROM ordersync.orders), bool_and(attempt = 0), bool_and(calls = pages)
	FROM ordersync.sync_tasks WHERE run_id = $run AND work = 'store'"), 't|t|t', 'each task has its own counts');
is($world->sql("SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = $run AND t.stream = 'orders' AND t.work = 'store' AND t.records_new <> (SELECT count(*) FROM ordersync.order_changes c
	WHERE c.task_id = t.task_id AND c.field = 'first_seen' AND c.object = 'order')"), 0, 'and its own orders');
is_deeply([ failures() ], [], 'nothing failed');

# The same again: nothing is written.
my $before = $world->fingerprint;
is($world->full(1), 'succeeded', 'the same once more');
is($world->fingerprint, $before, 'writes nothing');

# --- a record that cannot be stored anywhere ---

empty();
$world->fault('blemish', kind => 'bad_time', to => 1, count => 1, method => 'trades.sold.get');
$run = full_run();
is($world->finish($run), 'succeeded', 'a run with a record without a time');
cmp_ok((batches($run))[0], '>', 1, 'its page is stored with others');
is($world->sql("SELECT count(*), min(q.reason), min(t.records_quarantined) FROM ordersync.quarantine q JOIN ordersync.sync_tasks t USING (task_id) WHERE q.resolved_at IS NULL"),
	'1|no_time|1', 'the record is noted, with its task');
is_whole('a bad record', split /\n/, $world->sql('SELECT record_id FROM ordersync.quarantine WHERE resolved_at IS NULL'));
is_deeply([ failures() ], [], 'nothing failed');

# --- a task that is lost meanwhile ---

empty();
my $lost;
$run = full_run(sub {
	$lost = oldest_in_hand($_[0]);
	$world->sql("UPDATE ordersync.sync_tasks SET state = 'pending', owner = NULL, token = NULL WHERE task_id = $lost");
});
is($world->finish($run), 'succeeded', 'a run of whose tasks one is taken away while its page is in hand');
is_whole('a task is lost');
is($world->sql("SELECT state, attempt, calls = pages FROM ordersync.sync_tasks WHERE task_id = $lost"), 'succeeded|0|t', 'it is read by whoever has it now');
is($world->sql("SELECT max(calls) FROM ordersync.sync_tasks WHERE run_id = $run AND stream = 'orders' AND work = 'store' AND seen <= 100"), 1, 'no page is stored twice');
is_deeply([ failures() ], [], 'that is no failure');

# --- a record that the database refuses ---

empty();
my $refused;
$run = full_run(sub {
	my ($day) = split /\|/, $world->sql('SELECT to_char(since, \'YYYY-MM-DD HH24:MI:SS\') FROM ordersync.sync_tasks WHERE task_id = ' . oldest_in_hand($_[0]) . '');
	my $returned = $world->has_after_sales(1);
	($refused) = grep { !$returned->{$_} } map { /"tid":(\d+)/ ? $1 : () } split /\n/, $world->control('truth', shop => 1, slim => 1, api => 'list',
		since => $world->sql("SELECT to_char(timezone('Asia/Shanghai', '$day'::timestamptz), 'YYYY-MM-DD HH24:MI:SS')"),
		until => $world->sql("SELECT to_char(timezone('Asia/Shanghai', '$day'::timestamptz + interval '1 day'), 'YYYY-MM-DD HH24:MI:SS')"));
	$world->sql("ALTER TABLE ordersync.orders ADD CONSTRAINT no_such_order CHECK (tid <> $refused)");
});
is($world->finish($run), 'succeeded', 'a run with a record that a constraint refuses');
is($world->sql("SELECT record_id, reason, sqlstate FROM ordersync.quarantine WHERE resolved_at IS NULL"), "$refused|refused|23514", 'that record is in quarantine');
is_whole('a refused record', $refused);
is($world->sql("SELECT string_agg(records_quarantined::text, ',') FROM ordersync.sync_tasks WHERE run_id = $run AND records_quarantined > 0"), '1', 'one task has it');
is(scalar(grep { /^DEBUG: storing pages: .*no_such_order/ } failures()), 1, 'its page was in hand with others');
$world->sql('ALTER TABLE ordersync.orders DROP CONSTRAINT no_such_order');

# --- an error that may pass ---

empty();
$world->sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error USING MESSAGE = ''unwanted''; END';
	CREATE TRIGGER broken BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = $refused) EXECUTE FUNCTION broken()");
$run = full_run();
is($world->finish($run), 'incomplete', 'a run with a page that fails each time');
is($world->sql("SELECT count(*), max(until - since) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'failed'"), '1|00:00:01', 'one second of it fails');
is_whole('a failing page', $refused);
my @said = failures();
is($said[0], 'DEBUG: storing pages: unwanted', 'it was in hand with others');
is($said[1], 'LOG: storing a page: unwanted', 'what the log says of it by itself is about its page alone');
$world->sql('DROP TRIGGER broken ON ordersync.orders');
is($world->sql("SELECT ordersync_retry($run)"), 1, 'it is tried again');
is($world->finish($run), 'succeeded', 'and succeeds');
is_whole('tried again');

# --- a crash in the middle ---

empty();
my $killed_at;
$run = full_run(sub { $killed_at = -s $log; kill 'KILL', $world->worker_pids });
$world->wait_until_back($killed_at);
is($world->finish($run), 'succeeded', 'a run whose worker is killed while it stores pages');
is_whole('after the crash');
is($world->sql("SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = $run AND t.stream = 'orders' AND t.work = 'store' AND t.records_new <> (SELECT count(*) FROM ordersync.order_changes c
	WHERE c.task_id = t.task_id AND c.field = 'first_seen' AND c.object = 'order')"), 0, 'each task has counted what it stored, once');

done_testing;
