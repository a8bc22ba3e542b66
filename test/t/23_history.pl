# Orders older than three months: a full run reaches them through the platform's history, which has no total; and the shop's
# second list of after-sales, with and without permission.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 6000, '--days' => 200 ]);
$cluster->add_shops(1);
my $tasks = sub { return $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND " . $_[0]) };
my $log = sub { return $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $cluster->{last_run} AND " . $_[0]) };

# Two weeks four months ago.
my ($since, $until) = split /\|/, $cluster->sql("SELECT ordersync_day((now() - interval '130 days')::date), ordersync_day((now() - interval '116 days')::date)");
is($cluster->full(1, $since, $until), 'succeeded', 'two weeks four months ago');
is($tasks->("history AND outcome = 'unproven' AND state = 'succeeded'"), 14, 'were read from the history, day by day, to the end of each list');
is($log->("method = 'taobao.trades.sold.get'"), 0, 'and not from the list');
is($log->("method = 'taobao.trades.sold.history.get' AND page_size > 50"), 0, 'by pages that it allows');
is($log->("code <> 0 AND method <> 'taobao.trade.fullinfo.get'"), 0, 'nothing was refused');
is($log->("code <> 0 AND sub_code <> 'isv.trade-not-exist'"), 0, 'but orders of after-sales that are archived by now');
my $said = $cluster->says(1, 'trades', basis => 'created', since => $cluster->sql("SELECT to_char(timezone('Asia/Shanghai', timestamptz '$since'), 'YYYY-MM-DD HH24:MI:SS')"),
	until => $cluster->sql("SELECT to_char(timezone('Asia/Shanghai', timestamptz '$until'), 'YYYY-MM-DD HH24:MI:SS')"));
cmp_ok(scalar(keys %$said), '>', 300, 'there are ' . scalar(keys %$said) . ' orders');
is_deeply([ grep { $_ } split /\n/, $cluster->sql("SELECT tid FROM ordersync.orders WHERE created >= '$since' AND created < '$until' ORDER BY tid") ],
	[ sort { $a <=> $b } keys %$said ], 'and all of them are stored');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE created < '$until' AND platform_state <> 'archived'"), 0, 'as archived');
is($cluster->sql("SELECT string_agg(DISTINCT verdict, ',') FROM ordersync.completeness WHERE stream = 'orders' AND day < (now() - interval '115 days')::date"), 'unproven',
	'a list without total proves nothing');
is($cluster->sql("SELECT count(*) > 10 AND count(buyers) = 0 AND min(paid_amount) > 0 FROM ordersync.daily_sales WHERE paid_orders > 0 AND day < (timestamptz '$until' AT TIME ZONE 'Asia/Shanghai')::date"), 't',
	'nor does it tell buyers: its days have none, not 0');
my $writes = $cluster->sql('SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = \'orders\'');
is($cluster->full(1, $since, $until), 'succeeded', 'the same again');
is($cluster->sql('SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = \'orders\''), $writes, 'writes nothing');

# Across the line: what is about to leave the list waits until it has.
my ($across) = $cluster->sql("SELECT ordersync_day((now() - interval '95 days')::date)");
my ($end) = $cluster->sql("SELECT ordersync_day((now() - interval '85 days')::date)");
my $run = $cluster->trigger('full', 1, $across, $end);
$cluster->wait_until('all but the hour that is about to leave the list', sub {
	$cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state IN ('pending', 'running') AND NOT held
		AND (next_attempt_at IS NULL OR next_attempt_at < now() + interval '1 minute')") == 0 });
is($cluster->sql("SELECT bool_and(history) AND sum(until - since) = interval '1 hour' AND max(next_attempt_at) > now() + interval '50 minutes'
	FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'pending' AND NOT held"), 't', 'which waits for the history to have it');
like($cluster->sql("SELECT waiting_for FROM ordersync.run_progress WHERE run_id = $run"), qr/another attempt/, 'as its progress says');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'failed'"), 0, 'nothing failed');
$cluster->advance(3700, quiet => 1);
$cluster->sql("UPDATE ordersync.sync_tasks SET next_attempt_at = now() WHERE run_id = $run AND state = 'pending'; SELECT ordersync_resume_shop(1)");
is($cluster->finish($run), 'succeeded', 'an hour later it is there');
is($cluster->sql("SELECT tstzmultirange(tstzrange('$across', '$end')) <@ ranges FROM ordersync.coverage WHERE stream = 'orders' AND basis = 'created'"), 't',
	'and the whole range is closed');

like($cluster->sql_fails("SELECT ordersync_trigger_full(1, now() - interval '731 days', now() - interval '700 days')"),
	qr/does not serve that range.*two years.*HINT:  The earliest whole day/s, 'beyond two years is an error');
like($cluster->sql_fails("SELECT ordersync_trigger_incremental(1, now() - interval '91 days', now())"),
	qr/does not serve that range.*90 days/s, 'what changed is served for three months only');

# Price protection and cash-back live in a list of their own.
is($cluster->full(1), 'succeeded', 'a month');
my $special = $cluster->says(1, 'special', since => $cluster->ago(30 * 86400));
cmp_ok(scalar(keys %$special), '>', 5, 'which has special refunds');
is($cluster->sql("SELECT count(*) FROM ordersync.after_sales WHERE special_refund_type IS NOT NULL AND refund_id IN (" . join(',', keys %$special) . ')'),
	scalar(keys %$special), 'they are stored among the after-sales');
is($cluster->sql("SELECT count(*) FROM ordersync.after_sales WHERE special_refund_type NOT IN ('priceProtect', 'cashBack')"), 0, 'by their kind');
$cluster->sql("DELETE FROM ordersync.after_sales WHERE special_refund_type IS NOT NULL; DELETE FROM ordersync.coverage WHERE stream = 'special_refunds';
	DELETE FROM ordersync.after_sale_payloads p WHERE NOT EXISTS (SELECT FROM ordersync.after_sales a WHERE a.shop_id = p.shop_id AND a.refund_id = p.refund_id)");
$cluster->fault('permission', method => 'special');
is($cluster->full(1), 'succeeded', 'without permission for it a run succeeds');
cmp_ok($log->("method = 'taobao.special.refunds.receive.get'"), '<=', 16, 'after no more calls than were under way');
like($cluster->sql("SELECT unserved -> 'special_refunds' ->> 'message' FROM ordersync.shops"), qr/Insufficient/, 'the shop says why');
is($cluster->sql("SELECT count(*) FROM ordersync.failed_tasks"), 0, 'nothing counts as failed');
is($cluster->incremental(1), 'succeeded', 'the next run');
is($log->("method = 'taobao.special.refunds.receive.get'"), 0, 'does not ask again');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'after_sales' AND verdict = 'short'"), 0, 'and the days do not wait for it');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_data_key(1, 'session-1')");
is($cluster->full(1), 'succeeded', 'with a new key');
is($cluster->sql('SELECT unserved FROM ordersync.shops'), '{}', 'nothing is refused any more');
cmp_ok($log->("method = 'taobao.special.refunds.receive.get'"), '>=', 30, 'it is asked for');

# Nobody reads for longer than the platform keeps: what is lost is named, once, and the run is not whole.
$cluster->advance(100 * 86400, quiet => 1);
is($cluster->incremental(1), 'incomplete', 'after a hundred days without a run');
like($cluster->sql("SELECT message FROM ordersync.sync_runs WHERE run_id = $cluster->{last_run}"), qr/no longer served by the platform, and lost: \d{4}-/, 'the run names the lost range');
is($tasks->("stream <> 'details' AND state <> 'succeeded'"), 0, 'and reads the rest');
is($cluster->incremental(1), 'succeeded', 'the next run has lost nothing');

done_testing;
