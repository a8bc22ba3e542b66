/*
 * The tables of what is closed, and of what was counted.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_coverage()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.coverage (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		ranges tstzmultirange NOT NULL DEFAULT '{}',
		unproven tstzmultirange NOT NULL DEFAULT '{}',
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis)
	) WITH (fillfactor = 70);

	CREATE TABLE IF NOT EXISTS ordersync.window_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		range tstzrange NOT NULL,
		reported bigint,
		seen bigint,
		quarantined bigint NOT NULL DEFAULT 0,
		outside bigint NOT NULL DEFAULT 0,
		passes integer,
		verdict text NOT NULL,
		run_id bigint,
		task_id bigint,
		began_at timestamptz,
		closed_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.verified_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		range tstzrange NOT NULL,
		reported bigint NOT NULL,
		stored bigint NOT NULL,
		run_id bigint,
		task_id bigint,
		checked_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.type_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		range tstzrange NOT NULL,
		any_type bigint NOT NULL,
		listed bigint NOT NULL,
		found text[] NOT NULL DEFAULT '{}',
		run_id bigint,
		task_id bigint,
		checked_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.lost_ranges (
		shop_id bigint PRIMARY KEY,
		ranges tstzmultirange NOT NULL
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('coverage', NULL, 'closed ranges: every record in these ranges was seen, as far as the platform''s lists can show it'),
		('coverage', 'shop_id', 'the shop'),
		('coverage', 'stream', 'orders, after_sales or special_refunds'),
		('coverage', 'basis', 'the time that the ranges are about: modified, created or arrival; after_sales by arrival: what was covered when lines and after-sales were last found to agree'),
		('coverage', 'ranges', 'the closed ranges'),
		('coverage', 'unproven', 'of these, what was read to the end of a list that proves nothing: it has no total, or listed records from outside the range that was asked for'),
		('coverage', 'updated_at', 'when they grew last'),

		('window_counts', NULL, 'what the platform counted and what was seen, by window; a newer reading replaces the older'),
		('window_counts', 'shop_id', 'the shop'),
		('window_counts', 'stream', 'orders, after_sales or special_refunds'),
		('window_counts', 'basis', 'the time that the range is about'),
		('window_counts', 'range', 'the window as it was read'),
		('window_counts', 'reported', 'records as the platform counts; NULL: the list has no total'),
		('window_counts', 'seen', 'distinct records seen, quarantined ones included'),
		('window_counts', 'quarantined', 'of these, how many could not be stored'),
		('window_counts', 'outside', 'records that were listed and lie outside the range that was asked for; stored, and neither seen nor proof'),
		('window_counts', 'passes', 'walks through the window'),
		('window_counts', 'verdict', 'counted, short or unproven'),
		('window_counts', 'run_id', 'the run that read it'),
		('window_counts', 'task_id', 'the task that read it'),
		('window_counts', 'began_at', 'when that reading began, by the platform''s clock'),
		('window_counts', 'closed_at', 'when it ended'),

		('verified_counts', NULL, 'what ordersync_verify found: the platform''s count of a window beside ours'),
		('verified_counts', 'shop_id', 'the shop'),
		('verified_counts', 'stream', 'orders, after_sales or special_refunds'),
		('verified_counts', 'basis', 'the time that the range is about'),
		('verified_counts', 'range', 'the window'),
		('verified_counts', 'reported', 'records as the platform counts'),
		('verified_counts', 'stored', 'records that were stored at that moment'),
		('verified_counts', 'run_id', 'the run'),
		('verified_counts', 'task_id', 'the task'),
		('verified_counts', 'checked_at', 'when'),

		('type_counts', NULL, 'days counted without naming the types of orders, beside what the named types come to'),
		('type_counts', 'shop_id', 'the shop'),
		('type_counts', 'stream', 'orders (by created), after_sales or special_refunds (by modified)'),
		('type_counts', 'range', 'the window that was counted: a day, or less where the gateway accepts no day'),
		('type_counts', 'any_type', 'records that the platform counts without the parameter type'),
		('type_counts', 'listed', 'records that it counts with the types that the lists ask for; where no more are counted than stored this is not asked, and is the same'),
		('type_counts', 'found', 'types of stored orders of that window that no list asks for'),
		('type_counts', 'run_id', 'the run'),
		('type_counts', 'task_id', 'the task'),
		('type_counts', 'checked_at', 'when'),

		('lost_ranges', NULL, 'what runs that were removed since had found lost (ordersync.sync_runs.lost)'),
		('lost_ranges', 'shop_id', 'the shop'),
		('lost_ranges', 'ranges', 'ranges that were never read and that the platform no longer serves')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_coverage() IS
	'creates the tables of what is closed and counted if they are missing; part of ordersync.set_up_queue()';
