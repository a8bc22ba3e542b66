# What may leave the server: calls to allowed hosts and ports by https, or http where a superuser allows it, straight or by
# CONNECT through an allowed proxy. Each other destination fails before a connection is made, whoever set it and however: a
# listener counts. And what comes back has limits.
use strict;
use warnings;
use Compress::Zlib;
use IO::Select;
use IO::Socket::IP;
use JSON::PP;
use MIME::Base64;
use OrdersyncTest;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my @servers;
END { my $status = $?; kill 'KILL', @servers; waitpid $_, 0 for @servers; $? = $status }

# A server: each connection has a process of its own, which calls back with the socket. Its port, and the file that it notes in.
sub server
{
	my ($name, $answer) = @_;
	my @listening = grep { $_ } IO::Socket::IP->new(Listen => 64, LocalHost => '0.0.0.0', LocalPort => 0, V6Only => 1);
	my $port = $listening[0]->sockport;
	# the same port of IPv6, where the machine has that
	my $six = IO::Socket::IP->new(Listen => 64, LocalHost => '::', LocalPort => $port, V6Only => 1);
	push @listening, $six if $six;
	my $notes = "$dir/$name";
	append_to_file($notes, '');
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		$SIG{CHLD} = 'IGNORE';
		$SIG{PIPE} = 'IGNORE';
		my $calls = IO::Select->new(@listening);
		for (;;)
		{
			for my $socket ($calls->can_read)
			{
				my $call = $socket->accept or next;
				next if fork;
				eval { $answer->($call, sub { append_to_file($notes, "$_[0]\n") }) };
				POSIX::_exit(0);
			}
		}
	}
	push @servers, $pid;
	return ($port, $notes);
}
sub connections { my ($notes) = @_; return scalar(my @lines = split /\n/, slurp_file($notes)) }

sub read_head
{
	my ($call) = @_;
	my $head = '';
	until ($head =~ /\r\n\r\n/) { sysread $call, $head, 1, length $head or last }
	return $head;
}
sub say_all { my ($call, @bytes) = @_; syswrite $call, $_ or die for @bytes; return }

# What nobody may be connected to.
my ($trap, $trapped) = server('trap', sub { my ($call, $note) = @_; $note->('connected'); read_head($call) });

# Answers of all kinds, by the path.
my $ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
my $bomb = Compress::Zlib::memGzip(' ' x (16 << 20));
my %answers = (
	redirect => sub { say_all($_[0], "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:$trap/\r\nContent-Length: 0\r\n\r\n") },
	moved => sub { say_all($_[0], "HTTP/1.1 307 Temporary\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n") },
	bomb => sub { say_all($_[0], "${ok}Content-Encoding: gzip\r\nContent-Length: " . length($bomb) . "\r\n\r\n$bomb") },
	twice => sub { my $b = Compress::Zlib::memGzip(Compress::Zlib::memGzip('{}')); say_all($_[0], "${ok}Content-Encoding: gzip, gzip\r\nContent-Length: " . length($b) . "\r\n\r\n$b") },
	again => sub { my $b = Compress::Zlib::memGzip(Compress::Zlib::memGzip('{}')); say_all($_[0], "${ok}Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: " . length($b) . "\r\n\r\n$b") },
	deflated => sub { my $b = compress('{}'); say_all($_[0], "${ok}Content-Encoding: deflate\r\nContent-Length: " . length($b) . "\r\n\r\n$b") },
	# blocks of gzip without any content, for ever
	nothing => sub { say_all($_[0], "${ok}Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\3"); say_all($_[0], "\0\0\0\xff\xff" x 8192) for 1 .. 100_000 },
	long => sub { say_all($_[0], "${ok}Content-Length: 2000000000\r\n\r\n"); say_all($_[0], ' ' x 65536) for 1 .. 30_000 },
	headers => sub { say_all($_[0], $ok); say_all($_[0], 'X-More: ' . 'x' x 8000 . "\r\n") for 1 .. 100_000 },
	continues => sub { say_all($_[0], "HTTP/1.1 100 Continue\r\nX-More: " . 'x' x 8000 . "\r\n\r\n") for 1 .. 100_000 },
	ancient => sub { say_all($_[0], '{"error_response":{"code":27}}') },
	drips => sub { say_all($_[0], "${ok}Content-Length: 1000\r\n\r\n"); for (1 .. 600) { say_all($_[0], ' '); select undef, undef, undef, 0.1 } });
