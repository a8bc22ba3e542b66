# Every form of an answer that is known of the wire goes through the worker: what is stored of it, and what becomes of its
# task. Each sample has a shop, a gateway and a window of its own; the platform's clock stands where its records are young.
use strict;
use warnings;
use OrdersyncTest;
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

my $attempts = 2;
my $cluster = OrdersyncTest->new(
	gateway => [ '--shops' => 100, '--orders-per-shop' => 0 ],
	# Not shorter than it takes to claim: half of a window that fails would be tried again before the other half is, until there
	# are twelve failures and no good answer, for which calls are stopped.
	conf => "ordersync.retry_base = '100ms'\nordersync.retry_cap = '5s'\nordersync.max_attempts = $attempts\n"
		. "ordersync.max_active_shops = 100");
$cluster->create_extension;
my %session = map { $_->{shop} => $_->{session} } @{ $cluster->control('shops') };

# --- the samples, and what each must come to ---

# The server reads the file as its own user; the table is kept for looking into the bodies by plain jsonb.
$cluster->sql("\\i $ENV{ORDERSYNC_TEST}/fixtures/wire_samples.sql\nCREATE TABLE public.sample AS TABLE wire_sample");
my %sample = map { my ($name, @rest) = split /\|/; $name => [ @rest ] }
	split /\n/, $cluster->sql("SELECT name, kind, stream, basis, encode(body, 'hex') FROM public.sample");

# The first of two records: what several samples are the second page of.
my $first = '{"trades_sold_increment_get_response":{"total_results":2,"trades":{"trade":['
	. '{"tid":1347456243420006950,"modified":"2020-11-04 14:59:50"}]}}}';

