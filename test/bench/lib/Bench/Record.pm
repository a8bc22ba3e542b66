# test/bench/RESULTS.md: the ratios as they were measured last, of the quick run and of the whole one, in a table that people read
# and the next run compares itself with.

package Bench::Record;

use strict;
use warnings;
use Exporter qw(import);
use Bench::Figures;

our @EXPORT_OK = qw(read_record write_record);

my $file = 'test/bench/RESULTS.md';
my @kinds = ('whole', 'quick');

# kind: whole or quick. The lines of the table as key => value; %$all gets everything that the file has.
sub read_record
{
	my ($kind, $all) = @_;
	my %value;
	open(my $f, '<', $file) or return \%value;
	while (<$f>)
	{
		$all->{about}{$1} = $2 if $all && /^- (whole|quick): (.*)/;
		my ($key, $what, $target, @values) = /^\| `([^`]+)` \| (.*?) \| (.*?) \| (\S+) \| (\S+) \|$/ or next;
		my %v;
		@v{@kinds} = map { $_ eq '-' ? undef : $_ } @values;
		$value{$key} = $v{$kind};
		push @{ $all->{lines} }, { key => $key, what => $what, target => $target, %v } if $all;
	}
	return \%value;
}

# Puts these ratios in the column of their kind; what was not measured this time stays as it was.
sub write_record
{
	my ($kind, $about, @ratios) = @_;
	my $all = { lines => [], about => {} };
	read_record($kind, $all);
	$all->{about}{$kind} = $about;
	for my $ratio (@ratios)
	{
		my ($line) = grep { $_->{key} eq $ratio->{key} } @{ $all->{lines} };
		push @{ $all->{lines} }, $line = { key => $ratio->{key} } unless $line;
		@$line{ 'what', 'target', $kind } = ($ratio->{what}, $ratio->{target} // '', Bench::Figures::show($ratio->{value}));
	}
	open(my $f, '>', $file) or die "$file: $!\n";
	print $f "# What was measured last\n\nWritten by `test/bench/run --record` (whole) and `test/bench/run --quick --record` (quick); see README.md beside it.\n\n";
	print $f map { "- $_: " . ($all->{about}{$_} // 'not yet') . "\n" } @kinds;
	print $f "\n| key | | target | ", join(' | ', @kinds), " |\n|---|---|---|---|---|\n";
	print $f "| `$_->{key}` | $_->{what} | $_->{target} | ", join(' | ', map { $_ // '-' } @$_{@kinds}), " |\n" for @{ $all->{lines} };
	close $f or die "$file: $!\n";
	return;
}

1;
