# Something is wrong: for each class of failure what failed_tasks, shop_health, gateway_health and the doctor's checks say at a
# real failure, and that the very command that they print makes it good.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 3, '--orders-per-shop' => 300, '--days' => 3 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3\nordersync.settle_after_sales = '10min'");
$cluster->add_shops(1 .. 3);
$cluster->advance(300, quiet => 1);
my %session = map { $_->{shop} => $_->{session} } @{ $cluster->control('shops') };

# What a view says, as a hash; undef for no row.
sub row
{
	my ($query) = @_;
	my $json = $cluster->sql("SELECT row_to_json(x) FROM ($query) x LIMIT 1");
	return $json eq '' ? undef : decode_json($json);
}
sub failed { my ($run) = @_; return row("SELECT * FROM ordersync.failed_tasks WHERE run_id = $run ORDER BY task_id LIMIT 1") }
sub shop { my ($shop) = @_; return row("SELECT * FROM ordersync.shop_health WHERE shop_id = $shop") }
sub gateway { return row("SELECT * FROM ordersync.gateway_health WHERE gateway = 'taobao'") }
sub red
{
	return join "\n", split /\n/, $cluster->sql("SELECT check_name || ': ' || detail
		FROM (SELECT * FROM ordersync.check_health_gateways() UNION ALL SELECT * FROM ordersync.check_health_shops()) c WHERE NOT ok");
}
sub all_well
{
	my ($name) = @_;
	is($cluster->sql("SELECT string_agg(shop_id || ' ' || state, ', ' ORDER BY shop_id) FROM ordersync.shop_health"), '1 ok, 2 ok, 3 ok', "$name: all shops are well");
	is(gateway()->{state}, 'ok', "$name: so is the gateway");
	is(red(), '', "$name: and every check");
	is($cluster->sql("SELECT count(*) FROM ordersync.failed_tasks WHERE NOT covered"), 0, "$name: nothing is left to be done");
}

# Types a command as it was printed; a secret that it asks for is put in its place.
sub type
{
	my ($command, %secret) = @_;
	$command =~ s/\b$_\b/'$secret{$_}'/ for keys %secret;
	return $cluster->sql($command);
}

# An hour that a run reads whatever is covered.
my @hour;
sub trigger { my ($shop) = @_; return $cluster->trigger('incremental', $shop, @hour) }
sub ended { my ($run) = @_; $cluster->wait_until("run $run", sub { $cluster->run_state($run) !~ /^(?:pending|running)$/ }); return $cluster->run_state($run) }
# Waits until a call of the run has failed, and what is shown of it.
sub until_failed { my ($run, $more) = @_; $more //= 'true'; $cluster->wait_until("a failure of run $run", sub {
	$cluster->sql("SELECT count(*) FROM ordersync.failed_tasks WHERE run_id = $run AND $more") > 0 }); return failed($run) }

@hour = map { $cluster->ago($_) . '+08' } 7200, 3600;
is($cluster->full($_, $cluster->ago(5 * 86400) . '+08'), 'succeeded', "shop $_ is read") for 1 .. 3;	# all that it has
is($cluster->incremental($_), 'succeeded', 'and up to now') for 1 .. 3;
all_well('a good day');
is(shop(1)->{last_success_kind}, 'incremental', 'the last success is told');

# --- unauthorized: the authorisation has ended
$cluster->control('session', shop => 1, session => 'renewed-1');
my $run = trigger(1);
my $f = until_failed($run);
is_deeply([ @$f{qw(state class error_class code sub_code)} ], [ 'pending', 'unauthorized', 'session', 27, 'invalid-sessionkey' ], 'unauthorized: class, code and sub code');
like($f->{message}, qr/\S/, 'unauthorized: the platform\'s words');
like($f->{request_id}, qr/\S/, 'unauthorized: the number of its call');
is($f->{what_to_do}, 'SELECT ordersync_set_session_key(1, session_key)', 'unauthorized: the command names the shop');
is(shop(1)->{state}, 'unauthorized', 'unauthorized: the shop says so');
is(shop(1)->{what_to_do}, $f->{what_to_do}, 'unauthorized: with the same command');
is(shop(1)->{last_class}, 'unauthorized', 'unauthorized: and the class');
is(shop(2)->{state}, 'ok', 'unauthorized: another shop is well');
like(red(), qr/^data keys: 1 shop waits for a data key: 1$/, 'unauthorized: one check is red');
type($f->{what_to_do}, session_key => 'renewed-1');
is($cluster->finish($run), 'succeeded', 'unauthorized: the command makes it good');
all_well('unauthorized');

