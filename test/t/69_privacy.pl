# The privacy policy through the real worker: records full of personal data in places where nobody expects them leave nothing of it
# in a table, a dump or the log; a changed policy is in force at once and is brought to what is stored; a buyer who was forgotten
# does not come back.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 200, '--days' => 15, '--burst' => 0 ],
	conf => "log_min_messages = debug5\nlog_statement = none\nordersync.workers = 2");
$cluster->add_shops(1);
$cluster->control('hostile');
$cluster->fault('bad_json', count => 2);
$cluster->fault('blemish', kind => $_, count => 1, method => 'sold.get') for 'no_id', 'shape';
like($cluster->full(1), qr/^(succeeded|incomplete)$/, 'a run over hostile records, some of which cannot be read');
$cluster->no_faults;
my $whole = $cluster->sql('SELECT max(tid) FROM ordersync.orders');
is($cluster->finish($cluster->{last_run} = $cluster->sql("SELECT ordersync_trigger_order(1, $whole)")), 'succeeded', 'and one order whole');

# --- nowhere ---
my $dump = $cluster->node->basedir . '/dump.sql';
sub places
{
	command_ok([ 'pg_dump', '--inserts', '-f', $dump, '-d', $cluster->node->connstr('postgres') ], 'a dump');
	my %places = (dump => slurp_file($dump), log => slurp_file($cluster->node->logfile));
	# the bytes that quarantine keeps stand there as hexadecimal digits
	$places{quarantine} = $cluster->sql("SELECT string_agg(encode(body, 'escape'), E'\\n') FROM ordersync.quarantine");
	return %places;
}
my %places = places();
for my $place (sort keys %places)
{
	is(join(' ', sort { $a cmp $b } do { my %h = map { $_ => 1 } $places{$place} =~ /(PLANTED\d+|planted\.cn|137 ?9999 ?000\d)/g; keys %h }), '', "nothing planted in the $place");
}
like($places{quarantine}, qr/kept1/, 'quarantine keeps the rest');
is($cluster->sql("SELECT count(*) = count(*) FILTER (WHERE p.payload @? '\$.new_part.list[*].kept' AND p.payload ->> 'extend_info' ~ 'kept2' AND p.payload ->> 'broken_info' ~ 'kept3'
		AND p.payload ->> 'buyer_message' = 'call ***, ***' AND p.payload ->> 'seller_memo' = '{\"a\": [\"***\", \"***\"]}') FROM ordersync.order_payloads p"), 't', 'so do the records');
is($cluster->sql(q{SELECT count(*) FILTER (WHERE description = 'id ***') = count(*) AND count(*) > 5 FROM ordersync.after_sales}), 't', 'and what people wrote is scrubbed');

# --- found ---
is($cluster->sql(q{SELECT string_agg(DISTINCT regexp_replace(path, '^orders.(order.)?', 'line.'), ' ' ORDER BY regexp_replace(path, '^orders.(order.)?', 'line.')) FROM ordersync.privacy_findings WHERE done = 'dropped'}),
	'buyerMobile line.buyerMobile line.new_part.list.login_ip line.new_part.list.real_name new_part.list.login_ip new_part.list.real_name', 'what no list has was found');
is($cluster->sql(q{SELECT bool_and(records >= 100 AND first_seen <= last_seen) FROM ordersync.privacy_findings WHERE path = 'buyerMobile'}), 't', 'in how many records');
my $writes = $cluster->sql(q{SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'privacy_findings'});
cmp_ok($writes, '<', 6 * 2 * 12, "without a write for each page: $writes");

# --- a policy that changes ---
$cluster->control('hostile', on => 0);
my ($buyer) = split /\|/, $cluster->sql('SELECT buyer_open_uid, count(*) FROM ordersync.orders WHERE buyer_open_uid IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 1');
$cluster->control('change', shop => 1, orders => 40);
# Pages are read by the old rules while the change is not committed; they wait for it, and are read again by the new ones.
my $admin = $cluster->node->background_psql('postgres');
$admin->query_safe('SET client_min_messages = warning; BEGIN');
$admin->query_safe(q{SELECT ordersync_set_privacy('buyer_nick', 'hash'), ordersync_set_privacy('title', 'drop')});
my $run = $cluster->{last_run} = $cluster->sql('SELECT ordersync_trigger_incremental(1)');
$cluster->wait_until('a page that waits for the policy', sub { $cluster->sql(q{SELECT count(*) > 0 FROM pg_locks l
	WHERE l.relation = 'ordersync.privacy_state'::regclass AND NOT l.granted}) eq 't' });
$admin->query_safe('COMMIT');
$admin->quit;
is($cluster->finish($run), 'succeeded', 'orders have changed while the policy did');
is($cluster->sql("SELECT sum(attempt) FROM ordersync.sync_tasks WHERE run_id = $run AND state <> 'succeeded'"), '', 'which costs no task');
is($cluster->sql(q{SELECT count(*) FROM ordersync.sub_orders s JOIN ordersync.orders o USING (shop_id, tid) WHERE s.title IS NOT NULL AND o.buyer_nick ~ '^h:'}), 0, 'nor was one stored by the old rules');
my ($hashed, $plain) = split /\|/, $cluster->sql(q{SELECT count(*) FILTER (WHERE buyer_nick ~ '^h:[\w-]{22}$'), count(*) FILTER (WHERE buyer_nick !~ '^h:') FROM ordersync.orders});
cmp_ok($hashed, '>', 20, "$hashed of them are stored by the new rules");
cmp_ok($plain, '>', 100, "$plain as they were");
my ($status, undef, $said) = $cluster->node->psql('postgres', 'CALL ordersync_apply_privacy()');
is($status, 0, 'the others are brought to them');
like($said, qr/all \d+ records are as the privacy policy says, \d+ rows were written/, 'which is said');
is($cluster->sql(q{SELECT count(*) FROM ordersync.orders WHERE buyer_nick !~ '^h:'}) . $cluster->sql('SELECT count(title) FROM ordersync.sub_orders'), '00', 'all of them');
is($cluster->full(1), 'succeeded', 'all is read again');
cmp_ok($cluster->sql("SELECT coalesce(sum(records_changed), 0) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND stream = 'orders'"), '<=', 45,
	'and is as it is stored, but for what a richer list adds to those that have changed');

# --- forgotten ---
my $sum = 'SELECT count(*), sum(payment), sum(paid_amount), sum(gmv), count(receiver_state) FROM ordersync.orders';
my $books = $cluster->sql($sum);
my $of_buyer = $cluster->sql("SELECT count(*) FROM ordersync.orders WHERE buyer_open_uid = '$buyer'");
my %rows = map { split /\|/ } split /\n/, $cluster->sql("SELECT * FROM ordersync_forget('$buyer')");
is($rows{orders}, $of_buyer, "a buyer of $of_buyer orders is forgotten");
is($cluster->full(1), 'succeeded', 'all is read again');
is($cluster->sql("SELECT coalesce(sum(records_changed), 0) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND stream = 'orders'"), 0, 'nothing has changed');
is($cluster->sql($sum), $books, 'the books are whole');
%places = places();
unlike($places{dump}, qr/\Q$buyer/, 'the buyer is nowhere');
is($cluster->sql(q{SELECT count(*) FROM ordersync.setup_history WHERE action = 'buyer forgotten'}), 1, 'who did that is recorded');

done_testing;
