# Consumers of the platform's data push poll ours, with the queries that public ones have, while the gateway's orders change: pages
# that commit late, a stamp that commits late, a worker that is killed. What they end with is the gateway's truth.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Without a lag, so that all runs see the world to its last second.
my $world = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 200, '--days' => 5 ], conf => 'ordersync.lag = 0');
$world->add_shops(1);
is($world->full(1), 'succeeded', 'a run before the push\'s shape is enabled');
$world->sql("SELECT ordersync_enable_jdp('1 second')");
my $nick = $world->sql('SELECT seller_nick FROM ordersync.shops');

# --- the consumers: a role that reads, the names without a schema, the clock of the push ---

$world->sql(q{CREATE ROLE consumer LOGIN; SELECT ordersync_grant('consumer', 'reader');
	ALTER ROLE consumer SET search_path = jdp, public; ALTER ROLE consumer SET timezone = 'Asia/Shanghai'; GRANT CREATE ON SCHEMA public TO consumer});
my @consumer = (extra_params => [ '-U', 'consumer' ]);
sub as_consumer { my ($q) = @_; return $world->node->safe_psql('postgres', $q, @consumer) }
as_consumer(q{
	SET search_path = public;
	CREATE TABLE polled (consumer text, object text, id bigint, jdp_response text, PRIMARY KEY (consumer, object, id));
	CREATE TABLE cutoffs (consumer text PRIMARY KEY, at text, rounds integer DEFAULT 0);
	INSERT INTO cutoffs VALUES ('windows', '2000-01-01 00:00:00'), ('open', '2000-01-01 00:00:00');
	CREATE FUNCTION keep(consumer text, object text, query text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('INSERT INTO polled AS p SELECT %L, %L, q.* FROM (%s) q (id, jdp_response) ON CONFLICT (consumer, object, id) DO UPDATE SET jdp_response = excluded.jdp_response', consumer, object, query);
	END $$;
	-- the time that the server of the push would say
	CREATE FUNCTION server_time() RETURNS text LANGUAGE sql AS $$ SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS') $$;
	CREATE PROCEDURE consume(consumer text, nick text) LANGUAGE plpgsql AS $$
	DECLARE
		v_from text;
		v_to text;
	BEGIN
		LOOP
			SELECT c.at INTO v_from FROM cutoffs c WHERE c.consumer = consume.consumer;
			EXIT WHEN v_from IS NULL;
			v_to := server_time();
			CASE consumer
				-- from the last window to now, as with: where jdp_modified >=? and jdp_modified<? order by jdp_modified,tid
				WHEN 'windows' THEN
					PERFORM keep('windows', 'trades', format('select tid,jdp_response from jdp_tb_trade where jdp_modified >=%L and jdp_modified<%L order by jdp_modified,tid', v_from, v_to));
					PERFORM keep('windows', 'refunds', format('select refund_id,jdp_response from jdp_tb_refund where jdp_modified >=%L and jdp_modified<%L order by jdp_modified', v_from, v_to));
				-- all of a seller's above the highest that it has, as with: seller_nick='...' and jdp_modified>'...', then max(jdp_modified)
				WHEN 'open' THEN
					CREATE TEMP TABLE got ON COMMIT DROP AS SELECT tid, jdp_response, jdp_modified FROM jdp_tb_trade LIMIT 0;
					EXECUTE format('INSERT INTO got SELECT tid, jdp_response, jdp_modified FROM jdp_tb_trade WHERE seller_nick=%L and  jdp_modified>%L', nick, v_from);
					PERFORM keep('open', 'trades', 'SELECT tid, jdp_response FROM got');
					SELECT COALESCE(max(g.jdp_modified)::text, v_from) INTO v_to FROM got g;
			END CASE;
			UPDATE cutoffs c SET at = v_to, rounds = c.rounds + 1 WHERE c.consumer = consume.consumer AND c.at IS NOT NULL;
			COMMIT;
			PERFORM pg_sleep(0.1);		-- how often it polls; the test waits for what it has got
		END LOOP;
	END $$});
my %consumer;
for my $name ('windows', 'open')
{
	my ($in, $out, $err) = ('', '', '');
	$consumer{$name} = [ IPC::Run::start([ 'psql', '-XAtq', '-U', 'consumer', '-d', $world->node->connstr('postgres'), '-c', "CALL consume('$name', '$nick')" ],
		'<', \$in, '>', \$out, '2>', \$err), \$err ];
}

# What a consumer has of an object: id => modified, from what it was told last.
sub has
{
	my ($consumer, $object) = @_;
	my ($answer, $record) = $object eq 'trades' ? qw(trade_fullinfo_get_response trade) : qw(refund_get_response refund);
	return { map { my ($id, $response) = split /\|/, $_, 2; ($id => decode_json($response)->{$answer}{$record}{modified}) }
		split /\n/, $world->sql("SELECT id, jdp_response FROM polled WHERE consumer = '$consumer' AND object = '$object'") };
}
# The ids of which a consumer was not told what is stored now.
sub untold
{
	my ($consumer, $view, $id, $object) = @_;
	return $world->sql("SELECT count(*) FROM jdp.$view j LEFT JOIN polled p ON p.consumer = '$consumer' AND p.object = '$object' AND p.id = j.$id WHERE p.jdp_response IS DISTINCT FROM j.jdp_response");
}
sub all_told
{
	my ($what) = @_;
	$world->wait_until("the consumers to be told of $what", sub {
		untold('windows', 'jdp_tb_trade', 'tid', 'trades') == 0 && untold('open', 'jdp_tb_trade', 'tid', 'trades') == 0 && untold('windows', 'jdp_tb_refund', 'refund_id', 'refunds') == 0 }, 60);
	return pass("the consumers are told of $what");
}
# Waits until the consumer by windows has asked for all up to this moment, or up to a stamp.
sub polled_until { my ($moment) = @_; return $world->wait_until('the windows to pass', sub { $world->sql("SELECT at > '$moment' FROM cutoffs WHERE consumer = 'windows'") eq 't' }) }
sub change { my ($orders) = @_; $world->control('change', shop => 1, orders => $orders); return $world->advance(1, quiet => 1) }
sub now_told { return $world->sql("SET timezone = 'Asia/Shanghai'; SELECT server_time()") }

all_told('what was stored before');
is_deeply(has('windows', 'trades'), $world->says(1, 'trades'), 'all orders');

# --- changes, and a worker that is killed behind them ---

change(40);
is($world->incremental(1), 'succeeded', 'a run');
$world->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'ordersync worker'");

# --- a page that commits late ---

$world->sql(q{CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(71); RETURN NULL; END $$;
	CREATE TRIGGER wait AFTER INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION public.wait()});
change(40);
my $holder = $world->node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT pg_advisory_xact_lock(71)');
my $run = $world->trigger('incremental', 1);
$world->wait_until('a page to be written and not committed', sub {
	$world->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND wait_event = 'advisory'") == 1 });
my $moment = now_told();
$world->sql('SELECT ordersync.stamp_jdp() FROM generate_series(1, 3)');
cmp_ok(scalar(my @behind = $world->behind(1, 'trades')), '>', 0, 'changes that are written and not committed');
polled_until($moment);
$holder->query_safe('COMMIT');
is($world->finish($run), 'succeeded', 'it commits when its windows have passed');
all_told('what the killed worker had stored, and what committed late');

# --- a stamp that commits late ---

$holder->query_safe("BEGIN; SELECT pg_advisory_xact_lock(ordersync.lock_key('jdp'))");
change(40);
is($world->incremental(1), 'succeeded', 'a run, which nobody stamps');
is($holder->query_safe('SELECT ordersync.stamp_jdp()'), '0', 'one who does, and is slow');
my $stamp = $holder->query_safe('SELECT stamped_until FROM ordersync.jdp_state');
polled_until($stamp);
$holder->query_safe('COMMIT');
$holder->quit;
$world->wait_until('it to be stamped again', sub { $world->sql("SELECT count(*) FROM ordersync.jdp_trades WHERE jdp_modified = '$stamp'") == 0 }, 60);
all_told('what was stamped late');

# --- the judges ---

is_deeply(has($_, 'trades'), $world->says(1, 'trades'), "$_: ends with the orders as the gateway has them") for 'windows', 'open';
is_deeply(has('windows', 'refunds'), { %{ $world->says(1, 'refunds') }, %{ $world->says(1, 'special') } }, 'and with its after-sales');
$world->sql(q{UPDATE cutoffs SET at = NULL});
$consumer{$_}[0]->finish or diag(${ $consumer{$_}[1] }) for keys %consumer;
is(join(' ', map { ${ $_->[1] } } values %consumer), ' ', 'no consumer had an error');
$world->sql('SELECT ordersync_disable_jdp()');
like($world->sql_fails('SELECT count(*) FROM jdp_tb_trade', extra => [ '-U', 'consumer' ]), qr/relation "jdp_tb_trade" does not exist/, 'disabled, there is nothing to poll');

done_testing;