# --- all keys of a gateway
$cluster->control('session', shop => $_, session => "again-$_") for 1 .. 3;
my @runs = map { trigger($_) } 1 .. 3;
$cluster->wait_until('all keys to be refused', sub { $cluster->sql("SELECT count(*) FROM ordersync.shops WHERE key_state = 'expired'") == 3 });
is(gateway()->{state}, 'all keys refused', 'all keys refused: told by the gateway');
like(red(), qr/^gateway "taobao": all keys refused, for all of its 3 shops$/, 'all keys refused: told once');
is(shop(3)->{state}, 'waiting for gateway', 'all keys refused: the shops refer to it');
is(type(shop(3)->{what_to_do} =~ s/state, hint, //r), gateway()->{what_to_do}, 'all keys refused: their command shows the gateway\'s');
$cluster->control('session', shop => $_, session => "renewed-1") for 1;
$cluster->control('session', shop => $_, session => $session{$_}) for 2, 3;	# the application is in order again
type(gateway()->{what_to_do});
is($cluster->finish($_), 'succeeded', 'all keys refused: the command makes it good') for @runs;
all_well('all keys refused');

# --- a wrong secret
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'wrong')");
@runs = map { trigger($_) } 1 .. 3;
is(ended($_), 'failed', 'wrong secret: a run fails') for @runs;
$f = failed($runs[0]);
is_deeply([ @$f{qw(state class error_class code)} ], [ 'failed', 'rejected', 'signature', 25 ], 'wrong secret: class and code');
like($f->{request_id}, qr/\S/, 'wrong secret: the number of its call');
like($f->{hint}, qr/^gateway "taobao": .*; see ordersync\.gateway_health$/, 'wrong secret: refers to the gateway');
is($f->{what_to_do}, "SELECT ordersync_add_gateway('taobao', NULL, NULL, app_secret); SELECT ordersync_retry($runs[0])", 'wrong secret: the command names the gateway');
is(gateway()->{state}, 'secret refused', 'wrong secret: the gateway says so');
is(shop($_)->{state}, 'waiting for gateway', 'wrong secret: the shops refer to it') for 1 .. 3;
like(red(), qr/^gateway "taobao": secret refused, for all of its 3 shops, since [^\n]*$/, 'wrong secret: told once');
type($f->{what_to_do}, app_secret => 'helloworld');
is($cluster->finish($runs[0]), 'succeeded', 'wrong secret: the command makes the run good');
is(gateway()->{state}, 'ok', 'wrong secret: and the gateway');
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'wrong')");
is(ended(trigger(1)), 'failed', 'wrong secret: once more');
type(gateway()->{what_to_do}, app_secret => 'helloworld');
is($cluster->finish($_), 'succeeded', 'wrong secret: the gateway\'s command makes all runs good') for @runs, $cluster->{last_run};
all_well('wrong secret');

# --- transient: 500 for ever, for one shop
$cluster->fault('status', value => 500, shop => 1);
$run = trigger(1);
sub stopped { my ($shop) = @_; $cluster->wait_until('calls to be stopped', sub {
	$cluster->sql("SELECT count(*) FROM ordersync.stopped_calls WHERE shop_id IS NOT DISTINCT FROM $shop AND error_class <> 'unanswered'") > 0 }); return }
