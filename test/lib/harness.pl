#!/usr/bin/perl
#
# test/lib/harness.pl [PART|FILE…]    runs tests side by side and says what came of them
#
# TAP::Harness runs them; each is a command that speaks TAP and has a cluster of its own, copied from a template. To be run
# by test/run, in a copy of the tree that belongs to a user who may run a server. JOBS=n: so many at a time.
#
# What counts as a test: an assertion of a TAP file (whole runs, pgTAP, the programs that speak TAP), a file of pg_regress
# or of the isolation tester, once for each way in which it is run. A file that dies, says nothing or says less than it
# planned is one more failure.
#
# The last line is `N passed, N failed`; the exit code is 0 only when nothing failed and something passed. The files that
# were run are listed in tmp_check/ran, one a line, so that .ci/run can compare them with the tree.

use strict;
use warnings;
use Cwd qw(getcwd);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use TAP::Harness;
use Time::HiRes qw(time);

$| = 1;
open STDIN, '<', '/dev/null';

my $work = getcwd();
my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my %pg = map { chomp(my $v = `$pg_config --$_`); ($_ => $v) } qw(bindir pgxs);
my $pgxs_root = dirname(dirname(dirname($pg{pgxs})));    # …/pgxs
# Tests wait much: one more than there are processors.
my $jobs = $ENV{JOBS} || 1 + `getconf _NPROCESSORS_ONLN`;

$ENV{PGCLIENTENCODING} = 'UTF8';
$ENV{PG_REGRESS} = "$pgxs_root/src/test/regress/pg_regress";
$ENV{PG_ISOLATION_REGRESS} = "$pgxs_root/src/test/isolation/pg_isolation_regress";
$ENV{ORDERSYNC_TEST} = "$work/test";
$ENV{ORDERSYNC_TEMPLATES} = "$work/templates";
$ENV{PG_TEST_PORT_DIR} = "$work/ports";
$ENV{TMPDIR} = "$work/tmp";
make_path("$work/$_") for qw(out templates ports tmp tmp_check);

# --- what there is to run ---

