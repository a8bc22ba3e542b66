# Changes that become visible after their `modified`, later than any window waits: the list of arrivals finds them, each is
# brought in and counted as repaired, and no day is called proven before that was looked for.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

# In the morning, since a day of the platform that has ended since the last run is read once more by creation.
my $cluster = OrdersyncTest->new(at => '10:00', gateway => [ '--shops' => 1, '--orders-per-shop' => 3000, '--days' => 20 ]);
$cluster->add_shops(1);
is($cluster->full(1), 'succeeded', 'a full run');
is($cluster->incremental(1), 'succeeded', 'the first incremental run');
$cluster->advance(7200);
$cluster->advance(300, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'two hours later');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'nothing is missing');

# Late changes: so many orders, between an hour and twenty minutes before they can be seen.
sub late
{
	my ($orders) = @_;
	my ($from, $to) = ($cluster->ago(3600), $cluster->ago(1200));
	my $changed = $cluster->control('change', shop => 1, orders => $orders, from => $from, to => $to)->{changed};
	$cluster->advance(200, quiet => 1);
	return $changed;
}
my $repaired = "SELECT count(DISTINCT record_id) FROM ordersync.repairs WHERE reason = 'arrival'";

my $few = late(30);
is($few, 30, 'thirty orders change late');
is(scalar(my @behind = $cluster->behind(1, 'trades')), 30, 'they are behind');
is($cluster->incremental(1), 'succeeded', 'an incremental run, whose windows lie behind them');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'brought them in all the same');
is($cluster->sql($repaired), 30, 'thirty repairs are counted');
is_deeply([ sort split /\n/, $cluster->sql("SELECT DISTINCT record_id FROM ordersync.repairs") ], [ sort @behind ], 'and logged by their ids');
is($cluster->sql("SELECT count(DISTINCT i) FROM ordersync.sync_tasks, unnest(ids) AS i WHERE reason = 'arrival' AND details_of = 'orders'"), 30,
	'each was fetched by its id');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE details_at IS NOT NULL"), 30, 'and is whole');
is($cluster->sql("SELECT sum(repaired) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified'"), 30, 'the days show it');
is($cluster->sql("SELECT max(checks) FROM ordersync.sync_tasks WHERE basis = 'arrival'"), 1, 'the window was read again after the repair');

# All of them arrive in one second, which three pages hold exactly.
my $many = late(300);
is($cluster->incremental(1), 'succeeded', "$many orders late, more than two pages");
is($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE verdict = 'malformed'"), 0, 'no page was taken for a broken one');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'are brought in');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE reason = 'arrival' AND stream = 'orders' AND basis = 'modified'"), 1,
	'by reading that range again');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE reason = 'arrival' AND stream = 'details' AND run_id = $cluster->{last_run}"), 0,
	'and none by its id');
cmp_ok($cluster->sql($repaired), '>=', 300, 'each is a repair');

# Every change that nobody repaired costs nothing: the answers of the check never go through apply.
my $writes = $cluster->writes;
is($cluster->sql("SELECT sum(records_unchanged) > 0 AND sum(records_new + records_changed) = 0 FROM ordersync.sync_tasks WHERE basis = 'arrival'"), 't',
	'a check stores nothing');
$cluster->advance(600, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'a run without changes');
is($cluster->writes, $writes, 'writes nothing');

# Proven lags behind by the delay.
is($cluster->sql("SELECT verdict FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified' ORDER BY day DESC LIMIT 1"), 'fresh',
	'today is fresh');
