# The same orders into empty tables and into tables that have a million already: what an order takes, and each stage of apply.
use strict;
use warnings;
use Bench::Tables qw(keep_rows multiply_rows remove_rows);

my $days = 30;

# The stages that may not grow, by what their functions are named after.
my @stages = qw(link claim settle);

my $add_ratios = sub {
	my ($figures, $stored, $us) = @_;
	$figures->ratio('stored', 'fresh load: into empty tables / into many stored orders', $figures->times([ 'stored', 'empty' ], [ 'stored', 'stored' ]), '>= 0.85');
	$figures->stages('us an order by function (track_functions, scaled to the processor time)', 'empty', 'stored', $us);
	for my $stage (@stages)
	{
		my %sum = map { my $u = $us->{$_}; my $sum = 0; $sum += $u->{$_} for grep { /$stage/ } keys %$u; ($_ => $sum) } qw(empty stored);
		$figures->ratio("stage.$stage", "functions named *$stage*: into many stored orders / into empty tables", $sum{empty} ? $sum{stored} / $sum{empty} : undef, '<= 1.1');
	}
	return;
};

return {
	place => 8,
	about => 'into many stored orders against empty tables, and the time of each function',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my %ours = map { $_ => $bench->world(name => $_, orders => $bench->option('orders'), days => $days) } qw(empty stored);
		for my $ours (values %ours)
		{
			$ours->set_workers(1);
			$ours->load;
		}
		keep_rows($ours{stored});
		$ours{stored}->empty;
		multiply_rows($ours{stored}, $bench->option('stored'), $days + 2);
		my $stored = $ours{stored}->count('orders');
		$figures->note("stored: $stored orders and " . $ours{stored}->count('after_sales') . ' after-sales were there');

		my $us;
		for my $round (1 .. $bench->option('rounds') + 1)
		{
			for my $who (qw(empty stored))
			{
				my $ours = $ours{$who};
				$ours->set_workers(1);
				$who eq 'empty' ? $ours->empty : remove_rows($ours);
				my $before = $ours->count('orders');
				my $cost;
				# the functions' times are of a round of their own, since taking them costs something
				if ($round > $bench->option('rounds')) { $us->{$who} = $ours->function_times(sub { $ours->load }) }
				else { $cost = $ours->load }
				my $new = $ours->count('orders') - $before;
				$figures->add('stored', $who, $new, $cost) if $cost;
				$_ *= 1000 / $new for values %{ $us->{$who} // {} };
			}
		}
		$add_ratios->($figures, $stored, $us);
		return;
	} };
