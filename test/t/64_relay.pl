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
$cluster->sql('CREATE EXTENSION IF NOT EXISTS ordersync');

# A moment, so many seconds ago, as the platform writes it.
sub ago { return $cluster->sql("SELECT to_char(timezone('Asia/Shanghai', date_trunc('second', now()) - interval '$_[0] seconds'), 'YYYY-MM-DD HH24:MI:SS')") }

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
	delete $set{headers} if $arg{token};	# a secret of that name goes out in its place
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
my %codes = (codes => { throttled => ['429'], unauthorized => ['401'], retry => ['500'], not_found => ['404'], permission => ['403'] });
relay('form', { %codes, paths => { special_refunds => '/Special' } });
relay('json', { %codes, paths => { increment => '/v2/changed', list => '/v2/created', details => '/v2/order', refunds => '/v2/refunds', refund => '/v2/refund', special_refunds => '/v2/special' },
	parameters => { credential => 'key', start_created => 'from', end_created => 'to', use_has_next => undef, page_no => 'page', page_size => 'limit', tid => 'order_id', refunds => { start_modified => 'begin', end_modified => 'finish' } },
	constants => { v => '2.0' }, headers => { 'x-token' => 'of-before' }, body => 'json', times => 'epoch', records => { trades => 'list', refunds => 'list', trade => 'order', refund => '', total_results => 'page.total', has_next => 'page.more' } },
	there => { 'headers.X-Token' => $token }, token => $token);
relay('enveloped', { %codes, paths => { special_refunds => '/Special' }, envelope => {}, signature => {} }, there => { data => 'text' }, sign_method => 'hmac');
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
	my %run = map { $_ => $cluster->trigger($kind, $shop{$_}, $kind eq 'full' ? ("$_[0]" && ago(31 * 86400), undef) : ()) } @names;
	is(join(' ', map { "$_ " . $cluster->finish($run{$_}) } @names), join(' ', map { "$_ succeeded" } @names), "$kind runs");
	return;
}

# What is stored of a shop, without what is ours, a line a row; where: only those rows.
my $ours = q('{shop_id,first_seen_at,synced_at,details_at,read_at,turned_at,digest_increment,digest_list,digest_details,digest_history,digest_special}'::text[]);
sub rows
{
	my ($name, $table, $where) = @_;
	return $cluster->sql("SELECT to_jsonb(t) - $ours FROM ordersync.$table t WHERE shop_id = $shop{$name} AND $where ORDER BY 1");
}