$cluster->advance(2 * 86400);
$cluster->advance(300, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'two days later');
my $yesterday = $cluster->sql("SELECT date '" . substr($cluster->ago(0), 0, 10) . "' - 1");
is($cluster->verdicts("day < '$yesterday' AND basis = 'modified' AND stream = 'orders'"),
	'orders modified proven ' . $cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'modified'
		AND day < '$yesterday'"), 'the days before are proven');
is($cluster->sql("SELECT proven_until < orders_until AND orders_until - proven_until < interval '61 minutes' FROM ordersync.shop_health"), 't',
	'what is proven ends an hour before what is read');

# What the platform lists and does not serve makes the window short, and the run incomplete: nothing is called whole.
my ($victim) = sort { $a <=> $b } keys %{ $cluster->says(1, 'trades') };
$cluster->control('change', shop => 1, orders => 40, from => $cluster->ago(3000), to => $cluster->ago(1500));
$cluster->advance(200, quiet => 1);
@behind = $cluster->behind(1, 'trades');
$cluster->fault('error', method => 'fullinfo', code => 15, sub_code => 'isv.trade-not-exist', sub_msg => 'no');
is($cluster->incremental(1), 'incomplete', 'orders that are listed and not served by id');
is($cluster->sql("SELECT outcome FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND basis = 'arrival'"), 'short', 'leave the window of arrivals short');
like($cluster->sql("SELECT error FROM ordersync.failed_tasks WHERE run_id = $cluster->{last_run}"), qr/lists \d+ orders that it does not serve/, 'which says so');
is($cluster->sql("SELECT count(*) FROM ordersync.lookups WHERE NOT served AND run_id = $cluster->{last_run}"), scalar(@behind), 'each is noted');
$cluster->no_faults;
is($cluster->sql("SELECT ordersync_retry($cluster->{last_run})"), 1, 'the window can be tried again');
is($cluster->finish($cluster->{last_run}), 'succeeded', 'and brings them in when they are served');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'all of them');

# An order that is listed without a time that can be read cannot be compared: it is fetched.
$cluster->control('change', shop => 1, orders => 1, from => $cluster->ago(3000), to => $cluster->ago(1500));
$cluster->advance(200, quiet => 1);
is(scalar(() = $cluster->behind(1, 'trades')), 1, 'one more late order');
$cluster->fault('blemish', method => 'incrementv', kind => 'bad_time');
is($cluster->incremental(1), 'succeeded', 'whose time cannot be read in the list of arrivals');
is_deeply([ $cluster->behind(1, 'trades') ], [], 'is brought in by its id');
$cluster->no_faults;

# One that cannot be stored when it is fetched: its day is not proven while it is in quarantine.
$cluster->control('change', shop => 1, orders => 1, from => $cluster->ago(3000), to => $cluster->ago(1500));
$cluster->advance(200, quiet => 1);
my ($bad) = $cluster->behind(1, 'trades');
$cluster->fault('blemish', method => 'fullinfo', kind => 'foreign');
is($cluster->incremental(1), 'succeeded', 'a late order that cannot be stored');
$cluster->no_faults;
is($cluster->sql("SELECT count(*) FROM ordersync.quarantine WHERE record_id = $bad AND resolved_at IS NULL AND since IS NOT NULL"), 1, 'is in quarantine, with the time it is about');
$cluster->advance(2 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'two days later');
is($cluster->sql("SELECT string_agg(DISTINCT c.verdict, ',') FROM ordersync.completeness AS c, ordersync.quarantine AS q WHERE q.record_id = $bad
	AND c.stream = 'orders' AND c.basis = 'modified' AND c.day = timezone('Asia/Shanghai', q.since)::date"), 'counted', 'and its day is not proven');
is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order(1, $bad)")), 'succeeded', 'a good record of it');
is($cluster->sql("SELECT string_agg(DISTINCT c.verdict, ',') FROM ordersync.completeness AS c, ordersync.quarantine AS q WHERE q.record_id = $bad
	AND c.stream = 'orders' AND c.basis = 'modified' AND c.day = timezone('Asia/Shanghai', q.since)::date"), 'proven', 'makes it so');

# A gateway without such a list, and an application that may not use it.
$cluster->sql(q[SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')]);
is($cluster->incremental(1), 'succeeded', 'without arrival check');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND basis = 'arrival'"), 0, 'no arrivals are read');
$cluster->sql(q[SELECT ordersync_set_gateway('taobao', '{"arrival_check": null}')]);
$cluster->fault('permission', method => 'incrementv');
$cluster->advance(600);
is($cluster->incremental(1), 'succeeded', 'no permission for the list of arrivals is no failure');
like($cluster->sql("SELECT unserved -> 'arrival' ->> 'message' FROM ordersync.shop_health"), qr/Insufficient/, 'the shop says so');
is($cluster->sql("SELECT outcome FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND basis = 'arrival'"), 'unserved', 'and the task');

done_testing;
