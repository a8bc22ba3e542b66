-- Orders of a type that no list asks for: when their days are counted again, and when these and later days are proven again.
BEGIN;
SELECT plan(3);
SET client_min_messages = error;
SET timezone = 'America/New_York';

SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
SELECT ordersync_add_shop(1, '测试店铺1', 'session-1');

CREATE FUNCTION pg_temp.sh(text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT $1::timestamp AT TIME ZONE 'Asia/Shanghai' $$;
CREATE FUNCTION pg_temp.r(text, text) RETURNS tstzrange LANGUAGE sql AS $$ SELECT tstzrange(pg_temp.sh($1), pg_temp.sh($2)) $$;
INSERT INTO ordersync.coverage (shop_id, stream, basis, ranges)
SELECT 1, s, 'modified', tstzmultirange(pg_temp.r('2026-10-01', '2026-11-10 11:59:00')) FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s;

-- how many counts without types a run of that kind has, whose time is noon of November 10
CREATE FUNCTION pg_temp.counts(kind text, since timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r bigint := ordersync.make_run(1, kind, since, pg_temp.sh('2026-11-10 11:59:00'), pg_temp.sh('2026-11-10 12:00:00'));
BEGIN
	RETURN (SELECT count(*) FROM ordersync.sync_tasks t WHERE t.run_id = r AND t.ext_type = 'any');
END $$;

-- six days of three lists that all differ: 18 counts
INSERT INTO ordersync.type_counts (shop_id, stream, range, any_type, listed, checked_at)
SELECT 1, s, tstzrange(ordersync_day(date '2026-11-04' + n), ordersync_day(date '2026-11-05' + n)), 9, 8, now() - interval '1 hour'
FROM unnest(ARRAY['orders', 'after_sales', 'special_refunds']) s, generate_series(0, 5) n;
SELECT is(pg_temp.counts('incremental'), 0::bigint, 'days that differ are not counted again by each incremental run');
SELECT is(pg_temp.counts('full', pg_temp.sh('2026-11-04')), 18::bigint, 'a full run counts them');
UPDATE ordersync.type_counts SET checked_at = now() - interval '25 hours';
SELECT is(pg_temp.counts('incremental'), 18::bigint, 'and an incremental run a day later');

SELECT * FROM finish();
ROLLBACK;
