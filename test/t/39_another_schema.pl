# The extension in a schema of the DBA's own, in a database whose owner is no superuser: it works without a GRANT typed by hand, a
# dump keeps who may use that schema, and a restored database goes on. What the owner's own trigger may not do is said as such.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 60, '--days' => 20 ],
	databases => 'owned,restored', conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 3");
$cluster->sql('CREATE ROLE keeper LOGIN');
$cluster->sql('CREATE ROLE bob LOGIN');
$cluster->sql('CREATE DATABASE owned OWNER keeper');
$cluster->sql('CREATE SCHEMA tools; GRANT USAGE ON SCHEMA tools TO bob; CREATE EXTENSION ordersync SCHEMA tools', 'owned');
my ($shop) = @{ $cluster->control('shops') };
utf8::encode(my $nick = $shop->{seller_nick});

# As the DBA types it, with the schema in the path.
sub typed { my ($query, $db) = @_; return (split /\n/, $cluster->sql("SET search_path = tools, public; $query", $db // 'owned'))[-1] }

sub run_ends
{
	my ($kind, $db) = @_;
	my $run = typed("SELECT ordersync_trigger_$kind(1)", $db);
	$cluster->wait_until("run $run", sub {
		$cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", $db) !~ /^(?:pending|running)$/ });
	return $run;
}
sub state_of { my ($run, $db) = @_; return $cluster->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run", $db) }

typed("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . "', '12345678', 'helloworld')");
typed("SELECT ordersync_add_shop(1, '$nick', '$shop->{session}')");
is(state_of(run_ends('full', 'owned'), 'owned'), 'succeeded', 'a full run');
my $stored = $cluster->sql('SELECT count(*) FROM ordersync.orders', 'owned');
cmp_ok($stored, '>', 0, 'orders are stored');
is($cluster->sql("SELECT stage FROM ordersync.status_names WHERE status = 'TRADE_FINISHED'", 'owned'), 'finished', 'names of statuses');
typed("SELECT ordersync_grant('bob', 'operator')");
is($cluster->sql_fails('SET search_path = tools; SELECT ordersync_trigger_incremental(1)', db => 'owned', extra => [ '-U', 'bob' ])
	=~ s/^(?:psql:\S+ )?(?:NOTICE|DETAIL|WARNING|HINT):.*\n//gmr, '', 'a granted operator triggers');

# The dump has the grants on that schema, ours and the DBA's.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/owned.sql';
$cluster->node->command_ok([ 'pg_dump', '-d', 'owned', '-f', $dump ], 'a dump');
like(slurp_file($dump), qr/^GRANT USAGE ON SCHEMA tools TO bob;$/m, 'the dump keeps what the DBA granted on the schema');
$cluster->sql('CREATE DATABASE restored OWNER keeper');
$cluster->node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'restored without an error');
is($cluster->sql("SELECT has_schema_privilege('bob', 'tools', 'USAGE') AND has_schema_privilege('pg_database_owner', 'tools', 'USAGE')",
	'restored'), 't', 'the restored schema may be used by the same roles');
is($cluster->sql('SELECT count(*) FROM ordersync.orders', 'restored'), $stored, 'the orders are there');
typed("SELECT ordersync_set_data_key(1, '$shop->{session}')", 'restored');
is(state_of(run_ends('incremental', 'restored'), 'restored'), 'succeeded', 'the restored database goes on');

# Workers act as pg_database_owner: the owner is its member, not the other way round, so the owner's own table is closed to them.
$cluster->sql(q{
	SET ROLE keeper;
	CREATE SCHEMA audit;
	CREATE TABLE audit.seen (tid bigint);
	CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO audit.seen VALUES (new.tid); RETURN NULL; END $$;
	CREATE TRIGGER note AFTER INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION audit.note();
	GRANT USAGE ON SCHEMA audit TO pg_database_owner}, 'owned');
$cluster->control('change', shop => 1, orders => 10);
my $run = run_ends('incremental', 'owned');
isnt(state_of($run, 'owned'), 'succeeded', 'a run whose rows a trigger may not note');
is($cluster->sql("SELECT DISTINCT error_class, error FROM ordersync.failed_tasks WHERE run_id = $run", 'owned'),
	'all_refused|the database rejected every record to be written, the first with SQLSTATE 42501: permission denied for table seen',
	'its failure is one of rights');
like($cluster->sql("SELECT DISTINCT hint || ': ' || what_to_do FROM ordersync.failed_tasks WHERE run_id = $run", 'owned'),
	qr/GRANT .* TO pg_database_owner.*SELECT ordersync_retry\($run\)/, 'the remedy names the role and the command');
is($cluster->sql("SELECT count(*) FROM ordersync.quarantine WHERE resolved_at IS NULL", 'owned'), '0', 'no record is put aside for it');
$cluster->sql('SET ROLE keeper; GRANT INSERT ON audit.seen TO pg_database_owner', 'owned');
typed("SELECT ordersync_retry($run)");
$cluster->wait_until('the run that was tried again', sub { state_of($run, 'owned') =~ /^(?:succeeded|failed|incomplete)$/ });
is(state_of($run, 'owned'), 'succeeded', 'with the right granted the run tried again ends well');
cmp_ok($cluster->sql('SELECT count(*) FROM audit.seen', 'owned'), '>', 0, 'and the trigger has noted it');

done_testing;
