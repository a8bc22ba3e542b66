# How many workers there are: by default as many as cores, and never so many that others have none; a run is shared by all of them.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;

chomp(my $cores = `nproc`);
sub least { my ($a, $b) = @_; return $a < $b ? $a : $b }
sub workers_of { my ($world, $db) = @_; return $world->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = '$db'") }

# The default, in servers with room for many and for few background workers.
for my $room (64, 8, 3)
{
	my $server = OrdersyncTest->new(without_gateway => 1, databases => '', conf => "max_worker_processes = $room");
	my $quarter = int($room / 4) || 1;
	is($server->sql(q{SELECT boot_val FROM pg_settings WHERE name = 'ordersync.workers'}), least($cores, $quarter), "workers by default: $cores cores, room for $room");
	$server->node->stop;
}

# Room for two workers beside the two launchers. A database that comes later has one all the same, and what the first one's other worker had in hand is read by the one that is left.
my $world = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 600, '--days' => 30, '--burst' => 0 ],
	conf => "max_worker_processes = 4\nordersync.workers = 2\nordersync.max_in_flight = 64");
$world->sql('CREATE DATABASE other');
$world->add_shops(1);
$world->advance(300, quiet => 1);
is($world->incremental(1), 'succeeded', 'a first run');
$world->wait_until('two workers', sub { workers_of($world, 'postgres') == 2 });

# A run of few windows: each worker has a part of it in hand.
$world->fault('hang', ms => 25_000);
my ($since, $until, $last) = split /\|/, $world->sql("SELECT day - 5, day, day - 1 FROM (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - 3 AS day) d");
my $run = $world->trigger('incremental', 1, "$since 00:00:00+08", "$until 00:00:00+08");
$world->wait_until('both workers to work on it', sub {
	$world->sql("SELECT count(DISTINCT owner) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'running'") == 2 });
is($world->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run"), 0, 'before the first call has ended');

# Another database, while calls are in flight.
$world->sql("ALTER SYSTEM SET ordersync.databases = 'postgres,other'");
$world->sql('SELECT pg_reload_conf()');
$world->wait_until('a worker in the other database', sub { workers_of($world, 'other') == 1 });
is(workers_of($world, 'postgres'), 1, 'the first one keeps one');
$world->no_faults;
$world->control('release');
is($world->finish($run), 'succeeded', 'the run goes on');
my @range = (api => 'increment', since => "$since 00:00:00", until => "$last 23:59:59");
is_deeply([ $world->behind(1, 'trades', @range) ], [], 'and nothing is missing');
is(workers_of($world, 'other'), 1, 'the other database has its worker still');

# It leaves the list: the place is taken again.
$world->sql("ALTER SYSTEM SET ordersync.databases = 'postgres'");
$world->sql('SELECT pg_reload_conf()');
$world->wait_until('the second worker to be back', sub { workers_of($world, 'postgres') == 2 });
pass('the first database has two again');

done_testing;
