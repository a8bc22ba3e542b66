# 10,000 shops, and for comparison 100, with a window of an hour each, nearly all of them empty: what a call costs, and how many go
# in a second. Some seconds of it are looked at, since all of it may take long.
use strict;
use warnings;
use Time::HiRes qw(time usleep);

my $seconds = 15;

my $active = sub { my ($ours) = @_; return $ours->sql("SELECT EXISTS (SELECT FROM ordersync.sync_runs WHERE state IN ('pending', 'running'))") eq 't' };
my $calls = sub { my ($ours) = @_; return $ours->{gateway}->control('stats')->{calls} };

# Queues a window for every shop, of another hour each time; a thousand shops at a time, since each takes a lock until the
# transaction ends and the server has room for some thousands.
my $trigger = sub {
	my ($ours) = @_;
	my $ago = 5 + ++$ours->{hours};
	my $range = join ', ', map { "'" . $ours->{gateway}->moment(-3600 * $_) . "+08'" } $ago + 1, $ago;
	$ours->sql("SELECT count(*) FROM ordersync_trigger_all('incremental', $range, ARRAY(SELECT shop_id FROM ordersync.shops WHERE shop_id / 1000 = $_))")
		for 0 .. $ours->{shops} / 1000;
	return;
};

# What goes on in some seconds, or until nothing is queued any more; the number of calls.
my $look = sub {
	my ($ours) = @_;
	$trigger->($ours) unless $active->($ours);
	my $first = $calls->($ours);
	$ours->wait_until('the first calls', sub { $calls->($ours) > $first });
	$first = $calls->($ours);
	my $cost = $ours->measure_while(sub {
		my $until = time + $seconds;
		usleep(100_000) while time < $until && $active->($ours);
	});
	return ($calls->($ours) - $first, $cost);
};

return {
	place => 6,
	about => '10,000 shops with small windows: calls a second, by the clock',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		$figures->count_in('windows', 'call');
		my %ours = map { ("$_ shops" => $bench->world(name => "windows_$_", shops => $_, orders => 10, days => 2, workers => 'default')) }
			100, $bench->whole ? 10000 : 300;
		# keys are checked in a shop's first run: not what is looked at here
		$_->sql("UPDATE ordersync.shops SET key_state = 'ok', key_checked_at = now(), key_verify_at = now() + interval '1 day'") for values %ours;
		my ($few, $many) = sort { $ours{$a}{shops} <=> $ours{$b}{shops} } keys %ours;
		my (@rates, %us);
		for my $round (1 .. $bench->option('rounds') + 1)
		{
			for my $who ($few, $many)
			{
				my $ours = $ours{$who};
				$ours->set_workers('default');
				my ($made, $cost);
				if ($round > $bench->option('rounds'))
				{
					$us{$who} = $ours->function_times(sub { ($made, $cost) = $look->($ours); return $cost }, 'busy');
					$_ *= 1000 / $made for values %{ $us{$who} };
					next;
				}
				($made, $cost) = $look->($ours);
				$figures->add('windows', $who, $made, $cost);
				push @rates, $made / $cost->{seconds} if $who eq $many;
			}
		}
		$figures->stages('us a call by function (track_functions, scaled to the processor time)', $few, $many, \%us);
		$figures->ratio('windows', "calls a second by the clock, $many with small windows", Bench::Figures::median(@rates), '>= 2000');
		$figures->ratio('windows.shops', "processor time a call: $many / $few", $figures->times([ 'windows', $many ], [ 'windows', $few ]), undef);
		return;
	} };
