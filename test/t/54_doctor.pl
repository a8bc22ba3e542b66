# ordersync_doctor(): each of its hints is provoked, and the command that it ends with is typed as it stands there; then that check is
# well. From a server without the library to one that reads a shop. And the queries of the page about metrics run.
use strict;
use warnings;
use File::Basename qw(dirname);
use OrdersyncTest;
use PostgreSQL::Test::Utils qw(slurp_file system_or_bail);
use Test::More;

# A server of its own: its library is changed below.
my ($root, %dir) = OrdersyncTest::private_server();
my $cluster = OrdersyncTest->new(bare => 1,
	at => '', install_path => dirname("$root$dir{bindir}"), gateway => [ '--shops' => 1, '--orders-per-shop' => 100, '--days' => 5 ], databases => '', conf => join "\n",
	"shared_preload_libraries = 'pg_stat_statements'", 'ordersync.enabled = off', 'ordersync.max_attempts = 1', 'ordersync.freshness_target = 0', 'ordersync.full_run_target = 0');
my $node = $cluster->node;
my $key = $node->data_dir . '/ordersync.key';
my $saved = "$root/saved.key";
my @provoked;

sub asked { my ($check, $column) = @_; return $cluster->sql("SELECT $column FROM ordersync_doctor() WHERE check_name = '$check'") }
sub is_well { my ($check) = @_; return asked($check, "COALESCE(bool_and(ok)::text, 'unknown')") eq 'true' }
sub well { my ($check) = @_; return $cluster->wait_until("$check to be well", sub { is_well($check) }, 30) }