# Whole runs first: they take longest. A part: its files, and the commands that run them, by the name that is shown.
my @parts = (
	[ whole => [ glob 'test/t/*.pl' ], \&each_whole_run ],
	# What takes long is waited for longer.
	[ long => [ glob 'test/long/*.pl' ], sub { $ENV{PG_TEST_TIMEOUT_DEFAULT} //= 1800; return each_whole_run(@_) } ],
	[ gateway => [ 'test/gateway' ], \&each_program ],
	[ window => [ 'test/window' ], \&each_program ],
	[ isolation => [ glob 'test/specs/*.spec' ], sub { return ('races (isolation tester)' => [ 'test/lib/in_cluster', 'isolation', @_ ]) } ],
	[ regress => [ glob 'test/sql/*.sql' ], sub { return map { ("the API as typed ($_)" => [ 'test/lib/in_cluster', "regress-$_", @_ ]) } qw(plain preloaded schema owner) } ],
	[ pgtap => [ glob 'test/pgtap/*.sql' ], sub { return map { ($_ => [ 'test/lib/in_cluster', 'pgtap', $_ ]) } @_ } ],
);

# By PostgreSQL::Test::Cluster.
sub each_whole_run
{
	return map {
		my $dir = folder_of($_);
		make_path($dir);
		$_ => [ 'env', "PATH=$pg{bindir}:$ENV{PATH}", "PERL5LIB=$pgxs_root/src/test/perl:$work/test/t/lib", "TESTDIR=$dir",
			"TESTDATADIR=$dir/tmp_check", "TESTLOGDIR=$dir/tmp_check/log", 'perl', "$work/$_" ] } @_;
}
sub folder_of { my ($file) = @_; return "$work/whole/" . ($file =~ s{^test/}{}r =~ s{\.pl$}{}r =~ tr{/}{-}r) }

# A folder with a Makefile whose target `check` speaks TAP.
sub each_program { return map { $_ => [ $ENV{MAKE} || 'make', '-s', '--no-print-directory', '-C', $_, 'check' ] } @_ }

my %wanted = map { $_ => 1 } @ARGV;
my (%command, @names, @ran);
for my $part (@parts)
{
	my ($name, $files, $commands) = @$part;
	my @chosen = grep { $wanted{$name} || $wanted{$_} || (!%wanted && $name ne 'long') } @$files;
	next unless @chosen;
	my @of_it = $commands->(@chosen);
	%command = (%command, @of_it);
	push @names, grep { !ref } @of_it;
	push @ran, @chosen;
}
die "no such part or test file: @ARGV\n" unless @names;

# The longest of last time first, so that none is left alone at the end.
my %last_time = -e 'tmp_check/seconds' ? map { /^(\S+) (.*)/ ? ($2 => $1) : () } split /\n/, slurp('tmp_check/seconds') : ();
@names = sort { ($last_time{$b} // 0) <=> ($last_time{$a} // 0) } @names;

# --- running it ---

my ($passed, $failed, @failures, %seconds, %measured, %not_ok) = (0, 0);
my $started = time;
system('test/lib/templates', "$work/templates") == 0 or die "there is no template cluster\n";

# "Bail out!" would end all of it: it is meant for the file that says it.
my $speak = 'set -o pipefail; "$@" 2>"$0" | sed -u "s/^Bail out!/# Bailed out:/"';
$ENV{PERL_TEST_HARNESS_DUMP_TAP} = "$work/out";
my $harness = TAP::Harness->new({
	jobs => $jobs,
	verbosity => -3,
	exec => sub { return [ 'bash', '-c', $speak, stderr_of($_[1]), @{ $command{ $_[1] } } ] },
});
$harness->callback(made_parser => sub {
	my ($parser, $job) = @_;
	my $name = $job->[0];
	$parser->callback(comment => sub {
		push @{ $measured{$name} }, $_[0]->comment if $_[0]->comment =~ /^measured: /;
		push @{ $not_ok{$name} }, $_[0]->comment if $_[0]->comment =~ /^Bailed out: / });
	$parser->callback(test => sub { push @{ $not_ok{$name} }, $_[0]->as_string unless $_[0]->is_ok });
});
$harness->callback(after_test => sub { my ($job, $parser) = @_; came_of($job->[0], $parser) });
$harness->runtests(@names);

# A comment "measured: …" is always shown; of a failure what was said.
sub came_of
{
	my ($name, $parser) = @_;
	my ($ok, $bad, $why) = (scalar($parser->passed), scalar($parser->failed), '');
	if (my @errors = $parser->parse_errors) { $bad++; $why = $errors[0] }
	elsif ($parser->wait && !$bad) { $bad++; $why = 'exit status ' . ($parser->exit || 'signal ' . ($parser->wait & 127)) }
	elsif (!$ok && !$bad && !$parser->skip_all) { $bad++; $why = 'it ran no test' }
	$passed += $ok;
	$failed += $bad;
	$seconds{$name} = $parser->end_time - $parser->start_time;
	printf "%-44s %5d passed%s  %6.1f s\n", $name, $ok, $bad ? ", $bad failed" : '', $seconds{$name};
	print map { "    $_\n" } @{ $measured{$name} // [] };
	if ($bad)
	{
		push @failures, $name . ($why ? ": $why" : '');
		# PostgreSQL's test modules write there what a test died of.
		my ($log) = glob folder_of($name) . '/tmp_check/log/regress_log_*';
		print indent(join '', map { "$_\n" } grep { /\bdied|error running|ERROR|waited in vain| at \S+ line \d+/ } split /\n/, slurp($log)) if $log;
		print indent(slurp(stderr_of($name))), indent(join "\n", @{ $not_ok{$name} // [] }), "    (all of it: $work/out/$name)\n";
	}
	# A finished file's clusters would fill the disk.
	elsif (!$ENV{KEEP}) { remove_tree(folder_of($name)) }
	return;
}

# --- what came of it ---

to_file('tmp_check/ran', map { "$_\n" } sort @ran);
$seconds{$_} //= $last_time{$_} for keys %last_time;
my @slowest = sort { $seconds{$b} <=> $seconds{$a} } keys %seconds;
to_file('tmp_check/seconds', map { sprintf "%.1f %s\n", $seconds{$_}, $_ } @slowest);

if (@names > 1)
{
	my %now = map { $_ => 1 } @names;
	print "\n== the slowest\n";
	printf "%6.1f s  %s\n", $seconds{$_}, $_ for grep { defined } (grep { $now{$_} } @slowest)[ 0 .. 9 ];
}
if (@failures)
{
	print "\n== failed\n";
	print "$_\n" for @failures;
}
print "\nlogs and outputs: $work\n" if $failed || $ENV{KEEP};
printf "\n%d files in %d s, %d at a time\n", scalar @ran, time - $started, $jobs;
print "$passed passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);

# --- files ---

sub stderr_of { my ($name) = @_; return "$work/out/" . ($name =~ tr{/}{.}r) . '.err' }

sub to_file
{
	my ($file, @lines) = @_;
	open my $f, '>', $file or die "$file: $!\n";
	print $f @lines;
	close $f or die "$file: $!\n";
	return;
}

sub slurp
{
	my ($file) = @_;
	open my $f, '<', $file or return '';
	local $/;
	return scalar(<$f>) // '';
}

# What is shown of an output: its beginning and its end, for people; the whole is in the file.
sub indent
{
	my ($text) = @_;
	my @lines = map { length > 300 ? substr($_, 0, 300) . ' …' : $_ } split /\n/, $text;
	splice @lines, 60, @lines - 100, '[…]' if @lines > 100;
	return join '', map { "    $_\n" } @lines;
}
