# How each rival is run once over the same records, and what it used: seconds of processor time of its backends (server), of its
# own program (client), of the gateway and of the server's other processes; seconds by the clock; bytes of WAL.

package Bench::Rivals;

use strict;
use warnings;
use Exporter qw(import);
use Time::HiRes qw(time);
use Bench::Process qw(cpu_of cpu_of_all);
use Bench::Tables qw(@tables columns_of empty_tables);

our @EXPORT_OK = qw(run_statements insert_ready insert_text copy_ready_out copy_ready);

# Runs statements in a session of their own into the empty tables of a schema.
sub run_statements
{
	my ($ours, $schema, @statements) = @_;
	empty_tables($ours, $schema);
	my $session = $ours->{server}->session($ours->{database});
	$session->query("SET TimeZone = 'Asia/Shanghai'");
	my $cost = measure($ours, [ $session->pid ], sub { $session->query($_) for @statements });
	$session->close;
	return $cost;
}

# backends: their process ids; client: the rival's own process, if it has one.
sub measure
{
	my ($ours, $backends, $do, $client) = @_;
	my %own = map { $_ => 1 } @$backends, map { $_->pid } values %{ $ours->{server}{sessions} };
	my $usage = sub {
		return (server => cpu_of_all(@$backends), client => $client ? cpu_of($client) : 0, gateway => cpu_of($ours->{gateway}->pid),
			others => cpu_of_all(grep { !$own{$_} } $ours->{server}->processes)) };
	my $wal = $ours->sql('SELECT pg_current_wal_insert_lsn()');
	my %before = $usage->();
	my $began = time;
	$do->();
	my $cost = { seconds => time - $began };
	my %after = $usage->();
	$cost->{$_} = $after{$_} - $before{$_} for keys %after;
	$cost->{wal} = $ours->sql("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$wal')");
	return $cost;
}

# limit: the very rows that are stored, one INSERT … SELECT a table.
sub insert_ready
{
	my ($ours) = @_;
	return run_statements($ours, 'limit_tables', map {
		my $list = join ', ', map { $_->[0] } columns_of($ours, $_);
		"INSERT INTO limit_tables.$_ ($list) SELECT $list FROM ready.$_" } @tables);
}

# The same where the record is text that has to become jsonb first, as it has for whoever gets it from outside.
sub insert_text
{
	my ($ours) = @_;
	return run_statements($ours, 'limit_tables', map {
		my $list = join ', ', map { $_->[0] } columns_of($ours, $_);
		(my $values = $list) =~ s/\bpayload\b/payload::jsonb/;
		"INSERT INTO limit_tables.$_ ($list) SELECT $values FROM " . (/payloads/ ? 'ready_text' : 'ready') . ".$_" } @tables);
}

# The same rows as files, format text or binary.
sub copy_ready_out
{
	my ($ours) = @_;
	for my $table (@tables)
	{
		$ours->sql("COPY ready.$table TO '$ours->{server}{folder}/data/$ours->{database}.$table.$_' (FORMAT $_)") for qw(text binary);
	}
	return;
}

sub copy_ready
{
	my ($ours, $format) = @_;
	return run_statements($ours, 'limit_tables', map {
		my $list = join ', ', map { $_->[0] } columns_of($ours, $_);
		"COPY limit_tables.$_ ($list) FROM '$ours->{server}{folder}/data/$ours->{database}.$_.$format' (FORMAT $format)" } @tables);
}

1;
