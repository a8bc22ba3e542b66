# A fault that passes leaves nothing behind: a key file that cannot be used, a ban that the owner has lifted in the
# platform's console, a data key that is refused for a while.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 2, '--orders-per-shop' => 200, '--days' => 30 ],
	conf => "ordersync.retry_base = '20ms'\nordersync.retry_cap = '200ms'");
$cluster->add_shops(1, 2);
my %session = map { $_->{shop} => $_->{session} } @{ $cluster->control('shops') };
my $key_file = $cluster->node->data_dir . '/ordersync.key';

sub value { my ($q) = @_; return $cluster->sql("SELECT $q") }
sub key_state { my ($k) = @_; return value("key_state FROM ordersync.shops WHERE shop_id = $k") }
sub secret_state { return value("secret_state FROM ordersync.gateways WHERE name = 'taobao'") }
sub calls { return $cluster->sql("SELECT count(*) FROM ordersync.request_log") }
sub lines { my ($words) = @_; my @found = slurp_file($cluster->node->logfile) =~ /\Q$words\E/g; return scalar @found }
my @day = map { $cluster->ago($_ * 86400) . '+08' } 20, 19;	# that has long settled
sub both { return map { $cluster->trigger('incremental', $_, @day) } 1, 2 }
sub finished { return join ' ', map { $cluster->finish($_) } @_ }

is(join(' ', map { $cluster->full($_) } 1, 2), 'succeeded succeeded', 'two shops are read');

# --- the key file is made readable for a group at a restart, is away, is back ---

for my $fault ([ 'has another mode', sub { chmod 0660, $key_file }, sub { chmod 0600, $key_file } ],
	[ 'is away', sub { rename $key_file, "$key_file.away" }, sub { rename "$key_file.away", $key_file } ])
{
	my ($name, $break, $mend) = @$fault;
	my ($before, $lines) = (calls(), lines('cannot open its secrets'));
	$break->() or die "$name: $!";
	my $warned = $cluster->sql_fails("DO \$\$ BEGIN PERFORM ordersync_trigger_incremental(1, '$day[0]', '$day[1]'); RAISE 'no more'; END \$\$");
	like($warned, qr/WARNING:  secrets cannot be opened, runs wait/, "the key file $name: who triggers is told so");
	unlike($warned, qr/ordersync_set_session_key/, 'and is not asked for data keys');
	my @runs = both();
	$cluster->wait_until("the gateway to say that the key file $name", sub { secret_state() eq 'key_file' });
	like(value("waiting_for FROM ordersync.run_progress WHERE run_id = $runs[0]"), qr/^the key file: /, 'its runs say what they wait for');
	is(key_state(1) . ' ' . key_state(2), 'ok ok', 'no shop is marked for it');
	is(value('state FROM ordersync.workers'), 'no key', 'the worker says so as well');
	is(calls(), $before, 'no call is made');
	$mend->() or die "$name: $!";
	is(finished(@runs), 'succeeded succeeded', 'once it is good again all shops go on by themselves');
	is(lines('cannot open its secrets') - $lines, 1, 'one line of the log told of it');
}
is(lines('can open its secrets again'), 2, 'and one of its end');

# --- the server is started while it is away; another key is in its place ---

sub restart_with
{
	my ($break) = @_;
	$cluster->node->stop;
	$break->();
	$cluster->node->start;
	return -s $cluster->node->logfile;
}
my $at = -s $cluster->node->logfile;
restart_with(sub { rename $key_file, "$key_file.away" });
$cluster->wait_until('the start to say that the key file is missing', sub {
	slurp_file($cluster->node->logfile, $at) =~ /LOG:  ordersync cannot open its secrets/ });
like(slurp_file($cluster->node->logfile, $at), qr/DETAIL:  the key file "ordersync.key" does not exist/, 'the start says that the file is not there');
my $refused = $cluster->sql_fails("SELECT ordersync_set_data_key(1, 'session-new')");
like($refused, qr/ERROR:  cannot seal secrets: the key file is missing, and stored secrets are sealed with it/, 'no other key is made in its place');
like($refused, qr/HINT:  Restore it from .*ordersync_forget_secrets/, 'the hint has both ways');
ok(!-e $key_file, 'there is none');
my @runs = both();

$at = -s $cluster->node->logfile;
restart_with(sub { append_to_file($key_file, 'k' x 32); chmod 0600, $key_file });
$cluster->wait_until('the start to say that it is another key', sub {
	slurp_file($cluster->node->logfile, $at) =~ /LOG:  3 of 3 secrets in database "postgres" were sealed with another key/ });
is(secret_state() . ' ' . key_state(1) . ' ' . key_state(2), 'unreadable key_unreadable key_unreadable', 'another key: whose secret it is says so');
like(value("waiting_for FROM ordersync.run_progress WHERE run_id = $runs[0]"), qr/^ordersync_add_gateway: the application secret of "taobao"/,
	'the application secret is asked for first');
unlink $key_file;
rename "$key_file.away", $key_file;
is(finished(@runs), 'succeeded succeeded', 'with the right key back all go on by themselves');

# Only what cannot be opened is forgotten, and only when that is said.
$cluster->sql('SELECT ordersync_forget_secrets()');
is($cluster->sql('SELECT count(*) FROM ordersync.secrets'), '3', 'what can be opened is not forgotten');
chmod 0644, $key_file;
like($cluster->sql_fails('SELECT ordersync_forget_secrets()'), qr/cannot determine which secrets are lost/, 'nor what a mode keeps shut');
chmod 0600, $key_file;
unlink $key_file;
is($cluster->sql('SELECT ordersync_forget_secrets()'), '3', 'what a lost file had sealed is');
is(secret_state() . ' ' . key_state(1) . ' ' . key_state(2), 'missing missing missing', 'gateway and shops wait for theirs');
@runs = both();
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, NULL, 'helloworld');
	SELECT ordersync_set_data_key(1, '$session{1}'); SELECT ordersync_set_data_key(2, '$session{2}')");
