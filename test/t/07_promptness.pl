# The first call goes out when the trigger commits, and a worker with nothing to do does not look.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 300, '--days' => 30 ],
	conf => 'track_commit_timestamp = on');
$cluster->add_shops(1);
is($cluster->incremental(1), 'succeeded', 'a first run');

my @delays;
for my $i (1 .. 5)
{
	my $id = $cluster->trigger('incremental', 1);
	$cluster->finish($id);
	push @delays, $cluster->sql("SELECT 1000 * extract(epoch FROM min(l.started_at) - min(pg_xact_commit_timestamp(r.requested_in::xid)))
		FROM ordersync.request_log AS l JOIN ordersync.sync_runs AS r USING (run_id) WHERE run_id = $id");
}
my ($median) = (sort { $a <=> $b } @delays)[2];
note(sprintf('measured: first call %.1f ms after the commit (median of %s)', $median, join ', ', map { sprintf '%.1f', $_ } @delays));
cmp_ok($median, '<', 100, 'a trigger\'s first call goes out within milliseconds');

# An idle worker: its database sees no transaction of its own making for as long as we look.
$cluster->fingerprint;
my $before = $cluster->sql("SELECT xact_start, state_change, query_start FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");
my $calls = $cluster->control('stats')->{calls_total};
my $end = time + 5;
my $looks = 0;
while (time < $end)
{
	my $now = $cluster->sql("SELECT xact_start, state_change, query_start FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");
	$looks++ if $now ne $before;
	$before = $now;
	usleep(50_000);
}
cmp_ok($looks, '<=', 1, 'an idle worker sleeps on its latch');

done_testing;
