# README and the pages of docs/: every SQL block runs as printed, in the order of the pages; the Chinese pages have the same
# blocks, headings and tables; links and anchors lead somewhere; the names that they use exist; and the reference has every
# function, relation, option, setting and state, with what the catalog says of each.
use strict;
use warnings;
use utf8;
use Encode qw(decode_utf8 encode_utf8);
use File::Basename qw(basename dirname);
use OrdersyncTest;
use PostgreSQL::Test::Utils ();
use Test::More;

my $root = "$ENV{ORDERSYNC_TEST}/..";
my %text;
sub text { my ($file) = @_; return $text{$file} //= decode_utf8(PostgreSQL::Test::Utils::slurp_file("$root/$file")) }
sub sister { my ($file) = @_; return $file =~ s/\.md$/.zh-CN.md/r }

# The pages in the order in which README names them, README first.
my ($index) = text('README.md') =~ /^## Documentation\n(.*?)^## /ms;
my @pages = ('README.md', $index =~ /^\| \[[^]]+\]\((docs\/[^)#]+)\)/mg);
my @sisters = map { sister($_) } @pages;
is_deeply([ sort @pages[ 1 .. $#pages ], @sisters[ 1 .. $#pages ] ],
	[ sort grep { $_ ne 'docs/ordersync_columns.md' } map { s{^\Q$root\E/}{}r } glob "$root/docs/*.md" ], 'README names every page');

# --- the parts of a page

# What stands there in order: headings, blocks, rows of tables, and the rest.
sub parts
{
	my ($file) = @_;
	my @parts;
	my $text = text($file);
	while ($text =~ /\G(?:^(`{3,})(\w*)\n(.*?)^\1$|([^\n]*))\n/msgc)
	{
		my ($fence, $language, $body, $line) = ($1, $2, $3, $4);
		if ($fence) { push @parts, { kind => 'block', language => $language, body => $body } }
		elsif ($line =~ /^(#+) (.*)/) { push @parts, { kind => 'heading', level => length $1, body => $2 } }
		elsif ($line =~ /^\| *(.*?) *\|$/) { push @parts, { kind => 'row', body => $line, cells => [ split / *(?<!\\)\| */, $1, -1 ] } }
		elsif ($line ne '') { push @parts, { kind => 'words', body => $line } }
	}
	return @parts;
}
sub of { my ($file, $kind) = @_; return grep { $_->{kind} eq $kind } parts($file) }
sub blocks { my ($file) = @_; return map { $_->{body} } grep { $_->{language} eq 'sql' } of($file, 'block') }
sub prose { my ($file) = @_; return join "\n", map { $_->{body} } grep { $_->{kind} ne 'block' } parts($file) }
# Names in `code`.
sub code { my ($words) = @_; return $words =~ /(?<!`)`([^`]+)`(?!`)/g }

my %blocks = map { $_ => [ blocks($_) ] } @pages;
my @all = map { @{ $blocks{$_} } } @pages;
cmp_ok(scalar(@all), '>', 60, 'the pages show what to type: ' . @all . ' blocks');
is_deeply([ grep { $_->{language} !~ /^(sql|sh|text|yaml|json)$/ } map { of($_, 'block') } @pages ], [], 'each block says what it is');

# Days are Shanghai's, whatever zone the reader's session is in.
is_deeply([ grep { /current_date|now\(\)::date/i } @all ], [], 'no block asks the session which day it is');

# --- two languages

# Of a page what does not depend on the language: blocks without comments, levels of headings, and of each row its names.
sub skeleton
{
	my ($file) = @_;
	return [ map {
		$_->{kind} eq 'block' ? join(' ', $_->{language}, $_->{body} =~ s/--.*$//gmr =~ s/\s+//gr)
		: $_->{kind} eq 'heading' ? "heading of level $_->{level}"
		: join(' ', 'row', scalar(@{ $_->{cells} }), code($_->{cells}[0]))
	} grep { $_->{kind} ne 'words' } parts($file) ];
}
is_deeply(skeleton(sister($_)), skeleton($_), "$_ in Chinese: the same blocks, headings and tables") for @pages;

# --- links

# As GitHub makes anchors of headings.
sub anchors
{
	my ($file) = @_;
	my (%seen, @anchors);
	for my $heading (map { lc $_->{body} } of($file, 'heading'))
	{
		$heading =~ s/`//g;
		$heading =~ s/[^\w\- ]//g;
		$heading =~ tr/ /-/;
		my $again = $seen{$heading}++;
		push @anchors, $heading . ($again ? "-$again" : '');
	}
	return { map { $_ => 1 } @anchors };
}

my @texts = map { s{^\Q$root\E/}{}r } grep { basename($_) ne 'ordersync_columns.md' } glob "$root/*.md $root/docs/*.md $root/test/*/*.md";
for my $file (@texts)
{
	my @lost;
	for my $link (prose($file) =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ /^https?:/;
		my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
		my $target = $path eq '' ? $file : dirname($file) . "/$path";
		1 while $target =~ s{(^|/)(?!\.\.)[^/]+/\.\./}{$1};
		$target =~ s{^\./}{};
		push @lost, $link if !-e "$root/$target" || defined $anchor && !anchors($target)->{$anchor};
	}
	# files of ours that are named and not linked
	push @lost, grep { !-e "$root/$_" } grep { m{^(?:docs|test)/[\w./-]+$} } code(prose($file));
	is_deeply(\@lost, [], "$file: every link leads somewhere");
}
for my $page (@pages, @sisters)
{
	my @foreign = grep { !/^https?:/ && ($page =~ /zh-CN/ xor /zh-CN/) } grep { /\.md(#|$)/ && !m{(^|/)(CONTRIBUTING|ARCHITECTURE|CHANGELOG)\.md} } prose($page) =~ /\]\(([^)\s]+)\)/g;
	is_deeply(\@foreign, $page eq 'README.md' ? ['README.zh-CN.md'] : $page eq 'README.zh-CN.md' ? ['README.md'] : [], "$page: its links stay in its language");
}

# Installed with the server's documentation.
chomp(my $docdir = `$ENV{PG_CONFIG} --docdir`);
is_deeply([ grep { !-e "$docdir/extension/" . basename($_) } grep { m{^docs/} } @pages, @sisters, 'docs/ordersync_columns.md' ], [], 'make install installs the pages');

# --- the blocks run

# What is about preloading, on a server that has never loaded the library: ours has its settings from the beginning.
my @preload = grep { /shared_preload_libraries/ } @{ $blocks{'README.md'} };
my ($cron) = map { $_->{body} } grep { $_->{language} eq 'text' && $_->{body} =~ /^cron\./ } of('README.md', 'block');
{
	my $node = PostgreSQL::Test::Cluster->new('bare');
	OrdersyncTest::init_from_template($node);
	$node->start;
	my $type = sub { my (undef, undef, $err) = $node->psql('postgres', $_[0], on_error_stop => 1); return $err };
	is($type->($preload[0]), '', 'the library is preloaded as README says');
	$node->restart;
	$node->safe_psql('postgres', 'CREATE DATABASE orders');
	$node->safe_psql('orders', 'CREATE EXTENSION ordersync');
	my $workers = q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'ordersync worker' AND datname = 'orders'};
	ok($node->poll_query_until('postgres', $workers), 'and the database has workers');
	is($type->($preload[1]), '', 'pg_cron beside it');
	$node->append_conf('postgresql.conf', $cron);
	$node->restart;
	$node->safe_psql('orders', 'CREATE EXTENSION pg_cron');
	ok($node->poll_query_until('postgres', $workers), 'and the workers are there again');
	$node->stop;
}

# What is typed there asks the database for now: the platform's clock is the machine's.
my $cluster = OrdersyncTest->new(
	at => '', gateway => [ '--shops' => 1, '--orders-per-shop' => 1500, '--days' => 30 ],
	databases => 'orders', conf => "shared_preload_libraries = 'pg_cron,ordersync'\n$cron");
$cluster->sql('CREATE DATABASE orders');
sub query { my ($sql) = @_; return decode_utf8($cluster->sql(encode_utf8($sql), 'orders')) }

my $url = $cluster->url;
for my $page (@pages)
{
	for my $block (@{ $blocks{$page} })
	{
		my ($first) = $block =~ /^(.*)/;
		my $typed = $block =~ s{https://eco\.taobao\.com/router/rest}{$url}gr;
		my ($status, $out, $err) = $cluster->node->psql('orders', encode_utf8($typed), on_error_stop => 1);
		ok($status == 0, encode_utf8(basename($page) . ": $first")) or diag($err);
		# As with a person who reads on, what a block began is over before the next.
		$cluster->wait_until('the runs to end', sub {
			query("SELECT CASE WHEN to_regclass('ordersync.sync_runs') IS NULL THEN 0 ELSE 1 END") eq '0'
			or query("SELECT count(*) FROM ordersync.sync_runs WHERE state IN ('pending', 'running')") eq '0' });
	}
}
cmp_ok(query('SELECT count(*) FROM ordersync.orders'), '>', 1000, 'and at the end the orders are there');

# --- names exist

my %function = map { $_ => 1 } split /\n/, query(q{SELECT DISTINCT p.proname FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync' WHERE p.proname LIKE 'ordersync\_%'});
my %inner = map { $_ => 1 } split /\n/, query(q{SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'ordersync'::regnamespace});
my %relation = map { $_ => 1 } split /\n/, query(q{SELECT relname FROM pg_class WHERE relnamespace = 'ordersync'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition});
my %column = map { $_ => 1 } split /\n/, query(q{SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = 'ordersync'::regnamespace});
my %setting = map { $_ => 1 } split /\n/, query(q{SELECT substr(name, 11) FROM pg_settings WHERE name LIKE 'ordersync.%'});
# metrics, and what exporters make of the queries in the pages
my %metric = map { $_ => 1 } split(/\n/, query(q{SELECT DISTINCT m[1] FROM regexp_matches(pg_get_viewdef('ordersync.metrics'), '''(ordersync_\w+)''', 'g') m})),
	map { my $name; map { /^(\w+):/ ? ($name = $1) : /^    - (\w+): / ? "${name}_$1" : () } split /\n/, $_->{body} } grep { $_->{language} eq 'yaml' } map { of($_, 'block') } @pages;
# what listeners listen to
my %channel = map { $_ => 1 } split /\n/, query(q{SELECT DISTINCT m[1] FROM pg_proc p, regexp_matches(p.prosrc, 'pg_notify\(''(\w+)''', 'g') m WHERE p.pronamespace = 'ordersync'::regnamespace});
my %policy = map { $_ => 1 } split /\n/, query('SELECT DISTINCT polname FROM pg_policy');
for my $file (@pages, @sisters, 'CHANGELOG.md')
{
	my @unknown;
	for my $code (code(prose($file)))
	{
		push @unknown, grep { !$function{$_} && !$metric{$_} && !$policy{$_} && !$channel{$_} } $code =~ /(?<![\w.\/-])(ordersync_\w+)(?!\w*\.md)/g;
		while ($code =~ /(?<![\w.\/-])ordersync\.(\w+)(?:\.(\w+))?/g)
		{
			push @unknown, "ordersync.$1" unless $relation{$1} || $setting{$1} || $inner{$1} || $1 =~ /^(?:key|control)$/;
			push @unknown, "ordersync.$1.$2" if defined $2 && !$column{"$1.$2"};
		}
		push @unknown, $code if $code =~ /^(\w+)\.\w+$/ && $relation{$1} && !$column{$code};
	}
	is_deeply(\@unknown, [], "$file: every name of ours exists");
}

# --- the reference has all of it

my $reference = 'docs/ordersync_reference.md';
# Rows of the tables below a heading, as lists of cells; without their heads.
sub table
{
	my ($file, $heading) = @_;
	my ($at, $line, @rows) = (0, 0);
	for my $part (parts($file))
	{
		if ($part->{kind} eq 'heading') { $at = $part->{body} eq $heading }
		elsif ($part->{kind} ne 'row' || !$at) { $line = 0 }
		elsif (++$line > 2) { push @rows, $part->{cells} }
	}
	return @rows;
}
sub names { my ($file, $heading) = @_; return [ sort map { code($_->[0]) } table($file, $heading) ] }

my @functions = map { table($reference, $_) } 'Set-up functions', 'Runs', 'Reading functions';
is(join("\n", sort map { join ' ', code($_->[0]), @$_[ 1, 2 ] } @functions), query(q{
	SELECT string_agg(format('%s(%s) %s %s', p.proname, array_to_string(p.proargnames[1:p.pronargs], ', '),
		CASE WHEN p.prokind = 'p' THEN 'procedure' WHEN p.proretset THEN 'table'
			WHEN p.prorettype = 'timestamptz'::regtype THEN 'timestamptz' ELSE format_type(p.prorettype, NULL) END,
		CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN 'everybody' ELSE COALESCE(l.level, 'owner') END),
		E'\n' ORDER BY p.proname COLLATE "C")
	FROM pg_proc p
	JOIN ordersync.functions_by_level() l ON l.routine = p.oid::regprocedure::text
	WHERE p.proname LIKE 'ordersync\_%'}), 'the reference: functions');
is_deeply(names($reference, 'Tables and views'), [ sort grep { $_ ne 'request_log_rest' } keys %relation ], 'tables and views');

# An option that is not known is an error whose hint has those that are.
for my $of ([ 'Gateway options', q{ordersync_set_gateway('taobao', '{"x": 1}')} ], [ 'Shop options', q{ordersync_set_shop(1, '{"x": 1}')} ])
{
	my ($known) = $cluster->sql_fails("SELECT $of->[1]", db => 'orders') =~ /Known options: (.*)\./;
	is_deeply(names($reference, $of->[0]), [ sort split /, /, $known // '' ], lc $of->[0]);
}

my @settings = table($reference, 'Settings');
is_deeply([ sort map { code($_->[0]) } @settings ], [ sort map { "ordersync.$_" } keys %setting ], 'settings');
my $shown = join ', ', map { my ($name) = code($_->[0]); "('$name', '$_->[1]')" } grep { $_->[0] !~ /workers|allowed_hosts/ } @settings;
is(query(qq{
	SELECT string_agg(concat(s.name, ' ', s.boot_val, s.unit, ', not ', t.shown), '; ')
	FROM pg_settings s
	JOIN (VALUES $shown) AS t (name, shown) USING (name)
	WHERE NOT CASE s.unit
		WHEN 'kB' THEN pg_size_bytes(t.shown) = pg_size_bytes(s.boot_val || 'kB')
		WHEN 's' THEN t.shown::interval = (s.boot_val || ' s')::interval
		WHEN 'ms' THEN t.shown::interval = (s.boot_val || ' ms')::interval
		ELSE t.shown = s.boot_val
	END}), '', 'and their defaults');

my %states = map { s/:.*//sr => [ sort map { split /, / } code(s/^[^:]*://r) ] } grep { /^(Runs|Stages of orders|Stages of after-sales):/ } map { $_->{body} } of($reference, 'words');
sub states { my ($query) = @_; return [ sort split /\n/, query($query) ] }
is_deeply($states{'Stages of orders'}, states(q{SELECT DISTINCT stage FROM ordersync.status_names WHERE object = 'order' AND stage <> 'unknown'}), 'stages of orders');
is_deeply($states{'Stages of after-sales'}, states(q{SELECT DISTINCT stage FROM ordersync.status_names WHERE object = 'refund' AND stage <> 'unknown'}), 'stages of after-sales');
is_deeply($states{Runs}, states(q{SELECT regexp_split_to_table(col_description(attrelid, attnum), ', | or ') FROM pg_attribute
	WHERE attrelid = 'ordersync.sync_runs'::regclass AND attname = 'state'}), 'states of runs');

is_deeply(names('docs/ordersync_monitoring.md', 'A run ended as failed or incomplete'),
	states(q{SELECT DISTINCT m[1] FROM regexp_matches(pg_get_viewdef('ordersync.failed_tasks'), 'WHEN ''(\w+)''::text', 'g') AS m}),
	'the page on monitoring: classes of failures');

is_deeply(names('docs/MIGRATION.md', 'Names of differences'), states('SELECT difference FROM ordersync.compare_meanings()'), 'the page on moving here: names of differences');
is_deeply(names('docs/MIGRATION.md', 'Their table'), states(q{SELECT col FROM ordersync.compare_columns('orders')}), 'and the columns that are compared');

done_testing;
