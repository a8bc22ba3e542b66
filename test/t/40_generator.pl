# sql/generate: what macros become, and that mistakes in the dictionary and in macros end the build with file and line.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $root = abs_path("$ENV{ORDERSYNC_TEST}/..");
my $generate = "$root/sql/generate";
chdir tempdir(CLEANUP => 1) or die "no folder: $!";

my @orders = (
	'shop_id  bigint!          -             -         -      k   our number of the shop',
	'tid      bigint!          tid           -         IALHD  k   order id',
	'platform text!=\'taobao\'   -             -         -      d   derived: whose it is',
	'status   text             status        text      IALHD  c   platform\'s status',
	'created  timestamptz      created       time      IALHD  r   order placed',
	'day      date@created     -             -         -      r   derived: day of created',
	'fee      numeric(18,2)    fee           money     LD     cr  yuan; a fee',
	'frozen   boolean!=false   -             -         -      -   derived: no more');
my @lines = (
	'shop_id  bigint!          -             -         -      k   our number of the shop',
	'oid      bigint!          oid           bigint    IALHD  k   line id',
	'tid      bigint!          ^tid          -         -      -   its order',
	'created  timestamptz      ^created      time      -      -   its order\'s created',
	'num      integer          num           int       IALHD  r   quantity',
	'free     boolean          is_free       boolean   D      n   marked as free',
	'synced_at timestamptz     -             -         -      -   when it was written');
my @after_sales = (
	'shop_id  bigint!          -             -         -      k   our number of the shop',
	'id       bigint!          refund_id     -         LDS    k   refund id',
	'tid      bigint           tid           bigint    LDS    l   its order',
	'limit_at timestamptz      remind.limit  time      D      -   next time-out',
	'sku_id   bigint           sku           sku_id    LDS    -   SKU id',
	'sku      text             sku           text      LDS    r   SKU as sent',
	'status   text             status        text      LDS    c   refund status');
my @beside = ('[trade]', 'IALHD title fee_note', 'LD    fee', '[order]', 'D     note', '[refund]', 'S     special');
my @words = ('[words]', '# a remark', 'cash_on_delivery cod b2c_cod', 'closed TRADE_CLOSED');

