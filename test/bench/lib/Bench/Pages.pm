# The platform's answers as a user's own client would read them: the same records with the same fields as our worker stores,
# whole bodies in table bench.pages.

package Bench::Pages;

use strict;
use warnings;

# ours: after a full run over since..until (as the platform writes times). Reads every day of it once more.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {%arg}, $class;
	$self->{trade_fields} = join ',', (grep { $_ ne 'orders' } $self->keys_of('order_payloads', 'payload')),
		map { "orders.$_" } $self->keys_of('order_payloads', "jsonb_array_elements(payload -> 'orders' -> 'order')");
	$self->{refund_fields} = join ',', $self->keys_of('after_sale_payloads', 'payload');
	return $self;
}

sub keys_of
{
	my ($self, $table, $object) = @_;
	return split /\n/, $self->{ours}->sql("SELECT DISTINCT k
		FROM (SELECT $object AS o FROM ordersync.$table) AS r, jsonb_object_keys(r.o) AS k
		WHERE jsonb_typeof(r.o) = 'object'
		ORDER BY k");
}

# The calls that read it all, a day each: method and parameters, without page and signature.
sub windows
{
	my ($self) = @_;
	my @windows;
	my $session = $self->{ours}{gateway}->control('shops')->[0]{session};
	for my $day (split /\n/, $self->{ours}->sql("SELECT d || ',' || LEAST(d + interval '1 day', timestamp '$self->{until}')
		FROM generate_series(timestamp '$self->{since}', timestamp '$self->{until}', '1 day') AS d"))
	{
		my ($since, $until) = split /,/, $day;
		next if $since eq $until;
		push @windows,
			{ kind => 'orders', method => 'taobao.trades.sold.get', session => $session, fields => $self->{trade_fields},
				include_oaid => 'true', start_created => $since, end_created => $until, type => $self->types },
			{ kind => 'after_sales', method => 'taobao.refunds.receive.get', session => $session, fields => $self->{refund_fields},
				start_modified => $since, end_modified => $until };
	}
	return @windows;
}

# The list shows its default types only where none are named: those that our worker asks for.
sub types
{
	return 'fixed,auction,guarantee_trade,auto_delivery,ec,cod,step,nopaid,independent_simple_trade,independent_shop_trade,'
		. 'fenxiao,game_equipment,shopex_trade,netcn_trade,external_trade,b2c_cod,hotel_trade,super_market_trade,'
		. 'super_market_cod_trade,taohua,waimai,tmall_i18n,insurance_plus,finance,lazada,o2o_offlinetrade,eticket,pre_auth_type,'
		. 'instant_trade';
}

sub capture
{
	my ($self) = @_;
	my $ours = $self->{ours};
	$ours->sql('CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.pages');
	$ours->sql('CREATE UNLOGGED TABLE bench.pages (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, body text)');
	my $bytes = 0;
	for my $window ($self->windows)
	{
		my %p = %$window;
		my ($kind, $method) = delete @p{qw(kind method)};
		$ours->{gateway}->read_list(sub {
			my ($body) = @_;
			$bytes += length $body if $kind eq 'orders';
			(my $text = $body) =~ s/'/''/g;
			$ours->sql("INSERT INTO bench.pages (kind, body) VALUES ('$kind', '$text')");
		}, $method, %p);
	}
	$self->{orders} = $ours->sql("SELECT count(DISTINCT o ->> 'tid') FROM bench.pages,
		jsonb_array_elements(body::jsonb #> '{trades_sold_get_response,trades,trade}') AS o WHERE kind = 'orders'");
	$self->{bytes_an_order} = $bytes / ($self->{orders} || 1);
	return;
}

1;
