# While calls are in flight: the extension is dropped, the database is dropped, the database leaves the list, the worker is
# killed. Each is obeyed, nothing is lost, and what was stopped can go on.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 1500, '--days' => 30 ],
	databases => 'postgres,other',
	conf => 'restart_after_crash = on');	# PostgreSQL::Test::Cluster switches it off
$cluster->sql('CREATE DATABASE other');
$cluster->add_shops(1);
is($cluster->incremental(1), 'succeeded', 'a first run');

sub hang_a_run
{
	$cluster->control('release');
	$cluster->wait_until('calls that were given up to be over', sub { $cluster->in_flight == 0 });
	$cluster->fault('hang', ms => 25_000);
	my $run = $cluster->trigger('full', 1);
	$cluster->wait_until('calls in flight', sub { $cluster->in_flight >= 8 });
	return $run;
}

# The extension goes, the rows stay, and it comes back.
hang_a_run();
my $orders = $cluster->sql('SELECT count(*) FROM ordersync.orders');
my $took = $cluster->seconds_until('DROP EXTENSION', sub { $cluster->sql('DROP EXTENSION ordersync'); 1 });
cmp_ok($took, '<', 10, sprintf('DROP EXTENSION while calls hang: %.0f ms', $took * 1000));
is($cluster->sql('SELECT count(*) FROM ordersync.orders'), $orders, 'the rows stay when the extension goes');
$cluster->no_faults;
$cluster->sql('CREATE EXTENSION ordersync');
$cluster->control('release');	# so short an absence the worker may not have seen: its calls still hang
is($cluster->sql('SELECT count(*) FROM ordersync.orders'), $orders, 'the rows are there when it comes back');
my $run = $cluster->sql("SELECT max(run_id) FROM ordersync.sync_runs");
is($cluster->finish($run), 'succeeded', 'the run goes on with the extension back');
$cluster->take('full');
$cluster->equals_truth('after DROP and CREATE EXTENSION', but => [ 'paid_amount', 'paid_amount_frozen', 'paid_amount_estimated' ]);

# The database leaves the list and comes back.
$run = hang_a_run();
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'other'");
$cluster->sql('SELECT pg_reload_conf()');
$took = $cluster->seconds_until('the worker of postgres to leave', sub {
	$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'postgres'") == 0 });
cmp_ok($took, '<', 10, sprintf('a database taken out of the list is free after %.0f ms', $took * 1000));
$cluster->no_faults;
$cluster->sql("ALTER SYSTEM SET ordersync.databases = 'postgres,other'");
$cluster->sql('SELECT pg_reload_conf()');
is($cluster->finish($run), 'succeeded', 'the run goes on when the database is back in the list');

# A worker that dies by SIGKILL takes the cluster through a crash restart; its tasks are free at once.
$run = hang_a_run();
my ($pid) = split /\n/, $cluster->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'postgres'");
my $killed_at = -s $cluster->node->logfile;
kill 'KILL', $pid;
$cluster->no_faults;
$cluster->wait_until_back($killed_at);
is($cluster->finish($run), 'succeeded', 'the run goes on after a crash');
is($cluster->sql("SELECT count(*) FROM (SELECT shop_id, tid FROM ordersync.orders GROUP BY 1, 2 HAVING count(*) > 1) AS d"), '0',
	'no order is there twice');

# DROP DATABASE of a database that a worker is attached to.
$cluster->create_extension('other');
my ($shop) = grep { $_->{shop} == 2 } @{ $cluster->control('shops') };
utf8::encode(my $nick = $shop->{seller_nick});
$cluster->sql("SELECT ordersync_add_shop(2, '$nick', '$shop->{session}')", 'other');
$cluster->control('release');
$cluster->wait_until('calls that were given up to be over', sub { $cluster->in_flight == 0 });
$cluster->fault('hang', ms => 25_000);
$cluster->sql('SELECT ordersync_trigger_full(2)', 'other');
$cluster->wait_until('calls of the other database', sub { $cluster->in_flight >= 1 });
$took = $cluster->seconds_until('DROP DATABASE', sub { $cluster->sql('DROP DATABASE other WITH (FORCE)'); 1 });
cmp_ok($took, '<', 10, sprintf('DROP DATABASE … (FORCE) while calls hang: %.0f ms', $took * 1000));
$cluster->no_faults;
is($cluster->incremental(1), 'succeeded', 'the other database goes on');

done_testing;
