use strict; use warnings; use lib "$ENV{ORDERSYNC_TEST}/t/lib"; use OrdersyncTest; use Test::More;
my $c = OrdersyncTest->new(gateway => [ '--shops' => 3, '--orders-per-shop' => 400, '--days' => 6 ], conf => "ordersync.workers=2");
$c->create_extension;
my %shop = map { $_->{shop} => $_ } @{ $c->control('shops') };
my @pids; END { local $?; kill 'TERM', @pids if @pids; } my $port = 20000 + $$ % 9000;
my %opt = (1 => '{"page_size": 10, "relay": {"totals": false, "has_next": false, "parameters": {"use_has_next": null}}}',
  2 => '{"page_size": 10, "max_window": "2 hours", "relay": {"body": "json", "headers": {"X-App": "orders"}, "envelope": {}, "parameters": {"credential": "DataKey"}}}',
  3 => '{"relay": {"after_sales": "order", "paths": {"refunds_of_order": "/RefundsOfOrder"}, "envelope": {"ok": ["0"]}}}');
my %mode = (1 => 'bare', 2 => 'env', 3 => 'obj');
for my $k (1..3) {
  my $p = $port + $k;
  my $pid = fork; if (!$pid) { open STDOUT, '>', "/opt/tmp-c/smoke/log$k"; open STDERR, '>&', \*STDOUT; exec 'python3', '/opt/tmp-c/smoke/relay.py', $c->url, $p, $mode{$k}; }
  push @pids, $pid;
  $c->sql("SELECT ordersync_add_gateway('relay$k', 'http://127.0.0.1:$p/api/', NULL, NULL, 'relay', options => '$opt{$k}')");
  utf8::encode(my $nick = $shop{$k}{seller_nick});
  $c->sql("SELECT ordersync_add_shop($k, '$nick', '$shop{$k}{session}', 'relay$k')");
}
sleep 1;
$c->load_truth if $c->can('load_truth');
diag $c->sql("SELECT name, secret_state, unserved FROM ordersync.gateways ORDER BY 1");
for my $k (1..3) {
  is($c->full($k), 'succeeded', "full $k");
  is($c->incremental($k), 'succeeded', "inc $k");

}
diag $c->sql("SELECT shop_id, key_state, key_message FROM ordersync.shops ORDER BY 1");
diag $c->sql("SELECT shop_id, count(*), (SELECT count(*) FROM ordersync.sub_orders s WHERE s.shop_id=o.shop_id),  (SELECT count(*) FROM ordersync.after_sales s WHERE s.shop_id=o.shop_id) FROM ordersync.orders o GROUP BY 1 ORDER BY 1");
diag $c->sql("SELECT shop_id, stream, basis, day, verdict, seen FROM ordersync.completeness ORDER BY 1, 2, 3, 4");
diag $c->sql("SELECT shop_id, stream, basis, work, details_of, reason, state, outcome, count(*) FROM ordersync.sync_tasks GROUP BY 1,2,3,4,5,6,7,8 ORDER BY 1,2,3");
diag $c->sql("SELECT shop_id, method, verdict, count(*) FROM ordersync.request_log GROUP BY 1,2,3 ORDER BY 1,2");
diag $c->sql("SELECT * FROM ordersync.freshness ORDER BY 1");
diag $c->sql("SELECT shop_id, error_class, error FROM ordersync.failed_tasks");
my ($tid) = $c->sql("SELECT tid FROM ordersync.sub_orders WHERE shop_id = 3 AND refund_id > 0 LIMIT 1");
for my $k (1..3) { my $t = $c->sql("SELECT tid FROM ordersync.sub_orders WHERE shop_id = $k AND refund_id > 0 LIMIT 1"); my $run = $c->sql("SELECT ordersync_trigger_order($k, $t)"); is($c->finish($run), 'succeeded', "order $k"); diag $c->sql("SELECT details_of, state, ids, reason FROM ordersync.sync_tasks WHERE run_id = $run"); 
  my $v = $c->sql("SELECT ordersync_verify($k, now() - interval '4 days', now() - interval '1 day')"); is($c->finish($v), 'succeeded', "verify $k"); 
  my $ck = $c->sql("SELECT ordersync_check_shop($k)"); is($c->finish($ck), 'succeeded', "check $k"); }
diag $c->sql("SELECT shop_id, key_state, key_message FROM ordersync.shops ORDER BY 1");
diag $c->sql("SELECT check_name, ok, detail FROM ordersync_doctor() WHERE NOT ok");

fail('show');
done_testing;
