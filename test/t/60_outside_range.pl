# A platform that does not keep to the range that it is asked for: sound records are stored all the same, by about as many calls as without them; what was read
# so is unproven, says why and what to do, is not read again by the next run, and is proven once the lists are mended.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 5, '--orders-per-shop' => 400, '--days' => 70, '--burst' => 0 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3\nordersync.max_active_shops = 10\nlog_statement = none");
$cluster->add_shops(1 .. 5);
$cluster->advance(300, quiet => 1);
my %is = (alone => 1, beside => 2, moved => 3, sound => 4, withheld => 5);

# Triggers the kind for all shops, waits for all of them; run_id by shop.
sub run_all
{
	my (@arg) = @_;
	my %run = map { split /\|/ } split /\n/, $cluster->sql("SELECT shop_id, run_id FROM ordersync_trigger_all(@arg)");
	$cluster->finish($_) for values %run;
	return %run;
}

sub of_run { my ($run, $what, $where) = @_; return $cluster->sql("SELECT $what FROM ordersync.sync_tasks WHERE run_id = $run AND " . ($where // 'true')) }
sub calls { return of_run($_[0], 'sum(calls)', "work <> 'count' AND stream <> 'details'") }
sub state_of { return $cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $_[0]") }

my ($since, $until, $settled) = split /\|/, $cluster->sql("SELECT ordersync_day(d - 9), ordersync_day(d - 4), ordersync_day(d - 9) + interval '12 hours'
	FROM ordersync_today() d");
my @listed = (since => local_time($settled), until => local_time($until));
sub local_time { return $cluster->sql("SELECT to_char(timezone('Asia/Shanghai', timestamptz '$_[0]'), 'YYYY-MM-DD HH24:MI:SS')") }

$cluster->fault('outside', shop => $is{alone}, kind => 'oldest alone', value => 1);
$cluster->fault('outside', shop => $is{beside}, kind => 'oldest', value => 1);
$cluster->fault('moved_on', shop => $is{moved}, seconds => 12 * 3600);
$cluster->fault('outside', shop => $is{withheld}, kind => 'newest', value => 1);
$cluster->fault('withhold', shop => $is{withheld}, one_of => 5);

# --- full runs: by creation ---

my %full = run_all("'full', '$since', '$until'");
is(state_of($full{ $is{sound} }), 'succeeded', 'lists that keep to their range');
my $sound = calls($full{ $is{sound} });

my $run = $full{ $is{alone} };
is(state_of($run), 'incomplete', 'every list holds one order, created before all ranges, and nothing else');
is($cluster->sql("SELECT min(created) < now() - interval '60 days' FROM ordersync.orders WHERE shop_id = $is{alone}"), 't', 'it is stored');
cmp_ok(calls($run), '<=', $sound, "by no more calls than sound lists take ($sound)");
is(of_run($run, "string_agg(DISTINCT state || ' ' || outcome || ' ' || error_class, ', ')", "work = 'store' AND NOT fresh AND stream <> 'details'"), 'incomplete unproven range', 'each window is unproven, with a class of its own');
is(of_run($run, "sum(attempt)"), 0, 'and is read once');
is($cluster->sql("SELECT string_agg(DISTINCT class, ' '), bool_and(NOT covered), bool_and(error ~ '^the platform lists records .1. outside the range'),
	bool_and(hint ~ 'time parameters.*retry when it is mended'), string_agg(DISTINCT what_to_do, ' ') FROM ordersync.failed_tasks WHERE run_id = $run"),
	"malformed|t|t|t|SELECT ordersync_retry($run)", 'failed tasks say what it is and what to do');
like($cluster->sql("SELECT message FROM ordersync.sync_runs WHERE run_id = $run"), qr/^(\d+) of \d+ windows are unproven: the lists do not keep to their range$/, 'so does the run');
is($cluster->sql("SELECT string_agg(DISTINCT verdict, ' '), bool_and(reason ~ 'outside the range') FROM ordersync.completeness WHERE shop_id = $is{alone} AND basis = 'created'"),
	'unproven|t', 'and the days');
is($cluster->sql("SELECT state, last_error_class FROM ordersync.shop_health WHERE shop_id = $is{alone}"), 'failing|range', 'and the shop\'s health');
like($cluster->sql("SELECT detail FROM ordersync_doctor() WHERE check_name = 'failed windows' AND NOT ok"), qr/range: the platform lists records/, 'and the doctor');

$run = $full{ $is{beside} };
is(join(' ', $cluster->behind($is{beside}, 'trades', basis => 'created', since => local_time($since), until => local_time($until))), '', 'one order from outside beside the good ones of each list: all are stored');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $is{beside} AND created < now() - interval '60 days'"), '>=', 1, 'and the one from outside');
cmp_ok(calls($run), '<=', $sound, "by no more calls than without it ($sound)");
is(of_run($run, "string_agg(DISTINCT outcome || ' ' || error_class, ', ')", "work = 'store' AND NOT fresh AND stream <> 'details'"), 'unproven range', 'none of it is proven');

# --- incremental runs: by modification, then by arrival ---

my %changes = run_all("'incremental', '$since', '$until'");
$run = $changes{ $is{moved} };
is(join(' ', $cluster->behind($is{moved}, 'trades', @listed)), '', 'records that carry a later time than they are listed under are stored');
cmp_ok(of_run($run, "count(*)", "outcome = 'unproven' AND error_class = 'range' AND stream = 'orders' AND basis = 'modified' AND seen < reported"), '>', 0, 'their windows are unproven, not short');
is(of_run($run, "count(*)", "outcome = 'short' OR state = 'failed'"), 0, 'none is short');
cmp_ok(calls($run), '<=', 2 * calls($changes{ $is{sound} }), 'they were asked for once more at most');
is($cluster->sql("SELECT c.unproven && tstzmultirange(tstzrange('$since', '$until')), p.ranges && c.unproven, c.unproven <@ c.ranges
	FROM ordersync.coverage c JOIN ordersync.proven_ranges p USING (shop_id, stream)
	WHERE c.shop_id = $is{moved} AND c.stream = 'orders' AND c.basis = 'modified'"), 't|f|t', 'they are covered, and no proven range has them');

for my $shop ($is{withheld}, $is{alone}, $is{beside})
{
	is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE shop_id = $shop AND verdict IN ('counted', 'proven')"), 0,
		"no day of shop $shop is counted" . ($shop == $is{withheld} ? ', where each list has a record from outside and some withheld' : ''));
}
is($cluster->sql("SELECT count(*) FROM ordersync.window_counts WHERE verdict = 'counted' AND outside > 0"), 0, 'no window with records from outside is');

# --- a record at the end of a range, which may have moved there: it is the next window's as well ---

my $before = $cluster->says($is{sound}, 'trades', since => local_time($cluster->sql("SELECT timestamptz '$since' - interval '5 days'")), until => local_time($since));
my ($tid) = grep { $before->{$_} !~ /00:00:00$/ } sort keys %$before;
my $at = "timestamptz '$before->{$tid}+08'";
my $window = sub { return $cluster->finish($cluster->trigger('incremental', $is{sound}, split /\|/, $cluster->sql("SELECT $at + interval '$_[0] minutes', $at + interval '$_[1] minutes'"))) };
$cluster->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});
$cluster->sql("DELETE FROM ordersync.orders WHERE shop_id = $is{sound} AND tid = $tid;
	CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error USING MESSAGE = ''unwanted''; END';
	CREATE TRIGGER broken BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = $tid) EXECUTE FUNCTION broken()");
is($window->(-30, 0), 'succeeded', 'where it cannot be stored the window before it is read all the same');
isnt($window->(0, 30), 'succeeded', 'and its own fails');
$cluster->sql('DROP TRIGGER broken ON ordersync.orders');
is($window->(-30, 0), 'succeeded', 'where it can');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $is{sound} AND tid = $tid"), 1, 'the window before it stores it');

# --- the next run, and the remedy ---

my $again = $cluster->trigger('incremental', $is{alone});
$cluster->finish($again);
my $next = $cluster->trigger('incremental', $is{alone});
$cluster->finish($next);
is(of_run($next, 'count(*)', "reason IS NULL AND NOT fresh AND work = 'store' AND until - since > interval '10 minutes'"), 0, 'what is unproven is not read again by the next run');
cmp_ok(calls($next), '<=', 12, 'which takes few calls');

$cluster->no_faults;
$run = $full{ $is{beside} };
cmp_ok($cluster->sql("SELECT ordersync_retry($run)"), '>', 10, 'the lists are mended: what to do is done');
is($cluster->finish($run), 'succeeded', 'and the run is whole');
is($cluster->sql("SELECT unproven FROM ordersync.coverage WHERE shop_id = $is{beside} AND stream = 'orders' AND basis = 'created'"), '{}', 'nothing is unproven');
is($cluster->sql("SELECT count(*) FROM ordersync.completeness WHERE shop_id = $is{beside} AND basis = 'created' AND verdict NOT IN ('counted', 'proven', 'fresh')"), 0, 'nor is any day');

done_testing;
