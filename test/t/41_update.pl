# ALTER EXTENSION ordersync UPDATE: an installation of an older version, with data and grants, has afterwards the same catalog as
# a new one, and its workers go on. As long as there is no older release one is made up: a copy of the sources in which this is
# missing and that is otherwise. UPDATE_FROM=/path/to/sources takes a released version's instead.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(copy);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = "$ENV{ORDERSYNC_TEST}/..";
my ($new) = slurp_file("$here/ordersync.control") =~ /^default_version = '(.*)'/m;

# --- a server of our own, with both versions' scripts

my ($root, %dir) = OrdersyncTest::private_server();
my $extension = "$root$dir{sharedir}/extension";
put_file("$extension/ordersync--check.sql", '');

sub put_file { my ($name, $text) = @_; open my $file, '>', $name or die "$name: $!"; print $file $text; close $file; return }
sub make
{
	my ($tree, @what) = @_;
	# without optimization: what is built here is used once
	return ($ENV{MAKE} || 'make', '-s', '-j2', '-C', $tree, "PG_CONFIG=$ENV{PG_CONFIG}", "DESTDIR=$root", 'PROFILE=-O0', 'WERROR=', 'with_llvm=no', @what);
}
sub tree_of
{
	my ($name, $from) = @_;
	mkdir "$root/$name" or die "$root/$name: $!";
	OrdersyncTest::copy_sources($from, "$root/$name");
	return "$root/$name";
}

# --- the older version

