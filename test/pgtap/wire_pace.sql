-- How fast and how soon.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(17);

SELECT is(ordersync.backoff_ms(a, 1000, 60000, c), e, format('attempt %s by chance %s', a, c))
FROM (VALUES
	(1, 0.0, 500::bigint), (1, 1.0, 1000), (2, 0.0, 1000), (2, 0.5, 1500), (3, 0.0, 2000), (6, 0.0, 16000),
	(7, 0.0, 30000), (1000000, 0.0, 30000), (1000000, 0.999999, 59999), (0, 0.0, 500), (-5, 0.0, 500)
) AS t (a, c, e);
SELECT is(ordersync.backoff_ms(5, 0, 0, 0), 1::bigint, 'never less than a millisecond');
SELECT is(ordersync.backoff_ms(62, 1, 9223372036854775807, 'NaN'), 1152921504606846976::bigint, 'no overflow, no chance');

SELECT is(ordersync_wire.pace_waits(0, ARRAY[1, 1, 1, 1]::bigint[]), ARRAY[0, 0, 0, 0]::bigint[], 'no limit');
SELECT is(ordersync_wire.pace_waits(10, ARRAY[0, 0, 0, 50, 100, 100, 200]::bigint[]), ARRAY[0, 0, 100, 50, 0, 100, 0]::bigint[],
	'ten a second: a second one at once, then one each 100 ms');
SELECT is(ordersync_wire.pace_waits(10, ARRAY[1000, 1000, 500, 600, 3600000, 3600000, 3600000]::bigint[]), ARRAY[0, 0, 100, 0, 0, 0, 100]::bigint[],
	'a clock that jumps back earns nothing, an idle hour no flood');
SELECT is(ordersync_wire.pace_waits(100, ARRAY[0, 0, 1500, 2000, 2000]::bigint[], 2, 2000),
	ARRAY[0, 2000, 500, 0, 10]::bigint[], 'a ban is waited out, then one call at a time');

SELECT * FROM finish();
ROLLBACK;
