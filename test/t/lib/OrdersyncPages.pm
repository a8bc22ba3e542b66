# A cluster whose gateway has one shop and no orders: it answers with pages that the test writes itself, byte for byte.
#
#   my $cluster = OrdersyncPages->new(conf => '…');
#   is($cluster->read_records(increment => '{"tid":1,"modified":"%s"}'), 'succeeded');
#
# Each page is read in a window of its own, an hour of a day that has settled; %s in a record is a moment of that hour.

package OrdersyncPages;

use strict;
use warnings;
use parent 'OrdersyncTest';

# A list by its source: the two wrappers of its records, its method, the run that reads it.
my %list = (
	increment => [ 'trades', 'trade', 'taobao.trades.sold.increment.get', 'incremental' ],
	list => [ 'trades', 'trade', 'taobao.trades.sold.get', 'full' ],
	refunds => [ 'refunds', 'refund', 'taobao.refunds.receive.get', 'incremental' ]);

sub new
{
	my ($class, %arg) = @_;
	my $self = $class->SUPER::new(%arg, gateway => [ '--shops' => 1, '--orders-per-shop' => 0 ]);
	$self->add_shops(1);
	$self->{day} = $self->sql("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date - 10");
	$self->{hour} = 0;
	return $self;
}

# In the hour that is read next.
sub moment { my ($self, $minute) = @_; return sprintf '%s %02d:%02d:00', $self->{day}, $self->{hour}, $minute // 30 }

sub next_hour { my ($self) = @_; die "a day has 24 hours\n" if ++$self->{hour} > 23; return }

# The answer with these records and their count.
sub page_of
{
	my ($self, $source, @records) = @_;
	my ($plural, $singular, $method) = @{ $list{$source} };
	my $root = $method =~ s/^taobao\.//r =~ tr/./_/r;
	return qq({"${root}_response":{"total_results":) . scalar(@records) . qq(,"$plural":{"$singular":[) . join(',', @records)
		. ']},"request_id":"x"}}';
}

# Reads the hour, whose every answer is this body; the run's state.
sub read_again
{
	my ($self, $source, $body) = @_;
	my ($method, $kind) = @{ $list{$source} }[ 2, 3 ];
	$self->reply($body, method => $method, since => $self->moment(0), until => "$self->{day} 23:59:59");
	my $state = $self->run($kind, 1, $self->moment(0) . '+08', $self->moment(59) . '+08');
	$self->control('faults/clear', name => 'reply');
	return $state;
}

# The same, and the next page has the next hour.
sub read_body { my ($self, @arg) = @_; my $state = $self->read_again(@arg); $self->next_hour; return $state }

# Offers the hour a body that is no answer, until a call and its repetition are logged as such: what is not answered is not
# given up, and not called for without end; so the run is cancelled. The next page has the next hour.
sub offer_body
{
	my ($self, $source, $body) = @_;
	my ($method, $kind) = @{ $list{$source} }[ 2, 3 ];
	$self->reply($body, method => $method, since => $self->moment(0), until => "$self->{day} 23:59:59");
	my $run = $self->trigger($kind, 1, $self->moment(0) . '+08', $self->moment(59) . '+08');
	my $logged = 0;
	$self->wait_until('malformed answers', sub {
		($logged = $self->sql("SELECT count(*) FROM ordersync.request_log WHERE run_id = $run AND verdict = 'malformed'")) >= 2 });
	$self->sql("SET client_min_messages = warning; SELECT ordersync_cancel($run); SELECT ordersync_lift_ban('taobao')");
	$self->control('faults/clear', name => 'reply');
	$self->next_hour;
	return $logged;
}

sub read_records
{
	my ($self, $source, @records) = @_;
	s/%s/$self->moment/e for @records;
	return $self->read_body($source, $self->page_of($source, @records));
}

1;
