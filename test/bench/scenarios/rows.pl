# What a stored row costs: the limit (INSERT of ready rows) without one index, or without the columns that the table works out.
use strict;
use warnings;
use Bench::Rivals qw(insert_ready);
use Bench::Tables qw(copy_tables keep_rows);

# Statements that make the tables of schema limit_tables a variant: name => statement.
my $variants = sub {
	my ($ours) = @_;
	my %statement;
	for my $row (split /\n/, $ours->sql("SELECT c.relname, t.relname, pg_get_indexdef(c.oid) LIKE '%INCLUDE%'
		FROM pg_index AS x
		JOIN pg_class AS c ON c.oid = x.indexrelid
		JOIN pg_class AS t ON t.oid = x.indrelid
		WHERE t.relnamespace = 'limit_tables'::regnamespace AND NOT x.indisprimary"))
	{
		my ($index, $table) = split /\|/, $row;
		$statement{"without index $index"} = "DROP INDEX limit_tables.$index";
	}
	for my $table (split /\n/, $ours->sql("SELECT DISTINCT attrelid::regclass FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'limit_tables'::regnamespace AND c.relkind = 'r' AND attgenerated <> ''"))
	{
		my @columns = split /\n/, $ours->sql("SELECT attname FROM pg_attribute WHERE attrelid = '$table'::regclass AND attgenerated <> ''");
		$statement{"without " . join(', ', @columns) . " of $table"} = "ALTER TABLE $table " . join ', ', map { "ALTER COLUMN $_ DROP EXPRESSION" } @columns;
	}
	return %statement;
};

return {
	place => 9,
	about => 'what each index and the generated columns add to the limit',
	run => sub {
		my ($bench) = @_;
		my $orders = $bench->option('orders') / 3;
		my $ours = $bench->world(name => 'rows', orders => $orders, days => int($orders / 1000) || 1);
		$ours->load;
		keep_rows($ours);
		copy_tables($ours, 'limit_tables');
		my %statement = ('as they are' => 'SELECT 1', $variants->($ours));
		for (1 .. $bench->option('rounds'))
		{
			for my $name (sort keys %statement)
			{
				copy_tables($ours, 'limit_tables');
				$ours->sql($statement{$name});
				my $cost = insert_ready($ours);
				$bench->figures->add('rows', $name, $ours->sql('SELECT count(*) FROM limit_tables.orders'), $cost);
			}
		}
		return;
	} };
