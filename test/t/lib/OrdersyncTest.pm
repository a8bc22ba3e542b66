# For whole runs: one cluster with the library preloaded, one simulated gateway, and the judge.
#
#   my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1 ], conf => "ordersync.lag = '1min'");
#   $cluster->add_shops(1);
#   is($cluster->full(1), 'succeeded');
#   $cluster->equals_truth('after the full run');
#
# Nothing here sleeps for a time that was guessed: every wait is for a condition, with a limit.

package OrdersyncTest;

use strict;
use warnings;
use File::Basename qw(dirname);
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use PgSession;
use PostgreSQL::Test::Cluster;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $test = $ENV{ORDERSYNC_TEST} or die "ORDERSYNC_TEST is not set: run the tests by test/run or make prove_installcheck\n";
my $clusters = 0;
$ENV{PGCLIENTENCODING} = 'UTF8';

# Named arguments: install_path (another server than that of PG_CONFIG), gateway (list of arguments), conf (lines of postgresql.conf), databases (default: postgres), alive (the
# world goes on by itself; otherwise it changes only when it is told to, so that it can be compared), at (the platform's clock
# today, such as 10:00, for what would end differently when its day ends in between; ORDERSYNC_AT says it for all tests that
# do not, and an empty one that it is the machine's), bare (database postgres is without the extension; otherwise it has it,
# where there is a template).
sub new
{
	my ($class, %arg) = @_;
	my $self = bless { n => 0, kinds => {} }, $class;
	$self->{node} = PostgreSQL::Test::Cluster->new('cluster' . ++$clusters, map { $arg{$_} ? ($_ => $arg{$_}) : () } 'install_path');
	# the template is of this version
	init_from_template($self->{node}, $arg{bare} || $arg{install_path} ? 'plain' : 'ready');
	$self->{node}->append_conf('postgresql.conf', join "\n",
		"shared_preload_libraries = 'ordersync'",
		"ordersync.databases = '" . ($arg{databases} // 'postgres') . "'",
		'ordersync.allow_http = on',
		'ordersync.workers = 1',	# not as many as the machine has cores
		"ordersync.allowed_hosts = '127.0.0.1'",
		'ordersync.freshness_target = 0', 'ordersync.full_run_target = 0',	# runs are those that the test triggers
		'restart_after_crash = on',
		"log_line_prefix = '%m [%p] %q%a '",
		$arg{conf} // '', '');
	$self->{node}->start;
	return $self if $arg{without_gateway};
	my @gateway = (($arg{alive} ? () : '--still'), @{ $arg{gateway} // [] });
	if (my $at = $arg{at} // (grep({ $_ eq '--now' } @gateway) ? undef : $ENV{ORDERSYNC_AT}))
	{
		push @gateway, '--now' => strftime("%Y-%m-%d $at:00", gmtime(time + 8 * 3600));
		$self->{clock_set} = 1;
	}
	$self->start_gateway(@gateway);
	return $self;
}

# A copy of the template cluster in place of initdb, where there is one. PostgreSQL::Test::Cluster has templates from 17 on only.
sub init_from_template
{
	my ($node, $template) = @_;
	$template //= 'plain';
	if (!$ENV{ORDERSYNC_TEMPLATES})
	{
		$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
		# As in test/lib/templates.
		$node->append_conf('postgresql.conf', "jit = off\n");
		return;
	}
	no warnings 'redefine';
	my $run = \&PostgreSQL::Test::Utils::system_or_bail;
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		return $run->($_[0] eq 'initdb' ? ('cp', '-a', "$ENV{ORDERSYNC_TEMPLATES}/$template", $node->data_dir) : @_) };
	delete local $ENV{INITDB_TEMPLATE};
	$node->init;
	return;
}

# A server of its own below a temporary folder, to install into: its programs are copies, so that it looks for the rest beside
# them; the rest are links. The folder, and where things lie in it, as pg_config calls them.
sub private_server
{
	my %dir = map { chomp(my $d = `$ENV{PG_CONFIG} --$_`); ($_ => $d) } qw(bindir pkglibdir sharedir docdir);
	my $root = PostgreSQL::Test::Utils::tempdir();
	PostgreSQL::Test::Utils::system_or_bail('mkdir', '-p', map { "$root" . dirname($dir{$_}) } qw(bindir pkglibdir sharedir));
	PostgreSQL::Test::Utils::system_or_bail('cp', '-a', $dir{bindir}, "$root$dir{bindir}");
	PostgreSQL::Test::Utils::system_or_bail('cp', '-as', $dir{$_}, "$root$dir{$_}") for qw(pkglibdir sharedir);
	return ($root, %dir);
}

# What a build needs, into a folder that is there; with the objects, of which those are made anew that a change touches.
sub copy_sources
{
	my ($from, $to) = @_;
	PostgreSQL::Test::Utils::system_or_bail('mkdir', "$to/test");
	PostgreSQL::Test::Utils::system_or_bail('cp', '-a', (grep { -e } map { "$from/$_" } qw(Makefile ordersync.control sql src .deps)), $to);
	PostgreSQL::Test::Utils::system_or_bail('cp', "$from/test/packages", "$to/test");
	return;
}

# Goes on with another file of tests: test/long has files that run one of test/t at another size.
sub go_on_with
{
	my ($file) = @_;
	do "$test/$file" or die $@ || "$file: $!\n";
	return;
}

sub node { return $_[0]{node} }

# What psql -At prints of it; dies where it fails. Each call is a session of its own.
sub sql
{
	my ($self, $q, $db) = @_;
	$db //= 'postgres';
	return $self->{node}->safe_psql($db, $q) unless PgSession::takes($q);
	my $kept = delete $self->{kept}{$db};
	my $session = $kept // $self->new_session($db);
	my $said = eval { $session->query($q) };
	if (!defined $said && $kept && !$session->is_open)
	{
		# the server was started anew meanwhile
		$session = $self->new_session($db);
		$said = eval { $session->query($q) };
	}
	print $session->{said} if $session->{said} ne '';
	die "$@while running $q" unless defined $said;
	if ($self->{keeps}) { $self->{kept}{$db} = $session }
	else { $session->close }
	return $said;
}
sub new_session { my ($self, $db) = @_; return PgSession->new(host => $self->{node}->host, port => $self->{node}->port, db => $db) }

# Runs SQL that is meant to fail; the message.
sub sql_fails
{
	my ($self, $q, %arg) = @_;
	my ($status, $out, $err) = $self->{node}->psql($arg{db} // 'postgres', $q, ($arg{extra} ? (extra_params => $arg{extra}) : ()));
	return $status == 0 ? '' : $err;
}

# --- the gateway ---

sub start_gateway
{
	my ($self, @arg) = @_;
	my $log = PostgreSQL::Test::Utils::tempdir() . '/gateway.log';
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		open STDOUT, '>', $log or do { warn "$log: $!\n"; POSIX::_exit(1) };
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec "$test/gateway/gateway", '--port', 0, @arg;
		die "gateway: $!";
	}
	$self->{gateway_pid} = $pid;
	$self->{gateway_parent} = $$;
	my $said = '';
	$self->wait_until('the simulated gateway', sub {
		$said = slurp_file($log) if -e $log;
		die "the simulated gateway ended: $said\n" if waitpid($pid, 1) == $pid;
		return $said =~ /^listening on (\S+)/m;
	});
	($self->{address}) = $said =~ /^listening on (\S+)/m;
	return;
}

sub url { return "http://$_[0]{address}/router/rest" }

# One request to the control side: path, then named parameters. Decoded when it is JSON, but for truth: one record a line.
sub control
{
	my ($self, $path, %arg) = @_;
	my $http = $self->{http} //= HTTP::Tiny->new(timeout => 60);
	my $query = $http->www_form_urlencode(\%arg);
	my $r = $http->get("http://$self->{address}/control/$path" . ($query ? "?$query" : ''));
	die "the gateway's control refused $path: $r->{status} $r->{content}\n" unless $r->{success};
	return $path ne 'truth' && $r->{content} =~ /^\s*[\[{]/ ? eval { decode_json($r->{content}) } // $r->{content} : $r->{content};
}

sub fault { my ($self, $name, %arg) = @_; return $self->control('fault', name => $name, %arg) }

# What the gateway answers to the next calls of a method, byte for byte; named arguments: see /control/reply.
sub reply
{
	my ($self, $body, %arg) = @_;
	my $http = $self->{http} //= HTTP::Tiny->new(timeout => 60);
	my $r = $http->post("http://$self->{address}/control/reply?" . $http->www_form_urlencode(\%arg), { content => $body });
	die "the gateway's control refused a reply: $r->{status} $r->{content}\n" unless $r->{success};
	return;
}
sub no_faults { return $_[0]->control('faults/clear') }

# Lets time pass at the platform. The database's own clock cannot be moved: what it would have shown is told instead.
sub advance
{
	my ($self, $seconds, @arg) = @_;
	$self->control('advance', seconds => $seconds, @arg);
	$self->tell_clock;
	return;
}

sub tell_clock
{
	my ($self, $db) = @_;
	my $offset = $self->control('clock')->{offset_ms};
	$self->sql("UPDATE ordersync.gateways SET clock_offset = make_interval(secs => $offset / 1000.0)", $db);
	return;
}

# A moment of the platform, so many seconds before its now.
sub ago
{
	my ($self, $seconds) = @_;
	return $self->sql("SELECT to_char(timezone('Asia/Shanghai', date_trunc('second', clock_timestamp() + clock_offset))
		- interval '$seconds seconds', 'YYYY-MM-DD HH24:MI:SS') FROM ordersync.gateways");
}

# The gateway is ours to end.
sub DESTROY
{
	my ($self) = @_;
	return unless $self->{gateway_pid} && $self->{gateway_parent} == $$;
	local ($?, $!);
	kill 'TERM', $self->{gateway_pid};
	waitpid $self->{gateway_pid}, 0;
	return;
}

# --- set-up and runs ---

sub create_extension
{
	my ($self, $db) = @_;
	$self->sql('CREATE EXTENSION IF NOT EXISTS ordersync', $db);
	$self->sql("SELECT ordersync_add_gateway('taobao', '" . $self->url . "', '12345678', 'helloworld')", $db);
	$self->tell_clock($db) if $self->{clock_set};
	return;
}

sub has_gateway
{
	my ($self) = @_;
	return $self->sql("SELECT to_regclass('ordersync.gateways')") ne '' && $self->sql('SELECT EXISTS (SELECT FROM ordersync.gateways)') eq 't';
}

# Adds shop k of the gateway as shop k.
sub add_shops
{
	my ($self, @k) = @_;
	$self->create_extension unless $self->has_gateway;
	my %shop = map { $_->{shop} => $_ } @{ $self->control('shops') };
	for my $k (@k)
	{
		utf8::encode(my $nick = $shop{$k}{seller_nick});
		$self->sql("SELECT ordersync_add_shop($k, '$nick', '$shop{$k}{session}')");
	}
	return;
}

# Triggers and waits; the run's final state. Range: literals, or nothing for the default.
sub full { my ($self, @arg) = @_; return $self->run('full', @arg) }
sub incremental { my ($self, @arg) = @_; return $self->run('incremental', @arg) }

sub run
{
	my ($self, $kind, $shop, $since, $until) = @_;
	return $self->finish($self->trigger($kind, $shop, $since, $until));
}

sub trigger
{
	my ($self, $kind, $shop, $since, $until) = @_;
	my $range = join ', ', map { defined $_ ? "'$_'" : 'NULL' } $since, $until;
	return $self->{last_run} = $self->sql("SELECT ordersync_trigger_$kind($shop, $range)");
}

sub finish
{
	my ($self, $run) = @_;
	my $state;
	$self->wait_until("run $run", sub { ($state = $self->run_state($run)) !~ /^(?:pending|running)$/ });
	$self->explain_run($run) unless $state eq 'succeeded';
	return $state;
}

sub run_state { my ($self, $run) = @_; return $self->sql("SELECT state FROM ordersync.sync_runs WHERE run_id = $run") }

# The range of orders that a run's windows cover, as two literals.
sub range_of
{
	my ($self, $run) = @_;
	return split /\|/, $self->sql("SELECT min(since), max(until) FROM ordersync.sync_tasks WHERE run_id = $run AND stream = 'orders'");
}

sub explain_run
{
	my ($self, $run) = @_;
	diag($self->sql("SELECT * FROM ordersync.sync_runs WHERE run_id = $run"));
	diag($self->sql("SELECT task_id, stream, basis, since, until, state, outcome, last_verdict, attempt, error_class, error
		FROM ordersync.sync_tasks WHERE run_id = $run AND state <> 'succeeded' LIMIT 5"));
	return;
}

# --- waiting ---

# While it waits, the condition's statements share a session.
sub wait_until
{
	my ($self, $what, $condition, $limit) = @_;
	my $deadline = time + ($limit // $PostgreSQL::Test::Utils::timeout_default // 180);
	local $self->{keeps} = 1;
	local $self->{kept} = {};
	for (;;)
	{
		my $asked = time;
		return 1 if $condition->();
		die "waited in vain for $what\n" if time > $deadline;
		# Asking must not take the processor from what is waited for.
		my $took = time - $asked;
		usleep(1e6 * ($took < 0.01 ? 0.02 : $took > 0.1 ? 0.2 : 2 * $took));
	}
}

# Seconds until the condition held.
sub seconds_until
{
	my ($self, $what, $condition, $limit) = @_;
	my $since = time;
	$self->wait_until($what, $condition, $limit);
	return time - $since;
}

# Waits until the server is back from a crash, of which the log tells from this place on.
sub wait_until_back
{
	my ($self, $from) = @_;
	return $self->wait_until('the server to be back', sub {
		# it answers until it has noticed, and psql that is refused leaves a broken pipe, which IPC::Run dies of
		my $status = eval { ($self->node->psql('postgres', 'SELECT 1'))[0] };
		return defined $status && $status == 0
			&& PostgreSQL::Test::Utils::slurp_file($self->node->logfile, $from) =~ /database system is ready to accept/ });
}

# Calls that the gateway holds open at this moment.
sub in_flight { my ($self) = @_; return $self->control('stats')->{in_flight} }

sub worker_pids
{
	my ($self) = @_;
	return split /\n/, $self->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");
}

# --- the judge ---

# Forgets all readings.
sub new_judge
{
	my ($self) = @_;
	$self->{n} = 0;
	$self->{node}->psql('postgres', '', extra_params => [ '-q', '-f', "$test/truth/truth.sql" ], on_error_die => 1);
	return;
}

# Takes what the gateway says now for the ranges of the last run of this kind.
sub take
{
	my ($self, $kind) = @_;
	$self->new_judge unless $self->{n};
	my $n = ++$self->{n};
	local %ENV = (%ENV, PGHOST => $self->{node}->host, PGPORT => $self->{node}->port, PGDATABASE => 'postgres');
	system_or_bail("$test/truth/take", $n, "http://$self->{address}", $kind);
	return;
}

# One assertion: every row and column as the readings say. but: columns left out.
sub equals_truth
{
	my ($self, $name, %arg) = @_;
	my $but = "'{" . join(',', @{ $arg{but} // [] }) . "}'";
	$self->sql('SELECT truth.work_out()');
	my $differences = $self->sql("SELECT tab, \"column\", count(*), min(id), min(expected), min(stored)
		FROM truth.differences($but) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20");
	my $sizes = $self->sql("SELECT string_agg(rows_of_truth || ' ' || tab || ' of ' || columns_compared || ' columns', ', ' ORDER BY place) FROM truth.sizes");
	is($differences, '', "$name: equal to the gateway's truth ($sizes)");
	return;
}

# What the gateway says of a shop's records now, id => modified; object: trades, refunds or special.
sub says
{
	my ($self, $shop, $object, @arg) = @_;
	my $id = $object eq 'trades' ? 'tid' : 'refund_id';
	my %said;
	for (split /\n/, $self->control('truth', shop => $shop, object => $object, slim => 1, @arg))
	{
		$said{$1} = $2 if /"$id":"?(\d+)"?.*?"modified":"([^"]+)"/;
	}
	return \%said;
}

# The orders that after-sales of the shop name, tid => 1: one that is not stored is fetched by its id as well.
sub has_after_sales
{
	my ($self, $shop) = @_;
	return { map { $_ => 1 } map { $self->control('truth', shop => $shop, object => $_, slim => 1) =~ /"tid":(\d+)/g } qw(refunds special) };
}

# The ids that are not stored as the gateway says.
sub behind
{
	my ($self, $shop, $object, @arg) = @_;
	my $said = $self->says($shop, $object, @arg);
	my ($table, $id) = $object eq 'trades' ? qw(order_payloads tid) : qw(after_sale_payloads refund_id);
	my %stored = map { split /\|/ } split /\n/, $self->sql("SELECT $id, to_char(timezone('Asia/Shanghai', modified),
		'YYYY-MM-DD HH24:MI:SS') FROM ordersync.$table WHERE shop_id = $shop");
	return sort grep { ($stored{$_} // '') ne $said->{$_} } keys %$said;
}

# Days by stream, basis and verdict, as "orders modified proven 31".
sub verdicts
{
	my ($self, $where) = @_;
	return join ', ', split /\n/, $self->sql("SELECT stream || ' ' || basis || ' ' || verdict || ' ' || count(*)
		FROM ordersync.completeness WHERE " . ($where // 'true') . ' GROUP BY stream, basis, verdict ORDER BY 1');
}

# --- untouched rows ---

my @data_tables = qw(orders sub_orders after_sales order_payloads after_sale_payloads order_changes);

# What every row of the data tables looks like from outside: a fingerprint of place, xmin and xmax, and the counts of writes.
sub fingerprint
{
	my ($self) = @_;
	$self->wait_until('the workers to be idle and their counts to be in', sub {
		$self->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state IN ('pending', 'running')") == 0 });
	return join "\n", map {
		$self->sql("SELECT '$_', count(*), coalesce(md5(string_agg(ctid::text || xmin || ',' || xmax, ' ' ORDER BY ctid)), '')
			FROM ordersync.$_") } @data_tables;
}

sub writes
{
	my ($self) = @_;
	return $self->sql("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'ordersync'
		AND relname IN (" . join(', ', map { "'$_'" } @data_tables) . ") ORDER BY 1");
}

1;
