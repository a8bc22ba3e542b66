-- Schedules without pg_cron: when shops are due, what is triggered, and when a job must fire so that it misses nothing.
BEGIN;
SELECT plan(94);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'America/New_York';
SET LOCAL client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, 'one', 'k');

CREATE FUNCTION pg_temp.due(p_shop bigint) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ', COALESCE(to_char(timezone('Asia/Shanghai', next_incremental_at), 'HH24:MI'), 'never'),
		COALESCE(to_char(timezone('Asia/Shanghai', next_full_at), 'DD HH24:MI'), 'never'))
	FROM ordersync.shops WHERE shop_id = p_shop
$$;
CREATE FUNCTION pg_temp.hint_of(p_statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	EXECUTE p_statement;
	RETURN 'accepted';
EXCEPTION
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS v = PG_EXCEPTION_HINT;
		RETURN SQLERRM || '|' || v;
END $$;

-- before there is a schedule
SELECT is(pg_temp.due(1), 'never, never', 'nothing is due without a schedule');
SELECT is((SELECT count(*) FROM ordersync_trigger_due('incremental')), 0::bigint, 'and nothing is triggered');
SELECT throws_ok($$SELECT * FROM ordersync_trigger_due('order')$$, '22023', NULL, 'kinds are full and incremental');
SELECT matches(pg_temp.hint_of('SELECT ordersync_schedule()'), '^pg_cron is not loaded\|Install the package postgresql-[0-9]+-cron; as superuser run ALTER SYSTEM SET shared_preload_libraries = ''pg_cron''', 'no pg_cron: what to do');
SELECT is((SELECT string_agg(check_name || ok, ',') FROM ordersync.check_health_schedule()), 'schedulefalse', 'the doctor misses a schedule');
SELECT is((SELECT count(*) FROM ordersync_unschedule()), 0::bigint, 'no pg_cron: nothing to take away');

-- times and zones
SELECT ordersync.schedule_store('10 0 * * *', '0 2 1 * *', 'Asia/Shanghai');
SELECT is(pg_temp.due(1), '00:10, 01 02:00', 'a shop that was there');
SELECT ok(next_incremental_at > now() AND next_incremental_at <= now() + interval '1 day' AND next_full_at > now() AND next_full_at <= now() + interval '31 days', 'from now on') FROM ordersync.shops;
SELECT ordersync_add_shop(2, 'two', 'k');
SELECT is(pg_temp.due(2), '00:10, 01 02:00', 'a shop that is added');
SELECT ordersync_add_shop(3, 'three', 'k', options => '{"incremental": "30 5 * * *", "full_run": "off"}');
SELECT is(pg_temp.due(3), '05:30, never', 'with times of its own and none');
SELECT ordersync.schedule_store(NULL, '30 2 5 * *', NULL);
SELECT is(pg_temp.due(1) || ' ' || pg_temp.due(3), '00:10, 05 02:30 05:30, never', 'NULL keeps what is stored');
SELECT ordersync.schedule_store(NULL, NULL, 'Asia/Kolkata');
SELECT is(pg_temp.due(1) || ' ' || pg_temp.due(3), '02:40, 05 05:00 08:00, never', 'times of shops are in the zone of the schedule');
SELECT ordersync.schedule_store('off', NULL, 'Asia/Shanghai');
SELECT is(pg_temp.due(1) || ' ' || pg_temp.due(3), 'never, 05 02:30 05:30, never', 'off: times of their own remain');
SELECT ordersync_set_shop(3, '{"incremental": null}');
SELECT is(pg_temp.due(3), 'never, never', 'an option is taken away');
SELECT ordersync_set_shop(3, '{"incremental": "15 6 * * *", "full_run": "0 0 1 1 *"}');
SELECT is(pg_temp.due(3), '06:15, 01 00:00', 'and given');
SELECT ordersync_add_shop(3, 'three', 'k', options => '{"incremental": "16 6 * * *"}');
SELECT is(pg_temp.due(3), '06:16, 01 00:00', 'by adding it again');
SELECT ordersync_pause_shop(3);
SELECT is(pg_temp.due(3), 'never, never', 'a paused shop');
SELECT ordersync_resume_shop(3);
SELECT is(pg_temp.due(3), '06:16, 01 00:00', 'resumed');
SELECT ordersync.schedule_store('10 0 * * *', '0 2 1 * *', 'Asia/Shanghai');
SELECT ordersync_set_shop(3, '{"incremental": null, "full_run": null}');

-- what is no schedule is refused, and what is stored stays
SELECT matches(pg_temp.hint_of($$SELECT ordersync_set_shop(1, '{"incremental": "@daily"}')$$), 'invalid schedule: "@daily"\|.*"10 0 \* \* \*"', 'an option');
SELECT matches(pg_temp.hint_of($$SELECT ordersync_set_shop(1, '{"full_run": "0 0 31 2 *"}')$$), 'never comes', 'that never comes');
SELECT matches(pg_temp.hint_of($$SELECT ordersync_set_shop(1, '{"full_run": 5}')$$), 'invalid value for option "full_run"', 'that is no text');
SELECT matches(pg_temp.hint_of($$SELECT ordersync.schedule_store('daily', NULL, NULL)$$), 'invalid schedule: "daily"', 'a schedule');
SELECT matches(pg_temp.hint_of($$SELECT ordersync.schedule_store(NULL, NULL, '$$ || z || $$')$$), 'unrecognized time zone', 'a zone: ' || z) FROM unnest('{UTC+8,CST8,Shanghai}'::text[]) z;
SELECT is(pg_temp.due(1), '00:10, 01 02:00', 'the times are as before');

-- each due time once
CREATE FUNCTION pg_temp.trigger(p_kind text) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(t.shop_id || p_kind, ' ' ORDER BY t.shop_id), 'none')
	FROM ordersync_trigger_due(p_kind) t
