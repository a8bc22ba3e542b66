# 300 shops, one of them with 500,000 orders.
use strict;
use warnings;
use OrdersyncTest;

my %size = (SHOPS => 300, ORDERS => 200, BIG => 500_000, DAYS => 30, LATENCY => 100, SECONDS => 1800);
$ENV{$_} //= $size{$_} for keys %size;
OrdersyncTest::go_on_with('t/52_many_shops.pl');
