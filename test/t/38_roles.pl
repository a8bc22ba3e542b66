# A grant is the role's, not its name's: who gets the name of a role that was dropped, renamed or left behind in another
# cluster gets nothing of it; the role itself keeps it through a new extension, a dump and another name.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(without_gateway => 1, databases => '');
my $node = $cluster->node;
$cluster->{address} = '127.0.0.1:1';
$cluster->create_extension;
$cluster->sql("SELECT ordersync_add_shop(k, 'shop ' || k, 'session-' || k) FROM generate_series(1, 3) k;
	INSERT INTO ordersync.orders (shop_id, tid, status, created, modified) SELECT k, k * 100, 'TRADE_FINISHED', now(), now() FROM generate_series(1, 3) k");

sub as { my ($role, $q, $at) = @_; my (undef, $out, $err) = ($at // $node)->psql('postgres', $q, extra_params => [ '-U', $role ]); return $err =~ /ERROR:\s+(.*)/ ? $1 : $out }
sub sees { my ($role, $at) = @_; return as($role, "SELECT coalesce(string_agg(shop_id::text, ' ' ORDER BY shop_id), 'none') FROM ordersync.orders", $at) }
sub told { my ($q, $at) = @_; my (undef, undef, $err) = ($at // $node)->psql('postgres', $q); return $err }
my $denied = 'permission denied for schema ordersync';

# --- dropped, and made again ---

$cluster->sql("CREATE ROLE $_ LOGIN") for qw(bi rd1 ops);
$cluster->sql("SELECT ordersync_grant('bi', 'reader'), ordersync_grant('rd1', 'reader'), ordersync_grant('ops', 'operator', '{1}')");
is(sees('rd1'), '1 2 3', 'a reader reads');
is(sees('ops'), '1', 'one for a shop reads that shop');
$cluster->sql('DROP OWNED BY rd1; DROP ROLE rd1; CREATE ROLE rd1 LOGIN');
is(sees('rd1'), $denied, 'the next one of its name reads nothing');
$cluster->sql('DROP EXTENSION ordersync; CREATE EXTENSION ordersync');
my $said = told("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld')");
like($said, qr/WARNING:  the grant of role "rd1" was not applied again\nDETAIL:  The role of this name is another one/, 'an extension made anew says whose grant it does not apply');
like($said, qr/HINT:  To grant it again: SELECT ordersync_grant\('rd1', 'reader'\)\. To discard it: SELECT ordersync_revoke\('rd1'\)\./, 'with the commands');
unlike($said, qr/"(?:bi|ops)"/, 'of the others nothing is said');
is(sees('rd1'), $denied, 'and it reads nothing after that either');
is(sees('bi'), '1 2 3', 'who is the same reads on');
is(as('ops', 'SELECT ordersync_cancel(-1)'), 'run -1 does not exist', 'and may call again what it might call');
is(as('ops', 'SELECT ordersync_trigger_full(2)'), 'permission denied for shop 2', 'within its shops');

# --- revoked, cleared ---

like(told("SELECT ordersync_revoke('rd1')"), qr/^$/, 'the row of the former one is revoked by its name');
is($cluster->sql("SELECT count(*) FROM ordersync.grants WHERE role = 'rd1'"), '0', 'and is gone');
$cluster->sql("SELECT ordersync_grant('rd1', 'reader'); DROP OWNED BY rd1; DROP ROLE rd1");
like(told("SELECT ordersync_revoke('rd1')"), qr/NOTICE:  role "rd1" does not exist any more, its grant was removed/, 'a role that is gone can be revoked');
is($cluster->sql("SELECT count(*) FROM ordersync.grants WHERE role = 'rd1'"), '0', 'its row is cleared');
like(told("SELECT ordersync_revoke('rd1')"), qr/ERROR:  role "rd1" does not exist/, 'once');

# --- renamed, and the name taken by somebody else ---

$cluster->sql("ALTER ROLE ops RENAME TO ops_before; CREATE ROLE ops LOGIN");
is(as('ops_before', 'SELECT ordersync_trigger_full(2)'), 'permission denied for shop 2', 'a renamed role is limited as before');
is(sees('ops_before'), '1', 'in what it sees, too');
is(sees('ops'), $denied, 'the one that has its name now has nothing');
$cluster->sql("SELECT ordersync_grant('ops', 'operator', '{2}')");
is(sees('ops'), '2', 'a grant of its own is its own, though a policy of its name was there');
is(sees('ops_before'), '1', 'and takes nothing from the other one');
is(as('ops', 'SELECT ordersync_trigger_full(1)'), 'permission denied for shop 1', 'nor gives it more');
is(as('ops_before', 'SELECT ordersync_trigger_full(2)'), 'permission denied for shop 2', 'nor the other one');
$cluster->sql("SELECT ordersync_grant('ops_before', 'reader', '{3}')");
is(sees('ops_before') . ', ' . sees('ops'), '3, 2', 'each is granted anew under its name');
$cluster->sql("SELECT ordersync_revoke('ops_before')");
is(sees('ops_before') . ', ' . sees('ops'), "$denied, 2", 'and revoked');
is($cluster->sql("SELECT count(*) FROM pg_policy p, pg_roles r WHERE r.rolname = 'ops_before' AND r.oid = ANY (p.polroles)"), '0', 'with its policies');

# --- a dump in another cluster, where the same names are other roles ---

my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');
my $other = OrdersyncTest->new(bare => 1, without_gateway => 1, databases => '');
# Numbers are given one after another, so a role that comes first shifts them.
$other->sql('CREATE ROLE somebody LOGIN; CREATE ROLE ops LOGIN; CREATE ROLE bi LOGIN');
sub restore { my (@how) = @_; command_ok([ 'pg_restore', '--exit-on-error', @how, '-d', $other->node->connstr('postgres'), $dump ], "restore in another cluster @how"); return }
restore('--no-privileges');
is($other->sql("SELECT count(*) FROM ordersync.grants g JOIN pg_roles r ON r.rolname = g.role AND r.oid = g.role_oid"), '0', 'where all roles have other numbers');
$said = told("SELECT ordersync.set_up()", $other->node);
like($said, qr/the grant of role "$_" was not applied again/, "$_ is told") for qw(bi ops);
like($said, qr/SELECT ordersync_grant\('ops', 'operator', '\{2\}'\)/, 'with the command, shops and all');
is(as('ops', 'SELECT ordersync_trigger_full(2)', $other->node), 'permission denied for function ordersync_trigger_full', 'and may call nothing until that was typed');
is(sees($_, $other->node), $denied, "nor may $_ read") for qw(bi ops somebody);
# What a dump itself grants, it grants by name; the limits are not lost by it.
$other->sql('DROP EXTENSION ordersync; DROP SCHEMA ordersync CASCADE');
restore();
$said = told("SELECT ordersync.set_up()", $other->node);
like($said, qr/the grant of role "ops" was not applied again/, 'a restore with privileges is told, too');
is(as('ops', 'SELECT ordersync_trigger_full(1)', $other->node), 'permission denied for shop 1', 'who may call by the dump is limited to its shops all the same');
is(sees('ops', $other->node), '2', 'in what it sees, too');
is($other->sql("SELECT string_agg(g.role, ' ' ORDER BY g.role) FROM ordersync.grants g LEFT JOIN pg_roles r ON r.rolname = g.role AND r.oid = g.role_oid WHERE r.oid IS NULL"), 'bi ops', 'the query of the page on operations lists them');
$other->sql("SELECT ordersync_grant('ops', 'operator', '{2}'), ordersync_grant('bi', 'reader')");
is(sees('ops', $other->node) . ', ' . sees('bi', $other->node), '2, 1 2 3', 'typed, they are granted');
unlike(told("SELECT ordersync.set_up()", $other->node), qr/not applied/, 'and nothing more is said');

done_testing;
