# What is stored does not depend on settings: not of the server, of the database, nor of the role that owns it or asks.
#
# One world, still, in which the first of March of a leap year has begun, is read into a plain cluster and into three
# databases of a hostile one: there the server, the database, or the roles are set to what would change a value that is
# read or written carelessly. All must hold the same rows.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($now, $since, $until) = ('2028-03-01 00:40:00', '2027-12-18 00:00:00+08', '2028-03-01 00:20:00+08');

# --- the hostile settings ---

# Locales with a decimal comma, an I that is no i in lower case, and another order of letters.
my $locales = PostgreSQL::Test::Utils::tempdir();
my @missing = grep { system("localedef -i $_ -f UTF-8 $locales/$_.UTF-8 >/dev/null 2>&1") != 0 } qw(de_DE tr_TR);
@missing = ('C.UTF-8 beside them') unless @missing || `LOCPATH=$locales LC_ALL=C.UTF-8 locale charmap 2>&1` =~ /\AUTF-8\s*\z/;
my ($german, $turkish) = @missing ? qw(C C) : qw(de_DE.UTF-8 tr_TR.UTF-8);
diag("no locale @missing: lc_collate, lc_ctype, lc_monetary, lc_numeric and lc_time are not changed") if @missing;

my %anywhere = (
	extra_float_digits => '-15', bytea_output => 'escape', standard_conforming_strings => 'off', escape_string_warning => 'off',
	array_nulls => 'off', transform_null_equals => 'on', quote_all_identifiers => 'on', check_function_bodies => 'off',
	row_security => 'off', session_replication_role => 'replica', default_transaction_isolation => 'serializable',
	default_transaction_deferrable => 'on', default_transaction_read_only => 'on', lock_timeout => '1ms',
	statement_timeout => '1ms', idle_in_transaction_session_timeout => '1ms', search_path => 'evil, public, pg_catalog',
	'plpgsql.variable_conflict' => 'use_column', 'plpgsql.extra_errors' => 'all', force_parallel_mode => 'on',
	max_parallel_workers_per_gather => '4', parallel_setup_cost => '0', parallel_tuple_cost => '0', min_parallel_table_scan_size => '0',
	enable_hashjoin => 'off', enable_nestloop => 'off', enable_indexscan => 'off', work_mem => '64kB', join_collapse_limit => '1',
	lc_messages => 'C', lc_numeric => $german, lc_monetary => $german, lc_time => $turkish, client_min_messages => 'error');
my %at = (
	server => { %anywhere, timezone => 'America/New_York', datestyle => 'German, DMY', intervalstyle => 'iso_8601' },
	database => { %anywhere, timezone => 'Pacific/Kiritimati', datestyle => 'SQL, MDY', intervalstyle => 'sql_standard' },
	role => { %anywhere, timezone => 'Asia/Kathmandu', datestyle => 'Postgres, DMY', intervalstyle => 'postgres_verbose' });
