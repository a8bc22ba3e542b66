# A consumer of the change feed as a process of its own (test/bench/lib/feed_reader.py), with psycopg2.

package Bench::Reader;

use strict;
use warnings;
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json);
use Bench::Rivals;

# ours, consumer, batch; outbox: it reads a hand-written outbox.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {%arg}, $class;
	my $server = $arg{ours}{server};
	$self->{process} = open2($self->{out}, $self->{in}, '/usr/bin/python3', 'test/bench/lib/feed_reader.py',
		"host=$server->{sockets} port=$server->{port} user=postgres dbname=$arg{ours}{database}", $arg{consumer}, $arg{batch}, ($arg{outbox} ? 'outbox' : ()));
	$self->{in}->autoflush(1);
	($self->{backend}) = (readline($self->{out}) // '') =~ /^ready (\d+)/ or die "the reader did not start: is python3-psycopg2 installed?\n";
	return $self;
}

sub say_to { my ($self, $line) = @_; print { $self->{in} } "$line\n"; return }
sub answer { my ($self) = @_; return decode_json(readline($self->{out}) // die "the reader failed\n") }

# Reads until there is nothing more: the cost of its backend and of itself, with what it says.
sub read_all
{
	my ($self) = @_;
	my $said;
	my $cost = Bench::Rivals::measure($self->{ours}, [ $self->{backend} ], sub {
		$self->say_to('empty');
		$said = $self->answer }, $self->{process});
	return { %$cost, %$said };
}

# Reads what comes while do() goes on; what do() returned, and what the reader says.
sub read_while
{
	my ($self, $do) = @_;
	$self->say_to('follow');
	my $result = $do->();
	$self->say_to('');
	return ($result, $self->answer);
}

sub end
{
	my ($self) = @_;
	return unless $self->{process};
	$self->say_to('end');
	waitpid delete $self->{process}, 0;
	return;
}

sub DESTROY { local ($?, $!); $_[0]->end; return }

1;
