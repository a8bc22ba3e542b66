# pg_upgrade takes tables, queue and sealed secrets along, but not the key file: the start says so, nothing is lost as long as
# the old data directory is there, and with the file copied the shops go on. By copying files and by hard links.
use strict;
use warnings;
use File::Copy qw(copy);
use OrdersyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($bin) = map { chomp; $_ } `$ENV{PG_CONFIG} --bindir`;
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 300, '--days' => 30 ]);
$cluster->add_shops(1, 2);
is(join(' ', map { $cluster->full($_) } 1, 2), 'succeeded succeeded', 'two shops are read by the old server');
my @tables = qw(orders sub_orders after_sales order_payloads sync_runs sync_tasks coverage secrets);
sub contents { return join "\n", map { $cluster->sql("SELECT '$_', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM ordersync.$_ t") } @tables }

sub upgraded
{
	my ($how, @mode) = @_;
	my $old = $cluster->node;
	my ($before, $calls) = (contents(), $cluster->control('stats')->{calls});
	$old->stop;
	my $new = PostgreSQL::Test::Cluster->new("upgraded_$how");
	$new->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$new->append_conf('postgresql.conf', "shared_preload_libraries = 'ordersync'\nordersync.databases = 'postgres'\nordersync.allow_http = on\nordersync.allowed_hosts = '127.0.0.1'");
	my $work = $new->basedir;
	my $host = $new->host;
	chdir $work or die "$work: $!";
	command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin, '-s', $host,
		'-p', $old->port, '-P', $new->port, @mode ], "pg_upgrade by $how");
	ok(!-e $new->data_dir . '/ordersync.key', 'the key file is not taken along');
	my $key = $old->data_dir . '/ordersync.key';
	$new->start;
	$cluster->{node} = $new;
	$cluster->wait_until('the start to say that the key file is missing', sub {
		slurp_file($new->logfile) =~ /LOG:  ordersync cannot open its secrets, all tasks wait.*\n.*DETAIL:  the key file "ordersync.key" does not exist.*\n.*HINT:  .*after pg_upgrade, from the old data directory/ });
	pass('the start says that the key file is missing, and where it is');
	is(contents(), $before, 'every row is there');
	is($cluster->control('stats')->{calls}, $calls, 'no call was made meanwhile');
	like($cluster->sql_fails("SELECT ordersync_set_data_key(1, 'session-new')"), qr/the key file is missing/, 'no other key is made in its place');
	my @runs = map { $cluster->trigger('incremental', $_) } 1, 2;
	copy($key, $new->data_dir . '/ordersync.key') or die "$key: $!";
	chmod 0600, $new->data_dir . '/ordersync.key';
	is(join(' ', map { $cluster->finish($_) } @runs), 'succeeded succeeded', 'with the file copied both shops go on');
	return;
}

upgraded('copy');
is($cluster->full(1), 'succeeded', 'the new server reads a shop anew');
upgraded('link', '--link');
is($cluster->sql("SELECT string_agg(key_state, ' ') FROM ordersync.shops"), 'ok ok', 'by hard links as well');

# The order of steps on the page on operations: first the file, then the script that deletes the old directory.
my $page = slurp_file("$ENV{ORDERSYNC_TEST}/../docs/ordersync_operations.md");
like($page, qr/cp [^\n]*ordersync\.key[^\n]*\n[^`]*delete_old_cluster\.sh/, 'the page copies the key file before the old directory goes');

done_testing;
