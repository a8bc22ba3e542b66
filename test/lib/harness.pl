#!/usr/bin/perl
#
# Runs every test of the tree in clusters of its own and says what came of it.
#
# A part is one kind of test; each knows its files and how one file is run. What counts as a test: an assertion of a TAP
# file (whole runs, pgTAP, the programs that speak TAP), a file of pg_regress or of the isolation tester, once for each
# way in which it is run. A file that dies, says nothing or says less than it planned is one more failure.
#
# The last line is `N passed, N failed`; the exit code is 0 only when nothing failed and something passed. The files that
# were run are listed in tmp_check/ran, one a line, so that .ci/run can compare them with the tree.

use strict;
use warnings;
use Cwd qw(getcwd);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IPC::Open3 qw(open3);
use TAP::Parser;
use Time::HiRes qw(time sleep);

$| = 1;

my $tree = getcwd();
my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my %pg = map { chomp(my $v = `$pg_config --$_`); ($_ => $v) } qw(bindir pkglibdir sharedir pgxs);
my $pgxs_root = dirname(dirname(dirname($pg{pgxs})));    # …/pgxs
my $as_root = $> == 0;

# The tests run in a copy that user postgres may read, wherever the clone stands.
my $work = tempdir('ordersync-test.XXXXXX', TMPDIR => 1, CLEANUP => 0);
chmod 0755, $work;
system('cp', '-a', 'test', grep({ -e } qw(expected README.md README.zh-CN.md)), $work) == 0 or die "cannot copy the tests to $work\n";
make_path("$work/out", "$work/sock");
system('chown', '-R', 'postgres:', $work) == 0 or die "user postgres is missing\n" if $as_root;

$ENV{PGCLIENTENCODING} = 'UTF8';
my ($passed, $failed, @failures, @ran) = (0, 0);
my %cluster;

my @parts = (
	[ gateway => 'the simulated gateway', [ 'test/gateway' ], \&run_program ],
	[ window => 'the window room, simulated', [ 'test/window' ], \&run_program ],
	[ regress => 'the API as typed (pg_regress)', [ glob 'test/sql/*.sql' ], \&run_regress ],
	[ isolation => 'races (isolation tester)', [ glob 'test/specs/*.spec' ], \&run_isolation ],
	[ pgtap => 'functions (pgTAP)', [ glob 'test/pgtap/*.sql' ], \&run_pgtap ],
	[ whole => 'whole runs', [ glob 'test/t/*.pl' ], \&run_whole ],
);

my %wanted = map { $_ => 1 } @ARGV;
my $started = time;

for my $part (@parts)
{
	my ($name, $title, $files, $how) = @$part;
	my @chosen = grep { !%wanted || $wanted{$name} || $wanted{$_} } grep { -e } @$files;
	next unless @chosen;
	print "\n== $title\n";
	$how->(@chosen);
}
stop_clusters();

make_path('tmp_check');
open my $list, '>', 'tmp_check/ran' or die "tmp_check/ran: $!\n";
print $list "$_\n" for sort @ran;
close $list;

if (@failures)
{
	print "\n== failed\n";
	print "$_\n" for @failures;
}
if ($failed || $ENV{KEEP}) { print "\nlogs and outputs: $work\n" }
else { remove_tree($work) }
printf "\n%d files in %d s\n", scalar @ran, time - $started;
print "$passed passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);

# --- one result ---

sub result
{
	my ($file, $ok, $bad, $seconds, $why) = @_;
	$passed += $ok;
	$failed += $bad;
	push @failures, $file . ($why ? ": $why" : '') if $bad;
	printf "%-44s %5d passed%s  %6.1f s\n", $file, $ok, $bad ? sprintf(', %d failed', $bad) : '', $seconds;
}

