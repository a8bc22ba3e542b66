# Rival: a user's own set-based SQL. A page is parsed once and spread by jsonb_to_recordset with the columns' own types, written
# by INSERT … ON CONFLICT where it is newer, a page a transaction. The same tables, columns, indexes and records as ours; none of
# our rules beyond "older never over newer", no quarantine, no cursors, no proof.
#
# The statements are made for the columns that our tables have at this moment: a column named as a field of the record is read
# from it, the others by what stands in %derived. Times are read in a session at Asia/Shanghai.

package Bench::Script;

use strict;
use warnings;
use Exporter qw(import);
use Bench::Tables qw(columns_of copy_tables);

our @EXPORT_OK = qw(make_script columns_for);

# Columns that are not a field of their name, for each table. o is the order, l its line, s what its lines come to, r the
# after-sale, e.record either of them whole.
my $paid = "o.status NOT IN ('WAIT_BUYER_PAY', 'TRADE_NO_CREATE_PAY', 'TRADE_CLOSED_BY_TAOBAO')";
my %derived = (
	orders => {
		shop_id => '1', platform => q('taobao'), paid_at => "CASE WHEN $paid THEN o.pay_time END",
		paid_amount => "CASE WHEN $paid THEN o.payment END", platform_state => q('listed'), first_seen_at => 'now()',
		synced_at => 'now()', gmv => 's.gmv', line_count => 's.line_count', item_num => 's.item_num',
		logistics_company => 's.logistics_company', invoice_no => 's.invoice_no', package_count => 's.package_count' },
	sub_orders => {
		shop_id => '1', platform => q('taobao'), tid => 'o.tid', trade_status => 'o.status', trade_type => 'o.type',
		created => 'o.created', pay_time => 'o.pay_time', paid_at => "CASE WHEN $paid THEN o.pay_time END", modified => 'o.modified',
		buyer_open_uid => 'o.buyer_open_uid', receiver_state => 'o.receiver_state', line_no => 'l.line_no::smallint',
		paid_amount => "CASE WHEN $paid THEN l.divide_order_fee END", is_gift => 'l.price = 0', first_seen_at => 'now()', synced_at => 'now()' },
	after_sales => {
		shop_id => '1', platform => q('taobao'), refunded_at => "CASE WHEN r.status = 'SUCCESS' THEN r.modified END",
		closed_at => "CASE WHEN r.status = 'CLOSED' THEN r.modified END",
		refunded_amount => "CASE WHEN r.status = 'SUCCESS' THEN r.refund_fee END", description => 'r."desc"',
		first_seen_at => 'now()', synced_at => 'now()' },
	order_payloads => { shop_id => '1', tid => "(e.record ->> 'tid')::bigint", rank => '3', sources => '4',
		modified => "(e.record ->> 'modified')::timestamptz", read_at => 'now()', payload => 'e.record' },
	after_sale_payloads => { shop_id => '1', refund_id => "(e.record ->> 'refund_id')::bigint", rank => '2', sources => '2',
		modified => "(e.record ->> 'modified')::timestamptz", read_at => 'now()', payload => 'e.record' });

my %alias = (orders => 'o', sub_orders => 'l', after_sales => 'r');

