# A seed of the drift test: a simulated gateway of its own with one shop, and the script of what happens to it. All that is
# drawn is a function of the seed, so that a seed can be run again alone.
#
#   my $world = DriftWorld->new($seed, $shop_id);
#   $world->begin;
#   until ($world->over) { $world->step; …a run… }
#
# Of a cluster it uses the gateway only.

package DriftWorld;

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use POSIX qw(floor);
use parent 'OrdersyncTest';

# Changes that become visible late: off for looking at the walk alone.
my $late = $ENV{DRIFT_LATE} // 1;

# "Up to an hour", less the few seconds that the gateway's own clock adds.
my $hour = 3590;

sub new
{
	my ($class, $seed, $shop) = @_;
	my $self = bless { seed => $seed, shop => $shop, steps_done => 0 }, $class;
	$self->draw;
	return $self;
}

sub seed { return $_[0]{seed} }
sub shop { return $_[0]{shop} }
sub gateway_name { return "world_$_[0]{shop}" }

# --- what a seed draws ---

# From [0, 1). Each draw has a name, so that a new one changes no other.
sub unit { my ($self, $name) = @_; return hex(substr(md5_hex("$self->{seed} $name"), 0, 8)) / 2**32 }
sub between { my ($self, $name, $low, $high) = @_; return $low + floor($self->unit($name) * ($high - $low + 1)) }
sub one_of { my ($self, $name, @of) = @_; return $of[ $self->between($name, 0, $#of) ] }

sub draw
{
	my ($self) = @_;

	# the world: most of them dense, so that a second holds more than a page
	$self->{days} = $self->one_of(days => 2, 2, 2, 2, 2, 3, 5, $self->between(long_days => 6, 30));
	$self->{orders} = $self->between(orders => 120, 360);
	$self->{burst} = $self->one_of(bursts => 0, $self->between(burst => 1, 250), 250);
	$self->{began} = $self->between(began => 1772294400, 1793000000);	# of 2026: any second of a day, any day of a month
	$self->{exclusive_end} = $self->one_of(end => 0, 1);
	$self->{late} = $self->one_of(lates => 0, $self->between(late => 1, 60), 60) * $late;
	$self->{late_max} = $self->one_of(late_maxes => $hour, $self->between(late_max => 60, $hour));

	# how it is read
	$self->{page_size} = $self->between(page_size => 20, 100);
	$self->{max_window} = $self->one_of(max_window => '1 day', '1 day', '1 day', '12 hours', '6 hours');

	# how it moves while it is read: after each of a run's first pages so many orders change, with a `modified` of now or
	# of some time ago
	$self->{churn} = $self->one_of(churns => 1, $self->between(few => 1, 5), $self->between(churn => 1, $self->{page_size}), $self->{page_size});
	$self->{pages} = $self->between(pages => 4, 16);
	$self->{ago} = $self->one_of(agos => 0, $self->between(ago => 1, $hour)) * $late;

	# the silences before its incremental runs: one in which a day ends and then another, so that it can be proven
	my $steps = $self->between(steps => 1, 3);
	my $long = $self->between(long => 1, $steps);
	my $midnight = 86400 - ($self->{began} + 8 * 3600) % 86400;
	$self->{silences} = [ map { $_ == $long ? $midnight + 86400 + $self->between(silence => 0, 6 * 3600) :
		$self->one_of("silence $_" => $self->between("minutes $_" => 60, 3600), $self->between("hours $_" => 3600, 36000)) } 1 .. $steps ];
	# orders that change in the last hour of a silence and can be seen only at its end
	$self->{bulk} = [ map { $self->one_of("bulk $_" => 0, 0, $self->between("orders $_" => 1, 120)) * $late } 1 .. $steps ];
	# orders that were read, and changed once more within the second of their last change
	$self->{again} = $self->one_of(agains => 0, $self->between(again => 1, 20)) * $late;
	return;
}

# All of it, for people.
sub describe
{
	my ($self) = @_;
	my $drawn = join ', ', map { "$_ " . (ref $self->{$_} ? join('+', @{ $self->{$_} }) : $self->{$_}) }
		qw(days orders burst began exclusive_end late late_max page_size max_window churn pages ago silences bulk again);
	return "seed $self->{seed} (shop $self->{shop}): $drawn";
}

# --- its life ---

# The world as the full run finds it.
sub begin
{
	my ($self) = @_;
	$self->start_gateway('--seed' => $self->{seed}, '--shops' => 1, '--orders-per-shop' => $self->{orders}, '--days' => $self->{days},
		'--burst' => $self->{burst}, '--late' => $self->{late}, '--late-max' => $self->{late_max}, '--stop-with-parent',
		'--now' => $self->{began});
	$self->fault('exclusive_end') if $self->{exclusive_end};
	$self->move;
	return;
}

# Sets its gateway and its shop up: SQL to run.
sub set_up
{
	my ($self) = @_;
	my ($shop) = @{ $self->control('shops') };
	utf8::encode(my $nick = $shop->{seller_nick});
	return sprintf(q[SELECT ordersync_add_gateway('%s', '%s', '12345678', 'helloworld', options => '{"page_size": %d, "max_window": "%s"}');
		SELECT ordersync_add_shop(%d, '%s', '%s', '%s');], $self->gateway_name, $self->url, $self->{page_size}, $self->{max_window},
		$self->{shop}, $nick, $shop->{session}, $self->gateway_name);
}

# So far back a full run must reach to find all orders.
sub full_since { my ($self) = @_; return $self->{began} - ($self->{days} + 1) * 86400 }

sub over { my ($self) = @_; return $self->{steps_done} > @{ $self->{silences} } }

# The next silence; after the last one nothing moves any more, and what was still to become visible is.
sub step
{
	my ($self) = @_;
	my $i = $self->{steps_done}++;
	if ($i < @{ $self->{silences} })
	{
		# within the hour in which a change becomes visible
		$self->control('change', orders => $self->{again}, again => 1, from => $self->now - $hour, to => $self->now - 60) if $self->{again};
		$self->control('advance', seconds => $self->{silences}[$i]);
		my $now = $self->now;
		$self->control('change', orders => $self->{bulk}[$i], from => $now - $hour, to => $now - 30) if $self->{bulk}[$i];
		$self->move;
		return;
	}
	$self->{churned} = $self->control('churn', per_page => 0)->{churned};
	$self->control('advance', seconds => 3600 + 600 + 60);
	$self->control('still', on => 1);
	# what changed last is older than ordersync.lag
	$self->control('advance', seconds => 90, quiet => 1);
	return;
}

# Orders change while the next run reads.
sub move { my ($self) = @_; $self->control('churn', per_page => $self->{churn}, pages => $self->{pages}, ago => $self->{ago}); return }

# The platform's clock as it shows it, in epoch seconds, and how much it is ahead of ours.
sub shows { my ($self) = @_; return $self->control('clock')->{now} }
sub now { my ($self) = @_; return floor(time + $self->offset) }
sub offset { my ($self) = @_; return $self->control('clock')->{offset_ms} / 1000 }

# What it says of its records, a line each: ids and times.
sub lines
{
	my ($self, $object, @arg) = @_;
	return split /\n/, $self->control('truth', object => $object, slim => 1, @arg);
}

sub end
{
	my ($self) = @_;
	$self->DESTROY;
	delete @$self{qw(gateway_pid http)};	# its connection too: there may be more worlds than a process may have files
	return;
}

1;