$$;
SELECT is(pg_temp.trigger('incremental') || ' ' || pg_temp.trigger('full'), 'none none', 'nothing is due yet');
SELECT isnt(last_called_at, NULL, 'the call is noted') FROM ordersync.schedules WHERE kind = 'full';
SELECT is(last_fired_at, NULL, 'as one that found nothing') FROM ordersync.schedules WHERE kind = 'full';
UPDATE ordersync.shops SET next_incremental_at = now() - interval '5 days' WHERE shop_id <= 2;
UPDATE ordersync.shops SET next_full_at = now() WHERE shop_id = 2;
SELECT ordersync.schedule_store(NULL, NULL, NULL);
SELECT is(pg_temp.trigger('incremental'), '1incremental 2incremental', 'what was missed for days is triggered once');
SELECT is(pg_temp.trigger('incremental'), 'none', 'not again');
SELECT is(pg_temp.due(1), '00:10, 01 02:00', 'the next time is set');
SELECT ok(next_incremental_at > now(), 'from now on') FROM ordersync.shops WHERE shop_id = 1;
SELECT is(pg_temp.trigger('full') || ' ' || pg_temp.trigger('full'), '2full none', 'kinds are apart');
SELECT is((SELECT string_agg(shop_id || kind, ' ' ORDER BY run_id) FROM ordersync.sync_runs), '1incremental 2incremental 2full', 'three runs');
SELECT isnt(last_fired_at, NULL, 'it fired') FROM ordersync.schedules WHERE kind = 'full';
UPDATE ordersync.shops SET next_incremental_at = now() - interval '1 minute', enabled = shop_id <> 1 WHERE shop_id <= 2;
SELECT is(pg_temp.trigger('incremental'), '2incremental', 'a paused shop is left out');
SELECT ordersync_resume_shop(1);
SELECT ok(next_incremental_at <= now(), 'what was due before stays so') FROM ordersync.shops WHERE shop_id = 1;
SELECT ordersync_set_shop(1, '{"incremental": "off"}');
SELECT is(pg_temp.trigger('incremental'), 'none', 'off is off');
SELECT ordersync_set_shop(1, '{"incremental": null}');

-- a shop whose run cannot be made: the others have theirs, and it stays due
DELETE FROM ordersync.sync_tasks;
DELETE FROM ordersync.sync_runs;
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'shop % is refused', NEW.shop_id; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON ordersync.sync_runs FOR EACH ROW WHEN (NEW.shop_id = 2) EXECUTE FUNCTION pg_temp.refuse();
UPDATE ordersync.shops SET next_incremental_at = now() - interval '1 minute';
SELECT lives_ok($$CREATE TEMP TABLE triggered AS SELECT * FROM ordersync_trigger_due('incremental')$$, 'one of three shops cannot have a run');
SELECT is((SELECT string_agg(shop_id::text, ' ' ORDER BY shop_id) FROM triggered), '1 3', 'the others have theirs');
SELECT results_eq('SELECT shop_id FROM ordersync.shops WHERE next_incremental_at <= now() ORDER BY shop_id', 'VALUES (2::bigint)', 'it stays due, they do not');
DROP TRIGGER refuse ON ordersync.sync_runs;
SELECT is(pg_temp.trigger('incremental') || ', ' || pg_temp.trigger('incremental'), '2incremental, none', 'and is triggered once that is mended');

