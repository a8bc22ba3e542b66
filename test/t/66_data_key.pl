# Keys of shops and the key that seals them. A data key is checked again every day, without stopping anything while it is
# good; one that is not stops its shop, whose work goes on where it stopped. The key in the key file is changed under running
# workers, in one database of two, and by a backend that is killed in the middle of it.
use strict;
use warnings;
use IPC::Run;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 3, '--orders-per-shop' => 200, '--days' => 6 ],
	databases => 'postgres,other',
	# with wal_level = minimal a sequence that was used when it was made may go back in a crash
	conf => "ordersync.max_in_flight = 4\nwal_level = replica");
my $node = $cluster->node;
my $key_file = $node->data_dir . '/ordersync.key';
my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
$cluster->add_shops(1 .. 3);
is($cluster->incremental($_), 'succeeded', "shop $_ is read") for 1 .. 3;

sub shop { my ($id, $what) = @_; return $cluster->sql("SELECT $what FROM ordersync.shops WHERE shop_id = $id") }
sub checks { my ($id) = @_; return $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE shop_id = $id AND method = 'taobao.user.seller.get'") }
sub due { my ($id) = @_; return $cluster->sql("UPDATE ordersync.shops SET key_verify_at = now() - interval '1 second' WHERE shop_id = $id") }

# --- once a day ---

is(checks(1), 1, 'a key is checked before the first call');
like(shop(1, "key_verify_at - key_checked_at BETWEEN '24 hours' AND '26 hours 1 second'"), qr/t/, 'and a day later again');
is($cluster->full(1), 'succeeded', 'a run with many tasks');
is(checks(1), 1, 'before that day has passed it is not');
due(1);
is($cluster->full(1), 'succeeded', 'when it has');
is(checks(1), 2, 'one call asks');
is(shop(1, "key_state, key_verify_at > now() + interval '23 hours'"), 'ok|t', 'for another day');
due($_) for 2, 3;
is($cluster->incremental(2), 'succeeded', 'a shop with work');
is(checks(2) . checks(3), '21', 'is asked about, one without is not');

# The check fails for a reason that is not the key's: nothing waits for it.
due(1);
$cluster->fault('status', value => 503, method => 'seller.get');
is($cluster->incremental(1), 'succeeded', 'a check that is not answered');
is($cluster->sql("SELECT max(attempt), count(*) FILTER (WHERE error IS NOT NULL) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run}"), '0|0', 'costs no task anything');
is(shop(1, "key_state, key_verify_at BETWEEN now() AND now() + interval '1 hour'"), 'ok|t', 'and is repeated in an hour');
# A record that does not name its seller: it is the shop's, whose key was good, whether or not the check was answered. In its
# window, which is the run's only one: a record from outside would leave a window unproven.
due(1);
my $noon = substr($cluster->ago(3 * 86400), 0, 10) . ' 12:00';
$cluster->reply('{"trades_sold_increment_get_response":{"total_results":1,"trades":{"trade":[{"tid":4711,"status":"TRADE_CLOSED","created":"2026-01-01 10:00:00","modified":"' . "$noon:30" . '"}]}}}',
	shop => 1, method => 'increment.get');
is($cluster->incremental(1, "$noon:00+08", "$noon:59+08"), 'succeeded', 'a record that names no seller is read');
is($cluster->sql("SELECT (SELECT count(*) FROM ordersync.orders WHERE tid = 4711), (SELECT count(*) FROM ordersync.quarantine WHERE record_id = 4711)"), '1|0', 'nor does it change what is stored');
$cluster->no_faults;

# --- another seller's key: the work stops as it stands ---

# A run of shop 1 of which some windows are read, and some are in the middle.
$cluster->sql(q{SELECT ordersync_set_gateway('taobao', '{"page_size": 5}')});
my $stopped = "SELECT string_agg(concat_ws('/', task_id, state, attempt, md5(walk::text), seen, pages), ' ' ORDER BY task_id)
	FROM ordersync.sync_tasks WHERE run_id = %s";
$cluster->fault('session_expired', shop => 1, skip => 9);
my $run = $cluster->trigger('full', 1);
$cluster->wait_until('the refusal', sub { shop(1, 'key_state') eq 'expired' });
$cluster->wait_until('its calls to end', sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'") == 0 });
my $as_it_stood = $cluster->sql(sprintf $stopped, $run);
is($cluster->sql("SELECT max(attempt), count(walk) > 0, count(*) FILTER (WHERE state = 'pending') > 3 FROM ordersync.sync_tasks WHERE run_id = $run"), '0|t|t',
	'a key that is refused in the middle costs no attempt');
is($cluster->sql('SELECT state, what_to_do FROM ordersync.shop_health WHERE shop_id = 1'), 'unauthorized|SELECT ordersync_set_session_key(1, session_key)', 'shop_health says what to type');
is($cluster->incremental(2), 'succeeded', 'another shop goes on');
is($cluster->sql(sprintf $stopped, $run), $as_it_stood, 'nothing of it is tried meanwhile');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_data_key(1, '$shop{2}{session}')");
$cluster->wait_until('the check', sub { shop(1, 'key_state') eq 'wrong_seller' });
is($cluster->sql(sprintf $stopped, $run), $as_it_stood, 'nor with the key of another seller, by a call');
$cluster->sql("SELECT ordersync_set_data_key(1, '$shop{1}{session}', now() + interval '13 days')");
is($cluster->finish($run), 'succeeded', 'with the right key exactly this run goes on');
$cluster->sql(q{SELECT ordersync_set_gateway('taobao', '{"page_size": null}')});
is($cluster->sql('SELECT state, hint FROM ordersync.shop_health WHERE shop_id = 1'), 'ok|the data key expires soon: renew the authorisation', 'which says when it will end');

# --- a renamed seller ---

$cluster->control('rename', shop => 1, nick => 'renamed-shop');
due(1);
is($cluster->incremental(1), 'succeeded', 'a renamed seller goes on');
is($cluster->sql("UPDATE ordersync.shops SET key_expires_at = NULL; SELECT what_to_do FROM ordersync.shop_health WHERE shop_id = 1"),
	q{SELECT ordersync_add_shop(1, 'renamed-shop', NULL, NULL)}, 'and the view says what to type');
$cluster->sql($cluster->sql('SELECT what_to_do FROM ordersync.shop_health WHERE shop_id = 1'));
is($cluster->sql('SELECT seller_nick, state, what_to_do IS NULL FROM ordersync.shop_health WHERE shop_id = 1'), 'renamed-shop|ok|t', 'which settles it');

# --- another key in the key file ---

sub keys_in_file { return (-s $key_file) / 32 }
sub outdated { my ($db) = @_; return $cluster->sql('SELECT ordersync.outdated_secrets()', $db) }
sub doctor { my ($db) = @_; return $cluster->sql(q{SELECT detail FROM ordersync_doctor() WHERE check_name = 'key file'}, $db) }

$cluster->sql('CREATE DATABASE other');
$cluster->create_extension('other');
{
	utf8::encode(my $nick = $shop{3}{seller_nick});
	$cluster->sql("SELECT ordersync_add_shop(3, '$nick', '$shop{3}{session}')", 'other');
}
my $workers_know = sub { $cluster->sql("SELECT count(*) FROM ordersync.workers WHERE database = 'other'") > 0 };
$cluster->wait_until('the worker of the other database', $workers_know);
my $run_other = sub {
	my $id = $cluster->sql('SELECT ordersync_trigger_incremental(3)', 'other');
	$cluster->wait_until("run $id", sub { $cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $id", 'other') !~ /pending|running/ });
	return $cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $id", 'other');
};

# A backend that is killed: the new key is in the file, and nothing is sealed with it.
my $blocker = $node->background_psql('postgres');
$blocker->query_safe("BEGIN; SELECT 1 FROM ordersync.secrets WHERE kind = 'app_secret' FOR UPDATE");
my ($out, $err) = ('', '');
my $rotating = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'SELECT ordersync_rotate_key()' ], '<', \undef, '>', \$out, '2>', \$err);
$cluster->wait_until('the new key', sub { keys_in_file() == 2 });
my $pid;
$cluster->wait_until('the backend', sub { ($pid = $cluster->sql("SELECT pid FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple') LIMIT 1")) ne '' });
my $log_at = -s $node->logfile;
kill 'KILL', $pid;
$rotating->finish;
$cluster->wait_until_back($log_at);
eval { $blocker->quit };
is(keys_in_file() . ' ' . outdated(), '2 4', 'a rotation that was killed: the old key is there, and is what the secrets are sealed with');
is(sprintf('%04o', (stat $key_file)[2] & 07777), '0600', 'only the server can read the file');
is($cluster->incremental(2), 'succeeded', 'which opens them');
like(doctor(), qr/it has 2 keys, and an older one has sealed 4 secrets of this database: SELECT ordersync_rotate_key\(\)/, 'the doctor says so');
$cluster->sql("CREATE ROLE keeper LOGIN; ALTER DATABASE postgres OWNER TO keeper");

# While runs are on their way.
$run = $cluster->trigger('full', 2);
is($cluster->sql('SELECT ordersync_rotate_key()'), '4', 'the same call finishes it');
is(keys_in_file() . ' ' . outdated() . ' ' . outdated('other'), '2 0 2', 'with the key that is there; the other database has the old one');
is($cluster->finish($run), 'succeeded', 'a run that was on its way goes on');
is($run_other->(), 'succeeded', 'and so does the other database');
like($cluster->sql_fails('SELECT ordersync_forget_old_keys()'), qr/another database may use an old key.*other\..*ordersync_rotate_key\(\) there/s, 'the old key stays for it');
is(keys_in_file(), 2, 'as it was');
like($cluster->sql_fails('SELECT ordersync_rotate_key()', extra => [ '-U', 'keeper' ]), qr/only a superuser can change the keys/, 'the database\'s owner cannot change the server\'s file');
is($cluster->sql('SELECT ordersync_rotate_key()', 'other') . ' ' . keys_in_file() . ' ' . outdated('other'), '2 2 0', 'there the same call makes no third key');
$cluster->wait_until('its worker to notice', sub { $cluster->sql_fails('SELECT ordersync_forget_old_keys()') !~ /another database/ });
is(keys_in_file(), 1, 'then the old key goes');
is($cluster->incremental(3) . $run_other->(), 'succeededsucceeded', 'and nobody misses it');
like(doctor('other'), qr/^it is there, and only the server's user can read it$/, 'all is well');
is($cluster->sql("SELECT string_agg(action, ', ' ORDER BY history_id) FROM ordersync.setup_history WHERE action ~ 'sealed|keys'"), 'secrets sealed anew, old keys forgotten', 'the history says what was done');

# What was committed is flushed first, also where the last record has just filled its page.
like($cluster->sql(q{
	CREATE FUNCTION pg_temp.forget_behind_a_full_page() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		v_overhead integer;
		v_left integer;
		v_before pg_lsn;
	BEGIN
		FOR i IN 1 .. 1000 LOOP
			v_before := pg_current_wal_insert_lsn();
			PERFORM pg_logical_emit_message(false, 'fill', repeat('x', 8));
			v_overhead := pg_current_wal_insert_lsn() - v_before - 8;
			v_left := 8192 - ((pg_current_wal_insert_lsn() - '0/0') % 8192)::integer;
			CONTINUE WHEN v_left < 200;
			PERFORM pg_logical_emit_message(false, 'fill', repeat('x', GREATEST(v_left - v_overhead - 8 * (i % 3), 1)));
			IF (pg_current_wal_insert_lsn() - '0/0') % 8192 = 24 THEN
				RETURN 'full ' || ordersync.drop_old_keys();
			END IF;
		END LOOP;
	END $$;
	SELECT pg_temp.forget_behind_a_full_page()}), qr/^full 0$/, 'behind a full page of the log');

# By hand, where the server cannot write the file: a key before the others.
open my $random, '<', '/dev/urandom' or die;
read $random, my $new, 32;
my $old = slurp_file($key_file);
append_to_file("$key_file.mine", $new . $old);
chmod 0600, "$key_file.mine";
rename "$key_file.mine", $key_file or die;
is($cluster->sql('SET ROLE keeper; SELECT ordersync_rotate_key()'), '4', 'a key that was put there by hand is taken, by the database\'s owner');
is($cluster->incremental(1), 'succeeded', 'and opens');

done_testing;
