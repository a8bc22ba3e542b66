# What readers ask, timed: the panels of the dashboards, the page of pictures, the report views and what operators look at.
# To be run by test/bench/readers, which has made the database: PGHOST and the like say where, PGDATABASE which.
#
#   reader_times.pl ROLE SHOP|all RUNS [PATTERN]    RUNS of each are counted after one that is not; 0: only the first one, cold
#
# A month is the thirty days until yesterday, a year the 365. One line for each:
# median, least and most in ms, planning and sending included.
use strict;
use warnings;
use utf8;
use Dashboards;
use Encode qw(encode_utf8);
use File::Basename qw(basename);

my ($role, $shop, $runs, $pattern) = @ARGV;
binmode STDOUT, ':utf8';
my $limit = $ENV{LIMIT} // 600;    # seconds for one statement
my $shops = $shop eq 'all' ? '$__all' : $shop;
sub value_of { my ($sql) = @_; my $value = `psql -qAtX -c "$sql"`; die "no value\n" if $?; chomp $value; return $value }
my $end = value_of('SELECT EXTRACT(epoch FROM ordersync_day(ordersync_today()))::bigint');
my $now = time;
my %range = (month => [ $end - 30 * 86400, $end - 0.001 ], year => [ $end - 365 * 86400, $end - 0.001 ], day => [ $now - 86400, $now ]);

# --- what is asked: a name and SQL

my @asked;
for my $file (sort grep { !/zh-CN/ } glob 'dashboards/*.json')
{
	my $dashboard = Dashboards->read($file);
	my $is_sales = $file =~ /sales/;
	for my $query ($dashboard->queries)
	{
		for my $span ($is_sales ? qw(month year) : 'day')
		{
			my ($from, $to) = @{ $range{$span} };
			$from = $to - Dashboards::seconds($query->{panel}{timeFrom}) if $query->{panel} && $query->{panel}{timeFrom};
			push @asked, [ "$span: " . ($query->{name} =~ s/^panel \d+, //r), $dashboard->expand($query->{sql}, from => $from, to => $to, shop => [$shops], interval => $span eq 'day' ? '5m' : '1d') ];
		}
	}
}
my $ids = $shop eq 'all' ? 'NULL' : "'{$shop}'";
my $and = $shop eq 'all' ? '' : "AND shop_id = $shop";
for my $span ([ month => 30 ], [ '3 months' => 92 ], [ year => 365 ])
{
	push @asked, [ "$span->[0]: ordersync_report_html", "SELECT length(ordersync_report_html($ids, since => ordersync_today() - $span->[1], until => ordersync_today() - 1))" ];
}
for my $span ([ month => 30 ], [ year => 365 ])
{
	my $days = "day >= ordersync_today() - $span->[1] AND day < ordersync_today() $and";
	push @asked, [ "$span->[0]: daily_sales by day", "SELECT day, sum(paid_amount), sum(net_sales) FROM ordersync.daily_sales WHERE $days GROUP BY day" ],
		[ "$span->[0]: item_sales by item", "SELECT num_iid, max(title), sum(items), sum(net_sales) FROM ordersync.item_sales WHERE $days GROUP BY num_iid" ],
		[ "$span->[0]: refund_rates by item", "SELECT num_iid, sum(refunded_lines), sum(lines), sum(refunded_amount) FROM ordersync.refund_rates WHERE $days GROUP BY num_iid" ],
		[ "$span->[0]: stage_durations by stage", "SELECT stage, count(*), avg(hours) FROM ordersync.stage_durations WHERE $days GROUP BY stage" ],
		[ "$span->[0]: completeness by verdict", "SELECT verdict, count(*) FROM ordersync.completeness WHERE $days GROUP BY verdict" ];
}
my $one_day = 'ordersync_today() - 3';
push @asked, [ 'a day of order_report', "SELECT * FROM ordersync.order_report WHERE created_date = $one_day $and" ],
	[ 'a day of sub_order_report', "SELECT * FROM ordersync.sub_order_report WHERE paid_date = $one_day $and" ],
	[ 'a day of after_sale_report', "SELECT * FROM ordersync.after_sale_report WHERE refunded_date = $one_day $and" ],
	[ 'an order by its number', 'SELECT * FROM ordersync.order_report WHERE tid = (SELECT min(tid) FROM ordersync.orders WHERE created_date = ' . "$one_day " . ($and || 'AND shop_id = 1') . ')' ],
	[ 'metrics', 'SELECT * FROM ordersync.metrics' ],
	[ 'freshness', 'SELECT * FROM ordersync.freshness' ],
	[ 'shop_health', 'SELECT * FROM ordersync.shop_health' ],
	[ 'run_progress, active', q{SELECT * FROM ordersync.run_progress WHERE state IN ('pending', 'running')} ],
	[ 'run_progress', 'SELECT * FROM ordersync.run_progress' ],
	[ 'failed_tasks', 'SELECT * FROM ordersync.failed_tasks' ],
	[ 'consumers', 'SELECT * FROM ordersync.consumers' ];

# --- timed

@asked = grep { $_->[0] =~ /$pattern/ } @asked if defined $pattern;
for my $query (@asked)
{
	my ($name, $sql) = @$query;
	my $script = "SET jit = off;\nSET default_transaction_read_only = on;\nSET statement_timeout = '${limit}s';\n\\o /dev/null\n" . ($runs ? "$sql;\n" : '') . "\\timing on\n" . "$sql;\n" x ($runs || 1);
	open my $psql, '|-', "psql -qAtX -v ON_ERROR_STOP=1 -U '$role' >\"\$TMPDIR/reader_times\" 2>&1" or die "psql: $!\n";
	print $psql encode_utf8($script);
	close $psql;
	open my $out, '<:utf8', "$ENV{TMPDIR}/reader_times" or die "reader_times: $!\n";
	my @lines = <$out>;
	my @ms = sort { $a <=> $b } map { /^Time: ([\d.]+) ms/ ? $1 : () } @lines;
	my ($error) = grep { /ERROR/ } @lines;
	if ($error || !@ms) { printf "%-70s %s\n", $name, $error // 'no time' }
	else { printf "%-70s %9.1f %9.1f %9.1f\n", $name, $ms[ $#ms / 2 ], $ms[0], $ms[-1] }
}
