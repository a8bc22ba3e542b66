# The simulated gateway as a process of its own, and calls to it: its control side, and the platform's lists as a client reads
# them, with everything signed.

package Bench::Gateway;

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256_hex);
use File::Copy qw(copy);
use File::Temp qw(tempfile);
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Time::HiRes qw(time);

my $key = '12345678';
my $secret = 'helloworld';
my $shanghai = 8 * 3600;

# arguments: those of test/gateway/gateway. The world stands still: it changes only where a benchmark says so.
sub new
{
	my ($class, @arguments) = @_;
	my $self = bless { maker => $$, http => HTTP::Tiny->new(timeout => 120, keep_alive => 1) }, $class;
	# a copy, so that the tree can be built anew meanwhile
	(my $handle, my $program) = tempfile('ordersync-platform.XXXXXX', TMPDIR => 1);
	close $handle;
	copy('test/gateway/gateway', $program) or die "test/gateway/gateway: $!; make gateway builds it\n";
	chmod 0700, $program;
	$self->{pid} = open($self->{out}, '-|') // die "fork: $!";
	if (!$self->{pid})
	{
		exec $program, '--port', 0, '--still', '--stop-with-parent', @arguments;
		die "$program: $!";
	}
	my $line = readline $self->{out};
	unlink $program;
	($self->{address}) = ($line // '') =~ /^listening on (\S+)/ or die "the simulated gateway did not start\n";
	return $self;
}

sub pid { return $_[0]{pid} }
sub url { return "http://$_[0]{address}/router/rest" }
sub key { return $key }
sub secret { return $secret }

sub control
{
	my ($self, $path, %arg) = @_;
	my $query = $self->{http}->www_form_urlencode(\%arg);
	my $r = $self->{http}->get("http://$self->{address}/control/$path" . ($query ? "?$query" : ''));
	die "the gateway's control refused $path: $r->{status} $r->{content}\n" unless $r->{success};
	return decode_json($r->{content});
}

# The platform's time, so many seconds from now.
sub moment { my ($self, $seconds) = @_; return strftime('%Y-%m-%d %H:%M:%S', gmtime(time + $shanghai + $seconds)) }

# One signed call; the body of the answer.
sub call
{
	my ($self, $method, %p) = @_;
	%p = (method => $method, app_key => $key, format => 'json', v => '2.0', sign_method => 'hmac-sha256',
		timestamp => $self->moment(0), %p);
	$p{sign} = uc hmac_sha256_hex(join('', map { "$_$p{$_}" } sort keys %p), $secret);
	my $r = $self->{http}->post_form($self->url, \%p);
	die "$method: $r->{status} $r->{content}\n" unless $r->{success};
	die "$method: $r->{content}\n" if $r->{content} =~ /^\{"error_response"/;
	return $r->{content};
}

# All pages of a list in a window, each given to take(body).
sub read_list
{
	my ($self, $take, $method, %p) = @_;
	for (my $page = 1;; $page++)
	{
		my $body = $self->call($method, %p, page_size => 100, use_has_next => 'true', page_no => $page);
		$take->($body) if $body =~ /"(?:trade|refund)":\[\{/;
		last unless $body =~ /"has_next":true/;
	}
	return;
}

sub DESTROY
{
	my ($self) = @_;
	return if $self->{maker} != $$;
	local ($?, $!);
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
