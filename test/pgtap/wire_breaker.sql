-- Which calls are made of a gateway that does not answer. Steps: see breaker_says() in test/modules/ordersync_wire.
BEGIN;
CREATE EXTENSION ordersync_wire;
SELECT plan(33);

-- What the steps that are written one a line come to, "step: answer"; steps that are not asked about begin with a minus;
-- @four: four calls of shop 1 and list 7; @stopped: they have failed.
CREATE FUNCTION pg_temp.said(p_steps text, p_first_ms bigint DEFAULT 1000) RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(u.said ORDER BY u.place) FILTER (WHERE l.steps[u.place] NOT LIKE '-%')
	FROM (SELECT regexp_split_to_array(replace(replace(p_steps,
		'@stopped', E'@four\n-failed 1 1\n-failed 1 2\n-failed 1 3\n-failed 1 4'),
		'@four', E'-take 0 1 1 7\n-take 0 2 1 7\n-take 0 3 1 7\n-take 0 4 1 7'), E'\\s*\n\\s*') AS steps) l
	CROSS JOIN LATERAL unnest(ordersync_wire.breaker_says(
		ARRAY(SELECT ltrim(s, '- ') FROM unnest(l.steps) WITH ORDINALITY AS x (s, n) ORDER BY n), p_first_ms)) WITH ORDINALITY AS u (said, place)
$$;