-- A shop that was added in a transaction of its own while the schedule was made has no due time, one that was served while the
-- clock was years ahead has one that is too late: what is called at the next due time finds both.
UPDATE ordersync.shops SET next_incremental_at = NULL WHERE shop_id = 1;
UPDATE ordersync.shops SET next_incremental_at = now() + interval '10 years' WHERE shop_id = 2;
UPDATE ordersync.shops SET next_incremental_at = NULL, options = '{"incremental": "off"}' WHERE shop_id = 3;
SELECT is(pg_temp.trigger('incremental'), 'none', 'neither is due now');
SELECT is(pg_temp.due(1), '00:10, 01 02:00', 'the one that had no time has one');
SELECT ok(next_incremental_at <= now() + interval '1 day', 'the one that had a late one, too') FROM ordersync.shops WHERE shop_id = 2;
SELECT is(pg_temp.due(3), 'never, 01 02:00', 'but not one that is off');
SELECT ordersync_set_shop(3, '{"incremental": null}');
SELECT ordersync_set_shop(1, '{"incremental": "off"}');

-- a job's times: by hand
SELECT is(ordersync.cron_cover(s, z, c), e, concat_ws(' ', s, z, 'by', c))
FROM (VALUES
	(ARRAY['10 0 * * *'], 'Asia/Shanghai', 'GMT', '10 16 * * *'),
	(ARRAY['0 2 1 * *'], 'Asia/Shanghai', 'GMT', '0 18 * * *'),
	(ARRAY['0 2 1 * *'], 'Asia/Shanghai', 'Asia/Shanghai', '0 2 * * *'),
	(ARRAY['10 0 * * *'], 'Asia/Kolkata', 'GMT', '40 18 * * *'),
	(ARRAY['10,50 0 * * *'], 'Asia/Kolkata', 'GMT', '20,40 18,19 * * *'),
	(ARRAY['30 3 * * 1'], 'America/New_York', 'GMT', '30 7,8 * * *'),
	(ARRAY['30 2 * * *'], 'America/New_York', 'GMT', '30 6,7 * * *'),
	-- on the day of the change it is due at what New York's clock shows as 03:30
	(ARRAY['30 2 * * *'], 'America/New_York', 'America/New_York', '30 2,3 * * *'),
	-- Berlin is five or six hours ahead, four weeks a year five
	(ARRAY['30 12 * * *'], 'America/New_York', 'Europe/Berlin', '30 17,18 * * *'),
	(ARRAY['10 0 * * *', '30 5 * * *'], 'Asia/Shanghai', 'GMT', '10,30 16,21 * * *'),
	(ARRAY['*/20 * * * *'], 'Asia/Shanghai', 'GMT', '0,20,40 0-23 * * *'),
	(ARRAY['* * * * *'], 'Asia/Shanghai', 'GMT', '0-59 0-23 * * *'),
	(ARRAY['0 8-11 * * *'], 'Asia/Shanghai', 'GMT', '0 0-3 * * *')
) AS t (s, z, c, e);
SELECT is(ordersync.cron_cover(NULL, 'Asia/Shanghai', 'GMT'), NULL, 'no schedule, no job');
SELECT is(ordersync.cron_cover(ARRAY['10 0 * * *'], NULL, 'GMT'), NULL, 'no zone, no job');