my @hostile = sort keys %at;
# Renamed in 16.
sub set_by
{
	my ($cluster, $how, $settings, $after) = @_;
	my %known = map { $_ => 1 } split /\n/, $cluster->sql('SELECT lower(name) FROM pg_settings');
	my %s = %$settings;
	$s{debug_parallel_query} = delete $s{force_parallel_mode} unless $known{force_parallel_mode};
	return join '; ', map { "$how SET $_ = " . ($_ eq 'search_path' ? $s{$_} : "'$s{$_}'") . ($after // '') }
		grep { $known{$_} || /^plpgsql/ } sort keys %s;
}

# --- two clusters, one world ---

my $plain = OrdersyncTest->new(bare => 1, gateway => [ '--shops' => 1, '--orders-per-shop' => 250, '--days' => 76, '--now' => $now ]);
my $hostile;
{
	local $ENV{LOCPATH} = $locales unless @missing;
	$hostile = OrdersyncTest->new(without_gateway => 1, databases => join ',', map { "by_$_" } @hostile);
}
$hostile->{address} = $plain->{address};

# What this test types itself is not to fail for the settings that forbid to write or to wait.
my $typing = '-c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0'
	. ' -c default_transaction_isolation=read\ committed';
# The test's own answers look the same everywhere.
my $looking = "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
	SET bytea_output = 'hex'; SET search_path = pg_catalog, public; SET session_replication_role = origin; SET standard_conforming_strings = on;
	SET row_security = on; ";

$hostile->sql('CREATE ROLE keeper LOGIN');
for my $by (@hostile)
{
	my ($collate, $type) = $by eq 'server' ? ('C.UTF-8', 'C.UTF-8') : $by eq 'database' ? ($german, $turkish) : ($turkish, $german);
	$hostile->sql("CREATE DATABASE by_$by OWNER keeper TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE '$collate' LC_CTYPE '$type'");
	# Whoever calls these by their bare names is answered wrongly.
	$hostile->sql(q{
		CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
		CREATE FUNCTION evil.wrong(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE FUNCTION evil.wrong(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.wrong);
		CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.wrong);
		CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '1999-12-31' $$;
		CREATE FUNCTION evil.timezone(text, timestamp) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '1999-12-31' $$;
		CREATE FUNCTION evil.timezone(text, timestamptz) RETURNS timestamp LANGUAGE sql AS $$ SELECT timestamp '1999-12-31' $$;
		CREATE FUNCTION evil.date_trunc(text, timestamptz) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '1999-12-31' $$;
		CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'wrong'::text $$;
		CREATE FUNCTION evil.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
		CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false); CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (false)}, "by_$by");
}
# The superuser is whom the workers connect as.
$hostile->sql(set_by($hostile, 'ALTER DATABASE by_database', $at{database}));
$hostile->sql(set_by($hostile, "ALTER ROLE $_ IN DATABASE by_role", $at{role})) for qw(postgres keeper);
# One statement a call: ALTER SYSTEM runs in no transaction block.
$hostile->sql($_) for split /; /, set_by($hostile, 'ALTER SYSTEM', { map { $_ => $at{server}{$_} } grep { !/^plpgsql/ } keys %{ $at{server} } });
{
	local $ENV{LOCPATH} = $locales unless @missing;
	$hostile->node->restart;
}
$ENV{PGOPTIONS} = $typing;

# A database as this test sees it: [name, cluster, database].
my @all = ([ plain => $plain, 'postgres' ], map { [ "set by the $_" => $hostile, "by_$_" ] } @hostile);
for my $by (@hostile)
{
	my %shown = map { split /\|/, $_, 2 } split /\n/, $hostile->sql(q{SELECT pg_catalog.lower(name), setting FROM pg_catalog.pg_settings}, "by_$by");
	is($shown{timezone} . ', ' . $shown{standard_conforming_strings} . ', ' . $shown{lc_numeric}, "$at{$by}{timezone}, off, $german", "sessions are set by the $by");
}

# --- the same is stored ---

my $shop = $plain->control('shops')->[0];
utf8::encode(my $nick = $shop->{seller_nick});
my $offset = $plain->control('clock')->{offset_ms};

# In a session with all the settings of its database, role or server.
sub run_in
{
	my ($where, $kind, $range, $role) = @_;
	my ($name, $cluster, $db) = @$where;
	my $run = $cluster->node->safe_psql($db, "SELECT ordersync_trigger_$kind(1, $range)", extra_params => [ '-U', $role // 'postgres' ]);
	$cluster->wait_until("$kind run, $name", sub { $cluster->sql("$looking SELECT state FROM ordersync.sync_runs WHERE run_id = $run", $db) !~ /pending|running/ });
	my $state = $cluster->sql("$looking SELECT state FROM ordersync.sync_runs WHERE run_id = $run", $db);
	diag($cluster->sql("$looking SELECT stream, basis, since, until, state, outcome, last_verdict, error FROM ordersync.sync_tasks WHERE run_id = $run AND state <> 'succeeded' LIMIT 5", $db)) if $state ne 'succeeded';
	return ($state, $run);
}

for my $where (@all)
{
	my ($name, $cluster, $db) = @$where;
	$cluster->sql('CREATE EXTENSION ordersync SCHEMA public', $db);
	$cluster->sql("SELECT ordersync_add_gateway('taobao', '" . $cluster->url . "', '12345678', 'helloworld')", $db);
	$cluster->sql("SELECT ordersync_add_shop(1, '$nick', '$shop->{session}')", $db);
	$cluster->sql("$looking UPDATE ordersync.gateways SET clock_offset = make_interval(secs => $offset / 1000.0)", $db);
	is((run_in($where, 'full', "'$since', '$until'"))[0], 'succeeded', "full run over the ends of a year and of months, $name");
}
$plain->control('change', shop => 1, orders => 150, from => '2028-02-28 22:00:00', to => '2028-02-29 23:59:59');
for my $where (@all)
{
	# As the role that owns the database, which has settings of its own in one of them.
	is((run_in($where, 'incremental', "'2028-02-28 00:00:00+08', '$until'", $where->[0] eq 'plain' ? 'postgres' : 'keeper'))[0], 'succeeded',
		"incremental run over the 29th of February, $where->[0]");
}
my $tid = $plain->sql('SELECT tid FROM ordersync.orders ORDER BY modified DESC, tid LIMIT 1');

my %key = (orders => 'tid', sub_orders => 'oid', after_sales => 'refund_id', order_payloads => 'tid', after_sale_payloads => 'refund_id',
	order_changes => 'object, id, field, platform_time, old_value, new_value');
my %but = (orders => 'first_seen_at,synced_at,details_at', sub_orders => 'first_seen_at,synced_at', after_sales => 'first_seen_at,synced_at',
	order_payloads => 'read_at', after_sale_payloads => 'read_at', order_changes => 'change_id,recorded_at,run_id,task_id,changed_in');
sub rows_of
{
	my ($where, $table) = @_;
	return split /\n/, $where->[1]->sql("$looking SELECT to_jsonb(t) - '{$but{$table}}'::text[] FROM ordersync.$table t
		ORDER BY " . join(', ', map { /_value|object|field/ ? "$_ COLLATE \"C\"" : $_ } split /, /, $key{$table}), $where->[2]);
}
sub same_rows
{
	my ($name) = @_;
	for my $table (sort keys %key)
	{
		my @want = rows_of($all[0], $table);
		cmp_ok(scalar @want, '>', $table =~ /after_sale/ ? 20 : 300, "$name: " . @want . " rows of $table");
		for my $where (@all[ 1 .. $#all ])
		{
			my @have = rows_of($where, $table);
			my ($first) = grep { ($have[$_] // '') ne ($want[$_] // '') } 0 .. (@have > @want ? $#have : $#want);
			ok(!defined $first, "$name: the same rows of $table, $where->[0]")
				or diag("have: " . ($have[$first] // 'nothing') . "\nwant: " . ($want[$first] // 'nothing'));
		}
	}
	return;
}
same_rows('two runs');

for my $where (@all)
{
	is((run_in($where, 'order', $tid))[0], 'succeeded', "a whole order, $where->[0]");
}
same_rows('after a whole order');

# --- days are Shanghai's, whoever looks ---

for my $where (@all)
{
	my ($name, $cluster, $db) = @$where;
	for my $zone ('UTC', 'America/New_York', 'Asia/Shanghai')
	{
		is($cluster->sql("SET search_path = pg_catalog, public; SET timezone = '$zone'; SET datestyle = 'ISO'; SELECT count(*) FROM (
				SELECT o.created_date::text, o.paid_date::text, o.end_date::text, left(p.payload ->> 'created', 10) AS c, left(o.shown_paid, 10) AS d, left(p.payload ->> 'end_time', 10) AS e
				FROM (SELECT *, to_char(paid_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') AS shown_paid FROM ordersync.orders) o JOIN ordersync.order_payloads p USING (shop_id, tid)
			) x WHERE (created_date, paid_date, end_date) IS DISTINCT FROM (c, d, e)", $db), '0', "days of orders in a session of $zone, $name");
		is($cluster->sql("SET search_path = pg_catalog, public; SET timezone = '$zone'; SET datestyle = 'ISO'; SELECT count(*) FROM ordersync.after_sales a JOIN ordersync.after_sale_payloads p USING (shop_id, refund_id)
			WHERE a.created_date::text IS DISTINCT FROM left(p.payload ->> 'created', 10)
				OR a.refunded_date IS DISTINCT FROM (a.refunded_at AT TIME ZONE 'Asia/Shanghai')::date", $db), '0', "days of after-sales, $name");
	}
	for my $view ('daily_sales', 'item_sales', 'completeness')
	{
		my $of_view = "SET search_path = pg_catalog, public; SET datestyle = 'ISO'; SELECT md5(string_agg(v, E'\n' ORDER BY v COLLATE \"C\")) || ' ' || count(*)
			FROM (SELECT " . ($view eq 'completeness' ? "concat_ws(' ', stream, basis, day, reported, stored) AS v FROM ordersync.completeness WHERE day < '2028-02-28'"
			: "t::text AS v FROM ordersync.$view t") . ') x';
		is($cluster->sql($of_view, $db), $plain->sql($of_view), "$view in a session with the settings, $name");
	}
	# By the clock of the platform, as text: what a report counts on the days around the ends.
	is($cluster->sql("$looking SELECT string_agg(created_date || ' ' || n, ', ' ORDER BY created_date) FROM (SELECT created_date, count(*) AS n FROM ordersync.orders
			WHERE created_date IN ('2027-12-31', '2028-01-01', '2028-01-31', '2028-02-01', '2028-02-29') GROUP BY 1) d", $db),
		$plain->sql("$looking SELECT string_agg(day || ' ' || n, ', ' ORDER BY day) FROM (SELECT left(payload ->> 'created', 10) AS day, count(*) AS n FROM ordersync.order_payloads GROUP BY 1) d
			WHERE day IN ('2027-12-31', '2028-01-01', '2028-01-31', '2028-02-01', '2028-02-29')"), "orders a day around the ends of months and of the year, $name");
}

# --- ranges ---

# Which ranges a given now leads to; the text is Shanghai's.
my @moments = map { "$_+08" } '2026-03-31 12:00:00', '2028-03-31 12:00:00', '2028-03-01 00:00:00', '2028-02-29 23:59:59', '2027-01-31 00:30:00',
	'2027-01-01 00:00:00', '2026-05-31 23:59:59', '2026-12-31 16:30:00', '2026-07-01 07:59:59', '2026-11-01 13:30:00';
my $show = "to_char(%s AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')";
my %ask = (
	'the default range of a full run' => "SELECT string_agg(concat_ws(' ', " . join(', ', map { sprintf $show, $_ } 'n', 'r.since', 'r.until') . "), E'\\n' ORDER BY n)
		FROM unnest('{" . join(',', @moments) . "}'::timestamptz[]) AS n, ordersync.resolve_range('full', NULL, NULL, n) r",
	'days' => "SELECT string_agg(extract(epoch FROM ordersync_day(d::date))::bigint::text, ' ' ORDER BY d)
		FROM generate_series(timestamp '2026-01-01', timestamp '2028-12-31', interval '1 day') AS d",
	'windows' => "SELECT string_agg(concat_ws(' ', " . join(', ', map { sprintf $show, $_ } 'w.since', 'w.until') . ", w.fresh), E'\\n' ORDER BY w.since)
		FROM ordersync.cut_windows(tstzmultirange(tstzrange('2026-02-27 22:00:00+00', '2026-04-02 05:06:07+00'), tstzrange('2026-10-31 00:00:00+08', '2026-11-02 12:00:00+08')),
			'2026-11-02 11:00:00+08', interval '1 day') w",
);
for my $what (sort keys %ask)
{
	# Evaluated with the settings, but for what the question itself needs to be read.
	my $asked = "SET search_path = pg_catalog, public; SET standard_conforming_strings = on; SET datestyle = 'ISO, YMD'; $ask{$what}";
	my $want = $plain->sql($asked);
	is($_->[1]->sql($asked, $_->[2]), $want, "$what, $_->[0]") for @all[ 1 .. $#all ];
}
my %default = map { /\A(.{19}) (.{19}) / } split /\n/, $plain->sql($ask{'the default range of a full run'});
is_deeply(\%default, { '2026-03-31 12:00:00' => '2026-02-28 00:00:00', '2028-03-31 12:00:00' => '2028-02-29 00:00:00', '2028-03-01 00:00:00' => '2028-02-01 00:00:00',
	'2028-02-29 23:59:59' => '2028-01-29 00:00:00', '2027-01-31 00:30:00' => '2026-12-31 00:00:00', '2027-01-01 00:00:00' => '2026-12-01 00:00:00',
	'2026-05-31 23:59:59' => '2026-04-30 00:00:00', '2026-12-31 16:30:00' => '2026-11-30 00:00:00', '2026-07-01 07:59:59' => '2026-06-01 00:00:00',
	'2026-11-01 13:30:00' => '2026-10-01 00:00:00' }, 'which begins with the same day a month before, or its last');

# What a trigger makes of the platform's now.
for my $where (@all)
{
	my ($name, $cluster, $db) = @$where;
	my $run = $cluster->sql("SELECT ordersync_trigger_full(1)", $db);
	is($cluster->sql("$looking SELECT " . sprintf($show, 'since') . " FROM ordersync.sync_runs WHERE run_id = $run", $db), '2028-02-01 00:00:00', "a full run begins a month back, $name");
	$cluster->sql("SELECT ordersync_cancel($run)", $db);
	my $month = $cluster->sql("SELECT run_id FROM ordersync_trigger_month('2028-02')", $db);
	is($cluster->sql("$looking SELECT " . sprintf($show, 'since') . " || ' ' || " . sprintf($show, 'until') . " FROM ordersync.sync_runs WHERE run_id = $month", $db),
		'2028-02-01 00:00:00 2028-03-01 00:00:00', "a month of 29 days, $name");
	$cluster->sql("SELECT ordersync_cancel($month)", $db);
}
# --- the script is in ASCII: its names are Chinese whatever the settings under which it ran ---

for my $where (@all)
{
	my ($name, $cluster, $db) = @$where;
	is($cluster->sql("$looking SELECT ordersync_order_status_name('unpaid') || (SELECT name_zh FROM ordersync.status_names WHERE status = 'WAIT_BUYER_PAY' AND object = 'order')", $db),
		'待付款待付款', "a status' name, $name");
}

# --- other encodings are refused, each with what to do instead ---

for my $encoding (qw(LATIN1 SQL_ASCII EUC_CN EUC_TW EUC_JP WIN1252))
{
	my $db = 'in_' . lc $encoding;
	$plain->sql("CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	my $error = $plain->sql_fails('CREATE EXTENSION ordersync', db => $db);
	like($error, qr/ERROR:  ordersync needs a database with encoding UTF8\n.*$encoding.*\nHINT:  Create a database for it: CREATE DATABASE \w+ ENCODING 'UTF8'/s, "$encoding is refused");
	is($plain->sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'ordersync'", $db), '0', 'and nothing is left behind');
}

done_testing;
