# A client that is not psql, python3-psycopg2: ids keep their 19 digits, days are the same in three time zones, sums are exact to
# the cent, and no row comes twice.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 20 ], conf => 'ordersync.lag = 0');
$cluster->add_shops(1);
is($cluster->full(1), 'succeeded', 'a full run');

my %read;
for my $zone ('UTC', 'America/New_York', 'Asia/Shanghai')
{
	my ($out, $err) = ('', '');
	IPC::Run::run([ '/usr/bin/python3', "$ENV{ORDERSYNC_TEST}/clients/psycopg2_reads.py", $cluster->node->connstr('postgres'), $zone ], '>', \$out, '2>', \$err)
		or BAIL_OUT("the client failed: $err");
	$read{$zone} = decode_json($out);
}
my $said = $read{UTC};

# What the gateway itself says, by text: numbers of 19 digits would be rounded on the way.
my %truth;
for my $object (qw(trades refunds special))
{
	my $file = $cluster->node->basedir . "/$object";
	system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $file, "http://$cluster->{address}/control/truth?shop=1&api=list&object=$object");
	for (split /\n/, slurp_file($file))
	{
		if ($object ne 'trades') { /"refund_id":"(\d+)"/ and $truth{refund_id}{$1} = 1; next }
		my ($tid) = /"tid":(\d+)/;
		$truth{tid}{$tid} = 1;
		$truth{oid}{ $_->{oid} } = 1 for @{ decode_json($_)->{orders}{order} };
		($truth{day}{$tid}) = /"created":"(\d{4}-\d\d-\d\d)/;
	}
}
cmp_ok(scalar(keys %{ $truth{tid} }), '>', 1000, 'the gateway has orders');

# --- ids ---

for (([ 'order_report', 'tid' ], [ 'sub_order_report', 'oid' ], [ 'after_sale_report', 'refund_id' ]))
{
	my ($view, $id) = @$_;
	my $ids = $said->{"$view.$id"};
	is_deeply([ sort @{ $ids->{numbers} } ], [ sort keys %{ $truth{$id} } ], "$view.$id: the gateway's own, digit by digit");
	is_deeply($ids->{texts}, $ids->{numbers}, "$view.${id}_str: the same as text");
	is(scalar(grep { length > 16 } @{ $ids->{numbers} }), scalar(@{ $ids->{numbers} }), "$view.$id: more digits than a double has");
	is_deeply([ $ids->{number_types}, $ids->{text_types} ], [ ['int'], ['str'] ], "$view.$id: a whole number and a string");
	cmp_ok($ids->{rounded_by_doubles}, '>', @{ $ids->{numbers} } / 2, "naive: doubles round most of them ($ids->{rounded_by_doubles})");
}
is_deeply($said->{'sub_order_report.tid'}{texts}, $said->{'sub_order_report.tid'}{numbers}, 'sub_order_report.tid_str: the same as text');

# --- days ---

is_deeply($said->{days}{created_date}, $truth{day}, 'days of orders are those of Shanghai');
is_deeply($said->{days}{types}, ['date'], 'and are dates');
for my $zone ('America/New_York', 'Asia/Shanghai')
{
	is_deeply($read{$zone}{days}{$_}, $said->{days}{$_}, "$_: a session in $zone gets the same") for qw(created_date paid_date);
	is_deeply($read{$zone}{sums}, $said->{sums}, "sums: a session in $zone gets the same");
	is_deeply($read{$zone}{filters}, $said->{filters}, "filters: a session in $zone gets the same");
}
is_deeply($read{'Asia/Shanghai'}{days}{days_of_the_session}, $truth{day}, 'the instant\'s day is right in Shanghai');
for my $zone ('UTC', 'America/New_York')
{
	my $off = grep { $read{$zone}{days}{days_of_the_session}{$_} ne $truth{day}{$_} } keys %{ $truth{day} };
	cmp_ok($off, '>', 100, "naive: the session's day is another one in $zone for $off orders");
}

# --- sums ---

is_deeply($said->{sums}{types}, [ 'Decimal', 'Decimal' ], 'amounts are exact decimals');
is_deeply($said->{sums}{exponents}, [-2], 'to the cent');
is_deeply($said->{sums}{by_day}, $said->{sums}{view}, 'what the client adds up by day is what daily_sales says');
is($said->{sums}{refunded}, $said->{sums}{refunded_view}, 'refunds too');

# --- rows ---

for my $view (qw(order_report sub_order_report after_sale_report))
{
	my $keys = $said->{"keys of $view"};
	is_deeply([ @$keys{qw(rows distinct)} ], [ $keys->{of_the_table}, $keys->{of_the_table} ], "$view: each of $keys->{of_the_table} rows once");
}
cmp_ok($said->{postage}{joined}, '>', $said->{postage}{once}, 'naive: joined to lines the postage is counted several times');

# --- filters ---

my $filters = $said->{filters};
is_deeply($filters->{by_number}, [ $filters->{tid} ], 'an order is found by its number');
is_deeply($filters->{by_text}, [ $filters->{tid} ], 'and by its number as text');
is(scalar(grep { $_ eq $filters->{tid} } @{ $filters->{by_rounded} }), 0, 'naive: not by the rounded one');
is($filters->{orders_of_the_day}, scalar(grep { $_ eq $filters->{day} } values %{ $truth{day} }), "orders of $filters->{day} by a date as parameter");

done_testing;
