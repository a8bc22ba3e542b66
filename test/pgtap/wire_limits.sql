-- What workers that share a gateway are told: rate, places, turns, bans, the day's calls. Truth by hand.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(35);
CREATE FUNCTION pg_temp.said(steps text[], per_second double precision DEFAULT 0, in_flight integer DEFAULT 0, per_day bigint DEFAULT 0, per_day_reserved bigint DEFAULT 0)
RETURNS text LANGUAGE sql AS $$ SELECT array_to_string(ordersync_wire.limits(per_second, in_flight, per_day, per_day_reserved, steps), ', ') $$;

SELECT is(pg_temp.said('{1000 take 0 3,1000 take 1 3,1000 take 2 3}'), 'go, go, go', 'no limit');

-- the rate: one bucket, whoever asks
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 take 0 3,1100 take 0 3}', 10), 'go, go, waits 100, go', 'one worker alone has all of it');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 1 3,1000 take 0 3,1010 take 1 3,1100 take 1 3,1100 take 0 3,1120 take 1 3,1200 take 0 3,1200 take 1 3}', 10),
	'go, go, waits 100, waits 100, waits 20, go, waits 80, waits 20, go', 'two take turns: who waits for longer is first');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 take 0 3,1050 take 1 1,1100 take 0 3,1100 take 1 1,1200 take 0 3}', 10),
	'go, go, waits 100, waits 50, waits 20, go, go', 'a more urgent call of another worker is before one that waits for longer');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 take 0 3,1050 take 1 1,1130 take 0 3}', 10),
	'go, go, waits 100, waits 50, go', 'a worker that does not come for its turn keeps nobody waiting');
SELECT is(pg_temp.said('{1000 take 0 3 m 2,1000 take 0 3 m 2,1200 take 0 3 m 2}', 10), 'go, waits 200, go', 'a call that takes two tokens');
SELECT is(pg_temp.said('{1000 take 0 3 m 50,1000 take 0 3,5000 take 0 3,5900 take 0 3}', 10), 'go, waits 4900, waits 900, go',
	'more than there is room for: the next ones wait the longer');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 return 0 3,1000 take 0 3,1000 take 0 3}', 10), 'go, go, , go, waits 100', 'a call that was not made gives its token back');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 rate 100,1010 take 0 3,1010 take 0 3}', 10), 'go, go, , go, waits 10', 'another rate begins with what the bucket has');

-- places in flight, of all workers
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 1 3,1000 take 1 3,1000 take 2 1,1100 done 0,1100 take 0 3,1100 take 1 3,1100 take 2 1,1100 done 1,1100 take 1 3}', 0, 2),
	'go, go, waits 1000, waits 1000, 2, waits 920, waits 20, go, -1, go', 'a place that becomes free is for the most urgent, who is woken');
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 0 3,1000 take 1 3,1200 drop 0,1200 take 1 3,1200 take 1 3,1200 done 0}', 0, 2),
	'go, go, waits 1000, 1, go, go, -1', 'a worker that ends leaves none behind');

SELECT is(pg_temp.said('{1000 take 0 3,1000 take 1 3,1900 take 2 3,2500 done 0}', 0, 1), 'go, waits 1000, waits 1000, 2',
	'a worker that waited, and has nothing to ask for any more, is not woken in place of one that waits');

-- bans
SELECT is(pg_temp.said('{1000 ban 5000 0,1000 take 0 0,5999 take 1 3,6000 take 1 3}'), ', banned 5000, banned 1, go', 'a ban of the gateway, for every worker and work, for exactly that time');
SELECT is(pg_temp.said('{1000 ban 5000 0 a,1000 take 0 0 a,1000 take 0 0 b,5999 take 1 3 a,6000 take 1 3 a}'), ', method banned 5000, go, method banned 1, go', 'a ban of a method leaves the others');
SELECT is(pg_temp.said('{1000 ban 5000 0 a,1100 ban 1000 0 a,2500 take 0 0 a}'), ', , method banned 3500', 'none is shortened');
SELECT is(pg_temp.said('{1000 ban 5000 0,1000 ban 5000 0 a,1100 lift,1100 take 0 3 a}'), ', , , go', 'all are lifted');
SELECT is(pg_temp.said(ARRAY(SELECT format('1000 ban 5000 0 m%s', n) FROM generate_series(1, 17) n) || '{1000 take 0 3 other}'::text[]),
	repeat(', ', 17) || 'banned 5000', 'more methods than can be remembered: the gateway');

-- the day
SELECT is(pg_temp.said('{1000 take 0 3,1000 take 1 3,1001 block 0 2,1001 take 0 3,1001 take 1 3,1001 take 0 3,1002 take 1 3,1003 block 2 4,1003 take 0 3}', 0, 0, 10, 0),
	'needs block, waits 5, , go, go, needs block, waits 5, , go', 'calls are made as far as they are reserved, and one worker reserves');
SELECT is(pg_temp.said('{1000 take 0 3,1000 block 8 10,1000 take 0 3,1000 take 0 3,1000 take 0 0,1000 take 0 0}', 0, 0, 10, 1),
	'needs block, , go, day reserved 1000, go, day spent 1000', 'the last is for what somebody waits for');
SELECT is(pg_temp.said('{1000 take 0 3,1000 block 10 10,1000 take 0 0}', 0, 0, 10, 1), 'needs block, , day spent 1000', 'others have used up the day');
SELECT is(pg_temp.said('{1000 take 0 3,1000 noblock,1900 take 0 3,2000 take 0 3}', 0, 0, 10, 1), 'needs block, , waits 5, needs block', 'a reservation that failed is tried again in a second');
SELECT is(pg_temp.said('{1000 take 0 3,10999 take 1 3,11000 take 1 3}', 0, 0, 10, 1), 'needs block, waits 5, needs block', 'one that nobody came back from, later');

-- what the platform's answers ban
SELECT is(ordersync_wire.ban_of(200, convert_to(format('{"error_response":{"code":7,"msg":"App Call Limited","sub_code":"%s","sub_msg":"This ban will last for 5 more seconds"}}', s), 'UTF8')), e, s)
FROM (VALUES
	('accesscontrol.limited-by-api-access-count', 'throttled method 6000'),
	('accesscontrol.limited-by-app-api-access-count', 'throttled method 6000'),
	('accesscontrol.limited-by-app-access-count', 'throttled gateway 6000'),
	('accesscontrol.limited-by-dynamic-access-count', 'throttled gateway 6000'),
	('isv.business_limit_control', 'throttled gateway 6000')
) AS t (s, e);
SELECT is(ordersync_wire.ban_of(s, convert_to(b, 'UTF8'), r), e, format('HTTP %s, Retry-After %s', s, r))
FROM (VALUES
	(429, 'too many', 0, 'throttled gateway 0'), (429, 'too many', 7, 'throttled gateway 7000'), (429, 'too many', 86400, 'throttled gateway 86400000'),
	(429, 'too many', 99999999, 'throttled gateway 600000'), (503, 'later', 30, 'throttled gateway 30000'), (503, 'later', 0, 'retry 0'), (500, 'no', 30, 'retry 0'),
	(429, '{"error_response":{"code":7,"msg":"App Call Limited","sub_msg":"This ban will last for 5 more seconds"}}', 30, 'throttled gateway 6000')
) AS t (s, b, r, e);

SELECT * FROM finish();
ROLLBACK;
