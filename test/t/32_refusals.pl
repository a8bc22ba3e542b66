# What the database refuses, by a user's trigger, constraint or index, costs the record and nothing else: its page is stored, its
# window counts, it is in quarantine with the database's message, is not tried again as it is, and comes in when it has changed or
# by ordersync_retry. What refuses everything fails the task; what passes by itself is no refusal.
use strict;
use warnings;
use OrdersyncPages;
use OrdersyncTest;
use Test::More;

my $world = OrdersyncTest->new(gateway => [ '--shops' => 1, '--orders-per-shop' => 800, '--days' => 7 ],
	conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'\nordersync.max_attempts = 2");
$world->add_shops(1);
$world->sql('SELECT ordersync.set_up()');
$world->advance(7200, quiet => 1);

# --- one order in a hundred, one after-sale in ten, each refused in its own way ---

my %created = map { /"tid":(\d+),"created":"([^"]+)"/ ? ($1 => $2) : () } split /\n/, $world->control('truth', shop => 1, slim => 1);
my @tids = sort { $created{$a} cmp $created{$b} || $a <=> $b } keys %created;
my @refunds = sort keys %{ $world->says(1, 'refunds') };
# A day that has not ended is not counted to its end: none of them is of that one. The platform's clock is two hours ahead.
my $today = $world->sql("SELECT ordersync.day_of(clock_timestamp() + interval '1 hour')");
my @bad = grep { substr($created{$_}, 0, 10) lt $today } map { $tids[ 100 * $_ + 37 ] } 0 .. int(@tids / 100) - 1;
my @bad_refunds = map { $refunds[ 10 * $_ + 7 ] } 0 .. int(@refunds / 10) - 1;
cmp_ok(scalar @bad, '>=', 6, 'so many orders are refused: ' . @bad);
cmp_ok(scalar @bad_refunds, '>=', 2, 'so many after-sales: ' . @bad_refunds);
my ($checked, $deferred, $asserted, $dynamic, $own, @raised) = @bad;
my $raised = join ',', @raised;
my $bad_refunds = join ',', @bad_refunds;
# A sequence counts what a rollback forgets.
my $user = qq{
	CREATE SEQUENCE tries; GRANT ALL ON SEQUENCE tries TO pg_database_owner;
	ALTER TABLE ordersync.orders ADD CONSTRAINT not_wanted CHECK (tid <> $checked);
	CREATE FUNCTION own_rules() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF NEW.tid IN ($raised, $dynamic, $own, $asserted) THEN
			PERFORM nextval('public.tries');
		END IF;
		ASSERT NEW.tid <> $asserted, 'not this one';
		IF NEW.tid = $dynamic THEN
			EXECUTE 'INSERT INTO public.orders_of_' || to_char(NEW.created, 'YYYY') || ' VALUES (1)';
		ELSIF NEW.tid = $own THEN
			RAISE EXCEPTION 'a state of our own' USING ERRCODE = 'U0042';
		ELSIF NEW.tid IN ($raised) THEN
			RAISE EXCEPTION 'order % is not ours', NEW.tid USING DETAIL = 'the nick is ' || NEW.buyer_open_uid;
		END IF;
		RETURN NEW;
	END \$\$;
	CREATE TRIGGER own_rules BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION own_rules();
	CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE check_violation USING MESSAGE = 'found at commit'; END \$\$;
	CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE ON ordersync.orders DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.tid = $deferred) EXECUTE FUNCTION at_commit();
	ALTER TABLE ordersync.after_sales ADD CONSTRAINT no_such_refund CHECK (refund_id NOT IN ($bad_refunds))};
$world->sql($user);

