# The layout of sql/: every part is listed in sql/order, calls go one way only, and no part or function is too long.
# First on a made-up tree, where each mistake is made and must be found; then on the project's own.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IPC::Run qw(run);
use SqlLayout;
use Test::More;

my $root = abs_path("$ENV{ORDERSYNC_TEST}/..");

# A function with that body, and the comment that it has to have.
sub function_of
{
	my ($name, $body) = @_;
	return "/* What it is. */\nCREATE OR REPLACE FUNCTION ordersync.$name(a bigint)\nRETURNS void\nLANGUAGE plpgsql\n"
		. "AS \$function\$\nBEGIN\n\t$body\nEND\n\$function\$;\nCOMMENT ON FUNCTION ordersync.$name(bigint) IS\n\t'does it';\n";
}

# A tree of these parts, listed in this order; the path that holds its sql/.
sub tree
{
	my ($order, %text) = @_;
	my $tree = tempdir(CLEANUP => 1);
	for my $part (keys %text)
	{
		make_path("$tree/sql/parts/" . ($part =~ s{/.*}{}r));
		put_file("$tree/sql/parts/$part", $text{$part});
	}
	put_file("$tree/sql/order", "# lowest first\n\n" . join('', map { "$_\n" } @$order));
	return $tree;
}
sub put_file { my ($path, $text) = @_; open my $file, '>', $path or die "$path: $!"; print $file $text; close $file; return }

my @order = qw(low/ground.sql high/roof.sql);
my $ground = function_of('ground', 'NULL;') . "CREATE TYPE ordersync.stone AS (a bigint);\n"
	. function_of('set_up_ground', 'CREATE TABLE IF NOT EXISTS ordersync.bricks (a bigint);');
my $roof = function_of('roof', 'PERFORM ordersync.ground(1);') . "CREATE TYPE ordersync.tile AS (a bigint);\n"
	. "CREATE OR REPLACE VIEW ordersync.panes AS SELECT 1;\n"
	. function_of('set_up_roof', "CREATE TABLE IF NOT EXISTS ordersync.tiles (a bigint); PERFORM ordersync.create_report_view('gutters', NULL);");

# What is found in the tree whose lower part is this one.
sub found_below
{
	my ($low) = @_;
	return [ SqlLayout->new(tree(\@order, 'low/ground.sql' => $low, 'high/roof.sql' => $roof))->upward ];
}
my $says = sub { return "low/ground.sql: wall uses $_[0] of high/roof.sql, which stands behind it" };

is_deeply(found_below($ground), [], 'calls downward only');
my %turned = (
	'a call' => [ 'roof', 'PERFORM ordersync.roof(1);' ],
	'a call without its schema' => [ 'roof', 'PERFORM roof (1);' ],
	'a call in the schema of the extension' => [ 'roof', 'PERFORM @extschema@.roof(1);' ],
	'a call in dynamic SQL' => [ 'roof', 'EXECUTE \'SELECT ordersync.roof(1)\';' ],
	'a call in dynamic SQL that a variable holds' => [ 'roof', 'a := \'SELECT ordersync.roof(1)\'; EXECUTE a;' ],
	'a call in a quoted query' => [ 'roof', 'PERFORM q($query$SELECT ordersync.roof(1)$query$);' ],
	'a type' => [ 'tile', 'PERFORM NULL::ordersync.tile[];' ],
	'a view' => [ 'panes', 'PERFORM FROM ordersync.panes;' ],
	'a table' => [ 'tiles', 'DELETE FROM ordersync.tiles;' ],
	'a report' => [ 'gutter_report', 'PERFORM FROM ordersync.gutter_report;' ]);
for (sort keys %turned)
{
	my ($used, $body) = @{ $turned{$_} };
	is_deeply(found_below($ground . function_of('wall', $body)), [ $says->($used) ], "$_ turned round is found");
}
my %harmless = (
	'a hint' => q{RAISE EXCEPTION USING HINT = 'SELECT ordersync.roof(1)'; EXECUTE 'SELECT 1';},
	'a word of a text' => q{a := 'SELECT ordersync.roof(1)';},
	'a comment' => "NULL; -- ordersync.roof(1)\n/* ordersync.roof(1) */",
	'a column of that name' => 'SELECT b.roof, roof, tile FROM ordersync.bricks b;');
is_deeply(found_below($ground . function_of('wall', $harmless{$_})), [], "$_ is no use") for sort keys %harmless;

my $lists = SqlLayout->new(tree([ @order, 'high/chimney.sql' ], 'low/ground.sql' => $ground, 'high/roof.sql' => $roof, 'low/cellar.sql' => $ground));
is_deeply([ $lists->misplaced ], [ 'low/cellar.sql is not listed', 'high/chimney.sql is listed and not there' ], 'a part too many, a part too few');
my $twice = SqlLayout->new(tree([ @order, 'high/ground.sql' ], 'low/ground.sql' => $ground, 'high/roof.sql' => $roof, 'high/ground.sql' => $roof));
is_deeply([ $twice->misplaced ], ['several parts are called ground.sql'], 'one name twice');

my $bare = SqlLayout->new(tree(['low/ground.sql'], 'low/ground.sql' => function_of('long', join("\n\t", ('NULL;') x 10)) =~ s/.*?\n//r =~ s/COMMENT ON.*//sr));
is_deeply([ $bare->longer_functions(16) ], ['low/ground.sql: long has 17 lines'], 'a long function is found');
is_deeply([ $bare->longer_functions(17) ], [], 'one that is just short enough is not');
is_deeply([ $bare->without_comment ], ['long'], 'a function without a comment is found');
is_deeply([ $bare->heads_missing(16) ], [ 'low/ground.sql does not begin with a comment', 'low/ground.sql has 17 lines' ],
	'a part without a head is found, and a long one');

# The build says it as well, before it makes anything.
for ([ 'low/cellar.sql', [], qr{not listed in sql/order: sql/parts/low/cellar.sql} ],
	[ 'low/ground.sql', ['low/cellar.sql'], qr{sql/order lists what is not there: sql/parts/low/cellar.sql} ])
{
	my ($part, $more, $message) = @$_;
	my $tree = tree([ @order, @$more ], 'low/ground.sql' => $ground, 'high/roof.sql' => $roof, $part => $ground);
	put_file("$tree/Makefile", SqlLayout::slurp("$root/Makefile"));
	my $said;
	ok(!run([ $ENV{MAKE} || 'make', '-C', $tree, '-n', 'demo-stop' ], '>&', \$said), "the build ends: $part");
	like($said, $message, 'and says why');
}

my $layout = SqlLayout->new($root);
cmp_ok(scalar @{ $layout->{order} }, '>', 90, 'parts');
cmp_ok(scalar $layout->uses, '>', 600, 'uses between parts');
is_deeply([ $layout->misplaced ], [], 'every part is listed, under a name of its own');
is_deeply([ $layout->upward ], [], 'every use is of what stands before it');
is_deeply([ $layout->longer_functions(150) ], [], 'no function is longer than 150 lines');
is_deeply([ $layout->without_comment ], [], 'every function has a comment');
is_deeply([ $layout->heads_missing(700) ], [], 'every part says what it is, and a long one why');

# The same parts upside down: nearly all of these uses are found.
$layout->{rank}{$_} = -$layout->{rank}{$_} for @{ $layout->{order} };
is(scalar $layout->upward, scalar $layout->uses, 'upside down every use is found');

done_testing();
