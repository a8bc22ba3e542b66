# A dump with consumers of the change feed in another cluster, where transactions are numbered anew, lower or higher, and in
# another database of the same one: what was not acknowledged is told, and what changes from then on; nothing is removed unread.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

sub cluster { my $c = OrdersyncTest->new(bare => 1, without_gateway => 1, databases => ''); return $c }

# Stores an order in a state; the whole record is made here.
my $store = q{
	CREATE SCHEMA feed_test;
	CREATE FUNCTION feed_test.store(p_tid bigint, p_at text, p_status text) RETURNS void LANGUAGE sql AS $$
		SELECT ordersync.apply_orders(1, 'increment', 1, 1, ARRAY[p_tid], ARRAY[ordersync.read_time(r::jsonb ->> 'modified')], ARRAY[sha256(r::bytea)], ARRAY[r])
		FROM (SELECT jsonb_build_object('tid', p_tid, 'modified', '2026-03-01 ' || p_at || ':00', 'status', p_status)::text AS r) r
	$$;
	CREATE FUNCTION feed_test.told(p_consumer text, p_batch integer DEFAULT 500) RETURNS text LANGUAGE sql AS $$
		SELECT coalesce(string_agg(tid || ' ' || (message ->> 'status'), ', ' ORDER BY position), 'nothing') FROM ordersync_changes_read(p_consumer, p_batch)
	$$;
	CREATE FUNCTION feed_test.done(p_consumer text) RETURNS void LANGUAGE sql AS $$
		SELECT ordersync_changes_ack(consumer, handed_out) FROM ordersync.consumers WHERE consumer = p_consumer
	$$;
};
my $old = cluster();
$old->sql("CREATE EXTENSION IF NOT EXISTS ordersync; SELECT ordersync.set_up(); $store");
sub burn
{
	my ($cluster, $n) = @_;
	$cluster->sql("DO \$\$ BEGIN FOR i IN 1 .. $n LOOP BEGIN PERFORM pg_current_xact_id(); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$");
	return;
}
sub next_transaction { my ($cluster) = @_; return $cluster->sql('SELECT pg_current_xact_id()') }
sub told { my ($cluster, $consumer, $db) = @_; return $cluster->sql("SELECT feed_test.told('$consumer')", $db) }
sub done { my ($cluster, $consumer, $db) = @_; return $cluster->sql("SELECT feed_test.done('$consumer')", $db) }

# Reads and acknowledges to the end: what came.
sub drained
{
	my ($cluster, $consumer, $db) = @_;
	my @came;
	for (1 .. 20)
	{
		my $told = told($cluster, $consumer, $db);
		last if $told eq 'nothing';
		push @came, $told;
		done($cluster, $consumer, $db);
	}
	return join ', ', @came;
}

burn($old, 3000);
$old->sql(q{SELECT feed_test.store(t, '09:00', 'unpaid') FROM generate_series(1, 4) t});
$old->sql(q{SELECT ordersync_changes_create('erp', '{"start": "now"}'), ordersync_changes_create('log', '{"compact": false}'), ordersync_changes_create('slow')});
$old->sql("SELECT feed_test.store($_, '10:00', 'paid')") for 1 .. 4;
is($old->sql(q{SELECT feed_test.told('erp', 2)}), '1 paid, 2 paid', 'two of four are read');
done($old, 'erp');
is($old->sql(q{SELECT feed_test.told('slow', 3)}), '1 paid, 2 paid, 3 paid', 'and three of what was stored');
done($old, 'slow');
is(told($old, 'log'), '1 paid, 2 paid, 3 paid, 4 paid', 'four are handed out and not acknowledged');
my $dump = $old->node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $old->node->connstr('postgres') ], 'dump');
my $before = next_transaction($old);

# In another cluster, before anybody has read there: a change, and the clean-up.
sub restored_in
{
	my ($cluster, $db, $where) = @_;
	$cluster->sql("CREATE DATABASE $db");
	command_ok([ 'pg_restore', '--exit-on-error', '-d', $cluster->node->connstr($db), $dump ], "restore $where");
	$cluster->sql(q{SELECT feed_test.store(5, '10:00', 'paid')}, $db);
	$cluster->sql(q{SELECT ordersync.remove_read_entries()}, $db);
	$cluster->sql(q{SELECT feed_test.store(1, '11:00', 'sent')}, $db);
	like(drained($cluster, 'log', $db), qr/^(?:1 unpaid, .*)?1 paid, 2 paid, 3 paid, 4 paid, 5 paid, 1 sent$/, "$where: each change that was not acknowledged, in order");
	like(drained($cluster, 'erp', $db), qr/(?=.*\b3 paid)(?=.*\b4 paid)(?=.*\b5 paid).*1 sent$/, "$where: the newest states");
	like(drained($cluster, 'slow', $db), qr/^4 paid(?=.*\b5 paid).*1 sent/, "$where: what was stored goes on where it was");
	$cluster->sql(q{SELECT feed_test.store(2, '11:00', 'sent')}, $db);
	is(join(' ', map { drained($cluster, $_, $db) } qw(log erp slow)), '2 sent 2 sent 2 sent', "$where: and what changes from then on, once");
	$cluster->sql(q{SELECT ordersync.remove_read_entries()}, $db) for 1 .. 2;
	is($cluster->sql('SELECT count(*) FROM ordersync.change_feed', $db), 0, "$where: all have read all, and nothing is left");
	$cluster->sql(q{SELECT feed_test.store(3, '11:00', 'sent')}, $db);
	is(join(' ', map { drained($cluster, $_, $db) } qw(log erp slow)), '3 sent 3 sent 3 sent', "$where: it goes on");
	return;
}

my $new = cluster();
cmp_ok(next_transaction($new), '<', $before, 'another cluster has lower numbers');
restored_in($new, 'lower', 'with lower transactions');
burn($new, 10_000);
cmp_ok(next_transaction($new), '>', next_transaction($old), 'and now higher ones');
restored_in($new, 'higher', 'with higher transactions');
restored_in($old, 'beside', 'in the same cluster');

done_testing;
