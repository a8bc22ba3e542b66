# A shop that is behind its targets gets its runs without anybody's trigger, once; a listening client and the server's log are told
# of runs, targets and data keys; an error of a worker says in the log which call it was about; no secret is in any of it.
use strict;
use warnings;
use IPC::Run;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 3, '--orders-per-shop' => 120, '--days' => 20 ],
	conf => "ordersync.freshness_target = '26h'\nordersync.full_run_target = '32d'\nordersync.workers = 2\nordersync.retry_base = '10ms'\n"
		. "ordersync.retry_cap = '20ms'\nordersync.databases = ''\nlog_statement = none");
my $node = $cluster->node;
my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
$cluster->add_shops(1, 2);
# the first watch is to find what the test has prepared
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'postgres'");

# --- one who listens ---

my ($typed, $heard, $complaint) = ('', '', '');
my $listener = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$typed, '>', \$heard, '2>', \$complaint);
my @events;
# psql prints what has arrived behind each statement.
sub hear
{
	$typed .= "SELECT 'heard';\n";
	$heard = '';
	IPC::Run::pump($listener) until $heard =~ /^heard$/m;
	push @events, map { decode_json($_) } $heard =~ /^Asynchronous notification "ordersync" with payload "(.*)" received from/mg;
	return @events;
}
sub wait_for_event
{
	my ($name, %with) = @_;
	my @found;
	$cluster->wait_until("event $name", sub {
		@found = grep { my $e = $_; $e->{event} eq $name && !grep { ($e->{$_} // '') ne $with{$_} } keys %with } hear();
		return scalar @found });
	return @found;
}
$typed = "LISTEN ordersync;\n";
hear();
sub logged { my ($from) = @_; return slurp_file($node->logfile, $from // 0) =~ s/^\d{4}-.*?\] (?:\S+ )?(?=[A-Z]+: )//mgr }

# The client that the page on operations shows, as printed.
my ($client) = slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_monitoring.md") =~ /^```sh\n(python3 .*?LISTEN ordersync.*?)^```$/ms;
my $connstr = $node->connstr('postgres');
$client =~ s/dbname=postgres/$connstr/;
$client =~ s{^python3}{exec /usr/bin/python3};
my ($nothing, $printed, $trouble) = ('', '', '');
my $program = IPC::Run::start([ 'bash', '-c', $client ], '<', \$nothing, '>', \$printed, '2>', \$trouble);

# Whoever changes a setting has the shops looked at at once; otherwise that is done each minute.
sub watch { $cluster->sql('SELECT pg_reload_conf()'); return }

# --- a shop that nobody has read: both kinds of run come by themselves ---

$cluster->sql("UPDATE ordersync.shops SET created_at = created_at - interval '40 days' WHERE shop_id = 1");
watch();
$cluster->wait_until('two runs to end', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_runs WHERE finished_at IS NOT NULL") >= 2 });
is($cluster->sql("SELECT string_agg(shop_id || ' ' || kind || ' ' || state || ' by ' || requested_by, ', ' ORDER BY kind) FROM ordersync.sync_runs"),
	'1 full succeeded by ordersync watchdog, 1 incremental succeeded by ordersync watchdog', 'an incremental and a full run of the shop that is behind, and no other');
is($cluster->sql('SELECT behind, full_behind, full_run_at IS NOT NULL FROM ordersync.freshness WHERE shop_id = 1'), 'f|f|t', 'it is behind no more');
is(join(' ', $cluster->behind(1, 'trades')), '', 'all of its orders are there');
watch();
wait_for_event('within_target', kind => $_) for qw(incremental full);
is($cluster->sql('SELECT count(*) FROM ordersync.sync_runs'), 2, 'and gets no other run');

# --- one whose runs have stopped ---

my $from = -s $node->logfile;
@events = ();
$cluster->sql(q{
	UPDATE ordersync.coverage c
	SET ranges = c.ranges * tstzmultirange(tstzrange(NULL, date_trunc('second', clock_timestamp() + g.clock_offset) - interval '30 hours'
		- CASE c.stream WHEN 'orders' THEN interval '0' ELSE interval '24 hours' END))
	FROM ordersync.gateways g
	WHERE c.basis = 'modified';
	UPDATE ordersync.sync_runs SET finished_at = finished_at - interval '29 hours'});
is($cluster->sql('SELECT behind FROM ordersync.freshness WHERE shop_id = 1'), 't', 'a shop that was read thirty hours ago is behind');
watch();
$cluster->wait_until('its run to end', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_runs WHERE finished_at > now() - interval '1 hour'") eq '1' });
my $run = $cluster->sql('SELECT max(run_id) FROM ordersync.sync_runs');
is($cluster->sql("SELECT kind || ' ' || state || ' by ' || requested_by FROM ordersync.sync_runs WHERE run_id = $run"), 'incremental succeeded by ordersync watchdog', 'its run comes by itself');
my ($behind) = wait_for_event('behind_target');
is(join(' ', map { "$_=$behind->{$_}" } qw(shop_id kind target_s)), 'shop_id=1 kind=incremental target_s=93600', 'a listener hears that it is behind');
my ($ended) = wait_for_event('run_ended', run_id => $run);
is(join(' ', map { "$_=$ended->{$_}" } sort keys %$ended), "event=run_ended kind=incremental run_id=$run shop_id=1 state=succeeded", 'and that the run has ended');
watch();
wait_for_event('within_target', kind => 'incremental');
my $log = logged($from);
like($log, qr/^LOG:  ordersync: database "postgres", shop 1: behind its target, incremental, lag 30\.0 h, target 26\.0 h$/m, 'log: behind');
like($log, qr/^LOG:  ordersync: database "postgres", shop 1, run $run: requested by the watchdog, incremental$/m, 'log: requested');
my $range = qr/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.*?Asia\/Shanghai/;
like($log, qr/^LOG:  ordersync: database "postgres", shop 1, run $run: started, incremental, $range, requested by "ordersync watchdog"$/m, 'log: started');
like($log, qr/^LOG:  ordersync: database "postgres", shop 1, run $run: succeeded, incremental, $range, \d+ windows, \d+ records, \d+\.\d s, requested by "ordersync watchdog"$/m, 'log: ended');
like($log, qr/^LOG:  ordersync: database "postgres", shop 1: within its target again, incremental, lag 0\.0 h, target 26\.0 h$/m, 'log: back');
is(scalar(() = $log =~ /run $run:/g), 3, 'one line each');
unlike($log, qr/^(?:STATEMENT|CONTEXT):/m, 'without statement and context');

# --- data keys ---

@events = ();
$from = -s $node->logfile;
$cluster->sql("SELECT ordersync_set_session_key(2, '$shop{2}{session}', now() + interval '3 days 1 hour')");
watch();
my ($expires) = wait_for_event('key_expires');
is("$expires->{shop_id} $expires->{days_left}", '2 3', 'a key that expires in three days is told of');
$cluster->fault('session_expired', shop => 2);
$run = $cluster->trigger('incremental', 2);
my ($refused) = wait_for_event('shop_unauthorized');
is("$refused->{shop_id} $refused->{key_state}", '2 expired', 'a key that is refused as well');
$cluster->wait_until('the documented client to hear of it', sub { IPC::Run::pump_nb($program); die $trouble if $trouble; $printed =~ /\n/ });
like($printed, qr/\Alook at shop 2 \{.*'event': 'shop_unauthorized'.*\}\n\z/, 'the documented client says which shop to look at');
$program->signal('TERM');
eval { $program->finish };
$cluster->sql("SELECT ordersync_cancel($run)");
$cluster->sql("UPDATE ordersync.shops SET created_at = created_at - interval '2 days', first_incremental_at = first_incremental_at - interval '2 days' WHERE shop_id = 2;
	UPDATE ordersync.sync_runs SET finished_at = finished_at - interval '2 days' WHERE run_id = $run");
watch();
wait_for_event('behind_target', shop_id => 2);
is($cluster->sql('SELECT count(*) FROM ordersync.sync_runs WHERE shop_id = 2'), 1, 'no run is requested that could only wait for a key');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_session_key(2, '$shop{2}{session}')");
watch();
my ($authorized) = wait_for_event('shop_authorized');
is("$authorized->{shop_id} $authorized->{key_state}", '2 ok', 'with a new key it is');
$cluster->wait_until('shop 2 to be read', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_runs WHERE shop_id = 2 AND requested_by = 'ordersync watchdog' AND state = 'succeeded'") eq '1' });
$cluster->sql('SELECT ordersync_pause_shop(2); SELECT ordersync_pause_shop(2); SELECT ordersync_resume_shop(2)');
$cluster->sql('SELECT ordersync_remove_shop(2)');
$log = logged($from);
like($log, qr/^LOG:  ordersync: database "postgres", shop 2, run $run: cancelled by postgres, incremental, $range, \d+ windows, \d+ records, \d+\.\d s, requested by postgres$/m, 'log: cancelled');
like($log, qr/^LOG:  ordersync: database "postgres", shop 2: $_$/m, "log: $_")
	for qr/data key expires at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d Asia\/Shanghai, days left: 3/, 'data key expired, was unchecked', 'data key unchecked, was expired',
		'data key ok, was unchecked', 'paused, by postgres', 'resumed, by postgres', 'removed, by postgres';
is(scalar(() = $log =~ /paused/g), 1, 'a shop that is paused is not paused again');

# --- a line is one line, and of what was committed ---

$from = -s $node->logfile;
$cluster->sql(q{
	CREATE ROLE "a
LOG:  forged" SUPERUSER LOGIN;
	SET SESSION AUTHORIZATION "a
LOG:  forged";
	SELECT ordersync_pause_shop(1);
	RESET SESSION AUTHORIZATION;
	BEGIN; SELECT ordersync.log_line('shop 1: first'); SAVEPOINT a; SELECT ordersync.log_line('shop 1: undone');
	SAVEPOINT b; SELECT ordersync.log_line('shop 1: undone'); RELEASE b; ROLLBACK TO a; SELECT ordersync.log_line('shop 1: last'); COMMIT;
	BEGIN; SELECT ordersync.log_line('shop 1: never'); ROLLBACK;
	SELECT ordersync_resume_shop(1)});
is(join("\n", logged($from) =~ /^LOG:  ordersync: database "postgres", (.*)$/mg),
	qq{shop 1: paused, by "a LOG:  forged"\nshop 1: first\nshop 1: last\nshop 1: resumed, by postgres}, 'log: what was rolled back is not there, and no name makes a line');

# --- an error of a worker ---

$from = -s $node->logfile;
$cluster->add_shops(3);
$cluster->sql(q{
	CREATE FUNCTION full_of_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room here' USING ERRCODE = 'insufficient_resources'; END $$;
	CREATE TRIGGER full_of_it BEFORE INSERT ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION full_of_it()});
my $failing = $cluster->trigger('full', 3);
$cluster->wait_until('its error', sub { $log = logged($from); $log =~ /no room here/ && $log =~ /method/ });
$cluster->sql("SELECT ordersync_cancel($failing)");
like($log, qr/^LOG:  ordersync failed while storing a page: no room here\n(?:.*\n)?.*CONTEXT:  ordersync task \d+ of run $failing, shop 3, orders by created, method taobao\.trades\.sold\.get, page 1 of 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d to 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d Asia\/Shanghai$/m,
	'log: its task, run, shop, method and page');
unlike($log, qr/CONTEXT:.*(?:PL\/pgSQL|SQL statement)/, 'and no statement');

# --- nothing secret anywhere ---

$listener->finish;
like($complaint, qr/\A\z/, 'the listener had nothing to complain of');
my @secrets = ('helloworld', map { $_->{session} } values %shop);
my @names = map { my $n = $_->{seller_nick}; utf8::encode($n); $n } values %shop;
$log = slurp_file($node->logfile);
is(join(' ', grep { index($log, $_) >= 0 } @secrets), '', 'no secret is in the log');
my $lines = join '', grep { /ordersync: database/ } split /^/, $log;
cmp_ok(length $lines, '>', 2000, 'the lines of this test');
is(join(' ', grep { index($lines, $_) >= 0 } @names), '', 'no seller is named in them');
is(join(' ', grep { my $e = JSON::PP->new->encode($_); grep { index($e, $_) >= 0 } @secrets, @names } @events), '', 'nor in what listeners hear');

done_testing;
