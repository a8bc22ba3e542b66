# The change feed: what it adds to storing pages, how fast one consumer reads, and how far it is behind while a full run writes.
use strict;
use warnings;
use Bench::Reader;

# The statement that announces a batch, as the extension has it, and one that does nothing.
my $announcing = sub {
	my ($ours) = @_;
	my $there = $ours->sql("SELECT pg_get_functiondef('ordersync.announce_records(text, bigint, bigint[])'::regprocedure)");
	my ($head) = $there =~ /^(.*?) LANGUAGE/s;
	$head =~ s/\n RETURNS.*//s;
	return { with => $there, without => "$head RETURNS void LANGUAGE plpgsql AS 'BEGIN END'" };
};

# An outbox as somebody writes it by hand: a trigger for each row.
my $outbox = q{
	CREATE SCHEMA IF NOT EXISTS bench;
	CREATE TABLE IF NOT EXISTS bench.outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, shop_id bigint, tid bigint,
		written_at timestamptz DEFAULT clock_timestamp(), payload jsonb);
	TRUNCATE bench.outbox;
	CREATE OR REPLACE FUNCTION bench.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		INSERT INTO bench.outbox (kind, shop_id, tid, payload) VALUES ('order', NEW.shop_id, NEW.tid, to_jsonb(NEW));
		RETURN NULL;
	END $$;
	CREATE TRIGGER note AFTER INSERT OR UPDATE ON ordersync.orders FOR EACH ROW EXECUTE FUNCTION bench.note()};

# What a contender has before its rounds, by name; the first is what the others are compared with.
my @contenders = (
	[ 'without the feed', sub { } ],
	[ 'no consumer', sub { } ],
	[ 'consumer, not reading', sub { $_[0]->sql(q{SELECT ordersync_changes_create('bench', '{"start": "now"}')}) } ],
	[ 'consumer, reading', sub { $_[0]->sql(q{SELECT ordersync_changes_create('bench', '{"start": "now"}')}) } ],
	[ 'consumer of each change, not reading', sub { $_[0]->sql(q{SELECT ordersync_changes_create('bench', '{"compact": false}')}) } ],
	[ 'without the feed, an outbox by trigger', sub { $_[0]->sql($outbox) } ]);

my $clear = sub {
	my ($ours) = @_;
	$ours->sql('SELECT ordersync_changes_drop(consumer) FROM ordersync.consumers');
	$ours->sql('DROP TRIGGER IF EXISTS note ON ordersync.orders');
	return;
};

# Fresh, unchanged, 5 % changed: as in the scenario load.
my $round = sub {
	my ($bench, $ours, $function, $who, $prepare) = @_;
	$clear->($ours);
	$ours->sql($who =~ /^without/ ? $function->{without} : $function->{with});
	$ours->empty;
	$prepare->($ours);
	my $reader = $who eq 'consumer, reading' ? Bench::Reader->new(ours => $ours, consumer => 'bench', batch => 500) : undef;
	my $orders;
	for my $figure ('fresh', 'unchanged', '5 % changed')
	{
		$ours->{gateway}->control('change', shop => 1, orders => int(0.05 * $orders)) if $figure eq '5 % changed';
		my ($cost, $said) = $reader ? $reader->read_while(sub { $ours->load }) : $ours->load;
		$orders //= $ours->count('orders');
		$bench->figures->add("feed, $figure", $who, $orders, $cost);
		push @{ $ours->{said} }, $said if $said && $figure eq 'fresh';
	}
	$reader->end if $reader;
	$clear->($ours);
	return;
};

my @batches = (100, 500, 2000);

