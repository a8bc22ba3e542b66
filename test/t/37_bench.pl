# The benchmark works, at a size that measures nothing: every comparison is there, and each is a number above zero.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More;

my $json = PostgreSQL::Test::Utils::tempdir() . '/bench.json';
local $ENV{SKIP_INSTALL} = 1;
my ($out, $err) = ('', '');
ok(IPC::Run::run([ "$ENV{ORDERSYNC_TEST}/bench/run", qw(--quick --orders 300 --rounds 1 --no-node --json), $json ], '>', \$out, '2>', \$err),
	'the quick benchmark without Node') or BAIL_OUT($err);
my $said = decode_json(slurp_file($json));

my %us = map { ("$_->{figure}: $_->{who}" => $_->{us}) } @{ $said->{costs} };
my @who = ('ours', 'ours, again, unchanged', 'ours, again, 5 % changed', 'limit: INSERT of ready rows', 'limit, record as text',
	'limit: COPY, text', 'limit: COPY, binary', 'script');
is_deeply([ sort keys %us ], [ sort map { my $size = $_; map { "load, $size: $_" } @who } qw(usual small) ], 'all that is compared');
is_deeply([ grep { $us{$_} <= 0 } sort keys %us ], [], 'each took processor time');

my %ratio = map { $_->{key} => $_->{value} } @{ $said->{ratios} };
is_deeply([ sort keys %ratio ], [ sort qw(script.usual script.small limit.usual limit.small limit.text replay.usual replay.small
	changed.usual changed.small replay.touched memory) ], 'the ratios, none of Node');
is(delete $ratio{'replay.touched'}, 0, 'no row is written or locked where nothing has changed');
is_deeply([ grep { $ratio{$_} <= 0 } sort keys %ratio ], [], 'the others are above zero');
cmp_ok($_->{rounds}[0]{orders}, '>=', 300, "$_->{who}, $_->{figure}: of all orders") for @{ $said->{costs} };
like($out, qr/^fresh load, usual records: script \/ ours .* >= 1\.3 /m, 'a ratio stands beside its target');

done_testing;