my $old_tree = tree_of('old', $ENV{UPDATE_FROM} // $here);
my $new_tree = tree_of('new', $here);

# Each stands in one place of the sources, and is replaced there.
sub make_up
{
	my ($tree) = @_;
	my @files = split /\n/, `find '$tree/sql' -name '*.sql' -path '*parts*' -o -name dictionary.txt`;
	my %text = map { $_ => scalar slurp_file($_) } @files;
	my $instead = sub {
		my ($from, $to) = @_;
		my @in = grep { $text{$_} =~ $from } @files;
		die "in " . @in . " places: $from\n" unless @in == 1;
		$text{$in[0]} =~ s/$from/$to->()/e;
	};
	my $remove = sub { $instead->($_[0], sub { '' }) };

	# routines: one is missing, one is too many, others have another body, signature, result, comment
	$remove->(qr/CREATE OR REPLACE FUNCTION \@extschema\@\.ordersync_today\(\).*?COMMENT ON FUNCTION \@extschema\@\.ordersync_today\(\) IS\n[^\n]*\n/s);
	$instead->(qr/(?=CREATE OR REPLACE FUNCTION \@extschema\@\.ordersync_day\()/, sub {
		"CREATE OR REPLACE FUNCTION \@extschema\@.ordersync_list_old(p text DEFAULT 'a,b)', n numeric(18,2) DEFAULT round(1, 2))\nRETURNS text\n"
		. "LANGUAGE sql STABLE\nRETURN p;\nCOMMENT ON FUNCTION \@extschema\@.ordersync_list_old(text, numeric) IS 'only here';\n" });
	$instead->(qr/FUNCTION ordersync\.check_role\(p_role name\)\nRETURNS void\nLANGUAGE plpgsql STABLE PARALLEL SAFE/, sub {
		"FUNCTION ordersync.check_role(p_role name)\nRETURNS void\nLANGUAGE plpgsql VOLATILE SECURITY DEFINER\nSET work_mem = '5MB'" });
	$instead->(qr/Create it first: CREATE ROLE name LOGIN\./, sub { 'Make it first.' });
	$instead->(qr/'raises an error for a role that does not exist'/, sub { "'looks for a role'" });
	$instead->(qr/FUNCTION ordersync\.source_rank\(p_stream text, p_source text\)/, sub { 'FUNCTION ordersync.source_rank(p_stream text, p_word text)' });
	$instead->(qr/ordersync\.sources_of\(p_stream\), p_source\)::smallint/, sub { 'ordersync.sources_of(p_stream), p_word)::smallint' });
	# a function's result, and the view of it
	$instead->(qr/\tlast_error_at timestamptz,\n(?=\towner text,\n)/, sub { "\tfailed_at timestamptz,\n" });
	$instead->(qr/w\.last_error_at,/, sub { 'w.failed_at,' });
	$instead->(qr/ordersync\.workers\.last_error_at IS/, sub { 'ordersync.workers.failed_at IS' });
	# a type, and what takes it
	$instead->(qr/(CREATE TYPE ordersync\.remembered_after_sale AS \([^;]*\tnum_iid) bigint/, sub { "$1 numeric" });
	# a column of the dictionary, which was called for before; another's comment
	$instead->(qr/^store_code .*\n/m, sub { '' });
	$instead->(qr/^\[order\]\n/m, sub { "[order]\nIALD store_code\n" });
	$instead->(qr/ bundle in words$/m, sub { ' a bundle' });
	# a column of the queue, an index, a column of a view that does not stand last
	$remove->(qr/,\n\t\tgranted_at timestamptz NOT NULL DEFAULT now\(\)/);
	$remove->(qr/,\n\t+\('grants', 'granted_at', 'when'\)(?=,?\n)/);
	$remove->(qr/\tPERFORM ordersync\.add_index\('order_changes_changed_in_idx'[^;]*;\n/);
	$remove->(qr/(?<=\t\t)r\.requested_by, (?=r\.requested_at, r\.started_at)/);
	$remove->(qr/,\n\t+\('run_progress', 'requested_by', 'who triggered it'\)(?=,?\n)/);

	put_file($_, $text{$_}) for @files;
	# nothing else says which version it is
	put_file("$tree/ordersync.control", slurp_file("$tree/ordersync.control") =~ s/^default_version = .*/default_version = '0.0.9'/mr);
	return;
}
make_up($old_tree) unless $ENV{UPDATE_FROM};
my ($old) = slurp_file("$old_tree/ordersync.control") =~ /^default_version = '(.*)'/m;
command_ok([ make($old_tree, 'install') ], "version $old is built and installed");
ok(!-e "$extension/ordersync--check.sql", 'what older builds left there is gone');

my $cluster = OrdersyncTest->new(install_path => dirname("$root$dir{bindir}"), gateway => [ '--shops' => 1, '--orders-per-shop' => 120, '--days' => 20 ],
	conf => 'ordersync.lag = 0');
$cluster->sql("CREATE ROLE $_ LOGIN") for qw(bob carol dave);
my @grants = ('CREATE VIEW ordersync.beside_ours AS SELECT 1 AS one; ALTER VIEW ordersync.beside_ours OWNER TO pg_database_owner', 'GRANT SELECT (run_id) ON ordersync.failed_tasks TO dave',
	"SELECT ordersync_grant('bob', 'operator')", "SELECT ordersync_grant('carol', 'reader', '{1}')",
	'GRANT EXECUTE ON FUNCTION ordersync_day(date) TO dave', 'GRANT SELECT ON ordersync.run_progress TO dave', 'GRANT EXECUTE ON FUNCTION ordersync.format_range(timestamptz, timestamptz) TO PUBLIC');
$cluster->add_shops(1);
is($cluster->sql("SELECT extversion || ' ' || (SELECT version FROM ordersync.installation) FROM pg_extension WHERE extname = 'ordersync'"), "$old $old", 'it is there');
is($cluster->full(1), 'succeeded', 'its library is of the same version: a full run');
$cluster->take('full');
$cluster->sql($_) for @grants;

my @tables = qw(orders sub_orders after_sales order_payloads sync_runs sync_tasks coverage order_changes secrets);
my %columns = map { $_ => $cluster->sql("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'ordersync.$_'::regclass AND attnum > 0") } @tables;
sub contents { return join "\n", map { $cluster->sql("SELECT '$_', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM (SELECT $columns{$_} FROM ordersync.$_) t") } @tables }
my $stored = contents();

# --- the new version's files, then its library

my $list = "$new_tree/sql/versions/$old.txt";
if (!-e $list)
{
	system_or_bail(make($old_tree, 'version-list'));
	mkdir "$new_tree/sql/versions";
	copy("$old_tree/sql/versions/$old.txt", $list) or die "$list: $!";
}
my $update = "ordersync--$old--$new.sql";
command_ok([ make($new_tree, "sql/$update") ], 'the update script is made');

# a released version is what its list says
put_file("$new_tree/sql/versions/$new.txt", slurp_file($list));
command_fails_like([ make($new_tree, "sql/ordersync--$new.sql") ], qr{sql/versions/\Q$new\E\.txt: version \Q$new\E is released.*raise default_version}, 'what is released is not changed');
$cluster->node->stop;
for ([ "$here/ordersync.control" => "$extension/ordersync.control" ], [ "$new_tree/sql/$update" => "$extension/$update" ],
	[ "$dir{pkglibdir}/ordersync.so" => "$root$dir{pkglibdir}/ordersync.so" ])
{
	unlink $_->[1];
	copy(@$_) or die "$_->[1]: $!";
}
$cluster->node->start;
$cluster->wait_until('the worker to say that it waits', sub {
	slurp_file($cluster->node->logfile) =~ /LOG:  ordersync in database "postgres" is not of version \Q$new\E: its worker waits\n.*HINT:  Run ALTER EXTENSION ordersync UPDATE/ });
my $run = $cluster->trigger('incremental', 1);

my ($status, undef, $said) = $cluster->node->psql('postgres', 'ALTER EXTENSION ordersync UPDATE');
is("$status $said", '0 ', 'it is updated');
$cluster->wait_until('the tables to be brought up to date', sub { $cluster->sql('SELECT version FROM ordersync.installation') eq $new });
is($cluster->finish($run), 'succeeded', 'the worker goes on with what was triggered meanwhile');
$cluster->take('incremental');

# --- the same catalog

# Of schema ordersync and of what is the extension's.
my $ours = q{(SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' WHERE e.extname = 'ordersync')};
my $acl = sub { my ($acl, $owner, $kind) = @_; return qq{(SELECT string_agg(concat_ws(' ', g.rolname, privilege_type, is_grantable), ',' ORDER BY g.rolname, privilege_type)
	FROM aclexplode(COALESCE($acl, acldefault('$kind', $owner))) x LEFT JOIN pg_roles g ON g.oid = x.grantee)} };
my $dated = q{c.relname ~ '^request_log_\d'};
my $reports = q{c.relname ~ '^(sub_order|order|after_sale)_report$'};
my $relations = "pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND NOT $dated";
my @catalog = (
	routines => qq{SELECT concat_ws('|', p.oid::regprocedure, p.proowner::regrole, } . $acl->('p.proacl', 'p.proowner', 'f')
		. qq{, obj_description(p.oid, 'pg_proc'), pg_get_functiondef(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'ordersync'::regnamespace OR (SELECT true FROM $ours o WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid)},
	members => "SELECT pg_describe_object(o.classid, o.objid, 0) FROM $ours o",
	'initial rights' => "SELECT concat_ws('|', pg_describe_object(i.classoid, i.objoid, i.objsubid), (SELECT string_agg(u.a::text, ',' ORDER BY u.a::text) FROM unnest(i.initprivs) u (a))) FROM pg_init_privs i JOIN $ours o ON o.classid = i.classoid AND o.objid = i.objoid",
	types => q{SELECT concat_ws('|', t.typname, t.typowner::regrole, obj_description(t.oid, 'pg_type'), (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
		FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.typnamespace = 'ordersync'::regnamespace AND c.relkind = 'c'},
	relations => qq{SELECT concat_ws('|', c.relname, c.relkind, c.relowner::regrole, c.relpersistence, c.relreplident, c.relrowsecurity, c.reloptions, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid, 'pg_class'), }
		. $acl->('c.relacl', 'c.relowner', 'r') . ") FROM $relations AND c.relkind NOT IN ('S', 'i', 'I')",
	columns => qq{SELECT concat_ws('|', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attcompression, a.attstorage, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), a.attacl)
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relnamespace = 'ordersync'::regnamespace AND NOT $dated AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped},
	indexes => "SELECT pg_get_indexdef(c.oid) FROM $relations AND c.relkind IN ('i', 'I') AND pg_get_indexdef(c.oid) !~ 'ON ordersync.request_log_[0-9]'",
	constraints => "SELECT concat_ws('|', n.conrelid::regclass, n.conname, pg_get_constraintdef(n.oid)) FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid WHERE n.connamespace = 'ordersync'::regnamespace AND NOT $dated",
	policies => q{SELECT concat_ws('|', tablename, policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies WHERE schemaname = 'ordersync'},
	triggers => qq{SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'ordersync'::regnamespace AND NOT $dated},
	# in a report that is there new columns come last: that it has them, columns say
	views => "SELECT concat_ws('|', c.relname, pg_get_viewdef(c.oid)) FROM $relations AND c.relkind = 'v' AND NOT $reports",
	'names of statuses' => 'SELECT s::text FROM ordersync.status_names s');

# Lines of one that the other has not, the first few of each kind.
sub differences
{
	my ($db, $other) = @_;
	my @differences;
	for (my $i = 0; $i < @catalog; $i += 2)
	{
		my %lines = map { my $in = $_; $in => { map { $_ => 1 } split /\x01/, $cluster->sql("SELECT string_agg(l.l, chr(1)) FROM ($catalog[$i + 1]) l (l)", $in) } } $db, $other;
		die "no $catalog[$i]\n" unless %{ $lines{$other} } || $catalog[$i] =~ /^(triggers|policies)$/;
		for ([ $db, $other ], [ $other, $db ])
		{
			my ($in, $not) = @$_;
			push @differences, map { "only in $in: $catalog[$i]: " . substr($_, 0, 300) } grep { defined } (grep { !$lines{$not}{$_} } sort keys %{ $lines{$in} })[0 .. 4];
		}
	}
	return join "\n", @differences;
}

$cluster->sql('CREATE DATABASE fresh');
$cluster->create_extension('fresh');
$cluster->sql($_, 'fresh') for @grants;
is(differences('postgres', 'fresh'), '', 'the catalog is that of a new installation');

# --- nothing is lost, and the rest goes on

is(contents() =~ s/^(sync_runs|sync_tasks|coverage|order_changes)\|.*\n//gmr =~ s/^(orders|sub_orders|after_sales|order_payloads)\|(\d+)\|.*/$1|$2/gmr,
	$stored =~ s/^(sync_runs|sync_tasks|coverage|order_changes)\|.*\n//gmr =~ s/^(orders|sub_orders|after_sales|order_payloads)\|(\d+)\|.*/$1|$2/gmr, 'what was stored is there');
my $dump = "$root/dump.sql";
$cluster->node->command_ok([ 'pg_dump', '-s', '-d', 'postgres', '-f', $dump ], 'a dump');
like(slurp_file($dump), qr/^GRANT ALL ON FUNCTION public\.ordersync_day\(day date\) TO dave;$/m, 'has what users were granted before the update');
is($cluster->sql("SELECT has_function_privilege('bob', 'ordersync_today()', 'EXECUTE') AND has_table_privilege('dave', 'ordersync.run_progress', 'SELECT') AND NOT has_function_privilege('dave', 'ordersync_today()', 'EXECUTE')"), 't',
	'what is new is granted by level, and to nobody else');
$cluster->control('change', shop => 1, orders => 10);
$cluster->advance(5, quiet => 1);
is($cluster->incremental(1), 'succeeded', 'an incremental run');
$cluster->take('incremental');
$cluster->node->safe_psql('postgres', 'CALL ordersync_reproject()');
$cluster->equals_truth('after the columns that are new were filled');
$cluster->node->stop;
unlike(slurp_file($cluster->node->logfile), qr/\b(?:PANIC|FATAL:  (?!terminating|the database system)|WARNING)/, 'the log has nothing else to say');

if ($ENV{UPDATE_FROM})
{
	done_testing;
	exit;
}

# --- an update script that forgets something is found out

$cluster->node->append_conf('postgresql.conf', "ordersync.databases = ''");
$cluster->node->start;
$cluster->sql('CREATE DATABASE older');
$cluster->sql("CREATE EXTENSION ordersync VERSION '$old'", 'older');
$cluster->sql('SELECT ordersync.set_up()', 'older');
$cluster->sql('CREATE DATABASE newer');
$cluster->sql('CREATE EXTENSION ordersync', 'newer');
$cluster->sql('SELECT ordersync.set_up()', 'newer');
my $script = slurp_file("$extension/$update");
my $n = 0;

# The update by a script made of the right one; what it says, or what is otherwise afterwards.
sub by_script
{
	my ($text) = @_;
	my $version = 'bad' . ++$n;
	put_file("$extension/ordersync--$old--$version.sql", $text);
	$cluster->sql("CREATE DATABASE $version TEMPLATE older");
	my ($failed, undef, $error) = $cluster->node->psql($version, "ALTER EXTENSION ordersync UPDATE TO '$version'; SELECT ordersync.set_up()", on_error_stop => 1);
	return $failed ? $error : differences($version, 'newer');
}
is(by_script($script), '', 'the right one');
for ([ 'a function that is gone' => qr/\t\@extschema\@\.ordersync_list_old\(.*?\),\n/, qr/members: function ordersync_list_old/ ],
	[ 'a signature' => qr/\tordersync\.source_rank\(.*?\),\n/, qr/cannot drop function ordersync\.source_rank|cannot change name of input parameter/ ],
	[ 'who stands on it' => qr/,\n\tordersync\.source_bit\(.*?\)(?=[,;])/, qr/function ordersync\.source_bit.* depends on function ordersync\.source_rank/ ],
	[ 'a type' => qr/\n\nDROP TYPE\n[^;]*;/, qr/type "remembered_after_sale" already exists/ ],
	[ 'a new function' => qr/CREATE OR REPLACE FUNCTION \@extschema\@\.ordersync_today.*?COMMENT ON FUNCTION \@extschema\@\.ordersync_today[^\n]*\n[^\n]*\n/s, qr/^only in newer: routines: ordersync_today\(\)/m ],
	[ 'a body' => qr/CREATE OR REPLACE FUNCTION ordersync\.check_role.*?\$function\$;/s, qr/^only in newer: routines: ordersync\.check_role\(name\)/m ],
	[ 'a comment' => qr/COMMENT ON FUNCTION ordersync\.check_role\(name\)[^;]*;/, qr/^only in newer: routines: ordersync\.check_role\(name\).*raises an error/m ],
	[ 'who owns what is new' => qr/EXECUTE pg_catalog\.format\('ALTER ROUTINE[^;]*;/, qr/^only in bad\d+: routines: [^|]*\|postgres\|/m ],
	[ 'what PUBLIC may' => qr/EXECUTE pg_catalog\.format\('REVOKE ALL ON ROUTINE[^;]*;/, qr/^only in bad\d+: routines: [^|]*\|pg_database_owner\|[^|]*,EXECUTE f\|/m ],
	[ 'a column of a table' => qr/\t+\('grants', 'granted_at', \$\$[^\n]*\n/, qr/column "granted_at" of relation "ordersync\.grants" does not exist/ ],
	[ 'a column of a view' => qr/ordersync\.renew_views\(\);/, qr/cannot change name of view column "requested_at" to "requested_by"/ ])
{
	my ($what, $forgets, $seen) = @$_;
	my $bad = $script;
	ok($bad =~ s/$forgets/$& =~ m{^EXECUTE} ? 'NULL;' : $& =~ m{^ordersync\.renew} ? 'ordersync.set_up_views();' : ''/e, "it forgets $what");
	like(by_script($bad), $seen, "which is seen: $what");
}

done_testing;