# at: the hour of its window, or of its order. before: pages that come first. tid: the order that is asked for by its id.
# orders, lines, after_sales: the rows, by the columns shown below. payload: where the record stands in the sample.
my %expected = (
	'orders by creation, 2016' => {
		at => '2016-10-20 13:00:00', nick => 'sandbox_c_1',
		orders => '194145147111084 fixed WAIT_SELLER_SEND_GOODS 2016-10-20 13:27:13 2016-10-20 13:27:49 2016-10-20 13:27:49'
			. ' 510.00 500.00 10.00 510.00 0.00 5 sandbox_cilai_c 山东省',
		lines => '194145147111084 194145147111084 WAIT_SELLER_SEND_GOODS NO_REFUND 2100710399384 5 100.00 500.00 510.00 500.00 沙箱测试20150915001',
		payload => '{trades_sold_get_response,trades,trade,0}',
	},
	'orders by creation, ids only' => {
		quarantine => "3028689418006124 no_time {\"tid\":3028689418006124}\n3041367089806472 no_time {\"tid\":3041367089806472}\n"
			. '3047218903404972 no_time {"tid":3047218903404972}',
	},
	'orders by creation, every documented field' => {
		at => '2000-01-01 00:00:00', nick => '我在测试',
		orders => '2231958349 fixed(一口价) TRADE_NO_CREATE_PAY 2000-01-01 00:00:00 2000-01-01 00:00:00 2000-01-01 00:00:00'
			# it says of itself that neither deposit nor balance is paid
			. ' 200.07 200.07 200.07  200.07 0 我在测试 浙江省',
		payload => '{trades_sold_get_response,trades,trade,0}',
	},
	'refunds, 2016' => {
		at => '2016-08-03 11:00:00', nick => 'sandbox_c_1',
		# its second record is of another day: no platform sends it in one window with the first
		change => sub { $_[0] =~ s/2016-06-01 15:09:40/2016-08-03 11:09:40/g },
		after_sales => "40594600198410 194174063521084 194174063521084 WAIT_SELLER_AGREE 2016-08-03 11:52:22 110.00 0.00 缺货 \n"
			. '146535512261065 194174061956510 194174061976510 WAIT_SELLER_AGREE 2016-08-03 11:09:40 252.77 0.00 协商一致退款 部分退款2',
		payload => '{refunds_receive_get_response,refunds,refund,0}',
	},
	'page with has_next' => {
		before => [ $first ],
		orders => "1347456243420006949   2020-11-04 14:59:33     0 \n1347456243420006950   2020-11-04 14:59:50     0 ",
		payload => '{trades_sold_increment_get_response,trades,trade,0}',
	},
	'compact form' => {
		orders => '1347456243420006949   2020-11-04 14:59:33     1 ', counted => '1 1 0',
		lines => '1347456243420006949 1347456243420006949    1     ', payload => '{trades,0}',
	},
	'single object' => {
		orders => '1347456243420006949   2020-11-04 14:59:33     0 ', counted => '1 1 0',
		payload => '{trades_sold_increment_get_response,trades,trade}',
	},
	# no list at all, said in one way or another
	(map { $_ => { counted => '0 0 0' } } 'empty: no list, total', 'empty: object', 'empty: null', 'empty: array', 'empty: compact',
		'empty: count as text', 'empty: refunds'),
	# those that answer "has_next" are the second page of a window whose records have left meanwhile
	(map { $_ => { before => [ $first ],
		orders => '1347456243420006950   2020-11-04 14:59:50     0 ' } }
		'empty: no list, has_next', 'empty: inner array', 'empty: inner null'),
	# by id
	'one whole order, 2014' => {
		at => '2014-02-06 15:00:00', nick => '测试旗舰店', tid => '518073710002548',
		orders => '518073710002548 fixed TRADE_FINISHED 2014-02-06 15:35:43 76.00 76.00 76.00 76.00 2 买家**',
		lines => '518073710002548 518073710002548 TRADE_FINISHED NO_REFUND 37000093369 2 38.00 76.00 76.00 76.00 测试商品绿檀木梳子檀檀香静电防静电正品断发脱发大圆个人洗漱',
		payload => '{trade_fullinfo_get_response,trade}',
	},
	'refund, one whole' => {
		at => '2016-08-04 09:00:00', nick => 'sandbox_c_1', tid => '194174063521084',
		# whose line it is tells of it
		order => '{"trade_fullinfo_get_response":{"trade":{"tid":194174063521084,"modified":"2016-08-04 09:00:02","orders":{"order":['
			. '{"oid":194174063521084,"refund_id":"40594600198410","refund_status":"SUCCESS"}]}}}}',
		orders => '194174063521084   2016-08-04 09:00:02     0 ', lines => '194174063521084 194174063521084  SUCCESS       ',
		after_sales => '40594600198410 194174063521084 194174063521084 SUCCESS 2016-08-04 09:00:01 110.00   ',
		payload => '{refund_get_response,refund}',
	},
	'error: an order by trade.get, which is not what is called, 2016' => {
		at => '2016-10-20 13:00:00', nick => 'sandbox_c_1', tid => '194145147111084', always => 'malformed//', failed => 'malformed',
	},

	'whose key' => { nick => '测试旗舰店', key => 'ok 2088100000001234567', counted => '0 0 0' },
	'whose key, a sub-account, compact' => { nick => '测试旗舰店', key => 'ok', counted => '0 0 0' },

	# errors: of one call, after which the platform is well again ...
	'error: code7 api limit' => { calls => 'throttled/7/accesscontrol.limited-by-api-access-count ok//', counted => '0 0 0' },
	'error: code7 app api limit as XML' => { calls => 'throttled/7/accesscontrol.limited-by-app-api-access-count ok//', counted => '0 0 0' },
	'error: code15 isv business' => { calls => 'throttled/15/isv.BUSINESS_LIMIT_CONTROL ok//', counted => '0 0 0' },
	# ... that never end
	'error: code15 isp timeout' => { always => 'retry/15/isp.top-remote-connection-error', failed => 'platform' },
	'error: code15 numeric subcode' => { always => 'retry/15/2401', failed => 'platform' },
	# ... that no repetition mends
	'error: code11 permission' => { calls => 'rejected/11/isv.permission-api-package-empty', failed => 'permission' },
	'error: code25 sign' => { calls => 'rejected/25/', failed => 'signature' },
	'error: code530 isv missing' => { calls => 'rejected/530/isv.missing-parameter:image', failed => 'parameters' },
	# ... and those that wait: for a new key, for tomorrow
	'error: code27 expired' => { calls => 'unauthorized/27/session-expired', waits => 'session', key => 'expired' },
	'error: code27 invalid' => { calls => 'unauthorized/27/invalid-sessionkey', waits => 'session', key => 'expired' },
	'error: compact form' => { calls => 'unauthorized/27/invalid-sessionkey', waits => 'session', key => 'expired' },
	'error: code7 app daily limit' => { calls => 'throttled/7/accesscontrol.limited-by-app-access-count', waits => 'quota' },
);
is_deeply([ sort keys %sample ], [ sort keys %expected ], 'every sample has its expectation');

