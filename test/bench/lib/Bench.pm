# One run of the benchmark: its server, its options, its figures.

package Bench;

use strict;
use warnings;
use Bench::Figures;
use Bench::Gateway;
use Bench::Ours;
use Bench::Server;

sub new
{
	my ($class, %option) = @_;
	return bless { option => \%option, figures => Bench::Figures->new, server => Bench::Server->new }, $class;
}

sub server { return $_[0]{server} }
sub figures { return $_[0]{figures} }
sub option { return $_[0]{option}{ $_[1] } }
# Whether this is the real size, or one that only shows that everything works.
sub whole { return $_[0]{option}{orders} >= 10000 }
sub processors { chomp(my $n = `nproc`); return $n }
sub version { return $_[0]{server}->sql('SHOW server_version') =~ s/ .*//r =~ s/^/PostgreSQL /r }
sub commit { chomp(my $c = `git rev-parse --short HEAD 2>/dev/null`); return $c || 'unknown' }

# A gateway and a database of ours with its shops. Named arguments: name (of the database), shops (1), orders (of each shop),
# days, gateway (more arguments), options (of each shop), workers (1), conf (settings).
sub world
{
	my ($self, %arg) = @_;
	my $gateway = Bench::Gateway->new('--shops', $arg{shops} // 1, '--orders-per-shop', $arg{orders}, '--days', $arg{days},
		'--burst', 0, @{ $arg{gateway} // [] });
	my $ours = Bench::Ours->new(server => $self->{server}, gateway => $gateway, database => $arg{name}, workers => $arg{workers} // 1);
	$ours->add_shops($arg{shops} // 1, $arg{options});
	$ours->{since} = $gateway->moment(-86400 * ($arg{days} + 1));
	$ours->{until} = $gateway->moment(-60);
	push @{ $self->{worlds} }, $ours;
	return $ours;
}

# Databases and gateways of a scenario go with it.
sub end_scenario
{
	my ($self) = @_;
	for my $ours (@{ delete $self->{worlds} // [] })
	{
		$ours->leave;
		$self->{server}->drop_database($ours->{database});
	}
	return;
}

1;
