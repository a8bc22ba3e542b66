# Thirty days of 400 shops, each with an incremental run an hour (case 14): what the history takes on disk, and how long a
# trigger, a claim and the views take, without it, with it, and when the clean-up has left seven days of it. SHOPS=n, DAYS=n.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time);

my $shops = $ENV{SHOPS} // 400;
my $days = $ENV{DAYS} // 30;
my $cluster = OrdersyncTest->new(without_gateway => 1, databases => '', conf => "shared_buffers = '256MB'\nmax_wal_size = '4GB'\nfsync = off\nautovacuum = off");
sub sql { return $cluster->sql("SET client_min_messages = error; $_[0]") }
sql('CREATE EXTENSION IF NOT EXISTS ordersync');
sql("SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:9/', '12345678', 'helloworld')");
sql(q{CREATE OR REPLACE FUNCTION ordersync.worker_alive(owner text) RETURNS boolean LANGUAGE sql AS 'SELECT true'});
sql("INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway, key_state, first_incremental_at, first_full_at)
	SELECT n, 'n' || n, ARRAY['n' || n], 'taobao', 'ok', now() - interval '60 days', now() - interval '60 days' FROM generate_series(1, $shops) n;
	INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
	SELECT n, s.stream, s.basis, tstzmultirange(tstzrange(date_trunc('second', now()) - interval '60 days', date_trunc('second', now()) - interval '1 hour'))
	FROM generate_series(1, $shops) n, (VALUES ('orders', 'modified'), ('orders', 'arrival'), ('after_sales', 'modified'), ('special_refunds', 'modified'), ('after_sales', 'arrival')) s (stream, basis)");

# Milliseconds of each, the median of eleven.
sub took
{
	my ($query) = @_;
	my @ms = sort { $a <=> $b } split /\n/, sql("CREATE TEMP TABLE ms (ms float); DO \$\$ DECLARE t timestamptz; BEGIN FOR i IN 1 .. 11 LOOP t := clock_timestamp(); PERFORM $query; INSERT INTO ms SELECT 1000 * EXTRACT(epoch FROM clock_timestamp() - t); END LOOP; END \$\$; SELECT ms FROM ms");
	return $ms[5];
}
my $triggered = 0;
sub measure
{
	my ($when) = @_;
	$triggered++;
	sql("CREATE SEQUENCE s$triggered");
	my %ms = (
		'a trigger' => took("ordersync_trigger_incremental(nextval('s$triggered'))"),
		'a claim of 16' => took("* FROM ordersync.claim('me', 16, 1000)"),
		'run_progress of a run' => took('* FROM ordersync.run_progress WHERE run_id = (SELECT max(run_id) FROM ordersync.sync_runs)'),
		'shop_health' => took('* FROM ordersync.shop_health'),
		'failed_tasks' => took('* FROM ordersync.failed_tasks'),
		'completeness of a shop' => took('* FROM ordersync.completeness WHERE shop_id = 7'),
		'storage' => took('* FROM ordersync.storage'),
		'storage_by_shop' => took('* FROM ordersync.storage_by_shop'),
		'check_health_storage' => took('* FROM ordersync.check_health_storage()'));
	note(sprintf 'measured: %s: %s', $when, join(', ', map { sprintf '%s %.1f ms', $_, $ms{$_} } sort keys %ms));
	sql("DELETE FROM ordersync.sync_tasks WHERE state IN ('pending', 'running'); DELETE FROM ordersync.sync_runs WHERE state IN ('pending', 'running')");
	return \%ms;
}
sub sizes
{
	my ($when) = @_;
	note("measured: $when: " . sql(q{SELECT string_agg(format('%s %s', table_name, pg_size_pretty(bytes)), ', ' ORDER BY bytes DESC) FROM ordersync.storage WHERE bytes > 1000000}));
	return sql('SELECT sum(bytes) FROM ordersync.storage');
}
my $without = measure('without history');

for my $day (reverse 1 .. $days)
{
	sql("DO \$\$ DECLARE d date := ordersync_today() - $day; BEGIN
		EXECUTE format('CREATE TABLE ordersync.request_log_%s PARTITION OF ordersync.request_log FOR VALUES FROM (%L) TO (%L)', to_char(d, 'YYYYMMDD'), ordersync_day(d), ordersync_day(d + 1));
		EXECUTE format('ALTER TABLE ordersync.request_log_%s OWNER TO pg_database_owner', to_char(d, 'YYYYMMDD'));
	END \$\$;
	WITH made AS (
		INSERT INTO ordersync.sync_runs (shop_id, kind, since, until, state, requested_at, started_at, finished_at, open_tasks, lot)
		SELECT s, 'incremental', t - interval '1 hour', t, 'succeeded', t, t, t + interval '1 minute', 0, NULL
		FROM generate_series(0, 23) h, LATERAL (SELECT ordersync_day(ordersync_today() - $day) + make_interval(hours => h) AS t) t, generate_series(1, $shops) s
		ORDER BY h, s
		RETURNING *
	), tasks AS (
		INSERT INTO ordersync.sync_tasks (run_id, shop_id, stream, basis, since, until, state, outcome, calls, pages, records_new, reported, seen, passes, made_at, began_at, claimed_at, finished_at, fresh)
		SELECT m.run_id, m.shop_id, l.stream, l.basis, m.since, m.until, 'succeeded', 'counted', 1, 1, 3, 3, 3, 1, m.requested_at, m.requested_at, m.requested_at, m.finished_at, l.fresh
		FROM made m, (VALUES ('orders', 'modified', false), ('orders', 'arrival', false), ('after_sales', 'modified', false), ('special_refunds', 'modified', false), ('orders', 'modified', true)) l (stream, basis, fresh)
		RETURNING *
	), counts AS (
		INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, passes, verdict, run_id, task_id, began_at, closed_at)
		SELECT t.shop_id, t.stream, t.basis, tstzrange(t.since, t.until), 3, 3, 1, 'counted', t.run_id, t.task_id, t.began_at, t.finished_at
		FROM tasks t WHERE NOT t.fresh
	)
	INSERT INTO ordersync.request_log (logged_at, shop_id, run_id, task_id, gateway, method, window_since, window_until, page_no, page_size, use_has_next, verdict, http_status, request_id, total_results, has_next, records, bytes, started_at, duration_ms)
	SELECT t.finished_at, t.shop_id, t.run_id, t.task_id, 'taobao', 'taobao.trades.sold.increment.get', t.since, t.until, 1, 100, false, 'ok', 200, 'abcdef012345', 3, false, 3, 4711, t.began_at, 120
	FROM tasks t");
}
sql('VACUUM ANALYZE');
note('measured: ' . sql("SELECT format('%s runs, %s tasks, %s windows, %s rows of the log', (SELECT count(*) FROM ordersync.sync_runs), (SELECT count(*) FROM ordersync.sync_tasks), (SELECT count(*) FROM ordersync.window_counts), (SELECT count(*) FROM ordersync.request_log))"));
my $before = sizes("$days days");
my $full = measure("$days days");
my $complete = q{SELECT md5(string_agg(c::text, ' ' ORDER BY shop_id, stream, basis, day)) FROM (SELECT shop_id, stream, basis, day, reported, stored, quarantined, verdict, checked_at, seen FROM ordersync.completeness WHERE shop_id <= 20 AND day < ordersync_today()) c};
my $judged = sql($complete);

# As a worker does it: a call a second, each in a transaction of its own.
sql("ALTER SYSTEM SET ordersync.keep_runs = '7d'");
sql("ALTER SYSTEM SET ordersync.keep_log = '7d'");
sql('SELECT pg_reload_conf()');
sql("CREATE TABLE steps (n serial, state text, ms float);
	CREATE PROCEDURE go() LANGUAGE plpgsql AS \$\$ DECLARE t timestamptz; v text; BEGIN
		LOOP
			t := clock_timestamp();
			v := ordersync.clean_up();
			INSERT INTO steps (state, ms) VALUES (v, 1000 * EXTRACT(epoch FROM clock_timestamp() - t));
			COMMIT;
			EXIT WHEN v <> 'more';
		END LOOP;
	END \$\$");
my $since = time;
sql('CALL go()');
note(sprintf 'measured: the clean-up took %.1f s: %s', time - $since, sql("SELECT format('%s calls, the longest %s ms, %s', count(*), round(max(ms)), max(state) FILTER (WHERE state <> 'more')) FROM steps"));
is(sql("SELECT max(state) FILTER (WHERE state <> 'more') FROM steps"), 'done', 'the clean-up has done all');
is(sql('SELECT string_agg(message, \'; \') FROM ordersync.clean_ups'), '', 'without an error');
note('measured: removed: ' . sql("SELECT string_agg(name || ' ' || rows_removed, ', ') FROM ordersync.clean_ups WHERE rows_removed > 0"));
is(sql($complete), $judged, 'completeness says the same of twenty shops');
sizes('cleaned up');
sql('VACUUM ANALYZE');
note('measured: ' . sql("SELECT format('%s runs, %s tasks, %s windows, %s rows of the log', (SELECT count(*) FROM ordersync.sync_runs), (SELECT count(*) FROM ordersync.sync_tasks), (SELECT count(*) FROM ordersync.window_counts), (SELECT count(*) FROM ordersync.request_log))"));
my $after = measure('cleaned up');
cmp_ok($full->{$_}, '<', 3 * $without->{$_} + 2, "$_ is as fast with the history") for 'a trigger', 'a claim of 16', 'run_progress of a run', 'failed_tasks';
sql('VACUUM FULL');
my $rest = sizes('cleaned up, and packed');
cmp_ok($rest, '<', 0.35 * $before, 'what is left are seven days of thirty, and a row a day of counts');
done_testing();