# What a table's columns are filled with: [column, type, expression], those that stay empty left out. A column that is a field:
# its expression is alias.field.
sub columns_for
{
	my ($pages, $table) = @_;
	my %field = map { $_ => 1 } $table eq 'orders' ? split /,/, $pages->{trade_fields}
		: $table eq 'sub_orders' ? map { s/^orders\.//r } grep { /^orders\./ } split /,/, $pages->{trade_fields}
		: $table eq 'after_sales' ? split /,/, $pages->{refund_fields} : ();
	my @columns;
	for (columns_of($pages->{ours}, $table))
	{
		my ($name, $type) = @$_;
		my $expression = $derived{$table}{$name} // ($field{$name} ? "$alias{$table}.$name" : undef);
		push @columns, [ $name, $type, $expression ] if defined $expression;
	}
	return @columns;
}

# Names and types for jsonb_to_recordset: the fields that these expressions read. Ids that may be empty are text.
sub fields_read
{
	my ($alias, @columns) = @_;
	my %type = (desc => 'text', refund_fee => 'numeric');
	$type{ $_->[0] } = $_->[1] =~ s/\(.*//r for @columns;
	my %seen;
	for (@columns) { $seen{$1} = 1 while $_->[2] =~ /\b$alias\."?(\w+)/g }
	delete $seen{line_no};
	return join ', ', map { qq("$_" ) . ($_ eq 'sku_id' ? 'text' : $type{$_}) } sort keys %seen;
}

sub upsert
{
	my ($table, $key, $columns, $from) = @_;
	my @names = map { $_->[0] } @$columns;
	my %keep = map { $_ => 1 } 'first_seen_at', split /, /, $key;
	my @values = map { $_->[2] =~ /\.sku_id$/ ? "NULLIF($_->[2], '')::bigint" : $_->[2] } @$columns;
	return "INSERT INTO rival.$table AS t (" . join(', ', @names) . ")\nSELECT " . join(', ', @values) . "\nFROM $from\n"
		. "ON CONFLICT ($key) DO UPDATE SET " . join(', ', map { "$_ = excluded.$_" } grep { !$keep{$_} } @names)
		. "\nWHERE t.modified < excluded.modified";
}

sub first_seen
{
	my ($object, $id, $insert) = @_;
	my $tid = $object eq 'order' ? 't.tid' : 't.refund_id, t.tid';
	return "WITH n AS (\n$insert\nRETURNING $tid, t.status, t.modified, t.xmax = 0 AS is_new)\n"
		. 'INSERT INTO rival.order_changes (shop_id, object, id, tid, field, new_value, platform_time, run_id, task_id) '
		. "SELECT 1, '$object', n.$id, n.tid, 'first_seen', n.status, n.modified, 1, 1 FROM n WHERE n.is_new";
}

# Schema rival: its tables, the functions store_orders(page) and store_after_sales(page), and the procedure store_pages() that
# stores what bench.pages has.
sub make_script
{
	my ($pages) = @_;
	my $ours = $pages->{ours};
	copy_tables($ours, 'rival');
	my %c = map { $_ => [ columns_for($pages, $_) ] } keys %derived;

	my $order = 'jsonb_to_recordset(p_page) AS o (' . fields_read('o', map { @$_ } @c{qw(orders sub_orders)}) . ', orders jsonb)';
	my $line = "jsonb_to_recordset(o.orders -> 'order') AS (" . fields_read('l', @{ $c{sub_orders} }) . ')';
	my $line_names = join ', ', (map { (split / /)[0] } split /, /, fields_read('l', @{ $c{sub_orders} })), 'line_no';
	my $after_sale = 'jsonb_to_recordset(p_page) AS r (' . fields_read('r', @{ $c{after_sales} }) . ')';
	my $sums = "LATERAL (SELECT count(*) AS line_count, sum(l.num) AS item_num, sum(l.price * l.num) AS gmv,
		min(l.logistics_company) AS logistics_company, min(l.invoice_no) AS invoice_no, count(DISTINCT l.invoice_no) AS package_count
		FROM jsonb_to_recordset(o.orders -> 'order') AS l (num integer, price numeric, logistics_company text, invoice_no text)) AS s";

	my $store_orders = join ";\n",
		first_seen('order', 'tid', upsert('orders', 'shop_id, tid', $c{orders}, "$order, $sums")),
		upsert('sub_orders', 'shop_id, oid', $c{sub_orders}, "$order, ROWS FROM ($line) WITH ORDINALITY AS l ($line_names)"),
		upsert('order_payloads', 'shop_id, tid', $c{order_payloads}, 'jsonb_array_elements(p_page) AS e (record)');
	my $store_after_sales = join ";\n",
		first_seen('after_sale', 'refund_id', upsert('after_sales', 'shop_id, refund_id', $c{after_sales}, $after_sale)),
		upsert('after_sale_payloads', 'shop_id, refund_id', $c{after_sale_payloads}, 'jsonb_array_elements(p_page) AS e (record)');
	$ours->sql("CREATE FUNCTION rival.store_orders(p_page jsonb) RETURNS void LANGUAGE plpgsql AS \$f\$\nBEGIN\n$store_orders;\nEND\n\$f\$");
	$ours->sql("CREATE FUNCTION rival.store_after_sales(p_page jsonb) RETURNS void LANGUAGE plpgsql AS \$f\$\nBEGIN\n$store_after_sales;\nEND\n\$f\$");
	# What an answer is, by its envelope.
	$ours->sql(q{CREATE FUNCTION rival.store(p_kind text, p_body text) RETURNS void LANGUAGE plpgsql AS $f$
		BEGIN
			IF p_kind = 'orders' THEN
				PERFORM rival.store_orders(p_body::jsonb #> '{trades_sold_get_response,trades,trade}');
			ELSE
				PERFORM rival.store_after_sales(p_body::jsonb #> '{refunds_receive_get_response,refunds,refund}');
			END IF;
		END
		$f$});
	$ours->sql(q{CREATE PROCEDURE rival.store_pages() LANGUAGE plpgsql AS $f$
		DECLARE
			v record;
		BEGIN
			FOR v IN SELECT kind, body FROM bench.pages ORDER BY n LOOP
				PERFORM rival.store(v.kind, v.body);
				COMMIT;
			END LOOP;
		END
		$f$});
	return;
}

1;