# What is no answer at all: asked again, then failed, never an empty page. stored: what pages before it brought.
my $page = '{"trades_sold_increment_get_response":{"total_results":1,"trades":{"trade":['
	. '{"tid":1347456243420006949,"modified":"2020-11-04 14:59:33"}]},"request_id":"x"}}';
my %malformed = (
	'cut in a record' => [ substr $page, 0, 100 ],
	'cut after its list' => [ substr $page, 0, -20 ],
	'cut before its last bracket' => [ substr $page, 0, -1 ],
	'HTML' => [ '<html><body>502 Bad Gateway</body></html>' ],
	'nothing' => [ '' ],
	'white space' => [ " \n\t " ],
	'NULs' => [ "\0" x 40 ],
	'no JSON' => [ 'OK' ],
	'null' => [ 'null' ],
	'an array' => [ '[]' ],
	'an object without anything' => [ '{}' ],
	'a root without anything' => [ '{"trades_sold_increment_get_response":{}}' ],
	'a root that is null' => [ '{"trades_sold_increment_get_response":null}' ],
	'an answer to another call' => [ $page =~ s/increment_get/get/r ],
	'two answers' => [ $page . $page ],
	'a list without the total that was asked for' => [ $page =~ s/"total_results":1,//r ],
	'a total that is no number' => [ $page =~ s/"total_results":1/"total_results":"many"/r ],
	'a total below zero' => [ $page =~ s/"total_results":1/"total_results":-1/r ],
	'a list that is a text' => [ $page =~ s/"trade":\[.*\]/"trade":"none"/r ],
	'trades that are a number' => [ $page =~ s/"trades":\{.*\]\}/"trades":7/r ],
	'a list under another name' => [ $page =~ s/"trade":/"order":/r ],
	'has_next above an empty list' => [ '{"trades_sold_increment_get_response":{"has_next":true,"request_id":"x"}}', $first ],
	'has_next above an empty array' => [ '{"trades_sold_increment_get_response":{"has_next":true,"trades":{"trade":[]}}}', $first ],
	'has_next that is neither' => [ '{"trades_sold_increment_get_response":{"has_next":"perhaps","trades":{"trade":[]}}}', $first ],
	'the second page cut' => [ substr($page, 0, 100), $first ],
);

my (@cases, $shop);
for my $name (sort keys %expected)
{
	my ($kind, $stream, $basis, $hex) = @{ $sample{$name} };
	my $body = pack 'H*', $hex;
	my $e = $expected{$name};
	$e->{change}->($body) if $e->{change};
	push @cases, {
		at => '2020-11-04 14:00:00', before => [], %$e, name => $name, shop => ++$shop, kind => $kind, stream => $stream, basis => $basis,
		body => $body };
}
for my $name (sort keys %malformed)
{
	my ($body, @before) = @{ $malformed{$name} };
	push @cases, {
		name => "malformed: $name", shop => ++$shop, at => '2020-11-04 14:00:00', kind => 'list', stream => 'orders', basis => 'modified',
		body => $body, before => \@before, always => 'malformed//', failed => 'malformed', excerpt => $body =~ /^[\x21-\x7e]/ ? substr($body, 0, 20) : '',
		orders => @before ? '1347456243420006950   2020-11-04 14:59:50     0 ' : '' };
}

# --- the worker reads them ---

my %method = (
	'orders created' => 'taobao.trades.sold.get', 'orders modified' => 'taobao.trades.sold.increment.get',
	'after_sales modified' => 'taobao.refunds.receive.get', 'details of orders' => 'taobao.trade.fullinfo.get',
	'details of after_sales' => 'taobao.refund.get');
