# Consumers of the change feed that are killed at any point, started again, run twice, asleep, of one shop, of one kind, made in
# the middle: while orders change, beside full runs and fetches of single orders, with transactions that commit later than
# others that wrote after them. None misses a change, each sees an order's states in their order, and none is given to two
# (test/clients/feed_judge.py says it exactly). What consumers have is what they wrote down outside of the database.
#
# FEED_SEED=n chooses what is drawn, FEED_SEEDS=n how many are tried, FEED_ROUNDS how long each is. FEED_SPOILT=name plants that
# fault (see %spoilt), FEED_SPOILT=all one after the other: each must be noticed.
use strict;
use warnings;
use JSON::PP qw(decode_json encode_json);
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $first = $ENV{FEED_SEED} // time % 100_000;
my $seeds = $ENV{FEED_SEEDS} // 1;
my $rounds = $ENV{FEED_ROUNDS} // 3;

# By name: a function, a piece of it, what stands in its place.
my %spoilt = (
	'reads by number' => [ 'begin_portion(text)', 'WHERE pg_catalog.pg_visible_in_snapshot(f.changed_in, s.now)',
		'WHERE pg_catalog.pg_visible_in_snapshot(f.changed_in, s.now) AND f.entry_id > (SELECT coalesce(c.portion_end, 0) FROM ordersync.change_consumers c WHERE c.consumer = p_consumer)' ],
	'reads by transaction' => [ 'entries_behind(pg_snapshot)', 'WHERE f.changed_in = ANY (ARRAY(SELECT pg_catalog.pg_snapshot_xip(p_known)))', 'WHERE false' ],
	'waits for the oldest transaction' => [ 'begin_portion(text)', 'pg_catalog.pg_visible_in_snapshot(f.changed_in, s.now)', 'f.changed_in < pg_catalog.pg_snapshot_xmin(s.now)' ],
	'newest first' => [ 'portion_entries(bigint, bigint, pg_snapshot, pg_snapshot)', 'ORDER BY f.entry_id', 'ORDER BY f.entry_id DESC' ],
	'acknowledged when it is read' => [ 'pick_changes(text, integer, bigint[])', "unnest(w.entries));\n\t\t\tRETURN;", "unnest(w.entries));\n\t\t\tPERFORM ordersync.acknowledge(p_consumer, w.positions[w.n_picked]);\n\t\t\tRETURN;" ],
	'one too many is acknowledged' => [ 'acknowledge(text, bigint)', 'place_in_portion(p_consumer, n)', 'place_in_portion(p_consumer, n + 1)' ],
	'an entry begins again' => [ 'acknowledge(text, bigint)', 'done_items = c.done_items', 'done_items = 0' ],
	'two sessions have the same' => [ 'session_is_alive(text)', undef, 'CREATE OR REPLACE FUNCTION ordersync.session_is_alive(session text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$' ],
	'the newest in place of each' => [ 'announce_records(text, bigint, bigint[])', 'VALUES (p_shop, p_kind, p_ids, v_messages)', 'VALUES (p_shop, p_kind, p_ids, NULL)' ],
	'after-sales are not announced' => [ 'announce_records(text, bigint, bigint[])', '= 0 THEN', q{= 0 OR p_kind = 'after_sale' THEN} ],
	'nobody is notified' => [ 'announce_records(text, bigint, bigint[])', 'IF v_all_compact IS NOT NULL THEN', 'IF false THEN' ],
	'changes begin where the stored ends' => [ 'pick_stored(text, integer, bigint[])', 'BEGIN', 'BEGIN UPDATE ordersync.change_consumers SET acknowledged = pg_catalog.pg_current_snapshot() WHERE consumer = p_consumer;' ],
);

if (my $wanted = $ENV{FEED_SPOILT})
{
	for my $name ($wanted eq 'all' ? sort keys %spoilt : $wanted)
	{
		my $noticed = '';
		for my $seed ($first .. $first + 3)
		{
			last if $noticed = try($seed, $name);
		}
		isnt($noticed, '', "noticed: $name");
		note(substr($noticed, 0, 300));
	}
	done_testing;
	exit;
}

try($_) for $first .. $first + $seeds - 1;
done_testing;