# Every row of those tables and shops as one sum, compared with the first way's.
sub are_equal
{
	my ($when, $where, $tables, @names) = @_;
	my %name = map { $shop{$_} => $_ } 'md5', @names;
	my @said = split /\n/, $cluster->sql(join ' UNION ALL ', map { "SELECT '$_', shop_id, count(*), md5(string_agg((to_jsonb(t) - $ours)::text, ' ' ORDER BY (to_jsonb(t) - $ours)::text))
		FROM ordersync.$_ t WHERE shop_id IN (" . join(',', keys %name) . ") AND $where GROUP BY shop_id" } @$tables);
	my %sum;
	for (@said) { my ($table, $shop, $n, $sum) = split /\|/; $sum{$table}{ $name{$shop} } = "$n rows, $sum" }
	for my $table (@$tables)
	{
		my ($n) = ($sum{$table}{md5} // '') =~ /^(\d+)/;
		cmp_ok($n, '>', $table =~ /after/ ? 5 : 140, "$when: $table ($n)");
		for my $name (@names)
		{
			is($sum{$table}{$name}, $sum{$table}{md5}, "$when: $table are equal by $name")
				or show_difference(map { rows($_, $table, $where) } 'md5', $name);
		}
	}
	return;
}
sub all_are_equal
{
	my ($when) = @_;
	are_equal($when, 'true', [qw(orders sub_orders after_sales order_payloads after_sale_payloads)], 'hmac', 'hmac-sha256', @relays);
	are_equal($when, 'true', [qw(orders sub_orders order_payloads)], @by_order);
	# the list of price protection has no such call
	are_equal($when, "coalesce(special_refund_type, '') = ''", ['after_sales'], @by_order);
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
all_are_equal('a month');
is($cluster->sql("SELECT string_agg(DISTINCT key_state, ',') FROM ordersync.shops WHERE gateway = ANY ('{form,json,enveloped,bundled,by_order}')"), 'unverified', 'a relay is asked for no seller: its records say it');
$cluster->control('change', orders => 12, shop => 1, from => ago(7200), to => ago(120));
run_all('incremental', qw(md5 hmac hmac-sha256), @relays, @by_order);
all_are_equal('what changed');
my $methods = $cluster->control('stats')->{methods};
is($cluster->sql("SELECT count(*) FROM ordersync.request_log r JOIN ordersync.shops s USING (shop_id) WHERE s.gateway = ANY ('{form,json,enveloped,bundled,by_order}') AND r.method ~ 'seller|rrival|incrementv'"), 0, 'no relay was asked who the seller is, nor for arrivals');
cmp_ok($methods->{'refunds of one order'}{calls}, '>', 3, 'after-sales by order');
is(join(' ', split /\n/, $cluster->sql("SELECT DISTINCT s.gateway || ' ' || w.verdict FROM ordersync.window_counts w JOIN ordersync.shops s USING (shop_id)
	WHERE w.stream = 'orders' AND s.gateway = ANY ('{form,json,enveloped,bundled,by_order}') ORDER BY 1")),
	'bundled counted by_order counted enveloped counted form counted json counted', 'their windows are counted');

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
	is($cluster->sql("SELECT max(attempt) FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run}"), '0', 'and costs no attempt');
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
my $run = $cluster->trigger('full', $shop{form}, ago(86400 * 2) . '+08');
$cluster->wait_until('the shop to be stopped, or the run to end', sub { $cluster->sql("SELECT key_state FROM ordersync.shops WHERE shop_id = $shop{form}") eq 'wrong_seller' || $cluster->run_state($run) !~ /pending|running/ });
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $shop{form} AND seller_nick <> '$seller[0]'"), 0, 'nothing of another seller is stored');
is($cluster->sql("SELECT count(*) FROM ordersync.orders WHERE shop_id = $shop{form}"), $before, 'nor is anything else');
cmp_ok($cluster->sql("SELECT count(*) FROM ordersync.shops WHERE shop_id = $shop{form} AND key_state = 'wrong_seller'") + $cluster->sql("SELECT count(*) FROM ordersync.quarantine WHERE shop_id = $shop{form}"), '>', 0, 'the shop is stopped, or the records are in the quarantine');
$cluster->no_faults;
$cluster->sql("SELECT ordersync_cancel($run)") if $cluster->run_state($run) =~ /pending|running/;

# --- without totals, in short windows ---

relay('uncounted', { totals => JSON::PP::false }, there => { max_window => 7200 }, options => { max_window => '2 hours' });
shop('uncounted');
relay('silent', { totals => JSON::PP::false, has_next => JSON::PP::false, parameters => { use_has_next => undef }, records => { trades => 'list', refunds => 'list' } });
shop('silent');
for my $name (qw(uncounted silent))
{
	my ($since, $until) = map { ago($_ * 86400) . '+08' } 5, 3;
	is($cluster->full($shop{$name}, $since, $until), 'succeeded', "$name: a run of two days");
	is($cluster->sql("SELECT string_agg(DISTINCT outcome, ',') FROM ordersync.sync_tasks WHERE run_id = $cluster->{last_run} AND stream = 'orders'"), 'unproven', 'whose windows are unproven');
	is($cluster->sql("SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE shop_id = $shop{$name} AND created >= '$since' AND created < '$until'"),
		$cluster->sql("SELECT string_agg(tid::text, ' ' ORDER BY tid) FROM ordersync.orders WHERE shop_id = 1 AND created >= '$since' AND created < '$until'"), 'and all is there');
}

# --- the secret header ---

unlike(slurp_file($cluster->node->logfile), qr/\Q$token\E/, 'the secret header is not in the log');
is($cluster->sql("SELECT count(*) FROM ordersync.request_log x WHERE x::text ~ '$token'") + $cluster->sql("SELECT count(*) FROM ordersync.gateways x WHERE x::text ~ '$token'"), 0, 'nor in a table');

done_testing;
