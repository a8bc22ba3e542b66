# What Grafana makes of a dashboard before a database sees it: the variables' values and the macros of its PostgreSQL data
# source in the SQL of panels and variables.
#
#   my $dashboard = Dashboards->read('dashboards/ordersync-sales.json');
#   for my $query ($dashboard->queries) { … $dashboard->expand($query->{sql}, shop => [ 1, 2 ], from => $epoch, to => $epoch) … }

package Dashboards;

use strict;
use warnings;
use JSON::PP ();
use POSIX qw(strftime);

sub read
{
	my ($class, $file) = @_;
	open my $in, '<', $file or die "$file: $!\n";
	return bless { json => JSON::PP->new->utf8->decode(do { local $/; <$in> }) }, $class;
}

sub json { return $_[0]{json} }
sub variables { return @{ $_[0]{json}{templating}{list} } }
sub rows { return grep { $_->{type} eq 'row' } @{ $_[0]{json}{panels} } }

# Those in collapsed rows too.
sub panels { return grep { $_->{type} ne 'row' } map { ($_, @{ $_->{panels} // [] }) } @{ $_[0]{json}{panels} } }

# The SQL of panels and variables: what it is of, the panel (or undef), format and text.
sub queries
{
	my ($self) = @_;
	return ((map { { name => "variable $_->{name}", format => 'table', sql => $_->{query} } } grep { $_->{type} eq 'query' } $self->variables),
		(map { my $panel = $_; map { { name => "panel $panel->{id}, $panel->{title} ($_->{refId})", panel => $panel, format => $_->{format}, sql => $_->{rawSql} } }
			@{ $panel->{targets} // [] } } $self->panels));
}

# --- variables ---

# The value of a variable in a format. A custom "all" value goes in as it stands, whatever the format; any other is formatted.
sub value
{
	my ($self, $name, $format, %given) = @_;
	my ($variable) = grep { $_->{name} eq $name } $self->variables or die "there is no variable $name\n";
	my $value = $given{$name} // $variable->{current}{value};
	my @values = ref $value ? @$value : $value;
	return $variable->{allValue} // die "variable $name has no value for all\n" if "@values" eq '$__all';
	return join ',', map { q{'} . s/'/''/gr . q{'} } @values if $format eq 'sqlstring';
	return join ',', @values if $format eq 'csv' || $format eq 'raw';
	die "variable $name has the format $format, which nothing here knows\n";
}

# --- macros ---

sub moment { my ($epoch) = @_; return strftime('%Y-%m-%dT%H:%M:%S', gmtime int $epoch) . sprintf('.%03dZ', ($epoch - int $epoch) * 1000) =~ s/\.000Z$/Z/r }

my %unit = (ms => 0.001, s => 1, m => 60, h => 3600, d => 86400, w => 604800);
sub seconds { my ($interval) = @_; return $interval =~ /^'?(\d+)(ms|[smhdw])'?$/ ? $1 * $unit{$2} : die "no interval: $interval\n" }

my %macro = (
	__time => sub { my ($w, $column) = @_; return qq{$column AS "time"} },
	__timeFilter => sub { my ($w, $column) = @_; return "$column BETWEEN '" . moment($w->{from}) . q{' AND '} . moment($w->{to}) . q{'} },
	__timeFrom => sub { return q{'} . moment($_[0]{from}) . q{'} },
	__timeTo => sub { return q{'} . moment($_[0]{to}) . q{'} },
	__timeGroup => sub { my ($w, $column, $interval) = @_; my $s = seconds($interval); return "floor(extract(epoch from $column)/$s)*$s" },
);
$macro{__timeGroupAlias} = sub { return $macro{__timeGroup}->(@_) . ' AS "time"' };

# Named arguments: from, to (epochs), interval ('5m'), and a value, or a list of values, for each variable that is not to have
# the one that the file has.
sub expand
{
	my ($self, $sql, %given) = @_;
	my %window = (from => $given{from}, to => $given{to});
	my $interval = $given{interval} // '5m';
	$sql =~ s/\$\{__interval\}|\$__interval\b/$interval/g;
	die "a variable without a format: $1\n" if $sql =~ /(\$\{(?!\w+:\w+\})[^}]*\}?|\[\[.*?\]\]|\$(?!__)[A-Za-z_]\w*)/;
	$sql =~ s/\$\{(\w+):(\w+)\}/$self->value($1, $2, %given)/ge;
	# after the variables, as the data source finds them, in a value too: the arguments end at the first bracket
	$sql =~ s{\$(\w+)\(([^)]*)\)}{ ($macro{$1} // die "there is no macro \$$1\n")->(\%window, map { s/^ +| +$//gr } split /,/, $2) }ge;
	return $sql;
}

1;
