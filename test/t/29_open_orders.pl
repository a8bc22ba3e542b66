# Open orders that the lists let go of: their end is looked for in the history, with few calls, and until it is found the reports
# mark them.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 1000, '--days' => 95 ]);
$cluster->add_shops(1);
my $history = sub { return $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $cluster->{last_run} AND method = 'taobao.trades.sold.history.get'") };
my $by_number = sub { return $cluster->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $cluster->{last_run} AND method = 'taobao.trade.fullinfo.get'") };
my $state = sub { return $cluster->sql("SELECT stage || ' ' || end_unknown FROM ordersync.order_report WHERE tid = $_[0]") };
my $days = sub { return $cluster->sql("SELECT string_agg(concat_ws(' ', day, verdict, reported, stored), ', ' ORDER BY day) FROM ordersync.completeness
	WHERE stream = 'orders' AND basis = 'created'") };

# Two days of eighty-five days ago, read while the lists still had them; orders of them as they were before they ended.
my ($since, $until) = map { substr($cluster->ago($_ * 86400), 0, 10) . ' 00:00:00+08' } 86, 84;
is($cluster->full(1, $since, $until), 'succeeded', 'two days of eighty-five days ago');
my @day = map { [ split /\n/, $cluster->sql("SELECT tid FROM ordersync.orders WHERE created >= timestamptz '$since' + interval '$_ days'
	AND created < timestamptz '$since' + interval '$_ days' + interval '1 day' AND end_time IS NOT NULL ORDER BY created LIMIT 3") ] } 0, 1;
my ($one, $two, $three) = @{ $day[0] };
my $four = $day[1][0];
my %ended = map { $_ => $cluster->sql("SELECT status || ' ' || end_time FROM ordersync.orders WHERE tid = $_") } $one, $two, $three, $four;
my $open = join ',', keys %ended;
$cluster->sql("UPDATE ordersync.orders SET status = 'WAIT_SELLER_SEND_GOODS', end_time = NULL, modified = modified - interval '1 hour' WHERE tid IN ($open);
	UPDATE ordersync.order_payloads SET modified = modified - interval '1 hour', payload = payload - 'end_time' || '{\"status\": \"WAIT_SELLER_SEND_GOODS\"}',
		digest_list = NULL WHERE tid IN ($open)");
is($state->($one), 'paid false', 'an open order that the lists have');

# A week later no list has them.  The history withholds one; the second day waits for another test.
$cluster->advance(7 * 86400, quiet => 1);
my $before = $days->();
$cluster->sql("UPDATE ordersync.orders SET end_time = 'epoch' WHERE tid = $four");
$cluster->fault('withhold', id => $three, method => 'history');
is($cluster->incremental(1), 'succeeded', 'a run a week later');
is($cluster->sql("SELECT status || ' ' || end_time FROM ordersync.orders WHERE tid = $_"), $ended{$_}, 'an end is found in the history') for $one, $two;
is($history->(), 1, 'by one call for all of the day');
is($by_number->(), 0, 'and none by number');
is($state->($three), 'paid true', 'one that is not there is marked');
is($cluster->sql("SELECT bool_and(end_unknown) FROM ordersync.sub_order_report WHERE tid = $three"), 't', 'and its lines');
is($cluster->sql('SELECT count(*) FROM ordersync.order_report WHERE end_unknown'), 1, 'nothing else is');
is($days->(), $before, 'the verdicts of the days are what they were');

# It is not asked for with every run, but after a wait that doubles.
is($cluster->incremental(1), 'succeeded', 'the next run');
is($history->(), 0, 'does not ask again');
$cluster->advance(4 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'four days later');
is($history->(), 1, 'it is asked for again');
is($state->($three), 'paid true', 'in vain');
$cluster->no_faults;
$cluster->advance(3 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'another three days');
is($history->(), 0, 'it waits longer');
$cluster->advance(6 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'and six more');
is($cluster->sql("SELECT status || ' ' || end_time FROM ordersync.orders WHERE tid = $three"), $ended{$three}, 'its end is found');
like($state->($three), qr/^(?:finished|closed_\w+) false$/, 'and it is not marked any more');
is($cluster->incremental(1), 'succeeded', 'then');
is($history->(), 0, 'nothing is left to ask for');

# An application that may not read the history: the run does not fail, the order is asked for by its number.
$cluster->sql("UPDATE ordersync.orders SET end_time = NULL WHERE tid = $four");
$cluster->fault('permission', method => 'history');
is($cluster->incremental(1), 'succeeded', 'without permission for the history');
is($cluster->sql("SELECT unserved ? 'history' FROM ordersync.shops"), 't', 'which the shop remembers');
is($cluster->incremental(1), 'succeeded', 'the next run');
is($by_number->(), 1, 'asks by number');
is($history->(), 0, 'and not the history');
is($state->($four), 'paid true', 'which has it archived');
is($cluster->incremental(1), 'succeeded', 'the run after that');
is($by_number->(), 0, 'does not ask again');
$cluster->no_faults;
$cluster->advance(20 * 86400, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'with permission, when its time has come');
is($cluster->sql("SELECT status || ' ' || end_time FROM ordersync.orders WHERE tid = $four"), $ended{$four}, 'its end is found');
is($cluster->sql('SELECT unserved FROM ordersync.shops'), '{}', 'and nothing is refused any more');

done_testing;
