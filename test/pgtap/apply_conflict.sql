-- Conflict: the records of one order, from every source and of several ages, in every order of arrival.
--
-- Each set of six records arrives in all its 720 orders, one order of arrival a tid. What is stored is compared with a
-- model below, which says the upsert rules record by record and field by field and uses nothing of the extension.
BEGIN;
SELECT plan(44);
SELECT ordersync.set_up();
SET LOCAL TimeZone = 'UTC';

/* --- what the sources serve: of each kind of field one, after the platform's documentation --- */

CREATE TEMP TABLE field (object text, name text, has_column boolean, served_by text[]) ON COMMIT DROP;
INSERT INTO field VALUES
	('trade', 'status', true, '{history,increment,list,details}'),
	('trade', 'payment', true, '{history,increment,list,details}'),
	('trade', 'buyer_nick', true, '{increment,list,details}'),
	('trade', 'has_buyer_message', true, '{history,increment,list}'),
	('trade', 'commission_fee', true, '{history,list,details}'),
	('trade', 'alipay_no', true, '{list,details}'),
	('trade', 'async_modified', true, '{history,list}'),
	('trade', 'seller_memo', true, '{details}'),
	('trade', 'no_shipping', false, '{increment}'),
	('trade', 'tmall_delivery', false, '{list}'),
	('trade', 'ouid', false, '{history}'),
	('trade', 'promotion', false, '{details}'),
	('order', 'title', true, '{history,increment,list,details}'),
	('order', 'refund_status', true, '{history,increment,list,details}'),
	('order', 'store_code', true, '{increment,list,details}'),
	('order', 'is_free_gift', true, '{details}'),
	('order', 'is_service_order', false, '{increment,details}'),
	('order', 'shp_info', false, '{list}'),
	('refund', 'status', true, '{special,list,details}'),
	('refund', 'refund_fee', true, '{special,list,details}'),
	('refund', 'desc', true, '{special,list,details}'),
	('refund', 'special_refund_type', true, '{special}'),
	('refund', 'cs_status', true, '{details}'),
	('refund', 'refund_remind_timeout', true, '{details}'),
	('refund', 'shipping_type', false, '{details}');

SELECT is(
	(SELECT array_agg(s.source ORDER BY s.rank) FROM unnest(ranks) WITH ORDINALITY AS s (source, rank)
		WHERE f.name = ANY (ordersync.served_fields(s.source, f.object))),
	f.served_by, format('%s.%s is served by those', f.object, f.name))
FROM field f,
	LATERAL (SELECT CASE f.object WHEN 'refund' THEN ARRAY['special', 'list', 'details']
		ELSE ARRAY['history', 'increment', 'list', 'details'] END AS ranks) r
ORDER BY f.object, f.name COLLATE "C";

/* --- the model: what is stored after one record more --- */

-- Of what these records have, an order's state is its status, its payment and its lines' refund_status; a refund's its
-- status and its amount. What a record does not have says nothing.
CREATE FUNCTION pg_temp.tells_another(state jsonb, record jsonb) RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (
		SELECT FROM jsonb_each_text(record -> 'fields') f
		WHERE f.key IN ('status', 'payment', 'refund_fee') AND f.value IS DISTINCT FROM state -> 'fields' ->> f.key)
	OR EXISTS (
		SELECT FROM jsonb_array_elements(record -> 'lines') r, jsonb_array_elements(state -> 'lines') s
		WHERE r -> 'line' = s -> 'line' AND r ? 'refund_status' AND r -> 'refund_status' IS DISTINCT FROM s -> 'refund_status')
