# The Node rival as a process: npm installs pg and undici into a folder of its own, nothing of which is kept in the project.
# Where node or npm is missing, or npm cannot install, there is no such rival and the table says so.

package Bench::Node;

use strict;
use warnings;
use IPC::Open2 qw(open2);
use JSON::PP ();
use Bench::Rivals;
use Bench::Script qw(columns_for);
use Bench::Tables qw(empty_tables);

# Why there is no Node rival; undef when there is one. Installs at the first call.
my ($asked, $missing);
sub missing
{
	my ($server) = @_;
	return $missing if $asked++;
	my $folder = "$server->{folder}/node";
	mkdir $folder;
	$missing = system('sh', '-c', 'command -v node npm >/dev/null') ? 'node or npm is not installed'
		: system('sh', '-c', qq(cd "$folder" && echo '{"private": true}' >package.json && npm install --no-audit --no-fund pg undici >npm.log 2>&1))
		? 'npm could not install pg and undici' : undef;
	return $missing;
}

# form: parse, post or rows. windows: those of $pages, or fewer of them.
sub run
{
	my ($pages, $form, @windows) = @_;
	my $ours = $pages->{ours};
	my $server = $ours->{server};
	empty_tables($ours, 'rival');
	my $file = "$server->{folder}/node/spec.json";
	open(my $f, '>', $file) or die "$file: $!";
	print $f JSON::PP->new->encode({
		form => $form, connections => 8, windows => \@windows, origin => "http://$ours->{gateway}{address}",
		key => $ours->{gateway}->key, secret => $ours->{gateway}->secret,
		database => { host => $server->{sockets}, port => $server->{port}, user => 'postgres', database => $ours->{database} },
		tables => { map { $_ => [ columns_for($pages, $_) ] } qw(orders sub_orders after_sales order_payloads after_sale_payloads) } });
	close $f;
	my $client = open2(my $out, my $in, 'node', 'test/bench/rivals/node.mjs', "$server->{folder}/node", $file);
	$in->autoflush(1);
	my ($backends) = (readline($out) // '') =~ /^ready (.*)/ or die "the Node program did not start\n";
	my $load = sub {
		my ($line) = @_;
		print $in "$line\n";
		(readline($out) // '') =~ /^done/ or die "the Node program failed\n";
	};
	$load->('warm');
	empty_tables($ours, 'rival');
	my $cost = Bench::Rivals::measure($ours, [ split / /, $backends ], sub { $load->('load') }, $client);
	print $in "end\n";
	waitpid $client, 0;
	return $cost;
}

1;
