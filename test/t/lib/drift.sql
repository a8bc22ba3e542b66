/*
 * The judge of the drift test.
 *
 * After each run of a shop (a moment) it remembers what the database had, record by record, and what it claimed: which
 * ranges are covered, which are proven. At the end it is told every version that the platform's records have had, with
 * the second of its `modified` and the second at which it became visible. So it can hold each claim against what was true
 * when it was made, also against changes that nobody could see yet.
 *
 * Nothing of the extension is called here, and of its tables only those are read that hold the answers.
 */
CREATE SCHEMA drift;
CREATE TYPE drift.object AS ENUM ('trades', 'refunds', 'special');

-- By the platform's clock: before the run was triggered, and after it had ended.
CREATE TABLE drift.moments (
	shop_id bigint,
	n integer,
	kind text,
	began timestamptz,
	at timestamptz,
	state text,
	is_last boolean,
	PRIMARY KEY (shop_id, n)
);
CREATE TABLE drift.had (
	shop_id bigint,
	n integer,
	object drift.object,
	id bigint,
	modified timestamptz
);
CREATE TABLE drift.claims (
	shop_id bigint,
	n integer,
	object drift.object,
	basis text,
	claim text,
	ranges tstzmultirange
);
CREATE TABLE drift.days (
	shop_id bigint,
	n integer,
	stream text,
	basis text,
	day date,
	verdict text
);

-- Told by the platform at the end. arrival: NULL where it does not say.
CREATE TABLE drift.versions (
	shop_id bigint,
	object drift.object,
	id bigint,
	created timestamptz,
	modified timestamptz,
	arrival timestamptz
);
CREATE TABLE drift.newest (
	shop_id bigint,
	object drift.object,
	id bigint,
	modified timestamptz
);

-- Of each record at each moment: what had happened to it, what of that could be seen, and what the database had.
CREATE TABLE drift.facts (
	shop_id bigint,
	n integer,
	object drift.object,
	id bigint,
	created timestamptz,
	shown timestamptz,			-- when it was visible at all
	happened timestamptz,		-- the newest `modified`, visible or not
	visible timestamptz,		-- the newest that was visible
	arrival timestamptz,		-- when that became visible
	before_full timestamptz,	-- the newest that was visible before the full run began
	had timestamptz
);

CREATE FUNCTION drift.remember(p_n integer, p_shops bigint[]) RETURNS void
LANGUAGE sql AS $function$
	INSERT INTO drift.had
	SELECT o.shop_id, p_n, 'trades', o.tid, o.modified
	FROM ordersync.orders AS o
	WHERE o.shop_id = ANY (p_shops)
	UNION ALL
	SELECT a.shop_id, p_n, CASE WHEN a.special_refund_type IS NULL THEN 'refunds' ELSE 'special' END::drift.object,
		a.refund_id, a.modified
	FROM ordersync.after_sales AS a
	WHERE a.shop_id = ANY (p_shops);

	INSERT INTO drift.days
	SELECT c.shop_id, p_n, c.stream, c.basis, c.day, c.verdict
	FROM ordersync.completeness AS c
	WHERE c.shop_id = ANY (p_shops);

	-- a day of after-sales speaks for both lists of them
	INSERT INTO drift.claims
	SELECT d.shop_id, p_n, o.object, d.basis, 'proven day',
		range_agg(tstzrange(timezone('Asia/Shanghai', d.day::timestamp), timezone('Asia/Shanghai', d.day + interval '1 day')))
	FROM drift.days AS d
	JOIN (VALUES ('orders', 'trades'::drift.object), ('after_sales', 'refunds'), ('after_sales', 'special')) AS o (stream, object)
		USING (stream)
	WHERE d.n = p_n AND d.shop_id = ANY (p_shops) AND d.verdict = 'proven'
	GROUP BY d.shop_id, o.object, d.basis
	UNION ALL
	SELECT p.shop_id, p_n, CASE p.stream WHEN 'orders' THEN 'trades' ELSE 'refunds' END::drift.object, 'modified', 'proven range',
		p.ranges
	FROM ordersync.proven_ranges AS p
	WHERE p.shop_id = ANY (p_shops)
	UNION ALL
	SELECT c.shop_id, p_n, o.object, c.basis, 'covered', c.ranges
	FROM ordersync.coverage AS c
	JOIN (VALUES ('orders', 'trades'::drift.object), ('after_sales', 'refunds'), ('special_refunds', 'special')) AS o (stream, object)
		USING (stream)
	-- of after-sales that basis is the link check, which is no list
	WHERE (c.basis <> 'arrival' OR c.stream = 'orders')
		AND c.shop_id = ANY (p_shops);
