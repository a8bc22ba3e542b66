# How far a run is while it runs: its windows in pg_stat_activity and ordersync.workers, the session whose lock it waits for,
# the platform's bans; and what a reader without rights on other sessions sees of it.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $world = OrdersyncTest->new(at => '10:00', gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 30, '--burst' => 0 ],
	conf => "max_prepared_transactions = 2\nordersync.max_in_flight = 4\nordersync.retry_base = '100ms'\nordersync.retry_cap = '100ms'");
$world->add_shops(1);
$world->sql('CREATE ROLE bi LOGIN');
$world->sql("SELECT ordersync_grant('bi', 'reader')");
my $wait_events = $world->sql("SELECT current_setting('server_version_num')::integer >= 170000") eq 't';
# One assertion: it comes to wait for that, as the server's version can tell; it wakes up now and then.
sub waits
{
	my ($who, $event, $name) = @_;
	$event = 'Extension' unless $wait_events;
	$world->wait_until("the $who to wait", sub { $world->sql("SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'ordersync $who'") eq $event });
	return pass($name);
}

sub progress
{
	my ($run, $columns, $user) = @_;
	return $world->node->safe_psql('postgres', "SELECT $columns FROM ordersync.run_progress WHERE run_id = $run", extra_params => [ '-U', $user // 'postgres' ]);
}
sub name { return $world->sql("SELECT application_name FROM pg_stat_activity WHERE backend_type = 'ordersync worker'") }

# Words are put together ten times a second at most: until then those of before are shown.
sub shown { my ($what, $pattern) = @_; return $world->wait_until("$what to be shown", sub { name() =~ $pattern }) }

# Triggers an incremental run over a day of its own while the gateway holds every call.
my $days = 20;
sub held
{
	my ($from, $to) = (@_, '00:00:00', '24:00:00')[ 0, 1 ];
	$world->fault('hang', ms => 60_000);
	my $day = $world->sql("SELECT (timezone('Asia/Shanghai', now()) + (SELECT clock_offset FROM ordersync.gateways))::date - " . --$days);
	my $run = $world->trigger('incremental', 1, "$day $from+08", "$day $to+08");
	$world->wait_until('a call to hang', sub { $world->in_flight > 0 });
	return ($run, $day);
}
sub release { $world->no_faults; $world->control('release'); return }

# A session that does this in a transaction and keeps it open; its pid.
sub locker
{
	my ($statement) = @_;
	my $session = $world->node->background_psql('postgres', extra_params => [ '-d', $world->node->connstr('postgres') . ' application_name=locker' ]);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("BEGIN; $statement");
	return ($session, $pid);
}

# --- idle

$world->wait_until('the worker to be idle', sub { name() eq 'ordersync: idle' });
is($world->sql('SELECT state, claimed, in_flight, doing, shop_id, task_id FROM ordersync.workers'), 'idle|0|0|||', 'an idle worker has nothing in hand');
waits('worker', 'OrdersyncIdle', 'and waits for work');
waits('launcher', 'OrdersyncLauncher', 'the launcher waits, too');

# --- calls in flight

my ($run, $day) = held('07:08:09', '07:08:30');
shown('its first call', qr/ call/);
is(name(), 'ordersync: shop 1 incremental key check, 1 call', 'a first call checks the key');
$world->control('release');
shown('windows', qr/-/);
like(name(), qr/^ordersync: shop 1 incremental \w+ (?:$day|@{[ substr $day, 5 ]}) 07:08:09-07:08:30(?:, \d calls?)?$/, 'seconds are shown where a window has some');
release();
is($world->finish($run), 'succeeded', 'the first run');
($run, $day) = held();
my $short = substr $day, 5;
shown('the window', qr/$short /);
waits('worker', 'OrdersyncCalls', 'it waits for its calls');
like(name(), qr/^ordersync: shop 1 incremental \w+ (?:$day|$short) \d\d:\d\d-\d\d:\d\d(?:, \d calls?)?$/, 'pg_stat_activity shows shop, kind, list and window');
is($world->sql("SELECT w.doing, w.shop_id, w.kind, w.in_flight = w.claimed, t.state, w.stream = t.stream, w.basis = t.basis, w.since = t.since, w.until = t.until, w.blocked_by, t.worker_pid = w.pid
	FROM ordersync.workers w JOIN ordersync.sync_tasks t USING (task_id, run_id)"), 'waiting for answers|1|incremental|t|running|t|t|t|t||t', 'ordersync.workers has its task');
is(progress($run, 'state, windows_done, waiting_for, eta'), 'running|0||', 'the run is being processed, and nothing is known of its end');
ok($world->sql('SELECT calls_per_second FROM ordersync.workers') > 0, 'and has made some in the last seconds');

# --- somebody's lock on a table

my ($session, $pid) = locker('LOCK TABLE ordersync.orders');
release();
my $lock = qr/^pid $pid, which holds a lock on ordersync\.orders \(user postgres, locker/;
$world->wait_until('the lock to be named', sub { progress($run, 'waiting_for') =~ /^pid/ });
like(progress($run, 'waiting_for'), qr/$lock, since \d\d:\d\d:\d\d\)$/, 'the run waits for that session and table');
is(progress($run, 'eta'), '', 'nobody knows how long');
like(progress($run, 'waiting_for', 'bi'), qr/$lock\)$/, 'a reader is told the same, but for what the server hides from it');
is($world->node->safe_psql('postgres', 'SELECT locked, pid, user_name, transaction_start, state FROM ordersync.lock_waits', extra_params => [ '-U', 'bi' ]),
	"ordersync.orders|$pid|postgres||", 'and in ordersync.lock_waits');
like($world->sql('SELECT w.blocked_by, w.doing, w.shop_id, w.run_id FROM ordersync.workers w'), qr/^\{$pid\}\|storing (?:a page|pages)\|1\|$run$/, 'and in ordersync.workers');
like($world->sql('SELECT query FROM ordersync.lock_waits'), qr/LOCK TABLE ordersync\.orders/, 'a superuser sees the statement');
my ($query) = PostgreSQL::Test::Utils::slurp_file("$ENV{ORDERSYNC_TEST}/../README.md") =~ /^## How far is it\?\n.*?^```sql\n(.*?)^```/ms;
$query =~ s/;\s*$/\n\\g\n/;
my $table = `psql -X -d "@{[ $world->node->connstr('postgres') ]}" -c '\\pset footer off' -f - <<'EOF'
${query}EOF
`;
like($table, qr/\| pid $pid, which holds a lock on/, 'the query of README shows it');
cmp_ok((sort { $b <=> $a } map { length } split /\n/, $table)[0], '<=', 120, 'in lines of 120 characters');
$session->query_safe('COMMIT');
is($world->finish($run), 'succeeded', 'when the lock is gone the run goes on');
is(progress($run, 'waiting_for, eta'), '|', 'and waits for nothing');

# --- on something else

for my $case (
	[ 'SELECT FROM ordersync.sync_runs WHERE run_id = RUN FOR UPDATE', 'a row of ordersync.sync_runs' ],
	[ 'SELECT pg_advisory_xact_lock(ordersync.apply_lock_key(1))', 'the shop\'s records, or on the set-up (advisory)' ],
	[ 'DROP EXTENSION ordersync', 'the extension' ])
{
	my ($statement, $named) = @$case;
	($run) = held();
	$session->query_safe('BEGIN; ' . $statement =~ s/RUN/$run/r);
	release();
	$world->wait_until("$named to be named", sub { progress($run, 'waiting_for') =~ /^pid $pid, which holds a lock on \Q$named\E \(user postgres/ });
	pass("named: $named");
	$session->query_safe('ROLLBACK');
	is($world->finish($run), 'succeeded', 'and the run goes on');
}

# --- of a transaction without a session

($run) = held();
$session->query_safe("BEGIN; LOCK TABLE ordersync.orders; PREPARE TRANSACTION 'left behind'");
release();
$world->wait_until('it to be named', sub { progress($run, 'waiting_for') eq 'a prepared transaction, which holds a lock on ordersync.orders' });
pass('a prepared transaction is named as such');

# a run that has not begun: its worker waits
my $other = $world->sql("SELECT ordersync_trigger_full(1, '$day', '$day 01:00:00')");
$world->wait_until('the other run to wait for the same', sub { progress($other, 'waiting_for') =~ /^a prepared transaction/ });
pass('so is the run that the only worker cannot take');
$session->query_safe("COMMIT PREPARED 'left behind'");
is($world->finish($run), 'succeeded', 'the first run goes on');
is($world->finish($other), 'succeeded', 'and the other');
$session->quit;

# --- the platform

$world->fault('throttle', value => 3, count => 1, sub_code => 'accesscontrol.limited-by-dynamic-access-count');
$run = $world->trigger('incremental', 1, "$day 00:00:00+08", "$day 24:00:00+08");
$world->wait_until('the ban', sub { progress($run, 'waiting_for') =~ /^the platform, until \d\d:\d\d:\d\d$/ });
pass('the run waits for the platform');
is($world->finish($run), 'succeeded', 'until the ban is over');
my $throttled = progress($run, 'EXTRACT(epoch FROM throttled_for)');
# the second that the platform counts has begun when it answers: one more is waited
ok($throttled >= 3 && $throttled <= 4, "so long it was held back: $throttled s");

done_testing;