# Named arguments replace parts of the dictionary.
sub dictionary
{
	my (%arg) = @_;
	return map { "$_\n" } '# test', '', '[orders]', @{ $arg{orders} // \@orders }, '[sub_orders]', @{ $arg{lines} // \@lines },
		'[after_sales]', @{ $arg{after_sales} // \@after_sales }, @{ $arg{beside} // \@beside }, @{ $arg{words} // \@words };
}

# Runs it; what it says and what it complains of.
sub made
{
	my ($kind, $dictionary, $part) = @_;
	put_file('d.txt', @$dictionary);
	put_file('p.sql', $part // ());
	my ($out, $err);
	run [ $generate, $kind, 'd.txt', defined $part ? 'p.sql' : () ], '>', \$out, '2>', \$err;
	return ($out, $err);
}
sub put_file { my ($name, @text) = @_; open my $file, '>', $name or die "$name: $!"; print $file @text; close $file; return }

# --- macros

sub becomes
{
	my ($part, $expected, $what) = @_;
	my ($out, $err) = made('script', [ dictionary() ], $part);
	is($err . $out, $expected, $what);
	return;
}

becomes("SELECT 1;\n\n\tx := '{}';\n", "SELECT 1;\n\n\tx := '{}';\n", 'what has no macro stays as it is');
becomes("CREATE OR REPLACE FUNCTION f();\nCREATE OR REPLACE VIEW v\n\tCREATE OR REPLACE VIEW w;\n", "CREATE FUNCTION f();\nCREATE VIEW v\n\tCREATE OR REPLACE VIEW w;\n",
	'an install script replaces nothing');

# --- in ASCII, whatever the parts have: a script is read in the database's encoding

becomes("DO \$\$ x('待;', '\\d 付', E'\\\\d 款', 'it''s \xf0\x9f\x98\x80', 'a\\') \$\$;\n",
	"DO \$\$ x(E'\\u5F85;', E'\\\\d \\u4ED8', E'\\\\d \\u6B3E', E'it''s \\U0001F600', 'a\\') \$\$;\n", 'literals in a body are escaped');
becomes("SELECT 1; -- it's;\n/* one; */ CREATE OR REPLACE FUNCTION f(a text DEFAULT '付;') RETURNS text RETURN 'b';\nSELECT '\$a\$';\n",
	"SELECT 1; -- it's;\n/* one; */ DO \$do\$\nBEGIN\n\tEXECUTE \$ddl\$\nCREATE FUNCTION f(a text DEFAULT E'\\u4ED8;') RETURNS text RETURN 'b'\n\$ddl\$;\nEND\n\$do\$;\nSELECT '\$a\$';\n",
	'what would be read before the first statement runs stands in a body');
becomes("CREATE OR REPLACE FUNCTION f() BEGIN ATOMIC\n\tSELECT '款';\n\tSELECT 1;\nEND;\nSELECT 2;\n",
	"DO \$do\$\nBEGIN\n\tEXECUTE \$ddl\$\nCREATE FUNCTION f() BEGIN ATOMIC\n\tSELECT E'\\u6B3E';\n\tSELECT 1;\nEND\n\$ddl\$;\nEND\n\$do\$;\nSELECT 2;\n",
	'and so does a function of several statements');
becomes("{{version}} {{command}}\n", (slurp_file("$root/ordersync.control") =~ /^default_version = '(.*)'/m)[0] . " CREATE EXTENSION ordersync\n", 'the version is the control file\'s');
becomes("({{orders.all}})\n", "(shop_id, tid, platform, status, created, fee, frozen)\n", 'all: what is stored, without days');
becomes("{{orders.table: # #definition}}\n", "shop_id bigint NOT NULL,\ntid bigint NOT NULL,\nplatform text NOT NULL DEFAULT 'taobao',\nstatus text,\ncreated timestamptz,\n"
	. "day date GENERATED ALWAYS AS ((created AT TIME ZONE INTERVAL '08:00')::date) STORED,\nfee numeric(18,2),\nfrozen boolean NOT NULL DEFAULT false\n",
	'table: a definition a line');
for ([ 'orders.generated' => 'day' ], [ 'orders.key' => 'shop_id, tid' ], [ 'orders.read' => 'status, created, fee' ], [ 'orders.record' => 'status, created, fee' ],
	[ 'orders.derived' => 'frozen' ], [ 'orders.typed' => 'created, fee' ], [ 'orders.changes' => 'status, fee' ], [ 'orders.report' => 'created, day, fee' ],
	[ 'sub_orders.all' => 'shop_id, oid, tid, created, num, synced_at' ], [ 'sub_orders.read' => 'oid, created, num, free' ], [ 'sub_orders.record' => 'created, num' ],
	[ 'sub_orders.derived' => 'tid, synced_at' ], [ 'sub_orders.typed' => 'num, free' ], [ "sub_orders.fields '#field'" => "'oid', 'num', 'is_free'" ],
	[ 'after_sales.linked' => 'tid' ], [ 'after_sales.record' => 'limit_at, sku_id, sku, status' ], [ 'after_sales.typed' => 'tid, limit_at' ],
	[ "after_sales.fields '#field'" => "'tid', 'remind', 'sku', 'status'" ], [ 'after_sales.read #:#field:#member:#read' => 'tid:tid::bigint, limit_at:remind:limit:time, sku_id:sku::sku_id, sku:sku::text, status:status::text' ], [ 'after_sales.linked # #type' => 'tid bigint' ],
	[ 'orders.changes (#comment)' => "('platform''s status [Trade.status]'), ('yuan; a fee [Trade.fee]')" ], [ 'orders.changes a.# ##> b.#_old' => 'a.status #> b.status_old, a.fee #> b.fee_old' ],
	[ "sub_orders.table: ('#', #comment)" => "('shop_id', 'our number of the shop'),\n('oid', 'line id [Order.oid]'),\n('tid', 'its order [Trade.tid]'),\n('created', 'its order''s created [Trade.created]'),\n('num', 'quantity [Order.num]'),\n('synced_at', 'when it was written')" ],
	[ 'orders.written' => 'shop_id, tid, status, created, fee, frozen' ], [ 'orders.updated' => 'status, created, fee, frozen' ], [ 'orders.compared' => 'status, created, fee, frozen' ],
	[ 'sub_orders.written' => 'shop_id, oid, tid, created, num, synced_at' ], [ 'sub_orders.updated' => 'tid, created, num, synced_at' ], [ 'sub_orders.compared' => 'tid, created, num' ],
	[ 'after_sales.written' => 'shop_id, id, tid, limit_at, sku_id, sku, status' ], [ 'after_sales.compared' => 'tid, limit_at, sku_id, sku, status' ],
	[ 'words cash_on_delivery' => "'cod', 'b2c_cod'" ], [ 'words closed' => "'TRADE_CLOSED'" ])
{
	becomes("{{$_->[0]}}\n", "$_->[1]\n", $_->[0]);
}
becomes("\t\t({{orders.all excluded.#_and_a_long_name}})::record\n", "\t\t(excluded.shop_id_and_a_long_name, excluded.tid_and_a_long_name,\n\t\texcluded.platform_and_a_long_name, excluded.status_and_a_long_name,\n"
	. "\t\texcluded.created_and_a_long_name, excluded.fee_and_a_long_name,\n\t\texcluded.frozen_and_a_long_name)::record\n", 'long lists are wrapped at the line\'s indentation');
becomes("\tx IN ({{words cash_on_delivery}}, 'y')\n", "\tx IN ('cod', 'b2c_cod', 'y')\n", 'words among others');
my $table = "DO \$\$\nBEGIN\n\tCREATE TABLE IF NOT EXISTS ordersync.t (\n\t\ta bigint NOT NULL,\n\t\tb text[],\n\t\tPRIMARY KEY (a)\n\t);\nEND\n\$\$;\n";
becomes("$table-- {{columns: #table.# #definition}}\n", "$table-- t.a bigint NOT NULL,\nt.b text[]\n", 'columns: those of the tables that parts make');
becomes("{{orders.key}} | {{orders.key p.#}}\n", "shop_id, tid | p.shop_id, p.tid\n", 'two in a line');
becomes("{{each stream}}\nf_{{stream}} {{table}} {{one}} {{id}} {{payloads}} {{object}}: {{table.changes}}\n{{sources}}\n{{end}}\n",
	"f_orders orders order tid order_payloads trade: status, fee\n'history', 'increment', 'list', 'details'\n"
	. "f_after_sales after_sales after_sale refund_id after_sale_payloads refund: status\n'special', 'list', 'details'\n", 'once a stream');
becomes("{{each stream}}\n{{if orders}}\nlines\n{{else}}\nnone\n{{endif}}\n{{end}}\n", "lines\nnone\n", 'by the stream');
becomes("{{each stream}}\n{{sources digest_# = #n/#bit}}\n\t{{each source}}\n\t'{{source}}' {{rank}} {{bit}}\n\t{{if details}}\n\twhole\n\t{{endif}}\n\t{{end}}\n{{end}}\n",
	"digest_history = 1/1, digest_increment = 2/2, digest_list = 3/4, digest_details = 4/8\n\t'history' 1 1\n\t'increment' 2 2\n\t'list' 3 4\n\t'details' 4 8\n\twhole\n"
	. "digest_special = 1/1, digest_list = 2/2, digest_details = 3/4\n\t'special' 1 1\n\t'list' 2 2\n\t'details' 3 4\n\twhole\n", 'sources, with rank and bit');

# --- lines that are written once

becomes("SELECT 1;\n{{define pair}}\n\ta, {{function}}(b)\n{{enddefine}}\nSELECT\n{{use pair f.g}},\n\tc;\nSELECT\n{{use pair h}}\nFROM t;\n",
	"SELECT 1;\nSELECT\n\ta, f.g(b),\n\tc;\nSELECT\n\ta, h(b)\nFROM t;\n", 'defined once and used twice, with a function each');
becomes("{{define one}}\n\t{{function}}(1)\n{{enddefine}}\n{{define two}}\n{{use one}},\n\t{{orders.key}}\n{{enddefine}}\nSELECT\n{{use two f}}\n\tFROM t;\n",
	"SELECT\n\tf(1),\n\tshop_id, tid\n\tFROM t;\n", 'one inside of another has its function');

# --- C

my ($columns) = made('columns', [ dictionary() ]);
like($columns, qr/order_columns\[\] = \{\n\t\{"status", "status", 6, NULL, READ_TEXT, false\},\n\t\{"created", "created", 7, NULL, READ_TIME, false\},\n\t\{"fee", "fee", 3, NULL, READ_MONEY, false\}\n\};/, 'columns of orders');
like($columns, qr/line_columns\[\] = \{\n\t\{"oid", "oid", 3, NULL, READ_BIGINT, false\},\n\t\{"created", "created", 7, NULL, READ_TIME, true\},\n.*\t\{"free", "is_free", 7, NULL, READ_BOOLEAN, false\}\n\};/s, 'of lines');
like($columns, qr/after_sale_columns\[\] = \{\n.*\t\{"limit_at", "remind", 6, "limit", READ_TIME, false\},\n\t\{"sku_id", "sku", 3, NULL, READ_SKU_ID, false\},/s, 'of after-sales');
like($columns, qr/^#define WORDS_CASH_ON_DELIVERY "cod", "b2c_cod"\n\n#define WORDS_CLOSED "TRADE_CLOSED"\n\n#endif/m, 'words');
my ($fields) = made('fields', [ dictionary() ]);
like($fields, qr/top_trade_fields\[\] = \{\n\t\{TOP_INCREMENT \| TOP_ARRIVAL \| TOP_LIST \| TOP_HISTORY \| TOP_DETAILS,\n\t\t"tid status created title fee_note"\},\n\t\{TOP_LIST \| TOP_DETAILS,\n\t\t"fee"\},\n\t\{0, NULL\}\n\};/,
	'fields of a trade: with a column and without, each once');
like($fields, qr/top_refund_fields\[\] = \{\n\t\{TOP_LIST \| TOP_DETAILS \| TOP_SPECIAL,\n\t\t"refund_id tid sku status"\},\n\t\{TOP_DETAILS,\n\t\t"remind"\},\n\t\{TOP_SPECIAL,\n\t\t"special"\},/, 'of a refund');

# what the real dictionary says once is said nowhere else
my ($sources, $grep_err) = ('');
run [ 'grep', '-rlE', q{'(b2c_cod|super_market_cod_trade)'|text_is\(trade_type, "}, "$root/sql/parts", "$root/src" ], '>', \$sources, '2>', \$grep_err;
is($sources . $grep_err, '', 'types of cash on delivery stand in the dictionary alone');

# --- mistakes

my $at = 3 + @orders + 1;		# the line that is added to [orders]
for ([ 'x text x text I' => 'a column has seven parts' ], [ 'X text x text I - c' => '"X" is no column name' ], [ 'order text x text I - c' => '"order" is a reserved word' ],
	[ 'fee text x text I - c' => 'column "fee" is there twice in \[orders\]' ], [ 'x varchar x text I - c' => 'unrecognized type "varchar": it is one of bigint' ],
	[ 'x numeric x money I - c' => 'unrecognized type "numeric"' ], [ 'x text! ! text I - c' => '"!" is no field' ], [ 'x text x words I - c' => '"words" is no way to read' ],
	[ 'x text x time I - c' => 'what is read as time is a timestamptz, not a text' ], [ 'x text - text - - c' => 'what is read has a field' ], [ 'x text x text IX - c' => 'apis "IX"' ],
	[ 'x text x text II - c' => 'apis "II"' ], [ 'x text x text - - c' => 'apis "-"' ], [ 'x text x text S - c' => 'apis "S"' ], [ 'x text - - I - c' => 'apis are of a field' ],
	[ 'x text ^x text - - c' => '\^ is for columns of sub_orders' ], [ 'x text x text I z c' => 'unknown flag "z"' ], [ 'x text x text I nr c' => 'what is read and not stored' ],
	[ 'x text - - - c c' => 'flag c is for what is read' ], [ 'x text - - - n c' => 'flag n or l is for what is read' ], [ 'x text@created - - - - c' => 'what is generated is a date' ],
	[ 'x date@status - - - - c' => 'the day of "status", which is no timestamptz' ], [ 'x date@created x text I - c' => 'what is read as text is a text, not a date' ],
	[ 'x text fee text IL - c' => 'field "fee" has other apis in another line' ])
{
	my ($out, $err) = made('columns', [ dictionary(orders => [ @orders, $_->[0] ]) ]);
	like($err, qr/^d\.txt:$at: .*$_->[1]/, "$_->[1]: refused");
	is($out, '', 'nothing is made');
}
for ([ lines => [ @lines, 'x text ^y text - - c' ], '\^y: no column of \[orders\]' ], [ lines => [ @lines, 'x text ^created text - - c' ], '\^created is read as time' ],
	[ lines => [ @lines, 'x text x text I c c' ], 'flag c in \[sub_orders\] is for "refund_status" alone' ],
	[ after_sales => [ @after_sales, 'x text x text L c c' ], 'flag c in \[after_sales\] is for "status" alone' ], [ lines => [], 'section \[sub_orders\] is missing or empty' ], [ beside => [ '[trades]' ], 'unknown section "trades"' ], [ beside => [ '[trade]', 'I fee' ], 'field "fee" has a column, and other apis' ],
	[ beside => [ '[trade]', 'I x', 'D x' ], 'field "x" is there twice' ], [ beside => [ '[refund]', 'I x' ], 'apis "I"' ], [ beside => [ '[refund]', 'D' ], 'names' ],
	[ words => [ '[words]', 'x' ], 'a line of words has a name and words' ], [ words => [ '[words]', 'X y' ], '"X" is no name' ], [ words => [ '[words]', 'x y', 'x z' ], 'words "x" are there twice' ],
	[ words => [ '[words]', 'x y y' ], 'word "y" is there twice in "x"' ], [ words => [ '[words]', "x o'y" ], 'is no word of the platform' ], [ words => [ '[words]', 'x y', '[word]' ], 'unknown section "word"' ])
{
	my ($part, $with, $message) = @$_;
	my ($out, $err) = made('fields', [ dictionary($part => $with) ]);
	like($err, qr/^d\.txt(:\d+)?: .*$message/, "$message: refused");
}
like((made('columns', [ 'x text x text I - c' ]))[1], qr/^d\.txt:1: a line before the first section/, 'a line before the first section: refused');
for ([ '{{orders.fees}}' => 'unknown set "fees": it is one of all, changes' ], [ '{{order.all}}' => 'unknown table "order"' ], [ '{{orders}}' => 'unknown macro' ], [ '{{stream}}' => 'unknown macro' ],
	[ '{{table.all}}' => 'stands inside' ], [ '{{sources}}' => 'stands inside' ], [ '{{if orders}}' => 'no \{\{endif\}\}' ], [ '{{end}}' => 'without its beginning' ],
	[ '{{each stream}}' => 'no \{\{end\}\}' ], [ "{{each source}}\n{{end}}" => 'stands inside' ], [ "{{each table}}\n{{end}}" => 'unknown block' ], [ 'a {{orders.all' => 'part of no macro' ],
	[ "{{each stream}}\n{{if lines}}\n{{endif}}\n{{end}}" => 'unknown condition' ], [ '{{orders.linked}}' => 'no column of orders is in the set "linked"' ],
	[ '{{orders.all #field}}' => '"#field" of column "shop_id", which has none' ], [ '{{orders.all #typo}}' => 'unknown "#typo"' ],
	[ '{{use pair}}' => '"pair" is not defined before' ], [ '{{define pair}}' => 'no \{\{enddefine\}\}' ], [ '{{enddefine}}' => 'without its beginning' ],
	[ "{{define a}}\n{{enddefine}}\n{{define a}}\n{{enddefine}}" => '"a" is defined twice', 4 ], [ "{{define a}}\n{{function}}\n{{enddefine}}\n{{use a}}" => 'unknown macro', 3 ],
	[ '{{words cash}}' => 'unknown words "cash"' ], [ '{{words}}' => 'unknown macro' ])
{
	my ($out, $err) = made('script', [ dictionary() ], "SELECT 1;\n$_->[0]\n");
	my $line = $_->[2] // '[23]';
	like($err, qr/^p\.sql:$line: .*$_->[1]/, ($_->[0] =~ s/\n/ /gr) . ': refused');
}

for ([ "-- 付\n" => 'stands outside of a literal of one line' ], [ "SELECT 'a'\n\t'付';\n" => 'goes on from the line before is of ASCII alone' ], [ "SELECT '\xff';\n" => 'is no UTF-8' ],
	[ "CREATE TABLE t (a text);\n" => 'update scripts know no statement of this kind: CREATE TABLE' ], [ "CREATE AGGREGATE a(text) (x);\n" => 'of this kind' ])
{
	my ($out, $err) = made('script', [ dictionary() ], $_->[0]);
	like($err, qr/^(p\.sql:[12]|the script): .*$_->[1]/, "$_->[1]: refused");
	is($out, '', 'no script is made');
}

like((made('script', [ dictionary() ], ($table =~ s/\tCREATE/\t\tCREATE/r) . "-- {{columns: #}}\n"))[1], qr/^p\.sql: CREATE TABLE ordersync\.t: behind one tab/, 'a table whose columns would not be found: refused');

# --- META.json has the version three times, and another of its own form

sub meta_says
{
	put_file('META.json', sprintf '{"version": "%s", "provides": {"ordersync": {"file": "sql/ordersync--%s.sql", "version": "%s"}}, "meta-spec": {"version": "1.0.0"}}', @_);
	my ($out, $err);
	run [ $generate, 'check', 'META.json' ], '>', \$out, '2>', \$err;
	return $err . $out;
}
my ($version) = slurp_file("$root/ordersync.control") =~ /^default_version = '(.*)'/m;
is(meta_says(($version) x 3), '', 'META.json agrees with the control file');
for my $other (0 .. 2)
{
	my @versions = ($version) x 3;
	$versions[$other] = '9.9.9';
	is(meta_says(@versions), qq{META.json: version "9.9.9", but default_version of ordersync.control is "$version"\n}, "or does not, at place $other");
}

done_testing;
