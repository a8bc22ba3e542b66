# A hundred shops and nothing to do: what the workers, the launcher and the whole server take.
use strict;
use warnings;
use Time::HiRes qw(time sleep);
use Bench::Process qw(nanoseconds_of written_by);

return {
	place => 10,
	about => 'idle, a hundred shops: processor time and disk writes',
	run => sub {
		my ($bench) = @_;
		my $ours = $bench->world(name => 'idle', shops => 100, orders => 30, days => 5, workers => 'default');
		$ours->run('incremental');
		$ours->wait_idle;
		$ours->sql('CHECKPOINT');
		# the server's own writer notes the running transactions once more after that
		my ($lsn, $since) = ('', time);
		$ours->wait_until('the server to be quiet', sub {
			my $now = $ours->sql('SELECT pg_current_wal_insert_lsn()');
			($lsn, $since) = ($now, time) if $now ne $lsn;
			return time - $since > ($bench->whole ? 20 : 1);
		});
		my $pids = join ',', map { $_->pid } values %{ $bench->server->{sessions} };
		my @processes = grep { ",$pids," !~ /,$_,/ } $bench->server->processes;
		my @ours = split /\n/, $ours->sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'ordersync%'");
		my $look = sub {
			return (time, nanoseconds_of(@ours), nanoseconds_of(@processes), written_by(@processes, $bench->server->{postmaster}),
				$ours->sql('SELECT pg_current_wal_insert_lsn() - pg_lsn($$0/0$$)'));
		};
		my @before = $look->();
		# the length of the look is what is measured here, not a wait for something
		sleep($bench->whole ? 60 : 3);
		my @after = $look->();
		my @used = map { $after[$_] - $before[$_] } 0 .. $#after;
		my $figures = $bench->figures;
		$figures->ratio('idle.cpu', sprintf('idle for %.0f s, 100 shops: workers and launcher, %% of a core', $used[0]), 100 * $used[1] / 1e9 / $used[0], '< 0.05');
		$figures->ratio('idle.server', 'idle: all of the server, % of a core', 100 * $used[2] / 1e9 / $used[0], undef);
		$figures->ratio('idle.written', 'idle: bytes written to disk', $used[3], '= 0');
		$figures->ratio('idle.wal', 'idle: bytes of WAL', $used[4], '= 0');
		return;
	} };
