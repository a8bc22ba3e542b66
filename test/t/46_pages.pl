# ARCHITECTURE.md and CONTRIBUTING.md against the tree: every file, function, setting and make target that they name is there, and
# the functions of "Where to look" are defined in the file that stands beside them. And the files are as .editorconfig says.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Find qw(find);
use Test::More;

my $root = abs_path("$ENV{ORDERSYNC_TEST}/..");
chdir $root or die "$root: $!\n";

sub slurp { my ($file) = @_; local (@ARGV, $/) = $file; return scalar <> }

# --- what there is: functions by name, with the files that define them

my (%c, %sql, @sources);
find({ no_chdir => 1, wanted => sub { push @sources, $File::Find::name =~ s{^\./}{}r if /\.(?:c|sql)$/ && !/--.*--/ } }, './src', './sql', './test');
for my $file (@sources)
{
	my $text = slurp($file);
	if ($file =~ /\.c$/) { push @{ $c{$_} }, $file for $text =~ /^(\w+)\([^;]*?\)\n\{/mg }
	# written once for both streams, with macros in their names: see sql/generate
	for my $name ($text =~ /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (?:ordersync|\@extschema\@)\.([\w{}]+)/mg)
	{
		push @{ $sql{$_} }, $file for map { my $stream = $_; $name =~ s/\{\{(\w+)\}\}/$stream->{$1} \/\/ ''/ger }
			{ stream => 'orders', one => 'order', payloads => 'order_payloads' },
			{ stream => 'after_sales', one => 'after_sale', payloads => 'after_sale_payloads' };
	}
}
my $sql = join '', map { slurp($_) } grep { m{^sql/} } @sources;
my $settings = slurp('src/guc.c');
my $makefile = slurp('Makefile');
cmp_ok(scalar(keys %c), '>', 400, 'functions of C');
cmp_ok(scalar(keys %sql), '>', 250, 'functions of SQL');

# `ordersync.settle()` is SQL's, `settle_page()` C's, `ordersync_wait()` SQL's or the library's; the server's own are not ours to look for.
sub defined_in
{
	my ($name) = @_;
	my @files = $name =~ /^ordersync\.(\w+)$/ ? @{ $sql{$1} // [] } : @{ $c{$name} // [] };
	push @files, @{ $sql{$name} // [] } if $name =~ /^ordersync_/;
	return @files;
}

# A path, or a pattern of paths; files of src/ also by their bare names.
sub is_there { my ($path) = @_; my @found = grep { -e || -e "src/$_" } glob $path; return scalar @found }

# --- what the pages say

for my $page (qw(ARCHITECTURE.md CONTRIBUTING.md))
{
	my $text = slurp($page);
	my $prose = $text =~ s/^ *```.*?^ *```$//smgr;
	my @said = $prose =~ /`([^`\n]+)`/g;
	my @paths = ((grep { m{^[\w.-]*/[\w./*-]+$} || /^[\w.-]+\.(?:c|h|sql|pl|pm|md|txt|json|control|editorconfig)$/ } @said), $text =~ m{^(?:nice |SKIP_INSTALL=1 )*((?:test|sql)/[\w./-]+)}mg);
	is(join(' ', grep { !is_there($_) } @paths), '', sprintf '%s: %d files that it names', $page, scalar @paths);
	is(join(' ', grep { !m{^\w+:} && !is_there(s/#.*//r) } grep { !/^#/ } $prose =~ /\]\(([^)]+)\)/g), '', "$page: files that it links to");

	my @functions = grep { !/^pg_/ } map { /^([\w.]+)\(\)/ } @said;
	is(join(' ', grep { !defined_in($_) } @functions), '', sprintf '%s: %d functions that it names', $page, scalar @functions);

	# in drawings without the schema
	my @drawn = map { /\b(\w+)\(\)/g } ($text =~ s/^ *```\w.*?^ *```$//smgr) =~ /^```\n(.*?)^```$/smg;
	is(join(' ', grep { !$sql{$_} && !$c{$_} } @drawn), '', sprintf '%s: %d functions in drawings', $page, scalar @drawn);

	my @names = map { /^ordersync\.(\w+)(?: |$)/ } @said;
	is(join(' ', grep { $settings !~ /"ordersync\.$_"/ && $sql !~ /ordersync\.$_\b/ && !-e "ordersync.$_" } @names), '', sprintf '%s: %d settings, tables and views', $page, scalar @names);

	my @targets = $text =~ /(?:^|`)make (?:\w+=[^\s`]+ )*([a-z][\w-]*)/mg;
	is(join(' ', grep { $makefile !~ /^(?:\S+ )*\Q$_\E(?: \S+)*:/m && !/^(?:install|installcheck|prove_installcheck|clean)$/ } @targets), '', sprintf '%s: %d make targets', $page, scalar @targets);
}

# --- where to look

my ($table) = slurp('ARCHITECTURE.md') =~ /^## Where to look\n(.*?)^## /sm;
my (@rows, @elsewhere);
for (split /\n/, $table)
{
	my ($question, $where, $file) = /^\| (.*) \| (.*) \| `(.*)` \|$/ or next;
	push @rows, $question;
	for my $function ($where =~ /`([\w.]+)\(\)`/g) { push @elsewhere, "$function: not $file" unless grep { $_ eq $file } defined_in($function) }
}
cmp_ok(scalar(@rows), '>=', 30, 'questions that are answered');
is(join(', ', @elsewhere), '', 'each function is in the file beside it');

my ($walk) = slurp('ARCHITECTURE.md') =~ /^## The walk through a window\n(.*?)^## /sm;
is(join(' ', grep { my $function = $_; !grep { m{^src/window} } defined_in($function) } grep { !/^ordersync\./ } $walk =~ /`([\w.]+)\(\)`/g), '', 'those of the walk are of the window');

# --- .editorconfig: line ends, and no blanks before them but in what programs have said

my (@blanks, @ends, $files);
find({ no_chdir => 1, wanted => sub {
	my $file = $File::Find::name;
	return unless -f $file && -s _ && -T _ && $file !~ m{/(?:tmp_check|results|output_iso|expected)/|/dictionary\.h$|/top_fields\.h$|--[\d.]+\.sql$|\.(?:d|tmp)$};
	my $text = slurp($file);
	$files++;
	push @blanks, $file if $text =~ /[ \t\r]$/m;
	push @ends, $file unless $text =~ /\n\z/;
} }, grep { -e } qw(src sql test docs .ci Makefile META.json ordersync.control .editorconfig), glob '*.md');
is(join(' ', @blanks), '', "$files files: no blanks at the ends of lines");
is(join(' ', @ends), '', 'each ends with the end of a line');

done_testing();