$function$;

CREATE FUNCTION drift.work_out() RETURNS void
LANGUAGE sql AS $function$
	ANALYZE drift.versions;
	INSERT INTO drift.facts
	SELECT f.shop_id, f.n, f.object, f.id, f.created, f.shown, f.happened, f.visible, f.arrival, f.before_full, h.modified
	FROM (
		SELECT m.shop_id, m.n, v.object, v.id, min(v.created) AS created, min(v.arrival) AS shown,
			max(v.modified) FILTER (WHERE v.modified <= m.at) AS happened,
			max(v.modified) FILTER (WHERE v.arrival <= m.at) AS visible,
			max(v.arrival) FILTER (WHERE v.arrival <= m.at) AS arrival,
			max(v.modified) FILTER (WHERE v.arrival < b.began) AS before_full
		FROM drift.moments AS m
		JOIN drift.moments AS b ON b.shop_id = m.shop_id AND b.n = 0
		JOIN drift.versions AS v ON v.shop_id = m.shop_id
		WHERE m.shop_id NOT IN (SELECT d.shop_id FROM drift.facts AS d)
		GROUP BY 1, 2, 3, 4
		HAVING bool_or(v.modified <= m.at)
	) AS f
	LEFT JOIN drift.had AS h USING (shop_id, n, object, id);
	ANALYZE drift.facts;
$function$;

/*
 * Each row is a promise that was broken: after a run, by what the database claimed then.
 *
 * Proven by modified: no record whose newest change lies in the range is missing or older, whether that change could be
 * seen or not. Proven by created: none that was created there is missing.
 *
 * Covered: the same of what could be seen, but for what became visible later than windows wait for. By arrival: of what
 * became visible in the range. By created also: nothing is older than it was when the full run began.
 */
CREATE VIEW drift.broken_claims AS
SELECT f.shop_id, f.n, c.claim || ' by ' || c.basis AS promise, f.object, f.id, f.had,
	s.newest AS should_be, f.arrival
FROM drift.claims AS c
JOIN drift.facts AS f USING (shop_id, n, object)
-- seconds are whole, and our idea of the platform's clock is right to two of them
CROSS JOIN (SELECT current_setting('ordersync.settle')::interval - interval '5 seconds') AS w (waited)
CROSS JOIN LATERAL (
	SELECT CASE
		WHEN c.basis = 'created' AND c.ranges @> f.created THEN
			GREATEST(f.before_full, CASE WHEN c.claim <> 'covered' OR f.shown - f.created < w.waited THEN f.created END)
		WHEN c.basis = 'arrival' AND c.ranges @> f.arrival THEN f.visible
		WHEN c.basis <> 'modified' THEN NULL
		WHEN c.claim <> 'covered' THEN GREATEST(
			CASE WHEN c.ranges @> f.happened THEN f.happened END,
			CASE WHEN c.ranges @> f.visible THEN f.visible END)
		WHEN f.object <> 'trades' AND c.ranges @> f.happened THEN f.happened
		WHEN c.ranges @> f.visible AND f.arrival - f.visible < w.waited THEN f.visible
	END AS newest
) AS s
-- NULL in had is a record that was not there
WHERE COALESCE(f.had, '-infinity') < s.newest;

