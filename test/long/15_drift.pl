# The drift test with 200 seeds.
use strict;
use warnings;
use OrdersyncTest;

$ENV{DRIFT_SEEDS} //= 200;
OrdersyncTest::go_on_with('t/15_drift.pl');
