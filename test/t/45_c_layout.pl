# The layout of the C code: src/order lists the files of src/ from the ground up. A file includes and calls only what stands
# above it there, so nothing goes in a circle; every file is listed; what is dangerous everywhere has one place; no function
# is long, and no file without its reason. Each check is tried on a copy of src/ that breaks it.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Temp qw(tempdir);
use Test::More;

my $longest_function = 60;		# lines
my $longest_file = 700;			# lines, unless its head comment says why
my $reason = 'Longer than other files:';

# What may stand in so many files only, as named in the complaint.
my @alone = (
	[ 'curl is included', qr{^#include <curl/}m, qr/^http(_\w+)?\.[ch]$/ ],
	[ 'SPI is included', qr{^#include "executor/spi\.h"}m, qr/^db\.c$/ ],
	[ 'an error is caught', qr/\bPG_(?:CATCH|FINALLY)\b/, qr/^job_transact\.c$/ ],
	[ 'the server\'s version is asked for', qr/\bPG_VERSION_NUM\b/, qr/^compat\.h$/ ],
);

my $src = dirname($ENV{ORDERSYNC_TEST} // 'test') . '/src';
my @wrong = complaints($src);
is(join("\n", @wrong), '', 'src/ is laid out as src/order says');

# --- the same of a copy in which something is wrong ---

turned('an include turned round', qr/^value\.c:\d+ includes "worker\.h", which stands below it/,
	'value.c' => sub { s/#include "value\.h"/#include "value.h"\n#include "worker.h"/ });
turned('a call turned round', qr/^pace\.c:\d+ calls store_page_made_up\(\) of store\.c, which stands below it/,
	'store.c' => sub { $_ .= "\nint\nstore_page_made_up(void)\n{\n\treturn 0;\n}\n" },
	'pace.c' => sub { s/^\{\n/{\n\t(void) store_page_made_up();\n/m });
turned('two modules in a circle', qr/^nick\.h:\d+ includes "sign\.h", which stands below it/,
	'nick.h' => sub { s/#include "compat\.h"/#include "compat.h"\n#include "sign.h"/ },
	'sign.h' => sub { s/#include "compat\.h"/#include "compat.h"\n#include "nick.h"/ });
turned('a file that is not listed', qr/^newcomer\.c is not in src\/order/, 'newcomer.c' => sub { $_ = qq(#include "compat.h"\n) });
turned('a name in the list without a file', qr/^src\/order:\d+: there is no pace\.c/, 'pace.c' => undef);
turned('curl elsewhere', qr/^worker\.c:\d+: curl is included/, 'worker.c' => sub { s/^#include "guc\.h"/#include <curl\/curl.h>\n$&/m });
turned('SPI elsewhere', qr/^queue\.c:\d+: SPI is included/, 'queue.c' => sub { s/^#include "queue\.h"/#include "executor\/spi.h"\n$&/m });
turned('a second catch', qr/^job\.c:\d+: an error is caught/, 'job.c' => sub { $_ .= "static void\nf(void)\n{\n\tPG_TRY();\n\tPG_CATCH();\n}\n" });
turned('a long function', qr/^value\.c:\d+: endless\(\) has 63 lines/, 'value.c' => sub { $_ .= "static void\nendless(void)\n{\n" . "\t;\n" x 61 . "}\n" });
turned('a long file', qr/^nick\.c has \d+ lines/, 'nick.c' => sub { $_ .= "/* */\n" x 700 });
is(join("\n", complaints(copied('nick.c' => sub { s{^ \*/}{ *\n * $reason it is made up.\n */}m; $_ .= "/* */\n" x 700 }))), '',
	'a long file may give its reason at its head');

done_testing;

# One assertion: of a copy with these files changed there is this complaint, and no other.
sub turned
{
	my ($name, $complaint, @changes) = @_;
	my @said = complaints(copied(@changes));
	ok(@said == 1 && $said[0] =~ $complaint, "noticed: $name") or diag(map { "$_\n" } @said);
	return;
}

# A copy of src/ with files changed (a sub that edits $_), added, or left out (undef).
sub copied
{
	my %changes = @_;
	my $folder = tempdir(CLEANUP => 1);
	for my $file ('order', files_of($src), grep { !-e "$src/$_" } keys %changes)
	{
		next if exists $changes{$file} && !defined $changes{$file};
		local $_ = -e "$src/$file" ? slurp("$src/$file") : '';
		$changes{$file}->() if $changes{$file};
		open my $f, '>', "$folder/$file" or die "$folder/$file: $!";
		print $f $_;
		close $f or die "$folder/$file: $!";
	}
	return $folder;
}

# All that is wrong with a folder, one line each.
sub complaints
{
	my ($folder) = @_;
	my ($place, @wrong) = order_of($folder);
	my %text = map { $_ => slurp("$folder/$_") } files_of($folder);
	my %code = map { $_ => without_comments($text{$_}) } keys %text;
	my %defined = map { my $file = $_; map { $_ => $file } exported($code{$file}) } grep { /\.c$/ } keys %code;

	for my $file (sort keys %code)
	{
		if (!defined $place->{$file})
		{
			push @wrong, "$file is not in src/order";
			next;
		}
		my ($number, %called) = (0);
		for my $line (split /\n/, $code{$file})
		{
			$number++;
			if (my ($header) = $line =~ /^#include "(\w+\.h)"/)
			{
				# PostgreSQL's own headers in the same form are not ours
				push @wrong, "$file:$number includes \"$header\", which stands below it"
					if defined $place->{$header} && $place->{$header} > $place->{$file};
				next;
			}
			next unless $file =~ /\.c$/;
			for my $name ($line =~ /(?<![.>\w])([a-z]\w+)\b/g)
			{
				my $owner = $defined{$name} or next;
				next if $owner eq $file || !defined $place->{$owner} || $place->{$owner} < $place->{$file};
				push @wrong, "$file:$number calls $name() of $owner, which stands below it" unless $called{$name}++;
			}
		}
		push @wrong, long_functions($file, $code{$file}), long_file($file, $text{$file});
		for (@alone)
		{
			my ($what, $pattern, $there) = @$_;
			push @wrong, "$file:" . line_of($code{$file}, $-[0]) . ": $what" if $file !~ $there && $code{$file} =~ $pattern;
		}
	}
	my @catches = map { my $file = $_; map { $file } $code{$file} =~ /\bPG_CATCH\b/g } sort keys %code;
	push @wrong, 'there is not one catch: ' . join(' ', @catches) unless @catches == 1 || grep { /an error is caught/ } @wrong;
	return @wrong;
}

# The place of each file in the list, and what is wrong with the list.
sub order_of
{
	my ($folder) = @_;
	my (%place, @wrong);
	my $number = 0;
	for (split /\n/, slurp("$folder/order"))
	{
		$number++;
		next if /^#/ || /^$/ || /^== \S/;
		my ($name, $purpose) = /^(\w+(?:\.[ch])?)\s+(\S.*)/ or do { push @wrong, "src/order:$number: not a file with its purpose"; next };
		my @files = $name =~ /\./ ? ($name) : ((grep { -e "$folder/$_" } "$name.h"), "$name.c");
		push @wrong, map { "src/order:$number: there is no $_" } grep { !-e "$folder/$_" && $purpose !~ /\(generated\)/ } @files;
		push @wrong, "src/order:$number: $_ is listed twice" for grep { defined $place{$_} } @files;
		$place{$_} = $number for @files;
	}
	return (\%place, @wrong);
}

sub files_of { my ($folder) = @_; return sort map { basename($_) } glob "$folder/*.[ch]" }

# Comments and strings become blanks; lines stay.
sub without_comments
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}{ my $all = $1; defined $all ? $all =~ s/[^\n]//gr : $2 }gse;
	return $text;
}

# The names of functions and tables that other files see.
sub exported
{
	my ($code) = @_;
	my @functions = $code =~ /^(?!static\b|typedef\b)[A-Za-z][\w \t*]*\n([a-z_]\w*)\(/mg;
	my @tables = $code =~ /^(?!static\b|extern\b|typedef\b)(?:const )?\w+[ \t]+\**([a-z]\w*)(?:\[[^\]]*\])* = /mg;
	return (@functions, @tables);
}

# Its lines are counted from its first brace to its last.
sub long_functions
{
	my ($file, $code) = @_;
	my @wrong;
	while ($code =~ /^([a-z_]\w*)\([^;{]*?\)\n(\{\n.*?^\})$/msg)
	{
		my ($name, $body) = ($1, $2);
		my $lines = $body =~ tr/\n// + 1;
		push @wrong, "$file:" . line_of($code, $-[1]) . ": $name() has $lines lines" if $lines > $longest_function;
	}
	return @wrong;
}

sub long_file
{
	my ($file, $text) = @_;
	my $lines = $text =~ tr/\n//;
	my ($head) = $text =~ m{^(/\*.*?\*/)}s;
	return if $file !~ /\.c$/ || $lines <= $longest_file || ($head // '') =~ /\Q$reason\E/;
	return "$file has $lines lines and no reason at its head (\"$reason …\")";
}

sub line_of { my ($text, $at) = @_; return 1 + (substr($text, 0, $at) =~ tr/\n//) }

sub slurp
{
	my ($file) = @_;
	open my $f, '<', $file or die "$file: $!";
	local $/;
	return scalar(<$f>) // '';
}
