# What is stored is exactly what was sent: text byte for byte, ids of nineteen digits, money to the cent; and what is not exact in
# its column is left out and noted.
use strict;
use warnings;
use OrdersyncPages;
use Test::More;

my $cluster = OrdersyncPages->new;

# --- text, byte for byte ---

my @texts = (
	"\xf0\x9f\x98\x80\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",    # emoji, some of them joined
	"\xf0\xa0\x80\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf\xef\xbf\xbd\xef\xbb\xbf",                        # the ends of planes, marks
	"\xe2\x80\x8fright to left\xe2\x80\xae\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\xe2\x80\xac",
	"line\xe2\x80\xa8paragraph\xe2\x80\xa9end", "e\xcc\x81 is not \xc3\xa9", "\xe4\xbd\xa0\xe5\xa5\xbd",
	q{'); DROP TABLE ordersync.orders; --}, q{"quoted" 'twice' `thrice`}, 'back\\slash \\\\ \\n \\u0041', 'E\'\\x00\'',
	'%s %n $1 :x ${y} \\copy', "tab\tnew\nline\r\x01\x1f\x7f", ' leading and trailing ', 'null', '{"json":[1,2]}', '');
sub json_raw { return '"' . ($_[0] =~ s/(["\\])/\\$1/gr =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ger) . '"' }
sub json_escaped
{
	utf8::decode(my $text = $_[0]);
	return '"' . join('', map { sprintf '\\u%04x', $_ }
		map { $_ > 0xffff ? (0xd800 + (($_ - 0x10000) >> 10), 0xdc00 + ($_ & 0x3ff)) : $_ } map { ord } split //, $text) . '"';
}
for my $how ([ raw => \&json_raw, 20000 ], [ escaped => \&json_escaped, 30000 ])
{
	my ($form, $write, $base) = @$how;
	my $at = $cluster->moment;
	my $n = $base;
	my @trades = map { my $t = $write->($_); $n++;
		qq({"tid":$n,"modified":"$at","buyer_nick":$t,"orders":{"order":[{"oid":$n,"title":$t,"outer_iid":$t}]}}) } @texts;
	is($cluster->read_body(increment => $cluster->page_of(increment => @trades)), 'succeeded', "texts sent $form");
	$at = $cluster->moment;
	$n = $base;
	my @refunds = map { my $t = $write->($_); $n++;
		qq({"refund_id":"$n","modified":"$at","tid":$n,"oid":$n,"reason":$t,"desc":$t}) } @texts;
	is($cluster->read_body(refunds => $cluster->page_of(refunds => @refunds)), 'succeeded', 'in refunds too');
	$n = $base;
	for my $text (@texts)
	{
		$n++;
		my $want = unpack 'H*', $text;
		my $shown = $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger;
		is($cluster->sql("SELECT DISTINCT encode(convert_to(t, 'UTF8'), 'hex') FROM ordersync.orders o JOIN ordersync.sub_orders s USING (shop_id, tid)
			JOIN ordersync.after_sales a USING (shop_id, tid) JOIN ordersync.order_payloads p USING (shop_id, tid),
			unnest(ARRAY[o.buyer_nick, s.title, s.outer_iid, a.reason, a.description, p.payload ->> 'buyer_nick',
				p.payload #>> '{orders,order,0,title}']) t WHERE tid = $n"), $want, "$form: $shown");
	}
}

# --- ids and money ---

my $largest = '9223372036854775807';
is($cluster->read_records(increment =>
	qq({"tid":$largest,"modified":"%s","orders":{"order":[{"oid":$largest,"num_iid":$largest,"sku_id":"$largest","refund_id":"$largest"}]}}),
	'{"tid":"9223372036854775806","modified":"%s","orders":{"order":[{"oid":"9223372036854775806","num_iid":"9223372036854775806"}]}}'),
	'succeeded', 'the largest ids, as numbers and as text');
is($cluster->sql("SELECT tid, oid, num_iid, sku_id, refund_id FROM ordersync.sub_orders WHERE tid > 9000000000000000000 ORDER BY tid"),
	"9223372036854775806|9223372036854775806|9223372036854775806||\n" . join('|', ($largest) x 5), 'every digit is kept');
is($cluster->read_records(refunds => qq({"refund_id":$largest,"modified":"%s","tid":$largest,"oid":$largest})), 'succeeded', 'of a refund');
is($cluster->sql("SELECT refund_id, tid, oid FROM ordersync.after_sales WHERE refund_id = $largest"), join('|', ($largest) x 3), 'as well');

my @money = ([ '"0.00"' => '0.00' ], [ '"-13.80"' => '-13.80' ],
	[ '"9999999999999999.99"' => '9999999999999999.99' ], [ '"-9999999999999999.99"' => '-9999999999999999.99' ],
	[ '"1.230"' => '1.23' ], [ '"7"' => '7.00' ], [ '12.5' => '12.50' ], [ '""' => '' ], [ 'null' => '' ],
	# what is not exact is not kept: it would be wrong
	map { [ $_ => '', 1 ] } '"1.234"', '"10000000000000000.00"', '"1e3"', '"12,50"', '"NaN"', '"1.2.3"', '"free"', '"\uff11"', '[1]');
my $n = 40000;
is($cluster->read_records(increment => map { $n++;
	qq({"tid":$n,"modified":"%s","payment":$_->[0],"orders":{"order":[{"oid":$n,"price":$_->[0],"num":2}]}}) } @money),
	'succeeded', 'a page of amounts');
$n = 40000;
for my $m (@money)
{
	my ($sent, $want, $noted) = (@$m, 0);
	$n++;
	my $value = $sent =~ s/^"|"$//gr =~ s/\\uff11/\xef\xbc\x91/r;
	is($cluster->sql("SELECT o.payment, s.price, s.num, (SELECT string_agg(column_name || ' ' || value, ', ' ORDER BY column_name)
			FROM ordersync.quarantine WHERE record_id = $n AND reason = 'value' AND resolved_at IS NULL)
		FROM ordersync.orders o JOIN ordersync.sub_orders s USING (tid) WHERE tid = $n"),
		join('|', $want, $want, 2, $noted ? "payment $value, sub_orders.price $value" : ''), "an amount of $sent");
}

# Numbers at the ends of what a column takes, and beyond.
is($cluster->read_records(increment =>
	'{"tid":41001,"modified":"%s","orders":{"order":[{"oid":410011,"num":-2147483648},{"oid":410012,"num":-2147483648}]}}',
	'{"tid":41002,"modified":"%s","orders":{"order":[{"oid":410021,"num":2147483647},{"oid":410022,"num":2147483647},'
		. '{"oid":410023,"num":2147483648}]}}',
	'{"tid":41003,"modified":"%s","seller_flag":32768,"point_fee":9223372036854775808,"orders":{"order":[{"oid":410031,'
		. '"total_fee":"9999999999999999.99","part_mjz_discount":"-9999999999999999.99"}]}}'),
	'succeeded', 'numbers at the ends');
is($cluster->sql('SELECT tid, line_count, item_num, seller_flag, point_fee FROM ordersync.orders WHERE tid BETWEEN 41001 AND 41003 ORDER BY 1'),
	"41001|2|-2147483648||\n41002|3|2147483647||\n41003|1|0||", 'cost themselves only');
is($cluster->sql('SELECT record_id, column_name, value FROM ordersync.quarantine WHERE record_id BETWEEN 41001 AND 41003 ORDER BY 1, 2'),
	"41002|sub_orders.num|2147483648\n41003|point_fee|9223372036854775808\n41003|seller_flag|32768", 'and are noted');

# --- the same record twice in a page ---

sub counted_once { my (@records) = @_; return $cluster->page_of(increment => @records) =~ s/"total_results":2/"total_results":1/r }
my @both = map { sprintf '{"tid":%d,"modified":"%s","status":"WAIT_BUYER_PAY"}', 50001, $cluster->moment } 1 .. 2;
is($cluster->read_body(increment => counted_once(@both)), 'succeeded', 'a record that comes twice');
is($cluster->sql("SELECT count(*), (SELECT count(*) FROM ordersync.order_changes WHERE id = 50001) FROM ordersync.orders WHERE tid = 50001"), '1|1',
	'is one, and first seen once');
@both = map { sprintf '{"tid":%d,"modified":"%s","status":"%s"}', 50002, $cluster->moment, $_ } 'WAIT_BUYER_PAY', 'TRADE_FINISHED';
is($cluster->read_body(increment => counted_once(@both)), 'succeeded', 'one that comes in two forms of one age');
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE tid = 50002'), '1', 'is one too');

done_testing;
