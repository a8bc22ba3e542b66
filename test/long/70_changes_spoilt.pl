# The test of the change feed must object where it ought to: with each of the faults that it knows, planted in the feed.
use strict;
use warnings;
use OrdersyncTest;

$ENV{FEED_SEED} //= 1;
$ENV{FEED_SPOILT} //= 'all';
# a fault may show in that nothing comes any more
$ENV{PG_TEST_TIMEOUT_DEFAULT} = 60;
$PostgreSQL::Test::Utils::timeout_default = 60;
OrdersyncTest::go_on_with('t/70_changes.pl');