my ($odd, $asked) = server('odd', sub {
	my ($call, $note) = @_;
	my ($path) = read_head($call) =~ m{^\S+ /(\w+)} or return;
	$note->($path);
	$answers{$path}->($call);
	# what is unread would reset the connection before the answer was read
	shutdown $call, 1;
	1 while sysread $call, my $rest, 65536;
});

# A proxy that knows one user: it notes what it is asked, and passes bytes on.
my $pass = 'Open%41Sesame:77+';
my ($proxy, $passed) = server('proxy', sub {
	my ($call, $note) = @_;
	my $head = read_head($call);
	$note->($head =~ s/\r\n/|/gr);
	return say_all($call, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") if $head !~ /^CONNECT (127\.0\.0\.1:\d+) HTTP/;
	my $to = $1;
	return say_all($call, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
		if $head !~ /^Proxy-Authorization: Basic (\S+)\r$/m || decode_base64($1) ne "user:$pass";
	my $far = IO::Socket::IP->new(PeerAddr => $to) or return;
	# a proxy has headers of its own, which say nothing of the gateway
	say_all($call, "HTTP/1.1 200 Connection established\r\nDate: Thu, 01 Jan 1998 00:00:00 GMT\r\nContent-Encoding: br\r\n\r\n");
	my $both = IO::Select->new($call, $far);
	for (;;)
	{
		for my $from ($both->can_read)
		{
			sysread($from, my $bytes, 65536) or return;
			say_all($from == $call ? $far : $call, $bytes);
		}
	}
});

# --- a server whose environment names a proxy, for everything ---

my $cluster = do {
	local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ("http://127.0.0.1:$trap") x 5;
	OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 40, '--days' => 2 ],
		conf => "ordersync.max_attempts = 1\nordersync.request_timeout = '5s'\nordersync.max_response_size = '1MB'\nordersync.allowed_hosts = '192.0.2.1'") };