-- After the last run, when nothing moves any more and nothing is left to become visible.
CREATE VIEW drift.broken_ends AS
SELECT shop_id, n, CASE
		WHEN h.modified IS NULL THEN 'nothing is missing at the end'
		WHEN t.modified IS NULL THEN 'nothing is stored that is not there'
		ELSE 'all is as new as the platform says at the end'
	END AS promise,
	object, id, h.modified AS had, t.modified AS should_be, NULL::timestamptz AS arrival
FROM (
	SELECT m.shop_id, m.n, h.object, h.id, h.modified
	FROM drift.moments AS m
	JOIN drift.had AS h USING (shop_id, n)
	WHERE m.is_last
) AS h
FULL JOIN drift.newest AS t USING (shop_id, object, id)
WHERE h.modified IS DISTINCT FROM t.modified;

-- At the end every day that ended more than a day ago is there and proven: by modified from the day of the full run on, by
-- created up to it.
CREATE VIEW drift.unproven_days AS
SELECT m.shop_id, m.n, e.stream || ' by ' || e.basis AS what, e.day, d.verdict
FROM drift.moments AS m
JOIN drift.moments AS b ON b.shop_id = m.shop_id AND b.n = 0
CROSS JOIN LATERAL (
	SELECT timezone('Asia/Shanghai', b.began)::date AS full_run,
		-- as far as its windows closed
		timezone('Asia/Shanghai', b.began - current_setting('ordersync.settle')::interval - interval '5 seconds')::date AS created,
		timezone('Asia/Shanghai', m.at - interval '48 hours')::date AS ended
) AS l
CROSS JOIN LATERAL (
	SELECT s.stream, 'modified' AS basis, t.day::date
	FROM (VALUES ('orders'), ('after_sales')) AS s (stream)
	CROSS JOIN generate_series(l.full_run, l.ended, interval '1 day') AS t (day)
	UNION ALL
	SELECT 'orders', 'created', t.day::date
	FROM generate_series(l.created - 2, LEAST(l.created, l.ended), interval '1 day') AS t (day)
) AS e
LEFT JOIN drift.days AS d ON d.shop_id = m.shop_id AND d.n = m.n
	AND d.stream = e.stream AND d.basis = e.basis AND d.day = e.day
WHERE m.is_last AND d.verdict IS DISTINCT FROM 'proven';

CREATE VIEW drift.unfinished_runs AS
SELECT m.shop_id, m.n, m.kind, m.state
FROM drift.moments AS m
WHERE m.is_last AND m.state <> 'succeeded';

-- Records that were held against a claim, by claim: without them the judge has said nothing.
CREATE VIEW drift.weights AS
SELECT c.shop_id, c.claim || ' by ' || c.basis AS promise, count(*) AS records
FROM drift.claims AS c
JOIN drift.facts AS f USING (shop_id, n, object)
WHERE c.ranges @> CASE c.basis WHEN 'created' THEN f.created WHEN 'arrival' THEN f.arrival ELSE f.happened END
GROUP BY 1, 2;

-- What a world must have had for its script to mean something.
CREATE VIEW drift.sights AS
SELECT DISTINCT v.shop_id, 'changes that windows do not wait for' AS sight
FROM drift.versions AS v
WHERE v.arrival - v.modified > current_setting('ordersync.settle')::interval
UNION ALL
SELECT DISTINCT r.shop_id, 'repairs of what became visible late'
FROM ordersync.repairs AS r
WHERE r.reason = 'arrival'
UNION ALL
SELECT DISTINCT v.shop_id, 'after-sales of both lists'
FROM drift.versions AS v
WHERE v.object = 'special'
UNION ALL
SELECT DISTINCT v.shop_id, 'seconds that hold more than a page'
FROM (
	SELECT v.shop_id
	FROM drift.versions AS v
	JOIN ordersync.shops AS s USING (shop_id)
	JOIN ordersync.gateways AS g ON g.name = s.gateway
	WHERE v.object = 'trades' AND v.created = v.modified
	GROUP BY v.shop_id, v.created, g.options
	HAVING count(*) > (g.options ->> 'page_size')::integer
) AS v;