sub method_of
{
	my ($c) = @_;
	return $c->{kind} eq 'whoami' ? 'taobao.user.seller.get' : $method{ $c->{tid} ? "details of $c->{stream}" : "$c->{stream} $c->{basis}" };
}

sub set_up
{
	my ($c) = @_;
	my ($k, $nick) = ($c->{shop}, $c->{nick} // "shop $c->{shop}");
	utf8::decode(my $decoded = $nick);
	$cluster->control('rename', shop => $k, nick => $decoded);
	if ($c->{kind} eq 'whoami') { $cluster->reply($c->{body}, shop => $k, method => method_of($c), count => 1) }
	return "SELECT ordersync_add_gateway('g$k', '" . $cluster->url . "', '12345678', 'helloworld');
		SELECT ordersync_add_shop($k, '$nick', '$session{$k}', 'g$k', '{\"streams\": [\"$c->{stream}\"]}');\n";
}

# The gateway is told its answers; the statement that has them asked for.
sub prepare
{
	my ($c) = @_;
	if ($c->{kind} ne 'whoami')
	{
		$cluster->reply($_, shop => $c->{shop}, method => method_of($c), count => 1) for @{ $c->{before} };
		$cluster->reply($c->{body}, shop => $c->{shop}, method => method_of($c), $c->{always} ? () : (count => 1));
	}
	$cluster->reply($c->{order}, shop => $c->{shop}, method => 'fullinfo', count => 1) if $c->{order};
	my $kind = $c->{basis} eq 'created' ? 'full' : 'incremental';
	return $c->{tid} ? "SELECT ordersync_trigger_order($c->{shop}, $c->{tid})"
		: "SELECT ordersync_trigger_$kind($c->{shop}, '$c->{at}+08', '$c->{at}+08'::timestamptz + interval '1 hour')";
}

# Cases whose run has not come to where it is to come yet.
sub still_open
{
	my $cases = join ', ', map { "($_->{run}, '" . ($_->{waits} // '') . "')" } @_;
	return $cluster->sql("SELECT count(*) FROM (VALUES $cases) c (run_id, waits) JOIN ordersync.sync_runs r USING (run_id)
		WHERE r.state IN ('pending', 'running') AND NOT EXISTS (SELECT FROM ordersync.sync_tasks t
			WHERE t.run_id = c.run_id AND t.error_class = c.waits)");
}

my %of_day;
push @{ $of_day{ substr $_->{at}, 0, 10 } }, $_ for @cases;
for my $day (sort keys %of_day)
{
	my @now = @{ $of_day{$day} };
	my ($y, $m, $d) = split /-/, $day;
	# two days later, so that a window of that day closes
	my $clock = timegm(0, 0, 0, $d + 0, $m - 1, $y) + 2 * 86400;
	$cluster->control('clock', ahead => int($clock - time));
	$cluster->sql(join '', map { set_up($_) } @now);
	# The first call of a gateway tells its clock: until then nothing of that time could be asked for.
	my $shops = join ',', map { $_->{shop} } @now;
	$cluster->sql("SELECT run_id FROM ordersync_trigger_all('incremental', shop_ids => ARRAY[$shops])");
	$cluster->wait_until("the clock of $day", sub { $cluster->sql("SELECT count(*) FROM ordersync.sync_runs
		WHERE shop_id IN ($shops) AND state IN ('pending', 'running')") == 0 });
	is($cluster->sql("SELECT count(*) FROM ordersync.gateways g JOIN ordersync.shops s ON s.gateway = g.name
		WHERE shop_id IN ($shops) AND abs(extract(epoch FROM clock_timestamp() + clock_offset) - $clock) > 120"), '0',
		"$day is today for the gateways of " . @now . ' samples');
	my @runs = split /\n/, $cluster->sql(join ";\n", map { prepare($_) } @now);
	$_->{run} = shift @runs for @now;
	$cluster->wait_until("the samples of $day", sub { !still_open(@now) });
}

# --- what it made of them ---

# A row as text, what is NULL left empty.
sub row
{
	return "concat_ws(' ', " . join(', ', map { "coalesce($_, '')" } map { /^(?:created|modified|pay_time)$/
		? "to_char($_ AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')" : "$_\::text" } @_) . ')';
}

my @no_person = qw(receiver_name receiver_mobile receiver_phone receiver_address receiver_town receiver_zip buyer_email
	buyer_alipay_no alipay_id seller_name seller_mobile seller_email seller_alipay_no address);

# All that the database says of a case, by one question: lines under the name of what they are about.
sub facts
{
	my ($c) = @_;
	my ($k, $run) = ($c->{shop}, $c->{run});
	my $of_task = $c->{tid} ? "details_of = '$c->{stream}'" : "stream = '$c->{stream}' AND basis = '$c->{basis}'";
	my $of_window = "shop_id = $k AND stream = '$c->{stream}' AND basis = '$c->{basis}'";
	my @orders = $c->{basis} eq 'created'
		? qw(tid type status created pay_time modified payment total_fee post_fee paid_amount received_payment item_num buyer_nick receiver_state)
		: qw(tid type status modified payment total_fee paid_amount received_payment item_num buyer_nick);
	my ($payloads, $id) = $c->{stream} eq 'orders' ? qw(order_payloads tid) : qw(after_sale_payloads refund_id);
	my $without = join ',', map { "'$_'" } @no_person;
	my $logged = "ordersync.request_log WHERE run_id = $run AND method = '" . method_of($c) . "' ORDER BY started_at";
	my %ask = (
		orders => 'SELECT ' . row(@orders) . " FROM ordersync.orders WHERE shop_id = $k ORDER BY tid",
		lines => 'SELECT ' . row(qw(tid oid status refund_status num_iid num price total_fee payment paid_amount title))
			. " FROM ordersync.sub_orders WHERE shop_id = $k ORDER BY oid",
		after_sales => 'SELECT ' . row(qw(refund_id tid oid status modified refund_fee payment reason description))
			. " FROM ordersync.after_sales WHERE shop_id = $k ORDER BY refund_id",
		quarantine => "SELECT concat_ws(' ', record_id, reason, convert_from(body, 'UTF8')) FROM ordersync.quarantine
			WHERE shop_id = $k ORDER BY record_id",
		tasks => "SELECT DISTINCT concat_ws(' ', state, error_class) FROM ordersync.sync_tasks WHERE run_id = $run AND $of_task",
		run => "SELECT state FROM ordersync.sync_runs WHERE run_id = $run",
		calls => "SELECT concat_ws('/', verdict, coalesce(code::text, ''), coalesce(sub_code, '')) FROM $logged",
		counted => "SELECT concat_ws(' ', reported, seen, quarantined) FROM ordersync.window_counts WHERE $of_window",
		covered => "SELECT ranges @> tstzrange('$c->{at}+08', '$c->{at}+08'::timestamptz + interval '1 hour') FROM ordersync.coverage WHERE $of_window",
		key => "SELECT concat_ws(' ', key_state, CASE WHEN key_state = 'ok' THEN user_id END) FROM ordersync.shops WHERE shop_id = $k",
		answers => "SELECT left(answer, 20) FROM $logged",
		payload => !$c->{payload} ? 'SELECT true' : "SELECT bool_or(p.payload = r.record - ARRAY[$without])
			FROM ordersync.$payloads p, public.sample s,
			LATERAL (SELECT convert_from(s.body, 'UTF8')::jsonb #> '$c->{payload}' AS sent) x,
			LATERAL (SELECT CASE jsonb_typeof(x.sent -> 'orders') WHEN 'array'
				THEN jsonb_set(x.sent, '{orders}', jsonb_build_object('order', x.sent -> 'orders')) ELSE x.sent END AS record) r
			WHERE p.shop_id = $k AND s.name = '$c->{name}' AND p.$id = (x.sent ->> '$id')::bigint",
	);
	my %said = map { $_ => [] } keys %ask;
	my $said = $cluster->sql(join ";\n", map { "SELECT '$_', f.* FROM ($ask{$_}) f" } keys %ask);
	for (split /\n/, $said)
	{
		my ($what, $line) = split /\|/, $_, 2;
		push @{ $said{$what} }, $line;
	}
	return %said;
}

for my $c (@cases)
{
	my %of = facts($c);
	my %is = map { $_ => join "\n", @{ $of{$_} } } keys %of;
	subtest $c->{name} => sub {
		is($is{$_}, $c->{$_} // '', $_ =~ tr/_/-/r) for qw(orders lines after_sales quarantine);
		is($is{tasks}, $c->{failed} ? "failed $c->{failed}" : $c->{waits} ? "pending $c->{waits}" : 'succeeded', 'its task');
		# there may be windows of another basis in it
		like($is{run}, $c->{failed} ? qr/^(?:failed|incomplete)$/ : qr/^succeeded$/, 'its run') unless $c->{waits};
		is(join(' ', @{ $of{calls} }), $c->{calls}, 'its calls') if $c->{calls};
		if ($c->{always})
		{
			# as often as is allowed, and then perhaps for what could be a good part of the window; but not for ever
			my ($first, @more) = (scalar @{ $c->{before} }, @{ $of{calls} });
			is(join(' ', splice @more, 0, $first), join(' ', ('ok//') x $first), 'good pages first');
			is(scalar(grep { $_ ne $c->{always} } @more), 0, "all other calls come to $c->{always}");
			ok(@more >= $attempts && @more <= 10 * $attempts, 'asked again, then given up: ' . @more . ' calls');
			is(scalar(grep { $_ eq $c->{excerpt} } @{ $of{answers} }), scalar @more, 'the begin of each answer is kept') if length($c->{excerpt} // '');
		}
		if ($c->{failed} || $c->{waits})
		{
			is($is{counted}, '', 'no window is counted');
			is($is{covered}, '', 'nothing is covered');
		}
		elsif (!$c->{tid})
		{
			is($is{covered}, 't', 'its window is covered');
		}
		is($is{counted}, $c->{counted}, 'its window is counted') if $c->{counted};
		is($is{key}, $c->{key}, 'the shop\'s key') if $c->{key};
		is($is{payload}, 't', 'its payload is what was sent');
	};
}

# The persons of the samples are nowhere.
my $persons = '12345678990|淘宝测试发货|大张楼镇|272000|东方不败|三墎镇|淘宝城|223700|13512501826|13819175372'
	. '|2088000000000000|138\*{8}|seller@example.com|13800000000|测试商贸有限公司|张\*\*|西湖区某街';
for my $table (qw(orders sub_orders after_sales order_payloads after_sale_payloads order_changes quarantine request_log sync_tasks))
{
	my $text = $table eq 'quarantine' ? "t::text || convert_from(t.body, 'UTF8')" : 't::text';
	is($cluster->sql("SELECT count(*) FROM ordersync.$table t WHERE $text ~ '$persons'"), '0', "no person in $table");
}

# A data key that was refused, a quota that is spent: with a new one the same run ends.
for my $c (grep { $_->{waits} } @cases)
{
	if ($c->{waits} eq 'session')
	{
		$cluster->sql("SELECT ordersync_set_data_key($c->{shop}, '$session{ $c->{shop} }')");
		is($cluster->finish($c->{run}), 'succeeded', "$c->{name}: goes on with a new key");
	}
	else
	{
		cmp_ok($cluster->sql("SELECT extract(epoch FROM throttled_until - clock_timestamp()) FROM ordersync.gateways WHERE name = 'g$c->{shop}'"), '>', 30000,
			"$c->{name}: its gateway is not called until then");
		$cluster->sql("SELECT ordersync_cancel($c->{run})");
	}
}

# What failed is read by a retry when the platform is well again.
$cluster->no_faults;
for my $c (grep { $_->{name} =~ /HTML|an order by trade.get/ } @cases)
{
	cmp_ok($cluster->sql("SELECT ordersync_retry($c->{run})"), '>=', 1, "$c->{name}: asked again");
	is($cluster->finish($c->{run}), 'succeeded', "$c->{name}: and read");
}

done_testing;
