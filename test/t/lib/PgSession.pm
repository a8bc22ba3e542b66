# A session of its own for one statement, as psql -XAtq would run it, but without a process: a client that speaks the server's
# protocol over its socket. A test asks hundreds of times; starting psql each time took more of the processor than what was
# asked.
#
#   my $session = PgSession->new(host => $node->host, port => $node->port, db => 'postgres') or die;
#   print $session->query('SELECT 1, true');		# 1|t
#   $session->close;
#
# query() dies with the server's error, as psql would say it. PgSession::takes() says which texts can be given to it: psql
# splits a text into statements, which is not done here, and has commands of its own.

package PgSession;

use strict;
use warnings;
use Encode qw(encode_utf8);
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM MSG_NOSIGNAL);

sub takes
{
	my ($text) = @_;
	return $text !~ /;\s*\S|(?:^|\s)\\[a-z]|\bCOPY\b/im && !defined $ENV{PGOPTIONS};
}

# Dies where there is no server.
sub new
{
	my ($class, %arg) = @_;
	my $path = "$arg{host}/.s.PGSQL.$arg{port}";
	my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path) or die "connection to server on socket \"$path\" failed: $!\n";
	my $self = bless { socket => $socket, process => $$, in => '', said => '' }, $class;
	my $start = join "\0", user => $ENV{PGUSER} // scalar getpwuid($>), database => $arg{db}, client_encoding => 'UTF8',
		application_name => $ENV{PGAPPNAME} // 'psql', '', '';
	$self->put(pack('NN', 8 + length $start, 196608) . $start);
	$self->until_ready;
	return $self;
}

# The result as psql -At prints it; what the server said beside it is added to the session's `said`.
sub query
{
	my ($self, $text) = @_;
	$text = encode_utf8($text) if utf8::is_utf8($text);
	$self->put('Q' . pack('N', 5 + length $text) . "$text\0");
	return $self->until_ready;
}

sub is_open { return defined $_[0]{socket} }
sub DESTROY { my ($self) = @_; local ($@, $!, $?); return $self->close }

sub close
{
	my ($self) = @_;
	my $socket = delete $self->{socket} or return;
	# a child of fork must not end it
	send $socket, 'X' . pack('N', 4), MSG_NOSIGNAL if $self->{process} == $$;
	CORE::close $socket;
	return;
}

sub put
{
	my ($self, $bytes) = @_;
	while (length $bytes)
	{
		my $sent = send($self->{socket}, $bytes, MSG_NOSIGNAL) // $self->lost;
		substr($bytes, 0, $sent) = '';
	}
	return;
}

sub lost
{
	my ($self) = @_;
	delete $self->{socket};
	die "$self->{said}server closed the connection unexpectedly\n";
}

sub message
{
	my ($self) = @_;
	my $need = 5;
	for (;;)
	{
		if (length $self->{in} >= 5 && length $self->{in} >= ($need = 1 + unpack 'xN', $self->{in}))
		{
			my $message = substr $self->{in}, 0, $need, '';
			return (substr($message, 0, 1), substr($message, 5));
		}
		sysread($self->{socket}, $self->{in}, 65536, length $self->{in}) or $self->lost;
	}
}

# Reads until the server waits for the next statement: the rows, or dies with the error.
sub until_ready
{
	my ($self) = @_;
	my (@rows, $error);
	$self->{said} = '';
	for (;;)
	{
		my ($type, $body) = $self->message;
		if ($type eq 'D') { push @rows, row($body) }
		elsif ($type eq 'E') { $error = notice($body); $self->{said} .= $error }
		elsif ($type eq 'N') { $self->{said} .= notice($body) }
		elsif ($type eq 'R') { unpack('N', $body) == 0 or die "the server asks for a password\n" }
		elsif ($type eq 'G' || $type eq 'W') { die "COPY is for psql\n" }
		elsif ($type eq 'Z') { die $self->{said} if defined $error; return join "\n", @rows }
		# after a FATAL nothing else comes
		$self->lost if defined $error && $error =~ /FATAL:|PANIC:/;
	}
}

sub row
{
	my ($body) = @_;
	my ($n, $at, @values) = (unpack('n', $body), 2);
	for (1 .. $n)
	{
		my $length = unpack 'N', substr $body, $at, 4;
		$at += 4;
		push @values, $length == 0xFFFFFFFF ? '' : substr $body, $at, $length;
		$at += $length if $length != 0xFFFFFFFF;
	}
	return join '|', @values;
}

# An error or a notice, in the lines in which psql shows it.
sub notice
{
	my ($body) = @_;
	my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
	return "psql:<stdin>:1: $field{S}:  $field{M}\n" . join '', map { defined $field{ $_->[0] } ? "$_->[1]:  $field{ $_->[0] }\n" : () }
		[ D => 'DETAIL' ], [ H => 'HINT' ], [ W => 'CONTEXT' ];
}

1;