is($world->full(1), 'succeeded', 'a full run succeeds, whatever the database refuses of it');
my $run = $world->{last_run};
is(join(' ', $world->behind(1, 'trades')), join(' ', sort @bad), 'all other orders are stored');
is(join(' ', $world->behind(1, 'refunds')), join(' ', sort @bad_refunds), 'and all other after-sales');
is($world->sql("SELECT string_agg(record_id || ' ' || sqlstate || ' ' || message, E'\n' ORDER BY record_id) FROM ordersync.quarantine
	WHERE stream = 'orders' AND reason = 'refused' AND resolved_at IS NULL"),
	join("\n", sort
		"$checked 23514 new row for relation \"orders\" violates check constraint \"not_wanted\"",
		"$deferred 23514 found at commit", "$asserted P0004 not this one",
		sprintf("%s 42P01 relation \"public.orders_of_%s\" does not exist", $dynamic, substr $created{$dynamic}, 0, 4),
		"$own U0042 a state of our own", map { "$_ P0001 order $_ is not ours" } @raised), 'each is in quarantine with the database\'s message, without its detail');
# Lines speak of after-sales that are not stored: the one may be newer that is served by its id.
is($world->sql("SELECT string_agg(DISTINCT record_id || ' ' || sqlstate, ',') FROM ordersync.quarantine WHERE stream = 'after_sales'"),
	join(',', map { "$_ 23514" } sort @bad_refunds), 'after-sales too');
is($world->sql("SELECT count(*) FILTER (WHERE convert_from(body, 'UTF8')::jsonb ->> 'tid' = record_id::text) FROM ordersync.quarantine WHERE stream = 'orders'"),
	scalar @bad, 'as it was received');
is($world->sql("SELECT sum(reported), sum(seen), sum(quarantined) FROM ordersync.window_counts WHERE stream = 'orders' AND basis = 'created'"),
	join('|', (scalar @tids) x 2, scalar @bad), 'every window counts, with those outside');
is($world->sql("SELECT max(splits), max(attempt), sum(calls - pages), sum(records_quarantined) FROM ordersync.sync_tasks
	WHERE run_id = $run AND stream <> 'details'"), '0|0|1|' . (@bad + @bad_refunds), 'no window was halved, no call but the check of the key came to no page');
is($world->sql("SELECT count(*) FROM ordersync.sync_tasks WHERE run_id = $run AND details_of = 'orders'"), '0', 'nor are orders fetched that after-sales speak of');
sub day { return substr $created{ $_[0] }, 0, 10 }
my $days = join ',', map { "'" . day($_) . "'" } @bad;
is($world->sql("SELECT DISTINCT verdict, quarantined > 0 FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'created' AND day IN ($days)"),
	'counted|t', 'their days are counted, not proven');
is($world->sql("SELECT sum(surplus) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'created'"), '0', 'and have no surplus');

# Met again as they are: neither tried nor noted again. Other lists bring them in other words; they are tried once.
my $noted = "SELECT string_agg(q::text, E'\\n' ORDER BY quarantine_id) FROM ordersync.quarantine q";
is($world->incremental(1), 'succeeded', 'an incremental run');
my $first = $world->sql($noted);
my $tries = $world->sql('SELECT last_value FROM tries');
is($world->full(1), 'succeeded', 'a full run reads them again');
is($world->sql('SELECT last_value FROM tries'), $tries, 'and tries none of them');
is($world->sql($noted), $first, 'nor notes any');
is($world->sql("SELECT sum(records_quarantined) FROM ordersync.sync_tasks WHERE run_id = $world->{last_run} AND stream = 'orders' AND basis = 'created'"),
	scalar @bad, 'but counts them');

# Tried again by ordersync_retry: what is still refused stays, what is not comes in from what was kept, without a call.
my $calls = $world->sql('SELECT count(*) FROM ordersync.request_log');
like($world->sql_fails("SELECT ordersync_retry($run); SELECT 1/0", extra => [ '-v', 'ON_ERROR_STOP=1' ]),
	qr/NOTICE:  shop 1: 0 of @{[ @bad + @bad_refunds ]} refused records are stored now; the first error is still: /, 'a retry while all is as it was');
is($world->sql("SELECT count(DISTINCT record_id) FROM ordersync.quarantine WHERE resolved_at IS NULL"), @bad + @bad_refunds, 'stores none');
$world->sql('DROP TRIGGER own_rules ON ordersync.orders');
is($world->sql("SELECT ordersync_retry($run)"), @bad + @bad_refunds, 'a retry when the trigger is gone tries all');
is(join(' ', $world->behind(1, 'trades')), join(' ', sort $checked, $deferred), 'and stores what is refused no more');
is($world->sql("SELECT string_agg(DISTINCT record_id || ' ' || message, ',') FROM ordersync.quarantine WHERE stream = 'orders' AND resolved_at IS NULL AND record_id = $deferred"),
	"$deferred found at commit", 'the others keep their reason');
$world->sql('ALTER TABLE ordersync.orders DROP CONSTRAINT not_wanted; DROP TRIGGER at_commit ON ordersync.orders;
	ALTER TABLE ordersync.after_sales DROP CONSTRAINT no_such_refund');
is($world->sql("SELECT ordersync_retry($run)"), 2 + @bad_refunds, 'the rest');
is(join(' ', $world->behind(1, 'trades'), $world->behind(1, 'refunds')), '', 'nothing is missing');
is($world->sql('SELECT count(*) FROM ordersync.quarantine WHERE resolved_at IS NULL'), '0', 'nor open');
is($world->sql('SELECT count(*) FROM ordersync.request_log'), $calls, 'no call was made for it');
is($world->sql("SELECT ordersync_retry($run)"), '0', 'and there is nothing left to try');
is($world->sql("SELECT sum(surplus), sum(quarantined) FROM ordersync.completeness WHERE stream = 'orders' AND basis = 'created'"), '0|0',
	'the days\' counts know that they are stored');
is($world->full(1), 'succeeded', 'a full run over all of it');
is($world->sql("SELECT sum(records_new + records_changed) FROM ordersync.sync_tasks WHERE run_id = $world->{last_run} AND basis = 'created'"), '0',
	'finds nothing new: they are stored as they were read');

# --- everything refused: no matter of one record ---

my $since = $world->ago(2 * 86400);
my $those = "(SELECT tid FROM ordersync.orders WHERE created >= '$since+08')";
$world->sql("DELETE FROM ordersync.order_payloads WHERE tid IN $those; DELETE FROM ordersync.sub_orders WHERE tid IN $those;
	DELETE FROM ordersync.orders WHERE created >= '$since+08'; ALTER TABLE ordersync.orders ADD CONSTRAINT nothing CHECK (tid < 0) NOT VALID");
like($world->full(1, "$since+08"), qr/^(?:incomplete|failed)$/, 'a constraint that refuses every order fails the run');
$run = $world->{last_run};
is($world->sql("SELECT DISTINCT error_class, hint ~ 'trigger, constraint or permission', error ~ 'SQLSTATE 23514: .*\"nothing\"' FROM ordersync.failed_tasks
	WHERE run_id = $run"), 'all_refused|t|t', 'with a class and a remedy');
cmp_ok($world->sql("SELECT count(*) FROM ordersync.quarantine WHERE resolved_at IS NULL"), '<=', 20, 'and no more than twenty in quarantine');
is($world->sql("SELECT max(splits) FROM ordersync.sync_tasks WHERE run_id = $run"), '0', 'no window is halved for it');
$world->sql('ALTER TABLE ordersync.orders DROP CONSTRAINT nothing');
cmp_ok($world->sql("SELECT ordersync_retry($run)"), '>', 0, 'tried again when it is gone');
is($world->finish($run), 'succeeded', 'the run is whole');
is(join(' ', $world->behind(1, 'trades')), '', 'and nothing is missing');
undef $world;

# --- pages of the test's own ---

my $cluster = OrdersyncPages->new(conf => "ordersync.retry_base = '10ms'\nordersync.retry_cap = '20ms'\nordersync.max_attempts = 3\nlog_min_messages = debug1");
$cluster->sql(q{SELECT ordersync.set_up(); SELECT ordersync_set_gateway('taobao', '{"arrival_check": false}')});
sub order { my ($tid, $minute, $more) = @_; my $at = $cluster->moment($minute); return qq({"tid":$tid,"created":"@{[ $cluster->moment(1) ]}","modified":"$at","status":"WAIT_BUYER_PAY"$more}) }
sub version { my ($source, @order) = @_; return $cluster->read_again($source, $cluster->page_of($source, order(@order))) }
sub state_of { my ($tid) = @_; return $cluster->sql("SELECT count(*) FILTER (WHERE resolved_at IS NULL), count(resolved_at) FROM ordersync.quarantine WHERE record_id = $tid") }

# A record alone in its page, which changes.
$cluster->sql(q{CREATE SEQUENCE tries; GRANT ALL ON SEQUENCE tries TO pg_database_owner;
	CREATE FUNCTION no_memo() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''public.tries''); RAISE EXCEPTION ''no such source''; END';
	CREATE TRIGGER no_memo BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW WHEN (NEW.trade_from = 'bad') EXECUTE FUNCTION no_memo()});
is(version(increment => 70001, 10, ',"trade_from":"bad"'), 'succeeded', 'an order that is refused, alone in its page');
is(state_of(70001), '1|0', 'is in quarantine');
is($cluster->sql('SELECT count(*) FROM ordersync.orders WHERE tid = 70001'), '0', 'and not stored, nor anything of it');
is($cluster->sql("SELECT verdict, reported, seen, quarantined FROM ordersync.window_counts WHERE stream = 'orders' AND basis = 'modified'"), 'counted|1|1|1', 'its window counts');
my $before = $cluster->sql('SELECT last_value FROM tries');
is(version(increment => 70001, 10, ',"trade_from":"bad"'), 'succeeded', 'the same again');
is($cluster->sql('SELECT last_value FROM tries'), $before, 'is not tried');
is(version(increment => 70001, 11, ',"trade_from":"bad","cod_status":"x"'), 'succeeded', 'its next version');
cmp_ok($cluster->sql('SELECT last_value FROM tries'), '>', $before, 'is tried');
is(state_of(70001), '2|0', 'and noted too');
is(version(increment => 70001, 12, ',"trade_from":"good"'), 'succeeded', 'one that is taken');
is(state_of(70001), '0|2', 'resolves both');
is($cluster->sql("SELECT verdict, reported, seen, quarantined FROM ordersync.window_counts WHERE stream = 'orders' AND basis = 'modified'"), 'counted|1|1|0', 'and its window has none outside');

# An older version that is stored stays while a newer one is refused.
is(version(increment => 70002, 10, ',"trade_from":"good"'), 'succeeded', 'an order');
is(version(increment => 70002, 20, ',"trade_from":"bad"'), 'succeeded', 'its next version is refused');
is($cluster->sql('SELECT trade_from FROM ordersync.orders WHERE tid = 70002'), 'good', 'it is as it was');
is($cluster->sql("SELECT count(*) FROM ordersync.order_changes WHERE id = 70002"), '1', 'and has no other change');
$cluster->next_hour;

# What may pass by itself is no refusal, whatever raises it: the page is read again.
for my $state (qw(40001 40P01 55P03 57014 53100 53200 08006))
{
	$cluster->sql(qq{CREATE SEQUENCE passing; GRANT ALL ON SEQUENCE passing TO pg_database_owner;
		CREATE FUNCTION passes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF nextval(''public.passing'') <= 2 THEN RAISE EXCEPTION ''not now'' USING ERRCODE = ''$state''; END IF; RETURN NEW; END';
		CREATE TRIGGER passes BEFORE INSERT ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION passes()});
	my $tid = 71000 + $cluster->{hour};
	is($cluster->read_records(increment => qq({"tid":$tid,"modified":"%s"})), 'succeeded', "$state twice");
	is($cluster->sql("SELECT (SELECT count(*) FROM ordersync.orders WHERE tid = $tid), (SELECT count(*) FROM ordersync.quarantine WHERE record_id = $tid)"), '1|0',
		'the order is stored, nothing is in quarantine');
	is($cluster->sql('SELECT last_value FROM passing'), '3', 'it was tried once for each call');
	$cluster->sql('DROP TRIGGER passes ON ordersync.orders; DROP FUNCTION passes; DROP SEQUENCE passing');
}

# An object that is missing or forbidden is nobody's record's fault: where nothing is stored beside it, the task fails.
$cluster->sql(q{CREATE TABLE public.audit (tid bigint);
	CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.audit VALUES (NEW.tid); RETURN NEW; END';
	CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION audit()});
isnt($cluster->read_records(increment => map { qq({"tid":$_,"modified":"%s"}) } 72001 .. 72003), 'succeeded', 'a trigger that may not write its table');
is($cluster->sql("SELECT error_class, error FROM ordersync.failed_tasks WHERE run_id = $cluster->{last_run}"),
	'all_refused|the database rejected every record to be written, the first with SQLSTATE 42501: permission denied for table audit', 'fails with the reason');
is($cluster->sql('SELECT count(*) FROM ordersync.quarantine WHERE record_id >= 72001'), '0', 'and nothing is in quarantine');
$cluster->sql('DROP TRIGGER audit ON ordersync.orders');

# A mended value of a refused record is noted when the record is stored.
is($cluster->read_records(increment => order(74001, 10, ',"trade_from":"bad","title":"a\u0000b"'), order(74002, 10, ',"title":"c\u0000d"')), 'succeeded',
	'two orders that are mended, one of which is refused');
is($cluster->sql("SELECT record_id, reason FROM ordersync.quarantine WHERE record_id IN (74001, 74002) ORDER BY 1"), "74001|refused\n74002|value", 'the other\'s value is noted');
$cluster->sql('ALTER TABLE ordersync.orders DISABLE TRIGGER no_memo');
$cluster->sql("SELECT ordersync_retry($cluster->{last_run})");
is($cluster->sql("SELECT o.payload ->> 'title', q.value, q.column_name, q.source, convert_from(q.body, 'UTF8') FROM ordersync.quarantine q
	JOIN ordersync.order_payloads o ON o.tid = q.record_id WHERE record_id = 74001 AND resolved_at IS NULL"), 'a�b|a�b|title|increment|a\u0000b', 'tried again, it is stored and its value noted');
$cluster->sql('ALTER TABLE ordersync.orders ENABLE TRIGGER no_memo');
is(version(increment => 70002, 21, ',"trade_from":"bad"'), 'succeeded', 'the version that was tried with it has a next one, refused too');
$cluster->next_hour;

# Whole records by id; a shop that does not want its memos stored.
$cluster->sql(q{SELECT ordersync_set_shop(1, '{"privacy": "strict"}')});
$cluster->reply(qq({"trade_fullinfo_get_response":{"trade":{"tid":73001,"created":"@{[ $cluster->moment(1) ]}","modified":"@{[ $cluster->moment(2) ]}","trade_from":"bad","seller_memo":"keep out"},"request_id":"x"}}),
	method => 'taobao.trade.fullinfo.get');
my $one = $cluster->sql('SELECT ordersync_trigger_order(1, 73001)');
is($cluster->finish($one), 'succeeded', 'an order fetched by its id and refused');
is($cluster->sql("SELECT message FROM ordersync.sync_runs WHERE run_id = $one"), 'the database refuses order 73001: see ordersync.quarantine', 'as its run says');
is($cluster->sql("SELECT reason, asked ->> 'source', convert_from(body, 'UTF8')::jsonb ->> 'trade_from', body::text ~ encode('keep out', 'hex') FROM ordersync.quarantine WHERE record_id = 73001"),
	'refused|details|bad|f', 'is in quarantine, without what the shop does not want stored');
$cluster->sql('DROP TRIGGER no_memo ON ordersync.orders');
is($cluster->sql("SELECT ordersync_retry($one)"), '2', 'a retry tries it and the one before');
is($cluster->sql("SELECT trade_from FROM ordersync.orders WHERE tid IN (70002, 73001) ORDER BY tid"), "bad\nbad", 'and stores both');
is($cluster->sql('SELECT details_at IS NOT NULL, seller_memo IS NULL FROM ordersync.orders WHERE tid = 73001'), 't|t', 'as the list it came from served it');

# Rows written again from their records: one that is refused stays as it is, the rest is written.
$cluster->sql("UPDATE ordersync.orders SET trade_from = 'old'; ALTER TABLE ordersync.orders ADD CONSTRAINT kept CHECK (tid <> 70001 OR trade_from = 'old')");
my (undef, undef, $said) = $cluster->node->psql('postgres', 'CALL ordersync_reproject()');
like($said, qr/WARNING:  shop 1: the database refuses 1 of \d+ orders, which stay as they are\nDETAIL:  The first is 70001: .*"kept"/, 'ordersync_reproject says what is refused');
is($cluster->sql("SELECT string_agg(tid || ' ' || trade_from, ',' ORDER BY tid) FROM ordersync.orders WHERE trade_from IS NOT NULL"), '70001 old,70002 bad,73001 bad,74001 bad', 'and writes the rest');

done_testing;
