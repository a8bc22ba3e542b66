# The page of pictures as a browser shows it: at the size of a phone, of a desk and of paper, light and dark, in both
# languages, empty, of one day and of a year, no text lies on another, nothing leaves its picture or the page, all of it can
# be read, nothing is loaded and no script of a title runs. And from a standby, by the command that README prints.
use strict;
use warnings;
use IO::Socket::INET;
use IPC::Run qw(run timeout);
use OrdersyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($browser) = grep { -x } map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } qw(chromium-headless-shell chromium chromium-browser google-chrome);
die "no Chromium: test/packages installs chromium-headless-shell\n" unless $browser;
my $folder = PostgreSQL::Test::Utils::tempdir();
# Whoever connects waits in the line of the socket, and is counted at the end.
my $outside = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp', Blocking => 0) // die "socket: $!";
my $out = 'http://127.0.0.1:' . $outside->sockport;
sub calls { my $n = 0; $n++ while $outside->accept; return $n }

sub chromium
{
	my (@arg) = @_;
	local %ENV = (%ENV, HOME => $folder);
	my ($out, $err);
	run([ $browser, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', "--user-data-dir=$folder/profile", @arg ], '>', \$out, '2>', \$err, timeout(120))
		or die "$browser: $err\n";
	return $out;
}

# --- a world: 90 days of two shops, one without an order, days of every verdict, and titles that try

my $cluster = OrdersyncTest->new(without_gateway => 1, conf => "ordersync.enabled = off\nwal_level = replica\nmax_wal_senders = 4");
my $node = $cluster->node;
$cluster->sql('CREATE DATABASE orders');
sub query { my ($sql) = @_; return $cluster->sql($sql, 'orders') }
query(qq{
	CREATE EXTENSION ordersync;
	SELECT ordersync.set_up();
	INSERT INTO ordersync.gateways (name, base_url, app_key, protocol, sign_method) VALUES ('g', 'https://example.invalid', '1', 'top', 'md5');
	INSERT INTO ordersync.shops (shop_id, seller_nick, seller_nicks, gateway) VALUES
		(1, '测试店铺1', '{a}', 'g'), (2, '<img src="$out/nick" onerror="(top.ran=top.ran||[]).push(1)"/>' || repeat('旗舰店', 40), '{b}', 'g'), (3, '空', '{c}', 'g');
	INSERT INTO ordersync.orders (shop_id, tid, platform, type, status, created, paid_at, paid_amount, post_fee, gmv, platform_state)
	SELECT 1 + i % 2, i, 'taobao', 'fixed', s.status, s.at, s.paid_at, CASE WHEN s.paid_at IS NOT NULL THEN s.amount END, 0, s.amount, 'listed'
	FROM generate_series(1, 2700) i
	CROSS JOIN LATERAL (SELECT ordersync_day(ordersync_today()) - i * interval '48 min' AS at, (array['TRADE_FINISHED', 'WAIT_SELLER_SEND_GOODS', 'TRADE_CLOSED', 'TRADE_CLOSED_BY_TAOBAO', 'WAIT_BUYER_CONFIRM_GOODS', 'WAIT_BUYER_PAY', 'SELLER_CONSIGNED_PART', 'TRADE_BUYER_SIGNED', 'PAY_PENDING', 'NEW'])[1 + i % 10] AS status,
		round((1 + abs(sin(i / 90.0)))::numeric * 987654.32 / (1 + i % 13), 2) AS amount) t
	CROSS JOIN LATERAL (SELECT t.*, CASE WHEN t.status !~ 'UNPAID|TAOBAO|WAIT_BUYER_PAY|PENDING|NEW' THEN t.at END AS paid_at) s;
	INSERT INTO ordersync.sub_orders (shop_id, oid, tid, platform, paid_at, num_iid, title, num, paid_amount, is_gift)
	SELECT o.shop_id, o.tid, o.tid, 'taobao', o.paid_at, 600000000000 + o.tid % 13, (ARRAY['纯棉短袖T恤男士夏季新款圆领宽松半袖', '<script>(top.ran=top.ran||[]).push(2)</script>', '<svg onload="(top.ran=top.ran||[]).push(3)"><image href="$out/svg"/></svg>',
		repeat('<b>长</b>', 100), repeat('unbroken', 60), U&'\\202Eright\\2067left' || repeat(U&' \\0645\\0631\\062D', 30), repeat(U&'Z\\0351\\0352\\0353\\0354\\0355\\0356\\0357', 60), repeat(chr(128512), 200),
		'"><link rel="stylesheet" href="$out/css"/>', '</style><iframe src="$out/frame"></iframe>', '&#60;script&#62;', ']]>-->', ''])[1 + o.tid % 13], 1 + o.tid % 3, o.paid_amount, false
	FROM ordersync.orders o;
	INSERT INTO ordersync.after_sales (shop_id, refund_id, tid, oid, platform, status, refunded_at, refund_fee, refunded_amount, num_iid, title)
	SELECT s.shop_id, s.oid, s.tid, s.oid, 'taobao', 'SUCCESS', s.paid_at + interval '1 day', s.paid_amount / 2, s.paid_amount / 2, s.num_iid, 'x' FROM ordersync.sub_orders s WHERE s.paid_at IS NOT NULL AND s.oid % 17 = 0;
	INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
	SELECT k, x.stream, x.basis, tstzmultirange(tstzrange(ordersync_day(ordersync_today() - x.since), ordersync_day(ordersync_today() - 10)), tstzrange(ordersync_day(ordersync_today() - 9), now() - x.until))
	FROM generate_series(1, 2) k, (VALUES ('orders', 'modified', 25, interval '0'), ('orders', 'arrival', 20, interval '2 days'), ('after_sales', 'modified', 25, interval '1 day'), ('special_refunds', 'modified', 25, interval '1 day'), ('after_sales', 'arrival', 25, interval '1 day')) x (stream, basis, since, until);
	INSERT INTO ordersync.window_counts (shop_id, stream, basis, range, reported, seen, verdict, began_at)
	SELECT k, 'orders', 'modified', tstzrange(ordersync_day(ordersync_today() - 15), ordersync_day(ordersync_today() - 14)), 1, 1, 'unproven', now() FROM generate_series(1, 2) k;
});
is(query(q{SELECT string_agg(DISTINCT verdict, ' ' ORDER BY verdict) FROM ordersync.completeness}), 'counted fresh proven short unproven', 'days of every verdict');

# --- the pages

my %page = (
	month => q{ordersync_report_html('{1,2}', ordersync_today() - 30, ordersync_today())},
	zh => q{ordersync_report_html(NULL, ordersync_today() - 30, ordersync_today(), 'zh')},
	day => q{ordersync_report_html(NULL, ordersync_today() - 1, ordersync_today() - 1)},
	year => q{ordersync_report_html(NULL, ordersync_today() - 365, ordersync_today() - 1, 'zh')},
	empty => q{ordersync_report_html('{1}', '2025-02-01', '2025-02-28')},
	none => qq{ordersync_report_html('{3}', ordersync_today() - 6, ordersync_today() - 1, title => '<script src="$out/title">(top.ran=top.ran||[]).push(4)</script>' || repeat('宽', 200))});
$page{$_} = query("SELECT $page{$_}") for keys %page;
is_deeply([ grep { $page{month} !~ /<g><title>[^<]*<\/title><rect class="$_"/ } qw(proven counted unproven fresh short unread) ], [], 'a calendar with all of them');
cmp_ok(length $page{$_}, '>', 8000, "$_: " . length($page{$_}) . ' bytes') for sort keys %page;
($page{paper} = $page{month}) =~ s/\@media print/\@media all/ or die 'no style for paper';
# That something would be noticed: markup in a page that forbids it, and in one that does not. Behind the second address nobody answers.
sub with_markup { my ($name, $to) = @_; return $page{empty} =~ s{<main>}{<main><script>(top.ran = top.ran || []).push('$name')</script><img src="$to/img"/><link rel="stylesheet" href="$to/css"/><p style="position:absolute;top:78px;left:20px">on another</p>}r }
my $nowhere = do { my $closed = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') // die "socket: $!"; 'http://127.0.0.1:' . $closed->sockport };
$page{forbids} = with_markup('forbids', $out);
$page{allows} = with_markup('allows', $nowhere) =~ s{<meta http-equiv[^>]*>}{}r;

sub quoted { my ($html) = @_; $html =~ s/&/&amp;/g; $html =~ s/"/&quot;/g; return $html }
my @frames = ((map { [ "$_ light 390", 390, 'light', $_ ] } qw(month zh day year empty none)), map { [ "$_ dark 1280", 1280, 'dark', $_ ] } qw(month year none));
push @frames, [ 'month dark 390', 390, 'dark', 'month' ], [ 'zh light 1280', 1280, 'light', 'zh' ], [ 'month light 768', 768, 'light', 'month' ], [ 'zh light 320', 320, 'light', 'zh' ],
	[ 'paper dark 703', 703, 'dark', 'paper' ];
push @frames, map { [ $_, 390, 'light', $_ ] } 'forbids', 'allows';
open my $file, '>', "$folder/pages.html" or die $!;
print $file '<!DOCTYPE html><html><head><meta charset="utf-8"/><script>', slurp_file("$ENV{ORDERSYNC_TEST}/t/lib/measure.js"), '</script></head><body>';
printf $file '<iframe id="%s" style="width:%dpx;height:900px;border:0;color-scheme:%s" srcdoc="%s"></iframe>', @$_[ 0 .. 2 ], quoted($page{ $_->[3] }) for @frames;
print $file '</body></html>';
close $file;
my ($said) = chromium('--dump-dom', '--window-size=1400,1000', "file://$folder/pages.html") =~ /\[\[\n(.*?)\n\]\]/s or die "nothing was measured\n";
my @said = split /\n/, $said;
is_deeply([ grep { /^wrong (?!forbids|allows)/ } @said ], [], 'no text on another, nothing outside its picture or the page, all of it legible, nothing asked for');
is_deeply([ grep { /^ran/ } @said ], ['ran allows'], 'no script ran but where there is no policy');
is(calls(), 0, 'nobody was called, where markup is in a page neither');
cmp_ok(scalar(grep { /^wrong forbids: .*overlaps/ } @said), '>', 0, 'a text on another is noticed');
is_deeply([ sort grep { /^wrong allows: loaded/ } @said ], [ map { "wrong allows: loaded $nowhere/$_" } 'css', 'img' ], 'and what is asked for');
my %seen = map { /^seen (.*): (\d+) texts, (\d+) shapes, ground (.*)/ ? ($1 => [ $2, $3, $4 ]) : () } @said;
is(scalar keys %seen, 2 * @frames, 'every page was seen, with its tables closed and open');
cmp_ok($seen{"$_ opened"}[0], '>', $seen{$_}[0], "$_: the tables have more texts") for 'month light 390', 'year dark 1280';
cmp_ok($seen{'month light 390'}[$_], '>', [ 150, 120 ]->[$_], [ 'texts', 'shapes' ]->[$_] . ' were measured') for 0, 1;
is(join(' ', map { $seen{"month $_"}[2] } 'light 390', 'dark 390'), 'rgb(244, 245, 247) rgb(15, 19, 23)', 'light and dark');
is($seen{'paper dark 703'}[2], 'rgb(255, 255, 255)', 'paper is white for who likes it dark, too');

# --- paper

open $file, '>', "$folder/month.html" or die $!;
print $file $page{month};
close $file;
chromium('--no-pdf-header-footer', "--print-to-pdf=$folder/month.pdf", "file://$folder/month.html");
my $pages = () = slurp_file("$folder/month.pdf") =~ m{/Type\s*/Page\b}g;
ok($pages >= 2 && $pages <= 5, "printed on $pages pages");

# --- from a standby, as README says

my ($command) = slurp_file("$ENV{ORDERSYNC_TEST}/../README.md") =~ /^(psql -Atc "SELECT ordersync_report_html.*)$/m or die 'README has no command';
$node->backup('report');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'report', has_streaming => 1);
$standby->start;
{
	local %ENV = (%ENV, PGHOST => $standby->host, PGPORT => $standby->port, PATH => $node->config_data('--bindir') . ":$ENV{PATH}");
	ok(run([ 'sh', '-c', "cd '$folder' && $command" ]), 'the command of README, on a standby');
}
my $whole = slurp_file("$folder/report.html");
like($whole, qr/\A<!DOCTYPE html>\n.*<\/html>\n\z/s, 'writes a page');
my ($figures) = $whole =~ m{(<dl.*</dl>)}s;
is($figures, query('SELECT (regexp_match(ordersync_report_html(), $r$<dl.*</dl>$r$))[1]'), 'of the same figures');
$standby->stop('immediate');

done_testing();
