# Keys stay where they were given: no change of a gateway, of its proxy or of the tables sends a secret elsewhere, and no
# call goes where ordersync.allowed_hosts does not let it.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IPC::Run;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Socket qw(getaddrinfo);
use Sys::Hostname qw(hostname);
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 300, '--days' => 30 ]);
my $url = $cluster->url;
my ($port) = $url =~ /:(\d+)/;
my @shop = map { utf8::encode(my $nick = $_->{seller_nick}); { nick => $nick, key => $_->{session} } } @{ $cluster->control('shops') };
$cluster->create_extension;
$cluster->sql("SELECT ordersync_add_gateway('other', '$url', '12345678', 'helloworld');
	SELECT ordersync_add_shop(1, '$shop[0]{nick}', '$shop[0]{key}'), ordersync_add_shop(2, '$shop[1]{nick}', '$shop[1]{key}', 'other');
	CREATE ROLE boss LOGIN; SELECT ordersync_grant('boss', 'admin'); CREATE ROLE keeper LOGIN; ALTER DATABASE postgres OWNER TO keeper");
is($cluster->incremental($_), 'succeeded', "shop $_ is read") for 1, 2;

# --- a listener that is no gateway: what it was sent is in a file; it answers when it is told to ---

my $heard = PostgreSQL::Test::Utils::tempdir() . '/heard';
my $may_answer = "$heard.answer";
append_to_file($heard, '');
my $listening = IO::Socket::INET->new(Listen => 16, LocalAddr => '0.0.0.0', ReuseAddr => 1) or die "listener: $@";
my $trap = $listening->sockport;
my $listener = fork // die "fork: $!";
if (!$listener)
{
	my $calls = IO::Select->new($listening);
	while (1)
	{
		for my $socket ($calls->can_read(0.05))
		{
			if ($socket == $listening) { $calls->add(scalar $listening->accept); append_to_file($heard, "connected\n"); next }
			my $n = sysread $socket, my $said, 65536;
			append_to_file($heard, $said) if $n;
			$calls->remove($socket), close $socket unless $n;
		}
		next unless -e $may_answer;
		for my $socket (grep { $_ != $listening } $calls->handles)
		{
			syswrite $socket, "HTTP/1.1 500 Internal\r\nContent-Length: 12\r\nConnection: close\r\n\r\ninternal doc";
			$calls->remove($socket);
			close $socket;
		}
	}
}
close $listening;
END { my $status = $?; kill 'KILL', $listener if $listener; waitpid $listener, 0 if $listener; $? = $status }

# As a role; what it was told.
sub as { my ($role, $q) = @_; my (undef, undef, $err) = $cluster->node->psql('postgres', $q, extra_params => [ '-U', $role ]); return $err }
sub state_of_shop { return $cluster->sql("SELECT key_state FROM ordersync.shops WHERE shop_id = $_[0]") }

# A run of shop 1 is there, and shop 2 was read after it: whatever the workers do of shop 1's they have begun.
sub trigger_and_pass
{
	my ($name) = @_;
	my $told = as('postgres', 'SELECT ordersync_trigger_incremental(1)');
	is($cluster->incremental(2), 'succeeded', "$name: the other shop is read");
	is(slurp_file($heard), '', "$name: the listener has heard nothing");
	return $told;
}

# --- a granted admin who is no superuser moves the gateway ---

my $told = as('boss', "SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:$trap/x', '12345678', NULL)");
like($told, qr/WARNING:  gateway "taobao" now points to http:\/\/127\.0\.0\.1:$trap;/, 'a gateway that leads elsewhere is told');
like($told, qr/DETAIL:  It pointed to http:\/\/127\.0\.0\.1:$port before\. Not used: the application secret, the data keys of 1 shops/, 'with what is out of use');
like($told, qr/ordersync_set_session_key\(shop_id, session_key\)\. Or keep them, as a superuser: SELECT ordersync_keep_secrets\('taobao', 'http:\/\/127\.0\.0\.1:$trap'\)/, 'and with the commands');
is(state_of_shop(1), 'moved', 'the shop waits');
is(state_of_shop(2), 'ok', 'that of another gateway does not');
$told = trigger_and_pass('another port');
like($told, qr/WARNING:  shop 1 waits for a data key\nDETAIL:  The key's state is moved: the application secret was set for .*; the data key was set for http:\/\/127\.0\.0\.1:$port/, 'a trigger says that the shop waits');
like($told, qr/HINT:  .*ordersync_set_session_key\(1, session_key\)/, 'with the command');
like(as('postgres', "SELECT * FROM ordersync_trigger_all('incremental')"), qr/WARNING:  shop 1 waits for a data key/, 'a trigger of all shops, too');
like($cluster->sql("SELECT waiting_for FROM ordersync.run_progress WHERE shop_id = 1 AND state IN ('pending', 'running') LIMIT 1"),
	qr/^secrets for the gateway's present destination: .*application secret was set for/, 'and the report');
is($cluster->incremental(2), 'succeeded', 'the run of all shops ends for the other one');

as('boss', "SELECT ordersync_add_gateway('taobao', NULL, NULL, 'of-the-admin')");
is(state_of_shop(1), 'moved', 'an application secret that is typed anew brings no data key');
trigger_and_pass('with a secret of the admin\'s own');
as('boss', "SELECT ordersync_add_gateway('trap', 'http://127.0.0.1:$trap/', '1', 'of-the-admin'); SELECT ordersync_add_shop(1, NULL, NULL, 'trap')");
is(state_of_shop(1), 'moved', 'nor does the shop take its key along to another gateway');
trigger_and_pass('another gateway');
as('boss', "SELECT ordersync_add_shop(1, NULL, NULL, 'taobao')");

# The database's owner can write every table and call every function; the seal holds all the same.
my $of_taobao = "WHERE kind = 'app_secret' AND name = 'taobao' OR kind = 'data_key' AND name = '1'";
as('keeper', "UPDATE ordersync.secrets SET destination = 'http://127.0.0.1:$trap' $of_taobao; UPDATE ordersync.shops SET key_state = 'unchecked'");
# joins the run that waits, and wakes the workers
my $run = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
$cluster->wait_until('the worker to find that the seal does not open', sub { state_of_shop(1) !~ /unchecked/ });
is(state_of_shop(1), 'key_unreadable', 'the seal opens for no other destination, whatever the tables say');
is(slurp_file($heard), '', 'and nothing was heard of it');
like(as('keeper', "SELECT ordersync.reseal(sealed, kind, name, 'http://127.0.0.1:$port', 'http://127.0.0.1:$trap') FROM ordersync.secrets"),
	qr/only a superuser can keep secrets for another destination/, 'the owner cannot seal them for another destination');
# A trigger of the owner's that workers run acts as the owner.
as('keeper', "CREATE TABLE public.said (what text); GRANT ALL ON public.said TO PUBLIC;
	CREATE FUNCTION public.try() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		PERFORM ordersync.reseal(sealed, kind, name, 'http://127.0.0.1:$port', 'http://127.0.0.1:$trap') FROM ordersync.secrets;
		INSERT INTO public.said VALUES ('sealed again'); RETURN NULL;
	EXCEPTION WHEN insufficient_privilege THEN INSERT INTO public.said VALUES (SQLERRM); RETURN NULL; END \$\$;
	GRANT EXECUTE ON FUNCTION public.try() TO PUBLIC;
	CREATE TRIGGER try AFTER UPDATE ON ordersync.sync_runs FOR EACH STATEMENT EXECUTE FUNCTION public.try()");
is($cluster->incremental(2), 'succeeded', 'a run with a trigger of the owner\'s');
is($cluster->sql('SELECT DISTINCT what FROM public.said'), 'only a superuser can keep secrets for another destination', 'which the worker\'s session does not help');
as('keeper', 'DROP TRIGGER try ON ordersync.sync_runs');

# --- back, which nobody has to type anything for ---

$cluster->sql("UPDATE ordersync.secrets SET destination = 'http://127.0.0.1:$port' $of_taobao; SELECT ordersync_add_gateway('taobao', '$url', NULL, 'helloworld')");
like(state_of_shop(1), qr/^(?:unchecked|ok)$/, 'the gateway leads back: the key is in use again');
is($cluster->finish($run), 'succeeded', 'and what waited goes on');
as('boss', "SELECT ordersync_add_gateway('taobao', 'HTTP://127.0.0.1:$port/another/path', NULL, NULL)");
like(state_of_shop(1), qr/^(?:unchecked|ok)$/, 'another path is no other destination');
as('boss', "SELECT ordersync_add_gateway('taobao', '$url', NULL, NULL)");
is($cluster->incremental(1), 'succeeded', 'and the shop goes on');

# --- the proxy ---

$told = as('boss', qq{SELECT ordersync_set_gateway('taobao', '{"proxy": "http://127.0.0.1:$trap"}')});
like($told, qr/now points to http:\/\/127\.0\.0\.1:$port via http:\/\/127\.0\.0\.1:$trap;/, 'a proxy is another destination');
is(state_of_shop(1), 'moved', 'for which the keys were not given');
trigger_and_pass('a proxy');
as('boss', qq{SELECT ordersync_set_gateway('taobao', '{"proxy": "http://127.0.0.1:$port"}')});
is(state_of_shop(1), 'moved', 'from proxy to proxy, too');
as('boss', qq{SELECT ordersync_set_gateway('taobao', '{"proxy": null}')});
like(state_of_shop(1), qr/^(?:unchecked|ok)$/, 'without it they are in use again');
like(as('boss', qq{SELECT ordersync_set_gateway('taobao', '{"proxy": "http://10.0.0.1:3128"}')}), qr/ERROR:  host "10\.0\.0\.1" is not in ordersync\.allowed_hosts\n.*\nHINT:  As superuser type: ALTER SYSTEM SET ordersync\.allowed_hosts = '127\.0\.0\.1,10\.0\.0\.1'; SELECT pg_reload_conf\(\);/,
	'a proxy must be among the allowed hosts');

# --- a superuser says otherwise ---

sub allow
{
	my ($hosts) = @_;
	$cluster->sql("ALTER SYSTEM SET ordersync.allowed_hosts = '$hosts'");
	$cluster->sql('SELECT pg_reload_conf()');
	$cluster->wait_until("the hosts '$hosts'", sub { $cluster->sql('SHOW ordersync.allowed_hosts') eq $hosts });
	return;
}
allow('127.0.0.1,localhost');
as('boss', "SELECT ordersync_add_gateway('taobao', 'http://localhost:$port/router/rest', NULL, NULL)");
is(state_of_shop(1), 'moved', 'the same machine by another name is another destination');
my $keep = "SELECT ordersync_keep_secrets('taobao', 'http://localhost:$port')";
like(as('boss', $keep), qr/permission denied for function ordersync_keep_secrets/, 'an admin cannot keep secrets');
like(as('keeper', $keep), qr/only a superuser can keep secrets/, 'nor can the owner');
like(as('postgres', "SELECT ordersync_keep_secrets('taobao', 'http://127.0.0.1:$port')"), qr/gateway "taobao" does not point to that destination\nDETAIL:  It points to http:\/\/localhost:$port\./, 'a superuser says for where');
is($cluster->sql($keep), '2', 'and keeps the application secret and the data key');
like(state_of_shop(1), qr/^(?:unchecked|ok)$/, 'the shop waits no longer');
is($cluster->incremental(1), 'succeeded', 'and is read there');
is($cluster->sql($keep), '0', 'kept twice is kept once');

# Who moves a gateway while its secrets are being kept: one waits for the other.
my ($in, $moved) = ('', '');
my $mover = IPC::Run::start([ 'psql', '-XAtq', '-d', $cluster->node->connstr('postgres') ], '<', \$in, '>', \$moved, '2>&1');
$in = "BEGIN; SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:$port/router/rest', NULL, NULL); SELECT 'moved';\n";
$cluster->wait_until('the gateway to be moved', sub { IPC::Run::pump_nb($mover); $moved =~ /^moved$/m });
my $kept = '';
my $keeper = IPC::Run::start([ 'psql', '-XAtq', '-d', $cluster->node->connstr('postgres') . ' application_name=keeps', '-c', $keep ], '<', \undef, '>', \$kept, '2>&1');
$cluster->wait_until('an end, or a wait', sub {
	IPC::Run::pump_nb($keeper);
	$kept ne '' || $cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keeps' AND wait_event_type = 'Lock'") > 0 });
$in = "COMMIT;\n\\q\n";
IPC::Run::finish($mover);
IPC::Run::finish($keeper);
like($kept, qr/ERROR:  gateway "taobao" does not point to that destination\nDETAIL:  It points to http:\/\/127\.0\.0\.1:$port\./, 'secrets are kept for where the gateway leads when it is done');
is($cluster->sql("SELECT DISTINCT destination FROM ordersync.secrets WHERE name IN ('taobao', '1')"), "http://localhost:$port", 'and none was sealed again');

# The check of a key says why it cannot be made, or what it waits for.
is(state_of_shop(1), 'moved', 'the shop waits for its secrets');
like(as('boss', 'SELECT ordersync_check_shop(1)'), qr/ERROR:  the secrets of shop 1 were set for another destination\nDETAIL:  .*\nHINT:  .*ordersync_keep_secrets\('taobao', 'http:\/\/127\.0\.0\.1:$port'\)/, 'and its key is not checked');
as('postgres', "SELECT ordersync_keep_secrets('taobao', 'http://127.0.0.1:$port')");
like(as('boss', "BEGIN; SELECT ordersync_add_gateway('none', '$url', '1', NULL); SELECT ordersync_add_shop(3, 'shop 3', 'session-3', 'none'); SELECT ordersync_check_shop(3); ROLLBACK"),
	qr/WARNING:  gateway "none" waits for its application secret\nDETAIL:  It is missing\.\nHINT:  Set it with/, 'that of a shop whose gateway has no secret waits for it, and says so');

# The tables are changed and a worker meets the secrets there: once they are kept, the shop goes on.
$cluster->sql("UPDATE ordersync.gateways SET base_url = 'http://localhost:$port/router/rest' WHERE name = 'taobao'; UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 1");
$run = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
$cluster->wait_until('a worker to meet them', sub { $cluster->sql("SELECT secret_state || ' ' || key_state FROM ordersync.gateways g JOIN ordersync.shops s ON s.gateway = g.name WHERE shop_id = 1") ne 'ok ok' });
is($cluster->sql($keep), '2', 'secrets that a worker has found shut are kept');
is($cluster->finish($run), 'succeeded', 'and the run goes on');

# --- where calls may go ---

is($cluster->sql("SELECT boot_val FROM pg_settings WHERE name = 'ordersync.allowed_hosts'"), 'eco.taobao.com,gw.api.taobao.com,api.taobao.com,gw.api.tbsandbox.com',
	'by default calls go to the platform');

# Of an empty list any host but this machine and private networks.
allow('');
my %refused = map { $_ => as('postgres', "SELECT ordersync_add_gateway('any', '$_', '1', 'of-the-admin')") }
	qw(http://127.0.0.1/ http://localhost/ http://x.localhost/ http://127.1/ http://0x7f000001/ http://2130706433/ http://0.0.0.0/ http://10.1.2.3/ http://172.31.0.1/
	http://192.168.0.1/ http://169.254.169.254/ http://100.100.100.200/ http://224.0.0.1/ https://[::1]/ https://[::]/ https://[fe80::1]/ https://[fd00::1]/
	https://[::ffff:127.0.0.1]/ https://[64:ff9b::a00:1]/ https://[2002:7f00:1::]/ http://127.0.0.1./);
is(join(' ', grep { $refused{$_} !~ /ERROR:  host ".*" is not in ordersync\.allowed_hosts by its own name/ } sort keys %refused), '', 'addresses of this machine, its link and private networks are refused');
my %taken = map { $_ => as('postgres', "SELECT ordersync_add_gateway('any', '$_', '1', 'of-the-admin')") }
	qw(https://example.com/ https://198.51.100.7:8443/x https://172.32.0.1/ https://[2001:db8::1]/ https://100.128.0.1/);
is(join(' ', grep { $taken{$_} =~ /ERROR/ } sort keys %taken), '', 'others are taken');

# A name that leads to this machine is found out when it is connected to.
my $name = lc hostname();
my ($unknown) = getaddrinfo($name, $trap);
SKIP:
{
	skip 'this machine\'s own name leads nowhere', 4 if $unknown || $name =~ /localhost/;
	$cluster->sql("SELECT ordersync_add_gateway('taobao', 'http://$name:$trap/', '1', 'of-the-admin'); SELECT ordersync_set_data_key(1, 'session-of-no-one')");
	$run = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
	is($cluster->finish($run), 'failed', 'a call to a name of this machine fails');
	is($cluster->sql("SELECT DISTINCT error_class FROM ordersync.failed_tasks WHERE run_id = $run"), 'refused', 'because it was refused');
	like($cluster->sql("SELECT min(error) FROM ordersync.failed_tasks WHERE run_id = $run"), qr/^the host's address [0-9a-f.:]+ is not public/, 'with the address');
	is(slurp_file($heard), '', 'and nobody was connected to');
}

# --- what answers is quoted only where the host is listed ---

allow('127.0.0.1');
append_to_file($may_answer, '');
$cluster->sql("ALTER SYSTEM SET ordersync.max_attempts = 1");
$cluster->sql("SELECT pg_reload_conf();
	SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:$trap/', '1', 'of-the-admin'); SELECT ordersync_set_data_key(1, 'session-of-no-one')");
$run = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
$cluster->wait_until('an answer in the log', sub { $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND http_status = 500") > 0 });
is($cluster->sql("SELECT DISTINCT answer FROM ordersync.request_log WHERE run_id = $run AND http_status = 500"), 'internal doc', 'the words of a listed host are kept');
$cluster->sql("SELECT ordersync_cancel($run)");
unlink $may_answer;
my $size = -s $heard;
$run = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
$cluster->wait_until('a call that waits for its answer', sub { -s $heard > $size && substr(slurp_file($heard), $size) =~ /session=/ });
allow('localhost');
append_to_file($may_answer, '');
$cluster->wait_until('its answer in the log', sub { $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND http_status = 500") > 0 });
is($cluster->sql("SELECT count(answer) FROM ordersync.request_log WHERE run_id = $run AND http_status = 500"), '0', 'those of a host that is not are not');

done_testing;
