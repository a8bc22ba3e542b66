# What the platform may answer instead of orders: throttling, an expired data key, a key of another seller, records of
# another seller, garbage. Each has its end, and where it can go on it goes on.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 2, '--orders-per-shop' => 1000, '--days' => 30 ],
	conf => "ordersync.retry_base = '50ms'\nordersync.retry_cap = '500ms'");
$cluster->add_shops(1);
my %shop = map { $_->{shop} => $_ } @{ $cluster->control('shops') };
utf8::encode($_->{seller_nick}) for values %shop;

# Throttled: the ban is obeyed, no attempt is lost, the run succeeds.
$cluster->fault('throttle', seconds => 1, count => 3);
is($cluster->full(1), 'succeeded', 'a run through throttling');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE verdict = 'throttled'"), '>=', 1, 'the calls refused are in the log');
$cluster->no_faults;
$cluster->take('full');
$cluster->equals_truth('after throttling');

# Trouble of the platform and of the line: tried again with back-off.
for my $f ([ status => status => 502 ], [ 'close' ], [ 'bad_json' ])
{
	my ($name, @arg) = @$f;
	$cluster->fault($name, @arg, count => 4);
	is($cluster->run('full', 1), 'succeeded', "a run through $name");
	$cluster->no_faults;
}
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE verdict IN ('retry', 'malformed')"), '>=', 4,
	'each failed call is in the log');
cmp_ok($cluster->sql("SELECT max(length(answer)) FROM ordersync.request_log"), '<=', 2048, 'no more than 2 kB of an answer is kept');

# An expired data key stops the shop, a new one lets the same run go on.
$cluster->fault('session_expired', shop => 1);
my $run = $cluster->trigger('full', 1);
$cluster->wait_until('the shop to be marked', sub {
	$cluster->sql('SELECT key_state FROM ordersync.shops WHERE shop_id = 1') eq 'expired' });
ok(1, 'an expired data key marks the shop');
is($cluster->run_state($run) =~ /^(?:pending|running)$/ ? 'waits' : 'ended', 'waits', 'its run waits for a new key');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_data_key(1, '$shop{1}{session}')");
is($cluster->finish($run), 'succeeded', 'the run goes on with the new key');

# A key of another seller: no order of his is ever stored.
$cluster->sql("SELECT ordersync_add_shop(2, '$shop{2}{seller_nick}', '$shop{1}{session}')");
$run = $cluster->trigger('full', 2);
$cluster->wait_until('the shop to be marked', sub {
	$cluster->sql('SELECT key_state FROM ordersync.shops WHERE shop_id = 2') eq 'wrong_seller' });
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 2'), '0', 'nothing is stored under another seller\'s key');
is($cluster->sql("SELECT string_agg(DISTINCT method, ',') FROM ordersync.request_log WHERE shop_id = 2"), 'taobao.user.seller.get',
	'and no order was asked for');
$cluster->sql("SELECT ordersync_set_data_key(2, '$shop{2}{session}')");
is($cluster->finish($run), 'succeeded', 'with the right key the run goes on');

# Nothing secret in anything that is written down.
is($cluster->sql("SELECT count(*) FROM ordersync.request_log AS l WHERE l::text ~ 'helloworld|session-[0-9]|sign='"), '0',
	'no secret, data key or signature in the log');
is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks AS t WHERE t::text ~ 'helloworld|session-[0-9]'"), '0',
	'nor in the tasks');

done_testing;