$$;
-- A state is {modified, rank, sources, fields, lines}; a line is its fields and "line", its number in the order.
CREATE FUNCTION pg_temp.after(state jsonb, ranks text[], object text, source text, record jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	my_rank integer := array_position(ranks, source);
	age integer;			-- of the record against what is stored
	another boolean;		-- of equal age, and it tells another state: another version of that second
	poorer boolean;
	mine text[];			-- fields that this record may write
	line_mine text[];
	result jsonb;
BEGIN
	IF state IS NULL THEN
		RETURN record || jsonb_build_object('rank', my_rank, 'sources', jsonb_build_array(source));
	END IF;

	-- an older record never overwrites a newer one
	age := CASE WHEN record ->> 'modified' > state ->> 'modified' THEN 1
		WHEN record ->> 'modified' = state ->> 'modified' THEN 0 ELSE -1 END;
	IF age < 0 THEN
		RETURN state;
	END IF;
	another := age = 0 AND pg_temp.tells_another(state, record);
	poorer := age = 0 AND NOT another AND my_rank < (state -> 'rank')::integer;

	-- a newer record, or one of an equal or richer source, writes all that its source serves; a poorer one writes what no
	-- source has written at this age, if that has a column, and does so once
	IF poorer AND state -> 'sources' ? source THEN
		RETURN state;
	END IF;
	mine := ARRAY(SELECT f.name FROM field f WHERE f.object = after.object AND source = ANY (f.served_by)
		AND NOT (poorer AND state -> 'sources' ?| f.served_by));
	line_mine := ARRAY(SELECT f.name FROM field f WHERE f.object = 'order' AND source = ANY (f.served_by)
		AND NOT (poorer AND state -> 'sources' ?| f.served_by));
	IF poorer AND NOT EXISTS (SELECT FROM field f WHERE f.has_column
		AND (f.object = after.object AND f.name = ANY (mine) OR f.object = 'order' AND f.name = ANY (line_mine)))
	THEN
		RETURN state;
	END IF;

	result := state || jsonb_build_object(
		'modified', record -> 'modified',
		'rank', CASE WHEN poorer THEN state -> 'rank' ELSE to_jsonb(my_rank) END,
		'sources', CASE WHEN age = 0 AND NOT another THEN state -> 'sources' ELSE '[]' END || jsonb_build_array(source),
		'fields', pg_temp.written(state -> 'fields', record -> 'fields', mine),
		'lines', pg_temp.lines_written(state -> 'lines', record -> 'lines', line_mine, poorer));

	-- what would change nothing leaves no trace, and a poorer record only comes for columns
	IF age = 0 AND pg_temp.shown(result, poorer) = pg_temp.shown(state, poorer) THEN
		RETURN state;
	END IF;
	RETURN result;
END $$;

-- A served field that is not there is gone, one that is not served keeps its value.
CREATE FUNCTION pg_temp.written(stored jsonb, came jsonb, mine text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT (stored - mine) || COALESCE((SELECT jsonb_object_agg(key, value) FROM jsonb_each(came) WHERE key = ANY (mine)), '{}')
$$;

-- Line by line; one that the record leaves out stays, after those that it has. A poorer record does not set the order.
CREATE FUNCTION pg_temp.lines_written(stored jsonb, came jsonb, mine text[], poorer boolean) RETURNS jsonb LANGUAGE sql AS $$
	SELECT COALESCE(jsonb_agg(
		CASE
			WHEN s.line IS NULL THEN r.line
			WHEN r.line IS NULL THEN s.line
			ELSE pg_temp.written(s.line, r.line, mine)
		END ORDER BY CASE WHEN poorer THEN s.i ELSE r.i END NULLS LAST, CASE WHEN poorer THEN r.i ELSE s.i END), '[]')
	FROM jsonb_array_elements(stored) WITH ORDINALITY AS s (line, i)
	FULL JOIN jsonb_array_elements(came) WITH ORDINALITY AS r (line, i) ON s.line -> 'line' = r.line -> 'line'
$$;

CREATE FUNCTION pg_temp.shown(state jsonb, columns_only boolean) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN columns_only THEN jsonb_build_object(
			'fields', (state -> 'fields') - hidden,
			'lines', (SELECT jsonb_agg(line - line_hidden ORDER BY i) FROM jsonb_array_elements(state -> 'lines') WITH ORDINALITY AS l (line, i)))
		ELSE state - '{modified,rank,sources}'::text[] END
	FROM (SELECT array_agg(name) FILTER (WHERE object <> 'order') AS hidden, array_agg(name) FILTER (WHERE object = 'order') AS line_hidden
		FROM field WHERE NOT has_column) f
$$;

/* --- the records --- */

-- What is not named is not there, though the source serves it: a field that the platform has cleared.
CREATE TEMP TABLE sent (batch text, n integer, source text, modified text, fields jsonb, lines jsonb, PRIMARY KEY (batch, n)) ON COMMIT DROP;
INSERT INTO sent VALUES
	-- three ages, two sources each
	('ages', 1, 'list', '2026-03-01 23:59:59',
		'{"status":"WAIT_BUYER_PAY","payment":"10.00","buyer_nick":"b1","has_buyer_message":true,"commission_fee":"0.10","alipay_no":"a1","async_modified":"2026-03-02 00:00:01","tmall_delivery":"t1"}',
		'[{"line":1,"title":"l1","refund_status":"NO_REFUND","store_code":"s1","shp_info":"h1"},{"line":2,"title":"l1","refund_status":"NO_REFUND"}]'),
	('ages', 2, 'details', '2026-03-01 23:59:59',
		'{"status":"WAIT_BUYER_PAY","payment":"11.00","buyer_nick":"b2","commission_fee":"0.20","alipay_no":"a2","seller_memo":"m2","promotion":"p2"}',
		'[{"line":1,"title":"l2","refund_status":"NO_REFUND","store_code":"s2","is_free_gift":true,"is_service_order":true}]'),
	('ages', 3, 'increment', '2026-03-02 00:00:00',
		'{"status":"WAIT_SELLER_SEND_GOODS","payment":"12.00","has_buyer_message":false,"no_shipping":true}',
		'[{"line":2,"title":"l3","refund_status":"NO_REFUND","store_code":"s3"},{"line":1,"title":"l3","refund_status":"WAIT_SELLER_AGREE"},{"line":3,"title":"l3"}]'),
	('ages', 4, 'list', '2026-03-02 00:00:00',
		'{"status":"WAIT_SELLER_SEND_GOODS","payment":"13.00","buyer_nick":"b4","has_buyer_message":true,"alipay_no":"a4"}',
		'[{"line":1,"title":"l4","refund_status":"WAIT_SELLER_AGREE","shp_info":"h4"},{"line":2,"title":"l4","refund_status":"NO_REFUND"}]'),
	('ages', 5, 'increment', '2026-03-03 12:00:00',
		'{"status":"TRADE_FINISHED","payment":"14.00","buyer_nick":"b5","has_buyer_message":true}',
		'[{"line":1,"title":"l5","refund_status":"SUCCESS","is_service_order":false},{"line":2,"title":"l5","refund_status":"NO_REFUND","store_code":"s5"}]'),
	('ages', 6, 'details', '2026-03-03 12:00:00',
		'{"status":"TRADE_CLOSED","payment":"15.00","commission_fee":"0.60","seller_memo":"m6"}',
		'[{"line":2,"title":"l6","refund_status":"NO_REFUND"},{"line":1,"refund_status":"SUCCESS","store_code":"s6","is_free_gift":false}]'),
	-- all sources at one age, which tell different things, over two of another
	('sources', 1, 'increment', '2026-03-01 10:00:00',
		'{"status":"WAIT_BUYER_PAY","payment":"20.00","buyer_nick":"b1","has_buyer_message":true,"no_shipping":false}',
		'[{"line":1,"title":"l1","refund_status":"NO_REFUND"},{"line":2,"title":"l1"}]'),
	('sources', 2, 'details', '2026-03-01 10:00:00',
		'{"status":"PAY_PENDING","payment":"21.00","commission_fee":"0.20","alipay_no":"a2","seller_memo":"m2"}',
		'[{"line":2,"title":"l2","is_free_gift":true},{"line":1,"title":"l2","refund_status":"NO_REFUND","store_code":"s2"}]'),
	('sources', 3, 'history', '2026-03-01 10:00:01',
		'{"status":"TRADE_CLOSED","payment":"22.00","has_buyer_message":true,"commission_fee":"0.30","async_modified":"2026-03-01 10:00:03","ouid":"o3"}',
		'[{"line":1,"title":"l3","refund_status":"SUCCESS"},{"line":4,"title":"l3"}]'),
	('sources', 4, 'increment', '2026-03-01 10:00:01',
		'{"status":"TRADE_FINISHED","payment":"23.00","buyer_nick":"b4","has_buyer_message":false,"no_shipping":true}',
		'[{"line":1,"title":"l4","refund_status":"NO_REFUND","store_code":"s4","is_service_order":true},{"line":2,"title":"l4"}]'),
	('sources', 5, 'list', '2026-03-01 10:00:01',
		'{"status":"TRADE_BUYER_SIGNED","payment":"24.00","buyer_nick":"b5","has_buyer_message":true,"commission_fee":"0.50","alipay_no":"a5","async_modified":"2026-03-01 10:00:05","tmall_delivery":"t5"}',
		'[{"line":2,"title":"l5"},{"line":1,"title":"l5","shp_info":"h5"},{"line":3,"title":"l5","store_code":"s5"}]'),
	('sources', 6, 'details', '2026-03-01 10:00:01',
		'{"status":"WAIT_BUYER_CONFIRM_GOODS","payment":"25.00","buyer_nick":"b6","commission_fee":"0.60","seller_memo":"m6","promotion":"p6"}',
		'[{"line":1,"title":"l6","refund_status":"CLOSED","is_free_gift":true},{"line":2,"title":"l6","store_code":"s6"}]');
-- what each source shows of one and the same order, before and after a change
INSERT INTO sent
SELECT 'views', v.n, v.source, w.modified,
	(SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(w.fields) e JOIN field f ON f.object = 'trade' AND f.name = e.key
		WHERE v.source = ANY (f.served_by)),
	(SELECT jsonb_agg(jsonb_build_object('line', l.line -> 'line') || (SELECT jsonb_object_agg(e.key, e.value)
			FROM jsonb_each(l.line) e JOIN field f ON f.object = 'order' AND f.name = e.key WHERE v.source = ANY (f.served_by)) ORDER BY l.i)
		FROM jsonb_array_elements(w.lines) WITH ORDINALITY AS l (line, i))
FROM (VALUES
	('before', '2025-12-31 23:59:59',
		'{"status":"WAIT_BUYER_PAY","payment":"30.00","buyer_nick":"b","has_buyer_message":true,"commission_fee":"0.00","async_modified":"2026-01-01 00:00:00","seller_memo":"call first","no_shipping":true,"promotion":"p"}'::jsonb,
		'[{"line":1,"title":"t","refund_status":"NO_REFUND","store_code":"s"},{"line":2,"title":"u","is_free_gift":true,"shp_info":"h"}]'::jsonb),
	('after', '2026-01-01 00:00:00',
		'{"status":"WAIT_SELLER_SEND_GOODS","payment":"29.99","buyer_nick":"b","has_buyer_message":false,"alipay_no":"a","async_modified":"2026-01-01 00:00:02","tmall_delivery":"t","ouid":"o"}',
		'[{"line":2,"title":"u","refund_status":"NO_REFUND","is_service_order":true},{"line":1,"title":"t","refund_status":"WAIT_SELLER_AGREE","store_code":"s"}]')
) AS w (moment, modified, fields, lines)
JOIN (VALUES (1, 'before', 'increment'), (2, 'before', 'details'), (3, 'after', 'history'), (4, 'after', 'increment'),
	(5, 'after', 'list'), (6, 'after', 'details')) AS v (n, moment, source) ON v.moment = w.moment;
INSERT INTO sent VALUES
	('refunds', 1, 'list', '2026-03-01 10:00:00', '{"status":"WAIT_SELLER_AGREE","refund_fee":"1.00","desc":"d1"}', '[]'),
	('refunds', 2, 'details', '2026-03-01 10:00:00', '{"status":"WAIT_SELLER_AGREE","refund_fee":"2.00","cs_status":2,"refund_remind_timeout":{"timeout":"2026-03-02 10:00:00","exist_timeout":true},"shipping_type":"x"}', '[]'),
	('refunds', 3, 'special', '2026-03-02 10:00:00', '{"status":"SUCCESS","refund_fee":"3.00","special_refund_type":"priceProtect"}', '[]'),
	('refunds', 4, 'list', '2026-03-02 10:00:00', '{"status":"WAIT_BUYER_RETURN_GOODS","refund_fee":"4.00"}', '[]'),
	('refunds', 5, 'details', '2026-03-02 10:00:00', '{"status":"WAIT_SELLER_CONFIRM_GOODS","desc":"d5","cs_status":5,"refund_remind_timeout":{"remind_type":1}}', '[]'),
	('refunds', 6, 'list', '2026-02-28 23:59:59', '{"status":"WAIT_SELLER_AGREE","refund_fee":"6.00","desc":""}', '[]');

/* --- all orders of arrival --- */

-- An id a way; its lines are id * 10 + line.
CREATE TEMP TABLE way ON COMMIT DROP AS
WITH RECURSIVE p (ns) AS (
	SELECT '{}'::integer[]
	UNION ALL
	SELECT p.ns || n FROM p, generate_series(1, 6) n WHERE n <> ALL (p.ns)
)
SELECT b.batch, b.place * 10000 + row_number() OVER (PARTITION BY b.batch ORDER BY p.ns) AS id, p.ns
FROM p, (VALUES ('ages', 1), ('sources', 2), ('views', 3), ('refunds', 4)) AS b (batch, place)
WHERE cardinality(p.ns) = 6;

CREATE FUNCTION pg_temp.body(p_id bigint, r sent) RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('modified', r.modified) || r.fields
		|| CASE r.batch WHEN 'refunds' THEN jsonb_build_object('refund_id', p_id)
			ELSE jsonb_build_object('tid', p_id, 'orders', jsonb_build_object('order',
				(SELECT jsonb_agg((l.line - 'line') || jsonb_build_object('oid', p_id * 10 + (l.line -> 'line')::integer) ORDER BY l.i)
				FROM jsonb_array_elements(r.lines) WITH ORDINALITY AS l (line, i)))) END)::text
$$;
-- The records that are the step-th of their way, a page for each source; of which nothing changed.
-- Again: of records of one second that tell different states only the last one may come again without changing anything.
CREATE TEMP TABLE last_read ON COMMIT DROP AS
SELECT w.batch, w.id, r.n
FROM way w,
	LATERAL (SELECT r.n FROM sent r WHERE r.batch = w.batch ORDER BY r.modified DESC, array_position(w.ns, r.n) DESC LIMIT 1) r;
ALTER TABLE last_read ADD PRIMARY KEY (batch, id);
CREATE FUNCTION pg_temp.put_step(p_step integer, p_source text, p_again boolean DEFAULT false) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', a.n_new, a.n_changed, a.n_unchanged)
	FROM (
		SELECT r.batch = 'refunds' AS refunds, array_agg(w.id) AS ids, array_agg(ordersync.read_time(r.modified)) AS modified,
			array_agg(substr(sha256(convert_to(b.body, 'UTF8')), 1, 16)) AS digests, array_agg(b.body) AS bodies
		FROM way w
		JOIN sent r ON r.batch = w.batch AND r.n = w.ns[p_step] AND r.source = p_source
			AND (NOT p_again OR w.batch = 'views' OR EXISTS (SELECT FROM last_read l WHERE l.batch = w.batch AND l.id = w.id AND l.n = r.n)),
			LATERAL (SELECT pg_temp.body(w.id, r) AS body) b
		GROUP BY 1
	) p,
		LATERAL (
			SELECT a.* FROM ordersync.apply_orders(7, p_source, p_step, NULL, p.ids, p.modified, p.digests, p.bodies) a WHERE NOT p.refunds
			UNION ALL
			SELECT a.* FROM ordersync.apply_after_sales(7, p_source, p_step, NULL, p.ids, p.modified, p.digests, p.bodies) a WHERE p.refunds
		) a
$$;
CREATE TEMP TABLE said ON COMMIT DROP AS
SELECT step, source, pg_temp.put_step(step, source)
FROM generate_series(1, 6) AS step, unnest('{special,history,increment,list,details}'::text[]) AS source
ORDER BY step, source;

CREATE TEMP TABLE expected ON COMMIT DROP AS
WITH RECURSIVE s (batch, id, ns, step, state) AS (
	SELECT batch, id, ns, 0, NULL::jsonb FROM way
	UNION ALL
	SELECT s.batch, s.id, s.ns, s.step + 1, CASE s.batch
		WHEN 'refunds' THEN pg_temp.after(s.state, '{special,list,details}', 'refund', r.source, x.record)
		ELSE pg_temp.after(s.state, '{history,increment,list,details}', 'trade', r.source, x.record) END
	FROM s
	JOIN sent r ON r.batch = s.batch AND r.n = s.ns[s.step + 1],
		LATERAL (SELECT jsonb_build_object('modified', r.modified, 'fields', r.fields, 'lines', r.lines) AS record) x
)
SELECT batch, id, ns, state, state -> 'fields' AS f, state -> 'lines' AS lines FROM s WHERE step = 6;

SELECT is(count(*), 2880::bigint, 'four sets of six records in 720 orders of arrival each') FROM expected;
SELECT results_eq(
	'SELECT count(*) FROM ordersync.orders UNION ALL SELECT count(*) FROM ordersync.after_sales', 'VALUES (2160::bigint), (720)',
	'each order and each refund is one row');

/* --- what is stored is what the rules say --- */

CREATE FUNCTION pg_temp.money(v jsonb) RETURNS text LANGUAGE sql AS $$ SELECT (v #>> '{}')::numeric(18,2)::text $$;

SELECT is_empty($$
	SELECT concat_ws(' ', e.ns, e.state, p)
	FROM expected e
	LEFT JOIN ordersync.order_payloads p ON p.shop_id = 7 AND p.tid = e.id
	WHERE e.batch <> 'refunds'
		AND (e.state ->> 'modified', (e.state -> 'rank')::integer, (SELECT sum(CASE s WHEN 'history' THEN 1 WHEN 'increment' THEN 2 WHEN 'list' THEN 4 ELSE 8 END)
				FROM (SELECT DISTINCT jsonb_array_elements_text(e.state -> 'sources') AS s) s),
			e.f || jsonb_build_object('tid', e.id, 'modified', e.state -> 'modified'),
			(SELECT jsonb_agg((l.line - 'line') || jsonb_build_object('oid', e.id * 10 + (l.line -> 'line')::integer) ORDER BY l.i)
				FROM jsonb_array_elements(e.lines) WITH ORDINALITY AS l (line, i)))
		IS DISTINCT FROM (to_char(p.modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'), p.rank::integer, p.sources::bigint,
			p.payload - 'orders', p.payload #> '{orders,order}')
	LIMIT 3$$, 'payloads of orders: age, rank, sources, every field, every line in its place');
SELECT is_empty($$
	SELECT concat_ws(' ', e.ns, e.state, o)
	FROM expected e
	LEFT JOIN ordersync.orders o ON o.shop_id = 7 AND o.tid = e.id
	WHERE e.batch <> 'refunds'
		AND (e.state ->> 'modified', e.f ->> 'status', pg_temp.money(e.f -> 'payment'), e.f ->> 'buyer_nick', e.f ->> 'has_buyer_message',
			pg_temp.money(e.f -> 'commission_fee'), e.f ->> 'alipay_no', e.f ->> 'async_modified', e.f ->> 'seller_memo', jsonb_array_length(e.lines))
		IS DISTINCT FROM (to_char(o.modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'), o.status, o.payment::text, o.buyer_nick, o.has_buyer_message::text,
			o.commission_fee::text, o.alipay_no, to_char(o.async_modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'), o.seller_memo, o.line_count)
	LIMIT 3$$, 'columns of orders');
SELECT is_empty($$
	SELECT concat_ws(' ', e.ns, l.line, s)
	FROM expected e
	CROSS JOIN jsonb_array_elements(e.lines) WITH ORDINALITY AS l (line, i)
	FULL JOIN ordersync.sub_orders s ON s.shop_id = 7 AND s.oid = e.id * 10 + (l.line -> 'line')::integer
	WHERE e.batch IS DISTINCT FROM 'refunds'
		AND (e.id, l.i, e.state ->> 'modified', e.f ->> 'status', l.line ->> 'title', l.line ->> 'refund_status', l.line ->> 'store_code',
			COALESCE(l.line ->> 'is_free_gift', 'false'))
		IS DISTINCT FROM (s.tid, s.line_no::bigint, to_char(s.modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'), s.trade_status, s.title, s.refund_status, s.store_code,
			s.is_gift::text)
	LIMIT 3$$, 'columns of sub-orders, no line lost and none too many');
SELECT is_empty($$
	SELECT concat_ws(' ', e.ns, e.state, p, a)
	FROM expected e
	LEFT JOIN ordersync.after_sale_payloads p ON p.shop_id = 7 AND p.refund_id = e.id
	LEFT JOIN ordersync.after_sales a ON a.shop_id = 7 AND a.refund_id = e.id
	WHERE e.batch = 'refunds'
		AND (e.state ->> 'modified', (e.state -> 'rank')::integer, e.f || jsonb_build_object('refund_id', e.id, 'modified', e.state -> 'modified'),
			e.f ->> 'status', pg_temp.money(e.f -> 'refund_fee'), e.f ->> 'desc', e.f ->> 'special_refund_type', e.f ->> 'cs_status', e.f #>> '{refund_remind_timeout,timeout}')
		IS DISTINCT FROM (to_char(a.modified AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'), p.rank::integer, p.payload,
			a.status, a.refund_fee::text, a.description, a.special_refund_type, a.cs_status::text, to_char(a.timeout AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS'))
	LIMIT 3$$, 'payloads and columns of after-sales; a nested value is replaced whole');

/* --- said once more without the model: what holds in every order of arrival --- */

SELECT is_empty($$
	SELECT concat_ws(' ', w.ns, r.n, o.status, o.payment)
	FROM way w
	JOIN ordersync.orders o ON o.tid = w.id,
		LATERAL (SELECT r.* FROM sent r WHERE r.batch = w.batch ORDER BY r.modified DESC, array_position(w.ns, r.n) DESC LIMIT 1) r
	WHERE w.batch IN ('ages', 'sources') AND (o.status, o.payment::text) IS DISTINCT FROM (r.fields ->> 'status', r.fields ->> 'payment')
	LIMIT 3$$, 'what all sources serve is always the newest record''s, at equal age that of the one that was read last');
SELECT results_eq($$
	SELECT DISTINCT o.status, o.payment FROM way w JOIN ordersync.orders o ON o.tid = w.id WHERE w.batch = 'views'$$,
	$$VALUES ('WAIT_SELLER_SEND_GOODS', 29.99)$$, 'also where all tell the same');
SELECT results_eq($$
	SELECT DISTINCT w.batch, o.seller_memo FROM way w JOIN ordersync.orders o ON o.tid = w.id ORDER BY 1$$,
	$$VALUES ('ages', 'm6'), ('sources', 'm6'), ('views', NULL)$$,
	'a details record is never thinned by a list of its age; what it no longer has is NULL');
SELECT results_eq($$
	SELECT count(DISTINCT p.payload - array_cat('{tid,orders}', ARRAY(SELECT name FROM field WHERE NOT has_column))),
		count(DISTINCT (SELECT jsonb_agg(l - array_cat('{oid}', ARRAY(SELECT name FROM field WHERE NOT has_column)) ORDER BY l -> 'oid')
			FROM jsonb_array_elements(p.payload #> '{orders,order}') l)),
		count(DISTINCT to_jsonb(o) - '{tid,details_at,platform_state}'::text[])
	FROM way w
	JOIN ordersync.order_payloads p ON p.tid = w.id
	JOIN ordersync.orders o ON o.tid = w.id
	WHERE w.batch = 'views'$$, $$VALUES (1::bigint, 1::bigint, 1::bigint)$$,
	'views of one and the same order end the same in every order of arrival, in payload, lines and columns');
SELECT is(
	(SELECT jsonb_object_agg(e.key, e.value) FROM way w JOIN ordersync.order_payloads p ON p.tid = w.id, jsonb_each(p.payload) e, field f
		WHERE w.batch = 'views' AND f.object = 'trade' AND f.name = e.key AND f.has_column),
	(SELECT jsonb_object_agg(e.key, e.value) FROM sent r, jsonb_each(r.fields) e, field f
		WHERE r.batch = 'views' AND r.modified = '2026-01-01 00:00:00' AND f.object = 'trade' AND f.name = e.key AND f.has_column),
	'all that any of the sources showed last, and nothing from before');
SELECT results_eq($$
	SELECT DISTINCT o.alipay_no FROM way w JOIN ordersync.orders o ON o.tid = w.id WHERE w.batch = 'ages' ORDER BY 1$$, $$VALUES (NULL::text)$$,
	'what the newest details record serves and does not have is NULL, whoever had it before');

/* --- the lifecycle in every order of arrival, and replays --- */

CREATE FUNCTION pg_temp.broken_chains() RETURNS SETOF ordersync.order_changes LANGUAGE sql AS $$
	SELECT (c.c).* FROM (
		SELECT c, lag(c.new_value) OVER w AS before, row_number() OVER w AS i, c.field AS f
		FROM ordersync.order_changes c
		WINDOW w AS (PARTITION BY c.object, c.id, CASE c.field WHEN 'first_seen' THEN 'status' ELSE c.field END ORDER BY c.change_id)
	) c
	WHERE c.i > 1 AND ((c.c).old_value IS DISTINCT FROM c.before OR c.f = 'first_seen')
		OR (c.c).old_value IS NOT DISTINCT FROM (c.c).new_value AND c.f <> 'first_seen'
$$;
SELECT is_empty('SELECT c::text FROM pg_temp.broken_chains() c LIMIT 3', 'the changes of a field form a chain, from where it was first seen');
SELECT is_empty($$
	SELECT concat_ws(' ', c, o.status, o.payment) FROM (
		SELECT DISTINCT ON (object, id, CASE field WHEN 'first_seen' THEN 'status' ELSE field END) * FROM ordersync.order_changes
		ORDER BY object, id, CASE field WHEN 'first_seen' THEN 'status' ELSE field END, change_id DESC
	) c
	LEFT JOIN ordersync.orders o ON c.object = 'order' AND o.tid = c.id
	LEFT JOIN ordersync.sub_orders s ON c.object = 'sub_order' AND s.oid = c.id
	LEFT JOIN ordersync.after_sales a ON c.object = 'after_sale' AND a.refund_id = c.id
	WHERE c.new_value IS DISTINCT FROM CASE
		WHEN c.field IN ('status', 'first_seen') THEN COALESCE(o.status, a.status)
		WHEN c.field = 'payment' THEN o.payment::text
		WHEN c.field = 'refund_status' THEN s.refund_status END
	LIMIT 3$$, 'which ends at what is stored');

-- every row version there is, and whether anybody locked it
CREATE FUNCTION pg_temp.versions() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(v, ' ' ORDER BY v)) FROM (
		SELECT format('o %s %s %s %s', tid, ctid, xmin, xmax) AS v FROM ordersync.orders
		UNION ALL SELECT format('s %s %s %s %s', oid, ctid, xmin, xmax) FROM ordersync.sub_orders
		UNION ALL SELECT format('a %s %s %s %s', refund_id, ctid, xmin, xmax) FROM ordersync.after_sales
		UNION ALL SELECT format('op %s %s %s %s', tid, ctid, xmin, xmax) FROM ordersync.order_payloads
		UNION ALL SELECT format('ap %s %s %s %s', refund_id, ctid, xmin, xmax) FROM ordersync.after_sale_payloads
		UNION ALL SELECT format('c %s %s %s', change_id, ctid, xmax) FROM ordersync.order_changes
		UNION ALL SELECT format('q %s %s %s', quarantine_id, ctid, xmax) FROM ordersync.quarantine
	) x
$$;
CREATE FUNCTION pg_temp.again(p_sources text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', step, source, said) FROM generate_series(1, 6) AS step, unnest(p_sources) AS source,
		LATERAL pg_temp.put_step(step, source, true) AS said
	WHERE said !~ '^0/0/'
$$;
CREATE TEMP TABLE seen (after text, versions text) ON COMMIT DROP;
-- each of lists and history notes where it has the orders, once
SELECT is_empty($$ SELECT pg_temp.again('{history}') $$, 'the history comes again: nothing is new, nothing is changed');
INSERT INTO seen VALUES ('history', pg_temp.versions());
SELECT pg_temp.again('{history}');
SELECT is(pg_temp.versions(), (SELECT versions FROM seen WHERE after = 'history'), 'no row is written, none is locked, no change is recorded');
SELECT is_empty($$ SELECT pg_temp.again('{details,special,increment,list}') $$, 'so do the lists and what is fetched by id');
INSERT INTO seen VALUES ('lists', pg_temp.versions());
SELECT pg_temp.again('{details,special,increment,list}');
SELECT is(pg_temp.versions(), (SELECT versions FROM seen WHERE after = 'lists'), 'with no row written, none locked, no change recorded');

/* --- an order and its refund, either first --- */

-- Refund n belongs to order n: of its line, or without a line; of money that went back, or not.
CREATE FUNCTION pg_temp.put_pair(p_id bigint, p_refund_first boolean, p_with_line boolean, p_more jsonb, p_paid_later boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_unpaid jsonb := jsonb_build_object('tid', p_id, 'modified', '2026-03-01 10:00:00', 'type', 'fixed', 'status', 'WAIT_BUYER_PAY', 'payment', '10.00',
		'orders', jsonb_build_array(jsonb_build_object('oid', p_id, 'num_iid', p_id + 5, 'total_fee', '10.00')));
	v_paid jsonb := v_unpaid || '{"modified":"2026-03-01 11:00:00","status":"WAIT_SELLER_SEND_GOODS","pay_time":"2026-03-01 11:00:00"}';
	v_refund jsonb := jsonb_build_object('refund_id', p_id, 'tid', p_id, 'modified', '2026-03-02 10:00:00', 'refund_fee', '10.00') || p_more
		|| CASE WHEN p_with_line THEN jsonb_build_object('oid', p_id) ELSE '{}' END;
BEGIN
	IF p_paid_later THEN PERFORM ordersync.apply_orders(9, 'list', 1, 1, ARRAY[p_id], ARRAY[ordersync.read_time(v_unpaid ->> 'modified')], ARRAY['a'::bytea], ARRAY[v_unpaid::text]); END IF;
	FOR i IN 1 .. 2 LOOP
		IF p_refund_first = (i = 1) THEN
			PERFORM ordersync.apply_after_sales(9, 'list', 1, 1, ARRAY[p_id], ARRAY[ordersync.read_time(v_refund ->> 'modified')], ARRAY['a'::bytea], ARRAY[v_refund::text]);
		ELSE
			PERFORM ordersync.apply_orders(9, 'list', 1, 1, ARRAY[p_id], ARRAY[ordersync.read_time(v_paid ->> 'modified')], ARRAY['b'::bytea], ARRAY[v_paid::text]);
		END IF;
	END LOOP;
END $$;
CREATE TEMP TABLE pair ON COMMIT DROP AS
SELECT row_number() OVER () * 100 AS id, *
FROM unnest(ARRAY[false, true]) AS refund_first, unnest(ARRAY[false, true]) AS with_line, unnest(ARRAY[false, true]) AS paid_later,
	(VALUES ('money went back', '{"status":"SUCCESS","dispute_type":"REFUND"}'::jsonb), ('goods exchanged', '{"status":"SUCCESS","dispute_type":"TMALL_EXCHANGE"}'), ('asked for', '{"status":"WAIT_SELLER_AGREE"}')) AS k (kind, more);
SELECT count(pg_temp.put_pair(id, refund_first, with_line, more, paid_later)) AS pairs FROM pair \gset
SELECT is_empty($$
	SELECT format('refund first %s, with line %s, paid later %s, %s: linked to %s/%s/%s, paid %s/%s, frozen %s/%s, estimated %s', p.refund_first, p.with_line, p.paid_later, p.kind,
		a.tid, a.oid, a.num_iid, o.paid_amount, s.paid_amount, o.paid_amount_frozen, s.paid_amount_frozen, s.paid_amount_estimated)
	FROM pair p
	LEFT JOIN ordersync.after_sales a ON (a.shop_id, a.refund_id) = (9, p.id)
	LEFT JOIN ordersync.orders o ON (o.shop_id, o.tid) = (9, p.id)
	LEFT JOIN ordersync.sub_orders s ON (s.shop_id, s.oid) = (9, p.id)
	WHERE (a.tid, a.oid, a.num_iid, o.paid_amount, s.paid_amount, o.paid_amount_frozen, s.paid_amount_frozen, s.paid_amount_estimated)
		IS DISTINCT FROM (p.id, p.id, p.id + 5, 10.00, 10.00, p.kind = 'money went back', p.kind = 'money went back', false)$$,
	:pairs || ' pairs of an order and a refund: linked, and frozen where money went back, whichever comes first');

SELECT * FROM finish();
ROLLBACK;
