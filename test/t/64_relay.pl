# The same shop of the same world, by protocol top with each of its signatures and by relays of all forms: the tables are equal.
# And what a relay lacks, refuses or confuses.
use strict;
use warnings;
use JSON::PP;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 150, '--days' => 31 ],
	conf => "ordersync.max_attempts = 3\nordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.workers = 2");
my $base = "http://$cluster->{address}";
my @seller = map { utf8::encode(my $nick = $_->{seller_nick}); $nick } @{ $cluster->control('shops') };
$cluster->sql('CREATE EXTENSION ordersync');

# The option relay as the simulated gateway takes it: a.b=value; null is a word there, too.
sub settings
{
	my ($v, $name) = @_;
	return map { settings($v->{$_}, defined $name ? "$name.$_" : $_) } keys %$v if ref $v eq 'HASH';
	return ($name => ref $v eq 'ARRAY' ? join(',', @$v) : ref $v ? ($v ? 'true' : 'false') : $v // 'null');
}

# A relay on both sides: its option, and what else the simulated gateway is told and ordersync_add_gateway is given.
sub relay
{
	my ($name, $option, %arg) = @_;
	my %set = %$option;
	for (qw(envelope signature)) { delete $set{$_}, $arg{there}{$_} //= 'on' if ref $set{$_} && !%{ $set{$_} } }
	$cluster->control('relay', base => "/$name", settings(\%set), %{ $arg{there} // {} });
	my $options = $json->encode({ relay => $option, %{ $arg{options} // {} } }) =~ s/'/''/gr;
	my ($key, $secret) = exists $option->{signature} ? ("'12345678'", "'helloworld'") : ('NULL', 'NULL');
	my $method = $arg{sign_method} // 'hmac-sha256';
	$cluster->sql("SELECT ordersync_add_gateway('$name', '$base/$name', $key, $secret, 'relay', '$method', '$options')");
	$cluster->sql("SELECT ordersync_set_gateway_secret('$name', 'header:X-Token', '$arg{token}')") if $arg{token};
	return;
}

my $shops = 0;
my %shop;
sub shop
{
	my ($name, $seller, $key) = @_;
	$shop{$name} = ++$shops;
	$cluster->sql("SELECT ordersync_add_shop($shops, '$seller[0]', '" . ($key // 'session-1') . "', '$name')");
	return $shops;
}

# --- eight ways to the same platform ---

for my $method (qw(md5 hmac hmac-sha256))
{
	$cluster->sql("SELECT ordersync_add_gateway('$method', '$base/router/rest', '12345678', 'helloworld', 'top', '$method')");
	shop($method);
}
my $token = 'let-me-in-0815';
relay('form', { paths => { special_refunds => '/Special' } });
relay('json', { paths => { increment => '/v2/changed', list => '/v2/created', details => '/v2/order', refunds => '/v2/refunds', refund => '/v2/refund', special_refunds => '/v2/special' },
	parameters => { credential => 'key', start_created => 'from', end_created => 'to', use_has_next => undef, page_no => 'page', page_size => 'limit', tid => 'order_id', refunds => { start_modified => 'begin', end_modified => 'finish' } },
	constants => { v => '2.0' }, body => 'json', times => 'epoch', records => { trades => 'list', refunds => 'list', trade => 'order', refund => '', total_results => 'page.total', has_next => 'page.more' } },
	there => { 'headers.X-Token' => $token }, token => $token);
relay('enveloped', { paths => { special_refunds => '/Special' }, envelope => {}, signature => {} }, there => { data => 'text' }, sign_method => 'hmac');
relay('bundled', { paths => { special_refunds => '/Special', refund => '/GetRefund' }, body => 'json', times => 'epoch_ms', headers => { 'X-App' => 'orders' },
	envelope => { code => 'result.no', message => 'result.words', data => undef, ok => [ 'OK' ] }, codes => { throttled => ['SLOW'], unauthorized => ['WHO'], retry => ['AGAIN'], not_found => ['NONE'] },
	signature => { app_key => 'App', sign_method => undef, sign => 'Sig' } }, there => { code_as => 'text', sign_method => 'md5' }, sign_method => 'md5');
my @relays = qw(form json enveloped bundled);
my @by_order = ('by_order');
relay('by_order', { after_sales => 'order', envelope => {} });
shop($_) for @relays, @by_order;

# Runs of all of them at once.
sub run_all
{
	my ($kind, @names) = @_;
	my %run = map { $_ => $cluster->trigger($kind, $shop{$_}, $kind eq 'full' ? ("$_[0]" && $cluster->ago(31 * 86400), undef) : ()) } @names;
	is(join(' ', map { "$_ " . $cluster->finish($run{$_}) } @names), join(' ', map { "$_ succeeded" } @names), "$kind runs");
	return;
}

# What is stored of a shop, without what is ours, as one text a table. but: columns that it leaves out; where: only those rows.
sub stored
{
	my ($name, $table, $but, $where) = @_;
	return $cluster->sql("SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM (
		SELECT to_jsonb(t) - '{shop_id,first_seen_at,synced_at,details_at,read_at,turned_at$but}'::text[] FROM ordersync.$table t WHERE shop_id = $shop{$name}" . ($where ? " AND $where" : '') . ') x (r)');
}

my @tables = qw(orders sub_orders after_sales order_payloads after_sale_payloads);
sub are_equal
{
	my ($when) = @_;
	for my $table (@tables)
	{
		my $want = stored('md5', $table, ',digest_increment,digest_list,digest_details,digest_history,digest_special');
		my $n = () = $want =~ /\n/g;
		cmp_ok($n, '>', $table =~ /after/ ? 5 : 140, "$when: $table of the first way ($n)");
		for my $name ('hmac', 'hmac-sha256', @relays)
		{
			my $got = stored($name, $table, ',digest_increment,digest_list,digest_details,digest_history,digest_special');
			ok($got eq $want, "$when: $table are equal by $name") or show_difference($want, $got);
		}
	}
	# after-sales of an order come when the order shows them; the list of price protection has no such call
	for my $name (@by_order)
	{
		is(stored($name, $_, ''), stored('form', $_, ''), "$when: $_ are equal $name") for qw(orders sub_orders order_payloads);
		my $ordinary = "coalesce(special_refund_type, '') = ''";
		my ($want, $got) = map { stored($_, 'after_sales', '', $ordinary) } 'form', $name;
		ok($got eq $want, "$when: after-sales are equal $name") or show_difference($want, $got);
	}
	return;
}
sub show_difference
{
	my @sides = map { { map { $_ => 1 } split /\n/ } } @_;
	my @only = map { my ($x, $y) = @sides[ $_, 1 - $_ ]; scalar(grep { !$y->{$_} } keys %$x) . ' only ' . ('there', 'here')[$_] . ': ' . join("\n", (grep { !$y->{$_} } sort keys %$x)[ 0 .. 1 ]) } 0, 1;
	{ no warnings 'uninitialized'; diag(substr $_, 0, 3000) for @only }
	return;
}

run_all('full', qw(md5 hmac hmac-sha256));
$cluster->control('stats/reset');
run_all('full', @relays, @by_order);
are_equal('a month');
is($cluster->sql("SELECT string_agg(DISTINCT key_state, ',') FROM ordersync.shops WHERE gateway = ANY ('{form,json,enveloped,bundled,by_order}')"), 'ok', 'a relay is asked for no seller: its records say it');
$cluster->control('change', orders => 12, shop => 1, from => $cluster->ago(7200), to => $cluster->ago(120));
run_all('incremental', qw(md5 hmac hmac-sha256), @relays, @by_order);
are_equal('what changed');
my $methods = $cluster->control('stats')->{methods};
is($cluster->sql("SELECT count(*) FROM ordersync.request_log r JOIN ordersync.shops s USING (shop_id) WHERE s.gateway = ANY ('{form,json,enveloped,bundled,by_order}') AND r.method ~ 'seller|rrival|incrementv'"), 0, 'no relay was asked who the seller is, nor for arrivals');
cmp_ok($methods->{'refunds of one order'}{calls}, '>', 3, 'after-sales by order');
is(join(' ', split /\n/, $cluster->sql("SELECT DISTINCT s.gateway || ' ' || verdict FROM ordersync.completeness c JOIN ordersync.shops s USING (shop_id)
	WHERE stream = 'orders' AND basis = 'created' AND day BETWEEN current_date - 20 AND current_date - 10 AND s.gateway = ANY ('{form,json,enveloped,bundled,by_order}') ORDER BY 1")),
	'bundled counted by_order counted enveloped counted form counted json counted', 'their days are counted');

# --- one order, by its number ---

for my $name (@relays)
{
	my $tid = $cluster->sql("SELECT tid FROM ordersync.orders WHERE shop_id = $shop{$name} ORDER BY tid LIMIT 1");
	is($cluster->finish($cluster->sql("SELECT ordersync_trigger_order($shop{$name}, $tid)")), 'succeeded', "one order by $name");
	is($cluster->sql("SELECT details_at IS NOT NULL FROM ordersync.orders WHERE shop_id = $shop{$name} AND tid = $tid"), 't', 'is stored whole');
}

# --- what its codes mean ---

my $latest = sub { return $cluster->sql("SELECT coalesce(string_agg(DISTINCT verdict || coalesce(' ' || code, ''), ', '), '') FROM ordersync.request_log WHERE run_id = $_[0] AND verdict <> 'ok'") };
for my $name (qw(bundled form))
{
	$cluster->fault('throttle', value => 1, count => 1);
	is($cluster->incremental($shop{$name}), 'succeeded', "a ban by $name passes");
	like($latest->($cluster->{last_run}), qr/^throttled/, 'as such');
	is($cluster->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run}"), '1', 'and costs no attempt');
	$cluster->no_faults;
	$cluster->fault('error', value => 15, sub_code => 'isp.remote-service-error', count => 1);
	is($cluster->incremental($shop{$name}), 'succeeded', "a failure by $name is tried again");
	like($latest->($cluster->{last_run}), qr/^retry/, 'as the code says');
	$cluster->no_faults;
}
for my $name (qw(enveloped form json))
{
	$cluster->sql("SELECT ordersync_set_data_key($shop{$name}, 'session-of-nobody')");
	my $run = $cluster->trigger('incremental', $shop{$name});
	$cluster->wait_until("the key to be refused by $name", sub { $cluster->sql("SELECT key_state FROM ordersync.shops WHERE shop_id = $shop{$name}") eq 'expired' });
	is($cluster->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND state = 'failed'"), 0, "a key that $name refuses stops the shop, and fails no task");
	unlike($cluster->sql("SELECT key_message FROM ordersync.shops WHERE shop_id = $shop{$name}") . $cluster->sql("SELECT string_agg(x::text, ' ') FROM ordersync.request_log x WHERE run_id = $run"), qr/session-of-nobody/, 'the key that it quotes is not kept');
	$cluster->sql("SELECT ordersync_set_data_key($shop{$name}, 'session-1')");
	is($cluster->finish($run), 'succeeded', 'the right one lets it go on');
}

# --- another seller's pages ---

my $before = $cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $shop{form}");
$cluster->fault('wrong_seller', value => 2);
my $run = $cluster->trigger('full', $shop{form}, $cluster->ago(86400 * 2));
$cluster->wait_until('the shop to be stopped, or the run to end', sub { $cluster->sql("SELECT key_state FROM ordersync.shops WHERE shop_id = $shop{form}") eq 'wrong_seller' || $cluster->run_state($run) !~ /pending|running/ });
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $shop{form} AND seller_nick <> '$seller[0]'"), 0, 'nothing of another seller is stored');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $shop{form}"), $before, 'nor is anything else');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.shops WHERE shop_id = $shop{form} AND key_state = 'wrong_seller'") + $cluster->sql("SELECT count(*) FROM ordersync.quarantine WHERE shop_id = $shop{form}"), '>', 0, 'the shop is stopped, or the records are in the quarantine');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_cancel($run)") if $cluster->run_state($run) =~ /pending|running/;

# --- without totals, in short windows ---

relay('uncounted', { totals => JSON::PP::false }, there => { max_window => 7200 }, options => { max_window => '2 hours' });
shop('uncounted');
relay('silent', { totals => JSON::PP::false, has_next => JSON::PP::false, parameters => { use_has_next => undef } });
shop('silent');
for my $name (qw(uncounted silent))
{
	my ($since, $until) = map { $cluster->ago($_ * 86400) } 5, 3;
	is($cluster->full($shop{$name}, $since, $until), 'succeeded', "$name: a run of two days");
	is($cluster->sql("SELECT string_agg(DISTINCT outcome, ',') FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND stream = 'orders'"), 'unproven', 'whose windows are unproven');
	is($cluster->sql("SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE shop_id = $shop{$name} AND created >= '$since+08' AND created < '$until+08'"),
		$cluster->sql("SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE shop_id = 1 AND created >= '$since+08' AND created < '$until+08'"), 'and all is there');
}

# --- the secret header ---

unlike(slurp_file($cluster->node->logfile), qr/\Q$token\E/, 'the secret header is not in the log');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log x WHERE x::text ~ '$token'") + $cluster->sql("SELECT count(*) FROM ordersync.gateways x WHERE x::text ~ '$token'"), 0, 'nor in a table');

done_testing;
