# The extension in a database of its own: shops, runs from a trigger to their end, and what they cost.

package Bench::Ours;

use strict;
use warnings;
use JSON::PP ();
use Time::HiRes qw(time usleep);
use Bench::Process qw(cpu_of cpu_of_all own_memory);

# Tables that say what is set up; all others are emptied before a fresh run.
my @set_up = qw(installation gateways shops secrets grants status_names added_fields);
my @data = qw(orders sub_orders after_sales order_payloads after_sale_payloads order_changes);

# server, gateway, database; workers: how many (1), or default.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless { workers => 1, %arg }, $class;
	$self->{server}->create_database($self->{database});
	$self->sql('CREATE EXTENSION ordersync');
	$self->set_workers($self->{workers});
	$self->sql(sprintf "SELECT ordersync_add_gateway('taobao', '%s', '%s', '%s')",
		$self->{gateway}->url, $self->{gateway}->key, $self->{gateway}->secret) if $self->{gateway};
	return $self;
}

sub sql { my ($self, $sql) = @_; return $self->{server}->sql($sql, $self->{database}) }

# Workers of this database alone; they are there when this returns. workers: how many; "default": as the setting is by itself.
sub set_workers
{
	my ($self, $workers) = @_;
	my $server = $self->{server};
	if ($workers eq 'default') { $server->sql('ALTER SYSTEM RESET ordersync.workers') }
	else { $server->configure('ordersync.workers' => $workers) }
	$server->configure('ordersync.databases' => $self->{database});
	my $wanted = $workers eq 'default' ? $self->default_workers : $workers;
	$self->wait_until("$wanted workers", sub { $self->worker_pids == $wanted });
	return;
}

# What the setting comes to when nobody sets it: so many as start and no more for a while.
sub default_workers
{
	my ($self) = @_;
	my ($number, $since) = (-1, time);
	$self->wait_until('the workers', sub {
		my $now = $self->worker_pids;
		($number, $since) = ($now, time) if $now != $number;
		return $number > 0 && time - $since > 2;
	});
	return $number;
}

# No worker for this database any more.
sub leave
{
	my ($self) = @_;
	$self->{server}->configure('ordersync.databases' => '');
	$self->wait_until('the workers to leave', sub { $self->worker_pids == 0 });
	return;
}

