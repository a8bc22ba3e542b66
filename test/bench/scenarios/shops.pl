# The same orders in one big shop and in 300 shops.
use strict;
use warnings;

my $days = 5;

return {
	place => 5,
	about => 'one big shop and 300 shops with as many orders together',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $orders = $bench->option('orders');
		my $shops = $bench->whole ? 300 : 10;
		my $one = $bench->world(name => 'one_shop', orders => $orders, days => $days);
		my $many = $bench->world(name => 'many_shops', shops => $shops, orders => int($orders / $shops) || 1, days => $days);
		for my $ours ($one, $many) { $ours->set_workers(1); $ours->run('incremental', map { $ours->{gateway}->moment(-3600 * $_) . '+08' } 2, 1) }
		for (1 .. $bench->option('rounds'))
		{
			for ([ 'one shop', $one ], [ 'many shops', $many ])
			{
				my ($who, $ours) = @$_;
				$ours->set_workers(1);
				$ours->empty;
				my $cost = $ours->load;
				$figures->add('shops', $who, $ours->count('orders'), $cost);
			}
		}
		$figures->ratio('shops', 'processor time an order: 300 shops / one shop', $figures->times([ 'shops', 'many shops' ], [ 'shops', 'one shop' ]), undef);
		return;
	} };
