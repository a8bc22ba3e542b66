# A fresh load, the same again unchanged, and again with five in a hundred changed; beside it the rivals, over the same records.
use strict;
use warnings;
use Bench::Node;
use Bench::Pages;
use Bench::Rivals qw(run_statements insert_ready insert_text copy_ready copy_ready_out);
use Bench::Script qw(make_script);
use Bench::Tables qw(copy_tables keep_rows);

# Small records: what cannot be dropped, and what most sellers look at. The rest is in the shop's option fields_drop.
my %small = map { $_ => 1 } qw(tid status type created modified pay_time end_time consign_time payment post_fee total_fee
	buyer_open_uid receiver_state receiver_city seller_nick step_trade_status step_paid_fee async_modified
	orders.oid orders.status orders.refund_status orders.refund_id orders.consign_time orders.num_iid orders.sku_id orders.title
	orders.price orders.num orders.total_fee orders.divide_order_fee orders.part_mjz_discount orders.is_free_gift orders.invoice_no
	orders.special_refund_type);

my $set_up = sub {
	my ($bench, $size, $options) = @_;
	my $orders = $bench->option('orders');
	my $ours = $bench->world(name => $size, orders => $orders, days => int($orders / 1000) || 1, options => $options);
	$ours->load;
	keep_rows($ours);
	copy_tables($ours, 'limit_tables');
	copy_ready_out($ours);
	my $pages = Bench::Pages->new(ours => $ours, since => $ours->{since}, until => $ours->{until});
	$pages->capture;
	make_script($pages);
	$bench->figures->note(sprintf 'load, %s records: %d orders of %.0f bytes of JSON', $size, $pages->{orders}, $pages->{bytes_an_order});
	return $pages;
};

my $our_round = sub {
	my ($bench, $figure, $ours) = @_;
	my $figures = $bench->figures;
	$ours->empty;
	my $cost = $ours->load;
	my $orders = $ours->count('orders');
	$ours->{memory} = $cost->{memory} if $cost->{memory} > ($ours->{memory} // 0);
	$figures->add($figure, 'ours', $orders, $cost);
	my $rows = $ours->fingerprint;
	$figures->add($figure, 'ours, again, unchanged', $orders, $ours->load);
	$ours->{touched}++ if $ours->fingerprint ne $rows;
	$ours->{gateway}->control('change', shop => 1, orders => int(0.05 * $orders));
	$figures->add($figure, 'ours, again, 5 % changed', $orders, $ours->load);
	return;
};

my $rival_round = sub {
	my ($bench, $figure, $pages, $node) = @_;
	my $ours = $pages->{ours};
	my $add = sub { my ($who, $orders, $cost) = @_; $bench->figures->add($figure, $who, $orders, $cost) };
	my $stored = sub { return $ours->sql("SELECT count(*) FROM $_[0].orders") };
	my $ready = sub { my ($who, $cost) = @_; $add->($who, $stored->('limit_tables'), $cost) };
	$ready->('limit: INSERT of ready rows', insert_ready($ours));
	$ready->('limit, record as text', insert_text($ours));
	$ready->('limit: COPY, text', copy_ready($ours, 'text'));
	$ready->('limit: COPY, binary', copy_ready($ours, 'binary'));
	my $script = run_statements($ours, 'rival', 'CALL rival.store_pages()');
	die "the script stored fewer orders than there are\n" if $stored->('rival') != $pages->{orders};
	$add->('script', $pages->{orders}, $script);
	return unless $node;
	my @windows = $pages->windows;
	# a row at a time takes long: a tenth of the days, two at least
	my $few = int(@windows / 10) > 4 ? int(@windows / 10) : 4;
	for (['node, parsing', 'parse', @windows], ['node, posting', 'post', @windows], ['node, row by row', 'rows', @windows[ 0 .. $few - 1 ]])
	{
		my ($who, $form, @some) = @$_;
		my $cost = Bench::Node::run($pages, $form, @some);
		$add->($who, $stored->('rival'), $cost);
	}
	return;
};

my $ratios = sub {
	my ($bench) = @_;
	my $figures = $bench->figures;
	my $against = sub {
		my ($key, $what, $figure, $who, $target) = @_;
		$figures->ratio($key, $what, $figures->times([ $figure, $who ], [ $figure, 'ours' ]), $target);
	};
	$against->('script.usual', 'fresh load, usual records: script / ours', 'load, usual', 'script', '>= 1.3');
	$against->('script.small', 'fresh load, small records: script / ours', 'load, small', 'script', '>= 1.1');
	$against->('limit.usual', 'fresh load, usual records: limit / ours', 'load, usual', 'limit: INSERT of ready rows', '>= 0.4');
	$against->('limit.small', 'fresh load, small records: limit / ours', 'load, small', 'limit: INSERT of ready rows', undef);
	$against->('limit.text', 'fresh load, usual records: limit with the record as text / ours', 'load, usual', 'limit, record as text', undef);
	$against->('node.parse', 'fresh load, usual records: node, parsing / ours', 'load, usual', 'node, parsing', '>= 2');
	$against->('node.post', 'fresh load, usual records: node, posting / ours', 'load, usual', 'node, posting', '>= 1.3');
	$against->('node.rows', 'fresh load, usual records: node, row by row / ours', 'load, usual', 'node, row by row', '>= 8');
	for my $size (qw(usual small))
	{
		for ([ 'replay', 'again, unchanged', '>= 8' ], [ 'changed', 'again, 5 % changed', '>= 5' ])
		{
			my ($key, $who, $target) = @$_;
			$figures->ratio("$key.$size", "$size records: fresh load / $who", $figures->times([ "load, $size", 'ours' ], [ "load, $size", "ours, $who" ]),
				$size eq 'usual' ? $target : undef);
		}
	}
	return;
};

return {
	place => 1,
	about => 'a fresh load of one shop, again unchanged and 5 % changed; limit, script and Node rivals; usual and small records',
	run => sub {
		my ($bench) = @_;
		my $figures = $bench->figures;
		my $missing = $bench->option('node') ? Bench::Node::missing($bench->server) : 'it was not asked for';
		$figures->note("no Node rival: $missing") if $missing;

		my $usual = $set_up->($bench, 'usual', undef);
		my %names = map { $_ => 1 } grep { $_ ne 'orders' } split /,/, $usual->{trade_fields};
		my $small = $set_up->($bench, 'small', { fields_drop => [ grep { !$small{$_} } sort keys %names ] });
		for my $round (1 .. $bench->option('rounds'))
		{
			for my $pages ($usual, $small)
			{
				my $ours = $pages->{ours};
				$ours->set_workers(1);
				$our_round->($bench, "load, $ours->{database}", $ours);
				$rival_round->($bench, "load, $ours->{database}", $pages, $pages == $usual && !$missing);
			}
		}
		$ratios->($bench);
		my $ours = $usual->{ours};
		$figures->ratio('replay.touched', 'again, unchanged: rounds in which a row was written or locked', ($ours->{touched} // 0) + ($small->{ours}{touched} // 0), '= 0');
		$figures->ratio('memory', 'a worker\'s own memory at full speed, MiB', $ours->{memory}, '<= 64');
	} };
