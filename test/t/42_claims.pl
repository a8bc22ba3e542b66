# A claim waits for no disk once its worker has had nothing to do; before that, as after a crash, it does: what crashes the server
# each time is counted each time.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

# Nobody but a commit that waits for the disk flushes the log within these tests.
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 50, '--days' => 5 ],
	conf => "wal_writer_delay = '10s'\nsynchronous_commit = off\nautovacuum = off\ncheckpoint_timeout = '1h'");
$cluster->add_shops(1);
is($cluster->incremental(1), 'succeeded', 'a first run');

my $flushed = 0;
for (1 .. 12)
{
	my $before = $cluster->sql('SELECT pg_current_wal_flush_lsn()');
	$cluster->incremental(1);
	$flushed++ if $cluster->sql('SELECT pg_current_wal_flush_lsn()') ne $before;
}
note("measured: the log was flushed during $flushed of twelve runs");
cmp_ok($flushed, '<', 6, 'a run waits for no disk');
is($cluster->sql("SELECT count(DISTINCT run_id) FROM ordersync.request_log WHERE verdict = 'ok'"), 13, 'with its calls made');

# A task that brings the server down whenever its answer is awaited: what is claimed after that is on disk when it is seen.
$cluster->fault('hang', ms => 5000);
my $run = $cluster->trigger('incremental', 1);
$cluster->sql('SET synchronous_commit = on; CREATE TABLE public.flush ()');	# the trigger itself is kept
my $claimed = sub { $cluster->wait_until('a claim', sub { $cluster->sql("SELECT count(*) > 0 FROM ordersync.sync_tasks WHERE run_id = $run AND ordersync.worker_alive(owner)") eq 't' }) };
$claimed->();
for (1 .. 3)
{
	$cluster->node->stop('immediate');
	$cluster->node->start;
	$claimed->();
	# the server's own records between two commits are shorter than a claim's
	cmp_ok($cluster->sql('SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn()'), '<', 500, "crash $_");
}
cmp_ok($cluster->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id = $run"), '>=', 3, 'and each is counted');
$cluster->no_faults;
is($cluster->finish($run), 'succeeded', 'and the run goes on');

done_testing;
