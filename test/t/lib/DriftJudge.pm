# The judge of the drift test: Perl's side of drift.sql, which says what is judged and how.

package DriftJudge;

use strict;
use warnings;
use PostgreSQL::Test::Utils;

my $test = $ENV{ORDERSYNC_TEST};
my @objects = qw(trades refunds special);

# In the database of a cluster.
sub new
{
	my ($class, $cluster) = @_;
	$cluster->sql(slurp_file("$test/t/lib/drift.sql"));
	return bless { cluster => $cluster }, $class;
}

sub sql { my ($self, $q) = @_; return $self->{cluster}->sql($q) }

# Runs have ended: what the database has and claims now. moment: of each world its shop_id, kind, began, at, state, is_last.
sub remember
{
	my ($self, $n, @moments) = @_;
	my $rows = join ', ', map { "($_->{shop}, $n, '$_->{kind}', '$_->{began}', '$_->{at}', '$_->{state}', $_->{is_last})" } @moments;
	my $shops = join ',', map { $_->{shop} } @moments;
	$self->sql("INSERT INTO drift.moments VALUES $rows; SELECT drift.remember($n, '{$shops}')");
	return;
}

# What the platforms say at the end, of every version of every record. A file, because there is much of it.
sub hear
{
	my ($self, @worlds) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my %file = map { $_ => "$dir/drift.$_" } qw(versions newest);
	open my $versions, '>', $file{versions} or die "$file{versions}: $!";
	open my $newest, '>', $file{newest} or die "$file{newest}: $!";
	for my $world (@worlds)
	{
		my $shop = $world->shop;
		for my $object (@objects)
		{
			for ($world->lines($object, versions => 1))
			{
				my ($id, $modified, $created, $arrival) = read_line($_);
				print $versions join("\t", $shop, $object, $id, $created // '\N', $modified, $arrival // '\N'), "\n";
			}
			for ($world->lines($object))
			{
				my ($id, $modified) = read_line($_);
				print $newest join("\t", $shop, $object, $id, $modified), "\n";
			}
		}
	}
	close $versions;
	close $newest;
	$self->sql(join '; ', map { "COPY drift.$_ FROM '$file{$_}'" } keys %file);
	return;
}

sub read_line
{
	my ($line) = @_;
	my ($id) = $line =~ /"refund_id":"?(\d+)/ ? $1 : $line =~ /"tid":"?(\d+)/ ? $1 : die "no id in: $line\n";
	my ($modified) = $line =~ /"modified":"([^"]+)"/ or die "no modified in: $line\n";
	my ($created) = $line =~ /"created":"([^"]+)"/;
	my ($arrival) = $line =~ /"async_modified":"([^"]+)"/;
	return ($id, $modified, $created, $arrival);
}

sub work_out { my ($self) = @_; $self->sql('SELECT drift.work_out()'); return }

# Rows of a view for shops from .. to, as text; of one promise. The first of each shop, of a few shops.
sub broken
{
	my ($self, $view, $shops, $promise) = @_;
	return $self->sql("SELECT DISTINCT ON (shop_id) b.* FROM drift.$view AS b WHERE shop_id BETWEEN $shops"
		. ($promise ? " AND promise ~ '$promise'" : '') . ' ORDER BY shop_id, n LIMIT 10');
}

# In how many of these shops a promise of that kind was broken.
sub shops_broken
{
	my ($self, $shops, $promise) = @_;
	return $self->sql("SELECT count(DISTINCT shop_id) FROM (SELECT shop_id, promise FROM drift.broken_ends
		UNION ALL SELECT shop_id, promise FROM drift.broken_claims) AS b WHERE shop_id BETWEEN $shops AND promise ~ '$promise'");
}

# Of these shops: how many records were held against a claim; how many of them saw what a test of this kind must have seen.
sub weights { my ($self, $shops) = @_; return $self->pairs("SELECT promise, sum(records) FROM drift.weights WHERE shop_id BETWEEN $shops GROUP BY 1") }
sub sights { my ($self, $shops) = @_; return $self->pairs("SELECT sight, count(*) FROM drift.sights WHERE shop_id BETWEEN $shops GROUP BY 1") }
sub pairs { my ($self, $q) = @_; return map { split /\|/ } split /\n/, $self->sql($q) }

1;