# Runs a TAP producer and counts its assertions; on failure shows what it said. A comment "measured: …" is always shown.
sub run_tap
{
	my ($file, @command) = @_;
	my $since = time;
	push @ran, $file;
	my ($out, $err) = ("$work/out/" . ($file =~ s{/}{.}gr) . '.out', "$work/out/" . ($file =~ s{/}{.}gr) . '.err');
	my $status = to_files($out, $err, @command);
	my $said = slurp($out);
	# The parser wants something to parse.
	my $parser = TAP::Parser->new({ tap => $said eq '' ? "\n" : $said });
	my (@not_ok, @measured);
	while (my $r = $parser->next)
	{
		push @measured, $r->comment if $r->is_comment && $r->comment =~ /^measured: /;
		push @not_ok, $r->as_string if $r->is_test && !$r->is_ok;
	}
	my ($ok, $bad, $why) = (scalar($parser->passed), scalar($parser->failed), '');
	if (my @errors = $parser->parse_errors) { $bad++; $why = $errors[0] }
	elsif ($status != 0 && !$bad) { $bad++; $why = 'exit status ' . ($status >> 8 || "signal $status") }
	elsif (!$ok && !$bad && !$parser->skip_all) { $bad++; $why = 'it ran no test' }
	result($file, $ok, $bad, time - $since, $why);
	print map { "    $_\n" } @measured;
	if ($bad)
	{
		# PostgreSQL's test modules write there what a test died of.
		my ($log) = glob "$work/whole/" . basename($file, '.pl') . '/tmp_check/log/regress_log_*';
		print indent(join '', map { "$_\n" } grep { /\bdied|error running|ERROR|waited in vain| at \S+ line \d+/ } split /\n/, slurp($log)) if $log;
		print indent(slurp($err)), indent(join "\n", @not_ok), "    (all of it: $out)\n";
	}
}

# --- parts ---

# A folder with a Makefile whose target `check` speaks TAP.
sub run_program
{
	for my $folder (@_)
	{
		if (-e "$folder/Makefile") { run_tap($folder, $ENV{MAKE} || 'make', '-s', '--no-print-directory', '-C', $folder, 'check') }
		else { push @ran, $folder; result($folder, 0, 1, 0, 'it has no Makefile') }
	}
}

# The regression files pass on a server with the library preloaded and on one without it.
sub run_regress
{
	my @names = map { basename($_, '.sql') } @_;
	for my $kind ('plain', 'preloaded')
	{
		cluster($kind);
		regress_like($kind, "$pgxs_root/src/test/regress/pg_regress", 'regression', 'contrib_regression', 'test/sql/%s.sql', @names);
	}
	push @ran, @_;
}

sub run_isolation
{
	my @names = map { basename($_, '.spec') } @_;
	cluster('preloaded');
	regress_like('preloaded', "$pgxs_root/src/test/isolation/pg_isolation_regress", 'isolation', 'isolation_regression',
		'test/specs/%s.spec', @names);
	push @ran, @_;
}

sub regress_like
{
	my ($kind, $program, $what, $database, $path, @names) = @_;
	my $since = time;
	my $out = "$work/out/$what-$kind";
	make_path($out);
	chown((getpwnam 'postgres')[ 2, 3 ], $out) if $as_root;
	my $c = cluster($kind);
	my $status = to_files("$out/said", "$out/said.err", as_owner(
		'env', "PGHOST=$c->{sock}", "PGPORT=$c->{port}", 'PGUSER=postgres',
		$program, "--bindir=$pg{bindir}", "--inputdir=$work/test", "--outputdir=$out", "--dbname=$database", @names));
	my $said = slurp("$out/said");
	my $share = (time - $since) / (@names || 1);
	my $shown = 0;
	for my $name (@names)
	{
		# Output of 15 ("test x ... ok") and of 16 and later (TAP).
		my $ok = $said =~ /^(?:test \Q$name\E\s+\.\.\. ok|ok \d+\s+[-+] \Q$name\E\s)/m;
		result(sprintf("$path ($kind)", $name), $ok ? 1 : 0, $ok ? 0 : 1, $share);
		$shown++ unless $ok;
	}
	if ($shown || $status != 0)
	{
		my $diffs = "$out/regression.diffs";
		print indent(-s $diffs ? slurp($diffs) : $said . slurp("$out/said.err"));
		result("$what ($kind)", 0, 1, 0, "exit status " . ($status >> 8)) unless $shown;
	}
}

# Each file in a database that has the extension and pgTAP, and that nobody else uses.
sub run_pgtap
{
	my $c = cluster('preloaded');
	my $n = 0;
	for my $file (@_)
	{
		my $database = 'pgtap_' . ++$n;
		sql($c, 'postgres', "CREATE DATABASE $database");
		sql($c, $database, 'CREATE EXTENSION ordersync; CREATE EXTENSION pgtap');
		run_tap($file, as_owner("$pg{bindir}/psql", '-X', '-q', '-A', '-t', '-P', 'pager=off', '-v', 'ON_ERROR_ROLLBACK=1',
			'-v', 'ON_ERROR_STOP=1', '-h', $c->{sock}, '-p', $c->{port}, '-U', 'postgres', '-d', $database, '-f', "$work/$file"));
	}
}

