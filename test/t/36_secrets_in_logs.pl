# No secret that is typed comes into the server's log: when a call fails, when statements are logged, when its backend dies;
# where the library is preloaded by itself, elsewhere by what the page on set-up says to type.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $cluster = OrdersyncTest->new(without_gateway => 1, conf => "log_statement = none\nordersync.allowed_hosts = '.example.com'");
my $node = $cluster->node;
my $key_file = $node->data_dir . '/ordersync.key';
$cluster->sql('CREATE EXTENSION IF NOT EXISTS ordersync');

# Everything that the log got while a piece of code ran.
sub logged
{
	my ($server, $code) = @_;
	my $at = -s $server->logfile;
	$code->();
	return slurp_file($server->logfile, $at);
}
sub type { my ($q, @extra) = @_; my ($status, $out, $err) = $node->psql('postgres', $q, @extra); return $err }

# --- every reason for which a call can fail; each has a secret of its own ---

$cluster->sql("SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
	SELECT ordersync_add_shop(1, 'seller', 'session-1');
	CREATE FUNCTION renew(key text) RETURNS void LANGUAGE sql AS 'SELECT ordersync_set_data_key(99, key)'");
my $failing = q{
SELECT ordersync_add_shop(9, 'x', 'secret-1', 'nowhere')
SELECT ordersync_add_gateway('g', 'ftp://gw.example.com/', '1', 'secret-2')
SELECT ordersync_add_gateway('g', 'https://gw.example.com/', '1', 'secret-3', options => '{"page_size": 500}')
SELECT ordersync_set_data_key(99, 'secret-4')
SELECT ordersync_set_data_key(1, 'secret-5', now() - interval '1 day')
SELECT ordersync_add_shop(9, 'x', 'secret-6'
SELECT ordersync_add_shop(9, 'x', 'secret-7', 'a', 'b', 'c')
SELECT Ordersync_Set_Data_Key(99, 'secret-8')
SELECT tools.ordersync_set_data_key(1, 'secret-9')
WITH k AS (SELECT 'secret-10' AS k) SELECT ordersync_set_data_key(99, k) FROM k
DO $$ BEGIN PERFORM ordersync_set_data_key(99, 'secret-11'); END $$
SET statement_timeout = '10ms'; SELECT ordersync_set_data_key(1, 'secret-12'), pg_sleep(1)
PREPARE s AS SELECT ordersync_set_data_key(99, $1); EXECUTE s('secret-13')
SELECT renew('secret-14')
SELECT ordersync_set_session_key(99, 'secret-15')
SELECT ordersync_set_session_key(1, 'secret-16', now() - interval '1 day')
SELECT Ordersync_Set_Session_Key(99, 'secret-17')
DO $$ BEGIN PERFORM ordersync_set_session_key(99, 'secret-18'); END $$
SELECT ordersync_set_gateway_secret('none', 'app_secret', 'secret-19')
SELECT ordersync_set_gateway_secret('taobao', 'secret-20', 'header:X')
SELECT ordersync_set_gateway_secret('taobao', 'header:secret-21 with a blank', 'X')
SELECT ordersync_set_gateway_secret('taobao', 'header:X', E'secret-22\r\nHost: x')
SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'secret-23')
SELECT ordersync_set_data_key('secret-24', 'x')
SELECT ordersync_set_data_key(1, 'x', 'secret-25')
SELECT ordersync_set_data_key(1, 'secret-26)
SELECT ordersync_set_datakey(1, 'secret-27')
SELECT ordersync_add_gateway('g', 'https://gw.example.com/', '1', 'x', options => '[secret-28')
SELECT ordersync_add_shop(9, 'x', "secret-29")
};
my @failing = grep { /\S/ } split /\n/, $failing;
my @unended = grep { /secret-(?:6'|26\))$/ } @failing;		# psql itself would wait for the end of these
my $log = logged($node, sub {
	$node->psql('postgres', join("\n", map { "$_;" } grep { my $q = $_; !grep { $_ eq $q } @unended } @failing), on_error_stop => 0);
	$node->psql('postgres', '', extra_params => [ '-c', $_ ], on_error_stop => 0) for @unended;
});
is(scalar(@unended), 2, 'statements without an end');
is(scalar(() = $log =~ /ERROR:  /g), scalar(@failing), 'all of them fail, and the log says that they do');
like($log, qr/ERROR:  gateway "nowhere" does not exist/, 'with the reason');
unlike($log, qr/secret-/, 'without a secret');
like(logged($node, sub { type('SELECT ordersync_pause_shop(99)') }), qr/STATEMENT:  SELECT ordersync_pause_shop\(99\)/,
	'the log holds other statements as ever');

# --- statements are logged: by the server, by duration, with parameters, by an extension that explains ---

my %logging = (
	'log_statement' => "log_statement = 'all'",
	'durations' => 'log_min_duration_statement = 0',
	'every level' => "log_min_error_statement = debug5\nlog_min_messages = debug1",
	'parameters' => "log_statement = 'all'\nlog_parameter_max_length_on_error = -1",
	'explained' => "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\nauto_explain.log_verbose = on\nplan_cache_mode = force_custom_plan",
);
# All of it into one collector's files, in each format; one session each.
my $conf = slurp_file($node->data_dir . '/postgresql.conf') . "shared_preload_libraries = 'auto_explain,ordersync'
logging_collector = on\nlog_destination = 'csvlog,jsonlog,stderr'\nlog_rotation_age = 0\n";
sub configure { my ($more) = @_; open my $f, '>', $node->data_dir . '/postgresql.conf' or die; print $f "$conf$more\n"; return close $f }
sub written { return join '', map { slurp_file($_) } glob $node->data_dir . '/log/*' }
configure('');
$node->restart;
for my $how (sort keys %logging)
{
	configure($logging{$how});
	$node->reload;
	$cluster->wait_until("$how is set", sub { written() =~ /received SIGHUP/ && $cluster->sql('SELECT pg_sleep(0)') eq '' });
	type("SELECT ordersync_add_shop(1, NULL, 'secret-good');
		SELECT ordersync_set_data_key(1, 'secret-good', now() + interval '1 year');
		SELECT ordersync_set_data_key(99, 'secret-bad');
		SELECT ordersync_set_session_key(1, 'secret-session', now() + interval '1 year');
		PREPARE t AS SELECT ordersync_set_session_key(1, \$1); EXECUTE t('secret-prepared');
		SELECT ordersync_add_gateway('taobao', NULL, NULL, 'secret-app');
		SELECT ordersync_set_gateway_secret('taobao', 'header:X-Token', 'secret-header');
		DO \$\$ BEGIN PERFORM ordersync_set_data_key(1, 'secret-block'); END \$\$;
		PREPARE s AS SELECT ordersync_set_data_key(1, \$1); EXECUTE s('secret-executed')", on_error_stop => 0);
	$node->pgbench("-n -M extended -t 1 -D key=secret-bound", 0, [ qr/processed: 1/ ], [ qr/^/ ], "$how: a bound parameter",
		{ "036_$how" =~ s/\W/_/gr => "SELECT ordersync_set_data_key(1, :key)" });
	type("DO \$\$ BEGIN RAISE LOG 'the end of $how'; END \$\$");
	$cluster->wait_until('the end', sub { written() =~ /(?:message":"|LOG:  )the end of $how.*(?:message":"|LOG:  )the end of $how/s });
	unlike(written(), qr/secret-(?!bound)/, "$how: no secret is in the log");
	unlike(written(), qr/secret-bound/, "$how: nor one that was bound");
	like(written(), qr/a statement that calls ordersync_set_data_key, hidden.*a statement that calls ordersync_set_session_key, hidden/s,
		"$how: the log says what it left out") unless $how eq 'every level';
}
open my $f, '>', $node->data_dir . '/postgresql.conf' or die;
print $f $conf =~ s/^logging_collector.*//mr;
close $f;
$node->restart;

# --- a text of many statements takes a time in proportion to them: it is not searched for each of them ---

sub seconds_of
{
	my ($times, $statements) = @_;
	my $since = time;
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', 'SELECT;' x $statements) } 1 .. $times ], '>', '/dev/null')
		or die "psql: $?";
	return time - $since;
}
my ($whole, $pieces) = (seconds_of(1, 15_000), seconds_of(30, 500));
cmp_ok($whole, '<', 5 * $pieces, sprintf '15000 statements at once take %.1f s, in 30 pieces %.1f s', $whole, $pieces);

# A backend that dies: the server logs what it was running.
$log = logged($node, sub {
	my ($out, $err) = ('', '');
	my $h = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c',
		"SELECT ordersync_set_data_key(1, 'secret-crash'), pg_sleep(60)" ], '<', \undef, '>', \$out, '2>', \$err);
	$cluster->wait_until('the backend', sub { $cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1 });
	my $pid = $cluster->sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query = '(a statement that calls ordersync_set_data_key, hidden by ordersync)'");
	kill 'SEGV', $pid;
	$h->finish;
	$cluster->wait_until('the server', sub { ($node->psql('postgres', 'SELECT 1'))[0] == 0 });
});
like($log, qr/was terminated by signal 11/, 'a backend has died');
unlike($log, qr/secret-crash/, 'and the log does not tell its secret');

# --- in two steps: all that can be wrong is found before a secret is typed ---

is(type("SELECT ordersync_add_gateway('two', 'https://gw.example.com/', '1', NULL)"),
	"psql:<stdin>:1: NOTICE:  gateway \"two\" waits for its application secret\nHINT:  Set it with SELECT ordersync_add_gateway('two', NULL, NULL, app_secret).",
	'a gateway without its secret');
is(type("SELECT ordersync_add_shop(2, 'seller 2', NULL, 'two')"),
	"psql:<stdin>:1: NOTICE:  shop 2 waits for its data key\nHINT:  Set it with SELECT ordersync_set_session_key(2, session_key).", 'a shop without its key');
like(type('SELECT ordersync_trigger_incremental(2)'), qr/WARNING:  gateway "two" waits for its application secret/, 'what is missing is said');
type("SELECT ordersync_add_gateway('two', NULL, NULL, 'secret-two')");
like(type('SELECT ordersync_trigger_incremental(2)'), qr/WARNING:  shop 2 waits for a data key/, 'one after the other');
type("SELECT ordersync_set_data_key(2, 'secret-two')");
is($cluster->sql("SELECT secret_state, key_state FROM ordersync.gateways g JOIN ordersync.shops s ON s.gateway = g.name WHERE shop_id = 2"),
	'ok|unchecked', 'and both are there');
like($cluster->sql_fails("SELECT ordersync_add_gateway('three', 'ftp://gw.example.com/', '1', NULL)"), qr/not the URL of a gateway/,
	'what is wrong is found without a secret');
chmod 0666, $key_file;
like($cluster->sql_fails("SELECT ordersync_add_shop(3, 'seller 3', NULL)"), qr/cannot seal secrets/, 'a key file that cannot be used, too');
chmod 0600, $key_file;

# --- a server that does not preload the library ---

$node->stop;
chmod 0750, $node->data_dir;
unlink $key_file;
open $f, '>', $node->data_dir . '/postgresql.conf' or die;
print $f $conf =~ s/^(?:logging_collector|shared_preload_libraries|ordersync\.databases).*//mgr,
	"log_statement = 'all'\nlog_min_duration_statement = 0\nordersync.allowed_hosts = '.example.com'\n";
close $f;
$node->start;
my $plain = $node;
$plain->safe_psql('postgres', 'SELECT ordersync_forget_secrets()');
my ($status, $out, $err) = $plain->psql('postgres', "SELECT ordersync_set_data_key(1, 'k-1')");
like($err, qr/WARNING:  the server log contains this statement, including the secret/, 'a secret that the log got is said');

# a data directory that is open to a group, for backups by another user
is(sprintf('%04o', (stat $plain->data_dir . '/ordersync.key')[2] & 07777), '0640', 'a group that may read the data directory may read the key file');
chmod 0660, $plain->data_dir . '/ordersync.key';
like(($plain->psql('postgres', "SELECT ordersync_set_data_key(1, 'k-1')"))[2], qr/chmod it to 0600 \(its mode is 0660\)/, 'but not write it');
chmod 0640, $plain->data_dir . '/ordersync.key';

# as the page has it
my ($block) = slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_setup.md") =~ /^```sql\n(BEGIN;\nSET LOCAL log_.*?^COMMIT;\n)```$/ms;
ok($block, 'the page shows how to type a secret');
$log = logged($plain, sub {
	($status, $out, $err) = $plain->psql('postgres', $block);
	$plain->psql('postgres', $block =~ s/set_session_key\(1,/set_session_key(99,/r);
});
is($err, '', 'it says nothing');
like($log, qr/ERROR:  shop 99 does not exist/, 'also where it fails');
unlike($log, qr/session-1/, 'no log keeps it');

done_testing;
