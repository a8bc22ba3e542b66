# A shop with 100,000 orders.
use strict;
use warnings;
use OrdersyncTest;

$ENV{ORDERS} //= 100_000;
OrdersyncTest::go_on_with('t/19_whole.pl');
