# A private PostgreSQL server in a folder of its own, removed at the end. It listens on a socket only. As root it runs as user
# postgres, since the server refuses root.

package Bench::Server;

use strict;
use warnings;
use File::Temp qw(tempdir);
use Bench::Process qw(children_of);
use Bench::Session;

my @started;

# conf: lines of postgresql.conf beside those that every benchmark has.
sub new
{
	my ($class, %arg) = @_;
	chomp(my $bin = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --bindir`);
	my $self = bless { bin => $bin, port => 56700, maker => $$ }, $class;
	$self->{folder} = tempdir('ordersync-bench.XXXXXX', TMPDIR => 1, CLEANUP => 0);
	push @started, $self;
	$self->{sockets} = "$self->{folder}/sockets";
	mkdir $self->{sockets} or die "mkdir: $!";
	if ($> == 0)
	{
		my ($uid, $gid) = (getpwnam 'postgres')[ 2, 3 ];
		die "user postgres is missing: install the package postgresql-common\n" unless defined $uid;
		chown $uid, $gid, $self->{folder}, $self->{sockets};
	}
	delete @ENV{qw(PGSERVICE PGPASSFILE PGOPTIONS PGDATABASE PGHOSTADDR PGSSLMODE PGPORT PGHOST)};
	$ENV{PGCLIENTENCODING} = 'UTF8';
	$self->as_owner("$bin/initdb", '-D', "$self->{folder}/data", '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C.UTF-8');
	open(my $conf, '>>', "$self->{folder}/data/postgresql.conf") or die "postgresql.conf: $!";
	print $conf map { "$_\n" } "listen_addresses = ''", "unix_socket_directories = '$self->{sockets}'", "port = $self->{port}",
		"shared_preload_libraries = 'ordersync'", 'ordersync.allow_http = on', "ordersync.allowed_hosts = '127.0.0.1'",
		'ordersync.freshness_target = 0', 'ordersync.full_run_target = 0',
		# Nothing that begins by itself may fall into one measurement and not into the next.
		'autovacuum = off', 'checkpoint_timeout = 1h', 'max_wal_size = 16GB', 'shared_buffers = 512MB', 'jit = off',
		'synchronous_commit = off', 'track_commit_timestamp = on', 'max_connections = 50', @{ $arg{conf} // [] };
	close $conf;
	$self->as_owner("$bin/pg_ctl", '-D', "$self->{folder}/data", '-l', "$self->{folder}/server.log", '-w', '-t', 60, 'start');
	($self->{postmaster}) = split /\n/, Bench::Process::read_file("$self->{folder}/data/postmaster.pid");
	return $self;
}

# Runs a program as the user who owns the server; what it said is in the error when it fails.
sub as_owner
{
	my ($self, @command) = @_;
	unshift @command, 'runuser', '-u', 'postgres', '--' if $> == 0;
	my $log = "$self->{folder}/command.log";
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		chdir '/';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec @command;
		die "$command[0]: $!";
	}
	waitpid $pid, 0;
	die "failed: @command\n" . Bench::Process::read_file($log) if $?;
	return 1;
}

sub session { my ($self, $database) = @_; return Bench::Session->new($self, $database) }

sub sql
{
	my ($self, $sql, $database) = @_;
	$database //= 'postgres';
	delete $self->{sessions}{$database} if $self->{sessions}{$database} && $self->{sessions}{$database}->ended;
	return ($self->{sessions}{$database} //= $self->session($database))->query($sql);
}

sub create_database { my ($self, $name) = @_; $self->sql("CREATE DATABASE $name"); return }

sub drop_database
{
	my ($self, $name) = @_;
	(delete $self->{sessions}{$name})->close if $self->{sessions}{$name};
	$self->sql("DROP DATABASE $name WITH (FORCE)");
	return;
}

# Settings by reload.
sub configure
{
	my ($self, %setting) = @_;
	$self->sql("ALTER SYSTEM SET $_ = '$setting{$_}'") for sort keys %setting;
	$self->sql('SELECT pg_reload_conf()');
	return;
}

# Everything that the server runs but the postmaster.
sub processes { my ($self) = @_; return children_of($self->{postmaster}) }

# Stops the server and removes its folder.
sub stop
{
	my ($self) = @_;
	return if $self->{maker} != $$ || $self->{stopped}++;
	$_->close for values %{ delete $self->{sessions} // {} };
	eval { $self->as_owner("$self->{bin}/pg_ctl", '-D', "$self->{folder}/data", '-m', 'immediate', '-w', 'stop') } or warn $@
		if -e "$self->{folder}/data/postmaster.pid";
	system 'rm', '-rf', $self->{folder} unless $ENV{KEEP};
	return;
}

# Whatever ends the program, a signal in the middle of a start too. Not when objects are destroyed: at the end they go in no order.
END
{
	my $status = $?;
	$_->stop for @started;
	$? = $status;
}

1;