sub worker_pids
{
	my ($self) = @_;
	my @pids = split /\n/, $self->sql("SELECT pid FROM ordersync.workers WHERE database = '$self->{database}' AND pid IS NOT NULL
		AND state <> 'starting' ORDER BY slot");
	return @pids;
}

# Adds the gateway's shops as shops 1 to n. options: a JSON object.
sub add_shops
{
	my ($self, $n, $options) = @_;
	$self->{shops} = $n;
	my @shops = grep { $_->{shop} <= $n } @{ $self->{gateway}->control('shops') };
	my $json = JSON::PP->new->utf8;
	(my $list = $json->encode(\@shops)) =~ s/'/''/g;
	(my $option = $options ? $json->encode($options) : '{}') =~ s/'/''/g;
	$self->sql("SELECT count(ordersync_add_shop(s.shop, s.seller_nick, s.session, options => '$option'))
		FROM jsonb_to_recordset('$list') AS s (shop bigint, seller_nick text, session text)");
	return;
}

sub wait_until
{
	my ($self, $what, $condition, $limit) = @_;
	my $deadline = time + ($limit // 900);
	until ($condition->())
	{
		die "waited in vain for $what\n" if time > $deadline;
		usleep(20_000);
	}
	return;
}

sub wait_idle
{
	my ($self) = @_;
	$self->wait_until('the workers to be idle', sub {
		$self->sql("SELECT (SELECT count(*) FROM ordersync.sync_tasks WHERE state IN ('pending', 'running'))
			+ (SELECT count(*) FROM ordersync.workers WHERE database = '$self->{database}' AND state <> 'idle')") eq '0' });
	return;
}

# As before the first run: shops and keys are there, nothing was read. Tables that are named keep their rows.
sub empty
{
	my ($self, @kept) = @_;
	$self->wait_idle;
	my $keep = join ', ', map { "'$_'" } @set_up, @kept;
	# a worker that has just started may look into the tables in another order
	$self->sql("DO \$\$
		BEGIN
			LOOP
				BEGIN
					EXECUTE (SELECT 'TRUNCATE ' || string_agg(c.oid::regclass::text, ', ')
						FROM pg_class AS c
						WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
							AND c.relname NOT IN ($keep));
					EXIT;
				EXCEPTION
					WHEN deadlock_detected THEN NULL;
				END;
			END LOOP;
		END
		\$\$");
	$self->sql('CHECKPOINT');
	return;
}

# Triggers a run (kind, range as literals or undef) and waits for its end: what measure_while() says of it.
sub run
{
	my ($self, $kind, $since, $until) = @_;
	my $range = join ', ', map { defined $_ ? "'$_'" : 'NULL' } $since, $until;
	my $first = $self->sql('SELECT COALESCE(max(run_id), 0) FROM ordersync.sync_runs');
	my $memory = 0;
	my $cost = $self->measure_while(sub {
		my (@workers) = @_;
		$self->sql($self->{shops} == 1 ? "SELECT ordersync_trigger_$kind(1, $range)" : "SELECT max(run_id) FROM ordersync_trigger_all('$kind', $range)");
		$self->wait_until('the run', sub {
			for (@workers) { my $own = own_memory($_); $memory = $own if $own > $memory }
			return $self->sql("SELECT count(*) FROM ordersync.sync_runs WHERE run_id > $first AND state IN ('pending', 'running')") eq '0' });
	});
	my $states = $self->sql("SELECT DISTINCT state FROM ordersync.sync_runs WHERE run_id > $first");
	die "runs ended as: $states\n" . $self->sql("SELECT run_id, stream, since, until, state, outcome, last_verdict, error_class, error
		FROM ordersync.sync_tasks WHERE run_id > $first AND state <> 'succeeded' LIMIT 5") . "\n" if $states ne 'succeeded';
	return { %$cost, memory => $memory };
}

# A full run over all that the gateway's world has.
sub load { my ($self) = @_; return $self->run('full', "$self->{since}+08", "$self->{until}+08") }

# What is used while do(workers' pids) goes on, in seconds: server (the workers), gateway, others (the server's other processes),
# seconds by the clock; and bytes of WAL.
sub measure_while
{
	my ($self, $do) = @_;
	my @workers = $self->worker_pids;
	my $before = $self->usage(@workers);
	my $wal = $self->sql('SELECT pg_current_wal_insert_lsn()');
	my $began = time;
	$do->(@workers);
	my $cost = { seconds => time - $began };
	my $after = $self->usage(@workers);
	$cost->{$_} = $after->{$_} - $before->{$_} for keys %$after;
	$cost->{wal} = $self->sql("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$wal')");
	die "a worker was started anew meanwhile: the figures would be of two processes\n" if "@workers" ne join ' ', $self->worker_pids;
	return $cost;
}

sub usage
{
	my ($self, @workers) = @_;
	my %counted = map { $_ => 1 } @workers, map { $_->pid } values %{ $self->{server}{sessions} };
	return {
		server => cpu_of_all(@workers),
		gateway => $self->{gateway} ? cpu_of($self->{gateway}->pid) : 0,
		others => cpu_of_all(grep { !$counted{$_} } $self->{server}->processes) };
}

sub count { my ($self, $table) = @_; return $self->sql("SELECT count(*) FROM ordersync.$table") }

# How the processor time of do() spreads over the functions of the schema, each with all statements in it: name => ms. do() gives
# back its cost. The server counts by the clock, which other work on the machine makes longer: hence all times are scaled so
# that their sum is what the workers used, the time in C included. busy: do() ends before the workers have nothing to do.
sub function_times
{
	my ($self, $do, $busy) = @_;
	$self->{server}->configure('track_functions' => 'all');
	$self->sql('SELECT pg_stat_reset()');
	my $cost = $do->();
	$self->wait_idle unless $busy;
	my ($ms, $before) = ({}, '');
	# a worker tells its counts a second apart, and when it goes to sleep
	$self->wait_until('the counts', sub {
		my %now = map { split /\|/ } split /\n/, $self->sql("SELECT funcname, sum(self_time) FROM pg_stat_user_functions WHERE schemaname = 'ordersync' GROUP BY 1");
		my $now = join ' ', map { "$_ $now{$_}" } sort keys %now;
		my $settled = %now && ($busy || $now eq $before);
		($ms, $before) = (\%now, $now);
		usleep(1_200_000) unless $settled;
		return $settled;
	});
	$self->{server}->configure('track_functions' => 'none');
	my $sum = 0;
	$sum += $_ for values %$ms;
	$_ *= 1000 * $cost->{server} / $sum for values %$ms;
	return $ms;
}

# Place, creator and locker of every row of the data tables: the same after a run that wrote and locked nothing.
sub fingerprint
{
	my ($self) = @_;
	$self->wait_idle;
	return join "\n", map { $self->sql("SELECT count(*), md5(string_agg(ctid::text || xmin || ',' || xmax, ' ' ORDER BY ctid)) FROM ordersync.$_") } @data;
}

1;
