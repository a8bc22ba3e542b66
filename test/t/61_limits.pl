# Limits that all workers share: calls a second, a ban, a ban of one method, calls in flight, the calls of a day and their
# reserve, the turn of a single order; measured at the simulated gateway, by when calls arrive there.
use strict;
use warnings;
use JSON::PP ();
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $cluster = OrdersyncTest->new(
	at => '10:00',
	gateway => [ '--shops' => 6, '--orders-per-shop' => 600, '--days' => 30 ],
	conf => "ordersync.workers = 4\nmax_worker_processes = 16\nordersync.retry_base = '20ms'\nordersync.retry_cap = '200ms'");
$cluster->add_shops(1 .. 5);
my @checks = map { $cluster->sql("SELECT ordersync_check_shop($_)") } 1 .. 5;
is(join(' ', map { $cluster->finish($_) } @checks), 'succeeded succeeded succeeded succeeded succeeded', 'the data keys of the shops');
my @day = map { $cluster->ago($_ * 86400) . '+08' } 20, 19;
$cluster->wait_until('four workers', sub { $cluster->worker_pids == 4 });

sub value { my ($q) = @_; return $cluster->sql("SELECT $q") }
sub set { my ($options, $gateway) = @_; return $cluster->sql(sprintf "SELECT ordersync_set_gateway('%s', '%s')", $gateway // 'taobao', $options) }
# Calls as they arrived, since the last reset: moments in seconds, methods, shops.
sub calls
{
	my $said = $cluster->control('log', n => 10000);
	return map { { at => $_->{at}, method => $_->{method}, shop => $_->{shop} } } ref $said ? $said : map { JSON::PP::decode_json($_) } split /\n/, $said;
}
sub reset_log { return $cluster->control('stats/reset') }
# Of the second with the most calls, wherever it begins.
sub most_in_a_second
{
	my @at = sort { $a <=> $b } map { $_->{at} } @_;
	my ($most, $from) = (0, 0);
	for my $to (0 .. $#at)
	{
		$from++ while $at[$from] <= $at[$to] - 1;
		$most = $to - $from + 1 if $to - $from + 1 > $most;
	}
	return $most;
}

# The longest time without a call between the first and the last, and when it began.
sub longest_gap
{
	my @at = sort { $a <=> $b } map { $_->{at} } @_;
	return @{ (sort { $b->[0] <=> $a->[0] } map { [ $at[$_] - $at[ $_ - 1 ], $at[ $_ - 1 ] ] } 1 .. $#at)[0] };
}

# --- calls a second: one bucket for four workers, whoever uses it; a single order is before what waits

my ($rate, $seconds) = ($ENV{RATE} // 20, $ENV{SECONDS} // 6);
set(qq({"calls_per_second": $rate}));
reset_log();
my @runs = map { $cluster->trigger('full', $_) } 1 .. 3;
$cluster->wait_until('the rate to be used up', sub { my @c = calls(); @c > $rate });
my $tid = $cluster->control('truth', shop => 4, object => 'trades', slim => 1) =~ /"tid":(\d+)/ ? $1 : die 'no order';
my $asked = calls();
my $took = time;
is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order(4, $tid)")), 'succeeded', 'an order is read while a full run uses up the rate');
$took = time - $took;
my @all = calls();
my ($nth) = grep { $all[$_]{shop} == 4 } $asked .. $#all;
note(sprintf 'measured: the order took %.0f ms, %d calls came before its own', $took * 1000, $nth - $asked);
cmp_ok($nth - $asked, '<', $rate, 'its call is not behind those that wait');
my $until = $all[0]{at} + $seconds;
$cluster->wait_until("$seconds seconds", sub { @all = calls(); $all[-1]{at} > $until || !grep { $cluster->run_state($_) =~ /pending|running/ } @runs });
my @counted = grep { $_->{at} < $until } @all;
my $length = $counted[-1]{at} - $counted[0]{at};
my $mean = @counted / $length;
note(sprintf 'measured: %d calls in %.1f s, %.1f a second, %d in the second with the most', scalar @counted, $length, $mean, most_in_a_second(@counted));
cmp_ok(most_in_a_second(@counted), '<=', $rate + 1 + $rate / 10, "no second has more than $rate calls and the burst");
cmp_ok($mean, '>', 0.95 * $rate, 'and the rate is used');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.workers WHERE calls > 0"), '>', 1, 'by several workers');
my %of; $of{ $_->{shop} }++ for @counted;
note('measured: calls by shop: ' . join ' ', map { "$_: $of{$_}" } sort keys %of);
cmp_ok((sort { $a <=> $b } map { $of{$_} // 0 } 1 .. 3)[0], '>', 0.2 * @counted, 'no shop is left behind by the others');
$cluster->sql("SELECT ordersync_cancel($_)") for @runs;
set('{"calls_per_second": null}');

# --- a ban: nothing comes for exactly that time, from no worker, and another gateway notices nothing

sub active { return scalar grep { $cluster->run_state($_) =~ /pending|running/ } @_ }
$cluster->sql("SELECT ordersync_add_gateway('other', '" . $cluster->url . "', '12345678', 'helloworld')");
my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
utf8::encode(my $nick = $shop{6}{seller_nick});
$cluster->sql("SELECT ordersync_add_shop(6, '$nick', '$shop{6}{session}', 'other')");
is($cluster->finish($cluster->sql('SELECT ordersync_check_shop(6)')), 'succeeded', 'a shop of another gateway');
$cluster->fault('hang', ms => 5);
reset_log();
$cluster->fault('throttle', value => 4, count => 1, skip => 20, shop => 1, sub_code => 'accesscontrol.limited-by-dynamic-access-count');
@runs = map { $cluster->trigger('full', $_) } 1 .. 3;
$cluster->wait_until('the ban', sub { value("throttled_until > clock_timestamp() FROM ordersync.gateways WHERE name = 'taobao'") eq 't' });
like(value("waiting_for FROM ordersync.run_progress WHERE run_id = $runs[0]"), qr/^the platform, until \d\d:\d\d:\d\d$/, 'the runs say that they wait');
my $elsewhere = $cluster->trigger('full', 6, @day);
$cluster->wait_until('the end of the ban', sub { value("throttled_until < clock_timestamp() FROM ordersync.gateways WHERE name = 'taobao'") eq 't' });
$cluster->wait_until('calls after it', sub { my @c = grep { $_->{shop} < 6 } calls(); @c && $c[-1]{at} - $c[0]{at} > 4.9 });
my ($gap, $from) = longest_gap(grep { $_->{shop} < 6 } calls());
note(sprintf 'measured: of a ban of 4 s and the second more, %.2f s without a call', $gap);
# a call that was under way when the answer came still arrives
cmp_ok($gap, '>', 4.5, 'no call of the gateway comes during the ban, of no worker');
cmp_ok($gap, '<', 6.5, 'and they go on when it is over');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE last_verdict = 'throttled' AND attempt > 1"), '0', 'it costs no attempt');
cmp_ok(scalar(grep { $_->{shop} == 6 && $_->{at} > $from && $_->{at} < $from + $gap } calls()), '>', 0, 'another gateway is called meanwhile');
is($cluster->finish($elsewhere), 'succeeded', 'and a run through it notices nothing');
$cluster->no_faults;

# --- a ban of one method: the others go on

$cluster->sql("SELECT ordersync_cancel($_)") for grep { active($_) } @runs;
$cluster->fault('throttle', value => 3600, count => 1, method => 'taobao.refunds.receive.get');
my $run = $cluster->trigger('incremental', 1, @day);
$cluster->wait_until('the ban of a method', sub { value('count(*) FROM ordersync.method_bans') == 1 });
is(value('method FROM ordersync.method_bans'), 'taobao.refunds.receive.get', 'the method that the code says it of');
reset_log();
$cluster->wait_until('the run to wait for that method alone', sub {
	value("waiting_for FROM ordersync.run_progress WHERE run_id = $run") =~ /^the platform, until \d\d:\d\d:\d\d for taobao\.refunds\.receive\.get: App Call Limited/ });
ok(1, 'all else of the run is read, and it says what it waits for');
is(value("state FROM ordersync.gateway_health WHERE gateway = 'taobao'"), 'method banned', 'the gateway says so as well');
is(scalar(grep { $_->{method} eq 'taobao.refunds.receive.get' } calls()), 0, 'that method is not called');
$cluster->node->restart;
is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order(4, $tid)")), 'succeeded', 'other methods are');
is(scalar(grep { $_->{method} eq 'taobao.refunds.receive.get' } calls()), 0, 'nor after a restart of the server');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_lift_ban('taobao')");
is($cluster->finish($run), 'succeeded', 'lifted, the run goes on');

# --- HTTP 429 and 503 with Retry-After, in seconds and as a time

for my $f ([ 429, '2', 1.5 ], [ 503, 'date 2', 1 ])
{
	$cluster->fault('status', value => $f->[0], msg => $f->[1], count => 1);
	reset_log();
	is($cluster->full(5, @day), 'succeeded', "a run through HTTP status $f->[0] with Retry-After: $f->[1]");
	my ($gap) = longest_gap(calls());
	cmp_ok($gap, '>', $f->[2], 'no call comes before that time is over');
	cmp_ok($gap, '<', 8, 'and then they go on');	# on a busy machine too
}
is($cluster->sql("SELECT string_agg(http_status::text, ' ' ORDER BY http_status) FROM ordersync.request_log WHERE shop_id = 5 AND verdict = 'throttled'"), '429 503', 'that was their verdict');

# --- calls in flight

set('{"calls_in_flight": 3}');
$cluster->fault('hang', ms => 40);
reset_log();
@runs = map { $cluster->trigger('incremental', $_, @day) } 1 .. 5;
is(join(' ', map { $cluster->finish($_) } @runs), 'succeeded succeeded succeeded succeeded succeeded', 'five runs with three places');
my $peak = $cluster->control('stats')->{peak_in_flight};
is($peak, 3, 'no more than three calls of all workers are in flight, and three are');
$cluster->no_faults;
set('{"calls_in_flight": null}');

# --- a rate below one call in five seconds: what waits for its turn is no ban

set('{"calls_per_second": 0.05}', 'other');
$run = $cluster->trigger('full', 6);
$cluster->wait_until('a call of it, and tasks that wait', sub {
	$cluster->sql("SELECT count(*) > 2 AND bool_or(calls > 0) FROM ordersync.sync_tasks WHERE run_id = $run AND (state = 'running' OR calls > 0)") eq 't' });
is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order(4, $tid)")), 'succeeded', 'workers go on with what is not slow');
is(value("throttled_until > clock_timestamp() - interval '1 minute' FROM ordersync.gateways WHERE name = 'other'"), '', 'nobody says that the platform wants no calls');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND last_verdict = 'throttled'"), '0', 'no task is given back');
$cluster->sql("SELECT ordersync_cancel($run)");

# --- the calls of a day: spent but for the reserve, and not forgotten by a crash

my $made = $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE gateway = 'taobao' AND logged_at >= timezone('Asia/Shanghai', timezone('Asia/Shanghai', now())::date::timestamp)
	AND logged_at >= (SELECT lifted_at FROM ordersync.gateways WHERE name = 'taobao')");
my $quota = $made + 30;
set(qq({"calls_per_day": $quota, "calls_per_day_reserved": 10}));
reset_log();
@runs = map { $cluster->trigger('full', $_) } 1, 2;
$cluster->wait_until('the day\'s calls to be spent', sub {
	value("reserved_until IS NOT NULL FROM ordersync.gateways WHERE name = 'taobao'") eq 't'
	&& $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'") == 0 });
is(scalar(my @spent = calls()), 20, 'of a limit of 30 calls with 10 reserved, full runs make 20');
like(value("waiting_for FROM ordersync.run_progress WHERE run_id = $runs[0]"), qr/^tomorrow: what is left of calls_per_day of gateway "taobao" is reserved/, 'they wait for tomorrow');
is(value("reserved_until - clock_timestamp() BETWEEN interval '13 hours' AND interval '14 hours' FROM ordersync.gateways WHERE name = 'taobao'"), 't', 'midnight of the platform');
is($cluster->sql("SELECT count(*) FILTER (WHERE attempt > 0), count(*) > 0 FROM ordersync.sync_tasks WHERE run_id IN ($runs[0], $runs[1]) AND last_verdict = 'throttled'"), '0|t', 'without an attempt');
is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order(4, $tid)")), 'succeeded', 'an order that a person asks for is read all the same');
is(value("state || ' ' || calls_per_day FROM ordersync.gateway_health WHERE gateway = 'taobao'"), "quota spent $quota", 'the gateway says so');
$cluster->node->stop('immediate');
$cluster->node->start;
$cluster->wait_until('the workers', sub { $cluster->worker_pids == 4 });
my @orders = ($cluster->sql("SELECT ordersync_trigger_order(4, $tid)"));
is($cluster->finish($orders[0]), 'succeeded', 'after a crash single orders go on');
for (1 .. 12)
{
	push @orders, $cluster->sql("SELECT ordersync_trigger_order(4, $tid)");
	my $state;
	$cluster->wait_until('an order, or the end of the day\'s calls', sub {
		($state = $cluster->run_state($orders[-1])) eq 'succeeded' || value("spent_until IS NOT NULL FROM ordersync.gateways WHERE name = 'taobao'") eq 't' });
	last if $state ne 'succeeded';
}
cmp_ok(scalar(my @after = calls()), '<=', 30, 'no more than the limit were made, the crash forgot none');
my $block = $quota < 200 ? 1 : int($quota / 100);
cmp_ok(scalar @after, '>=', 30 - $block, 'and at most a block of the day\'s calls was lost');
like(value("waiting_for FROM ordersync.run_progress WHERE run_id = $orders[-1]"), qr/^tomorrow: calls_per_day of gateway "taobao" are spent/, 'then even orders wait');
set('{"calls_per_day": null, "calls_per_day_reserved": null}');
is($cluster->finish($orders[-1]), 'succeeded', 'another limit, and all goes on');

done_testing;
