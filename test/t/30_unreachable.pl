# What cannot be reached: a gateway whose certificate nobody vouches for, and a database that is not there.
use strict;
use warnings;
use IO::Socket::INET;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes ();

my $cluster = OrdersyncTest->new(without_gateway => 1, databases => 'postgres,nosuch',
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 2\nordersync.request_timeout = '1s'\nordersync.workers = 2");

# A server with a certificate of its own making; it answers what is no order.
my $dir = PostgreSQL::Test::Utils::tempdir();
system_log('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem", '-days', 2,
	'-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1') == 0 or die "openssl made no certificate\n";
my $port = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
my $server = fork // die "fork: $!";
if (!$server)
{
	open STDOUT, '>', "$dir/server.log";
	open STDERR, '>&', \*STDOUT;
	open STDIN, '<', '/dev/null';
	exec 'openssl', 's_server', '-accept', "127.0.0.1:$port", '-cert', "$dir/cert.pem", '-key', "$dir/key.pem", '-www', '-quiet';
	die "openssl: $!";
}
$cluster->wait_until('the server', sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });

$cluster->sql('CREATE EXTENSION IF NOT EXISTS ordersync');
$cluster->sql("SELECT ordersync_add_gateway('taobao', 'https://127.0.0.1:$port/router/rest', '12345678', 'helloworld')");
$cluster->sql("SELECT ordersync_add_shop(1, 'shop', 'session-1')");
my $run = $cluster->sql("SELECT ordersync_trigger_incremental(1, now() - interval '2 hours', now() - interval '1 hour')");
my $class = sub { return $cluster->sql("SELECT string_agg(DISTINCT error_class, ',') FROM ordersync.sync_tasks WHERE run_id = $run AND error_class IS NOT NULL") };
$cluster->wait_until('its calls to be stopped', sub { $cluster->sql("SELECT stopped_since IS NOT NULL FROM ordersync.gateways") eq 't' });
is($cluster->run_state($run), 'running', 'a gateway that nobody can call fails no run');
is($class->(), 'certificate', 'a certificate that nobody vouches for has a class of its own');
like($cluster->sql("SELECT error FROM ordersync.failed_tasks WHERE run_id = $run LIMIT 1"),
	qr/certificate.*ordersync\.ca_file names no others/, 'the error names the certificates and the setting');
is($cluster->sql("SELECT what_to_do FROM ordersync.gateway_health"), "SELECT ordersync_lift_ban('taobao')", 'its gateway has the command');
like($cluster->sql("SELECT state || ': ' || hint FROM ordersync.gateway_health"), qr/^unreachable: .*ca-certificates.*ordersync\.ca_file/, 'its gateway says what to do first');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE http_status <> 0"), 0, 'nothing was sent');

# A file that is not there is another way to have none.
$cluster->sql("ALTER SYSTEM SET ordersync.ca_file = '$dir/none.pem'");
$cluster->sql('SELECT pg_reload_conf()');
$cluster->wait_until('the setting', sub { $cluster->sql('SHOW ordersync.ca_file') eq "$dir/none.pem" });
$cluster->sql("SELECT ordersync_lift_ban('taobao')");
$cluster->wait_until('an error that names the file', sub { $cluster->sql("SELECT count(*) FROM ordersync.failed_tasks
	WHERE run_id = $run AND error LIKE '%ordersync.ca_file, \"$dir/none.pem\"%'") > 0 });
is($class->(), 'certificate', 'so has a file of certificates that cannot be read, which is named');

# With the right one the gateway is reached.
$cluster->sql("ALTER SYSTEM SET ordersync.ca_file = '$dir/cert.pem'");
$cluster->sql('SELECT pg_reload_conf()');
$cluster->wait_until('the setting', sub { $cluster->sql('SHOW ordersync.ca_file') eq "$dir/cert.pem" });
$cluster->sql("SELECT ordersync_lift_ban('taobao')");
$cluster->wait_until('another end of a call', sub { ($class->() // '') =~ /timeout|http|malformed/ });
ok(1, 'with the file that ordersync.ca_file should name the gateway is reached');
$cluster->sql("SELECT ordersync_cancel($run)");
kill 'TERM', $server;
waitpid $server, 0;

# The database: one line, the next after ten seconds, then after twenty; reloads that change nothing of it are no reason.
my $lines = sub { return map { /:(\d\d):(\d\d)\.(\d+) .*FATAL: +database "nosuch" does not exist/ ? $1 * 60 + "$2.$3" : () }
	split /\n/, slurp_file($cluster->node->logfile) };
my $tries = sub { return scalar(my @l = $lines->()) };
$cluster->wait_until('the third try', sub { $tries->() > 2 });
my @at = $lines->();
my @gaps = map { my $gap = $at[$_] - $at[$_ - 1]; $gap < 0 ? $gap + 3600 : $gap } 1 .. 2;
cmp_ok($gaps[0], '>', 9, sprintf('a database that is not there is one line, however many workers it would have; the next comes after %.0f s', $gaps[0]));
cmp_ok($gaps[1], '>', 18, sprintf('the third after %.0f s', $gaps[1]));
is($cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'postgres'"), 2, 'one that is there has all its workers');

# What may have changed it is not waited for.
my $before = $tries->();
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'nosuch,postgres'");
$cluster->sql('SELECT pg_reload_conf()');
cmp_ok($cluster->seconds_until('the next try', sub { $tries->() > $before }), '<', 5, 'a list that changed is tried at once');
$cluster->sql('CREATE DATABASE another');
$cluster->sql('CREATE DATABASE nosuch');
my $took = $cluster->seconds_until('its workers', sub {
	$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'nosuch'") == 2 });
cmp_ok($took, '<', 5, 'and a database that is made has its workers at once');
is($tries->(), $before + 1, 'without another line, also for the one that is of no list');
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'postgres,later'");
$cluster->sql('SELECT pg_reload_conf()');
$cluster->wait_until('a try at another one that is not there', sub { slurp_file($cluster->node->logfile) =~ /FATAL: +database "later" does not exist/ });
$cluster->sql('ALTER DATABASE another RENAME TO later');
$took = $cluster->seconds_until('its workers', sub {
	$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'later'") == 2 });
cmp_ok($took, '<', 5, 'so has one that takes the name');

# All workers of a database that goes fail together: that is one try, whatever their number.
my $gone = sub { return scalar(() = slurp_file($cluster->node->logfile) =~ /FATAL: +database "later" does not exist/g) };
my $known = $gone->();
$cluster->sql('DROP DATABASE later WITH (FORCE)');
$cluster->wait_until('a try at what is gone', sub { $gone->() > $known });
my $started = Time::HiRes::time();
# lines of one try are within a second of each other
my $again = $cluster->seconds_until('the next one', sub { my $n = $gone->(); my $new = $n > $known && Time::HiRes::time() - $started > 5; $known = $n unless $new; $new });
cmp_ok($again, '<', 15, sprintf('two workers of a database that is gone are one try; the next comes after %.0f s', $again));

done_testing;
