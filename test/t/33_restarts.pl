# A worker that has ended is followed by another within two seconds, whatever ended it: a terminate, also while it connects, an
# ERROR, a crash of the server, a launcher that went, a server without room for it. Only where workers end at once again and
# again the distance grows.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time usleep);

# 3: the launcher of logical replication, ours, and one worker.
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 20, '--days' => 5 ],
	conf => "max_worker_processes = 3\nordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'");
my $log = $cluster->node->logfile;
$cluster->sql('CREATE DATABASE other');
$cluster->add_shops(1);
is($cluster->incremental(1), 'succeeded', 'a first run');

sub workers { my ($db) = @_; return $cluster->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = '$db'") }

# Seconds until the database has a worker that is not this one.
sub next_worker
{
	my ($before, $db) = @_;
	return $cluster->seconds_until('the next worker', sub { my $pid = workers($db // 'postgres'); $pid ne '' && $pid ne $before });
}

sub is_quick
{
	my ($took, $what) = @_;
	note(sprintf 'measured: %s after %.2f s', $what, $took);
	return cmp_ok($took, '<', 2, $what);
}

# Terminated as soon as it is there, again and again.
for my $time (1 .. 8)
{
	my $pid = workers('postgres');
	$cluster->sql("SELECT pg_terminate_backend($pid)");
	is_quick(next_worker($pid), "a worker behind one that was terminated, time $time");
}
is($cluster->incremental(1), 'succeeded', 'and it works');

# Terminated while it connects: in its slot, and not in its database.
$cluster->sql(q{BEGIN; LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE;
	DO $$
	DECLARE
		v_pid integer := (SELECT pid FROM ordersync.workers);
		v_next integer;
	BEGIN
		PERFORM pg_terminate_backend(v_pid);
		LOOP
			SELECT w.pid INTO v_next FROM ordersync.workers w WHERE w.pid <> v_pid;
			EXIT WHEN v_next IS NOT NULL AND pg_terminate_backend(v_next);
			PERFORM pg_sleep(0.01);
		END LOOP;
	END $$; COMMIT});
is_quick(next_worker(''), 'a worker behind one that was terminated while it connected');

# It ends by an ERROR: what went wrong cannot be noted. Each follower meets the same.
$cluster->sql(q{CREATE FUNCTION no_notes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no note is taken''; END';
	CREATE TRIGGER no_notes BEFORE UPDATE ON ordersync.sync_tasks FOR EACH ROW WHEN (NEW.error_class IS NOT NULL) EXECUTE FUNCTION no_notes()});
my $from = -s $log;
# an answer: it stops no calls of the gateway
$cluster->fault('error', value => 15, sub_code => 'isp.remote-service-error');
my $run = $cluster->trigger('incremental', 1);
sub ends
{
	open my $fh, '<', $log or die "$log: $!";
	seek $fh, $from, 0;
	return grep { /background worker "ordersync worker" \(PID \d+\) exited with exit code 1/ } <$fh>;
}
sub seconds_of { my ($line) = @_; my ($h, $m, $s) = $line =~ /(\d+):(\d+):([\d.]+)/; return $h * 3600 + $m * 60 + $s }
$cluster->wait_until('seven workers to end', sub { ends() >= 7 });
my @at = map { seconds_of($_) } ends();
my @between = map { my $d = $at[$_] - $at[ $_ - 1 ]; $d < 0 ? $d + 86400 : $d } 1 .. 6;
note('measured: seconds between workers that end by an ERROR: ' . join ', ', map { sprintf '%.2f', $_ } @between);
is(scalar(grep { $_ >= 2 } @between[ 0 .. 2 ]), 0, 'workers behind those that ended by an ERROR come within two seconds');
cmp_ok($between[5], '>', 2 * $between[0], 'and then at a growing distance');
$cluster->sql('DROP TRIGGER no_notes ON ordersync.sync_tasks');
$cluster->no_faults;
is($cluster->finish($run), 'succeeded', 'when that is over the run goes on');
$cluster->sql('CHECKPOINT');	# that end was committed without waiting for the disk

# A crash: of a worker, and of anybody else's backend.
for my $whose (qw(worker backend))
{
	my $pid = workers('postgres');
	$from = -s $log;
	if ($whose eq 'worker') { kill 'KILL', $pid }
	else { $cluster->node->psql('postgres', q{DO $$ BEGIN EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid()); END $$}) }
	$cluster->wait_until_back($from);
	is_quick(next_worker($pid), "a worker when the server is back from the crash of a $whose");
	is($cluster->incremental(1), 'succeeded', 'and it works');
}

# The launcher itself.
sub launcher { my ($pid) = map { /^\s*(\d+)\s.*ordersync launcher/ ? $1 : () } split /\n/, `ps -o pid=,args= --ppid @{[ $cluster->node->{_pid} ]}`; return $pid // '' }
{
	my $pid;
	$cluster->wait_until('a launcher in the list of processes', sub { $pid = launcher() });
	like($pid, qr/^\d+$/, 'there is a launcher');
	my $worker = workers('postgres');
	kill 'TERM', $pid;
	$cluster->wait_until('it to leave', sub { launcher() ne $pid });
	$cluster->sql("SELECT pg_terminate_backend($worker)");
	is_quick(next_worker($worker), 'a worker when launcher and worker have ended together');
}

# No room: said once, and looked for all the same.
$from = -s $log;
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'postgres,other'");
$cluster->sql('SELECT pg_reload_conf()');
$cluster->wait_until('the server to have no room', sub {
	PostgreSQL::Test::Utils::slurp_file($log, $from) =~ /out of background worker slots for ordersync in database "other"/ });
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'other'");
$cluster->sql('SELECT pg_reload_conf()');
is_quick(next_worker('', 'other'), 'a worker when the server has room for it again');
my $told = () = PostgreSQL::Test::Utils::slurp_file($log, $from) =~ /out of background worker slots/g;
is($told, 1, 'that there was none is one line');

done_testing;
