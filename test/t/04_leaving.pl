# While calls are in flight: the extension is dropped, the database is dropped, the database leaves the list, the worker is
# killed. Each is obeyed, nothing is lost, and what was stopped can go on.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $house = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 3000, '--days' => 30 ],
	databases => 'postgres,other',
	conf => 'restart_after_crash = on');	# PostgreSQL::Test::Cluster switches it off
$house->sql('CREATE DATABASE other');
$house->add_shops(1);
is($house->incremental(1), 'succeeded', 'a first run');

sub hang_a_run
{
	$house->control('release');
	$house->wait_until('calls that were given up to be over', sub { $house->in_flight == 0 });
	$house->fault('hang', ms => 25_000);
	my $run = $house->trigger('full', 1);
	$house->wait_until('calls in flight', sub { $house->in_flight >= 8 });
	return $run;
}

# The extension goes, the rows stay, and it comes back.
hang_a_run();
my $orders = $house->sql('SELECT count(*) FROM ordersync.orders');
my $took = $house->seconds_until('DROP EXTENSION', sub { $house->sql('DROP EXTENSION ordersync'); 1 });
cmp_ok($took, '<', 10, sprintf('DROP EXTENSION while calls hang: %.0f ms', $took * 1000));
is($house->sql('SELECT count(*) FROM ordersync.orders'), $orders, 'the rows stay when the extension goes');
$house->no_faults;
$house->sql('CREATE EXTENSION ordersync');
is($house->sql('SELECT count(*) FROM ordersync.orders'), $orders, 'the rows are there when it comes back');
my $run = $house->sql("SELECT max(run_id) FROM ordersync.sync_runs");
is($house->finish($run), 'succeeded', 'the run goes on with the extension back');
$house->take('full');
$house->equals_truth('after DROP and CREATE EXTENSION', but => [ 'paid_amount', 'paid_amount_frozen', 'paid_amount_estimated' ]);

# The database leaves the list and comes back.
$run = hang_a_run();
$house->sql("ALTER SYSTEM SET ordersync.databases = 'other'");
$house->sql('SELECT pg_reload_conf()');
$took = $house->seconds_until('the worker of postgres to leave', sub {
	$house->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'postgres'") == 0 });
cmp_ok($took, '<', 10, sprintf('a database taken out of the list is free after %.0f ms', $took * 1000));
$house->no_faults;
$house->sql("ALTER SYSTEM SET ordersync.databases = 'postgres,other'");
$house->sql('SELECT pg_reload_conf()');
is($house->finish($run), 'succeeded', 'the run goes on when the database is back in the list');

# A worker that dies by SIGKILL takes the cluster through a crash restart; its tasks are free at once.
$run = hang_a_run();
my ($pid) = split /\n/, $house->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'postgres'");
kill 'KILL', $pid;
$house->no_faults;
$house->wait_until('the server to be back', sub {
	# psql that is refused leaves a broken pipe, which IPC::Run dies of
	my $status = eval { ($house->node->psql('postgres', 'SELECT 1'))[0] };
	return defined $status && $status == 0 && $house->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0 });
is($house->finish($run), 'succeeded', 'the run goes on after a crash');
is($house->sql("SELECT count(*) FROM (SELECT shop_id, tid FROM ordersync.orders GROUP BY 1, 2 HAVING count(*) > 1) AS d"), '0',
	'no order is there twice');

# DROP DATABASE of a database that a worker is attached to.
$house->create_extension('other');
my ($shop) = grep { $_->{shop} == 2 } @{ $house->control('shops') };
utf8::encode(my $nick = $shop->{seller_nick});
$house->sql("SELECT ordersync_add_shop(2, '$nick', '$shop->{session}')", 'other');
$house->control('release');
$house->wait_until('calls that were given up to be over', sub { $house->in_flight == 0 });
$house->fault('hang', ms => 25_000);
$house->sql('SELECT ordersync_trigger_full(2)', 'other');
$house->wait_until('calls of the other database', sub { $house->in_flight >= 1 });
$took = $house->seconds_until('DROP DATABASE', sub { $house->sql('DROP DATABASE other WITH (FORCE)'); 1 });
cmp_ok($took, '<', 10, sprintf('DROP DATABASE … (FORCE) while calls hang: %.0f ms', $took * 1000));
$house->no_faults;
is($house->incremental(1), 'succeeded', 'the other database goes on');

done_testing;
