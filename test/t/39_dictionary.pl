# A new column is one line of sql/dictionary.txt. A copy of the sources gets three, one a table, for fields that are served and
# have no column; it is built and installed into a server of its own, where the version of this tree has stored orders before.
use strict;
use warnings;
use File::Basename qw(dirname);
use OrdersyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %line = (
	orders => [ yfx_fee => 'paid_coupon_fee numeric(18,2) paid_coupon_fee money D cr yuan; coupons of the platform; details only' ],
	sub_orders => [ store_code => 'sub_order_tax_fee numeric(18,2) sub_order_tax_fee money IALD r yuan; line\'s import tax' ],
	after_sales => [ reason => 'attribute text attribute text LDS r marks of the case, as sent' ]);

# --- a server of our own

my ($root, %dir) = OrdersyncTest::private_server();

my $node = PostgreSQL::Test::Cluster->new('private', install_path => dirname("$root$dir{bindir}"));
OrdersyncTest::init_from_template($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'ordersync'\nordersync.allowed_hosts = '.example.com'");
$node->start;
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

# --- this version stores records in which the fields are

sub put
{
	my ($function, $id, @records) = @_;
	my $bodies = join ', ', map { s/'/''/gr =~ s/^|$/'/gr } @records;
	return sql(qq{SELECT a.n_new, a.n_changed, a.n_unchanged
		FROM (SELECT array_agg((r::jsonb ->> '$id')::bigint) AS ids, array_agg(ordersync.read_time(r::jsonb ->> 'modified')) AS modified,
				array_agg(substr(sha256(convert_to(r, 'UTF8')), 1, 16)) AS digests, array_agg(r) AS bodies
			FROM unnest(ARRAY[$bodies]) AS r) p,
			ordersync.$function(7, 'details', 70, 700, p.ids, p.modified, p.digests, p.bodies) a});
}
sub order
{
	my ($tid, $modified, $fee, $line_fee) = @_;
	return qq({"tid":$tid,"modified":"2026-03-03 $modified","created":"2026-03-02 23:30:00","status":"WAIT_SELLER_SEND_GOODS","payment":"10.00","paid_coupon_fee":"$fee",)
		. qq("orders":{"order":[{"oid":${tid}1,"status":"WAIT_SELLER_SEND_GOODS","num":1,"price":"10.00","total_fee":"10.00","sub_order_tax_fee":"$line_fee"}]}});
}

sql(q{CREATE EXTENSION ordersync;
	SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
	SELECT ordersync_add_shop(7, 'shop', 'session-7')});
is(put('apply_orders', 'tid', order(1, '10:00:00', '1.25', '0.50'), order(2, '10:00:00', 'one', '0.75'), order(3, '10:00:00', '', 'x')), '3|0|0', 'orders are stored');
is(put('apply_after_sales', 'refund_id', '{"refund_id":5,"tid":1,"oid":11,"modified":"2026-03-03 11:00:00","status":"SUCCESS","refund_fee":"1.00","attribute":"a:b"}'), '1|0|0', 'so is an after-sale');
my $rows = q{SELECT jsonb_agg(to_jsonb(o) - '{paid_coupon_fee}'::text[] ORDER BY tid) FROM ordersync.order_report o};
my ($stored, $created) = (sql($rows), sql("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'ordersync.orders'::regclass AND adnum = (SELECT attnum FROM pg_attribute WHERE attrelid = adrelid AND attname = 'created_date')"));
is(sql("SELECT count(*) FROM pg_attribute WHERE attname IN ('paid_coupon_fee', 'sub_order_tax_fee', 'attribute')"), '0', 'none of the fields has a column');
is(sql('SELECT count(*) FROM ordersync.quarantine'), '0', 'so it does not matter how they are');

# --- the next version: one line a column

my $source = "$root/source";
mkdir $source or die "$source: $!";
OrdersyncTest::copy_sources("$ENV{ORDERSYNC_TEST}/..", $source);
my ($section, @lines) = '';
for (split /^/m, slurp_file("$source/sql/dictionary.txt"))
{
	$section = $1 if /^\[(\w+)\]/;
	push @lines, $_;
	my $new = $line{$section} or next;
	push @lines, "$new->[1]\n" if /^$new->[0]\s/;
}
open my $dictionary, '>', "$source/sql/dictionary.txt" or die "$source: $!";
print $dictionary @lines;
close $dictionary;
# without optimization: what is built here is used once
command_ok([ $ENV{MAKE} || 'make', '-s', '-j2', '-C', $source, "PG_CONFIG=$ENV{PG_CONFIG}", "DESTDIR=$root", 'PROFILE=-O0', 'WERROR=', 'with_llvm=no', 'install' ],
	'it is built and installed');

$node->restart;
sql('DROP EXTENSION ordersync; CREATE EXTENSION ordersync');
my ($in, $out, $err) = ("BEGIN; SELECT 'reads', count(*), pg_backend_pid() FROM ordersync.orders;\n", '', '');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$session->pump until $out =~ /^reads\|3\|(\d+)$/m;
my $pid = $1;
my ($status, undef, $said) = $node->psql('postgres', 'SELECT ordersync.set_up_if_outdated()', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($said, qr/55P03: ordersync\.orders is in use and cannot be changed\n.*\bprocess $pid of "\w+".*pg_terminate_backend\($pid\)/s, 'who reads the table is not waited for long');
$in .= "COMMIT;\n\\echo done\n";
$session->pump until $out =~ /^done$/m;
is(sql('SELECT ordersync.set_up_if_outdated()'), 't', 'afterwards the tables are brought up to date');
$in .= "BEGIN; SELECT 'again', count(*) FROM ordersync.orders, ordersync.sub_orders, ordersync.after_sales;\n";
$session->pump until $out =~ /^again/m;
($status, undef, $said) = $node->psql('postgres', 'SELECT ordersync.set_up()');
is($said, '', 'where nothing is missing no reader is in the way');
$in .= "COMMIT;\n\\q\n";
$session->finish;

my $of_new = q{(VALUES ('orders', 'order_report', 'paid_coupon_fee'), ('sub_orders', 'sub_order_report', 'sub_order_tax_fee'), ('after_sales', 'after_sale_report', 'attribute')) AS n (tab, view, col)};
is(sql(qq{SELECT string_agg(concat_ws(' ', n.tab, n.col, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY n.tab) FROM $of_new JOIN pg_attribute a ON a.attrelid = ('ordersync.' || n.tab)::regclass AND a.attname = n.col}),
	'after_sales attribute text, orders paid_coupon_fee numeric(18,2), sub_orders sub_order_tax_fee numeric(18,2)', 'the tables have the columns');
my $comments = 'marks of the case, as sent [Refund.attribute], yuan; coupons of the platform; details only [Trade.paid_coupon_fee], yuan; line\'s import tax [Order.sub_order_tax_fee]';
for my $of ('tab', 'view')
{
	is(sql(qq{SELECT string_agg(col_description(a.attrelid, a.attnum), ', ' ORDER BY n.tab) FROM $of_new JOIN pg_attribute a ON a.attrelid = ('ordersync.' || n.$of)::regclass AND a.attname = n.col}), $comments,
		$of eq 'tab' ? 'they have their comments' : 'and so have the reports\' columns');
}
is(sql($rows), $stored, 'what is stored is as it was');
is(sql("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'ordersync.orders'::regclass AND adnum = (SELECT attnum FROM pg_attribute WHERE attrelid = adrelid AND attname = 'created_date')"), $created, 'the days\' expression too');
is(sql(qq{SELECT string_agg(s.source || ':' || (SELECT count(*) FROM unnest(ordersync.served_fields(s.source, s.object)) f WHERE f = s.field), ' ' ORDER BY s.object, s.source) FROM (VALUES
	('details', 'trade', 'paid_coupon_fee'), ('list', 'trade', 'paid_coupon_fee'), ('details', 'order', 'sub_order_tax_fee'), ('history', 'order', 'sub_order_tax_fee'), ('special', 'refund', 'attribute')) AS s (source, object, field)}),
	'details:1 history:0 special:1 details:1 list:0', 'the fields are asked for as before, each once');

my $reference = slurp_file("$root$dir{docdir}/extension/ordersync_columns.md");
like($reference, qr/^## ordersync\.orders:.*^\| `paid_coupon_fee` \| numeric\(18,2\) \| `paid_coupon_fee` \| details \| yuan; coupons of the platform; details only \|\n.*^## ordersync\.sub_orders:.*^\| `sub_order_tax_fee` .*^## ordersync\.after_sales:.*^\| `attribute` /ms,
	'the column reference has them');
my (undef, %part) = split /^## ordersync\.(\w+)/m, $reference;
for my $table (qw(orders sub_orders after_sales))
{
	is(join(' ', sort $part{$table} =~ /^\| `(\w+)` \|/mg),
		sql(qq{SELECT string_agg(attname, ' ' ORDER BY attname COLLATE "C") FROM pg_attribute WHERE attrelid = 'ordersync.$table'::regclass AND attnum > 0 AND NOT attisdropped}),
		"and every other column of $table");
}

# --- filled from the stored records, by records that come, and known to quarantine

sub values_of_new
{
	return sql(q{SELECT concat_ws(' ', (SELECT string_agg(concat(tid, ':', paid_coupon_fee), ' ' ORDER BY tid) FROM ordersync.order_report),
		(SELECT string_agg(concat(oid, ':', sub_order_tax_fee), ' ' ORDER BY oid) FROM ordersync.sub_order_report), (SELECT string_agg(concat(refund_id, ':', attribute), ' ') FROM ordersync.after_sale_report))});
}
is(values_of_new(), '1: 2: 3: 11: 21: 31: 5:', 'the columns are empty');
sql('CALL ordersync_reproject()');
is(values_of_new(), '1:1.25 2: 3: 11:0.50 21:0.75 31: 5:a:b', 'ordersync_reproject fills them');
my $unreadable = q{SELECT string_agg(concat_ws(' ', record_id, column_name, value), ', ' ORDER BY record_id) FROM ordersync.quarantine WHERE reason = 'value' AND resolved_at IS NULL};
is(sql($unreadable), '2 paid_coupon_fee one, 3 sub_orders.sub_order_tax_fee x', 'values that cannot be read are in quarantine');
is(put('apply_orders', 'tid', order(2, '12:00:00', '2.50', '0.80'), order(4, '12:00:00', '4.00', '')), '1|1|0', 'records that come');
is(values_of_new(), '1:1.25 2:2.50 3: 4:4.00 11:0.50 21:0.80 31: 41: 5:a:b', 'fill them');
is(sql($unreadable), '3 sub_orders.sub_order_tax_fee x', 'and resolve what can be read now');
is(sql(q{SELECT string_agg(concat_ws(' ', tid, field, COALESCE(old_value, 'NULL'), new_value), ', ') FROM ordersync.order_changes WHERE field <> 'first_seen'}), '2 paid_coupon_fee NULL 2.50',
	'a change of the column is part of the lifecycle, as its line says');
like(sql(q{SELECT col_description('ordersync.order_changes'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'ordersync.order_changes'::regclass AND attname = 'field'}), qr/\bpayment\b.*\bpaid_coupon_fee\b.*\brefund_status$/,
	'as the comment of order_changes does');

done_testing;
