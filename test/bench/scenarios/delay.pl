# From the commit of a trigger to its first call, by the log and the commit's own timestamp, on an idle worker.
use strict;
use warnings;

return {
	place => 7,
	about => 'first call after the commit of a trigger',
	run => sub {
		my ($bench) = @_;
		my $ours = $bench->world(name => 'delay', orders => 1000, days => 5, workers => 'default');
		$ours->run('incremental');
		my $first = $ours->sql('SELECT max(run_id) FROM ordersync.sync_runs');
		my $triggers = $bench->whole ? 300 : 30;
		for (1 .. $triggers)
		{
			$ours->wait_idle;
			$ours->run('incremental');
		}
		my ($median, $most) = split /\|/, $ours->sql("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)
			FROM (
				SELECT 1000 * extract(epoch FROM min(l.started_at) - min(pg_xact_commit_timestamp(r.requested_in::xid))) AS ms
				FROM ordersync.sync_runs AS r
				JOIN ordersync.request_log AS l USING (run_id)
				WHERE r.run_id > $first
				GROUP BY r.run_id
			) AS d");
		$bench->figures->ratio('delay.median', "trigger to first call, ms, median of $triggers", $median, undef);
		$bench->figures->ratio('delay.p99', "trigger to first call, ms, 99 in a hundred of $triggers", $most, '<= 10');
		return;
	} };
