# Our data tables once more in another schema, with the same columns, indexes and storage as ordersync.set_up() makes them at
# this moment, for rivals to write; and the rows that a run stored, ready to be inserted.

package Bench::Tables;

use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(@tables copy_tables empty_tables columns_of keep_rows multiply_rows remove_rows);

our @tables = qw(orders sub_orders order_payloads after_sales after_sale_payloads order_changes);

# LIKE takes everything but a table's storage parameters.
sub copy_tables
{
	my ($ours, $schema) = @_;
	$ours->sql("DROP SCHEMA IF EXISTS $schema CASCADE; CREATE SCHEMA $schema");
	for my $table (@tables)
	{
		$ours->sql("CREATE TABLE $schema.$table (LIKE ordersync.$table INCLUDING ALL)");
		my $options = $ours->sql("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'ordersync.$table'::regclass");
		$ours->sql("ALTER TABLE $schema.$table SET ($options)") if $options ne '';
	}
	return;
}

sub empty_tables
{
	my ($ours, $schema) = @_;
	$ours->sql("TRUNCATE " . join(', ', map { "$schema.$_" } @tables));
	$ours->sql('CHECKPOINT');
	return;
}

# The columns that are written, as [name, type]: neither worked out by the table nor an identity.
sub columns_of
{
	my ($ours, $table) = @_;
	return map { [ split /\|/ ] } split /\n/, $ours->sql("SELECT attname, format_type(atttypid, atttypmod)
		FROM pg_attribute
		WHERE attrelid = 'ordersync.$table'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
		ORDER BY attnum");
}

# What is stored now, in tables of schema `ready`, in the order in which it was stored; records once more as text in schema
# `ready_text`. They are kept uncompressed, so that who inserts them has to compress them as any writer has.
sub keep_rows
{
	my ($ours) = @_;
	$ours->sql("DROP SCHEMA IF EXISTS $_ CASCADE; CREATE SCHEMA $_") for qw(ready ready_text);
	for my $table (@tables)
	{
		my $list = join ', ', map { $_->[0] } columns_of($ours, $table);
		# jsonb || '{}' is the same value, built anew and no longer compressed
		(my $jsonb = $list) =~ s/\bpayload\b/payload || '{}' AS payload/;
		(my $text = $list) =~ s/\bpayload\b/payload::text/;
		keep($ours, "ready.$table", $jsonb, $table);
		$ours->sql("ANALYZE ready.$table");
		keep($ours, "ready_text.$table", $text, $table) if $table =~ /payloads/;
	}
	return;
}

sub keep
{
	my ($ours, $kept, $values, $table) = @_;
	$ours->sql("CREATE UNLOGGED TABLE $kept AS SELECT $values FROM ordersync.$table LIMIT 0");
	$ours->sql("ALTER TABLE $kept ALTER COLUMN payload SET STORAGE EXTERNAL") if $table =~ /payloads/;
	$ours->sql("INSERT INTO $kept SELECT $values FROM ordersync.$table ORDER BY ctid");
	return;
}

# Puts the kept rows into our own tables again and again until there are so many orders: with other ids, each copy so many days
# older than the one before.
sub multiply_rows
{
	my ($ours, $orders, $days) = @_;
	my $copies = int(($orders + $ours->sql('SELECT count(*) FROM ready.orders') - 1) / $ours->sql('SELECT count(*) FROM ready.orders'));
	for my $table (@tables)
	{
		my @columns = columns_of($ours, $table);
		my $list = join ', ', map { $_->[0] } @columns;
		my $values = join ', ', map {
			my ($name, $type) = @$_;
			$name =~ /^(?:tid|oid|refund_id|id)$/ ? "$name + k * 1000003" : $type =~ /^timestamp/ ? "$name - make_interval(days => k * $days)" : $name } @columns;
		$ours->sql("INSERT INTO ordersync.$table ($list) SELECT $values FROM ready.$table, (SELECT $_ AS k) AS c ON CONFLICT DO NOTHING")
			for 1 .. $copies;
	}
	$ours->sql('VACUUM ANALYZE ' . join ', ', map { "ordersync.$_" } @tables);
	$ours->sql('CHECKPOINT');
	return;
}

# Takes the kept rows out of our tables again, those that multiply_rows() made stay; nothing was read.
sub remove_rows
{
	my ($ours) = @_;
	my %id = (orders => 'tid', sub_orders => 'oid', order_payloads => 'tid', after_sales => 'refund_id', after_sale_payloads => 'refund_id', order_changes => 'id');
	$ours->empty(@tables);
	$ours->sql("DELETE FROM ordersync.$_ AS o USING ready.$_ AS r WHERE o.shop_id = r.shop_id AND o.$id{$_} = r.$id{$_}") for @tables;
	$ours->sql('VACUUM ' . join ', ', map { "ordersync.$_" } @tables);
	$ours->sql('CHECKPOINT');
	return;
}

1;