is(finished(@runs), 'succeeded succeeded', 'given anew, they go on');
is(sprintf('%04o', (stat $key_file)[2] & 07777), '0600', 'under a key file made anew');

# --- a ban that is over in the console is over here ---

sub ban
{
	my ($seconds) = @_;
	$cluster->reply('{"error_response":{"code":7,"msg":"App Call Limited","sub_code":"accesscontrol.limited-by-app-access-count","sub_msg":"This ban will last for '
		. $seconds . ' more seconds"}}', count => 1);
	my @now = both();
	$cluster->wait_until('the ban', sub { value("throttled_until IS NOT NULL FROM ordersync.gateways") eq 't'
		&& $cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE state = 'running'") == 0 });
	return @now;
}
@runs = ban(31062);
is(value('throttled_until > clock_timestamp() + interval \'8 hours\' FROM ordersync.gateways'), 't', 'a ban of the day\'s quota');
my $made = calls();
$cluster->sql("SELECT ordersync_lift_ban('taobao')");
is(finished(@runs), 'succeeded succeeded', 'lifted, calls are made at once');
is(value('throttled_until IS NULL FROM ordersync.gateways'), 't', 'and it does not come back');
cmp_ok(calls(), '>', $made, 'calls');
@runs = ban(31062);
$cluster->sql("SELECT ordersync_add_gateway('taobao', NULL, '12345678', NULL)");
is(finished(@runs), 'succeeded succeeded', 'the same when the gateway is typed again');
@runs = ban(99999999999);
is(value("throttled_until < clock_timestamp() + interval '11 minutes' FROM ordersync.gateways"), 't', 'a number without sense bans for minutes');
$cluster->sql("SELECT ordersync_lift_ban('taobao')");
is(finished(@runs), 'succeeded succeeded', 'and is lifted as well');
like($cluster->sql_fails("SELECT ordersync_lift_ban('nowhere')"), qr/gateway "nowhere" does not exist/, 'of a gateway that is there');

# --- a data key that is refused for a while ---

$cluster->fault('session_expired', shop => 1);
@runs = both();
$cluster->wait_until('the key to be refused', sub { key_state(1) eq 'expired' });
is($cluster->finish($runs[1]), 'succeeded', 'the other shop goes on');
is($cluster->sql(q{SELECT key_refusals, round(extract(epoch FROM key_check_at - key_checked_at)) FROM ordersync.shops WHERE shop_id = 1}),
	'1|600', 'the refused key is checked again in ten minutes, however many calls it was refused to');
$made = calls();

# those minutes pass
sub pass { $cluster->sql("UPDATE ordersync.shops SET key_check_at = clock_timestamp() WHERE shop_id = 1; SELECT ordersync.wake()"); return }
for my $next ([ 2, 3600 ], [ 3, 86400 ], [ 4, 86400 ])
{
	pass();
	$cluster->wait_until("refusal $next->[0]", sub { value('key_refusals FROM ordersync.shops WHERE shop_id = 1') == $next->[0] });
	is($cluster->sql(q{SELECT key_state, round(extract(epoch FROM key_check_at - key_checked_at)) FROM ordersync.shops WHERE shop_id = 1}),
		"expired|$next->[1]", "refused $next->[0] times: again in $next->[1] seconds");
}
is(calls() - $made, 3, 'one call each time');
is($cluster->sql("SELECT DISTINCT method FROM (SELECT method FROM ordersync.request_log ORDER BY logged_at DESC LIMIT 3) l"),
	'taobao.user.seller.get', 'that asks whose the key is');

# asked for by hand, it ends
my $check = $cluster->sql('SELECT ordersync_check_shop(1)');
is($cluster->finish($check), 'failed', 'a check by hand that is refused has failed');
is(key_state(1), 'expired', 'the shop waits');
is($cluster->run_state($runs[0]) =~ /pending|running/ ? 'waits' : 'ended', 'waits', 'its run too');
$cluster->no_faults;
$check = $cluster->sql('SELECT ordersync_check_shop(1)');
is($cluster->finish($check), 'succeeded', 'one that is answered has succeeded');
is($cluster->finish($runs[0]), 'succeeded', 'and the shop has gone on, without its key being typed');
is(key_state(1), 'ok', 'its key is good');

$cluster->fault('session_expired', shop => 1);
my $run = $cluster->trigger('incremental', 1, @day);
$cluster->wait_until('the key to be refused again', sub { key_state(1) eq 'expired' });
$cluster->no_faults;
pass();
is($cluster->finish($run), 'succeeded', 'a key that is good again is found out by itself');

# a new key does not wait for the next check
$cluster->fault('session_expired', shop => 1);
$run = $cluster->trigger('incremental', 1, @day);
$cluster->wait_until('the key to be refused once more', sub { key_state(1) eq 'expired' });
$cluster->no_faults;
$cluster->sql("SELECT ordersync_set_data_key(1, '$session{1}')");
is($cluster->finish($run), 'succeeded', 'a new key is used at once');
is(value('key_refusals FROM ordersync.shops WHERE shop_id = 1'), '0', 'and begins without refusals');

# a key of another seller: the check says so, and its run has ended
$cluster->sql("SELECT ordersync_set_data_key(1, '$session{2}')");
is($cluster->finish($cluster->sql('SELECT ordersync_check_shop(1)')), 'failed', 'a key of another seller');
is(key_state(1), 'wrong_seller', 'is found out by a check as well');

done_testing;
