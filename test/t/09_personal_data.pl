# Names, phones, addresses and accounts that the gateway sends are nowhere: not in a table, not in a dump, not in the log.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 400, '--days' => 30 ],
	conf => "log_min_messages = debug1\nlog_statement = none");
$cluster->add_shops(1);

# Errors keep the beginning of an answer: that too must be clean.
$cluster->fault('bad_json', count => 3);
is($cluster->full(1), 'succeeded', 'a run with failures in it');
$cluster->no_faults;
$cluster->control('change', shop => 1, orders => 200);
is($cluster->incremental(1), 'succeeded', 'an incremental run');

# What the gateway knows of people, by its own word.
my @secret_fields = qw(receiver_name receiver_mobile receiver_phone receiver_address receiver_town receiver_zip buyer_email
	buyer_alipay_no alipay_id seller_name seller_mobile seller_phone seller_email
	seller_alipay_no acookie_id);
my %known;
for my $object (qw(trades refunds))
{
	my $said = $cluster->control('truth', shop => 1, object => $object, api => 'list');
	for my $line (split /\n/, ref $said ? '' : $said)
	{
		while ($line =~ /"(\w+)":\s*(?:"((?:[^"\\]|\\.)*)"|(\d+))/g)
		{
			my ($field, $value) = ($1, $2 // $3);
			next if length $value < 4 || $value =~ /^0*$/;
			$known{$value} = $field if grep { $field eq $_ } @secret_fields or $object eq 'refunds' && $field eq 'address';
		}
	}
}
cmp_ok(scalar(keys %known), '>', 100, 'the gateway sends personal data: ' . keys(%known) . ' values');

my $any = join '|', map { utf8::decode(my $v = $_); quotemeta $v } sort keys %known;
my $dump = $cluster->node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '--inserts', '-f', $dump, '-d', $cluster->node->connstr('postgres') ], 'a dump of the whole database');
my %places = ('the dump' => slurp_file($dump), 'the server log' => slurp_file($cluster->node->logfile));
for my $place (sort keys %places)
{
	utf8::decode(my $text = $places{$place});
	my %found = map { $_ => 1 } $text =~ /($any)/g;
	my @found = sort keys %found;
	utf8::encode($_) for @found;
	is(scalar(@found), 0, "no personal value in $place") or diag(join "\n", map { "$known{$_}: $_" } grep { defined } @found[ 0 .. 4 ]);
	my $fields = join '|', @secret_fields;
	unlike($text, qr/"(?:$fields)"\s*:/, "not even the names of such fields in $place");
	unlike($text, qr/helloworld|session-1/, "no secret in $place");
}

done_testing;
