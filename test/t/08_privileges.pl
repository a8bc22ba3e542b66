# Nobody but members of the granted roles may call or read anything; PUBLIC has the status functions only.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 30 ]);
$cluster->add_shops(1);
is($cluster->full(1), 'succeeded', 'a run');
$cluster->sql("CREATE ROLE nobody LOGIN; CREATE ROLE bi LOGIN; CREATE ROLE ops LOGIN; CREATE ROLE boss LOGIN;
	SELECT ordersync_grant('bi', 'reader'); SELECT ordersync_grant('ops', 'operator'); SELECT ordersync_grant('boss', 'admin')");

sub may
{
	my ($role, $query) = @_;
	my $error = $cluster->sql_fails($query, extra => [ '-U', $role ]);
	return $error eq '' ? 'yes' : $error =~ /permission denied|must be/ ? 'no' : $error;
}

my %call = (
	'add_gateway' => [ "SELECT ordersync_add_gateway('x', 'https://127.0.0.1/', 'k', 's')", 'boss' ],
	'add_shop' => [ "SELECT ordersync_add_shop(9, 'n', 'k')", 'boss' ],
	'set_data_key' => [ "SELECT ordersync_set_data_key(1, 'session-1')", 'boss' ],
	'set_session_key' => [ "SELECT ordersync_set_session_key(1, 'session-1')", 'boss' ],
	'set_data_key_from_file' => [ "SELECT ordersync_set_data_key_from_file(1, '/nowhere')", '' ],		# not without pg_read_server_files
	'set_gateway_secret' => [ "SELECT ordersync_set_gateway_secret('taobao', 'header:X', 'x')", 'boss' ],
	'set_gateway_secret_from_file' => [ "SELECT ordersync_set_gateway_secret_from_file('taobao', 'header:X', '/nowhere')", '' ],
	'rotate_key' => [ 'SELECT ordersync_rotate_key()', '' ],
	'forget_old_keys' => [ 'SELECT ordersync_forget_old_keys()', '' ],
	'enable_jdp' => [ 'SELECT ordersync_enable_jdp()', '' ],
	'lift_ban' => [ "SELECT ordersync_lift_ban('taobao')", 'boss' ],
	'forget_secrets' => [ 'SELECT ordersync_forget_secrets()', 'boss' ],
	'check_shop' => [ 'SELECT ordersync_check_shop(1)', 'ops boss' ],
	'trigger_incremental' => [ 'SELECT ordersync_trigger_incremental(1)', 'ops boss' ],
	'trigger_all' => [ "SELECT * FROM ordersync_trigger_all('incremental')", 'ops boss' ],
	'orders' => [ 'SELECT count(*) FROM ordersync.orders', 'bi ops boss' ],
	'order_report' => [ 'SELECT count(*) FROM ordersync.order_report', 'bi ops boss' ],
	'run_progress' => [ 'SELECT count(*) FROM ordersync.run_progress', 'bi ops boss' ],
	'secrets' => [ 'SELECT count(*) FROM ordersync.secrets', '' ],
	'status' => [ "SELECT ordersync_order_status('TRADE_FINISHED')", 'nobody bi ops boss' ],
);
for my $name (sort keys %call)
{
	my ($query, $who) = @{ $call{$name} };
	my @may = grep { my $m = may($_, $query); diag("$_, $name: $m") if $m !~ /^(?:yes|no)$/; $m eq 'yes' } qw(nobody bi ops boss);
	is("@may", $who, "$name: who may");
}

is($cluster->sql(q{
	SELECT string_agg(p.proname, ' ' ORDER BY p.proname)
	FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'ordersync'
	WHERE has_function_privilege('nobody', p.oid, 'EXECUTE')}),
	'ordersync_order_status ordersync_order_status_name ordersync_refund_status ordersync_refund_status_name',
	'PUBLIC may execute the status functions only');
is($cluster->sql(q{
	SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'ordersync' AND c.relkind IN ('r', 'v', 'p', 'S') AND has_table_privilege('nobody', c.oid, 'SELECT')
	AND has_schema_privilege('nobody', n.oid, 'USAGE')}), '0', 'PUBLIC may read nothing');
is($cluster->sql(q{
	SELECT string_agg(DISTINCT pg_get_userbyid(c.relowner), ',') FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = 'ordersync' AND c.relkind IN ('r', 'v', 'p') AND c.relname <> 'workers'}), 'pg_database_owner',
	'every table is the database owner\'s');

$cluster->sql("SELECT ordersync_revoke('ops')");
is(may('ops', 'SELECT ordersync_trigger_incremental(1)'), 'no', 'a revoked operator may not');
is(may('ops', 'SELECT count(*) FROM ordersync.orders'), 'no', 'nor read');

# A trigger of a user's on our tables never runs as a superuser.
$cluster->sql(q{
	CREATE TABLE public.who (name name, super boolean); GRANT ALL ON public.who TO PUBLIC;
	CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.who SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
		RETURN NULL;
	END $$;
	GRANT EXECUTE ON FUNCTION public.note() TO PUBLIC;
	CREATE TRIGGER note AFTER INSERT OR UPDATE ON ordersync.orders FOR EACH STATEMENT EXECUTE FUNCTION public.note()});
$cluster->control('change', shop => 1, orders => 20);
is($cluster->incremental(1), 'succeeded', 'a run with a user\'s trigger on the orders');
is($cluster->sql('SELECT bool_or(super), count(*) > 0 FROM public.who'), 'f|t', 'the trigger ran, and not as a superuser');

done_testing;
