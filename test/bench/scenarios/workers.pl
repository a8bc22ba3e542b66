# Two workers against one, by the clock. Two workers and the gateway share the processors: its seconds, spread over them, are
# taken out. One worker leaves the gateway a processor of its own: there nothing is taken out.
use strict;
use warnings;

return {
	place => 4,
	about => 'two workers against one, one big shop, by the clock',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $ours = $bench->world(name => 'workers', orders => $bench->option('orders'), days => 30);
		$ours->run('incremental');
		for (1 .. $bench->option('rounds'))
		{
			for my $workers (1, 2)
			{
				$ours->set_workers($workers);
				$ours->empty;
				my $cost = $ours->load;
				$cost->{clock} = $cost->{seconds} - ($workers > 1 ? $cost->{gateway} / $bench->processors : 0);
				$figures->add('workers', "$workers", $ours->count('orders'), $cost);
			}
		}
		$figures->ratio('workers', 'orders a second by the clock, without the gateway\'s share: two workers / one',
			$figures->clock([ 'workers', '1' ], [ 'workers', '2' ]), '>= 1.6');
		$figures->ratio('workers.cpu', 'processor time an order: two workers / one', $figures->times([ 'workers', '2' ], [ 'workers', '1' ]), undef);
		return;
	} };