my ($port) = $cluster->url =~ /:(\d+)/;
sub set
{
	my ($name, $value) = @_;
	$cluster->sql("ALTER SYSTEM SET ordersync.$name = '$value'");
	$cluster->sql('SELECT pg_reload_conf()');
	$cluster->wait_until("$name", sub { $cluster->sql("SHOW ordersync.$name") eq $value });
	return;
}
# As a role; all that it was told.
sub as
{
	my ($role, @statements) = @_;
	my (undef, undef, $err) = $cluster->node->psql('postgres', join(";\n", @statements), on_error_stop => 0, extra_params => [ '-U', $role ]);
	return $err;
}
# What the worker made of one run of each shop that it tried last: shop => class: error
sub outcomes
{
	my (@shops) = @_;
	my $since = $cluster->sql('SELECT coalesce(max(run_id), 0) FROM ordersync.sync_runs');
	as('boss', map { "SELECT ordersync_trigger_incremental($_, now() - interval '3 hours', now() - interval '2 hours')" } @shops);
	my $said;
	my $open = sub {
		$said = $cluster->sql("SELECT DISTINCT ON (t.shop_id) t.shop_id || ' ' || coalesce(t.error_class, '-') || ': ' || coalesce(t.error, '') FROM ordersync.sync_tasks t
			WHERE t.run_id > $since AND (t.error_class IS NOT NULL OR t.state NOT IN ('pending', 'running')) ORDER BY t.shop_id, t.error_class NULLS LAST");
		return @shops == (my @lines = split /\n/, $said) };
	$cluster->wait_until('each shop to be tried', $open, 60);
	$cluster->sql("SELECT ordersync_cancel(run_id) FROM ordersync.sync_runs WHERE run_id > $since AND state IN ('pending', 'running')");
	return map { my ($k, $v) = /^(\d+) (.*)$/; $k => $v } split /\n/, $said;
}

$cluster->sql('CREATE EXTENSION IF NOT EXISTS ordersync');
$cluster->sql("CREATE ROLE boss LOGIN; CREATE ROLE keeper LOGIN; ALTER DATABASE postgres OWNER TO keeper");
like(as('postgres', "ALTER SYSTEM SET ordersync.allowed_hosts = '127.0.0.1,$_'"), qr/ERROR:  invalid value for parameter "ordersync\.allowed_hosts".*\nDETAIL:  "\Q$_\E" is not a host name or address/, "no host to allow: $_")
	for 'https://relay.example.com', 'relay.example.com/x', '*.example.com', 'relay.example.com:0', 'relay.example.com:99999', '[::1', 'me@relay.example.com';
set('allowed_hosts', "127.0.0.1:$port,127.0.0.1:$proxy,127.0.0.1:$odd");
as('postgres', "SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:$port/router/rest', '12345678', 'helloworld')", "SELECT ordersync_grant('boss', 'admin')");
like(as($_, "ALTER SYSTEM SET ordersync.allowed_hosts = ''"), qr/permission denied/, "$_ does not say which hosts are allowed") for qw(boss keeper);
like(as($_, "SET ordersync.allow_http = on"), qr/cannot be changed now/, "nor in a session of $_") for qw(boss keeper postgres);

# --- destinations that are none, as an admin types them ---

my %forbidden = (
	'another port' => "http://127.0.0.1:$trap/", 'another address of this machine' => "http://127.0.0.2:$port/", 'another name of it' => "http://localhost:$port/",
	'IPv6' => "http://[::1]:$trap/", 'IPv4 within IPv6' => "http://[::ffff:127.0.0.1]:$trap/", 'an address as a number' => "http://2130706433:$trap/",
	'in hexadecimal' => "http://0x7f.0.0.1:$trap/", 'in octal' => "http://0177.0.0.1:$trap/", 'shortened' => "http://127.1:$trap/", 'with a dot behind it' => "http://127.0.0.1.:$trap/",
	'in percents' => "http://%31%32%37.0.0.1:$trap/", 'in wide digits' => "http://\x{ef}\x{bc}\x{91}27.0.0.1:$trap/", 'with wide dots' => "http://127\x{e3}\x{80}\x{82}0\x{e3}\x{80}\x{82}0\x{e3}\x{80}\x{82}1:$trap/",
	'an allowed host as user' => "http://127.0.0.1:$port\@127.0.0.1:$trap/", 'and after a backslash' => "http://127.0.0.1:$port\\\@127.0.0.1:$trap/",
	'a backslash' => "http://127.0.0.1:$trap\\.127.0.0.1:$port/", 'a fragment' => "http://127.0.0.1:$trap#\@127.0.0.1:$port/", 'a query' => "http://127.0.0.1:$trap?\@127.0.0.1:$port/",
	'a user' => "http://me\@127.0.0.1:$port/", 'a zone' => "http://[fe80::1%25lo]:$trap/", 'no host' => "http:///127.0.0.1:$trap/", 'no scheme' => "//127.0.0.1:$trap/", 'one slash' => "http:/127.0.0.1:$trap/",
	'a line end' => "http://127.0.0.1:$port/ HTTP/1.1\r\nHost: x\r\n", 'a tab' => "http://127.0.0.1\t:$trap/", 'a port too high' => "http://127.0.0.1:65536/", 'a port with a sign' => "http://127.0.0.1:-1/",
	map { ("by $_" => "$_://127.0.0.1:$trap/x") } qw(https ftp ftps gopher gophers dict ldap smb smtp imap telnet tftp sftp scp mqtt rtsp ws wss socks5), );
$forbidden{'a file'} = 'file:///etc/passwd';
$forbidden{'a file here'} = 'file://127.0.0.1/etc/passwd';
my $quoted = sub { my ($text) = @_; return "E'" . ($text =~ s/([\\'])/\\$1/gr =~ s/\r/\\r/gr =~ s/\n/\\n/gr =~ s/\t/\\t/gr) . "'" };
my @names = sort keys %forbidden;
my @told = split /(?<=\n)(?=psql)/, as('boss', map { "SELECT ordersync_add_gateway('no', " . $quoted->($forbidden{$_}) . ", '1', 'secret')" } @names);
is(scalar @told, scalar @names, 'an admin is refused each of them');
is(join(', ', grep { !/ERROR:  (?:this is not the URL of a gateway|host ".*" is not in ordersync\.allowed_hosts|port \d+ of host ".*" is not in ordersync\.allowed_hosts|the gateway's URL contains)/ } @told), '', 'with words that say why');
like(as('boss', "SELECT ordersync_add_gateway('no', 'http://127.0.0.1:$trap/', '1', 'secret')"),
	qr/ERROR:  port $trap of host "127\.0\.0\.1" is not in ordersync\.allowed_hosts\nDETAIL:  .*\nHINT:  .*allowed_hosts = '127\.0\.0\.1:$port,127\.0\.0\.1:$proxy,127\.0\.0\.1:$odd,127\.0\.0\.1:$trap'/, 'and what to type');
my %no_proxy = ('another port' => "http://127.0.0.1:$trap", 'a user' => "http://user:pw\@127.0.0.1:$proxy", map { ("by $_" => "$_://127.0.0.1:$proxy") } qw(socks4 socks4a socks5 socks5h ftp file));
like(as('boss', "SELECT ordersync_set_gateway('taobao', '{\"proxy\": \"$no_proxy{$_}\"}')"), qr/ERROR:  (?:this is not the URL of a proxy|port $trap of host)/, "no proxy: $_") for sort keys %no_proxy;

# --- as who owns the tables writes them, with secrets that are sealed for where they lead ---

my %shop;
my $n = 1;
as('boss', map { $shop{$_} = ++$n; ("SELECT ordersync_add_gateway('g$n', 'http://127.0.0.1:$port/router/rest', '12345678', 'helloworld')", "SELECT ordersync_add_shop($n, 'shop $n', 'session-$n', 'g$n')") }
	@names, map { "proxy, $_" } sort keys %no_proxy);
as('keeper', (map { "UPDATE ordersync.gateways SET base_url = " . $quoted->($forbidden{$_}) . " WHERE name = 'g$shop{$_}'" } @names),
	map { "UPDATE ordersync.gateways SET options = '{\"proxy\": \"$no_proxy{$_}\"}' WHERE name = 'g" . $shop{"proxy, $_"} . "'" } keys %no_proxy);
is($cluster->sql("SELECT count(*) FROM ordersync.gateways WHERE base_url <> 'http://127.0.0.1:$port/router/rest' OR options ? 'proxy'"), @names + keys %no_proxy, 'the owner of the tables writes them');
# of what is no URL nothing can be sealed
as('boss', map { ("SELECT ordersync_add_gateway('g$_', NULL, NULL, 'of-the-admin')", "SELECT ordersync_set_data_key($_, 'session-of-the-admin')") } values %shop);
my $sealed = $cluster->sql("SELECT count(*) FROM ordersync.secrets WHERE kind = 'app_secret' AND destination LIKE '%:$trap'");
cmp_ok($sealed, '>=', 8, "secrets are sealed for the listener ($sealed)");
my %made = outcomes(sort { $a <=> $b } values %shop);
my %class;
push @{ $class{ $made{ $shop{$_} } =~ s/:.*//r } }, $_ for keys %shop;
is(join(' ', sort keys %class), 'refused secret_unreadable', 'the worker calls none of them');
note("$_: " . join(', ', sort @{ $class{$_} })) for sort keys %class;
cmp_ok(@{ $class{refused} }, '>=', 8, 'those that a secret is sealed for are refused');
like($made{ $shop{'another port'} }, qr/^refused: port $trap of host "127\.0\.0\.1" is not in ordersync\.allowed_hosts/, 'and the error says why');
like($made{ $shop{'proxy, another port'} }, qr/^refused: port $trap of host "127\.0\.0\.1" is not/, 'likewise of a proxy');
is(connections($_->[1]), 0, "$_->[0] was not connected to") for [ 'the listener', $trapped ], [ 'the proxy', $passed ], [ 'the server of odd answers', $asked ];
is($cluster->control('stats')->{calls}, 0, 'nor was the gateway called');

# --- what is allowed, straight: no proxy of the environment, no redirect ---

as('boss', "SELECT ordersync_add_shop(1, '测试店铺1', 'session-1', 'taobao')");
is($cluster->incremental(1), 'succeeded', 'the gateway is called');
my @kinds = sort keys %answers;
my $first = $n;
as('boss', map { $shop{$_} = ++$n; ("SELECT ordersync_add_gateway('g$n', 'http://127.0.0.1:$odd/$_', '12345678', 'helloworld')", "SELECT ordersync_add_shop($n, 'shop $n', 'session-$n', 'g$n')") } @kinds);
%made = outcomes($first + 1 .. $n);
my %want = (
	redirect => qr/^http: /, moved => qr/^http: /, bomb => qr/^oversize: /, nothing => qr/^oversize: /, long => qr/^oversize: /,
	twice => qr/^network: the answer is compressed in a way that was not asked for/, again => qr/^network: the answer is compressed in a way/, deflated => qr/^network: the answer is compressed in a way/,
	headers => qr/^network: the headers of the answer are too long/, continues => qr/^network: the headers of the answer are too long/, ancient => qr/^network: /, drips => qr/^timeout: /);
like($made{ $shop{$_} }, $want{$_}, "an answer that $_: $want{$_}") for @kinds;
is(connections($trapped), 0, 'nobody followed a redirect, or went through the environment\'s proxy');

# --- a relay's paths and headers stay on its host ---

my %path = ('an address behind a user' => "\@127.0.0.1:$trap/x", 'another host' => "//127.0.0.1:$trap/x", 'a whole URL' => "http://127.0.0.1:$trap/x", 'more of the port' => '1/x', 'more of the host' => '.example.com/x',
	'a port' => ":$trap/x", 'a line end' => "/x HTTP/1.1\r\nX-More: y", 'way up' => "/../..//127.0.0.1:$trap/x", 'a backslash' => "/\\\@127.0.0.1:$trap/x", 'a query' => '/x?a=b', 'a fragment' => '/x#y', 'nothing' => '');
my @options = ((map { [ "path: $_", { paths => { increment => $path{$_} } } ] } sort keys %path),
	(map { [ "header: $_->[0]", { headers => { $_->[1] => $_->[2] } } ] } [ 'a line end in its value', 'X-A', "b\r\nX-More: y" ], [ 'in its name', "X-A: b\r\nX-More", 'y' ], [ 'Host', 'Host', "127.0.0.1:$trap" ],
		[ 'Transfer-Encoding', 'Transfer-Encoding', 'chunked' ], [ 'Content-Length', 'Content-Length', '1' ], [ 'of the proxy', 'Proxy-Authorization', 'Basic eA==' ], [ 'none', '', 'y' ]));
my $encode = JSON::PP->new->utf8->canonical;
my $literal = sub { return $quoted->($encode->encode({ relay => $_[0] })) };
my $calls = $cluster->control('stats')->{calls};
$first = $n;
as('boss', map { $shop{ $_->[0] } = ++$n; ("SELECT ordersync_add_gateway('g$n', 'http://127.0.0.1:$port', NULL, NULL, 'relay')", "SELECT ordersync_add_shop($n, 'shop $n', 'session-$n', 'g$n')") } @options);
@told = split /(?<=\n)(?=psql)/, as('boss', map { "SELECT ordersync_set_gateway('g$shop{ $_->[0] }', " . $literal->($_->[1]) . ')' } @options);
is(scalar(grep { /ERROR/ } @told), scalar @options, 'an admin is refused what leads out of a path or a header');
is($cluster->sql("SELECT count(*) FROM ordersync.gateways WHERE protocol = 'relay' AND options ? 'relay'"), 0, 'each of them');
as('keeper', map { "UPDATE ordersync.gateways SET options = " . $literal->($_->[1]) . " WHERE name = 'g$shop{ $_->[0] }'" } @options);
%made = outcomes($first + 1 .. $n);
is(join(', ', map { "$_->[0] ($made{ $shop{ $_->[0] } })" } grep { $made{ $shop{ $_->[0] } } !~ /^(?:parameters|refused): / } @options), '', 'and the worker makes no call of it that it finds in the tables');
is($cluster->control('stats')->{calls}, $calls, 'to nobody');
is(connections($trapped), 0, 'neither to the listener');

# --- one proxy, by CONNECT, with a password ---

is(connections($passed), 0, 'the proxy was not asked yet');
as('boss', qq{SELECT ordersync_set_gateway('taobao', '{"proxy": "http://127.0.0.1:$proxy"}')}, "SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')", "SELECT ordersync_set_data_key(1, 'session-1')");
%made = outcomes(1);
like($made{1}, qr/^proxy: the proxy does not accept the user and password that it was given, or wants some \(HTTP 407\)/, 'a proxy that wants a password has a class of its own');
is(as('boss', "SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'user:wrong-$pass')"), '', 'a wrong password');
%made = outcomes(1);
like($made{1}, qr/^proxy: the proxy does not accept/, 'is told likewise');
like($cluster->sql("SELECT state || ': ' || hint FROM ordersync.gateway_health WHERE gateway = 'taobao'"), qr/^unreachable: the proxy refuses the calls: set its user and password with ordersync_set_gateway_secret/, 'with what to do');
$calls = $cluster->control('stats')->{calls};
is(as('boss', "SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'user:$pass')"), '', 'the right one');
is($cluster->incremental(1), 'succeeded', 'and the calls pass');
cmp_ok($cluster->control('stats')->{calls}, '>', $calls, 'to the gateway');
is($cluster->sql("SELECT extract(epoch FROM clock_offset) FROM ordersync.gateways WHERE name = 'taobao'") + 0, 0, 'whose clock is not the proxy\'s');
my @heads = split /\n/, slurp_file($passed);
is(join("\n", grep { !/^CONNECT 127\.0\.0\.1:$port HTTP\/1\.1\|Host: 127\.0\.0\.1:$port\|(?:Proxy-Authorization: Basic \S+\|)?User-Agent: \S+\|Proxy-Connection: Keep-Alive\|\|$/ } @heads), '', 'it was told where to, and nothing else');
my $asks = @heads;
as('keeper', "UPDATE ordersync.gateways SET base_url = 'http://127.0.0.1:$trap/' WHERE name = 'taobao'");
as('boss', "SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')", "SELECT ordersync_set_data_key(1, 'session-1')", "SELECT ordersync_set_gateway_secret('taobao', 'proxy_password', 'user:$pass')");
%made = outcomes(1);
like($made{1}, qr/^refused: port $trap of host "127\.0\.0\.1" is not in ordersync\.allowed_hosts/, 'a proxy does not widen the allowed hosts');
is(connections($passed), $asks, 'nor is it asked to');

# --- without http ---

set('allow_http', 'off');
like(as('boss', "SELECT ordersync_add_gateway('no', 'http://127.0.0.1:$port/', '1', 'secret')"), qr/ERROR:  a gateway without TLS is not allowed/, 'no gateway without TLS');
$calls = $cluster->control('stats')->{calls};
as('keeper', "UPDATE ordersync.gateways SET base_url = 'http://127.0.0.1:$port/router/rest', options = NULL WHERE name = 'taobao'");
as('boss', "SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')", "SELECT ordersync_set_data_key(1, 'session-1')");
%made = outcomes(1);
like($made{1}, qr/^refused: a gateway without TLS is not allowed/, 'nor calls to one that is there');
is($cluster->control('stats')->{calls}, $calls, 'it is not called');
is(connections($trapped), 0, 'and the listener was never connected to');

# --- the password is nowhere ---

unlike(slurp_file($cluster->node->logfile), qr/\Q$pass\E/, 'not in the log');
my $encoded = encode_base64("user:$pass", '');
my $hidden = 'Open%41|Open%2541|' . quotemeta($encoded);
unlike(slurp_file($cluster->node->logfile), qr/\Q$encoded\E/, 'nor as it is sent');
is($cluster->sql("SELECT string_agg(t, ', ') FROM (SELECT 'log' AS t FROM ordersync.request_log x WHERE x::text ~ '$hidden' UNION SELECT 'tasks' FROM ordersync.sync_tasks x WHERE x::text ~ '$hidden'
	UNION SELECT 'gateways' FROM ordersync.gateways x WHERE x::text ~ '$hidden' UNION SELECT 'history' FROM ordersync.setup_history x WHERE x::text ~ '$hidden') u"), '', 'not in a table');

done_testing;
