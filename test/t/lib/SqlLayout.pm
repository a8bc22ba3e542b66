# The parts of the install script as sql/order lists them: what each defines, and what that uses.
#
# A part defines functions, procedures, types and views; a function that makes tables or views defines these too. What a
# definition uses are the functions that it calls by "name(", and the types, tables and views that it names as
# ordersync.name. Of quoted strings only those count that may be run: all between dollar signs, and in a function that
# has EXECUTE those in single quotes, but not what RAISE says. Comments do not count.
package SqlLayout;
use strict;
use warnings;
use Carp qw(croak);
use File::Find qw(find);

# The tree whose sql/ stands in that folder.
sub new
{
	my ($class, $root) = @_;
	my $self = bless { root => $root, problems => [] }, $class;
	$self->read_order;
	$self->read_part($_) for grep { -e "$root/sql/parts/$_" } @{ $self->{order} };
	return $self;
}

sub slurp
{
	my ($path) = @_;
	open(my $in, '<', $path) or croak "$path: $!";
	local $/ = undef;
	return scalar <$in>;
}

sub read_order
{
	my ($self) = @_;
	my $text = slurp("$self->{root}/sql/order");
	$self->{order} = [ map { s/\s*#.*//r } grep { /^[^#\s]/ } split /\n/, $text ];
	my $n = 0;
	$self->{rank} = { map { $_ => $n++ } @{ $self->{order} } };
	return;
}

# Files of sql/parts that are not listed, and listed ones that are not there; names that stand twice.
sub misplaced
{
	my ($self) = @_;
	my $parts = "$self->{root}/sql/parts";
	my @files;
	find(sub { push @files, $File::Find::name =~ s{^\Q$parts\E/}{}r if /^[^.].*\.sql$/ }, $parts);
	@files = sort @files;
	my %there = map { $_ => 1 } @files;
	my (%listed, %named);
	$listed{$_}++ for @{ $self->{order} };
	$named{ s{.*/}{}r }++ for @{ $self->{order} };
	return (
		(map { "$_ is not listed" } grep { !$listed{$_} } @files),
		(map { "$_ is listed and not there" } grep { !$there{$_} } @{ $self->{order} }),
		(map { "$_ is listed twice" } grep { $listed{$_} > 1 } sort keys %listed),
		(map { "several parts are called $_" } grep { $named{$_} > 1 } sort keys %named));
}

# Pieces of SQL with their kind: comment, string (single quotes), dollar (dollar quotes), end (a semicolon) or code.
sub pieces
{
	my ($text) = @_;
	my @pieces;
	while ($text =~ m{\G(?:(?<comment>--[^\n]*|/\*.*?\*/)|(?<string>'(?:[^']|'')*')|(?<dollar>(\$\w*\$).*?\g{-1})|(?<end>;)|(?<code>[^-/'\$;]+|.))}gcs)
	{
		push @pieces, [ %+ ];
	}
	return @pieces;
}

# Statements as lists of pieces, each with the line on which it begins. BEGIN ATOMIC ... END is one.
sub statements
{
	my ($text) = @_;
	my (@statements, @current);
	my ($line, $begin, $atomic) = (1, undef, 0);
	for my $piece (pieces($text))
	{
		my ($kind, $said) = @$piece;
		if ($kind ne 'comment' && $said =~ /\S/)
		{
			$begin //= $line + (($said =~ /^(\s*)/)[0] =~ tr/\n//);
		}
		$atomic = 1 if $kind eq 'code' && $said =~ /\bBEGIN\s+ATOMIC\b/;
		$atomic = 0 if $kind eq 'code' && $atomic && $said =~ /(?:^|\n)END\s*$/;
		push @current, $piece;
		$line += $said =~ tr/\n//;
		if ($kind eq 'end' && !$atomic)
		{
			push @statements, { pieces => [@current], begin => $begin, end => $line };
			(@current, $begin) = ();
		}
	}
	push @statements, { pieces => [@current], begin => $begin, end => $line } if defined $begin;
	return @statements;
}

sub code_of
{
	my (@pieces) = @_;
	return join '', map { $_->[0] eq 'comment' ? ' ' : $_->[1] } @pieces;
}

# The code of a definition, without comments and without strings that are not run.
sub run_of
{
	my ($text, $executes) = @_;
	$executes //= code_of(pieces($text)) =~ /\bEXECUTE\b/;
	my $run = '';
	for my $statement (statements($text))
	{
		my $raises = code_of(grep { $_->[0] eq 'code' } @{ $statement->{pieces} }) =~ /\bRAISE\s+(?!;)/;
		for (@{ $statement->{pieces} })
		{
			my ($kind, $said) = @$_;
			if ($kind eq 'dollar')
			{
				my ($inner) = $said =~ /^\$\w*\$(.*)\$\w*\$$/s;
				$run .= ' ' . run_of($inner, $executes) . ' ';
			}
			elsif ($kind eq 'string')
			{
				$run .= $executes && !$raises ? ' ' . substr($said, 1, -1) . ' ' : " '' ";
			}
			elsif ($kind ne 'comment')
			{
				$run .= $said;
			}
		}
	}
	return $run;
}

