# Schedules with a pg_cron that really fires: in its own database and in another one; passwords asked for over TCP; the server's
# clock, pg_cron's and the schedule's are of three zones. And each hint of the doctor about schedules: what it names is broken, and
# what it says to do mends it.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use POSIX qw(strftime);
use Test::More;

# No session without a password but by the socket.
sub ask_for_passwords
{
	my ($node) = @_;
	open my $hba, '>', $node->data_dir . '/pg_hba.conf' or die $!;
	print $hba "local all all trust\nhost all all all scram-sha-256\n";
	close $hba;
	$node->reload;
	return;
}

# What the doctor says of schedules: name of a check that is not well => hint.
sub red
{
	my ($cluster, $db, @psql) = @_;
	my ($status, $out, $err) = $cluster->node->psql($db // 'postgres',
		q{SELECT check_name || '=' || replace(hint, E'\n', ' ') FROM ordersync.check_health_schedule() WHERE NOT ok}, extra_params => \@psql);
	die $err if $status;
	return { map { /^(.*?)=(.*)$/ ? ($1 => $2) : () } split /\n/, $out };
}
# The command at the end of a hint.
sub command_of { my ($hint) = @_; return $hint =~ /.*: ((?:SELECT|ALTER|CREATE|GRANT) .*)$/ ? $1 : die "no command: $hint" }

# One check is not well, its hint is as expected, and following it makes it well.
sub mend
{
	my ($cluster, $check, $hint, %arg) = @_;
	my $red = red($cluster);
	like($red->{$check} // 'well', $hint, "$check: $arg{name}") or diag(explain($red));
	return unless $red->{$check};
	$cluster->sql(command_of($red->{$check}));
	$cluster->node->restart if $red->{$check} =~ /[Rr]estart the server/;
	is(red($cluster)->{$check}, undef, "$check: and that mends it");
	return;
}

# --- where it fires

my $fires = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 40, '--days' => 3 ], databases => 'postgres,owned', at => '',
	conf => join "\n", "shared_preload_libraries = 'pg_cron,ordersync'", "cron.database_name = 'postgres'", 'cron.use_background_workers = on',
	"cron.timezone = 'Europe/Berlin'",	# which 1.4 does not know
	"timezone = 'America/Los_Angeles'", "listen_addresses = 'localhost'", 'max_worker_processes = 20');
ask_for_passwords($fires->node);
$fires->sql('CREATE EXTENSION pg_cron');
$fires->add_shops(1, 2);
$fires->sql('CREATE ROLE keeper LOGIN');
$fires->sql('CREATE DATABASE owned OWNER keeper');
$fires->create_extension('owned');
my ($shop) = @{ $fires->control('shops') };
utf8::encode(my $nick = $shop->{seller_nick});
$fires->sql("SELECT ordersync_add_shop(1, '$nick', '$shop->{session}')", 'owned');
my $old = $fires->sql(q{SELECT extversion LIKE '1.4%' FROM pg_extension WHERE extname = 'pg_cron'}) eq 't';
is($fires->sql('SELECT timezone FROM ordersync.health_cron()'), $old ? 'GMT' : 'Europe/Berlin', 'the clock of pg_cron');

# --- where it does not: a server without pg_cron at first

