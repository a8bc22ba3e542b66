# The test of the change feed with many seeds, and longer lives.
use strict;
use warnings;
use OrdersyncTest;

$ENV{FEED_SEED} //= 1;
$ENV{FEED_SEEDS} //= 20;
$ENV{FEED_ROUNDS} //= 8;
OrdersyncTest::go_on_with('t/70_changes.pl');