# One consumer for each size of a batch reads what was stored before it, and what was written since; the rival an outbox.
my $read = sub {
	my ($bench, $ours, $function) = @_;
	my $figures = $bench->figures;
	$clear->($ours);
	$ours->sql($function->{with});
	$ours->empty;
	$ours->sql(qq{SELECT ordersync_changes_create('batches of $_', '{"start": "now"}')}) for @batches;
	$ours->load;
	for my $batch (@batches)
	{
		my $add = sub {
			my ($figure, $reader) = @_;
			my $cost = $reader->read_all;
			$figures->add($figure, $reader->{outbox} ? "outbox, batches of $batch" : "batches of $batch", $cost->{messages}, $cost);
			$reader->end;
			return;
		};
		$add->('read, changes', Bench::Reader->new(ours => $ours, consumer => "batches of $batch", batch => $batch));
		$ours->sql("SELECT ordersync_changes_create('stored, $batch')");
		$add->('read, stored', Bench::Reader->new(ours => $ours, consumer => "stored, $batch", batch => $batch));
		$ours->sql("$outbox; DROP TRIGGER note ON ordersync.orders;
			INSERT INTO bench.outbox (kind, shop_id, tid, payload) SELECT 'order', shop_id, tid, message FROM ordersync.order_messages; ANALYZE bench.outbox");
		$add->('read, changes', Bench::Reader->new(ours => $ours, consumer => 'none', batch => $batch, outbox => 1));
	}
	$clear->($ours);
	return;
};

# Messages a second by the clock, of the rounds.
my $rate = sub {
	my ($figures, $figure, $who) = @_;
	return Bench::Figures::median(map { $_->{messages} / $_->{seconds} } @{ $figures->{figures}{$figure}{$who} // [] });
};

return {
	place => 10,
	about => 'the change feed: its cost for those who store, what a consumer reads a second, and its lag beside a full run',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $orders = $bench->option('orders');
		$figures->count_in($_, 'message') for 'read, changes', 'read, stored';
		my $ours = $bench->world(name => 'feed', orders => $orders, days => int($orders / 1000) || 1);
		my $function = $announcing->($ours);
		$ours->load;
		for (1 .. $bench->option('rounds'))
		{
			$round->($bench, $ours, $function, @$_) for @contenders;
			$read->($bench, $ours, $function);
		}

		for (['fresh', 1], ['unchanged', 0], ['5 % changed', 0])
		{
			my ($figure, $target) = @$_;
			for ([ 'none', 'no consumer', '<= 5' ], [ 'idle', 'consumer, not reading', '<= 10' ], [ 'reading', 'consumer, reading', '<= 10' ],
				[ 'each', 'consumer of each change, not reading', undef ], [ 'outbox', 'without the feed, an outbox by trigger', undef ])
			{
				my ($key, $who, $most) = @$_;
				my $times = $figures->times([ "feed, $figure", $who ], [ "feed, $figure", 'without the feed' ]);
				$figures->ratio("feed.$key." . $figure =~ s/\W+//gr, "the feed's cost, $figure, $who, %", defined $times ? 100 * ($times - 1) : undef, $most);
			}
		}
		for my $of ([ 'changes', '>= 10000' ], [ 'stored', undef ])
		{
			my ($kind, $least) = @$of;
			$figures->ratio("feed.rate.$kind.$_", "messages a second by the clock, $kind, batches of $_", $rate->($figures, "read, $kind", "batches of $_"), $_ == 500 ? $least : undef) for @batches;
		}
		$figures->ratio("feed.rate.outbox.$_", "messages a second by the clock, outbox, batches of $_", $rate->($figures, 'read, changes', "outbox, batches of $_"), undef) for @batches;
		for ([ 'median', undef ], [ 'p99', undef ], [ 'highest', '<= 1' ])
		{
			my ($what, $most) = @$_;
			$figures->ratio("feed.lag.$what", "lag of a consumer beside a full run, seconds, $what", Bench::Figures::median(map { $_->{$what} } @{ $ours->{said} // [] }), $most);
		}
		my ($said) = @{ $ours->{said} // [] };
		$figures->note(sprintf 'feed: %d messages were read beside a fresh load of %d orders, %.0f bytes each', $said->{messages}, $ours->count('orders'), $said->{bytes} / $said->{messages}) if $said;
		return;
	} };
