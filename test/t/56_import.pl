# Many shops from a file on the server: what it adds, changes and leaves, which files and roles it refuses, that no key is
# anywhere but under its seal, and that the shops that it added are read.
use strict;
use warnings;
use utf8;
use Encode qw(decode_utf8 encode_utf8);
use JSON::PP ();
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(bare => 1, gateway => [ '--shops' => 2, '--orders-per-shop' => 100, '--days' => 10 ],
	conf => "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\nshared_preload_libraries = 'auto_explain,ordersync'");
my $node = $cluster->node;
my $dir = PostgreSQL::Test::Utils::tempdir();
$cluster->sql('CREATE EXTENSION ordersync');

# A file of that name, with what it holds and its mode; its path.
sub file
{
	my ($name, $text, $mode) = @_;
	open my $f, '>:raw', "$dir/$name" or die "$name: $!";
	print $f utf8::is_utf8($text) ? encode_utf8($text) : $text;
	close $f;
	chmod $mode // 0600, "$dir/$name";
	return "$dir/$name";
}
# What is said of each line.
sub import_file
{
	my ($path) = @_;
	return decode_utf8($cluster->sql("SELECT COALESCE(shop_id::text, '-'), action, COALESCE(message, '-') FROM ordersync_import_shops('$path')"));
}
sub says { my ($text, $want, $what) = @_; return is(import_file(file('shops', $text)), $want, $what) }
# The error that a file brings, without the words that psql puts before it.
sub fails { my ($path, @extra) = @_; return $cluster->sql_fails("SELECT * FROM ordersync_import_shops('$path')", @extra) =~ s/^psql:\S+ //r }
sub states { return $cluster->sql("SELECT shop_id, key_state, gateway, options, COALESCE(key_expires_at AT TIME ZONE 'Asia/Shanghai' || '', '-') FROM ordersync.shops ORDER BY shop_id") }

my $good = file('good', "shop_id,seller_nick,session_key\n1,seller 1,key-1\n");
like(fails($good), qr/no gateway has been set up.*HINT:  Start with SELECT ordersync_add_gateway/s, 'a gateway comes first');
$cluster->sql("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . "', '12345678', 'helloworld')");
$cluster->tell_clock if $cluster->{clock_set};

# --- from here on the log gets all that a server can be told to write

my @every = ('log_statement = all', 'log_min_messages = debug5', 'log_min_error_statement = debug5', 'log_parameter_max_length = -1',
	'log_parameter_max_length_on_error = -1', 'log_min_duration_statement = 0', 'log_error_verbosity = verbose', 'debug_print_parse = on',
	'debug_print_plan = on', 'auto_explain.log_verbose = on', 'auto_explain.log_analyze = on');
$cluster->sql(join ' ', map { s/^(\S+) = (.*)$/ALTER ROLE postgres SET $1 = '$2';/r } @every);
my $log_at = -s $node->logfile;

# --- lines

says("\x{FEFF}gateway, Shop_ID ,seller_nick,data_key,options,expires_at\r\n"
	. qq(taobao,101,"He said ""hi"", twice",key-101,"{""payloads"":\n ""off""}",\r\n)
	. qq(,102,测试店铺,key-102,,2100-01-02 03:04:05\r\n\r\n)
	. qq(,103,"seller\x{3000}103",,,),
	"101|added|-\n102|added|-\n103|added|it waits for its data key: SELECT ordersync_set_session_key(103, session_key)", 'shops that are new');
is(states(), qq(101|unchecked|taobao|{"payloads": "off"}|-\n102|unchecked|taobao|{}|2100-01-02 03:04:05\n103|missing|taobao|{}|-), 'are stored');
is(decode_utf8($cluster->sql('SELECT string_agg(seller_nick, $$;$$ ORDER BY shop_id) FROM ordersync.shops')),
	qq(He said "hi", twice;测试店铺;seller\x{3000}103), 'as they are called');
is($cluster->sql("SELECT count(*) FILTER (WHERE ordersync.can_open(sealed, kind, name, destination)), count(DISTINCT destination) FROM ordersync.secrets"), '3|1',
	'their keys are sealed for their gateway');

my $again = "shop_id,data_key,options,expires_at\n101,key-101,\"{\"\"payloads\"\": \"\"off\"\"}\",\n102,key-102,,2100-01-02 03:04:05\n103,,,\n";
$cluster->sql("UPDATE ordersync.shops SET key_state = 'ok' WHERE shop_id < 103");
my $before = $cluster->sql('SELECT string_agg(xmin::text, $$ $$ ORDER BY shop_id) FROM ordersync.shops');
my $history = $cluster->sql('SELECT max(history_id) FROM ordersync.setup_history');
says($again, "101|unchanged|-\n102|unchanged|-\n103|unchanged|-", 'a second time nothing changes');
is($cluster->sql('SELECT string_agg(xmin::text, $$ $$ ORDER BY shop_id) FROM ordersync.shops'), $before, 'no row');
is($cluster->sql('SELECT max(history_id) FROM ordersync.setup_history'), $history, 'nor the history');

says(qq({"shop_id": 101, "session_key": "key-101-new"}\n\n)
	. qq({"shop_id": "102", "data_key": null, "seller_nick": "", "expires_at": "2101-01-02 03:04:05+08"}\r\n)
	. qq(  {"options": {"payloads": "keep"}, "shop_id": 103, "data_key": "key-103\\u002d"}),
	"101|changed|data key\n102|changed|expires_at\n103|changed|options, data key", 'JSON lines, and what they change');
is(states(), qq(101|unchecked|taobao|{"payloads": "off"}|-\n102|ok|taobao|{}|2101-01-02 03:04:05\n103|unchecked|taobao|{"payloads": "keep"}|-), 'that and nothing else');
is($cluster->sql("SELECT action, shop_id, details FROM ordersync.setup_history WHERE history_id > $history ORDER BY history_id"),
	qq(shop changed|101|{"data_key": "set"}\n)
	. qq(shop changed|102|{"key_expires_at": {"new": "2101-01-02T03:04:05+08:00", "old": "2100-01-02T03:04:05+08:00"}}\n)
	. qq(shop changed|103|{"options": {"payloads": {"new": "keep"}}, "data_key": "set"}), 'which the history tells');


# A key that was given for another destination is given again, for the one that the gateway has now.
$cluster->sql("SELECT ordersync_add_gateway('taobao', 'http://127.0.0.1:1/router/rest', NULL, 'helloworld')");
is($cluster->sql('SELECT key_state FROM ordersync.shops WHERE shop_id = 101'), 'moved', 'a key is not used for another destination');
says("shop_id,data_key\n101,key-101-new\n", '101|changed|data key', 'the same key from a file is given for this one');
is($cluster->sql('SELECT key_state FROM ordersync.shops WHERE shop_id = 101'), 'unchecked', 'and used');
$cluster->sql("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . "', NULL, 'helloworld')");

# --- lines that cannot be used cost themselves only

says(<<"END" =~ s/\t/,/gr, <<'END' =~ s/\n\z//r, 'each line that is wrong is told, all others are stored');
shop_id\tseller_nick\tdata_key\tgateway\toptions\texpires_at
201\tseller 201\tkey-201\t\t\t
x\tseller\tkey-x\t\t\t
\tseller\tkey-no-id\t\t\t
202\tseller 202\tkey-202\tkey-in-the-wrong-column\t\t
203\tseller 203\tkey-203\t
204\tseller 204\tkey-204\t\t\t\tkey-too-many
205\t\tkey-205\t\t\t
206\tseller 206\tkey 206\t\t\t
207\tseller 207\tkéy-207\t\t\t
208\tseller 208\tkey-208\t\tkey-for-options\t
209\tseller 209\tkey-209\t\t"{""no"": ""key-209""}"\t
210\tseller 210\tkey-210\t\t"{""payloads"": ""key-210""}"\t
211\tseller 211\tkey-211\t\t\tkey-for-time
212\tseller 212\tkey-212\t\t\t2000-01-01
201\tseller 201\tkey-201-twice\t\t\t
213\tsel"ler\tkey-213\t\t\t
214\t"seller" 214\tkey-214\t\t\t
215\t"seller
216\tseller 216\tkey-216\t\t\t
99999999999999999999\tseller\tkey-large\t\t\t
217\tseller 217\tkey-217\t\t\t
END
201|added|-
-|error|line 3: shop_id is not a whole number
-|error|line 4: shop_id is missing
202|error|line 5: its gateway does not exist. Gateways are listed in ordersync.gateways; a shop without one uses "taobao".
-|error|line 6: it has fewer cells than the header
-|error|line 7: it has more cells than the header
205|error|line 8: seller_nick must not be empty. It is the seller_nick that the platform shows for the shop; the data key must belong to it.
206|error|line 9: the key contains white space or a character that is not ASCII
207|error|line 10: the key contains white space or a character that is not ASCII
208|error|line 11: the options are not JSON. Like this: {"payloads": "off"}; in CSV: "{""payloads"": ""off""}".
209|error|line 12: unrecognized option "no". Known options: details, fields_add, fields_drop, freshness_target, full_run, full_run_target, incremental, payloads, privacy, streams.
210|error|line 13: invalid value for option "payloads". It must be "keep", "off" or an age like "90 days". Use null to remove the option.
211|error|line 14: expires_at is not a time. Like this, in Asia/Shanghai: 2027-11-29 12:00:00.
212|error|line 15: the data key has already expired. Ask the seller for a new authorisation and write its key into the file.
201|error|line 16: the shop is on line 2 already
-|error|line 17: a quote stands in a cell that does not begin with one
-|error|line 18: after a closing quote there is neither a comma nor the line's end
-|error|line 19: a quote is not closed
216|added|-
-|error|line 21: shop_id is not a whole number
217|added|-
END
says(<<"END", <<'END' =~ s/\n\z//r, 'in JSON lines, too');
{"shop_id": 301, "seller_nick": "seller 301", "data_key": "key-301"}
{"shop_id": 302, "seller_nick": "seller 302", "data_key": "key-302", "secret": "key-302"}
{"shop_id": 303, "seller_nick": "seller 303", "data_key": "key-303", "session_key": "key-303"}
{"shop_id": 304, "seller_nick": 304, "data_key": "key-304"}
{"shop_id": 305, "seller_nick": "seller 305", "data_key": "key-305"
"key-306"
{"shop_id": 307, "seller_nick": "seller \\ud800", "data_key": "key-307"}
{"shop_id": 308, "seller_nick": "seller 308", "data_key": "key\\u0000-308"}
{"shop_id": 309, "seller_nick": "seller 309", "data_key": "key-309"} key-309
{"shop_id": 1.5, "seller_nick": "seller 310", "data_key": "key-310"}
{"seller_nick": "seller 311", "data_key": "key-311"}
{"shop_id": 312, "seller_nick": "seller 312", "data_key": "key-312", "options": "{\\"privacy\\": \\"strict\\"}"}
{"shop_id": 313, "seller_nick": "seller 313", "data_key": "key-313", "options": ["key-313"]}
END
301|added|-
302|error|line 2: it has an unknown member
303|error|line 3: it has a member twice
304|error|line 4: a value that must be a string is none
305|error|line 5: it is not an object of JSON
-|error|line 6: it is not an object of JSON
307|error|line 7: a string has a control character, or an escape that stands for no character
308|error|line 8: a string has a control character, or an escape that stands for no character
309|error|line 9: it is not an object of JSON
-|error|line 10: shop_id is not a whole number
-|error|line 11: shop_id is missing
312|added|-
313|error|line 13: options must be a JSON object. Known options: details, fields_add, fields_drop, freshness_target, full_run, full_run_target, incremental, payloads, privacy, streams.
END
is($cluster->sql('SELECT string_agg(shop_id::text, $$ $$ ORDER BY shop_id) FROM ordersync.shops WHERE shop_id > 200'), '201 216 217 301 312', 'no other shop is there');
is(import_file(file('broken', "shop_id,seller_nick,data_key\n401,a\x00b,key-401\n402,\xff,key-402\n403,seller 403,key-403\n")),
	"-|error|line 2: it contains a NUL byte\n-|error|line 3: it is not UTF-8\n403|added|-", 'bytes that are no text');

# --- files that are refused

my $user = getpwuid((stat $node->data_dir)[4]);
for my $mode (0644, 0640, 0604, 0660, 0620, 0602, 0601)
{
	my $path = file('open', "shop_id,data_key\n1,key-open\n", $mode);
	is(fails($path) =~ s/^CONTEXT.*//msr, sprintf(qq(ERROR:  file "%s" can be used by others than the server\nDETAIL:  Its mode is %04o. It holds keys, so only the server may be able to read it.\n)
		. qq(HINT:  In a shell of the server's user: chmod 600 '%s'\n), $path, $mode, $path), sprintf('mode %04o', $mode));
}
my %refused = (
	'nothing' => [ '/nowhere/shops.csv', qr/could not open file "\/nowhere\/shops\.csv": No such file/ ],
	'a folder' => [ $dir, qr/is not a regular file/ ],
	'a device' => [ '/dev/null', qr/is not a regular file/ ],
	'an empty file' => [ file('empty', ''), qr/is not a list of shops\nDETAIL:  Reason: it is empty\.\nHINT:  Begin it with a line that names its columns/ ],
	'only blanks' => [ file('blank', " \r\n\n"), qr/Reason: it is empty/ ],
	'no header' => [ file('bare', "1,seller,key-bare\n"), qr/Reason: its header has an unknown column/ ],
	'a column twice' => [ file('twice', "shop_id,data_key,session_key\n1,key-a,key-b\n"), qr/Reason: its header has a column twice/ ],
	'no shop_id' => [ file('noid', "seller_nick,data_key\na,key-noid\n"), qr/Reason: its header has no column shop_id/ ],
	'an array' => [ file('array', qq([{"shop_id": 1, "data_key": "key-array"}])), qr/Reason: it is an array of JSON/ ],
	'UTF-16' => [ file('utf16', "\xff\xfes\x00h\x00o\x00p\x00_\x00i\x00d\x00\n\x00"), qr/Reason: it contains a NUL byte/ ],
	'semicolons' => [ file('semicolon', "shop_id;data_key\n1;key-semicolon\n"), qr/Reason: its header has an unknown column/ ],
	'the key file' => [ $node->data_dir . '/ordersync.key', qr/is not a list of shops/ ],
);
for my $what (sort keys %refused)
{
	my $said = fails($refused{$what}[0]);
	like($said, $refused{$what}[1], $what);
	unlike($said, qr/key-[a-z]/, "$what: nothing of it is quoted");
}
like($cluster->sql_fails('SELECT * FROM ordersync_import_shops(NULL)'), qr/path must not be NULL\nHINT:  It is that of a file on the server/, 'NULL');
mkfifo("$dir/pipe");
sub mkfifo { require POSIX; return POSIX::mkfifo($_[0], 0600) }
like(fails("$dir/pipe"), qr/is not a regular file/, 'a pipe is not waited for');
my $sparse = file('large', '');
truncate $sparse, 65 * 1024 * 1024;
like(fails($sparse), qr/is too large\nDETAIL:  It has 68157440 bytes; the maximum is 67108864\./, 'a size has its limit');
file('in_data', '') and rename "$dir/in_data", $node->data_dir . '/shops.csv';
like(fails('shops.csv'), qr/Reason: it is empty/, 'a relative path begins at the data directory');

# --- who may

$cluster->sql("CREATE ROLE boss LOGIN; SELECT ordersync_grant('boss', 'admin'); CREATE ROLE ops LOGIN; SELECT ordersync_grant('ops', 'operator')");
like(fails($good, extra => [ '-U', 'ops' ]), qr/permission denied for function ordersync_import_shops/, 'an operator may not');
like(fails($good, extra => [ '-U', 'boss' ]),
	qr/permission denied to read a file of the server\nDETAIL:  Only roles with privileges of the "pg_read_server_files" role may\.\nHINT:  A superuser can have it read, or GRANT pg_read_server_files TO boss\./,
	'an admin may set up shops, but not have the server read files');
is(fails('/nowhere', extra => [ '-U', 'boss' ]) =~ /No such file/, '', 'nor learn which are there');
$cluster->sql('GRANT pg_read_server_files TO boss');
is(fails($good, extra => [ '-U', 'boss' ]), '', 'unless that was granted');
is($cluster->sql('SELECT done_by FROM ordersync.setup_history WHERE shop_id = 1'), 'boss', 'which the history tells');
like($cluster->sql_fails("SET ROLE ops; SELECT * FROM ordersync_import_shops('$good')"), qr/permission denied/, 'a superuser has the rights of the role that it set');
$cluster->sql("SELECT ordersync_remove_shop(1, purge => true); REVOKE pg_read_server_files FROM boss");

# as the page has it
my ($wrapper) = slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_setup.md") =~ /^```text\n(CREATE FUNCTION import_our_shops.*?)^```$/ms;
$cluster->sql($wrapper =~ s/'[^']*shops\.csv'/'$good'/r);
is($cluster->{node}->safe_psql('postgres', 'SELECT action FROM import_our_shops()', extra_params => [ '-U', 'boss' ]), 'added', 'a superuser\'s function lets an admin import one path');
is($cluster->sql('SELECT done_by FROM ordersync.setup_history WHERE shop_id = 1 ORDER BY history_id DESC LIMIT 1'), 'boss', 'who logged in is recorded');
like($cluster->sql_fails('SELECT * FROM import_our_shops()', extra => [ '-U', 'ops' ]), qr/permission denied/, 'and nobody else');
$cluster->sql("SELECT ordersync_remove_shop(1, purge => true)");

# --- what is no matter of one line ends the import, and nothing is stored

$cluster->sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.shop_id = 502 THEN RAISE disk_full USING MESSAGE = 'no space left'; END IF;
	IF NEW.shop_id = 503 THEN RAISE EXCEPTION 'not this one'; END IF;
	RETURN NEW; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON ordersync.shops FOR EACH ROW EXECUTE FUNCTION refuse()});
like(fails(file('disk', "shop_id,seller_nick,data_key\n501,a,key-501\n502,b,key-502\n")), qr/no space left/, 'an error of the database');
is($cluster->sql('SELECT count(*) FROM ordersync.shops WHERE shop_id > 500'), '0', 'undoes it');
says("shop_id,seller_nick,data_key\n503,a,key-503\n504,b,key-504\n", "503|error|line 2: not this one\n504|added|-", 'a user\'s trigger refuses a shop');
$cluster->sql('DROP FUNCTION refuse CASCADE');

# --- bytes by chance: a clear answer, whatever comes

my @seeds = (slurp_file(file('a', "shop_id,seller_nick,data_key,options\n601,seller,key-601,\"{\"\"payloads\"\": \"\"off\"\"}\"\n602,\"a\nb\",key-602,\n")),
	qq({"shop_id": 603, "seller_nick": "seller", "data_key": "key-603", "options": {"payloads": "off"}}\n{"shop_id": 604, "data_key": null}\n));
my @pieces = ("\0", "\xff", '"', '""', ',', "\n", "\r", "\r\n", '{', '}', '[', '\\', '\\u0000', '\\ud800', 'null', '"' x 1000, ',' x 100, '{' x 5000, "\n" x 100, "\xef\xbb\xbf", 'x' x 70000);
srand(20261129);
mkdir "$dir/fuzz";
for my $n (1 .. 400)
{
	my $text = $seeds[ rand @seeds ];
	for (1 .. 1 + rand 5)
	{
		my $at = int rand length $text;
		substr($text, $at, rand() < 0.5 ? 0 : int rand 10) = rand() < 0.5 ? $pieces[ rand @pieces ] : join '', map { chr int rand 256 } 1 .. 1 + rand 4;
	}
	$text = join '', map { chr int rand 256 } 1 .. rand 500 if $n % 20 == 0;
	file("fuzz/$n", $text);
}
my $fuzz = $cluster->sql(q{SET log_min_messages = warning; SET client_min_messages = error; SET debug_print_plan = off; SET debug_print_parse = off; SET log_min_duration_statement = -1; SET auto_explain.log_min_duration = -1;
	CREATE TEMP TABLE told (action text, message text);
	DO $$ DECLARE v integer; BEGIN
		FOR v IN 1 .. 400 LOOP
			BEGIN
				INSERT INTO told SELECT i.action, i.message FROM ordersync_import_shops('} . $dir . q{/fuzz/' || v) i;
			EXCEPTION WHEN bad_copy_file_format THEN
				INSERT INTO told VALUES ('refused', SQLERRM);
			END;
		END LOOP;
	END $$;
	SELECT count(*) FILTER (WHERE action = 'refused') > 10, count(*) FILTER (WHERE action = 'error') > 10, count(*) FILTER (WHERE action IN ('added', 'changed', 'unchanged')) > 10,
		count(*) FILTER (WHERE message ~ 'key-|invalid byte|Token') FROM told;});
is($fuzz, 't|t|t|0', 'some are refused, some have wrong lines, some are good, and nothing is quoted');
is($cluster->sql('SELECT 1'), '1', 'the server has not crashed');
my $crashes = () = slurp_file($node->logfile) =~ /was terminated by signal/g;
is($crashes, 0, 'at no time');
$cluster->sql('SELECT ordersync_remove_shop(shop_id) FROM ordersync.shops');

# --- ten thousand

my $started = time;
is($cluster->sql("SET log_min_messages = warning; SET debug_print_plan = off; SET debug_print_parse = off; SET auto_explain.log_min_duration = -1; SELECT action, count(*) FROM ordersync_import_shops('"
	. file('many', "shop_id,seller_nick,data_key\n" . join '', map { "$_,seller $_,key-$_\n" } 10_001 .. 13_000) . "') GROUP BY action"), 'added|3000', '3,000 shops');
diag('3,000 shops: ' . (time - $started) . ' s');
$started = time;
is($cluster->sql("SET log_min_messages = warning; SET debug_print_plan = off; SET debug_print_parse = off; SET auto_explain.log_min_duration = -1; SELECT action, count(*) FROM ordersync_import_shops('$dir/many') GROUP BY action"), 'unchanged|3000', 'a second time');
diag('3,000 shops again: ' . (time - $started) . ' s');

# --- the shops of the gateway: they are read

my @shops = map { my %s = %$_; \%s } @{ $cluster->control('shops') };
my $text = "shop_id,seller_nick,session_key\n" . join '', map { qq($_->{shop},"$_->{seller_nick}",$_->{session}\n) } @shops;
is(import_file(file('real', $text)), "1|added|-\n2|added|-", 'shops of the gateway');
is($cluster->full($_), 'succeeded', "shop $_ is read") for 1, 2;
is($cluster->sql('SELECT count(*) > 100, string_agg(DISTINCT key_state, $$ $$) FROM ordersync.orders o JOIN ordersync.shops s USING (shop_id)'), 't|ok', 'with its key');

$cluster->sql('CALL ordersync_reproject(ARRAY[1])');
is($cluster->sql('SELECT action, shop_id, details FROM ordersync.setup_history ORDER BY history_id DESC LIMIT 1'), 'rows written again|1|{"shops": [1]}', 'rows written again are in the history');

# --- no key is anywhere

my $log = slurp_file($node->logfile, $log_at);
like($log, qr/ordersync_import_shops/, 'the log has the statements');
like($log, qr/Query Text: .*ordersync\.import_line/s, 'and those inside');
is_deeply([ $log =~ /(.{0,80}key-\w+(?!-)[\w-]*.{0,40})/g ], [], 'no key');
is_deeply([ grep { index($log, $_->{session}) >= 0 } @shops ], [], 'nor one of the gateway');
my ($dump) = run_command([ 'pg_dump', '--data-only', '-d', $node->connstr('postgres') ]);
is_deeply([ $dump =~ /(key-\d\w*)/g ], [], 'nor is one in a table');

done_testing;
