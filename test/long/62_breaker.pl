# Gateways that are broken in every way, watched for a minute.
use strict;
use warnings;
use OrdersyncTest;

$ENV{BREAKER_SECONDS} //= 60;
OrdersyncTest::go_on_with('t/62_breaker.pl');
