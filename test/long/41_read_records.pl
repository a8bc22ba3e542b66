# read_orders(), read_lines() and read_after_sales() against the reading in SQL alone, value by value, over a million records
# of the simulated gateway.
use strict;
use warnings;
use IPC::Run qw(start finish);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $records = $ENV{RECORDS} // 1_000_000;
my @apis = qw(full list increment incrementv history get);
my $shops = 12;
my $sessions = 2;
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => $shops, '--orders-per-shop' => int($records / $shops), '--days' => 60 ],
	conf => "jit = off\nmax_wal_size = 2GB");
$cluster->create_extension;
$cluster->sql('CREATE UNLOGGED TABLE said (body text)');
my $file = $cluster->node->basedir . '/said';
my %n = (records => 0, compared => 0);

# Reads all that was said, a part in each session, 2,000 records at once.
sub compare
{
	my ($kind) = @_;
	my @runs;
	for my $session (1 .. $sessions)
	{
		my $run = { out => '', err => '' };
		$run->{in} = "\\i $ENV{ORDERSYNC_TEST}/pgtap/lib/old_reading.sql
			SELECT coalesce(sum(c.records), 0), coalesce(sum(c.compared), 0), coalesce(left(string_agg(c.differences, E'\\n'), 5000), '')
			FROM (
				SELECT count(*) AS records, (pg_temp.compare(array_agg(s.body::jsonb), '$kind')).*
				FROM (SELECT body, row_number() OVER () / 2000 AS chunk FROM said WHERE body LIKE '{%') s
				WHERE s.chunk % $sessions = $session - 1
				GROUP BY s.chunk
			) c;\n";
		$run->{process} = start [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $cluster->node->connstr('postgres'), '-f', '-' ],
			'<', \$run->{in}, '>', \$run->{out}, '2>', \$run->{err};
		push @runs, $run;
	}
	my ($read, $compared, $differences) = (0, 0, '');
	for my $run (@runs)
	{
		finish($run->{process}) or $run->{out} = "0|0|$run->{err}";
		my @part = $run->{out} =~ /^(\d+)\|(\d+)\|(.*?)\n?\z/ms or die "no answer: $run->{out}$run->{err}";
		$read += $part[0];
		$compared += $part[1];
		$differences .= $part[2];
	}
	return ($read, $compared, $differences);
}

for my $shop (1 .. $shops)
{
	for ([ trades => $apis[ $shop % @apis ], 'orders' ], [ refunds => $shop % 2 ? 'full' : 'list', 'after_sales' ], [ special => 'list', 'after_sales' ])
	{
		my ($object, $api, $kind) = @$_;
		system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $file,
			"http://$cluster->{address}/control/truth?shop=$shop&object=$object&api=$api");
		$cluster->sql("TRUNCATE said; COPY said FROM '$file' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
		my ($read, $compared, $differences) = compare($kind);
		is($differences, '', "shop $shop: $object of $api: $read records, $compared rows");
		$n{records} += $read;
		$n{compared} += $compared;
	}
}
cmp_ok($n{records}, '>=', $records, "records: $n{records}");
# an order is a row, and each of its lines
cmp_ok($n{compared}, '>', 2 * $records, "rows compared: $n{compared}");

done_testing;
