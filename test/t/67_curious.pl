# A curious person reads everything that there is to read while shops are set up, read and fail in every way, with a server that
# logs all it can: tables and views as each role, statements, plans, the log, the events, a dump, the files of the server. No
# application secret, data key, header, password of a proxy or string that is signed is in any of it.
use strict;
use warnings;
use IPC::Run;
use MIME::Base64 qw(encode_base64);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 3, '--orders-per-shop' => 150, '--days' => 4 ],
	conf => "shared_preload_libraries = 'pg_stat_statements,ordersync'
ordersync.request_timeout = 1s\nordersync.retry_base = 10ms\nordersync.retry_cap = 20ms\nordersync.max_attempts = 2");
my $node = $cluster->node;
$cluster->sql('CREATE EXTENSION pg_stat_statements; CREATE EXTENSION IF NOT EXISTS ordersync; CREATE ROLE bi LOGIN; CREATE ROLE ops LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
$cluster->sql("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . "', '12345678', NULL)");
# from here on before the first secret
$node->append_conf('postgresql.conf', "log_min_messages = debug5\nlog_min_error_statement = debug5\nlog_statement = all
log_min_duration_statement = 0\nlog_parameter_max_length_on_error = -1\nlog_error_verbosity = verbose\npg_stat_statements.track = all");
$node->reload;

# The secrets, each with what no other text has. That of the application is the simulated platform's.
my $random = join '', map { ('a' .. 'z', 0 .. 9)[ rand 36 ] } 1 .. 20;
my %secret = (
	app_secret => 'helloworld',
	wrong_app_secret => "wrong/$random+secret=",
	data_key_1 => "key1$random",
	data_key_2 => "key2$random",
	data_key_3 => "key3$random",
	wrong_key => "wrongkey$random",
	swapped_key => "swapped$random",
	mistyped_key => "mistyped$random",
	header => "Header/$random==",
	proxy_password => "Password/$random",
);
my ($header, $proxy) = ("Bearer $secret{header}", "proxyuser:$secret{proxy_password}");

# Every way in which one may be written.
sub forms
{
	my ($plain) = @_;
	my $escaped = $plain =~ s{/}{\\/}gr;
	my $encoded = $plain =~ s{([^A-Za-z0-9_.~-])}{sprintf '%%%02X', ord $1}ger;
	return ($plain, $escaped, $encoded, unpack('H*', $plain));
}
my %needle = map { my $name = $_; map { ($_ => $name) } forms($secret{$name}) } keys %secret;
$needle{ encode_base64($proxy, '') } = 'proxy, as it is sent';
$needle{'app_key12345678'} = 'the string that is signed';	# parameters, sorted, without anything between them
my $any = join '|', map { quotemeta } sort keys %needle;
sub found { my ($text) = @_; my %f; $f{ $needle{$1} }++ while $text =~ /($any)/g; return join ', ', sort keys %f }
is(found("x $secret{header} y " . unpack('H*', $secret{data_key_1}) . ' app_key12345678formatjson'), 'data_key_1, header, the string that is signed', 'what is there is found');

# --- set-up, in every way; and every way to mistype it ---

my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
my %nick = map { utf8::encode(my $n = $shop{$_}{seller_nick}); ($_ => $n) } keys %shop;
$cluster->control('session', shop => $_, session => $secret{"data_key_$_"}) for 1 .. 3;
my $file = $node->basedir . '/secret';
sub file { my ($text, $path) = ($_[0], $_[1] // $file); unlink $path; append_to_file($path, $text); chmod 0600, $path; return $path }

$cluster->wait_until('the log to be verbose', sub { $cluster->sql('SHOW log_min_messages') eq 'debug5' });
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, '$secret{app_secret}')");
$cluster->sql("SELECT ordersync_grant('bi', 'reader'), ordersync_grant('ops', 'operator'), ordersync_grant('boss', 'admin')");
$cluster->sql("SELECT ordersync_add_shop($_, '$nick{$_}', NULL)") for 1 .. 3;
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN ordersync');
my $typing = $node->background_psql('postgres');
$typing->query_safe("SELECT ordersync_add_shop(1, '$nick{1}', '$secret{data_key_1}')");
$typing->query_safe("SELECT ordersync_set_gateway_secret('taobao', 'header:X-Token', '$header')");
$cluster->sql("SET ROLE boss; PREPARE p (text) AS SELECT ordersync_set_session_key(2, \$1); EXECUTE p('$secret{data_key_2}')");
my $read = '(SELECT secret_state FROM ordersync.gateways) AS g, (SELECT count(*) FROM ordersync.secrets) AS n';
is($cluster->sql("SELECT ordersync_set_data_key_from_file(3, '" . file("$secret{data_key_3}\n") . "', now() + interval '1 year');
	SELECT ordersync_set_gateway_secret_from_file('taobao', 'proxy_password', '" . file("  $proxy\r\n", "$file.proxy") . "'); SELECT $read"), "\n\nok|6", 'typed, and read from files');
for my $bad ([ "$secret{wrong_key}\nb", 'it has several lines' ], [ "$secret{wrong_key} b", 'it contains white space' ], [ '', 'it is empty' ],
	[ $secret{wrong_key} . 'x' x 1024, 'it is too long' ], [ "$secret{wrong_key}\x{ff}", 'it contains a character that is no printable ASCII' ])
{
	like($cluster->sql_fails("SELECT ordersync_set_data_key_from_file(3, '" . file($bad->[0]) . "')"), qr/does not hold one secret\nDETAIL:  Reason: $bad->[1]/, "a file: $bad->[1]");
}
file($secret{wrong_key});
like($cluster->sql_fails("SELECT ordersync_set_data_key_from_file(3, '$file')", extra => [ '-U', 'boss' ]), qr/permission denied to read a file of the server/, 'an admin may not have any file read');
$cluster->sql('GRANT pg_read_server_files TO boss');
like($cluster->sql_fails("SELECT ordersync_set_gateway_secret_from_file('taobao', 'proxy_password', '$file')", extra => [ '-U', 'boss' ]), qr/it is not "user:password"/, 'unless that is granted');
chmod 0640, $file;
like($cluster->sql_fails("SELECT ordersync_set_data_key_from_file(3, '$file')"), qr/can be used by others than the server/, 'nor one that others can read');
like($cluster->sql_fails("SELECT ordersync_set_data_key_from_file(9, '/nowhere')"), qr/shop 9 does not exist/, 'what is wrong is found before');
my $mistyped = "SELECT ordersync_set_data_key('$secret{swapped_key}', 1);
	SELECT ordersync_set_data_key(9, '$secret{mistyped_key}');
	SELECT ordersync_set_data_key(1, '$secret{mistyped_key} x');
	SELECT ordersync_set_datakey(1, '$secret{mistyped_key}');
	SELECT ordersync_set_data_key(1, \"$secret{mistyped_key}\");
	SELECT ordersync_set_gateway_secret('taobao', '$secret{mistyped_key}', 'header:X');
	SELECT ordersync_set_data_key(1, 'x', '$secret{mistyped_key}');\n";
# what was mistyped in a name is a statement like any other to log_statement
my (undef, undef, $said) = $node->psql('postgres', "SET log_statement = none; SET log_min_error_statement = error; $mistyped", on_error_stop => 0);
is(scalar(() = $said =~ /ERROR:  /g), 7, 'mistyped ones fail');
$said =~ s/^LINE 1: .*\n.*\n//mg;		# psql quotes what it has sent
is(found($said), '', 'and their messages quote no secret');
is($typing->query_safe('SELECT 1') . $cluster->sql(q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'set_gateway_secret\(' AND state = 'idle'}), '10', 'no idle session shows what was typed');

# --- runs, sampled; then every way to fail ---

my ($samples, $psql_said) = ("$file.samples", '');
append_to_file("$file.sql", "SET log_min_messages = error; SET log_min_error_statement = error; SET log_statement = none; SET log_min_duration_statement = -1;
	SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid() \\watch 0.05\n");
my $sampler = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-o', $samples, '-f', "$file.sql" ], '<', \undef, '>', \$psql_said, '2>&1');
is($cluster->full($_, $cluster->ago(86400) . '+08'), 'succeeded', "shop $_ is read") for 1 .. 3;

my @range = map { $cluster->ago($_) . '+08' } 7200, 3600;
my $echo = join ' ', $secret{app_secret}, $secret{data_key_1}, $header, $proxy, encode_base64($proxy, ''), map { forms($_) } @secret{qw(data_key_1 header proxy_password)};
$echo =~ s/\b[0-9a-f]{40,}\b//g;		# who would write it as hex
# While a statement with a secret is parsed, a sampler of pg_stat_activity may see it: that is what files are for.
file($secret{app_secret}, "$file.app");
file($secret{data_key_1}, "$file.key");
sub set_from_file { my ($function, $of, $value) = @_; return $cluster->sql("SELECT ordersync_set_${function}_from_file($of, '" . file($value) . "')") }
my %fault = (
	'an error that quotes all it was sent' => sub { $cluster->fault('error', value => 15, sub_code => "isp.$secret{data_key_1}", msg => $echo, sub_msg => $echo, shop => 1) },
	'a body that does' => sub { $cluster->reply("{\"session\": \"$secret{data_key_1}\", \"x\": \"" . $echo =~ s/\\/\\\\/gr . '"}', method => 'trades', status => 500, count => 20) },
	'a page of HTML' => sub { $cluster->reply("<html>$echo</html>", method => 'trades', count => 20) },
	'time-outs' => sub { $cluster->fault('hang', value => 60000, shop => 1, count => 3) },
	'a ban' => sub { $cluster->fault('throttle', value => 1, shop => 1, count => 1) },
	'a wrong signature' => sub { set_from_file('gateway_secret', q{'taobao', 'app_secret'}, $secret{wrong_app_secret}) },
	'a refused key' => sub { set_from_file('data_key', 1, $secret{wrong_key}) },
	'another seller\'s key' => sub { set_from_file('data_key', 1, $secret{data_key_2}) },
);
for my $what (sort keys %fault)
{
	$fault{$what}->();
	my $run = $cluster->trigger('full', 1, @range);
	$cluster->wait_until($what, sub { $cluster->sql("SELECT (SELECT state FROM ordersync.sync_runs WHERE run_id = $run) NOT IN ('pending', 'running')
		OR EXISTS (SELECT FROM ordersync.request_log WHERE run_id = $run AND verdict <> 'ok')
		OR (SELECT key_state FROM ordersync.shops WHERE shop_id = 1) = 'wrong_seller'") eq 't' });
	$cluster->no_faults;
	$cluster->control('release');
	$cluster->sql("SELECT ordersync_cancel($run), ordersync_lift_ban('taobao')"
		. ($what =~ /signature|key$/ ? "; SELECT ordersync_set_gateway_secret_from_file('taobao', 'app_secret', '$file.app'), ordersync_set_data_key_from_file(1, '$file.key')" : ''));
}
is($cluster->sql("SELECT string_agg(DISTINCT verdict, ' ' ORDER BY verdict) FROM ordersync.request_log"), 'malformed ok rejected retry throttled unauthorized', 'calls fail in each way that there is');
$cluster->sql('SELECT ordersync_rotate_key()');
$sampler->kill_kill;

# --- what there is to read ---

$node->append_conf('postgresql.conf', "log_min_messages = warning\nlog_statement = none\nlog_min_duration_statement = -1");
$node->reload;

my %heard = ('pg_stat_activity during runs' => slurp_file($samples), 'the events' => $listener->query_safe('SELECT 1') . $listener->{stderr});
cmp_ok(-s $samples, '>', 2000, 'sessions were sampled');
my $relations = $cluster->sql(q{SELECT string_agg(format('TABLE %s;', c.oid::regclass), E'\n' ORDER BY c.oid::regclass::text) FROM pg_class c
	WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p', 'v')})
	. 'TABLE pg_stat_activity; TABLE pg_prepared_statements; TABLE pg_cursors; TABLE pg_stat_statements; SELECT * FROM ordersync_doctor(); SELECT * FROM ordersync.claim(\'me\', 10, 10)';
for my $role (qw(bi boss monitor), scalar getpwuid $<)
{
	$node->psql('postgres', $relations, on_error_stop => 0, extra_params => [ '-U', $role, '-o', "$file.$role" ]);
	$heard{"tables and views as $role"} = slurp_file("$file.$role");
}
$heard{'a dump'} = do { my ($out, $err) = run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]); $out };
$node->stop;
$heard{'the log'} = slurp_file($node->logfile);
like($heard{'the log'}, qr/DEBUG:  /, 'the log has all that there is');
like($heard{'tables and views as bi'}, qr/TRADE_/, 'tables were read');
like($heard{'a dump'}, qr/COPY ordersync\.secrets /, 'secrets are in the dump');
my $listing = join "\n", map { glob $node->data_dir . "/$_" } qw(pg_stat/* pg_stat_tmp/* pg_wal/0* base/*/* log/* pg_logical/* pg_xact/*);
$heard{'the server\'s files'} = join '', map { slurp_file($_) } grep { -f } split /\n/, $listing;
like($heard{'the server\'s files'}, qr/ordersync_set_data_key/, 'texts of statements among them');
is(found($heard{$_}), '', "$_: no secret") for sort keys %heard;

# --- the dump on a server that lacks the key file ---

$node->append_conf('postgresql.conf', "ordersync.key_file = 'another.key'\nordersync.databases = ''");
$node->start;
$cluster->sql('CREATE DATABASE restored');
append_to_file("$file.dump", $heard{'a dump'});
run_command([ 'psql', '-Xq', '-d', $node->connstr('restored'), '-f', "$file.dump" ]);
my $doctor = sub { $cluster->sql(q{SELECT ok, detail, hint FROM ordersync_doctor() WHERE check_name = 'key file'}, 'restored') };
like($doctor->(), qr/^f\|the key file "another\.key" does not exist; secrets sealed with it: 6\|Put it back.*another\.key\nIf it is lost for good: SELECT ordersync_forget_secrets\(\);$/s, 'restored elsewhere: the doctor says what is missing');
like($cluster->sql_fails("SELECT ordersync_set_data_key(1, 'x')", db => 'restored'), qr/the key file is missing, and stored secrets are sealed with it/, 'none is made in its place');
$cluster->sql('SELECT ordersync_forget_secrets()', 'restored');
is($cluster->sql("SELECT ordersync_set_data_key(1, '$secret{data_key_1}'), ordersync_set_gateway_secret('taobao', 'app_secret', 'x');
	SELECT g.secret_state, s.key_state FROM ordersync.gateways g, ordersync.shops s WHERE s.shop_id < 3 ORDER BY s.shop_id", 'restored'), "|\nok|unchecked\nok|missing", 'what is lost is forgotten and set again');
like($doctor->(), qr/^t\|it is there/, 'and all is well');

done_testing;
