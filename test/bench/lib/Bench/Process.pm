# What the kernel says of processes: processor time, memory, disk writes.

package Bench::Process;

use strict;
use warnings;
use Exporter qw(import);
use POSIX ();

our @EXPORT_OK = qw(cpu_of cpu_of_all children_of nanoseconds_of own_memory written_by);

my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

sub read_file
{
	my ($file) = @_;
	open(my $f, '<', $file) or return;
	local $/;
	return scalar <$f>;
}

# The fields of /proc/PID/stat behind the name, which may have anything in it.
sub stat_of
{
	my ($pid) = @_;
	my $stat = read_file("/proc/$pid/stat") // die "process $pid has ended: what it used cannot be read\n";
	$stat =~ s/^.*\) //s;
	return split ' ', $stat;
}

# Seconds of processor time of a process, all threads, user and system.
sub cpu_of
{
	my ($pid) = @_;
	my @v = stat_of($pid);
	return ($v[11] + $v[12]) / $tick;
}

# The same as exact as the scheduler knows it, in nanoseconds.
sub nanoseconds_of
{
	my $sum = 0;
	for my $pid (@_)
	{
		for my $file (glob "/proc/$pid/task/*/schedstat")
		{
			my ($ns) = (read_file($file) // '') =~ /^(\d+)/;
			$sum += $ns // 0;
		}
	}
	return $sum;
}

sub cpu_of_all
{
	my $sum = 0;
	$sum += cpu_of($_) for @_;
	return $sum;
}

sub children_of
{
	my ($pid) = @_;
	my @children;
	for my $dir (glob '/proc/[0-9]*')
	{
		my $stat = read_file("$dir/stat") // next;
		push @children, $dir =~ s,.*/,,r if $stat =~ /^.*\) \S (\d+)/s && $1 == $pid;
	}
	return @children;
}

# MiB that are the process's own, without the server's shared buffers.
sub own_memory
{
	my ($pid) = @_;
	my ($kb) = (read_file("/proc/$pid/status") // '') =~ /^RssAnon:\s+(\d+)/m;
	return ($kb // 0) / 1024;
}

# Bytes that processes caused to be written to disk. Those of one that ended count no more: ask while all live.
sub written_by
{
	my $sum = 0;
	for my $pid (@_)
	{
		my ($bytes) = (read_file("/proc/$pid/io") // '') =~ /^write_bytes:\s+(\d+)/m;
		$sum += $bytes // 0;
	}
	return $sum;
}

1;
