# A gateway that does not answer: calls stop but for probes, tasks spend no attempts, it is told once, others notice nothing, and
# all goes on by itself once it answers. The bounds are those of a minute: test/long/62_breaker.pl waits for all of it.
use strict;
use warnings;
use IO::Compress::Gzip qw(gzip);
use IO::Socket::INET;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{BREAKER_SECONDS} // 3;	# that a broken gateway is watched
my $most = $seconds < 60 ? 15 : 30;		# calls in that time: some four to seven, then probes after 0.3, 0.6, 1.2 seconds, then every ten
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 6, '--orders-per-shop' => 60, '--days' => 16 ],
	conf => "ordersync.workers = 2\nordersync.retry_base = '300ms'\nordersync.request_timeout = '3s'\nordersync.max_response_size = '1MB'\nordersync.settle_after_sales = '10min'");
$cluster->create_extension;
my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
my $since = $cluster->ago(16 * 86400) . '+08';
my $log = $cluster->node->logfile;

# --- a server that is broken in the way that the path of the URL says

my $dir = PostgreSQL::Test::Utils::tempdir();
my $zeros = "\0" x (20 << 20);
gzip \$zeros => \my $bomb;
undef $zeros;
my %answer = (
	'503' => "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
	'302' => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
	empty => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	bomb => "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " . length($bomb) . "\r\n\r\n$bomb");
my @children;
my $parent = $$;
END { kill 'KILL', @children if defined $parent && $$ == $parent }
sub broken_server
{
	my $listener = IO::Socket::INET->new(Listen => 200, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		$SIG{CHLD} = 'IGNORE';
		$SIG{PIPE} = 'IGNORE';
		while (1)
		{
			my $client = $listener->accept or next;
			next if fork;
			eval { serve($client) };
			POSIX::_exit(0);
		}
	}
	push @children, $pid;
	return $listener->sockport;
}
sub serve
{
	my ($client) = @_;
	my $in = '';
	while (sysread $client, $in, 65536, length $in)
	{
		last if $in =~ /\r\n\r\n/ && length($in) >= $+[0] + ($in =~ /^Content-Length: (\d+)/im ? $1 : 0);
	}
	my ($path) = $in =~ m{^POST /(\w+)/} or return;
	append_to_file("$dir/$path.calls", sprintf("%.3f\n", time));
	my ($way) = $path =~ /^g_(\w+)$/;
	sleep 30, return if $way eq 'hang';
	syswrite $client, $answer{$way} =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r;
	return;
}
my $port = broken_server();
sub calls { my ($gateway) = @_; my @c = -e "$dir/$gateway.calls" ? split /\n/, slurp_file("$dir/$gateway.calls") : (); return scalar @c }

# --- words of the views

sub value { my ($q) = @_; return $cluster->sql("SELECT $q") }
sub add_gateway { my ($name, $url) = @_; $cluster->sql("SELECT ordersync_add_gateway('$name', '$url', '12345678', 'helloworld')"); return }
sub add_shop
{
	my ($k, $gateway) = @_;
	utf8::encode(my $nick = $shop{$k}{seller_nick});
	$cluster->sql("SELECT ordersync_add_shop($k, '$nick', '$shop{$k}{session}', '$gateway')");
	return;
}
sub attempts { my ($run) = @_; return value("max(attempt) FROM ordersync.sync_tasks WHERE run_id = $run AND state <> 'running'") }
sub told { my ($words) = @_; return scalar(() = slurp_file($log) =~ /\Q$words\E/g) }
sub ended { my ($run) = @_; return $cluster->run_state($run) !~ /^(?:pending|running)$/ }

# --- wholly broken, in every way

