# The limits of test/t/61_limits.pl, with the rate measured over a minute.
use strict;
use warnings;
use OrdersyncTest;

$ENV{SECONDS} //= 60;
$ENV{RATE} //= 8;	# so that the runs last as long
OrdersyncTest::go_on_with('t/61_limits.pl');
