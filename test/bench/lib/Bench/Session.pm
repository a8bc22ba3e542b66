# One database session: a psql that is told statements and asked for their rows.

package Bench::Session;

use strict;
use warnings;
use IPC::Open3 qw(open3);

my $mark = 'end of the answer';

sub new
{
	my ($class, $server, $database) = @_;
	my $self = bless { database => $database }, $class;
	$self->{process} = open3($self->{in}, $self->{out}, undef, "$server->{bin}/psql", '-qAtX', '-v', 'ON_ERROR_STOP=1',
		'-h', $server->{sockets}, '-p', $server->{port}, '-U', 'postgres', '-d', $database);
	$self->{in}->autoflush(1);
	$self->query('SET client_min_messages = warning');
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

# The backend's process id.
sub pid { return $_[0]{pid} }

# Sends statements, or lines of psql, and waits for their answer: rows by line, columns by |.
sub query
{
	my ($self, $sql) = @_;
	$self->send_query($sql);
	return $self->answer;
}

sub send_query
{
	my ($self, $sql) = @_;
	local $SIG{PIPE} = 'IGNORE';
	print { $self->{in} } $sql, ($sql =~ /;\s*\z|^\\\w[^\n]*\z/m ? "\n" : ";\n"), "\\echo $mark\n";
	$self->{sent} = $sql;
	return;
}

sub answer
{
	my ($self) = @_;
	my @lines;
	while (defined(my $line = readline $self->{out}))
	{
		chomp $line;
		return join "\n", @lines if $line eq $mark;
		push @lines, $line;
	}
	$self->{ended} = 1;
	die "psql ended at: " . substr($self->{sent}, 0, 2000) . "\n" . join("\n", @lines) . "\n";
}

# Rows as arrays of columns.
sub rows { my ($self, $sql) = @_; return map { [ split /\|/, $_, -1 ] } split /\n/, $self->query($sql) }

# Whether an error has ended it.
sub ended { return $_[0]{ended} }

sub close
{
	my ($self) = @_;
	return unless $self->{process};
	close $self->{in};
	waitpid delete $self->{process}, 0;
	return;
}

sub DESTROY { local ($?, $!); $_[0]->close; return }

1;