my $tls = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
system_log('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem",
	'-days', 2, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1') == 0 or die "openssl made no certificate\n";
my $server = fork // die "fork: $!";
if (!$server)
{
	open STDOUT, '>', "$dir/server.log";
	open STDERR, '>&', \*STDOUT;
	open STDIN, '<', '/dev/null';
	exec 'openssl', 's_server', '-accept', "127.0.0.1:$tls", '-cert', "$dir/cert.pem", '-key', "$dir/key.pem", '-www', '-quiet';
	die "openssl: $!";
}
push @children, $server;

# All at once: none may keep the others, nor the gateway that is well, from their calls.
my @ways = qw(503 302 empty hang bomb refused certificate);
my %class = (503 => 'http', 302 => 'http', empty => 'malformed', hang => 'timeout', bomb => 'oversize', refused => 'network', certificate => 'certificate');
my (%run, %shop_of);
my $n = 10;
for my $way (@ways)
{
	add_gateway("g_$way", $way eq 'refused' ? "http://127.0.0.1:$closed/g_$way/r" : $way eq 'certificate' ? "https://127.0.0.1:$tls/g_$way/r" : "http://127.0.0.1:$port/g_$way/r");
}
for my $way (@ways)
{
	$shop_of{$way} = ++$n;
	$cluster->sql("SELECT ordersync_add_shop($n, 'shop $n', 'session-x', 'g_$way'); UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = $n");
}
my $began = time;
my @runs = split /\n/, $cluster->sql("SELECT ordersync_trigger_full(s, '$since') FROM generate_series(11, $n) s");
@run{@ways} = @runs;
my $broken = value('count(*) FROM ordersync.sync_tasks');
cmp_ok($broken, '>=', 96 * @ways, "$broken windows of ${\scalar @ways} gateways wait");
add_shop(1, 'taobao');
my $took = $cluster->seconds_until('the shop that is well', sub { ended($cluster->{last_run}) }) if $cluster->trigger('full', 1, $since);
is($cluster->run_state($cluster->{last_run}), 'succeeded', sprintf('another gateway beside them is read: %.1f s', $took));
cmp_ok($took, '<', 15, 'in its usual time');
# A task that is given back says that calls are stopped, before the failure that did it says why.
$cluster->wait_until('all of them to be stopped', sub {
	value("count(DISTINCT gateway) FROM ordersync.stopped_calls WHERE (gateway, error_class) IN (" . join(', ', map { "('g_$_', '$class{$_}')" } @ways) . ')') == @ways });
$cluster->wait_until('the time to pass', sub { time > $began + $seconds });
my %seen = map { /^(\d+)\|(.*)/ ? ($1 => [ split /\|/, $2 ]) : () } split /\n/, $cluster->sql(q{
	SELECT r.run_id, (SELECT count(*) FROM ordersync.request_log l WHERE l.run_id = r.run_id),
		(SELECT max(t.attempt) FROM ordersync.sync_tasks t WHERE t.run_id = r.run_id AND t.state <> 'running'), r.state, r.waiting_for
	FROM ordersync.run_progress r});
for my $way (@ways)
{
	my ($calls, $attempts, $state, $waits) = @{ $seen{$run{$way}} };
	$calls = calls("g_$way") if calls("g_$way") > $calls;
	cmp_ok($calls, '<=', $most, "$way: $calls calls in $seconds seconds");
	cmp_ok($attempts, '<=', 1, "$way: no attempts are spent");
	is($state, 'running', "$way: the run is not failed");
	like($waits,
		qr/^gateway "g_$way": (?:it|taobao\.\S+) does not answer since [-\d]+ [:\d]+ \($class{$way}\), next probe at [:\d]+$/, "$way: and says what it waits for");
}
is(value("string_agg(gateway || ' ' || state, ', ' ORDER BY gateway) FROM ordersync.gateway_health WHERE gateway LIKE 'g_%' AND state NOT IN ('unreachable', 'failing', 'partly failing')") // '', '',
	'all of these gateways say so');
is(value("state FROM ordersync.shop_health WHERE shop_id = 1"), 'ok', 'the shop of the one that is well notices nothing');
is(value("DISTINCT state FROM ordersync.shop_health WHERE shop_id > 10"), 'waiting for gateway', 'the shops of the others refer to theirs');
like(value("detail || ' ' || hint FROM ordersync.check_health_gateways() WHERE check_name = 'gateway \"g_refused\"'"),
	qr/^unreachable, for all of its 1 shops, since .*; calls are stopped but for probes.*: SELECT ordersync_lift_ban\('g_refused'\);$/, 'the doctor has a line for each, with what to do');
is(told("gateway \"g_$_\": calls"), 1, "$_: one line of the log") for @ways;
$cluster->sql(join ';', map { "SELECT ordersync_cancel($run{$_}); SELECT ordersync_remove_shop($shop_of{$_}); DELETE FROM ordersync.sync_runs WHERE run_id = $run{$_}" } @ways);

# --- an outage in the middle of a run, which goes on by itself, with all orders

add_gateway('g', $cluster->url);
$cluster->sql("UPDATE ordersync.gateways SET clock_offset = (SELECT clock_offset FROM ordersync.gateways WHERE name = 'taobao')");
add_shop($_, 'g') for 2 .. 4;
# slowly enough for there to be a middle
$cluster->sql(q{SELECT ordersync_set_gateway('g', '{"calls_per_second": 30}')});
my $listener = $cluster->node->background_psql('postgres');
$listener->query_safe('LISTEN ordersync');
my $run = $cluster->trigger('full', 2, $since);
$cluster->wait_until('some pages', sub { value("count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'succeeded'") > 5 });
$cluster->fault('status', value => 503, shop => 2);
$cluster->wait_until('the outage to be noticed', sub { value("stops <> '{}' FROM ordersync.gateways WHERE name = 'g'") eq 't' });
$began = time;
$cluster->wait_until('a probe', sub { value("count(*) FROM ordersync.request_log WHERE gateway = 'g' AND http_status = 503 AND started_at > (SELECT min((s.value ->> 'since')::timestamptz) FROM ordersync.gateways, jsonb_each(stops) s WHERE name = 'g')") >= 1 });
my $tried = value("count(*) FROM ordersync.request_log WHERE gateway = 'g' AND http_status = 503");
cmp_ok($tried, '<=', 40, "an outage in the middle: $tried calls, those in flight included");
cmp_ok(attempts($run), '<=', 1, 'no attempts are spent');
$cluster->no_faults;
$took = $cluster->seconds_until('the run to go on by itself', sub { ended($run) });
is($cluster->run_state($run), 'succeeded', sprintf('the run succeeds %.1f s after the outage', $took));
is(value("stops FROM ordersync.gateways WHERE name = 'g'"), '{}', 'nothing is stopped any more');
$cluster->take('full');
$cluster->equals_truth('after the outage');
my $heard = $listener->query_safe('SELECT 1') . ' ' . ($listener->{stdout} // '') . $listener->query_safe('SELECT 2') . ' ' . ($listener->{stdout} // '');
like($heard, qr/"event": "gateway_$_"[^\n]*"gateway": "g"|"gateway": "g"[^\n]*"event": "gateway_$_"/, "listeners are told: gateway_$_") for qw(stopped back);
$listener->quit;

# --- one method

$cluster->fault('status', value => 503, method => 'taobao.refunds.receive.get', shop => 3);
$run = $cluster->trigger('full', 3, $since);
$cluster->wait_until('the others to be read', sub { value("count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND stream = 'orders' AND NOT held AND state <> 'succeeded'") == 0 });
$cluster->wait_until('the list to be stopped', sub { value("stops ? 'taobao.refunds.receive.get' FROM ordersync.gateways WHERE name = 'g'") eq 't' });
is(value("string_agg(s.key, ',') FROM ordersync.gateways, jsonb_each(stops) s WHERE name = 'g'"), 'taobao.refunds.receive.get', 'a method that is down is stopped alone, its shop\'s other lists are read');
cmp_ok(attempts($run), '<=', 1, 'no attempts are spent');
is(value("state FROM ordersync.shop_health WHERE shop_id = 3"), 'failing', 'its shop says so, the only one whose calls fail');
is(value("state FROM ordersync.shop_health WHERE shop_id = 2"), 'ok', 'and no other');
$cluster->sql("UPDATE ordersync.gateways SET stops = jsonb_set(stops, '{taobao.refunds.receive.get,probe_at}', to_jsonb(clock_timestamp() + interval '1 hour')) WHERE name = 'g'");
$cluster->no_faults;
$cluster->sql("SELECT ordersync_lift_ban('g')");
is($cluster->finish($run), 'succeeded', 'ordersync_lift_ban has it tried at once');

# --- one shop of three

$cluster->sql("UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id = 4");
$cluster->fault('html', shop => 4);
my $bad = $cluster->trigger('full', 4, $since);
$cluster->wait_until('the shop to be stopped', sub { value("stops <> '{}' FROM ordersync.gateways WHERE name = 'g'") eq 't' });
is(value("DISTINCT s.value ->> 'shop' FROM ordersync.gateways, jsonb_each(stops) s WHERE name = 'g'"), '4', 'a shop of three that is never answered is stopped alone');
is(value("state FROM ordersync.gateway_health WHERE gateway = 'g'"), 'ok', 'the gateway is well');
is(value("state FROM ordersync.shop_health WHERE shop_id = 4"), 'failing', 'the shop is not');
$took = $cluster->seconds_until('another shop', sub { ended($cluster->{last_run}) }) if $cluster->trigger('full', 2, $since);
is($cluster->run_state($cluster->{last_run}), 'succeeded', sprintf('another one is read: %.1f s', $took));
is($cluster->seconds_until('attempts of the bad one', sub { attempts($bad) > 1 }) > 0, 1, 'so that what fails is the shop\'s own, and costs attempts');
$cluster->no_faults;
is($cluster->finish($bad), 'succeeded', 'it is read when it is answered');

like(slurp_file($log), qr/gateway "g": calls[^\n]* are made again after \d+ s/, 'the end is told as well');
done_testing;
