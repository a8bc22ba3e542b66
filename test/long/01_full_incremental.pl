# A month of 20,000 orders, 2,000 of which change.
use strict;
use warnings;
use OrdersyncTest;

$ENV{ORDERS} //= 20_000;
OrdersyncTest::go_on_with('t/01_full_incremental.pl');
