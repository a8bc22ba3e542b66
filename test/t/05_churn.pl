# Orders that change while they are being read, hundreds of them in one second, refunds among them: the next run leaves the
# tables equal to the truth, and nothing was missed on the way.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 3000, '--days' => 30 ]);
$cluster->add_shops(1);

$cluster->control('churn', per_page => 5);
is($cluster->full(1), 'succeeded', 'a full run while orders change between its pages');
is($cluster->incremental(1), 'succeeded', 'an incremental run while orders change between its pages');
my $churned = $cluster->control('churn', per_page => 0)->{churned};
cmp_ok($churned, '>', 100, "$churned orders changed right after they were served");

# What changed in the last minutes stays open; the next run reads it.
is($cluster->incremental(1), 'succeeded', 'a run after the last change');
$cluster->control('advance', seconds => 900);
is($cluster->incremental(1), 'succeeded', 'a run when everything has settled');
my ($since, $until) = split /\|/, $cluster->sql("SELECT min(since), max(until) FROM ordersync.sync_tasks");
is($cluster->full(1, $since, $until), 'succeeded', 'a full run over all of it');
$cluster->take('full');

# What was paid before a refund depends on what was seen before it, and what only a fetch by id serves on when that was:
# which only the reader knows.
$cluster->equals_truth('after the churn', but => [ qw(paid_amount paid_amount_frozen paid_amount_estimated refunded_at
	refunded_date closed_at details_at available_confirm_fee platform_subsidy_fee seller_memo
	cs_status advance_status good_return_time timeout split_seller_fee split_taobao_fee price) ]);

is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE outcome = 'short'"), '0', 'no window came out short');

done_testing;
