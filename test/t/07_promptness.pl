# The first call goes out when the trigger commits, and a worker with nothing to do does not look.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $house = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 30 ]);
$house->add_shops(1);
is($house->incremental(1), 'succeeded', 'a first run');

my @delays;
for my $i (1 .. 5)
{
	my $committed = $house->sql(q{SELECT ordersync_trigger_incremental(1); SELECT extract(epoch FROM clock_timestamp())});
	my ($id, $at) = split /\n/, $committed;
	$house->finish($id);
	my $first = $house->sql("SELECT extract(epoch FROM min(started_at)) FROM ordersync.request_log WHERE run_id = $id");
	push @delays, ($first - $at) * 1000;
}
my ($median) = (sort { $a <=> $b } @delays)[2];
note(sprintf('measured: first call %.1f ms after the commit (median of %s)', $median, join ', ', map { sprintf '%.1f', $_ } @delays));
cmp_ok($median, '<', 100, 'a trigger\'s first call goes out within milliseconds');

# An idle worker: its database sees no transaction of its own making for as long as we look.
$house->fingerprint;
my $before = $house->sql("SELECT xact_start, state_change, query_start FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");
my $calls = $house->control('stats')->{calls_total};
my $end = time + 5;
my $looks = 0;
while (time < $end)
{
	my $now = $house->sql("SELECT xact_start, state_change, query_start FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");
	$looks++ if $now ne $before;
	$before = $now;
	usleep(50_000);
}
cmp_ok($looks, '<=', 1, 'an idle worker sleeps on its latch');

done_testing;
