# read_orders(), read_lines() and read_after_sales() against the reading in SQL alone, value by value, over a million records
# of the simulated gateway.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $records = $ENV{RECORDS} // 1_000_000;
my @apis = qw(full list increment incrementv history get);
my $shops = 12;
my $house = OrdersyncTest->new(gateway => [ '--shops' => $shops, '--orders-per-shop' => int($records / $shops), '--days' => 60 ],
	conf => "jit = off\nmax_wal_size = 2GB");
$house->create_extension;
$house->sql('CREATE UNLOGGED TABLE said (body text)');
my $file = $house->node->basedir . '/said';
my %n = (records => 0, compared => 0);

for my $shop (1 .. $shops)
{
	# refunds have no such lists: what is none of theirs is left out
	for ([ trades => $apis[ $shop % @apis ] ], [ refunds => $shop % 2 ? 'full' : 'list' ], [ special => 'list' ])
	{
		my ($object, $api) = @$_;
		system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $file,
			"http://$house->{address}/control/truth?shop=$shop&object=$object&api=$api");
		$house->sql("TRUNCATE said; COPY said FROM '$file' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
		my (undef, $out) = $house->node->psql('postgres', "\\i $ENV{ORDERSYNC_TEST}/pgtap/lib/old_reading.sql
			SELECT coalesce(sum(c.records), 0), coalesce(sum(c.compared), 0), coalesce(left(string_agg(c.differences, E'\\n'), 5000), '')
			FROM (
				SELECT count(*) AS records, (pg_temp.compare(array_agg(s.body::jsonb))).*
				FROM (SELECT body, row_number() OVER () / 2000 AS chunk FROM said WHERE body LIKE '{%') s
				GROUP BY s.chunk
			) c", on_error_die => 1);
		my ($read, $compared, $differences) = $out =~ /^(\d+)\|(\d+)\|(.*)\z/ms;
		is($differences, '', "shop $shop: $object of $api: $read records, $compared rows");
		$n{records} += $read;
		$n{compared} += $compared;
	}
}
cmp_ok($n{records}, '>=', $records, "records: $n{records}");
# an order is one row and as many as it has lines, and each record is read as an after-sale too
cmp_ok($n{compared}, '>', 3 * $records, "rows compared: $n{compared}");

done_testing;
