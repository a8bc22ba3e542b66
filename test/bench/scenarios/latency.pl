# The line's latency: one big shop, default settings, every answer later by 50 and by 200 ms.
use strict;
use warnings;

return {
	place => 3,
	about => 'one big shop, default settings: no latency, 50 ms and 200 ms a call, by the clock',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $orders = $bench->option('orders');
		my $ours = $bench->world(name => 'latency', orders => $orders, days => 30, workers => 'default');
		$ours->run('incremental');	# the key check and what else comes once
		for (1 .. $bench->option('rounds'))
		{
			for my $ms (0, 50, 200)
			{
				$ours->empty;
				$ours->{gateway}->control('fault', name => 'hang', ms => $ms) if $ms;
				my $cost = $ours->load;
				$ours->{gateway}->control('faults/clear');
				$figures->add('latency', "$ms ms", $ours->count('orders'), $cost);
			}
		}
		for ([ 50, '>= 0.9' ], [ 200, '>= 0.6' ])
		{
			my ($ms, $target) = @$_;
			$figures->ratio("latency.$ms", "orders a second by the clock: $ms ms of latency / none", $figures->clock([ 'latency', '0 ms' ], [ 'latency', "$ms ms" ]), $target);
		}
		return;
	} };
