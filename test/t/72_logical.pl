# Logical decoding: a full run, changes, an incremental run and a purge reach a subscriber (pgoutput) and a reader of wal2json
# row by row, whatever is killed meanwhile; each transaction whole, each change with its key, no other table and no secret.
use strict;
use warnings;
use Encode ();
use File::Basename qw(basename);
use IPC::Run;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 150, '--days' => 27 ],
	conf => "ordersync.lag = 0\nwal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10");
my $node = $cluster->node;
# Since the minor releases of 2026 the server has a list of the plugins that may decode.
if ($cluster->sql("SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'"))
{
	$cluster->sql("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'wal2json'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('output_plugin_libraries') ~ 'wal2json'");
}
my $copy = PostgreSQL::Test::Cluster->new('copy');
OrdersyncTest::init_from_template($copy);
$copy->start;

my %key = (orders => 'shop_id,tid', sub_orders => 'shop_id,oid', after_sales => 'shop_id,refund_id', order_changes => 'shop_id,change_id');
my @tables = sort keys %key;
sub rows { my ($of, $table, $where, $db) = @_; return $of->safe_psql($db // 'postgres', "SELECT t FROM ordersync.$table t WHERE " . ($where // 'true') . " ORDER BY $key{$table}") }
# One assertion: each row and column.
sub same
{
	my ($name, $where, $db) = @_;
	my (@differ, @sizes);
	for my $table (@tables)
	{
		my ($here, $there) = (rows($node, $table, $where), rows($copy, $table, undef, $db));
		push @differ, $table if $here ne $there;
		push @sizes, ($here =~ tr/\n// + ($here ne '')) . " $table";
	}
	return is("@differ", '', "$name: " . join ', ', @sizes);
}

# --- all that is written of secrets, for a reader of every table

$cluster->create_extension;
$cluster->sql("SELECT pg_create_logical_replication_slot('whole', 'wal2json')");
$cluster->add_shops(1, 2);
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')");
# The database's owner publishes; a role of its own reads.
$cluster->sql("CREATE ROLE owner LOGIN; ALTER DATABASE postgres OWNER TO owner; CREATE ROLE replica LOGIN REPLICATION");
is($cluster->sql_fails('SELECT ordersync_create_publication()', extra => [ '-U', 'owner' ]), '', 'the database\'s owner publishes');
$cluster->sql("SELECT ordersync_grant('replica', 'reader'), ordersync_create_publication('one_shop', '{1}')");
is($cluster->full(1), 'succeeded', 'a full run of one shop');
my $secrets = join '|', 'helloworld', map { $_->{session} } @{ $cluster->control('shops') };
is($cluster->sql("SELECT count(*) FILTER (WHERE data ~ '\"table\":\"secrets\"') > 0, count(*) FILTER (WHERE data ~ '$secrets')
	FROM pg_logical_slot_peek_changes('whole', NULL, NULL, 'format-version', '2')"), 't|0', 'who decodes every table sees secrets sealed');
$cluster->sql("SELECT pg_drop_replication_slot('whole')");

# --- copies are made in the middle of a run

$cluster->fault('hang', ms => 600000, shop => 2, skip => 8);
my $run = $cluster->trigger('full', 2);
$cluster->wait_until('the middle of a run', sub { $cluster->in_flight && $cluster->sql('SELECT count(*) FROM ordersync.orders WHERE shop_id = 2') > 0 });

my $from = sprintf 'host=%s port=%s dbname=postgres user=replica', $node->host, $node->port;
# One that has the extension has the views, too.
$copy->safe_psql('postgres', "CREATE EXTENSION ordersync; CREATE ROLE analyst; SELECT ordersync_grant('analyst', 'reader');
	CREATE SUBSCRIPTION everything CONNECTION '$from' PUBLICATION ordersync");
# One that has it not is made the tables and their keys.
$copy->safe_psql('postgres', 'CREATE DATABASE one');
my $made = IPC::Run::run([ $node->config_data('--bindir') . '/pg_dump', '-d', $node->connstr('postgres'), qw(--section=pre-data --no-owner --no-privileges),
	map { "--table=ordersync.$_" } @tables ], '>', \my $definitions);
$copy->safe_psql('one', "CREATE SCHEMA ordersync; $definitions; " . join('', map { "ALTER TABLE ordersync.$_ ADD PRIMARY KEY ($key{$_});" } @tables)
	. "CREATE SUBSCRIPTION one_shop CONNECTION '$from' PUBLICATION one_shop");

# The reader of wal2json keeps its copy in tables beside: what was there, then each change by its key.
$cluster->sql("SELECT pg_create_logical_replication_slot('reader', 'wal2json'); CREATE SCHEMA copy");
$cluster->sql("CREATE TABLE copy.$_ (LIKE ordersync.$_ INCLUDING INDEXES)") for @tables;
my $folder = PostgreSQL::Test::Utils::tempdir();
my ($reader, $readings) = (undef, 0);
sub read_changes
{
	my @arg = @_;
	$readings++;
	my @command = ($node->config_data('--bindir') . '/pg_recvlogical', '-d', $from, '--slot=reader', '--start', '--no-loop', '--status-interval=1', '--fsync-interval=1',
		'-f', "$folder/$readings", '-o', 'format-version=2', '-o', 'include-pk=true', '-o', 'include-types=false', '-o', 'add-tables=' . join(',', map { "ordersync.$_" } @tables), @arg);
	$reader = fork // die "fork: $!";
	if (!$reader)
	{
		open STDERR, '>', "$folder/$readings.err";
		exec @command or die "$command[0]: $!";
	}
	return;
}
sub read_to_here
{
	read_changes('--endpos=' . $cluster->sql('SELECT pg_current_wal_flush_lsn()'));
	waitpid $reader, 0;
	is($?, 0, 'the reader reads on to the end') or diag(slurp_file("$folder/$readings.err"));
	return;
}
read_changes();
$cluster->no_faults;
$cluster->control('release');
$cluster->sql("INSERT INTO copy.$_ TABLE ordersync.$_") for @tables;
is($cluster->finish($run), 'succeeded', 'the run in whose middle the copies were begun');
$copy->wait_for_subscription_sync($node, 'everything');
same('a subscriber after it');

# --- what an update of the extension does: a column more; here with a value that is stored out of line

my $log = -s $copy->logfile;
$cluster->sql("ALTER TABLE ordersync.orders ADD COLUMN note text; ALTER TABLE copy.orders ADD COLUMN note text;
	UPDATE ordersync.orders SET note = (SELECT string_agg(md5(concat(tid, i)), '') FROM generate_series(1, 300) i) WHERE tid % 3 = 0");
$cluster->wait_until('the subscriber to lack the column', sub { slurp_file($copy->logfile, $log) =~ /missing replicated column: "note"/ });
$copy->safe_psql($_, 'ALTER TABLE ordersync.orders ADD COLUMN note text') for qw(postgres one);

# --- changes, while reader, subscriber and publisher are killed

$cluster->control('change', shop => $_, orders => 60) for 1, 2;
$cluster->advance(5, quiet => 1);
kill 'KILL', $reader;
waitpid $reader, 0;
read_changes();
$run = $cluster->trigger('incremental', 1);
$copy->stop('immediate');
$node->stop('immediate');
waitpid $reader, 0;
$node->start;
$copy->start;
read_changes();
is($cluster->finish($run), 'succeeded', 'a run during which all were killed');
is($cluster->incremental(2), 'succeeded', 'and one of the other shop');
kill 'KILL', $reader;
waitpid $reader, 0;
$node->wait_for_catchup($_) for qw(everything one_shop);
same('a subscriber that was killed, of a publisher that was killed');
same('one of a single shop', 'shop_id = 1', 'one');
cmp_ok($cluster->sql('SELECT count(DISTINCT changed_in) FROM ordersync.order_changes WHERE field <> \'first_seen\''), '>', 1, 'there were changes');

# --- a purge

my $purged = join ', ', map { $_ . ' ' . $cluster->sql("SELECT count(*) FROM ordersync.$_ WHERE shop_id = 2") } @tables;
$cluster->sql('SELECT ordersync_remove_shop(2, purge => true)');
$node->wait_for_catchup('everything');
same('after a purge of a shop');
is($copy->safe_psql('postgres', 'SELECT count(*) FROM ordersync.orders WHERE shop_id = 2'), 0, 'of which nothing is left');
is($copy->safe_psql('postgres', "SELECT string_agg(srrelid::regclass::text, ' ' ORDER BY srrelid::regclass::text) FROM pg_subscription_rel JOIN pg_subscription s ON s.oid = srsubid WHERE subname = 'everything'"),
	join(' ', map { "ordersync.$_" } @tables), 'no other table came');
is($copy->safe_psql('postgres', 'SELECT (SELECT count(*) FROM ordersync.shops) + (SELECT count(*) FROM ordersync.secrets) + (SELECT count(*) FROM ordersync.request_log)'), 0, 'and theirs are empty');
is($copy->safe_psql('postgres', 'SELECT count(*) = (SELECT count(*) FROM ordersync.orders) AND bool_and(stage_zh IS NOT NULL) FROM ordersync.order_report'), 't', 'the views of the copy show it');

# --- the stream of wal2json

read_to_here();
# Whole transactions of each reading, as a reader keeps them that commits its own work with the end of one.
my ($transactions, $broken, @stream) = (0, 0);
for my $reading (1 .. $readings)
{
	my @open;
	for my $line (split /\n/, slurp_file("$folder/$reading"))
	{
		my ($action) = $line =~ /^\{"action":"(\w)"/;
		$broken++ if ($action // '') eq 'B' xor !@open;
		push @open, $line;
		next if ($action // '') ne 'C';
		$transactions++;
		push @stream, map { "$transactions\t$_\n" } @open[ 1 .. $#open - 1 ];
		@open = ();
	}
}
is($broken, 0, "$transactions transactions in $readings readings, none in another, none without its end before the next");
PostgreSQL::Test::Utils::append_to_file("$folder/stream", join '', @stream);
$node->safe_psql('postgres', qq{
	CREATE TABLE copy.stream (n integer GENERATED ALWAYS AS IDENTITY, transaction integer, change jsonb);
	\\copy copy.stream (transaction, change) FROM PROGRAM 'cat $folder/stream' WITH (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01')
	CREATE FUNCTION copy.of(list jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql AS \$\$ SELECT jsonb_object_agg(c ->> 'name', c -> 'value') FROM jsonb_array_elements(list) c \$\$;
	CREATE FUNCTION copy.apply(change jsonb) RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		tab text := change ->> 'table';
		key text := (SELECT string_agg(quote_ident(p ->> 'name'), ', ') FROM jsonb_array_elements(change -> 'pk') p);
		cols text := (SELECT string_agg(quote_ident(c ->> 'name'), ', ') FROM jsonb_array_elements(change -> 'columns') c);
	BEGIN
		IF change ->> 'action' = 'D' THEN
			EXECUTE format('DELETE FROM copy.%1\$I t USING jsonb_populate_record(NULL::copy.%1\$I, \$1) d WHERE (%2\$s) = (%3\$s)', tab,
				regexp_replace(key, '(\\w+)', 't.\\1', 'g'), regexp_replace(key, '(\\w+)', 'd.\\1', 'g')) USING copy.of(change -> 'identity');
		ELSE
			EXECUTE format('INSERT INTO copy.%1\$I (%2\$s) OVERRIDING SYSTEM VALUE SELECT %2\$s FROM jsonb_populate_record(NULL::copy.%1\$I, \$1) ON CONFLICT (%3\$s) DO UPDATE SET (%2\$s) = ROW(%4\$s)',
				tab, cols, key, regexp_replace(cols, '(\\w+)', 'excluded.\\1', 'g')) USING copy.of(change -> 'columns');
		END IF;
	END \$\$});
sub stream { my ($q) = @_; return $cluster->sql($q) }
is(stream(q{SELECT string_agg(DISTINCT change ->> 'table', ' ' ORDER BY change ->> 'table'), string_agg(DISTINCT change ->> 'action', '' ORDER BY change ->> 'action') FROM copy.stream}),
	join(' ', @tables) . '|DIU', 'inserts, updates and deletes of these tables');
is(stream(q{SELECT string_agg(DISTINCT concat_ws(' ', change ->> 'table', (SELECT string_agg(k ->> 'name', ',') FROM jsonb_array_elements(change -> 'identity') k)), '; ') FROM copy.stream WHERE change ->> 'action' IN ('U', 'D')}),
	join('; ', map { "$_ $key{$_}" } @tables), 'each update and delete has the key');
is(stream(q{WITH new AS (SELECT transaction, change ->> 'table' AS tab, copy.of(change -> 'columns') ->> 'tid' AS tid FROM copy.stream WHERE change ->> 'action' = 'I')
	SELECT count(*) > 0, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM new l WHERE (l.transaction, l.tab, l.tid) = (o.transaction, 'sub_orders', o.tid))),
		count(*) > count(DISTINCT o.transaction) FROM new o WHERE o.tab = 'orders'}), 't|0|t', 'a new order comes with its lines in one transaction, as a page of orders does');
is(stream(q{SELECT count(*) > 0 FROM copy.stream WHERE change ->> 'table' = 'orders' AND change ->> 'action' = 'U' AND copy.of(change -> 'columns') ? 'status' AND NOT copy.of(change -> 'columns') ? 'note'}),
	't', 'an update leaves out a value that is stored out of line and did not change');
is(stream(q{SELECT string_agg(format('%s %s', tab, n), ', ' ORDER BY tab) FROM (SELECT change ->> 'table' AS tab, count(DISTINCT change -> 'identity') AS n FROM copy.stream WHERE change ->> 'action' = 'D' AND copy.of(change -> 'identity') ->> 'shop_id' = '2' GROUP BY 1) d}),
	$purged, 'a purge deletes row by row');
is(stream("SELECT count(*) FROM copy.stream WHERE change::text ~ '$secrets'"), 0, 'no secret');
$cluster->sql('SELECT copy.apply(change) FROM copy.stream ORDER BY n');
is(join(' ', map { $cluster->sql("SELECT count(*) FROM ((TABLE ordersync.$_ EXCEPT ALL TABLE copy.$_) UNION ALL (TABLE copy.$_ EXCEPT ALL TABLE ordersync.$_)) d") } @tables), '0 0 0 0',
	'applied by key, some of it more than once, it makes the same tables');

# --- what is read again and has not changed is not in it

is($cluster->full(1, $cluster->range_of($cluster->sql('SELECT min(run_id) FROM ordersync.sync_runs WHERE shop_id = 1'))), 'succeeded',
	'the first month again, which brings what only the list serves');
# Workers commit asynchronously, and decoding goes as far as the disk: a synchronous commit brings all before it there.
my $sent = sub {
	$cluster->sql("SELECT pg_logical_emit_message(true, 'flush', '')");
	return $cluster->sql("SELECT count(*) FROM pg_logical_slot_get_changes('reader', NULL, NULL, 'format-version', '2', 'include-transaction', 'false', 'add-tables', '"
		. join(',', map { "ordersync.$_" } @tables) . "') WHERE data::jsonb ->> 'action' <> 'M'") };
cmp_ok($sent->(), '>', 0, 'is sent');
is($cluster->full(1, $cluster->range_of($cluster->{last_run})), 'succeeded', 'once more');
is($sent->(), 0, 'nothing is');

# --- the combined message in Kafka: the table and the job of the page

my ($outbox, $job) = grep { /public\.outbox/ } slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_downstream.md") =~ /^```sql\n(.*?)^```$/msg;
$cluster->sql($outbox);
$cluster->sql("SELECT pg_create_logical_replication_slot('outbox', 'wal2json')");
my %sent;
for my $turn (1 .. 10)
{
	$cluster->sql($job);
	my @came = map { decode_json($_) } split /\n/, $cluster->sql(q{SELECT data FROM pg_logical_slot_get_changes('outbox', NULL, NULL, 'format-version', '2', 'include-transaction', 'false',
		'add-tables', 'public.outbox', 'actions', 'insert') });
	last unless @came;
	for my $row (map { +{ map { $_->{name} => $_->{value} } @{ $_->{columns} } } } @came) { $sent{"$row->{aggregatetype} $row->{aggregateid}"} = $row->{payload} }
}
is(join(' ', sort keys %sent), $cluster->sql(q{SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM (SELECT format('order %s:%s', shop_id, tid) FROM ordersync.orders
	UNION ALL SELECT format('after_sale %s:%s', shop_id, refund_id) FROM ordersync.after_sales) a (k)}), 'the outbox has sent each order and after-sale under its key');
my ($some) = grep { /^order/ } sort keys %sent;
my ($tid) = $some =~ /:(\d+)/;
is(scalar @{ decode_json(Encode::encode_utf8($sent{$some}))->{sub_orders} }, $cluster->sql("SELECT count(*) FROM ordersync.sub_orders WHERE tid = $tid"), 'an order with its lines');
is($cluster->sql('SELECT count(*) FROM public.outbox'), 0, 'and is empty');

# --- the connectors of the page

for my $page (map { "$ENV{ORDERSYNC_TEST}/../docs/ordersync_downstream$_.md" } '', '.zh-CN')
{
	my %connector = map { $_->{name} => $_->{config} } grep { $_->{config} } map { decode_json($_) } slurp_file($page) =~ /^```json\n(.*?)^```$/msg;
	is_deeply([ sort keys %connector ], [qw(ordersync ordersync-outbox ordersync-sink)], 'connectors of ' . basename($page));
	is_deeply([ grep { ref } map { values %$_ } values %connector ], [], 'their properties are texts, as Kafka Connect wants them');
	is_deeply([ sort split /,/, $connector{ordersync}{'table.include.list'} ], [ map { "ordersync.$_" } @tables ], 'the tables are those of the publication');
	is($cluster->sql("SELECT count(*) FROM pg_publication WHERE pubname = '$connector{ordersync}{'publication.name'}'"), 1, 'which has that name');
	like("shop.ordersync.$_", qr/^(?:$connector{'ordersync-sink'}{'topics.regex'})$/, "the sink has the topic of $_") for @tables;
	like('outbox.public.outbox', qr/^(?:$connector{'ordersync-outbox'}{'predicates.is_outbox.pattern'})$/, 'the router is for the outbox');
}

done_testing;
