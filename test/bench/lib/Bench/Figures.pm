# What was measured: costs by figure and contender, round by round; ratios of them beside their targets; a table of both, and JSON.

package Bench::Figures;

use strict;
use warnings;
use JSON::PP ();

sub new { my ($class, %arg) = @_; return bless { figures => {}, order => [], ratios => [], notes => [], %arg }, $class }

sub median
{
	my @v = sort { $a <=> $b } @_;
	return undef unless @v;
	return @v % 2 ? $v[ @v / 2 ] : ($v[ @v / 2 - 1 ] + $v[ @v / 2 ]) / 2;
}

# What a figure is counted in: orders unless it was said.
sub count_in { my ($self, $figure, $unit) = @_; $self->{units}{$figure} = $unit; return }
sub unit { my ($self, $figure) = @_; return $self->{units}{$figure} // 'order' }

# One round of a contender (who) in a figure: its cost, and the orders that it is of.
sub add
{
	my ($self, $figure, $who, $orders, $cost) = @_;
	push @{ $self->{order} }, [ $figure, $who ] unless $self->{figures}{$figure}{$who};
	push @{ $self->{figures}{$figure}{$who} }, { %$cost, orders => $orders };
	printf { *STDERR } "%-16s %-36s %7.1f us\n", $figure, $who, 1e6 * own($cost) / $orders;
	return;
}

# Seconds of a contender's own: its backends or workers, and its program.
sub own { my ($cost) = @_; return $cost->{server} + ($cost->{client} // 0) }

# Microseconds of a contender's own an order, each round.
sub rounds { my ($self, $figure, $who) = @_; return map { 1e6 * own($_) / $_->{orders} } @{ $self->{figures}{$figure}{$who} // [] } }

sub us { my ($self, @which) = @_; return median($self->rounds(@which)) }

# How many times as much a contender takes as another one: the median of the ratios of each round, since rounds alternate on a
# machine that has other work. Both are [figure, who].
sub times
{
	my ($self, $more, $less) = @_;
	my @more = $self->rounds(@$more);
	my @less = $self->rounds(@$less);
	return undef unless @more && @less;
	return median(map { $more[ $_ % @more ] / $less[$_] } 0 .. $#less);
}

# How many times as long the first takes by the clock as the second, an order, round by round; without what is not theirs where
# a scenario has taken that out (clock).
sub clock
{
	my ($self, @two) = @_;
	my ($more, $less) = map { [ map { ($_->{clock} // $_->{seconds}) / $_->{orders} } @{ $self->{figures}{ $_->[0] }{ $_->[1] } // [] } ] } @two;
	return median(map { $more->[$_] / $less->[$_] } 0 .. $#$less);
}

# Times of functions in two situations: {situation => {name => us an order}}.
sub stages { my ($self, $what, @two) = @_; push @{ $self->{stages} }, [ $what, @two ]; return }

sub print_stages
{
	my ($self) = @_;
	for (@{ $self->{stages} // [] })
	{
		my ($what, $one, $other, $us) = @$_;
		printf "\n%-60s %9s %9s\n", $what, $one, $other;
		my %all = map { $_ => 1 } map { keys %$_ } values %$us;
		for my $name (sort { ($us->{$other}{$b} // 0) <=> ($us->{$other}{$a} // 0) } keys %all)
		{
			my @v = map { $us->{$_}{$name} // 0 } $one, $other;
			printf "%-60s %9.1f %9.1f\n", $name, @v if $v[0] >= 0.5 || $v[1] >= 0.5;
		}
	}
	return;
}

# A figure beside its target, such as '>= 1.3' or '<= 64'; nothing when it was not measured. key stays the same over all versions.
sub ratio
{
	my ($self, $key, $what, $value, $target) = @_;
	push @{ $self->{ratios} }, { key => $key, what => $what, value => $value + 0, target => $target } if defined $value;
	return;
}

# A line below the tables: what was left out, what is to be known.
sub note { my ($self, $text) = @_; push @{ $self->{notes} }, $text; return }

sub is_met
{
	my ($value, $target) = @_;
	my ($sign, $bound) = ($target // '') =~ /^(>=|<=|<|=) ([\d.]+)/ or return undef;
	return $sign eq '>=' ? $value >= $bound : $sign eq '<=' ? $value <= $bound : $sign eq '<' ? $value < $bound : $value == $bound;
}

sub show
{
	my ($v) = @_;
	return !defined $v ? '-' : $v == int $v ? sprintf('%d', $v) : abs $v >= 100 ? sprintf('%.0f', $v) : abs $v >= 10 ? sprintf('%.1f', $v) : sprintf('%.2f', $v);
}

# Tables of costs and ratios. recorded: key => value of the last record.
sub print_tables
{
	my ($self, $recorded) = @_;
	my $last = '';
	for (@{ $self->{order} })
	{
		my ($figure, $who) = @$_;
		my $rounds = $self->{figures}{$figure}{$who};
		printf "\n%-16s %-36s %7s %7s %7s %7s %8s %7s %8s  %s\n", $figure, 'us, median', $self->unit($figure) . 's', 'server', 'program', 'sum', 'gateway', 'others', 'WAL, B', 'each round'
			if $figure ne $last;
		$last = $figure;
		my %m = map { my $f = $_; ($f => median(map { 1e6 * ($_->{$f} // 0) / $_->{orders} } @$rounds)) } qw(server client gateway others);
		printf "%-16s %-36s %7d %7.1f %7.1f %7.1f %8.1f %7.1f %8.0f  %s\n", '', $who, $rounds->[0]{orders}, @m{qw(server client)}, $self->us($figure, $who),
			@m{qw(gateway others)}, median(map { ($_->{wal} // 0) / $_->{orders} } @$rounds), join ' ', map { sprintf '%.0f', $_ } $self->rounds($figure, $who);
	}
	$self->print_stages;
	return unless @{ $self->{ratios} };
	printf "\n%-78s %9s %9s  %-9s %s\n", '', 'measured', 'recorded', 'target', '';
	for (@{ $self->{ratios} })
	{
		my $met = is_met($_->{value}, $_->{target});
		printf "%-78s %9s %9s  %-9s %s\n", $_->{what}, show($_->{value}), show($recorded->{ $_->{key} }), $_->{target} // '', !defined $met ? '' : $met ? 'met' : 'not met';
	}
	print "\n", map { "$_\n" } @{ $self->{notes} } if @{ $self->{notes} };
	return;
}

sub write_json
{
	my ($self, $file, %about) = @_;
	my @costs = map { { figure => $_->[0], who => $_->[1], us => $self->us(@$_), rounds => $self->{figures}{ $_->[0] }{ $_->[1] } } } @{ $self->{order} };
	open(my $f, '>', $file) or die "$file: $!\n";
	print $f JSON::PP->new->canonical->pretty->encode({ about => \%about, costs => \@costs, ratios => $self->{ratios}, stages => $self->{stages} // [], notes => $self->{notes} });
	close $f or die "$file: $!\n";
	return;
}

1;
