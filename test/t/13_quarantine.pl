# One bad record costs itself, one unreadable value costs that value, one bad character costs that character: the rest of the page is stored, the window is counted,
# what could not be stored is kept as it came but for personal data, and is resolved by the version that can be stored.
use strict;
use warnings;
use OrdersyncPages;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# --- every blemish that the gateway knows, in a page of orders and in a page of after-sales ---

# whole: the record is not stored, for this reason. mended: it is stored with this title. value, line: it is stored without that column, or without its lines. known:
# whose record it is can be read. bytes: what must be in the body that is kept.
my %blemish = (
	nul => { mended => 'half�name', bytes => qr/^half\\u0000name$/ },
	raw_nul => { mended => 'raw�byte', bytes => qr/^raw\0byte$/ },
	surrogate => { mended => 'half � pair', bytes => qr/^half \\ud83d pair$/ },
	utf8 => { mended => 'broken �( � bytes', bytes => qr/^broken \xc3\x28 \xff bytes$/ },
	no_id => { whole => 'no_id', bytes => qr/"modified":"/ },
	bad_id => { whole => 'no_id', bytes => qr/_?id":"13x7"/ },
	no_time => { whole => 'no_time', known => 1, bytes => qr/"status":"/ },
	bad_time => { whole => 'no_time', known => 1, bytes => qr/"modified":"yesterday"/ },
	deep => { whole => 'nesting', known => 1, bytes => qr/\[{20000}\]{20000}/ },
	shape => { whole => 'shape', bytes => qr/^"not an? (?:order|refund)"$/ },
	null => { whole => 'shape', bytes => qr/^null$/ },
	foreign => { whole => 'foreign_seller', known => 1, bytes => qr/"seller_nick":"别人的店铺"/ },
	money => { value => { orders => [ payment => 'twelve' ], after_sales => [ refund_fee => 'twelve' ] } },
	date => { value => { orders => [ created => '2026-13-45 99:00:00' ], after_sales => [ created => '2026-13-45 99:00:00' ] } },
	# an order's own num has no column: nothing is lost by it
	number => { value => { after_sales => [ num => '99999999999999999999999' ] } },
	lines => { line => { orders => '"none"' } },
);
my @kinds = sort keys %blemish;
my $world = OrdersyncTest->new(gateway => [ '--shops' => scalar @kinds, '--orders-per-shop' => 1500, '--days' => 30, '--burst' => 0 ],
	conf => "ordersync.max_active_shops = 100\nlog_min_messages = debug1\nlog_statement = none");
$world->add_shops(1 .. @kinds);
# What a list spoils, the list of arrivals and the record by its id would mend at once: here it is to stay for a while.
$world->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});
my %shop = map { $kinds[ $_ - 1 ] => $_ } 1 .. @kinds;
my %streams = (
	orders => [ 'trades', 'tid', 'sold.increment' ],
	after_sales => [ 'refunds', 'refund_id', 'taobao.refunds' ]);
# One whole day that has settled for both streams.
my ($since, $until) = split /\|/, $world->sql("SELECT day, day + 1 FROM (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - 3 AS day) d");
$_ .= ' 00:00:00' for $since, $until;
my @that_day = (api => 'list', since => $since, until => $until);
my %said = map { my $k = $_; $k => { map { $_ => $world->says($k, $streams{$_}[0], @that_day) } keys %streams } } 1 .. @kinds;

# Reads that day of every shop; the runs that did not succeed.
sub read_day
{
	my $runs = $world->sql("SELECT string_agg(run_id::text, ',') FROM ordersync_trigger_all('incremental', '$since+08', '$until+08')");
	$world->wait_until('that day of every shop', sub {
		$world->sql("SELECT count(*) FROM ordersync.sync_runs WHERE run_id IN ($runs) AND state IN ('pending', 'running')") == 0 });
	return $world->sql("SELECT shop_id, state, message FROM ordersync.sync_runs WHERE run_id IN ($runs) AND state <> 'succeeded'");
}

sub spoil
{
	$world->fault('withhold', one_of => 1, method => $_) for 'fullinfo', 'refund.get';
	for my $kind (@kinds)
	{
		$world->fault('blemish', kind => $kind, to => 2, count => 1, shop => $shop{$kind}, method => $_->[2]) for values %streams;
	}
	return;
}

# What a query says of each shop and stream, its first two columns: lists of lines.
sub each_says
{
	my %lines = map { my $k = $_; map { ("$k $_" => []) } keys %streams } 1 .. @kinds;
	for (split /\n/, $world->sql($_[0]))
	{
		my ($k, $stream, $line) = split /\|/, $_, 3;
		push @{ $lines{"$k $stream"} }, $line if $lines{"$k $stream"};
	}
	return %lines;
}
sub open_rows
{
	return each_says("SELECT shop_id, stream, reason, record_id, column_name, value, encode(body, 'hex') FROM ordersync.quarantine
		WHERE resolved_at IS NULL ORDER BY quarantine_id");
}
sub windows
{
	return each_says("SELECT shop_id, stream, concat_ws(' ', verdict, reported, seen, quarantined) FROM ordersync.window_counts
		WHERE basis = 'modified'");
}

spoil();
is(read_day(), '', 'every run succeeds, whatever its pages hold');
my %bad;
my %open = open_rows();
my %windows = windows();
my %days = each_says("SELECT shop_id, stream, concat_ws(' ', quarantined, verdict IN ('counted', 'proven')) FROM ordersync.completeness
	WHERE basis = 'modified' AND day = '$since'");
my %placed = each_says("SELECT q.shop_id, q.stream, (q.since, q.until) = (t.since, t.until) AND q.until - q.since = interval '1 day'
	FROM ordersync.quarantine q JOIN ordersync.sync_tasks t USING (task_id, run_id, shop_id)");
for my $kind (@kinds)
{
	my ($b, $k) = ($blemish{$kind}, $shop{$kind});
	subtest "a record with blemish $kind" => sub {
		for my $stream (sort keys %streams)
		{
			my ($object, $id) = @{ $streams{$stream} };
			my $truth = $said{$k}{$stream};
			my @noted = @{ $open{"$k $stream"} };
			my ($reason, $record, $column, $value, $hex) = @noted ? split /\|/, $noted[0], -1 : ();
			my $note = $b->{value} ? $b->{value}{$stream} : $b->{line} ? $b->{line}{$stream} : 1;
			is(scalar @noted, $note ? 1 : 0, "$stream: noted once");
			is($reason // '', $note ? $b->{whole} // ($b->{line} ? 'line' : 'value') : '', "$stream: the reason");
			my @missing = $world->behind($k, $object, @that_day);
			is(scalar @missing, $b->{whole} ? 1 : 0, "$stream: all others of the page are stored");
			is("@{ $windows{qq($k $stream)} }", join(' ', 'counted', (scalar keys %$truth) x 2, $b->{whole} ? 1 : 0), "$stream: it counts as seen");
			is("@{ $days{qq($k $stream)} }", ($b->{whole} ? 1 : 0) . ' t', "$stream: and the day says so");
			next unless $note;
			is("@{ $placed{qq($k $stream)} }", 't', "$stream: with its task and window");
			is($record, $missing[0], "$stream: it is the one that is missing") if $b->{known};
			is($record, '', "$stream: whose it is cannot be told") if $b->{whole} && !$b->{known};
			if ($b->{whole})
			{
				my $body = pack 'H*', $hex;
				like($body, $b->{bytes}, "$stream: as it was received");
				like($body, qr/"title":"/, "$stream: with its good parts") unless $reason eq 'shape';
			}
			elsif ($b->{mended})
			{
				is("$column $value", "title $b->{mended}", "$stream: the value is noted as it is stored");
				like(pack('H*', $hex), $b->{bytes}, "$stream: and as it was received");
				is($world->sql("SELECT payload ->> 'title' FROM ordersync." . ($stream eq 'orders' ? 'order' : 'after_sale') . "_payloads
					WHERE shop_id = $k AND $id = $record"), $b->{mended}, "$stream: the record is stored");
			}
			elsif ($b->{value})
			{
				is("$column $value", join(' ', @$note), "$stream: the value is noted");
				is($world->sql("SELECT $column IS NULL FROM ordersync.$stream WHERE shop_id = $k AND $id = $record"), 't',
					"$stream: its column is empty");
			}
			else
			{
				is(pack('H*', $hex), $note, "$stream: what stood for lines is noted");
				is($world->sql("SELECT line_count FROM ordersync.orders WHERE shop_id = $k AND tid = $record"), '0',
					"$stream: the order has none");
			}
			$bad{$k}{$stream} = $record;
		}
	};
}
my $first = $world->sql('SELECT string_agg(q::text, E\'\n\' ORDER BY quarantine_id) FROM ordersync.quarantine q');

$world->no_faults;
spoil();
is(read_day(), '', 'met again');
is($world->sql('SELECT string_agg(q::text, E\'\n\' ORDER BY quarantine_id) FROM ordersync.quarantine q'), $first, 'each is noted once');

# The platform is well: the same records, now good.
$world->no_faults;
is(read_day(), '', 'read when they are good');
%open = open_rows();
%windows = windows();
# The transaction that stored a record is known by what it noted of its first appearance.
my %resolved = each_says("SELECT q.shop_id, q.stream, concat_ws(' ', q.resolved_at IS NOT NULL,
		q.xmin = xid(c.changed_in) AND q.resolved_at = c.recorded_at)
	FROM ordersync.quarantine q LEFT JOIN ordersync.order_changes c
		ON c.shop_id = q.shop_id AND c.id = q.record_id AND c.field = 'first_seen' AND q.reason NOT IN ('value', 'line')");
for my $kind (@kinds)
{
	my ($b, $k) = ($blemish{$kind}, $shop{$kind});
	subtest "after blemish $kind" => sub {
		for my $stream (sort keys %streams)
		{
			is(join(' ', $world->behind($k, $streams{$stream}[0], @that_day)), '', "$stream: all is stored");
			my $count = keys %{ $said{$k}{$stream} };
			is("@{ $windows{qq($k $stream)} }", "counted $count $count 0", "$stream: the window has no bad record any more");
			if ($bad{$k}{$stream})
			{
				is("@{ $resolved{qq($k $stream)} }", $b->{whole} ? 't t' : 't', "$stream: resolved by the transaction that stored it");
			}
			elsif ($b->{whole})
			{
				like("@{ $open{qq($k $stream)} }", qr/^$b->{whole}\|\|/, "$stream: nobody can tell which one it was, so it stays for people");
			}
		}
	};
}

# A list that spoils a record's id cannot hide the record: the list of arrivals knows it, and it is brought by its id.
{
	my $k = $shop{no_id};
	my ($before) = $world->sql("SELECT '$since'::timestamp - interval '1 day'");
	$world->sql(q{SELECT ordersync_set_gateway('taobao', '{"arrival_check": true}')});
	$world->fault('blemish', kind => 'no_id', to => 2, count => 1, shop => $k, method => 'sold.increment');
	is($world->incremental($k, "$before+08", "$since+08"), 'succeeded', 'a day with a record whose id is lost, and with a check of arrivals');
	is(join(' ', $world->behind($k, 'trades', api => 'list', since => $before, until => $since)), '', 'the record is stored all the same');
	is($world->sql("SELECT repaired, quarantined FROM ordersync.completeness
		WHERE shop_id = $k AND stream = 'orders' AND basis = 'modified' AND day = '$before'"),
		'1|1', 'as the day tells');
}

# A record that is bad when it is asked for by its id.
{
	my $k = $shop{nul};
	my ($tid) = sort keys %{ $world->says($k, 'trades', api => 'list', since => $since =~ s/ 00:/ 12:/r) };
	for my $kind (qw(nul foreign money))
	{
		$world->fault('blemish', kind => $kind, count => 1, shop => $k, method => 'fullinfo');
		my $order = $world->sql("SELECT ordersync_trigger_order($k, $tid)");
		is($world->finish($order), 'succeeded', "an order that is $kind when it is asked for");
		my $reason = $blemish{$kind}{whole} // 'value';
		is($world->sql("SELECT reason, record_id, task_id IS NOT NULL, since FROM ordersync.quarantine WHERE run_id = $order"), "$reason|$tid|t|",
			'is noted');
		is($world->finish($world->sql("SELECT ordersync_trigger_order($k, $tid)")), 'succeeded', 'asked for again');
		is($world->sql("SELECT count(*) FROM ordersync.quarantine WHERE shop_id = $k AND record_id = $tid AND resolved_at IS NULL"), '0', 'it is good');
	}
}

# No value of a person in what is kept of bad records, nor in any log; by the gateway's own word of what it sends.
my @secret_fields = qw(receiver_name receiver_mobile receiver_phone receiver_address receiver_town receiver_zip buyer_email buyer_alipay_no
	alipay_id seller_name seller_mobile seller_phone seller_email seller_alipay_no acookie_id address);
my $fields = join '|', @secret_fields;
sub kept
{
	my ($from) = @_;
	return join "\n", map { pack 'H*', $_ } split /\n/,
		$from->sql("SELECT encode(coalesce(body, '') || convert_to(coalesce(value, ''), 'UTF8'), 'hex') FROM ordersync.quarantine");
}
my $kept = kept($world);
my %person;
for my $k (1 .. @kinds)
{
	my $said = join "\n", map { $world->control('truth', shop => $k, object => $_, @that_day) } qw(trades refunds);
	while ($said =~ /"(?:$fields)":\s*(?:"((?:[^"\\]|\\.)*)"|(\d+))/g)
	{
		my $v = $1 // $2;
		$person{$v} = 1 if length $v > 3 && $v !~ /^0*$/;
	}
}
cmp_ok(scalar keys %person, '>', 1000, 'the gateway sends ' . keys(%person) . ' values of persons');
my $log = slurp_file($world->node->logfile);
is(join(' ', grep { index($kept, $_) >= 0 } sort keys %person), '', 'no person in quarantine');
unlike($kept, qr/"(?:$fields)"\s*:/, 'not even the names of such fields');
is(join(' ', grep { index($log, $_) >= 0 } sort keys %person), '', 'no person in the server log');
undef $world;

# --- pages of the test's own ---

my $cluster = OrdersyncPages->new(
	conf => "ordersync.retry_base = '20ms'\nordersync.retry_cap = '100ms'\nordersync.max_attempts = 2\nlog_min_messages = debug1");
sub column { my ($what, $where) = @_; return $cluster->sql("SELECT $what FROM ordersync.$where") }

# Persons in every kind of bad record.
my $name = 0;
my @persons;
sub persons
{
	my ($last) = @_;
	my @mine = map { sprintf 'person-%04d-%s', ++$name, $_ } 1 .. 5;
	push @persons, @mine;
	return qq("receiver_name":"$mine[0]","receiver_mobile" : "$mine[1]","buyer_email":{"text":["$mine[2]"]},"receiver\\u005faddress":"$mine[3]")
		. ($last ? '' : qq(,"identify_info":{"who":{"full":"$mine[4]"}}));
}
my $id = 1000;
sub record
{
	my (%part) = @_;
	$id++;
	return '{' . ($part{before} // '') . qq("tid":$id,"modified":"%s",) . persons() . ($part{after} // '') . '}';
}
my @bad = (
	'{' . persons() . ',"modified":"%s"}',                          # no id
	'{"tid":"12a","modified":"%s",' . persons() . '}',
	'{"tid":9223372036854775808,"modified":"%s",' . persons() . '}',
	'{"tid":1,' . persons() . '}',                                  # no time
	'{"tid":2,' . persons() . ',"modified":"2020-02-30 00:00:00"}',
	record(before => '"deep":' . '[' x 5000 . ']' x 5000 . ','), record(after => ',"deep":' . '{"a":' x 5000 . '1' . '}' x 5000),
	record(after => ',"number":1e999999'), record(after => ',"word":tru'), record(after => ',"comma":1,'),
	record(after => ',"seller_nick":"somebody else"'),
	'[{' . persons() . '}]', '"' . (persons() =~ s/(["\\])/\\$1/gr) . '"',   # no object
);
# What is stored all the same, but for a character.
my @mended = (
	record(before => '"title":"a\u0000b",'), record(after => ',"title":"a\u0000b"'),
	record(before => "\"title\":\"a\0b\","), record(after => ",\"title\":\"\0\""),
	record(before => '"title":"\ud83d",'), record(after => ',"title":"\ude00"'),
	record(before => "\"title\":\"\xff\xfe\","), record(after => ",\"title\":\"\xed\xa0\x80\""),
	record(after => ",\"title\":\"a\tb\""), record(after => ",\"title\":\"a\nb\""),
	record(after => ',"title":"a","receiver_address\u0000":"' . $persons[-1] . '"'),   # a name: its member is left out
);
my $good = '{"tid":999,"modified":"%s","orders":{"order":[{"oid":9991,"title":"good"}]}}';
is($cluster->read_records(increment => $good, @mended, map { ($_, $good =~ s/999/9990 + ++$id/er) } @bad), 'succeeded', 'a page with ' . @bad . ' bad records');
is(column('count(*)', "quarantine WHERE reason <> 'value'"), scalar @bad, 'all of them are in quarantine');
is(column('count(*)', "quarantine WHERE reason = 'value'"), scalar @mended, 'with the values of those that were mended');
is(column('count(*)', 'orders'), 1 + @mended + @bad, 'all others are stored');
is(column("concat_ws(' ', verdict, reported, seen, quarantined)", "window_counts WHERE stream = 'orders' AND basis = 'modified'"),
	join(' ', 'counted', 2 * @bad + @mended + 1, 2 * @bad + @mended + 1, scalar @bad), 'and all are seen');
is(column("string_agg(reason, ' ' ORDER BY quarantine_id)", "quarantine WHERE reason <> 'value'"),
	join(' ', ('no_id') x 3, ('no_time') x 2, ('nesting') x 2, 'number', ('syntax') x 2, 'foreign_seller', ('shape') x 2),
	'each with its reason');

# Answers that are no page at all, with persons in what the log keeps of them.
my $whole = $cluster->page_of(increment => '{"tid":5,"modified":"' . $cluster->moment . '",' . persons() . '}');
my @mine = @persons[ -5 .. -1 ];
my %no_page = (
	'cut at its end' => substr($whole, 0, -3),
	'cut in a person' => substr($whole, 0, index($whole, $mine[2]) + 10),
	'with something behind it' => $whole . 'x',
	'quotes out of step' => $whole =~ s/"tid":5/"title":"a"b","tid":5/r,
	'wrapped in XML' => "<error>$whole</error>",
	'XML' => "<trade><receiver_name>$mine[0]</receiver_name></trade>",
	'a text' => '"' . ($whole =~ s/(["\\])/\\$1/gr) . '"',
);
for my $kind (sort keys %no_page)
{
	cmp_ok($cluster->offer_body(increment => $no_page{$kind}), '>=', 2, "an answer that is none: $kind");
}
cmp_ok(column('count(*)', "request_log WHERE verdict = 'malformed' AND answer <> ''"), '>=', 2 * keys %no_page, 'the begin of each is in the log');

my $who = join '|', map { quotemeta } @persons, map { substr $_, 0, 11 } @persons;
my %place = (
	quarantine => kept($cluster),
	(map { $_ => $cluster->sql("SELECT t::text FROM ordersync.$_ t") } qw(orders sub_orders order_payloads order_changes request_log sync_tasks)),
	'the server log' => slurp_file($cluster->node->logfile));
for my $place (sort keys %place)
{
	my ($found) = $place{$place} =~ /(.{0,30}(?:$who).{0,20})/s;
	is($found, undef, 'no person in ' . $place);
}

# --- when a bad record is resolved ---

sub state_of
{
	my ($tid) = @_;
	return column('count(*) FILTER (WHERE resolved_at IS NULL), count(resolved_at)', "quarantine WHERE record_id = $tid");
}

# Reads one version of an order in the same hour again and again.
sub version
{
	my ($source, $tid, $minute, $more) = @_;
	my $at = $cluster->moment($minute);
	return $cluster->read_again($source, $cluster->page_of($source, qq({"tid":$tid,"created":"$at","modified":"$at","status":"WAIT_BUYER_PAY"$more})));
}
my ($good_title, $bad_title) = (',"title":"x"', ',"title":tru');

# A newer version that is bad is not made good by an older one, whichever list brings it.
is(version(increment => 60001, 10, $good_title), 'succeeded', 'an order');
is(version(increment => 60001, 20, $bad_title), 'succeeded', 'its next version is bad');
is(state_of(60001), '1|0', 'and open');
is(version(list => 60001, 10, qq($good_title,"trade_from":"WAP")), 'succeeded', 'another list still brings the one before, with more in it');
is($cluster->sql('SELECT trade_from FROM ordersync.orders WHERE tid = 60001'), 'WAP', 'which is stored');
is(state_of(60001), '1|0', 'but is no answer to it');
is(version(increment => 60001, 20, $good_title), 'succeeded', 'the version itself, good');
is(state_of(60001), '0|1', 'resolves it');
# A bad reading of what is stored already: the next good reading says that nothing is missing.
is(version(increment => 60001, 20, $bad_title), 'succeeded', 'a bad reading of what is stored');
is(state_of(60001), '1|1', 'is open');
is(version(increment => 60001, 20, $good_title), 'succeeded', 'until it is read well');
is(state_of(60001), '0|2', 'though nothing had to be stored');
is($cluster->sql("SELECT count(*) FROM ordersync.order_changes WHERE id = 60001"), '1', 'and nothing was');

done_testing;
