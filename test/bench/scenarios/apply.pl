# Apply alone: pages that were stored once are stored again by one backend, without worker and network.
use strict;
use warnings;
use Bench::Rivals;

# Pages of a hundred records as a worker hands them to apply, from what a run has stored.
my $make_pages = sub {
	my ($ours) = @_;
	$ours->sql('CREATE SCHEMA bench');
	for (['orders', 'order_payloads', 'tid'], ['after_sales', 'after_sale_payloads', 'refund_id'])
	{
		my ($kind, $table, $id) = @$_;
		$ours->sql("CREATE UNLOGGED TABLE bench.$kind AS
			SELECT page, array_agg(id ORDER BY id) AS ids, array_agg(modified ORDER BY id) AS modified,
				array_agg(substr(sha256(convert_to(body, 'UTF8')), 1, 16) ORDER BY id) AS digests, array_agg(body ORDER BY id) AS bodies
			FROM (
				SELECT $id AS id, modified, payload::text AS body, (row_number() OVER (ORDER BY ctid) - 1) / 100 AS page
				FROM ordersync.$table
			) AS r
			GROUP BY page");
	}
	$ours->sql(q{CREATE PROCEDURE bench.apply() LANGUAGE plpgsql AS $f$
		DECLARE
			v record;
		BEGIN
			FOR v IN SELECT * FROM bench.orders ORDER BY page LOOP
				PERFORM ordersync.apply_orders(1, 'list', 1, 1, v.ids, v.modified, v.digests, v.bodies);
				COMMIT;
			END LOOP;
			FOR v IN SELECT * FROM bench.after_sales ORDER BY page LOOP
				PERFORM ordersync.apply_after_sales(1, 'list', 1, 1, v.ids, v.modified, v.digests, v.bodies);
				COMMIT;
			END LOOP;
		END
		$f$});
	return;
};

my $apply = sub {
	my ($ours) = @_;
	my $session = $ours->{server}->session($ours->{database});
	my $cost = Bench::Rivals::measure($ours, [ $session->pid ], sub { $session->query('CALL bench.apply()') });
	$session->close;
	return $cost;
};

return {
	place => 2,
	about => 'apply alone, in one backend: new records and unchanged ones, and the time of each function',
	run => sub {
		my ($bench) = @_;
		my $orders = int($bench->option('orders') / 2);
		my $ours = $bench->world(name => 'apply', orders => $orders, days => int($orders / 1000) || 1);
		$ours->load;
		$make_pages->($ours);
		my $stored = $ours->count('orders');
		for (1 .. $bench->option('rounds'))
		{
			$ours->empty;
			$bench->figures->add('apply', $_, $stored, $apply->($ours)) for qw(new unchanged);
		}
		$ours->empty;
		my %us;
		for my $who (qw(new unchanged))
		{
			$us{$who} = $ours->function_times(sub { $apply->($ours) });
			$_ *= 1000 / $stored for values %{ $us{$who} };
		}
		$bench->figures->stages('apply, us an order by function (track_functions, scaled to the processor time)', qw(new unchanged), \%us);
		return;
	} };