# Each file makes its own cluster by PostgreSQL::Test::Cluster.
sub run_whole
{
	for my $file (@_)
	{
		my $dir = "$work/whole/" . basename($file, '.pl');
		make_path($dir);
		system('chown', '-R', 'postgres:', "$work/whole") if $as_root;
		run_tap($file, as_owner('env', "PATH=$pg{bindir}:$ENV{PATH}", "PERL5LIB=$pgxs_root/src/test/perl:$work/test/t/lib",
			"PG_REGRESS=$pgxs_root/src/test/regress/pg_regress", "TESTDIR=$dir", "TESTDATADIR=$dir/tmp_check",
			"TESTLOGDIR=$dir/tmp_check/log", "PG_TEST_PORT_DIR=$work/out", "TMPDIR=$work/sock", "ORDERSYNC_TEST=$work/test",
			'perl', "$work/$file"));
		# A finished file's clusters would fill the disk.
		remove_tree($dir) unless $ENV{KEEP} || grep { /^\Q$file\E/ } @failures;
	}
}

# --- clusters ---

# A running private cluster, with or without the library preloaded.
sub cluster
{
	my ($kind) = @_;
	return $cluster{$kind} if $cluster{$kind};
	my $dir = "$work/cluster-$kind";
	my $c = { dir => $dir, sock => "$work/sock", port => 56700 + keys %cluster, log => "$work/out/server-$kind.log" };
	must("$work/out/initdb-$kind.log", as_owner("$pg{bindir}/initdb", '-D', "$dir", '-U', 'postgres', '-A', 'trust', '-N',
		'-E', 'UTF8', '--locale=C.UTF-8'));
	open my $conf, '>>', "$dir/postgresql.conf" or die "$dir/postgresql.conf: $!\n";
	print $conf "listen_addresses = ''\nunix_socket_directories = '$c->{sock}'\nport = $c->{port}\nfsync = off\nordersync.allowed_hosts = '.example.com'\n";
	print $conf "shared_preload_libraries = 'ordersync'\n" if $kind eq 'preloaded';
	close $conf;
	must("$work/out/start-$kind.log", as_owner("$pg{bindir}/pg_ctl", '-D', $dir, '-l', $c->{log}, '-w', '-t', '60', 'start'));
	return $cluster{$kind} = $c;
}

# A server that crashed under the tests is a failure of its own, whatever the tests said.
sub stop_clusters
{
	for my $kind (sort keys %cluster)
	{
		my $c = $cluster{$kind};
		system(as_owner("$pg{bindir}/pg_ctl", '-D', $c->{dir}, '-m', 'fast', '-w', 'stop') , '-s') == 0
			or result("cluster $kind", 0, 1, 0, 'it did not stop');
		if (my @crash = grep { /was terminated by signal|TRAP:|PANIC:/ } split /\n/, slurp($c->{log}))
		{
			result("cluster $kind", 0, 1, 0, "the server crashed: $crash[0]");
		}
	}
}

END
{
	my $status = $?;
	for my $c (values %cluster)
	{
		system(as_owner("$pg{bindir}/pg_ctl", '-D', $c->{dir}, '-m', 'immediate', '-s', 'stop')) if -e "$c->{dir}/postmaster.pid";
	}
	$? = $status;
}

sub sql
{
	my ($c, $database, $command) = @_;
	must("$work/out/sql.log", as_owner("$pg{bindir}/psql", '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $c->{sock}, '-p', $c->{port},
		'-U', 'postgres', '-d', $database, '-c', 'SET client_min_messages = warning', map { ('-c', $_) } split /; /, $command));
}

# --- processes and files ---

# The server refuses root, and the tests' own programs need not be root either.
sub as_owner { return $as_root ? ('runuser', '-u', 'postgres', '--', @_) : @_ }

sub to_files
{
	my ($out, $err, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out or die "$out: $!\n";
		open STDERR, '>', $err or die "$err: $!\n";
		# The copy is where user postgres may be; the tree is where the programs were built.
		chdir($command[0] eq 'runuser' ? $work : $tree);
		exec @command or die "$command[0]: $!\n";
	}
	waitpid $pid, 0;
	return $?;
}

sub must
{
	my ($log, @command) = @_;
	return if to_files($log, "$log.err", @command) == 0;
	print slurp($log), slurp("$log.err");
	$failed++;
	print "failed: @command\n$passed passed, $failed failed\n";
	exit 1;
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