sub try
{
	my ($seed, $fault) = @_;
	note("FEED_SEED=$seed");
	srand($seed);
	my $feed = FeedWorld->new($seed);
	if ($fault)
	{
		# one that cannot be planted has been noticed by nobody: it ends the test
		$feed->spoil(@{ $spoilt{$fault} });
		my $judged = eval { $feed->live; $feed->judged } // $@;
		$feed->close;
		return $judged;
	}
	# that all of them can be planted is seen here, where the feed is changed, and not by the long test alone
	is(join("\n", map { $feed->unlike(@{ $spoilt{$_} }) } sort keys %spoilt), '', "seed $seed: the faults' pieces are there") if $seed == $first;
	$feed->live;
	is($feed->judged, '', "seed $seed: nothing is missed, nothing goes back, nothing is given to two");
	is($feed->stored_elsewhere, '', "seed $seed: and what was stored is what the platform says");
	cmp_ok($feed->late, '>=', 3, "seed $seed: changes were told that committed later than others which were written after them");
	$feed->close;
	return;
}

# --- a world with its consumers ---

package FeedWorld;

use strict;
use warnings;
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use PostgreSQL::Test::Utils;
use parent -norequire, 'OrdersyncTest';

# What is drawn: a shop, one of these, yes in so many of a hundred.
sub one_of { return $_[ int rand @_ ] }
sub in_hundred { return rand(100) < $_[0] }

sub new
{
	my ($class, $seed) = @_;
	my $self = OrdersyncTest::new($class, gateway => [ '--seed' => $seed, '--shops' => 2, '--orders-per-shop' => 40, '--days' => 2, '--burst' => 0 ],
		conf => "ordersync.workers = 2\nmax_prepared_transactions = 2\nordersync.retry_base = '10ms'\nordersync.retry_cap = '50ms'");
	$self->{seed} = $seed;
	$self->{dir} = PostgreSQL::Test::Utils::tempdir();
	$self->add_shops(1, 2);
	$self->advance(300, quiet => 1);	# what is there is older than ordersync.lag
	$self->sql(q{
		CREATE SCHEMA feed_test;
		GRANT ALL ON SCHEMA feed_test TO PUBLIC;
		-- each version of a record that was stored; one record's rows are written in the order of its versions
		CREATE TABLE feed_test.states (n bigint GENERATED ALWAYS AS IDENTITY, xid xid8 DEFAULT pg_current_xact_id(), kind text,
			shop_id bigint, id bigint, status text, modified timestamptz, is_new boolean);
		GRANT ALL ON feed_test.states TO PUBLIC;
		CREATE FUNCTION feed_test.note_order() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO feed_test.states (kind, shop_id, id, status, modified, is_new)
			VALUES ('order', NEW.shop_id, NEW.tid, NEW.status, NEW.modified, TG_OP = 'INSERT' OR (OLD.status, OLD.modified) IS DISTINCT FROM (NEW.status, NEW.modified));
			RETURN NULL;
		END $$;
		CREATE FUNCTION feed_test.note_after_sale() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO feed_test.states (kind, shop_id, id, status, modified, is_new)
			VALUES ('after_sale', NEW.shop_id, NEW.refund_id, NEW.status, NEW.modified, TG_OP = 'INSERT' OR (OLD.status, OLD.modified) IS DISTINCT FROM (NEW.status, NEW.modified));
			RETURN NULL;
		END $$;
		CREATE TRIGGER note AFTER INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION feed_test.note_order();
		CREATE TRIGGER note AFTER INSERT OR UPDATE ON ordersync.after_sales FOR EACH ROW EXECUTE FUNCTION feed_test.note_after_sale();
		-- who has written to the feed waits here: for the one who has closed its shop's gate, and by chance for nobody
		CREATE FUNCTION feed_test.gate() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_advisory_xact_lock_shared(70, NEW.shop_id::integer);
			PERFORM pg_sleep(random() * 0.01) WHERE random() < 0.3;
			RETURN NULL;
		END $$;
		CREATE TRIGGER gate AFTER INSERT ON ordersync.change_feed FOR EACH ROW EXECUTE FUNCTION feed_test.gate();
		CREATE TABLE feed_test.elsewhere (a integer);
		-- a record of the platform as a worker stores it
		CREATE FUNCTION feed_test.store(p_shop bigint, p_record text) RETURNS void LANGUAGE sql AS $$
			SELECT ordersync.apply_orders(p_shop, 'increment', 1, 1, ARRAY[(r ->> 'tid')::bigint], ARRAY[ordersync.read_time(r ->> 'modified')],
				ARRAY[substr(sha256(convert_to(p_record, 'UTF8')), 1, 16)], ARRAY[p_record])
			FROM (SELECT p_record::jsonb AS r) AS r
		$$;
	});
	return $self;
}

