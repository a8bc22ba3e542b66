# ordersync.read_record against the server's conversion, byte by byte: texts by chance under many seeds, the simulated
# gateway's records as they are and broken, and a database in another encoding.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seeds = $ENV{SEEDS} // 40;
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => $ENV{ORDERS} // 20000, '--days' => 30 ], conf => 'jit = off');
my $lib = "$ENV{ORDERSYNC_TEST}/pgtap/lib/json_text.sql";
$cluster->create_extension;

# What a query finds that is different, in a session that has the functions of the library.
sub differences
{
	my ($query) = @_;
	my (undef, $out) = $cluster->node->psql('postgres', "BEGIN;\n\\i $lib\n$query;\nROLLBACK", on_error_die => 1);
	return $out =~ s/^\n+//r;
}

for my $seed (1 .. $seeds)
{
	is(differences("SELECT setseed(1.0 / $seed);
		WITH f AS MATERIALIZED (SELECT pg_temp.random_json(5) AS body, pg_temp.random_hidden() AS hidden FROM generate_series(1, 1500)),
			m AS MATERIALIZED (SELECT pg_temp.mutated(body) AS body, hidden FROM f)
		SELECT pg_temp.difference(body, hidden) FROM f UNION SELECT pg_temp.difference(body, hidden) FROM m"), '', "seed $seed");
}

# every record that the gateway has
$cluster->sql('CREATE TABLE said (body text)');
my $file = $cluster->node->basedir . '/said';
for my $object (qw(trades refunds special))
{
	system_or_bail('curl', '--silent', '--show-error', '--fail', '--noproxy', '*', '-o', $file,
		"http://$cluster->{address}/control/truth?shop=1&object=$object&api=list");
	$cluster->sql("COPY said FROM '$file' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
}
cmp_ok($cluster->sql("SELECT count(*) FROM said WHERE body LIKE '{%'"), '>', 20000, 'records of the gateway');
is(differences('SELECT DISTINCT pg_temp.difference(body) FROM said'), '', 'as they are');
is(differences("SELECT DISTINCT pg_temp.difference(body, '{seller_memo,title,orders}') FROM said"), '', 'without some members');
is(differences('WITH m AS MATERIALIZED (SELECT pg_temp.mutated(body) AS body FROM said WHERE ctid::text LIKE $$%1)$$)
	SELECT DISTINCT pg_temp.difference(body) FROM m'), '', 'broken');

# the extension refuses such a database; the function alone does as the server does there
for my $encoding (qw(SQL_ASCII EUC_CN LATIN1))
{
	my $db = lc "in_$encoding";
	$cluster->sql("CREATE DATABASE $db ENCODING '$encoding' TEMPLATE template0 LOCALE 'C'");
	$cluster->sql(q{CREATE SCHEMA ordersync; CREATE FUNCTION ordersync.read_record(body text, hidden text[] DEFAULT NULL) RETURNS jsonb
		AS '$libdir/ordersync', 'ordersync_read_record' LANGUAGE C}, $db);
	for my $body ('{"b":1,"b":[2.50]}', '"\u0041"', '"\u4e2d"', '"\u00e9"', '"\u0000"', '[1', '')
	{
		my ($ours, $server) = map { [ $cluster->node->psql($db, "SELECT $_") ] } "ordersync.read_record('$body')", "'$body'::text::jsonb";
		is_deeply($ours, $server, "$encoding: '$body'");
	}
}

done_testing;
