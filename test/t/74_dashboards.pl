# The dashboards for Grafana: the files are well formed, and each panel's SQL, expanded as Grafana's PostgreSQL data source does
# it, runs as a reader, says what the fixture holds whatever the session's time zone, reads no table of orders wholly, and
# cannot be broken out of by a variable's value.
use strict;
use warnings;
use utf8;
use Dashboards;
use Encode qw(decode_utf8 encode_utf8);
use File::Basename qw(basename);
use JSON::PP ();
use OrdersyncTest;
use PostgreSQL::Test::Utils ();
use Test::More;
use Time::HiRes qw(time);

my $root = "$ENV{ORDERSYNC_TEST}/..";
my %dashboard = map { basename($_, '.json') =~ s/^ordersync-//r => Dashboards->read($_) } sort grep { !/zh-CN/ } glob "$root/dashboards/*.json";
is_deeply([ sort keys %dashboard ], [ 'operations', 'sales' ], 'two dashboards');

# --- the files

my %fine = map { $_ => 1 } qw(timeseries stat table barchart piechart bargauge state-timeline heatmap text);
for my $name (sort keys %dashboard)
{
	my ($d, $json) = ($dashboard{$name}, $dashboard{$name}->json);
	my @panels = $d->panels;
	is_deeply([ @$json{qw(uid timezone weekStart id)} ], [ "ordersync-$name", 'Asia/Shanghai', 'monday', undef ], "$name: its uid and time zone");
	cmp_ok($json->{schemaVersion}, '>=', 39, 'a schema of Grafana 11 or later');
	like($json->{refresh}, qr/^\d+[smh]$/, 'it is read again by itself');

	my @all = (@panels, $d->rows);
	my %ids = map { $_->{id} => 1 } @all;
	is(keys %ids, @all, 'the ids are unique');
	is_deeply([ map { $_->{type} } grep { !$fine{ $_->{type} } } @panels ], [], 'panels of types that Grafana has itself');
	is_deeply([ map { $_->{id} } grep { ($_->{title} // '') eq '' || length($_->{description} // '') < 30 } @panels ], [], 'each panel has a title and says what it shows');
	is_deeply([ grep { !$fine{$_} } map { $_->{id} } grep { $_->{type} eq 'panel' } @{ $json->{__requires} } ], [], 'what it requires is of Grafana itself');
	my %required = map { $_->{id} => 1 } @{ $json->{__requires} };
	is_deeply([ grep { !$required{$_} } map { $_->{type} } @panels ], [], 'and all that it uses');

	# What is placed on the grid of 24 columns.
	my (%taken, @bad);
	for my $panel (@all)
	{
		my ($x, $y, $w, $h) = @{ $panel->{gridPos} }{qw(x y w h)};
		push @bad, "$panel->{title} leaves the grid" if $x < 0 || $w < 1 || $h < 1 || $x + $w > 24;
		for my $cell (map { my $row = $_; map { "$_,$row" } $x .. $x + $w - 1 } $y .. $y + $h - 1)
		{
			push @bad, "$panel->{title} lies on $taken{$cell}" if $taken{$cell};
			$taken{$cell} = $panel->{title};
		}
	}
	is_deeply(\@bad, [], 'no panel lies on another');

	my @sources = map { $_->{datasource} } (grep { $_->{type} ne 'text' } @panels), map { @{ $_->{targets} // [] } } @panels;
	push @sources, map { $_->{datasource} } grep { $_->{type} eq 'query' } $d->variables;
	is_deeply([ grep { !$_ || $_->{type} ne 'grafana-postgresql-datasource' || $_->{uid} ne '${datasource}' } @sources ], [], 'the data source is the variable');
	is_deeply([ map { $_->{title} } grep { my %refs; grep { $refs{ $_->{refId} // '' }++ || ($_->{refId} // '') !~ /^[A-Z]$/ } @{ $_->{targets} // [] } } @panels ], [], 'refIds are letters, unique in their panel');
	is_deeply([ map { $_->{name} } grep { my $v = $_; $v->{type} !~ /^(datasource|query|custom)$/ || !length($v->{label} // '') || !length($v->{description} // '') } $d->variables ], [], 'variables have labels and descriptions');
	my ($other) = grep { $_ ne $name } keys %dashboard;
	is_deeply([ map { $_->{url} } @{ $json->{links} } ], [ "/d/ordersync-$other" ], 'it leads to the other one');
	my @urls = map { @{ $_->{links} // [] }, map { $_->{id} eq 'links' ? @{ $_->{value} } : () } map { @{ $_->{properties} } } @{ $_->{fieldConfig}{overrides} // [] } } @panels;
	is_deeply([ grep { $_->{url} !~ m{^(/d/ordersync-\w+(\?var-shop=\$\{__value\.raw\})?$|https://item\.taobao\.com/item\.htm\?id=\$\{__value\.raw\}$)} } @urls ], [], 'other links lead to a dashboard or an item');
	unlike(JSON::PP->new->canonical->encode($json), qr/current_date|LOCALTIME|now\(\)::date/i, 'no query asks the session which day it is');
}

# --- one name for one thing: what is read of all, and what is proven of orders, as on the page of pictures

my %name_of = (en => { covered_until => 'All read until', proven_until => 'Orders proven until' }, zh => { covered_until => '全部已读至', proven_until => '订单已证明至' });
sub names_in
{
	my ($d) = @_;
	my %names;
	for my $panel ($d->panels)
	{
		for my $column (qw(covered_until proven_until))
		{
			my @shown = map { $_->{value} } grep { $_->{id} eq 'displayName' } map { @{ $_->{properties} } } grep { $_->{matcher}{options} eq $column } @{ $panel->{fieldConfig}{overrides} // [] };
			push @shown, $panel->{title} if $panel->{type} eq 'stat' && grep { $_->{rawSql} =~ /AS $column\b/ } @{ $panel->{targets} };
			$names{$column}{$_} = 1 for @shown;
		}
	}
	return { map { $_ => join ', ', sort keys %{ $names{$_} } } keys %names };
}
my %columns = (operations => [ 'covered_until', 'proven_until' ], sales => [ 'covered_until' ]);
is_deeply(names_in($dashboard{$_}), { %{ $name_of{en} }{ @{ $columns{$_} } } }, "$_: until when it is read and proven is named so") for sort keys %dashboard;

# --- the same in Chinese

my @words = grep { !/^(#|\t|$)/ } split /\n/, decode_utf8(PostgreSQL::Test::Utils::slurp_file("$root/dashboards/zh-CN.txt"));
my @files = map { "$root/dashboards/ordersync-$_.json" } sort keys %dashboard;
my ($texts) = PostgreSQL::Test::Utils::run_command([ $^X, "$root/dashboards/translate", '--words', @files ]);
is_deeply([ sort @words ], [ sort split /\n/, decode_utf8($texts) ],
	'each text has its Chinese words, and no others are there');
chomp(my $docdir = `$ENV{PG_CONFIG} --docdir`);
for my $name (sort keys %dashboard)
{
	my ($out, $err) = PostgreSQL::Test::Utils::run_command([ $^X, "$root/dashboards/translate", "$root/dashboards/zh-CN.txt", "$root/dashboards/ordersync-$name.json" ]);
	is($err, '', "$name in Chinese");
	my $chinese = bless { json => JSON::PP->new->utf8->decode($out) }, 'Dashboards';
	is_deeply([ map { $_->{sql} } $chinese->queries ], [ map { $_->{sql} } $dashboard{$name}->queries ], 'has the same SQL');
	is_deeply([ map { $_->{title} } grep { $_->{title} !~ /\p{Han}/ || $_->{description} !~ /\p{Han}/ } $chinese->panels ], [], 'its panels are in Chinese');
	is($chinese->json->{uid}, "ordersync-$name-zh", 'it can be imported beside the other');
	is_deeply(names_in($chinese), { %{ $name_of{zh} }{ @{ $columns{$name} } } }, 'until when it is read and proven is named so');
	is($chinese->value('language', 'sqlstring'), q{'zh'}, 'stages have their Chinese names') if $name eq 'sales';
	is_deeply([ grep { !-e "$docdir/extension/$_" } map { "ordersync-$name$_" } '.json', '.zh-CN.json' ], [], 'make install installs both');
}

# --- a database with a reader

# Workers are those of another database: what is queued here stays queued.
my $cluster = OrdersyncTest->new(without_gateway => 1, databases => 'other', conf => "timezone = 'America/New_York'");
sub sql { return $cluster->sql(encode_utf8($_[0])) }
sql('CREATE DATABASE other');
sql(<<'SQL');
CREATE EXTENSION IF NOT EXISTS ordersync;
SELECT ordersync_add_gateway('taobao', 'https://127.0.0.1/router/rest', '12345678', 'helloworld', options => '{"calls_per_day": 1000}');
SELECT ordersync_add_shop(k, (ARRAY['甲店', '乙店''s', '丙店'])[k], 'session-' || k) FROM generate_series(1, 3) k;
CREATE ROLE grafana LOGIN;
SELECT ordersync_grant('grafana', 'reader');
CREATE ROLE of_one LOGIN;

-- Shops 1 and 2: a few orders about midnight in Shanghai, by hand.
INSERT INTO ordersync.orders (shop_id, tid, status, created, modified, paid_at, consign_time, end_time, paid_amount, post_fee, gmv, line_count) VALUES
	(1, 10, 'TRADE_FINISHED', '2026-03-01 23:50+08', '2026-03-09 00:00+08', '2026-03-02 00:10+08', '2026-03-02 06:10+08', '2026-03-09 00:00+08', 100, 10, 100, 1),
	(1, 20, 'TRADE_FINISHED', '2026-03-02 00:00+08', '2026-03-09 00:00+08', '2026-03-02 12:00+08', '2026-03-02 15:00+08', '2026-03-09 00:00+08', 50, 0, 50, 1),
	(1, 30, 'TRADE_CLOSED_BY_TAOBAO', '2026-03-03 23:59:59+08', '2026-03-04 12:00+08', NULL, NULL, '2026-03-04 12:00+08', NULL, 0, 30, 1),
	(1, 40, 'WAIT_SELLER_SEND_GOODS', '2026-03-04 00:00+08', '2026-03-04 12:00+08', '2026-03-04 00:00+08', NULL, NULL, 70, 0, 70, 1),
	(1, 50, 'TRADE_FINISHED', '2026-02-28 10:00+08', '2026-03-03 00:30+08', '2026-02-28 10:00+08', '2026-02-28 20:00+08', '2026-03-03 00:30+08', 40, 0, 40, 1),
	(2, 60, 'TRADE_FINISHED', '2026-03-03 08:00+08', '2026-03-09 00:00+08', '2026-03-03 08:05+08', '2026-03-03 18:05+08', '2026-03-09 00:00+08', 200, 0, 200, 1);
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, status, created, modified, paid_at, num_iid, title, num, paid_amount) VALUES
	(1, 11, 10, 'TRADE_FINISHED', '2026-03-01 23:50+08', '2026-03-09 00:00+08', '2026-03-02 00:10+08', 501, '红色', 2, 90),
	(1, 21, 20, 'TRADE_FINISHED', '2026-03-02 00:00+08', '2026-03-09 00:00+08', '2026-03-02 12:00+08', 502, '<b>蓝色</b>', 1, 50),
	(1, 41, 40, 'WAIT_SELLER_SEND_GOODS', '2026-03-04 00:00+08', '2026-03-04 12:00+08', '2026-03-04 00:00+08', 502, '<b>蓝色</b>', 1, 70),
	(1, 51, 50, 'TRADE_FINISHED', '2026-02-28 10:00+08', '2026-03-03 00:30+08', '2026-02-28 10:00+08', 501, '红色', 1, 40),
	(2, 61, 60, 'TRADE_FINISHED', '2026-03-03 08:00+08', '2026-03-09 00:00+08', '2026-03-03 08:05+08', 601, '绿色', 4, 200);
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, created, modified, refunded_at, refunded_amount, reason, num_iid, title)
VALUES (1, 5, 50, 51, 'SUCCESS', '2026-03-02 20:00+08', '2026-03-03 00:30+08', '2026-03-03 00:30+08', 15, '多拍', 501, '红色');

-- Shop 3: five orders a day for two years, every tenth refunded.
INSERT INTO ordersync.orders (shop_id, tid, status, created, modified, paid_at, consign_time, end_time, paid_amount, post_fee, gmv, line_count)
SELECT 3, 1000 + n, 'TRADE_FINISHED', at, at + interval '9 days', at, at + interval '1 day', at + interval '9 days', 20, 0, 20, 1
FROM generate_series(1, 3650) n CROSS JOIN LATERAL (SELECT timestamptz '2024-03-01 00:00+08' + n * interval '4 hours 48 minutes' AS at) t;
INSERT INTO ordersync.sub_orders (shop_id, oid, tid, status, created, modified, paid_at, num_iid, title, num, paid_amount)
SELECT 3, tid, tid, status, created, modified, paid_at, 700 + tid % 3, '商品', 1, 20 FROM ordersync.orders WHERE shop_id = 3;
INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, status, created, modified, refunded_at, refunded_amount, reason, num_iid, title)
SELECT 3, tid, tid, tid, 'SUCCESS', created, modified, modified, 20, '多拍', 700 + tid % 3, '商品' FROM ordersync.orders WHERE shop_id = 3 AND tid % 10 = 0;

-- What operations look at.
UPDATE ordersync.shops SET key_state = 'ok', key_expires_at = now() + interval '5 days' WHERE shop_id = 1;
UPDATE ordersync.shops SET key_state = 'expired', key_message = 'refused' WHERE shop_id = 2;
SELECT ordersync_trigger_incremental(k) FROM generate_series(1, 3) k;
UPDATE ordersync.sync_tasks SET state = 'failed', error_class = 'http', error = 'HTTP status 503', last_verdict = 'retry', finished_at = now()
WHERE task_id = (SELECT min(task_id) FROM ordersync.sync_tasks WHERE shop_id = 1);
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT k, s, b, tstzmultirange(tstzrange(ordersync_day(ordersync_today() - 9), ordersync_day(ordersync_today())))
FROM generate_series(1, 2) k, unnest('{orders,after_sales,special_refunds}'::text[]) s, unnest('{modified,arrival}'::text[]) b;
INSERT INTO ordersync.request_log (logged_at, shop_id, gateway, method, verdict, http_status, code, sub_code, records, bytes, duration_ms, started_at)
SELECT now() - n * interval '1 minute', 1 + n % 2, 'taobao', 'taobao.trades.sold.get', CASE WHEN n % 20 = 0 THEN 'throttled' ELSE 'ok' END, 200,
	CASE WHEN n % 20 = 0 THEN 7 END, CASE WHEN n % 20 = 0 THEN 'accesscontrol.limited-by-app-access-count' END, 100, 1000, 50 + n, now()
FROM generate_series(1, 200) n;
INSERT INTO ordersync.quarantine (shop_id, stream, record_id, reason, digest) VALUES (1, 'orders', 1, 'value', '\x00'), (2, 'orders', 2, 'refused', '\x01');
UPDATE ordersync.gateways SET stops = jsonb_build_object('taobao.refunds.receive.get', jsonb_build_object('since', now(), 'probe_at', now(), 'class', 'http', 'error', 'HTTP status 503', 'stream', 'after_sales')),
	method_bans = jsonb_build_object('taobao.trade.fullinfo.get', jsonb_build_object('until', now() + interval '1 hour', 'class', 'throttled', 'message', 'wait', 'stream', 'details', 'details_of', 'orders', 'history', false));
SELECT ordersync_changes_create('erp', '{"start": "now"}');
INSERT INTO ordersync.storage_history (table_name, shop_id, day, bytes) SELECT t, 0, ordersync_today() - d, 8192 * (9 - d) FROM unnest('{orders,sub_orders}'::text[]) t, generate_series(1, 3) d;
VACUUM ANALYZE;
SQL
is(decode_utf8(sql("SELECT string_agg(ordersync.page_words(l) ->> w, ', ' ORDER BY l, w DESC) FROM unnest('{en,zh}'::text[]) l, unnest('{read_until,proven_until}'::text[]) w")), join(', ', map { @{ $name_of{$_} }{qw(covered_until proven_until)} } qw(en zh)), 'and on the page of pictures');
$cluster->wait_until('the worker of another database', sub { sql('SELECT count(*) > 0 FROM ordersync.workers') eq 't' });

# Runs queries in one session of a role that can only read; of each a hash: columns as [name, type], rows, error.
sub answers
{
	my ($role, $zone, @sql) = @_;
	my $script = "SET timezone = '$zone';\nSET default_transaction_read_only = on;\n\\pset format csv\n\\pset null '\\\\N'\n";
	# names and types before the rows: of rows alone nobody could tell
	$script .= (/^EXPLAIN/ ? "\\echo == columns\n" : "$_\n\\echo == columns\n\\gdesc\n") . "\\echo == rows\n$_;\n\\echo == error :ERROR :LAST_ERROR_MESSAGE\n" for @sql;
	my ($status, $out, $err) = $cluster->node->psql('postgres', encode_utf8($script), on_error_stop => 0, extra_params => [ '-U', $role ]);
	$out = decode_utf8($out);
	my @answers;
	while ($out =~ /^== columns\n(.*?)^== rows\n(.*?)^== error (\w+) ?(.*?)$/msg)
	{
		my ($columns, $rows, $failed, $message) = ($1, $2, $3, $4);
		push @answers, {
			columns => [ map { [ split /,/, $_, 2 ] } grep { $_ ne 'Column,Type' } split /\n/, $columns ],
			rows => [ grep { $_ ne '' } split /\n/, $rows ],
			error => $failed eq 'true' ? $message : undef };
	}
	die "of " . @sql . " queries only " . @answers . " were answered: $err\n" unless @answers == @sql;
	return @answers;
}

# Expanded as Grafana would, a panel's own range in the place of the dashboard's.
sub expanded
{
	my ($name, $query, %given) = @_;
	my %range = (from => $given{from}, to => $given{to});
	$range{from} = $range{to} - Dashboards::seconds($query->{panel}{timeFrom}) if $query->{panel} && $query->{panel}{timeFrom};
	return $dashboard{$name}->expand($query->{sql}, %given, %range);
}

my $now = time;
sub epoch { my ($at) = @_; return sql("SELECT EXTRACT(epoch FROM timestamptz '$at+08')") }
my %month = (from => epoch('2026-02-01 00:00'), to => epoch('2026-02-28 23:59:59.999'), shop => ['3']);
my %day = (from => $now - 86400, to => $now);
my %given = (sales => \%month, operations => \%day);

# --- each query runs as a reader, and returns what its panel can draw

my $time_type = qr/^(timestamp with time zone|numeric|double precision)$/;
my $number = qr/^(bigint|integer|smallint|numeric(\(.*\))?|double precision|real)$/;
for my $name (sort keys %dashboard)
{
	my @queries = $dashboard{$name}->queries;
	for my $selected ([ 'one shop', $given{$name}{shop} // ['1'] ], [ 'all shops', ['$__all'] ])
	{
		my @answers = answers('grafana', 'UTC', map { expanded($name, $_, %{ $given{$name} }, shop => $selected->[1]) } @queries);
		for my $i (0 .. $#queries)
		{
			my ($query, $answer) = ($queries[$i], $answers[$i]);
			my @columns = @{ $answer->{columns} };
			my @wrong = $answer->{error} // ();
			my $panel = $query->{panel};
			my $type = $panel ? $panel->{type} : 'variable';
			push @wrong, 'no row' unless @{ $answer->{rows} };
			if ($query->{format} eq 'time_series')
			{
				push @wrong, "no column time first, but $columns[0][0] $columns[0][1]" unless $columns[0][0] eq 'time' && $columns[0][1] =~ $time_type;
				push @wrong, map { "$_->[0] is $_->[1]" } grep { $_->[1] !~ $number && $_->[0] ne 'metric' } @columns[ 1 .. $#columns ];
				push @wrong, 'nothing but labels' unless grep { $_->[1] =~ $number } @columns[ 1 .. $#columns ];
				# the metric's values become the fields' names where there are three columns, and labels where there are more
				push @wrong, 'a metric beside several values' if grep({ $_->[0] eq 'metric' } @columns) && @columns != 3;
				my @times = map { (split /,/)[0] } @{ $answer->{rows} };
				push @wrong, 'not in the order of time' unless "@times" eq join ' ', sort @times;
			}
			push @wrong, 'no single number' if $type eq 'stat' && !grep { $_->[1] =~ $number } @columns;
			push @wrong, 'no name and number' if $type eq 'bargauge' && !(@columns == 2 && $columns[0][1] eq 'text' && $columns[1][1] =~ $number);
			push @wrong, 'no text and value' if $type eq 'variable' && join(' ', map { @$_ } @columns) ne '__text text __value text';
			# a type that Grafana shows as JSON or not at all
			push @wrong, map { "$_->[0] is $_->[1]" } grep { $_->[1] !~ $number && $_->[1] !~ /^(text|boolean|timestamp with time zone)$/ } @columns;
			my %column = map { $_->[0] => 1 } @columns;
			push @wrong, map { "there is no column $_ to format" } grep { !$column{$_} && $query->{sql} !~ /AS metric/ } map { $_->{matcher}{options} } @{ $panel->{fieldConfig}{overrides} // [] };
			is_deeply(\@wrong, [], "$name, $selected->[0]: $query->{name}");
		}
	}
}

# --- the figures, by hand; the days are Shanghai's

my %answer;
sub figures
{
	my ($title, %given) = @_;
	my ($query) = grep { $_->{panel} && $_->{panel}{title} =~ /^\Q$title\E/ } $dashboard{sales}->queries or die "there is no panel $title\n";
	my @rows = map { my ($got) = answers('grafana', $_, expanded('sales', $query, %given)); join "\n", $got->{error} // (), @{ $got->{rows} } } 'UTC', 'Asia/Shanghai';
	my ($utc, $shanghai) = map { s/\.\d*?\K0+(?=[,\n]|$)//gr =~ s/\.(?=[,\n]|$)//gr } @rows;
	# the same instants in another zone's words
	is($shanghai =~ s/^(\d+-\d+-\d+) 00:00:00\+08/$1/gmr, $utc =~ s/^(\d+-\d+-\d+ 16:00:00\+00)/next_day($1)/gemr, "$title: the same in another time zone") if $utc =~ /16:00:00/;
	return $utc;
}
sub next_day { my ($at) = @_; return $answer{$at} //= sql("SELECT (timestamptz '$at' AT TIME ZONE 'Asia/Shanghai')::date") }

my %two_days = (from => epoch('2026-03-02 00:00'), to => epoch('2026-03-03 23:59:59.999'));
is(figures('In this period', %two_days, shop => [1]), "2026-02-27 16:00:00+00,2,1,40,40,40\n2026-03-01 16:00:00+00,2,2,150,135,75",
	'orders by creation, money by payment: two days of Shanghai and the two before');
is(figures('In this period', %two_days, shop => ['$__all']) =~ s/.*\n//r, '2026-03-01 16:00:00+00,3,3,350,315,116.6666666666666667', 'all shops');
is(figures('In this period', %two_days, shop => [1], compare => 7) =~ s/\n.*//sr, '2026-03-01 16:00:00+00,2,2,150,135,75', 'a week before there was nothing');
is(figures('Refunds in this period', %two_days, shop => [1]), "2026-02-27 16:00:00+00,0,0,0\n2026-03-01 16:00:00+00,1,15,0.1", 'a refund at half past midnight');
is(figures('Paid, refunded and net sales', %two_days, shop => [1]), "2026-03-01 16:00:00+00,150,0,150\n2026-03-02 16:00:00+00,0,15,-15", 'by day');
is(figures('Paid, refunded and net sales', from => epoch('2026-02-28 00:00'), to => epoch('2026-03-04 00:00'), shop => [1], grain => 'month'),
	"2026-01-31 16:00:00+00,40,0,40\n2026-02-28 16:00:00+00,150,15,135", 'by month; a range that ends at midnight does not touch the day that begins');
is(figures('Paid, refunded and net sales', from => epoch('2026-03-03 12:00'), to => epoch('2026-03-04 00:00:01'), shop => [1]),
	"2026-03-02 16:00:00+00,0,15,-15\n2026-03-03 16:00:00+00,70,0,70", 'days that a range touches are whole');
is(figures('Orders by stage', %two_days, shop => [1], language => 'en'), "closed unpaid,1\nfinished,1", 'stages of the orders that were created then') ;
is(figures('Orders by stage', %two_days, shop => [2], language => 'zh'), '交易成功,1', 'in Chinese');
is(figures('Paid, against', %two_days, shop => [1]), "2026-03-01 16:00:00+00,150,40\n2026-03-02 16:00:00+00,0,0", 'each day beside the one two days before');
is(figures('Top items', %two_days, shop => ['$__all'], top => 3), "601,绿色,4,200,0,200\n501,红色,2,90,15,75\n502,<b>蓝色</b>,1,50,0,50", 'items by net sales');
is(figures('Refund reasons', %two_days, shop => [1]), '多拍,15', 'reasons');
is(figures('Refund rate by day', from => epoch('2026-02-28 00:00'), to => epoch('2026-03-02 23:00'), shop => [1]),
	"2026-02-27 16:00:00+00,0.375,1\n2026-03-01 16:00:00+00,0,0", 'what was refunded counts on the day of payment');
is(figures('Items with', %month), "701,商品,47,100,0.10638297872340425532,0.10638297872340425532\n702,商品,47,100,0.10638297872340425532,0.10638297872340425532\n"
	. '700,商品,46,80,0.08695652173913043478,0.08695652173913043478', 'items of which most came back: of 140 orders every third, of these every tenth');
is(figures('By shop', %two_days, shop => [ 1, 2 ]), "乙店's (2),1,200,\\N,0,0,200,200\n甲店 (1),2,150,2.75,15,0.1,135,75", 'by shop, against the two days before');
is(figures('Median hours', %two_days, shop => [1]), "2026-03-01 16:00:00+00,12,3,153\n2026-03-02 16:00:00+00,\\N,\\N,\\N", 'hours between stages');

# --- who may see one shop sees one

sql(q{SELECT ordersync_grant('of_one', 'reader', '{1}')});
my ($shops) = grep { $_->{name} eq 'variable shop' } $dashboard{sales}->queries;
is_deeply([ map { $_->{rows} } answers('of_one', 'UTC', $shops->{sql}) ], [ ['甲店 (1),1'] ], 'a reader of one shop is offered that one');
my ($by_shop) = grep { $_->{panel} && $_->{panel}{title} eq 'By shop' } $dashboard{sales}->queries;
is_deeply([ map { s/,.*//r } map { @{ $_->{rows} } } answers('of_one', 'UTC', expanded('sales', $by_shop, %two_days, shop => ['$__all'])) ], ['甲店 (1)'], 'and all shops are that one');
for my $name (sort keys %dashboard)
{
	is_deeply([ grep { defined } map { $_->{error} } answers('of_one', 'UTC', map { expanded($name, $_, %{ $given{$name} }, shop => ['$__all']) } $dashboard{$name}->queries) ], [], "$name: no panel fails for that reader");
}

# --- plans

# In a plan what reads a table of orders without a condition on day, time or number, but for the first row of an index: what is
# asked of a month is then read by what belongs to the month.
sub scans
{
	my ($node, $below_limit) = @_;
	my @found;
	return if exists $node->{'Actual Loops'} && !$node->{'Actual Loops'};
	if (($node->{'Relation Name'} // '') =~ /^(orders|sub_orders|after_sales)$/)
	{
		my @inner = ($node, @{ $node->{Plans} // [] });
		# that a day is there is no condition on days: with a limited role about, a policy comes first, and what might tell of a
		# row (COALESCE counts as such) stays a filter behind it
		my $condition = join(' ', map { $_->{'Index Cond'} // () } @inner) =~ s/\(\w+ IS NOT NULL\)//gr;
		my $probes = $below_limit && $node->{'Node Type'} =~ /^Index/;
		# refunds of lines paid on a day have no index by that day: all of the shop's are joined to the day's lines
		my $of_shop = $node->{'Relation Name'} eq 'after_sales' && $condition =~ /shop_id/;
		# completeness compares the keys of all of a shop's records and rows, and reads nothing but these
		my $keys = $node->{'Node Type'} eq 'Index Only Scan' && $node->{'Index Name'} eq 'orders_pkey' && $condition =~ /shop_id/;
		push @found, "$node->{'Node Type'} of $node->{'Relation Name'}" unless $probes || $of_shop || $keys || $condition =~ /_date|\btid\b|\boid\b|refund_id|num_iid|modified/;
	}
	push @found, map { scans($_, $node->{'Node Type'} eq 'Limit') } @{ $node->{Plans} // [] };
	return @found;
}
for my $name (sort keys %dashboard)
{
	my @queries = $dashboard{$name}->queries;
	for my $selected ([ 'a month of one shop', $name eq 'sales' ? ['3'] : ['1'] ], $name eq 'sales' ? [ 'a month of all', ['$__all'] ] : ())
	{
		# the tables are so small that reading them wholly would be cheapest
		# of the consumers what counts all orders is never executed
		my @answers = answers('grafana', 'UTC', 'SELECT set_config(\'enable_seqscan\', \'off\', false)', map { ($_->{sql} =~ /consumers/ ? 'EXPLAIN (ANALYZE, FORMAT JSON) ' : 'EXPLAIN (FORMAT JSON) ') . expanded($name, $_, %{ $given{$name} }, shop => $selected->[1]) } @queries);
		shift @answers;
		my @whole;
		for my $i (0 .. $#queries)
		{
			my $plan = join("\n", @{ $answers[$i]{rows} }) =~ s/\A"|"\z//gr =~ s/""/"/gr;
			push @whole, map { "$queries[$i]{name}: $_" } scans(JSON::PP->new->decode($plan)->[0]{Plan});
		}
		is_deeply(\@whole, [], "$name: for $selected->[0] nothing of orders is read wholly");
	}
}

# --- hostile values

my @hostile = (q{1') OR true --}, q{1) UNION SELECT 1 --}, q{'; DROP TABLE ordersync.orders; --}, q{\\'; SELECT pg_sleep(9); --}, '$__timeFilter(x)', q{1'::text, 'x}, '${shop:raw}');
for my $name (sort keys %dashboard)
{
	for my $variable (grep { $_->{type} ne 'datasource' } $dashboard{$name}->variables)
	{
		my @queries = grep { $_->{sql} =~ /\$\{\Q$variable->{name}\E\b/ } $dashboard{$name}->queries or fail("$name: variable $variable->{name} is used");
		my @formats = map { $_->{sql} =~ /\$\{$variable->{name}:?(\w*)\}/g } @queries;
		is_deeply([ grep { $_ ne 'sqlstring' } @formats ], [], "$name: variable $variable->{name} is always quoted");
		my @tried = map { my $value = $_; map { [ $value, expanded($name, $_, %{ $given{$name} }, $variable->{name} => [$value]) ] } $queries[0], $queries[-1] } @hostile;
		my @answers = answers('grafana', 'UTC', map { $_->[1] } @tried);
		my @broken;
		for my $i (0 .. $#tried)
		{
			my ($value, $error) = ($tried[$i][0], $answers[$i]{error} // '');
			# an error of its value; of a macro in it, of the query; or a stage that is not Chinese
			push @broken, "$value: $error" unless $error =~ /^(invalid input syntax for type|unit "|timestamp units)/
				|| $value =~ /\$__/ && $error =~ /^syntax error/
				|| $variable->{name} eq 'language' && $error eq '';
		}
		is_deeply(\@broken, [], "$name: no value of $variable->{name} is more than a value");
	}
}
is(sql('SELECT count(*) FROM ordersync.orders WHERE shop_id < 3'), 6, 'nothing was changed');

done_testing();
