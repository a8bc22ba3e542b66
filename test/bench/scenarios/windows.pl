# 10,000 shops, a window of an hour each, nearly all of them empty: what a call costs, and how many go in a second. The calls of a
# third of a minute are counted, since at ten calls a second all of them would take hours.
use strict;
use warnings;
use Time::HiRes qw(time usleep);

my $seconds = 20;

return {
	place => 6,
	about => '10,000 shops with small windows: calls a second, by the clock',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $shops = $bench->whole ? 10000 : 100;
		my $ours = $bench->world(name => 'windows', shops => $shops, orders => 10, days => 2, workers => 'default');
		# keys are checked in a shop's first run: not what is looked at here
		$ours->sql("UPDATE ordersync.shops SET key_state = 'ok', key_checked_at = now()");
		my $calls = sub { return $ours->{gateway}->control('stats')->{calls} };
		my $active = sub { return $ours->sql("SELECT count(*) FROM (SELECT FROM ordersync.sync_runs WHERE state IN ('pending', 'running') LIMIT 1) AS r") };
		# a thousand at a time: each shop takes a lock until the transaction ends, and the server has room for some thousands
		my $range = join ', ', map { "'" . $ours->{gateway}->moment(-3600 * $_) . "+08'" } 7, 6;
		$ours->sql("SELECT count(*) FROM ordersync_trigger_all('incremental', $range, ARRAY(SELECT generate_series($_, " . ($_ + 999) . ')))')
			for map { 1000 * $_ + 1 } 0 .. ($shops - 1) / 1000;
		$ours->wait_until('the first calls', sub { $calls->() > 0 });
		my (@rates, $what);
		for my $round (1 .. $bench->option('rounds'))
		{
			last unless $active->();
			my $first = $calls->();
			my $cost = $ours->measure_while(sub {
				my $until = time + $seconds;
				usleep(100_000) while time < $until && $active->();
			});
			my $made = $calls->() - $first;
			# what is counted here are calls, not orders
			$figures->add('windows', 'us a call', $made, $cost) if $made;
			push @rates, $made / $cost->{seconds} if $made;
		}
		$figures->ratio('windows', "calls a second by the clock, $shops shops with small windows", Bench::Figures::median(@rates), '>= 2000');
		return;
	} };
