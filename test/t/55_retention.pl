# Nothing grows for ever: after a reload workers remove by themselves what is older than the settings keep it; a hole stays with
# its run; somebody who reads the request log delays the drop of its days, and neither calls nor himself.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time);

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 4 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 2\nordersync.workers = 2");
$cluster->add_shops(1);
$cluster->advance(300, quiet => 1);
sub sql { return $cluster->sql(@_) }
sub reload { my (%set) = @_; sql(join '', map { "ALTER SYSTEM SET ordersync.$_ = '$set{$_}';\n" } sort keys %set); sql('SELECT pg_reload_conf()'); return }

like($cluster->sql_fails("ALTER SYSTEM SET ordersync.keep_log = '12h'"), qr/ordersync\.keep_log.*shortest time is 1d/s, 'half a day is refused');

# An order that cannot be stored: a hole of one second.
my %returned = %{ $cluster->has_after_sales(1) };
my %created = map { /"tid":(\d+),"created":"([^"]+)"/ ? ($1 => $2) : () } split /\n/, $cluster->control('truth', shop => 1, slim => 1);
my ($bad) = grep { !$returned{$_} } sort { $created{$a} cmp $created{$b} } keys %created;
sql("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE io_error USING MESSAGE = ''unwanted''; END';
	CREATE TRIGGER broken BEFORE INSERT ON ordersync.orders FOR EACH ROW WHEN (NEW.tid = $bad) EXECUTE FUNCTION broken()");
is($cluster->full(1), 'incomplete', 'a full run with a hole');
my $hole = $cluster->{last_run};
my $tasks = sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $hole");
is(sql("SELECT count(*) FROM ordersync.failed_tasks WHERE run_id = $hole"), 1, 'one window of it has failed');
sql('DROP TRIGGER broken ON ordersync.orders');
is($cluster->incremental(1), 'succeeded', 'an incremental run');
my $first = $cluster->{last_run};
is($cluster->incremental(1), 'succeeded', 'another');
my $last = $cluster->{last_run};

# Seen from twenty days later.
sub age
{
	sql("UPDATE ordersync.sync_runs SET requested_at = requested_at - interval '20 days', started_at = started_at - interval '20 days', finished_at = finished_at - interval '20 days';
		UPDATE ordersync.sync_tasks SET made_at = made_at - interval '20 days', finished_at = finished_at - interval '20 days'");
	return;
}
sub add_day
{
	my ($days) = @_;
	sql("DO \$\$
		DECLARE d date := (now() AT TIME ZONE 'Asia/Shanghai')::date - $days;
		BEGIN
			EXECUTE format('CREATE TABLE ordersync.request_log_%s PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)',
				to_char(d, 'YYYYMMDD'), ordersync_day(d), ordersync_day(d + 1));
			EXECUTE format('ALTER TABLE ordersync.request_log_%s OWNER TO pg_database_owner', to_char(d, 'YYYYMMDD'));
			INSERT INTO ordersync.request_log (logged_at, shop_id) SELECT ordersync_day(d), 1 FROM generate_series(1, 100);
		END \$\$");
	return;
}
sub days { return sql("SELECT count(*) FROM ordersync.log_partitions() WHERE until <= ordersync_today()::timestamp AT TIME ZONE 'Asia/Shanghai'") }
age();
add_day($_) for 2, 5, 9;
is(days(), 3, 'three old days of the request log');
my $orders = sql('SELECT count(*) FROM ordersync.orders');

# By a reload alone.
reload(keep_log => '4d', keep_runs => '10d');
$cluster->wait_until('the old days to go', sub { days() == 1 });
$cluster->wait_until('the old run to go', sub { sql("SELECT count(*) FROM ordersync.sync_runs WHERE run_id = $first") == 0 });
$cluster->wait_until('the end of the clean-up', sub { sql('SELECT count(*) = 8 FROM ordersync.clean_ups WHERE done_at IS NOT NULL AND begun_at IS NULL') eq 't' });
is(sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $first"), 0, 'its tasks are gone, too');
is(sql("SELECT string_agg(run_id::text, ' ' ORDER BY run_id) FROM ordersync.sync_runs"), "$hole $last", 'the last run of its kind stays, and the run with the hole');
is(sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $hole"), $tasks, 'whole');
is(sql('SELECT count(*) FROM ordersync.failed_tasks'), 1, 'so the hole is shown');
is(sql('SELECT count(*) FROM ordersync.orders'), $orders, 'no order is touched');
is(sql("SELECT bool_and(ok) FROM ordersync.check_health_storage()"), 't', 'the doctor is content');
is($cluster->sql_fails("SELECT ordersync_wait($first)") =~ /run $first does not exist/ ? 1 : 0, 1, 'a removed run is unknown');

# When it is read the hole's run goes as the others.
is(sql("SELECT ordersync_retry($hole)"), 1, 'the hole is tried again');
is($cluster->finish($hole), 'succeeded', 'and read');
is($cluster->full(1), 'succeeded', 'another full run');
age();
reload(keep_runs => '11d');
$cluster->wait_until('the run to go', sub { sql("SELECT count(*) FROM ordersync.sync_runs WHERE run_id = $hole") == 0 });
$cluster->take('full');
$cluster->equals_truth('after a full run');

# Somebody reads the log, for long.
my $reader = $cluster->node->background_psql('postgres');
my $pid = $reader->query_safe('BEGIN; SELECT count(*) FROM ordersync.request_log; SELECT pg_backend_pid()');
($pid) = $pid =~ /(\d+)\s*$/;
my $from = -s $cluster->node->logfile;
reload(keep_log => '1d');
$cluster->wait_until('a try in vain', sub { sql("SELECT tries > 0 FROM ordersync.clean_ups WHERE name = 'log'") eq 't' });
is(days(), 1, 'the day is there while it is read');
my $since = time;
my ($status, $out, $err) = $cluster->node->psql('postgres', 'CALL ordersync_clean_up()');
is($status, 0, 'CALL ordersync_clean_up() comes to its end');
like($err, qr/WARNING:.*log could not be cleaned up: canceling statement due to lock timeout\nHINT:.*pg_terminate_backend\($pid\).*CALL ordersync_clean_up\(\)/, 'says why it did not do it, and who reads');
cmp_ok(time - $since, '<', 5, 'without waiting for the reader');
# Who writes into the log waits for no more than the 50 ms of a try.
my $longest = 0;
for (1 .. 20)
{
	sql("UPDATE ordersync.clean_ups SET next_try_at = now() WHERE name = 'log'");
	my $took = sql(q{DO $$
		DECLARE t timestamptz := clock_timestamp();
		BEGIN
			INSERT INTO ordersync.request_log (shop_id) VALUES (1);
			PERFORM set_config('my.took', EXTRACT(epoch FROM clock_timestamp() - t)::text, false);
		END $$; SELECT current_setting('my.took')});
	$longest = $took if $took > $longest;
}
note(sprintf 'measured: the longest of 20 inserts beside tries to drop a day took %.3f s', $longest);
cmp_ok($longest, '<', 2, 'nobody waits behind it for long');
$cluster->advance(3600);
is($cluster->incremental(1), 'succeeded', 'a run is read meanwhile');
is(sql(q{SELECT ok FROM ordersync.check_health_storage() WHERE check_name = 'clean-up'}), 'f', 'the doctor knows');
like(sql(q{SELECT hint FROM ordersync.check_health_storage() WHERE check_name = 'clean-up'}), qr/pg_terminate_backend\($pid\);.* CALL ordersync_clean_up\(\);$/, 'and who it is');
unlike(PostgreSQL::Test::Utils::slurp_file($cluster->node->logfile, $from), qr/ordersync maintenance failed|ordersync cannot clean up/, 'the log is quiet');
$reader->quit;
sql("UPDATE ordersync.clean_ups SET next_try_at = now() WHERE name = 'log'");
$cluster->wait_until('the day to go', sub { days() == 0 });
$cluster->wait_until('the doctor', sub { sql('SELECT bool_and(ok) FROM ordersync.check_health_storage()') eq 't' });
pass('then a worker drops it by itself, and the doctor is content');

# A reload of nothing new does nothing; by hand it is done at once.
sql('CREATE ROLE boss LOGIN; CREATE ROLE worker_of_shop LOGIN; GRANT USAGE ON SCHEMA public TO boss, worker_of_shop');
sql(q{SELECT ordersync_grant('boss', 'admin')});
sql(q{SELECT ordersync_grant('worker_of_shop', 'operator')});
add_day(3);
($status) = $cluster->node->psql('postgres', 'CALL ordersync_clean_up()', extra_params => [ '-U', 'boss' ]);
is($status, 0, 'an admin may call it');
is(days(), 0, 'the day is gone');
(undef, undef, $err) = $cluster->node->psql('postgres', 'CALL ordersync_clean_up()', extra_params => [ '-U', 'worker_of_shop' ]);
like($err, qr/permission denied/, 'an operator may not');
(undef, undef, $err) = $cluster->node->psql('postgres', "BEGIN;\nCALL ordersync_clean_up()");
like($err, qr/invalid transaction termination.*\n.*outside a transaction/s, 'nor anybody in a transaction block');

# 0 keeps all of it.
add_day(300);
age();
reload(keep_log => '0', keep_runs => '0');
$cluster->node->psql('postgres', 'CALL ordersync_clean_up()');
is(days(), 1, 'by 0 a day of long ago is kept');
done_testing();
