/*
 * The table of schedules: when runs of a kind are due, and what pg_cron was asked for to start them.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_schedules()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.schedules (
		kind text PRIMARY KEY,
		schedule text,
		timezone text NOT NULL,
		requested_by name NOT NULL DEFAULT session_user,
		requested_at timestamptz NOT NULL DEFAULT now(),
		job_schedule text,
		job_timezone text,
		job_requested_at timestamptz,
		last_called_at timestamptz,
		last_fired_at timestamptz
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('schedules', NULL, 'when runs are due; one row a kind, from the first ordersync_schedule on'),
		('schedules', 'kind', 'kind of run: incremental or full'),
		('schedules', 'schedule', 'minute, hour, day of the month, month, day of the week as in cron; off: only shops with times of their own; NULL after ordersync_unschedule'),
		('schedules', 'timezone', 'time zone of this schedule and of the times that shops have of their own'),
		('schedules', 'requested_by', 'who called ordersync_schedule or ordersync_unschedule last'),
		('schedules', 'requested_at', 'when'),
		('schedules', 'job_schedule', 'schedule of the pg_cron job that calls ordersync_trigger_due, as asked for last; NULL: none is needed'),
		('schedules', 'job_timezone', 'time zone of pg_cron then'),
		('schedules', 'job_requested_at', 'since when the job is to be like that'),
		('schedules', 'last_called_at', 'when ordersync_trigger_due was called last for this kind'),
		('schedules', 'last_fired_at', 'when it last found a shop whose run was due')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_schedules() IS
	'creates the table of schedules if it is missing; part of ordersync.set_up_queue()';