stopped(1);
$f = until_failed($run, "state = 'pending'");	# at another moment it is the probe
is_deeply([ @$f{qw(state class error_class what_to_do)} ], [ 'pending', 'transient', 'http', undef ], 'transient: class; it goes on by itself');
is(shop(1)->{state}, 'failing', 'transient: the shop is failing');
like(shop(1)->{hint}, qr/^gateway "taobao": .* does not answer since .*\(http\), next probe at .*; no other shop's calls fail/, 'transient: it alone');
$f->{what_to_do} = shop(1)->{what_to_do};
is($f->{what_to_do}, "SELECT ordersync_lift_ban('taobao')", 'transient: with the command that has it tried at once');
is(shop(2)->{state}, 'ok', 'transient: another shop is well');
is(gateway()->{state}, 'ok', 'transient: and the gateway');
is(red(), 'failing shops: 1 shop is failing: 1', 'transient: one check is red');
$cluster->no_faults;
type($f->{what_to_do});
is($cluster->finish($run), 'succeeded', 'transient: the command makes it good');
all_well('transient');

# --- unreachable: for all
$cluster->fault('close');
@runs = map { trigger($_) } 1, 2;
stopped('NULL');
is($cluster->run_state($_), 'running', 'unreachable: no run fails') for @runs;
is(gateway()->{state}, 'unreachable', 'unreachable: told by the gateway');
like(until_failed($runs[1])->{hint}, qr/^gateway "taobao": .*; see ordersync\.gateway_health$/, 'unreachable: the tasks refer to it');
is(shop(3)->{state}, 'waiting for gateway', 'unreachable: so does a shop that has not tried');
like(red(), qr/^gateway "taobao": unreachable, for all of its 3 shops, since [^\n]*$/, 'unreachable: told once');
$cluster->no_faults;
type(gateway()->{what_to_do});
is($cluster->finish($_), 'succeeded', 'unreachable: the command makes it good') for @runs;
all_well('unreachable');

# --- throttled
$cluster->fault('throttle', value => 3600, count => 1, sub_code => 'accesscontrol.limited-by-dynamic-access-count');
$run = trigger(1);
$f = until_failed($run, "class = 'throttled' AND code IS NOT NULL");
$f = row("SELECT * FROM ordersync.failed_tasks WHERE run_id = $run AND code IS NOT NULL");
is_deeply([ @$f{qw(state class error_class code what_to_do)} ], [ 'pending', 'throttled', 'throttled', 7, undef ], 'throttled: class and code; it goes on by itself');
like($f->{message}, qr/ban will last for 3600/, 'throttled: the platform\'s words');
like($f->{request_id}, qr/\S/, 'throttled: the number of its call');
is(shop(1)->{state}, 'throttled', 'throttled: the shop says so');
is(gateway()->{state}, 'banned', 'throttled: and the gateway');
is($cluster->sql("SELECT throttled_for BETWEEN interval '58 minutes' AND interval '61 minutes' FROM ordersync.gateway_health"), 't', 'throttled: for how long');
like(red(), qr/^gateway "taobao": banned, for all of its 3 shops, until [^\n]*$/, 'throttled: told once');
is(gateway()->{what_to_do}, "SELECT ordersync_lift_ban('taobao')", 'throttled: the command, where the limit was reset');
$cluster->no_faults;
type(gateway()->{what_to_do});
is($cluster->finish($run), 'succeeded', 'throttled: the command makes it good');
all_well('throttled');
$cluster->fault('quota', value => 0);
$run = trigger(1);
until_failed($run, "error_class = 'quota'");
$f = row("SELECT * FROM ordersync.failed_tasks WHERE run_id = $run AND error_class = 'quota' LIMIT 1");
is_deeply([ @$f{qw(state class code sub_code what_to_do)} ],
	[ 'pending', 'throttled', 7, 'accesscontrol.limited-by-app-access-count', "SELECT ordersync_lift_ban('taobao')" ], 'quota: class, codes and command');
$cluster->no_faults;
type($f->{what_to_do});
is($cluster->finish($run), 'succeeded', 'quota: the command makes it good');
all_well('quota');

# --- malformed, rejected: one list of one shop
for my $case (
	[ 'malformed', 'malformed', undef, undef, 'bad_json' ],
	[ 'rejected', 'parameters', 40, 'isv.missing-parameter', 'error', value => 40, sub_code => 'isv.missing-parameter', msg => 'Missing Required Arguments', sub_msg => 'what was typed' ],
	[ 'rejected', 'permission', 11, 'isv.permission-api', 'error', value => 11, sub_code => 'isv.permission-api', msg => 'Insufficient ISV Permissions', sub_msg => 'ask for it' ])
{
	my ($class, $error_class, $code, $sub_code, @fault) = @$case;
	$cluster->fault(@fault, shop => 1, method => 'taobao.trades.sold.increment.get');
	$run = trigger(1);
	like(ended($run), qr/^(?:failed|incomplete)$/, "$error_class: a run fails");
	$f = failed($run);
	is_deeply([ @$f{qw(state class error_class code sub_code what_to_do)} ], [ 'failed', $class, $error_class, $code, $sub_code, "SELECT ordersync_retry($run)" ],
		"$error_class: class, codes and command");
	my %said = @fault[ 1 .. $#fault ];
	is($f->{message}, "$said{msg}: $said{sub_msg}", "$error_class: the platform's words") if $code;
	like($f->{request_id}, qr/\S/, "$error_class: the number of its call") if $code;
	is(shop(1)->{state}, 'failing', "$error_class: the shop is failing");
	is(shop(1)->{last_class}, $class, "$error_class: with the class");
	is(red(), 'failing shops: 1 shop is failing: 1', "$error_class: one check is red");
	$cluster->no_faults;
	type($f->{what_to_do});
	is($cluster->finish($run), 'succeeded', "$error_class: the command makes it good");
	all_well($error_class);
}

# --- database: a trigger that refuses
# Many orders for the one that says that all are refused; a few for the other, whose windows are halved to single seconds.
for my $case ([ 'all_refused', 'check_violation', 40 ], [ 'database', 'io_error', 2 ])
{
	my ($error_class, $condition, $orders) = @$case;
	$cluster->sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE $condition USING MESSAGE = ''not wanted''; END';
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION refuse();
		CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ordersync.order_payloads FOR EACH ROW EXECUTE FUNCTION refuse()");
	$cluster->control('change', orders => $orders, shop => 1, from => $hour[0] =~ s{\+08}{}r, to => $hour[1] =~ s{\+08}{}r);
	$run = trigger(1);
	like(ended($run), qr/^(?:failed|incomplete)$/, "$error_class: a run fails");
	$f = row("SELECT * FROM ordersync.failed_tasks WHERE run_id = $run AND error_class = '$error_class' LIMIT 1");
	is_deeply([ @$f{qw(state class error_class what_to_do)} ], [ 'failed', 'database', $error_class, "SELECT ordersync_retry($run)" ], "$error_class: class and command");
	like($f->{error}, qr/not wanted/, "$error_class: the database's words");
	like($f->{request_id}, qr/\S/, "$error_class: and the number of the call whose records they were");
	is(shop(1)->{state}, 'failing', "$error_class: the shop is failing");
	$cluster->sql('DROP FUNCTION refuse() CASCADE');
	type($f->{what_to_do});
	is($cluster->finish($run), 'succeeded', "$error_class: the command makes it good");
	all_well($error_class);
}

# --- a failure that a later run has read is over, without anybody's hand
$cluster->fault('status', value => 500, shop => 1, method => 'taobao.trades.sold.increment.get');	# one window: it may be its own
$run = trigger(1);
like(ended($run), qr/^(?:failed|incomplete)$/, 'covered: a run fails');
is(failed($run)->{covered}, JSON::PP::false, 'covered: not yet');
$cluster->no_faults;
is($cluster->finish(trigger(1)), 'succeeded', 'covered: another run reads it');
is($cluster->sql("SELECT bool_and(covered) FROM ordersync.failed_tasks WHERE run_id = $run"), 't', 'covered: and it is');
all_well('covered');

# --- who sees some shops only sees nothing of the others
$cluster->fault('status', value => 500);
until_failed($_) for map { trigger($_) } 1, 2;
$cluster->sql("CREATE ROLE store LOGIN; SELECT ordersync_grant('store', 'reader', '{2}')");
is($cluster->sql("SET ROLE store; SELECT string_agg(DISTINCT shop_id::text, ',') FROM ordersync.failed_tasks"), '2', 'readers: failed tasks of the own shop');
is($cluster->sql("SET ROLE store; SELECT string_agg(shop_id::text, ',') FROM ordersync.shop_health"), '2', 'readers: the own shop\'s health');
is($cluster->sql("SET ROLE store; SELECT shops FROM ordersync.gateway_health"), '1', 'readers: its gateway');

done_testing;