-- It fires at each due time, with months of 28 to 31 days, a leap February and changes of clocks, and at no minute of the day
-- that is never one.
CREATE FUNCTION pg_temp.beside(p_schedule text, p_zone text, p_clock text, p_months integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v record;
	v_at timestamptz := now();
	v_wall timestamp;
	v_missed integer := 0;
	v_times integer := 0;
	v_used text[] := '{}';
BEGIN
	SELECT * INTO v FROM ordersync.cron_fields(ordersync.cron_cover(ARRAY[p_schedule], p_zone, p_clock));
	LOOP
		v_at := ordersync.cron_next(p_schedule, p_zone, v_at);
		EXIT WHEN v_at > now() + make_interval(months => p_months);
		v_wall := timezone(p_clock, v_at);
		v_times := v_times + 1;
		v_used := v_used || to_char(v_wall, 'HH24:MI');
		IF NOT (EXTRACT(minute FROM v_wall) = ANY (v.minutes) AND EXTRACT(hour FROM v_wall) = ANY (v.hours)) THEN
			v_missed := v_missed + 1;
		END IF;
	END LOOP;
	RETURN format('%s missed, %s too many', v_missed,
		cardinality(v.minutes) * cardinality(v.hours) - (SELECT count(DISTINCT u) FROM unnest(v_used) u));
END $$;
SELECT is(pg_temp.beside(s, z, c, CASE WHEN s ~ '^[0-9]+ [0-9]+ \* \* \*$' THEN 13 ELSE 40 END), '0 missed, 0 too many', concat_ws(' ', s, z, 'by', c))
FROM (VALUES
	('10 0 * * *', 'Asia/Shanghai', 'GMT'), ('0 2 1 * *', 'Asia/Shanghai', 'GMT'), ('0 2 31 * *', 'Asia/Shanghai', 'GMT'), ('0 2 28,29 2 *', 'Asia/Shanghai', 'GMT'),
	('45 23 * * 0', 'Asia/Kolkata', 'GMT'), ('15 0 1 * *', 'Asia/Kolkata', 'GMT'), ('10 0 * * *', 'Asia/Shanghai', 'America/New_York'),
	('30 2 * * *', 'America/New_York', 'GMT'), ('30 1 * * *', 'America/New_York', 'GMT'), ('30 2 * * *', 'America/New_York', 'America/New_York'),
	('0 22 * * *', 'America/New_York', 'Asia/Kolkata'), ('30 2 * * *', 'America/New_York', 'America/Chicago'), ('30 2 * * *', 'Europe/Berlin', 'Europe/Paris'),
	('15 2 * * *', 'Australia/Lord_Howe', 'GMT')
) AS t (s, z, c);

-- a job that fires more often is good enough, one that is something else is not
SELECT is(ordersync.cron_covers(j, '10 16 * * *'), e, COALESCE(j, 'NULL'))
FROM (VALUES
	('10 16 * * *', true), ('*/10 * * * *', true), ('0-59 16 * * *', true), ('10 16 * * 1-7', true),
	('10 16 28-31 * *', false), ('10 16 * * 1', false), ('11 16 * * *', false), ('10 15 * * *', false), ('30 seconds', false), (NULL, false)
) AS t (j, e);

-- names and commands of jobs
SELECT is((SELECT string_agg(job || ': ' || command, '; ') FROM ordersync.health_jobs()),
	format('ordersync incremental %1$s: SELECT * FROM public.ordersync_trigger_due(''incremental''); ordersync full %1$s: SELECT * FROM public.ordersync_trigger_due(''full'')', current_database()),
	'jobs are named after the database');
SELECT is((SELECT string_agg(schedule || '/' || due, '; ') FROM ordersync.health_jobs()), '10 16 * * */10 0 * * * Asia/Shanghai; 0 18 * * */0 2 1 * * Asia/Shanghai', 'and fire by the clock of GMT');
SELECT ordersync_set_shop(2, '{"full_run": "30 4 * * 6"}');
SELECT is((SELECT schedule || '/' || due FROM ordersync.health_jobs() WHERE kind = 'full'), '0,30 18,20 * * */0 2 1 * *; 30 4 * * 6 Asia/Shanghai', 'also at the times of a shop');
SELECT is((SELECT string_agg(check_name, ', ') FROM ordersync.check_health_schedule() WHERE NOT ok), 'pg_cron', 'the doctor misses pg_cron');

-- taken away
SELECT ordersync.schedule_forget();
SELECT is(pg_temp.due(2), 'never, never', 'unscheduled');
SELECT is((SELECT string_agg(check_name || ok, ', ') FROM ordersync.check_health_schedule()), 'scheduletrue', 'which the doctor takes for an answer');
SELECT ordersync_add_shop(4, 'four', 'k', options => '{"full_run": "30 4 * * 6"}');
SELECT is(pg_temp.due(4), 'never, never', 'a shop of its own times, too');
SELECT ordersync.schedule_store(NULL, NULL, NULL);
SELECT is(pg_temp.due(3), '00:10, 01 02:00', 'and scheduled again as by default');

SELECT * FROM finish();
ROLLBACK;