-- --- how it begins
SELECT is(pg_temp.said('take 0 1 1 7
	take 0 2 1 7
	take 0 3 1 8
	take 0 4 1 8
	take 0 5 1 7
	take 1500 5 1 7
	take 2000 5 1 7'), '{go,go,go,go,wait 2000,wait 500,stop gateway of shop 1 unanswered 8000}',
	'four calls without an answer; the fifth waits two seconds, then goes back');
SELECT is(pg_temp.said('@four
	-good 300 1
	take 300 5 1 7
	take 300 6 1 7
	take 5300 7 1 7'), '{go,go,go}', 'a good answer opens the way for five seconds');
SELECT is(pg_temp.said('-take 0 1 1 7
	-good 100 1
	take 6000 11 1 7
	take 6000 12 1 7
	take 6000 13 1 7
	take 6000 14 1 7
	take 6000 15 1 7'), '{go,go,go,go,wait 2000}', 'behind a pause it begins slowly again');
SELECT is(pg_temp.said('@four
	take 2500 5 2 7
	take 2500 6 2 7
	take 2500 7 1 7
	take 4500 7 1 7'), '{go,wait 2000,wait 2000,stop gateway unanswered 8000}', 'a shop that has none of them in flight comes in, with one');
SELECT is(pg_temp.said('@four
	take 9999 5 1 7
	take 10000 5 1 7
	take 10000 6 1 7
	take 20000 6 1 7'), '{stop gateway of shop 1 unanswered 1,go,wait 2000,go}', 'where no answer ever comes, one call every ten seconds');
SELECT is(pg_temp.said('@four
	-nothing 10 4
	take 10 5 1 7
	take 10 6 1 7'), '{go,wait 2000}', 'a call that was not made after all leaves its place');

-- --- it opens
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	unreachable 1 1
	unreachable 2 2
	-take 3 1 1 7 again
	unreachable 4 1
	take 5 9 2 8
	take 1003 9 2 8
	take 1004 9 2 8
	take 1004 10 3 8'), '{-,-,stop gateway 1000,stop gateway 999,stop gateway 1,go,stop gateway 10000}',
	'three calls that reach nobody stop all: of each task, shop and list; then one probe');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 2 7
	-take 0 4 1 7
	failed 1 1
	failed 2 2
	failed 3 3
	failed 4 4
	take 5 5 1 7
	take 5 6 1 8'), '{-,-,-,stop list 1000,stop list 999,go}', 'four tasks of one list stop that list alone');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 2 7
	-take 0 3 1 7
	-take 0 4 2 8
	failed 1 1
	failed 2 2
	failed 3 3
	failed 4 4
	take 5 5 3 9'), '{-,-,-,stop gateway 1000,stop gateway 999}', 'of two lists, and none succeeds: all');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 8
	failed 1 1
	failed 2 2
	-take 3 1 1 7 again
	failed 4 1
	-take 5 2 1 8 again
	failed 6 2
	-take 7 1 1 7 again
	failed 8 1'), '{-,-,-,-,stop gateway of shop 1 1000}', 'two tasks, five failures');
SELECT is(pg_temp.said(string_agg(format('-take %s 1 1 7 %s', n, CASE WHEN n > 1 THEN 'again' END) || E'\n' ||
	CASE WHEN n < 11 THEN '-' ELSE '' END || format('failed %s 1', n), E'\n' ORDER BY n)), '{-,stop list of shop 1 1000}',
	'one task alone stops its list after twelve failures, more than it has attempts')
FROM generate_series(1, 12) n;
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-failed 1 1
	-failed 2 2
	-failed 3 3
	-take 4 4 1 7
	-good 5 4
	-take 6 5 1 7
	failed 7 5'), '{-}', 'a good answer in between');

-- --- probes
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-unreachable 0 1
	-unreachable 0 2
	unreachable 0 3
	-take 1000 4 1 7
	unreachable 1000 4
	-take 3000 4 1 7
	unreachable 3000 4
	-take 7000 4 1 7
	unreachable 7000 4
	-take 15000 4 1 7
	unreachable 15000 4
	-take 25000 4 1 7
	unreachable 25000 4'), '{stop gateway 1000,stop gateway 2000,stop gateway 4000,stop gateway 8000,stop gateway 10000,stop gateway 10000}',
	'ever longer, ten seconds at last');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-unreachable 0 1
	-unreachable 0 2
	unreachable 0 3
	take 10 4 1 7
	-unreachable 11 4
	take 30 4 1 7', 10), '{stop gateway 10,go,stop gateway 1}', 'the first is as far as is said');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-unreachable 0 1
	-unreachable 0 2
	-unreachable 0 3
	-take 1000 4 1 7
	take 10999 5 1 7
	take 11000 5 1 7
	unreachable 31000 4'), '{stop gateway 1,go,stop gateway 2000}', 'a probe that hangs does not keep the next one');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 8
	-take 0 3 1 7
	-take 0 4 1 8
	-failed 1 1
	-failed 1 2
	-failed 1 3
	-failed 1 4
	-take 1001 5 2 9
	good 1002 5
	take 1002 6 1 7
	take 1002 7 1 8'), '{-,go,go}', 'the first good answer closes it');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 8
	-take 0 3 1 7
	-take 0 5 2 9
	-failed 1 1
	-failed 1 2
	-failed 1 3
	-take 1 4 1 8
	failed 2 4
	good 3 5
	take 4 6 2 9
	take 4 6 1 7'), '{stop gateway of shop 1 1000,-,go,stop gateway of shop 1 998}', 'but not one to a call from before');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 8
	-take 0 3 2 7
	-take 0 4 2 8
	-failed 1 1
	-failed 1 2
	-failed 1 3
	failed 1 4
	-take 1001 5 1 7
	failed 1002 5
	-take 3002 6 1 8
	-good 3003 6
	-take 3003 7 1 7
	failed 3004 7
	-take 3004 8 1 7
	failed 3005 8'), '{stop gateway 1000,stop gateway 2000,-,-}', 'what was known of its lists is forgotten with it');
SELECT is(pg_temp.said('@stopped
	-take 1 5 1 8
	-good 2 5
	take 2 6 1 7
	-take 1001 6 1 7
	failed 1002 6
	-take 3002 6 1 7
	-good 3003 6
	take 3003 7 1 7'), '{stop list of shop 1 999,stop list of shop 1 2000,go}', 'a list closes by an answer of its own');

-- --- what is a shop's own
SELECT is(pg_temp.said('@four
	-failed 1 1
	-failed 1 2
	-failed 1 3
	failed 1 4
	take 2 5 2 7'), '{stop list of shop 1 1000,go}', 'failures of one shop stop its own calls');
SELECT is(pg_temp.said('@stopped
	-take 2 5 2 7
	failed 3 5
	take 4 6 3 7'), '{stop list 998,stop list 997}', 'until another one''s fail as well');
SELECT is(pg_temp.said('@stopped
	-take 2 5 2 7
	-good 3 5
	-take 4 11 1 7
	-take 4 12 1 7
	-take 4 13 1 7
	-take 4 14 1 7
	failed 5 11
	failed 5 12
	failed 5 13
	failed 5 14
	take 5 15 1 7'), '{-,-,-,-,go}', 'where another one is answered, they are the shop''s own and stop nothing');
SELECT is(pg_temp.said('@stopped
	-take 2 5 2 7
	-good 3 5
	-take 4 11 1 7
	-good 5 11
	-take 6 12 1 7
	-take 6 13 1 7
	-take 6 14 1 7
	-take 6 15 1 7
	-failed 7 12
	-failed 7 13
	-failed 7 14
	failed 7 15'), '{stop list of shop 1 1000}', 'until the shop is answered itself');

SELECT is(pg_temp.said('@stopped
	-take 2 5 2 7
	-good 3 5
	-take 4 11 1 8
	-take 4 12 1 8
	-take 4 13 1 9
	-take 4 14 1 9
	failed 5 11
	failed 5 12
	failed 5 13
	failed 5 14
	take 6 15 1 8'), '{-,-,-,-,go}', 'nor do those of its other lists stop all of its calls');

SELECT is(pg_temp.said('-take 0 9 2 7
	-good 1 9
	' || string_agg(format(E'-take %s 1 1 7\n-failed %s 1\n-take %s 9 2 8\n-good %s 9', n * 10, n * 10 + 1, n * 10 + 2, n * 10 + 3), E'\n' ORDER BY n) || '
	' || string_agg(format(E'-take %s 2%s 1 7\nfailed %s 2%s', 100 + n, n, 100 + n, n), E'\n' ORDER BY n) || '
	' || string_agg(format(E'-take %s 3%s 1 8\nfailed %s 3%s', 200 + n, n, 200 + n, n), E'\n' ORDER BY n)), '{-,-,-,-,-,-}',
	'nor do those of a shop that fails again and again while another is answered')
FROM generate_series(1, 3) n;
SELECT is(pg_temp.said('-take 0 9 2 7
	-good 1 9
	' || string_agg(format(E'-take %s 1 1 7\n-failed %s 1\n-take %s 9 2 8\n-good %s 9\n-take %s 3 1 8\n-good %s 3', n * 10, n * 10 + 1, n * 10 + 2, n * 10 + 3, n * 10 + 4, n * 10 + 5), E'\n' ORDER BY n) || '
	-take 101 21 1 7
	failed 102 21'), '{stop list of shop 1 1000}',
	'unless calls of its own are answered in between')
FROM generate_series(1, 4) n;

-- --- what is a task's own
SELECT is(pg_temp.said('@four
	-failed 1 1
	-failed 1 2
	-failed 1 3
	-good 2 4
	-take 3 1 1 7 again
	-take 3 2 1 7 again
	-take 3 3 1 7 again
	-take 3 5 1 7
	failed 4 1
	failed 4 2
	failed 4 3
	failed 4 5'), '{-,-,-,-}', 'tasks that fail again behind a good answer stop nothing');
SELECT is(pg_temp.said(string_agg(format('-take %s %s 1 7 again', n - 1, n) || E'\n' ||
		CASE WHEN n = 12 THEN '' ELSE '-' END || format('failed %s %s', n, n), E'\n' ORDER BY n) || '
	-take 1012 13 1 7 again
	failed 1013 13
	-take 3013 14 1 7
	failed 3014 14'), '{stop list of shop 1 1000,stop list of shop 1 own 2000,stop list of shop 1 4000}',
	'twelve of them do; of probes theirs are charged, those of others are not')
FROM generate_series(1, 12) n;
SELECT is(pg_temp.said('@stopped
	-take 1001 1 1 7 again
	failed 1002 1
	-take 3602000 1 1 7 again
	failed 3602001 1'), '{stop list of shop 1 2000,stop list of shop 1 own 4000}',
	'of a list that stood for an hour, while nothing else was said of it, probes are charged');

-- --- limits
SELECT is(pg_temp.said(string_agg(format('-take %s %s 1 %s', n * 2, n, n) || E'\n' || format('-good %s %s', n * 2 + 1, n), E'\n' ORDER BY n) || '
	-take 100 50 1 13
	-take 100 51 1 13
	-take 100 52 1 13
	-take 100 53 1 13
	-failed 101 50
	-failed 101 51
	-failed 101 52
	failed 101 53
	take 102 54 1 13'), '{-,go}', 'lists beyond twelve are not looked at apart')
FROM generate_series(1, 12) n;
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-unreachable 0 1
	-unreachable 0 2
	unreachable 0 3', 0), '{stop gateway 1}', 'never less than a millisecond');
SELECT is(pg_temp.said('-take 0 1 1 7
	-take 0 2 1 7
	-take 0 3 1 7
	-unreachable 0 1
	-unreachable 0 2
	unreachable 0 3', 60000), '{stop gateway 10000}', 'never more than ten seconds');
-- From a cold start, 99 windows, four workers that ask every millisecond: how many calls come in the first minute?
CREATE FUNCTION pg_temp.calls(p_outcome text, p_lasts integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v_steps text[] := '{}';
	v_said text[];
	v_task integer := 0;
	v_calls integer := 0;
BEGIN
	-- one step after the other is asked anew: a call that was made ends p_lasts later
	FOR v_at IN 0 .. 59900 BY 100 LOOP
		v_task := v_task + 1;
		v_steps := v_steps || format('take %s %s 1 %s', v_at, v_task, 7 + v_task % 3);
		v_said := ordersync_wire.breaker_says(v_steps);
		IF v_said[cardinality(v_said)] = 'go' THEN
			v_calls := v_calls + 1;
			IF p_lasts = 0 THEN
				v_steps := v_steps || format('%s %s %s', p_outcome, v_at, v_task);
			END IF;
		ELSE
			-- what was refused leaves nothing behind
			v_steps := v_steps[: cardinality(v_steps) - 1];
		END IF;
	END LOOP;
	RETURN v_calls;
END
$$;
SELECT is(ARRAY[pg_temp.calls('unreachable', 0), pg_temp.calls('failed', 0), pg_temp.calls('failed', 60000)], ARRAY[11, 12, 9],
	'a minute at a gateway that refuses connections, that answers nothing good, that hangs');
SELECT * FROM finish();
ROLLBACK;