# One assertion: the check is red, or unknown with a hint, and says this. The lines of its hint.
sub red
{
	my ($check, $says) = @_;
	my ($said, @lines) = split /\n/, asked($check, "COALESCE(ok::text, 'unknown') || ': ' || detail || E'\\n' || COALESCE(hint, '')");
	like($said // '', $says, "$check is red") or return;
	push @provoked, @lines;
	return @lines;
}

# The command with which a line ends, by SQL or in a shell, typed; the words given in place of what a person has to fill in.
sub type
{
	my ($hint, %words) = @_;
	my ($sql, $shell) = $hint =~ /: (?:((?:SELECT|ALTER) .*;)|((?:chmod|install|pg_ctl) .*))$/ or die "no command: $hint\n";
	for my $from (keys %words) { s/\Q$from\E/$words{$from}/ or die "no $from: $_\n" for grep { defined } $sql, $shell }
	$cluster->sql($sql) if defined $sql;
	if (defined $shell && $shell eq 'pg_ctl restart') { $node->restart }
	elsif (defined $shell) { system_or_bail('sh', '-c', $shell) }
	$node->restart if $hint =~ /then restart the server/;
	return;
}

# Two assertions: it is red, and well when the last line's command was typed.
sub heals
{
	my ($check, $says, %words) = @_;
	my @lines = red($check, $says) or return fail("$check: its hint");
	my $line = delete $words{line} // -1;
	type($lines[$line], %words);
	return ok(eval { well($check) }, "$check is well after: $lines[$line]") || diag($@, asked($check, 'detail'));
}
# A moment so many seconds ago.
sub ago { my ($seconds) = @_; return $cluster->sql("SELECT date_trunc('second', now() - interval '$seconds seconds')") }
sub setting { my ($line) = @_; $cluster->sql("ALTER SYSTEM SET $line; SELECT pg_reload_conf()"); return }
sub in_force { my ($name, $value) = @_; return $cluster->wait_until("$name", sub { $cluster->sql("SHOW ordersync.$name") eq $value }, 30) }

# --- the server, from the beginning

$cluster->sql('CREATE EXTENSION ordersync');
is(asked('workers', "COALESCE(ok::text, 'unknown') || ': ' || detail"), 'unknown: none in this database, see "library preloaded"', 'no library, no workers');
heals('tables', qr/^false: there are no tables yet/);
$cluster->sql("CREATE ROLE bi LOGIN; SELECT ordersync_grant('bi', 'reader')");
my (undef, $as_reader) = $node->psql('postgres', "SELECT hint FROM ordersync_doctor() WHERE check_name = 'library preloaded'", extra_params => [ '-U', 'bi' ]);
like($as_reader, qr/^Who is no superuser .*: SELECT \* FROM ordersync_doctor\(\);$/, 'a reader, who does not see the list, is not told to write it anew');
my ($hint) = red('library preloaded', qr/^false: the server was started without/);
like($hint, qr/SET shared_preload_libraries = 'pg_stat_statements', 'ordersync';$/, 'the list as it is, with the library added');
$cluster->sql($hint =~ /(ALTER SYSTEM .*;)$/);
$cluster->sql('SELECT pg_reload_conf()');
$cluster->wait_until('the server to have seen it', sub { asked('library preloaded', 'hint') =~ /has been added/ }, 30);
heals('library preloaded', qr/^false/);
heals('workers enabled', qr/^false: ordersync.enabled is off/);
heals('database listed', qr/^false: ordersync.databases is empty/);
well('workers');
my ($add) = red('set-up', qr/^false: gateways: 0, shops: 0/);
type($add, 'https://eco.taobao.com/router/rest' => $cluster->url, 'app key' => '12345678', 'app secret' => 'helloworld');
my ($shop) = @{ $cluster->control('shops') };
utf8::encode(my $nick = $shop->{seller_nick});
heals('set-up', qr/^false: gateways: 1, shops: 0/, 'seller_nick' => $nick, 'session key' => $shop->{session});
system_or_bail('cp', $key, $saved);
is($cluster->incremental(1, ago(4 * 86400), ago(3600)), 'succeeded', 'a run');

# --- workers

setting('ordersync.workers = 12');
in_force('workers', 12);
heals('worker slots', qr/^false: max_worker_processes is 8; ordersync needs 13/);
setting('ordersync.workers = 1');
well('workers');

# the moment between the end of a worker and the next one, made long
my ($launcher) = map { /^\s*(\d+)\s.*ordersync launcher/ ? $1 : () } split /\n/, `ps -o pid=,args= --ppid @{[ $node->{_pid} ]}`;
kill 'STOP', $launcher;
$cluster->sql('SELECT pg_terminate_backend(pid, 10000) FROM ordersync.workers WHERE pid IS NOT NULL');
my ($look) = red('workers', qr/^false: 0 of 1 in postgres/);
kill 'CONT', $launcher;
type($look);
ok(well('workers'), "workers is well after: $look");

# --- versions and tables

heals('schema owner', qr/^false: schema ordersync belongs to postgres, a superuser/)
	if $cluster->sql('ALTER SCHEMA ordersync OWNER TO postgres') eq '';
$cluster->sql("ALTER SYSTEM SET ordersync.enabled = off; SELECT pg_reload_conf()");	# a worker would bring them up to date, too
$cluster->wait_until('no worker', sub { !$cluster->worker_pids }, 30);
$cluster->sql('DROP TABLE ordersync.type_counts CASCADE');
heals('tables', qr/^false: missing: completeness, type_counts/);
$cluster->sql("UPDATE ordersync.installation SET version = '0.0.9'");
heals('tables', qr/^false: they were made by version 0.0.9/);
my ($version) = $cluster->sql("SELECT extversion FROM pg_extension WHERE extname = 'ordersync'");
put_file("$root$dir{sharedir}/extension/ordersync--0.0.9--$version.sql", "SELECT 1;\n");
$cluster->sql("UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'ordersync'");
heals('library version', qr/^false: the library is \Q$version\E, the extension 0\.0\.9: workers wait/);
$cluster->sql('SELECT ordersync.set_up()');

# a server that still has the library of before, beside the files of the new one
my $library = "$root$dir{pkglibdir}/ordersync.so";
my $bytes = slurp_file($library);
my $other = $version =~ tr/0-9/9/r;
unlink $library or die "$library: $!";
put_file($library, $bytes =~ s/\Q$version\E/$other/gr);
$node->restart;
unlink $library or die "$library: $!";
put_file($library, $bytes);
heals('library version', qr/^false: the library is \Q$other\E, the extension \Q$version\E/);
setting('ordersync.enabled = on');
well('workers');

# --- the key file

chmod 0644, $key;
heals('key file', qr/^false: the key file can be used by others/);
rename $key, "$key.away";
heals('key file', qr/^false: the key file .* does not exist; secrets sealed with it: 2/, line => 0, 'BACKUP/ordersync.key' => $saved);
put_file($key, 'short');
chmod 0600, $key;
heals('key file', qr/^false: the key file must hold 32 bytes for each of at most 16 keys, not 5/, 'BACKUP/ordersync.key' => $saved);
put_file($key, 'x' x 32);
is(asked('key file', 'ok'), 't', 'another key file is a key file');
heals('secrets', qr/^false: of 2 that were tried, the key file does not open 2/, line => 0, 'BACKUP/ordersync.key' => $saved);
put_file($key, 'x' x 32);
heals('secrets', qr/^false: of 2/);
set_secrets();
unlink $key;
heals('key file', qr/^false: .*; secrets sealed with it: 2/);
set_secrets();

# --- where calls go

setting('ordersync.allow_http = off');
in_force('allow_http', 'off');
heals('hosts', qr/^false: gateway "taobao" may not be called: a gateway without TLS is not allowed/);
setting("ordersync.allowed_hosts = 'gw.example.com'");
in_force('allowed_hosts', 'gw.example.com');
heals('hosts', qr/^false: .*host "127\.0\.0\.1" is not in ordersync\.allowed_hosts$/);
setting("ordersync.allowed_hosts = '127.0.0.1,eco.taobao.com'");
$cluster->sql("UPDATE ordersync.gateways SET base_url = 'taobao'");
heals('hosts', qr/^false: .*this is not the URL of a gateway/);
$cluster->sql("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . q{', NULL, NULL); UPDATE ordersync.gateways SET options = '{"proxy": "elsewhere"}'});
heals('hosts', qr/^false: .*this is not the URL of a proxy/);
setting("ordersync.ca_file = '/nowhere'");
in_force('ca_file', '/nowhere');
# what the system has cannot be taken away here
my $no_bundle = "$root/no.crt";
$cluster->sql(q{ALTER FUNCTION ordersync.health_certificates() RENAME TO health_certificates_of_system;
	CREATE FUNCTION ordersync.health_certificates(OUT file text, OUT file_trouble text, OUT system text, OUT system_trouble text) LANGUAGE sql
		AS $$ SELECT c.file, c.file_trouble, '/etc/none', 'does not exist' FROM ordersync.health_certificates_of_system() c $$});
put_file($no_bundle, "-----BEGIN CERTIFICATE-----\n");
heals('certificates', qr/^false: .*"\/nowhere" which does not exist/, '/etc/ssl/certs/ca-certificates.crt' => $no_bundle);
$cluster->sql(q{DROP FUNCTION ordersync.health_certificates(); ALTER FUNCTION ordersync.health_certificates_of_system() RENAME TO health_certificates});
put_file($no_bundle, 'no certificate');
SKIP: {
	skip 'this machine has no certificates', 2 if $cluster->sql('SELECT system_trouble IS NOT NULL OR system IS NULL FROM ordersync.health_certificates()') eq 't';
	heals('certificates', qr/^false: .*which has no certificate/);
}

# --- clock and calls

well('workers');
is($cluster->finish($cluster->sql('SELECT ordersync_check_shop(1)')), 'succeeded', 'a call is made');
$cluster->control('clock', ahead => 900);
is($cluster->finish($cluster->sql('SELECT ordersync_check_shop(1)')), 'failed', 'one that a platform refuses whose clock is ahead');
my ($clock_hint) = red('clock', qr/^false: .*(?:899|900|901) s behind that of gateway "taobao"/);
$cluster->control('clock', ahead => 0);		# as by timedatectl
type($clock_hint);
ok(well('clock'), 'the clocks agree again');
is($cluster->finish($cluster->sql('SELECT ordersync_check_shop(1)')), 'succeeded', 'and calls are accepted');

$cluster->sql(q{SELECT ordersync_set_gateway('taobao', '{"calls_per_day": 1}')});
heals('calls today', qr/^false: gateway "taobao": \d+ made of 1, about 0 planned/);
setting("ordersync.request_log = 'errors'");
in_force('request_log', 'errors');
ok(is_well('calls today'), 'and calls of a day that is limited are known without the whole log');
setting("ordersync.request_log = 'all'");
in_force('request_log', 'all');

# --- what is read

setting("ordersync.key_warning = '40d'");
in_force('key_warning', '40d');
$cluster->sql("UPDATE ordersync.shops SET key_expires_at = now() + interval '35 days'");
heals('expiry of data keys', qr/^false: ending: shops 1 on/, 'session key' => $shop->{session});
$cluster->sql("UPDATE ordersync.shops SET key_state = 'expired'");
heals('data keys', qr/^false: 1 shop waits for a data key: 1/, '1, session_key' => "1, '$shop->{session}'");

$cluster->sql("UPDATE ordersync.coverage SET ranges = ranges - tstzmultirange(tstzrange(date_trunc('hour', now()) - interval '3 days', date_trunc('hour', now()) - interval '71 hours')) WHERE stream = 'orders' AND basis = 'modified'");
heals('holes', qr/^false: shops with holes: 1; shop 1, orders from/);
$cluster->finish($cluster->sql('SELECT max(run_id) FROM ordersync.sync_runs'));
ok(is_well('holes'), 'and when the run has ended there is no hole');

$cluster->fault('hang', ms => 600000, value => 600000);
$cluster->trigger('incremental', 1, ago(7200), ago(3600));
$cluster->wait_until('a call that hangs', sub { $cluster->in_flight }, 60);
$cluster->sql("UPDATE ordersync.sync_tasks SET claimed_at = now() - interval '2 hours' WHERE state = 'running'");
heals('stuck windows', qr/^false: held for long: \d+, window \d+ of shop 1 since/);
$cluster->no_faults;
$cluster->control('release');
$cluster->finish($cluster->{last_run});

$cluster->fault('error', value => 41, sub_code => 'isv.invalid-parameter', method => 'trades.sold.increment.get');
my $failing = $cluster->trigger('incremental', 1, ago(7200), ago(3600));
$cluster->wait_until('a run that fails', sub { $cluster->run_state($failing) =~ /^(failed|incomplete)$/ });
$cluster->no_faults;
heals('failed windows', qr/^false: not read since: \d+, of shops 1; the last: shop 1, /);
is($cluster->finish($failing), 'succeeded', 'the windows were read');
ok(is_well('failed windows'), 'and it stays well');

# --- all of it

my @mine = ('library preloaded', 'library version', 'schema owner', 'tables', 'set-up', 'workers enabled', 'database listed', 'workers', 'worker slots', 'key file', 'secrets',
	'hosts', 'certificates', 'clock', 'calls today', 'data keys', 'expiry of data keys', 'holes', 'stuck windows', 'failed windows');
my %end = map { split /\|/ } split /\n/, $cluster->sql("SELECT check_name, COALESCE(bool_and(ok)::text, 'unknown') FROM ordersync_doctor() GROUP BY check_name");
is_deeply([ grep { !$end{$_} } @mine ], [], 'all of these are asked');
is_deeply([ grep { ($end{$_} // '') ne 'true' && $_ ne 'certificates' } @mine ], [], 'in the end all are well');

# All that the checks can hint at, and nothing else.
my @hints = map { qr/$_/ } (
	'^As the database\'s owner type: SELECT ordersync\.set_up\(\);$', 'and the workers do it by themselves.*SELECT ordersync\.set_up', 'SET shared_preload_libraries', '^It has been added',
	'with another library', 'ALTER EXTENSION', 'ALTER SCHEMA', 'SET ordersync\.enabled', 'SET ordersync\.databases', 'app key', 'ordersync_add_shop', 'started again within ten seconds',
	'SET max_worker_processes', 'chmod', '^Put it back from a base backup, as', '^Put it back from a base backup or', '^If it is lost for good: ', '^Put the right key file back',
	'discard what was sealed', 'SET ordersync\.allow_http', 'SET ordersync\.allowed_hosts', '^Give it the platform\'s own', '"proxy": null', ' SET ordersync\.ca_file', 'RESET ordersync\.ca_file',
	'timedatectl', '"calls_per_day"',  'ordersync_set_session_key', 'ordersync_trigger_all', 'FROM ordersync\.workers', 'ordersync_retry');
is_deeply([ grep { my $hint = $_; !grep { $_ =~ $hint } @provoked } @hints ], [], 'each hint was given: ' . @hints);
is_deeply([ grep { my $line = $_; 1 != grep { $line =~ $_ } @hints } @provoked ], [], 'and no other');

# --- the page about metrics

my $page = slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_monitoring.md");
my ($yaml) = $page =~ /^```yaml\n(.*?)^```/ms;
my @queries = ($yaml // '') =~ /^  query: "(.*)"$/mg;
cmp_ok(scalar @queries, '>=', 2, 'queries for postgres_exporter');
for my $query (@queries)
{
	my ($status, $out, $err) = $node->psql('postgres', $query, extra_params => [ '-q' ]);
	ok($status == 0 && $out ne '', substr($query, 0, 60)) or diag($err);
}
done_testing;

sub put_file { my ($name, $text) = @_; open my $file, '>', $name or die "$name: $!"; print $file $text; close $file; return }

# As after ordersync_forget_secrets(): the application secret and the data key, typed again.
sub set_secrets
{
	$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld'); SELECT ordersync_set_session_key(1, '$shop->{session}')");
	system_or_bail('cp', $key, $saved);
	return;
}