my $NAME = qr/(?:\@extschema\@|ordersync)\.([\w{}]+)/;
my $DEFINES = qr/^CREATE\s+(?:OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|VIEW|TYPE)\s+$NAME/;

sub read_part
{
	my ($self, $part) = @_;
	my $path = "$self->{root}/sql/parts/$part";
	my $raw = slurp($path);
	$self->{lines}{$part} = $raw =~ tr/\n//;
	$self->{head}{$part} = $raw =~ m{^(/\*.*?\*/)}s ? $1 : '';
	for my $statement (statements($raw))
	{
		my $code = code_of(@{ $statement->{pieces} }) =~ s/^\s*(?:\{\{.*?\}\}\s*)*//r;
		my ($kind, $name) = $code =~ $DEFINES or next;
		next if $kind !~ /FUNCTION|PROCEDURE/;
		$self->{length}{"$part: $name"} = $statement->{end} - $statement->{begin} + 1;
	}
	my $made = $raw;
	if ($raw =~ /\{\{/)
	{
		my $sql = "$self->{root}/sql";
		open(my $in, '-|', $^X, "$sql/generate", 'script', "$sql/dictionary.txt", $path) or croak "sql/generate: $!";
		local $/ = undef;
		$made = <$in>;
		close $in or croak "sql/generate script: $?";
	}
	for my $statement (statements($made))
	{
		my $code = code_of(@{ $statement->{pieces} }) =~ s/^\s+//r;
		if ($code =~ $DEFINES)
		{
			$self->define($part, $1, $2, join('', map { $_->[1] } @{ $statement->{pieces} }));
		}
		elsif ($code =~ /^COMMENT ON (?:FUNCTION|PROCEDURE) $NAME/)
		{
			$self->{commented}{$1} = 1;
		}
		elsif ($code =~ /^DO\b/)
		{
			$self->define($part, 'DO', "a block of $part", $code);
		}
	}
	return;
}

sub define
{
	my ($self, $part, $kind, $name, $text) = @_;
	my $run = run_of($text);
	push @{ $self->{definitions} }, { part => $part, kind => $kind, name => $name, run => $run };
	$self->{place}{$name}{$part} = 1;
	$self->{is_called}{$name} = 1 if $kind =~ /FUNCTION|PROCEDURE/;
	return if $kind !~ /FUNCTION|PROCEDURE/;
	$self->{place}{$1}{$part} = 1 while $run =~ /\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?ordersync\.(\w+)/g;
	$self->{place}{"$1_report"}{$part} = 1 while $text =~ /\bordersync\.create_report_view\('(\w+)s',/g;
	return;
}

# Every use of what another part defines: [part, definition, part that it uses, name in that].
sub uses
{
	my ($self) = @_;
	my %uses;
	for my $definition (@{ $self->{definitions} })
	{
		my ($part, $name) = @$definition{qw(part name)};
		while ($definition->{run} =~ /(\@extschema\@\.|ordersync\.)?\b(\w+)(\s*\()?/g)
		{
			my ($schema, $used, $call) = ($1, $2, $3);
			my $place = $self->{place}{$used} or next;
			next if $place->{$part} || ($self->{is_called}{$used} ? !$call : !$schema);
			$uses{"$name $used $_"} = [ $part, $name, $_, $used ] for keys %$place;
		}
	}
	return map { $uses{$_} } sort keys %uses;
}

# Uses of what stands behind the one that uses it.
sub upward
{
	my ($self) = @_;
	return map { "$_->[0]: $_->[1] uses $_->[3] of $_->[2], which stands behind it" }
		grep { $self->{rank}{ $_->[2] } > $self->{rank}{ $_->[0] } } $self->uses;
}

sub without_comment
{
	my ($self) = @_;
	return grep { !$self->{commented}{$_} } sort keys %{ $self->{is_called} };
}

sub longer_functions
{
	my ($self, $lines) = @_;
	return map { "$_ has $self->{length}{$_} lines" } grep { $self->{length}{$_} > $lines } sort keys %{ $self->{length} };
}

# Parts without a head that says what they are, and long ones whose head does not say why.
sub heads_missing
{
	my ($self, $lines) = @_;
	return (
		(map { "$_ does not begin with a comment" } grep { $self->{head}{$_} eq '' } sort keys %{ $self->{head} }),
		(map { "$_ has $self->{lines}{$_} lines" } grep { $self->{lines}{$_} > $lines && $self->{head}{$_} !~ /\blines\b.*\bbecause\b/s } sort keys %{ $self->{lines} }));
}

1;