sub definition { my ($self, $function) = @_; return $self->sql("SELECT pg_get_functiondef(to_regprocedure('ordersync.$function'))") }

# What is wrong with a fault: nothing where it can be planted.
sub unlike
{
	my ($self, $function, $old) = @_;
	my $definition = $self->definition($function);
	return "there is no function $function" if $definition eq '';
	return defined $old && index($definition, $old) < 0 ? "there is no such piece in $function: $old" : ();
}

sub spoil
{
	my ($self, $function, $old, $new) = @_;
	my ($why) = $self->unlike($function, $old);
	die "$why\n" if $why;
	return $self->sql(defined $old ? $self->definition($function) =~ s/\Q$old\E/$new/r : $new);
}

sub live
{
	my ($self) = @_;
	$self->begin;
	$self->round($_) for 1 .. $rounds;
	$self->end;
	return;
}

# --- consumers ---

# Made at this moment: of one that is told each change, what had been stored before and behind that for certain, and the first
# transaction that may have begun later.
sub add_consumer
{
	my ($self, $name, $options, %arg) = @_;
	my $each = exists $options->{compact} && !$options->{compact};
	my $stored = sub { return $each ? decode_json($self->sql("SELECT coalesce(json_agg(n), '[]') FROM feed_test.states")) : [] };
	my $before = $stored->();
	$self->sql("SELECT ordersync_changes_create('$name', '" . encode_json($options) . "')");
	my $behind = $stored->();
	$self->{consumers}{$name} = { journal => "$self->{dir}/$name", compact => $each ? JSON::PP::false : JSON::PP::true,
		kinds => $options->{kinds} // [qw(order after_sale)], shops => $options->{shops} // [ 1, 2 ], before => $before, behind => $behind,
		since => $each ? 0 + $self->sql('SELECT pg_snapshot_xmax(pg_current_snapshot())') : 0, %{ $arg{judged} // {} } };
	append_to_file("$self->{dir}/$name", '');
	return;
}

sub start
{
	my ($self, $name, $style, %arg) = @_;
	my ($test, $batch) = ($$, one_of(3, 10, 50));
	$self->{started}++;
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		open STDERR, '>>', "$self->{dir}/errors";
		exec('/usr/bin/python3', "$ENV{ORDERSYNC_TEST}/clients/feed_consumer.py", $self->node->connstr('postgres'), $name, "$self->{dir}/$name",
			$self->{seed} + $self->{started}, $style, encode_json({ batch => $batch, deaths => 12, stop => "$self->{dir}/stop", test => $test, %arg }))
			or POSIX::_exit(127);
	}
	$self->{pids}{$pid} = 1;
	return $pid;
}

sub wait_for_end
{
	my ($self, @pids) = @_;
	for my $pid (@pids)
	{
		$self->wait_until('a consumer to end', sub { waitpid($pid, POSIX::WNOHANG()) == $pid });
		delete $self->{pids}{$pid};
		main::is($?, 0, 'a consumer has ended well') if $?;
	}
	return;
}

# Consumers that have been told all that is stored and committed by now.
sub caught_up
{
	my ($self, @names) = @_;
	my @last = split /\n/, $self->sql(q{SELECT DISTINCT ON (kind, shop_id) format('%s %s %s %s %s', kind, shop_id, id, status,
		to_char(timezone('Asia/Shanghai', modified), 'YYYY-MM-DD"T"HH24:MI:SS')) FROM feed_test.states WHERE is_new ORDER BY kind, shop_id, n DESC});
	for my $name (@names)
	{
		my $c = $self->{consumers}{$name};
		my @wanted = grep { my ($kind, $shop) = split / /; (grep { $_ eq $kind } @{ $c->{kinds} }) && (grep { $_ == $shop } @{ $c->{shops} }) } @last;
		$self->wait_until("consumer $name to be told of @wanted", sub {
			my $journal = slurp_file($c->{journal});
			return !grep { index($journal, qq("$_")) < 0 } @wanted;
		});
	}
	return;
}

# --- what happens ---

sub begin
{
	my ($self) = @_;
	$self->add_consumer('newest', {});
	$self->add_consumer('each', { compact => JSON::PP::false });
	$self->add_consumer('pair', { compact => JSON::PP::false });
	$self->add_consumer('listening', { start => 'now' }, judged => { listens => JSON::PP::true });
	$self->add_consumer('asleep', { start => 'now' }, judged => { once => JSON::PP::true });
	$self->add_consumer('dozing', {});
	$self->add_consumer('second_shop', { shops => [2] });
	$self->add_consumer('after_sales', { kinds => ['after_sale'], compact => JSON::PP::false });
	$self->sql('BEGIN; INSERT INTO feed_test.elsewhere VALUES (1); PREPARE TRANSACTION $$for ever$$' =~ s/\$\$/'/gr);
	$self->start(newest => 'auto');
	$self->start(each => 'mixed');
	$self->start(listening => 'auto', deaths => 0, patience => 3);
	$self->start(pair => 'auto');
	$self->start(pair => 'block');
	$self->start(second_shop => 'block');
	$self->start(after_sales => 'mixed');
	my @runs = map { $self->trigger('full', $_) } 1, 2;
	$self->finished(@runs);
	return;
}

sub finished { my ($self, @runs) = @_; $self->finish($_) eq 'succeeded' or die "run $_ has not succeeded\n" for @runs; return }
sub open_session { my ($self) = @_; return $self->node->background_psql('postgres') }

# Orders of the shop that the platform has changed and that are not read yet, as the list serves them.
sub unread
{
	my ($self, $shop, $most) = @_;
	my %behind = map { $_ => 1 } $self->behind($shop, 'trades');
	my @records = grep { /"tid":(\d+)/ && $behind{$1} } split /\n/, $self->control('truth', shop => $shop, object => 'trades', api => 'increment');
	return @records[ 0 .. ($#records < $most - 1 ? $#records : $most - 1) ];
}

sub store_in
{
	my ($self, $session, $shop, @records) = @_;
	$session->query_safe("SELECT feed_test.store($shop, " . quoted($_) . ')') for @records;
	return;
}
sub quoted { my ($text) = @_; return q{$record$} . $text . q{$record$} }

sub round
{
	my ($self, $n) = @_;
	my $shop = one_of(1, 2);		# the one whose commits come late
	my $other = 3 - $shop;
	$self->control('change', orders => one_of(3, 8, 15));
	my @waiting = ('newest', 'each', 'pair', ($other == 2 ? 'second_shop' : ()));

	# an older transaction that has written, nothing of the feed
	my $older = in_hundred(50) ? $self->open_session : undef;
	$older->query_safe('BEGIN; INSERT INTO feed_test.elsewhere VALUES (2)') if $older;

	my $how = one_of(qw(gate sql sql));
	$how = 'gate' if $n == 1;
	$how = 'sql' if $n == 2;
	my $late = $self->open_session;
	if ($how eq 'gate')
	{
		$late->query_safe("SELECT pg_advisory_lock(70, $shop)");
		my $run = $self->trigger('incremental', $shop);
		$self->wait_until('a page to wait behind its entry', sub {
			$self->sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 70 AND NOT granted}) > 0 });
		$self->more_consumers if $n == 1;
		$self->finished($self->trigger('incremental', $other));
		$self->caught_up(@waiting);
		$late->query_safe("SELECT pg_advisory_unlock(70, $shop)");
		$self->finished($run);
	}
	else
	{
		my @records = $self->unread($shop, 4);
		$late->query_safe('BEGIN');
		$self->store_in($late, $shop, $records[0]) if @records > 2;
		if (in_hundred(50))
		{
			# a part of it is undone
			$late->query_safe('SAVEPOINT s');
			$self->store_in($late, $shop, $records[1]) if @records > 3;
			$late->query_safe('ROLLBACK TO s');
		}
		$late->query_safe('SAVEPOINT t');
		$self->store_in($late, $shop, $_) for @records[ 1 .. $#records ];
		$self->more_consumers if $n == 2;
		$self->finished($self->trigger('incremental', $other));
		$self->caught_up(@waiting);
		my $undone = $n > 2 && in_hundred(30);
		$late->query_safe($undone ? 'ROLLBACK' : 'COMMIT');
		$self->caught_up('newest', 'each', 'pair') if @records && !$undone;
		my ($tid) = @records ? $records[0] =~ /"tid":(\d+)/ : ();
		$self->finished($self->sql("SELECT ordersync_trigger_order($shop, $tid)")) if $tid && in_hundred(50);
	}
	$late->quit;
	my @runs = ($self->trigger('incremental', $shop), in_hundred(30) ? $self->trigger('full', $other) : ());
	$self->wait_for_end($self->start(dozing => 'mixed', after => JSON::PP::true)) if in_hundred(50);
	$self->finished(@runs);
	if ($older)
	{
		$self->caught_up('newest', 'each', 'pair', 'second_shop', 'after_sales');
		$older->query_safe(in_hundred(50) ? 'COMMIT' : 'ROLLBACK');
		$older->quit;
	}
	return;
}

# While a transaction is open that has written.
sub more_consumers
{
	my ($self) = @_;
	my $n = ++$self->{made};
	$self->add_consumer("later_$n", {});
	$self->add_consumer("later_each_$n", { compact => JSON::PP::false });
	$self->start("later_$n" => 'mixed');
	$self->start("later_each_$n" => 'auto');
	return;
}

# The last changes are read, and consumers too, to the end.
sub end
{
	my ($self) = @_;
	$self->finished(map { $self->trigger('incremental', $_) } 1, 2);
	append_to_file("$self->{dir}/stop", '');
	$self->start(dozing => 'auto');
	$self->start(asleep => 'auto');
	$self->wait_for_end(keys %{ $self->{pids} });
	# who comes when all is over
	$self->add_consumer('at_the_end', {});
	$self->wait_for_end($self->start(at_the_end => 'auto', deaths => 0));
	$self->sql("ROLLBACK PREPARED 'for ever'");
	return;
}

# --- the judge ---

# What the platform says of records, a file for each shop and kind; the judge reads them.
sub platform
{
	my ($self, $what, @arg) = @_;
	my @said;
	for my $shop (1, 2)
	{
		for my $object (qw(trades refunds special))
		{
			my $file = "$self->{dir}/$what.$object.$shop";
			append_to_file($file, $self->control('truth', shop => $shop, object => $object, api => 'list', @arg));
			push @said, [ $object eq 'trades' ? 'order' : 'after_sale', $shop, $file ];
		}
	}
	return \@said;
}

sub judged
{
	my ($self) = @_;
	my $world = { consumers => $self->{consumers}, truth => $self->platform('truth'), versions => $self->platform(versions => (versions => 1)) };
	my $stated = decode_json($self->sql(q{SELECT coalesce(json_agg(json_build_array(n, xid::text::bigint, kind, shop_id, id, status,
		to_char(timezone('Asia/Shanghai', modified), 'YYYY-MM-DD HH24:MI:SS'), is_new) ORDER BY n), '[]') FROM feed_test.states}));
	my $file = "$self->{dir}/world.json";
	$world->{states} = $stated;
	append_to_file($file, encode_json($world));
	my ($out, $err) = ('', '');
	IPC::Run::run([ '/usr/bin/python3', "$ENV{ORDERSYNC_TEST}/clients/feed_judge.py", $file ], '>', \$out, '2>', \$err);
	main::note($1) while $out =~ s/^(measured: .*)\n//m and $self->{measured} = $1;
	return $out . $err . (-s "$self->{dir}/errors" ? slurp_file("$self->{dir}/errors") : '');
}

sub late { my ($self) = @_; return ($self->{measured} // '') =~ /(\d+) late commits/ ? $1 : 0 }

sub stored_elsewhere
{
	my ($self) = @_;
	return join ', ', map { my $shop = $_; map { "$shop $_" } $self->behind($shop, 'trades'), $self->behind($shop, 'refunds') } 1, 2;
}

sub close { my ($self) = @_; $self->node->stop; return }