my $fails = OrdersyncTest->new(without_gateway => 1, conf => "listen_addresses = 'localhost'\nmax_worker_processes = 20\nwal_level = replica");
ask_for_passwords($fails->node);
$fails->sql(q{CREATE EXTENSION IF NOT EXISTS ordersync; SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:9/', '1', 's'); SELECT ordersync_add_shop(1, 'one', 'k')});
like($fails->sql_fails('SELECT ordersync_schedule()'), qr/ERROR:  pg_cron is not loaded\n.*postgresql-\d+-cron.*'pg_cron', 'ordersync'.*CREATE EXTENSION pg_cron/s, 'no pg_cron');
is($fails->sql('SELECT count(*) FROM ordersync.schedules'), 0, 'and nothing is stored');
like(red($fails)->{schedule}, qr/ordersync_schedule\(\);$/, 'no run is scheduled');
$fails->sql('SELECT ordersync.schedule_store(NULL, NULL, NULL)');	# as in a database from a dump
my ($preload) = (red($fails)->{pg_cron} // '') =~ /superuser run (ALTER SYSTEM .*?;) write the lines /;
like($preload // '', qr/'pg_cron', 'ordersync'/, 'pg_cron: not loaded');
$fails->sql($preload);
$fails->node->append_conf('postgresql.conf', "cron.database_name = 'postgres'");
$fails->node->restart;
like($fails->sql_fails('SELECT ordersync_schedule()'), qr/ERROR:  extension pg_cron has not been created.*CREATE EXTENSION pg_cron;/s, 'no extension: nothing can be scheduled');
mend($fails, 'pg_cron', qr/^As superuser run: CREATE EXTENSION pg_cron;$/, name => 'not created');
$fails->sql(q{DROP EXTENSION pg_cron; CREATE EXTENSION pg_cron VERSION '1.3'});
mend($fails, 'pg_cron', qr/^Install a newer package.*ALTER EXTENSION pg_cron UPDATE;$/, name => 'too old');
my $again = qr/^As superuser run: SELECT \* FROM ordersync_schedule\(NULL, NULL, NULL\);$/;
mend($fails, 'pg_cron job full', $again, name => 'not there yet');
is($fails->sql('SELECT count(*) FROM cron.job'), 2, 'two jobs');

# --- one minute for all that fires: 20 seconds to set it up

my $minute = 60 * (1 + int((time + 20) / 60));
my ($m, $h) = split / /, strftime('%M %H', gmtime($minute + 8 * 3600));	# Shanghai
my $at = sprintf '%d %d', $m, $h;
my $another_day = strftime('%d', gmtime($minute + 8 * 3600)) > 14 ? 5 : 20;
my $schedule = "SELECT * FROM ordersync_schedule('$at * * *', '$at $another_day * *')";

$fires->sql(qq{SELECT ordersync_set_shop(2, '{"full_run": "$at * * *"}')});
my ($gmt_m, $gmt_h) = split / /, strftime('%M %H', gmtime($minute));
if ($old)
{
	is($fires->sql(qq{SELECT job || ': ' || schedule || ': ' || command FROM ordersync_schedule('$at * * *', '$at $another_day * *')}),
		sprintf(q{ordersync incremental postgres: %1$d %2$d * * *: SELECT * FROM public.ordersync_trigger_due('incremental')
ordersync full postgres: %1$d %2$d * * *: SELECT * FROM public.ordersync_trigger_due('full')}, $gmt_m, $gmt_h), 'it says what it scheduled, by the clock of pg_cron');
}
else
{
	$fires->sql($schedule);
}
is_deeply(red($fires), {}, 'the doctor has nothing to say');
my ($status, $out, $err) = $fires->node->psql('owned', $schedule =~ s/\*/command || E'\\t' || status/r, extra_params => [ '-U', 'keeper' ]);
my @returned = split /\n/, $out;
is(scalar(@returned), 2, 'from another database: two statements');
like($_, qr/^SELECT cron\.schedule_in_database\(.*'owned', 'keeper'\);\trun this statement in database "postgres"/, 'to be run where pg_cron is') for @returned;
my $red = red($fires, 'owned', '-U', 'keeper');
is_deeply([ sort keys %$red ], [ 'scheduled calls of full', 'scheduled calls of incremental' ], 'until then the doctor is not content');
is(command_of($red->{'scheduled calls of full'}), $returned[1] =~ s/\t.*//r, 'and has the same statement');
$fires->sql(command_of($red->{$_})) for sort keys %$red;

# over TCP, as its default is
$fails->sql("ALTER SYSTEM SET cron.host = 'localhost'");
$fails->sql($schedule);
like(red($fails)->{'pg_cron sessions'}, qr/cron\.use_background_workers = on;$/, 'sessions over TCP are in doubt');
cmp_ok(time, '<', $minute, 'all of it is set up before that minute') or note('the machine is slow');

$fires->wait_until('pg_cron to start runs', sub { $fires->sql(q{SELECT count(*) FROM ordersync.sync_runs WHERE state = 'succeeded'}) == 3 });
is($fires->sql('SELECT string_agg(shop_id || kind, $$ $$ ORDER BY shop_id, kind) FROM ordersync.sync_runs'), '1incremental 2full 2incremental',
	'incremental runs of both shops; a full one of the shop whose own time it was, not of the other one');
is($fires->sql(qq{SELECT bool_and(timezone('Asia/Shanghai', requested_at)::time >= '$h:$m' AND timezone('Asia/Shanghai', requested_at)::time < '$h:$m'::time + interval '1 minute') FROM ordersync.sync_runs}), 't',
	'in that minute of Shanghai');
cmp_ok($fires->sql('SELECT count(*) FROM ordersync.orders'), '>', 0, 'orders are stored');
$fires->wait_until('the other database', sub { $fires->sql(q{SELECT count(*) FROM ordersync.sync_runs WHERE state = 'succeeded'}, 'owned') == 1 });
is($fires->sql('SELECT requested_by || kind FROM ordersync.sync_runs', 'owned'), 'keeperincremental', 'a run there, by the role that asked for it');
$fires->wait_until('the call for full runs', sub { $fires->sql(q{SELECT last_called_at IS NOT NULL FROM ordersync.schedules WHERE kind = 'full'}, 'owned') eq 't' });
is_deeply(red($fires, $_), {}, "$_: the doctor is content") for qw(postgres owned);
is($fires->sql(q{SELECT count(*) FROM ordersync.shops WHERE next_incremental_at <= now() OR next_full_at <= now()}), 0, 'the next times are set');
is($fires->sql(q{SELECT * FROM ordersync_trigger_due('incremental'); SELECT * FROM ordersync_trigger_due('full')}), '', 'nothing is due any more');
unlike(slurp_file($fires->node->logfile), qr/WARNING.*ordersync|cron job \d+ (?:failed|ERROR)/, 'and nothing in the log');

# --- what fails

$fails->wait_until('pg_cron to be refused', sub { $fails->sql(q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}) > 0 });
is($fails->sql('SELECT count(*) FROM ordersync.sync_runs'), 0, 'over TCP with passwords nothing starts');
mend($fails, 'pg_cron runs of incremental', qr/cron\.use_background_workers = on;$/, name => 'connection failed');
is(red($fails)->{'pg_cron sessions'}, undef, 'nor are sessions in doubt');

my $job = q{jobname = 'ordersync incremental postgres'};
mend($fails, 'pg_cron job incremental', $again, name => $_->[1]) for map { $fails->sql($_->[0]); $_ } [ "UPDATE cron.job SET active = false WHERE $job", 'not active' ];
$fails->sql("DELETE FROM cron.job WHERE $job");
mend($fails, 'pg_cron job incremental', $again, name => 'not there');
$fails->sql("UPDATE cron.job SET command = 'SELECT 1' WHERE $job");
mend($fails, 'pg_cron job incremental', $again, name => 'does something else');
$fails->sql("UPDATE cron.job SET database = 'template1' WHERE $job");
mend($fails, 'pg_cron job incremental', $again, name => 'in another database');
$fails->sql("UPDATE cron.job SET schedule = '0 5 * * *' WHERE $job");
mend($fails, 'pg_cron job incremental', $again, name => 'at another time');
$fails->sql("CREATE ROLE gone LOGIN; UPDATE cron.job SET username = 'gone' WHERE $job");
mend($fails, 'pg_cron job incremental', $again, name => 'of a role that may not');
$fails->sql(q{SELECT ordersync_set_shop(1, '{"incremental": "7 3 * * *"}')});
mend($fails, 'pg_cron job incremental', $again, name => 'not at the times of a shop');
is($fails->sql(q{SELECT count(*) FROM cron.job}), 2, 'there are still two jobs');

$fails->sql(q{UPDATE ordersync.schedules SET job_requested_at = now() - interval '3 days', last_called_at = now() - interval '2 days' WHERE kind = 'incremental'});
mend($fails, 'scheduled calls of incremental', qr/job_run_details.*ordersync_trigger_due\('incremental'\);$/, name => 'they do not come');
$fails->sql(q{INSERT INTO cron.job_run_details (jobid, status, return_message, start_time, end_time)
	SELECT jobid, 'failed', 'ERROR:  something', clock_timestamp(), clock_timestamp() FROM cron.job WHERE jobname = 'ordersync full postgres'});
mend($fails, 'pg_cron runs of full', qr/ordersync_trigger_due\('full'\);$/, name => 'an error');

$fails->sql('ALTER SYSTEM SET cron.max_running_jobs = 0');
$fails->node->restart;
mend($fails, 'pg_cron', qr/cron\.max_running_jobs = 5;$/, name => 'none at once');
if ($old)
{
	is($fails->sql('SELECT launches FROM ordersync.health_cron()'), 't', '1.4 has no switch for all jobs');
}
else
{
	$fails->sql('ALTER SYSTEM SET cron.launch_active_jobs = off');
	$fails->node->reload;
	$fails->wait_until('the reload', sub { red($fails)->{pg_cron} });
	my $hint = red($fails)->{pg_cron};
	like($hint, qr/cron\.launch_active_jobs = on; SELECT pg_reload_conf\(\);$/, 'pg_cron: none at all');
	$fails->sql('ALTER SYSTEM SET cron.launch_active_jobs = on');
	$fails->node->reload;
	$fails->wait_until('the reload', sub { !red($fails)->{pg_cron} });
	pass('pg_cron: and that mends it');
}

# On a standby pg_cron starts its launcher with the promotion, as we start workers.
{
	my $signal = $fails->node->data_dir . '/standby.signal';
	$fails->node->stop;
	open my $file, '>', $signal or die $!;
	close $file;
	$fails->node->start;
	is($fails->sql('SELECT pg_is_in_recovery()'), 't', 'the server is a standby');
	is_deeply(red($fails), {}, 'whose doctor misses no launcher');
	is($fails->sql(q{SELECT ok IS NULL FROM ordersync.check_health_schedule() WHERE check_name = 'pg_cron launcher'}), 't', 'and says that it is not known');
	$fails->node->stop;
	unlink $signal or die $!;
	$fails->node->start;
}

# The zone of pg_cron changed since; and, seen from another database, times that the job there was not asked for.
$fires->sql(q{UPDATE ordersync.schedules SET job_timezone = 'Asia/Tokyo', job_schedule = '0 1 * * *'}, 'owned');
like(red($fires, 'owned')->{'scheduled calls of full'}, qr/^Run the statements that this returns: SELECT \* FROM ordersync_schedule\(NULL, NULL, NULL\);$/, 'another clock');
$fires->sql($_) for split /\n/, $fires->sql('SELECT command FROM ordersync_schedule(NULL, NULL, NULL)', 'owned');
like(red($fires, 'owned')->{'scheduled calls of full'}, qr/schedule_in_database/, 'then it waits for the job to call');
$fires->sql(qq{SELECT * FROM ordersync_trigger_due('$_')}, 'owned') for qw(full incremental);
is_deeply(red($fires, 'owned'), {}, 'which mends it');

# The launcher is gone: where it comes back by itself (1.6), its database does not let it in.
$fires->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'; UPDATE pg_database SET datallowconn = false WHERE datname = 'postgres'}, 'owned');
$fires->wait_until('the launcher to end', sub { $fires->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'}, 'owned') == 0 });
like(red($fires, 'owned')->{'pg_cron launcher'}, qr/Restart the server: sudo systemctl restart postgresql$/, 'the launcher is gone');
# Two days later nobody has come: the watchdog starts the run.
$fires->sql(q{DELETE FROM ordersync.coverage;
	UPDATE ordersync.shops SET first_full_at = now() - interval '2 days', first_incremental_at = now() - interval '2 days';
	UPDATE ordersync.sync_runs SET finished_at = finished_at - interval '2 days'}, 'owned');
$fires->sql("ALTER SYSTEM SET ordersync.freshness_target = '26h'", 'owned');
$fires->node->reload;
$fires->wait_until('the watchdog', sub { $fires->sql(q{SELECT count(*) FROM ordersync.sync_runs WHERE requested_by = 'ordersync watchdog' AND state = 'succeeded'}, 'owned') == 1 });
is($fires->sql(q{SELECT string_agg(kind, ' ') FROM ordersync.sync_runs WHERE requested_by = 'ordersync watchdog'}, 'owned'), 'incremental', 'without the launcher the watchdog takes over');
is($fires->sql('SELECT behind FROM ordersync.freshness', 'owned'), 'f', 'and the shop is within its target again');
$fires->sql('ALTER SYSTEM RESET ordersync.freshness_target', 'owned');
$fires->sql(q{UPDATE pg_database SET datallowconn = true WHERE datname = 'postgres'}, 'owned');
$fires->node->restart;
$fires->wait_until('the launcher to be back', sub { !red($fires, 'owned')->{'pg_cron launcher'} });
pass('and a restart brings it back');

# --- who may

$fails->sql('CREATE ROLE keeper LOGIN; ALTER DATABASE postgres OWNER TO keeper; CREATE ROLE boss LOGIN; CREATE ROLE bi LOGIN; CREATE ROLE silent; GRANT silent TO keeper');
$fails->sql(q{SELECT ordersync_grant('boss', 'admin'); SELECT ordersync_grant('bi', 'reader'); SELECT ordersync_grant('silent', 'admin'); SELECT * FROM ordersync_unschedule()});
is($fails->sql('SELECT count(*) FROM cron.job'), 0, 'unscheduled: no job');
is($fails->sql('SELECT count(*) FROM ordersync.shops WHERE next_incremental_at IS NOT NULL OR next_full_at IS NOT NULL'), 0, 'nothing is due');
is_deeply(red($fails), {}, 'and the doctor is content');
for my $role (qw(keeper boss))
{
	my @as = (extra => [ '-U', $role ]);
	my $error = $fails->sql_fails('SELECT * FROM ordersync_schedule()', @as);
	like($error, qr/ERROR:  role "$role" may not use pg_cron\n.*GRANT USAGE ON SCHEMA cron TO $role;/s, "$role needs a right on pg_cron");
	$fails->sql(command_of($error =~ /^HINT: (.*)$/m ? $1 : ''));
	is($fails->sql_fails('SELECT * FROM ordersync_schedule()', @as), '', 'and having it schedules');
	is($fails->sql('SELECT count(*) FROM cron.job WHERE username = ' . "'$role'"), 2, 'jobs of its own');
	is_deeply(red($fails, 'postgres', '-U', $role), {}, 'and sees that all is well');
}
is_deeply(red($fails, 'postgres', '-U', 'bi'), {}, 'so does a reader');
like($fails->sql_fails('SELECT * FROM ordersync_schedule()', extra => [ '-U', 'bi' ]), qr/permission denied/, 'who may not schedule');
like($fails->sql_fails('GRANT USAGE ON SCHEMA cron TO silent; SET ROLE silent; SELECT * FROM ordersync_schedule()'), qr/ERROR:  role "silent" cannot log in.*RESET ROLE;/s, 'a job needs a role that can log in');
$fails->sql('REVOKE EXECUTE ON FUNCTION cron.schedule(text, text, text) FROM PUBLIC');
like(my $error = $fails->sql_fails('SELECT * FROM ordersync_schedule(NULL, NULL)', extra => [ '-U', 'boss' ]), qr/ERROR:  role "boss" may not schedule jobs/, 'nor without a right on its function');
$fails->sql(command_of($error =~ /^HINT: (.*)$/m ? $1 : ''));
is($fails->sql_fails('SELECT * FROM ordersync_schedule(NULL, NULL)', extra => [ '-U', 'boss' ]), '', 'which the hint grants');
$fails->sql('GRANT EXECUTE ON FUNCTION cron.schedule(text, text, text) TO PUBLIC');
like($fails->sql_fails(q{SELECT ordersync.server_setting('primary_conninfo')}, extra => [ '-U', 'keeper' ]), qr/ERROR:  setting "primary_conninfo" is not shown by this function/, 'the owner sees settings of pg_cron only');
is($fails->sql(q{SELECT split_part(status, ';', 1) FROM ordersync_schedule('1 1 * * *', 'off')}), qq{changed, it belongs to "keeper"\noff}, 'a superuser changes what is there');
is($fails->sql('SELECT string_agg(username, $$ $$) FROM cron.job'), 'keeper', 'of two of the same name one is left');
is($fails->sql(q{SELECT split_part(status, ';', 1) FROM ordersync_schedule(NULL, NULL)}), "unchanged\noff", 'NULL keeps what is stored');
is($fails->sql_fails('SELECT * FROM ordersync_unschedule()', extra => [ '-U', 'keeper' ]), '', 'the owner takes its jobs away');
is($fails->sql('SELECT count(*) FROM cron.job'), 0, 'all of them');

like($fires->sql('SELECT command FROM ordersync_unschedule()', 'owned'), qr/^SELECT cron\.unschedule\(jobid\) FROM cron\.job WHERE jobname = 'ordersync incremental owned';$/m, 'from another database: a statement');
$fires->sql($_) for split /\n/, $fires->sql('SELECT command FROM ordersync_unschedule()', 'owned');
is($fires->sql(q{SELECT count(*) FROM cron.job WHERE database = 'owned'}), 0, 'which takes them away');

done_testing;
