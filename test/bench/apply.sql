-- What test/bench/apply needs in its database: pages to store, variants of the tables and functions, figures.

CREATE EXTENSION ordersync;
SELECT ordersync.set_up() \g /dev/null
CREATE SCHEMA bench;
CREATE UNLOGGED TABLE bench.incoming (body text);
CREATE UNLOGGED TABLE bench.pages (picture text, page integer, ids bigint[], modified timestamptz[], digests bytea[], bodies text[]);
CREATE UNLOGGED TABLE bench.measured (variant text, picture text, orders integer, seconds numeric, cpu_ms numeric, wal numeric);

-- Of the second picture only the orders that have changed since the first.
CREATE FUNCTION bench.take(p_picture text) RETURNS void LANGUAGE sql AS $$
	WITH said AS (
		SELECT body, (r ->> 'tid')::bigint AS tid, (r ->> 'modified')::timestamp AT TIME ZONE 'Asia/Shanghai' AS modified
		FROM (SELECT body, body::jsonb AS r FROM bench.incoming WHERE body <> '' OFFSET 0) AS i
	), earlier AS (
		SELECT u.tid, u.modified
		FROM bench.pages, ROWS FROM (unnest(ids), unnest(modified)) AS u (tid, modified)
	), paged AS (
		SELECT s.*, (row_number() OVER (ORDER BY s.modified) - 1) / 100 AS page
		FROM said AS s
		LEFT JOIN earlier AS e USING (tid)
		WHERE p_picture = 'new' OR s.modified > e.modified
	)
	INSERT INTO bench.pages
	SELECT p_picture, page, array_agg(tid), array_agg(modified), array_agg(substr(sha256(convert_to(body, 'UTF8')), 1, 16)), array_agg(body)
	FROM paged
	GROUP BY page;
	TRUNCATE bench.incoming;
$$;

CREATE PROCEDURE bench.store(p_picture text) LANGUAGE plpgsql AS $$
DECLARE
	v bench.pages;
BEGIN
	FOR v IN SELECT * FROM bench.pages WHERE picture = p_picture ORDER BY page LOOP
		PERFORM ordersync.apply_orders(1, 'list', NULL, NULL, v.ids, v.modified, v.digests, v.bodies);
		COMMIT;
	END LOOP;
END
$$;

-- The functions as they are installed, to come back to.
CREATE TABLE bench.installed AS
SELECT pg_get_functiondef(oid) AS definition
FROM pg_proc
WHERE oid = (SELECT p.oid FROM pg_proc AS p WHERE p.proname = 'write_orders' AND p.pronamespace = 'ordersync'::regnamespace);

-- One piece of a function in place of another; an error when it is not there any more.
CREATE FUNCTION bench.instead(definition text, piece text, other text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF regexp_replace(definition, piece, other) = definition THEN
		RAISE EXCEPTION 'write_orders has changed, and this benchmark with it: nothing matches %', piece;
	END IF;
	RETURN regexp_replace(definition, piece, other);
END
$$;

CREATE PROCEDURE bench.become(p_variant text) LANGUAGE plpgsql AS $$
DECLARE
	v text;
	v_write text := (SELECT definition FROM bench.installed);
BEGIN
	-- tables and indexes as set_up() makes them
	EXECUTE (SELECT string_agg(format('DROP TABLE IF EXISTS ordersync.%I CASCADE', t), ';')
		FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads', 'order_changes']) AS t);
	PERFORM ordersync.set_up();

	IF p_variant = 'bare indexes' THEN
		FOR v IN
			SELECT format('DROP INDEX ordersync.%I; %s', c.relname, regexp_replace(pg_get_indexdef(c.oid), ' INCLUDE \(.*$', ''))
			FROM pg_index AS x
			JOIN pg_class AS c ON c.oid = x.indexrelid
			WHERE c.relnamespace = 'ordersync'::regnamespace AND x.indnatts > x.indnkeyatts
		LOOP
			EXECUTE v;
		END LOOP;
	ELSIF p_variant = 'keys only' THEN
		FOR v IN
			SELECT format('DROP INDEX %s', x.indexrelid::regclass)
			FROM pg_index AS x
			WHERE x.indrelid IN ('ordersync.orders'::regclass, 'ordersync.sub_orders'::regclass) AND NOT x.indisprimary
				AND x.indexrelid <> 'ordersync.sub_orders_tid_idx'::regclass	-- storing looks lines up by it
		LOOP
			EXECUTE v;
		END LOOP;
	ELSIF p_variant = 'not derived' THEN
		FOR v IN
			SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION', a.attrelid::regclass, a.attname)
			FROM pg_attribute AS a
			WHERE a.attrelid IN ('ordersync.orders'::regclass, 'ordersync.sub_orders'::regclass) AND a.attgenerated <> ''
		LOOP
			EXECUTE v;
		END LOOP;
		v_write := bench.instead(v_write, 'ordersync\.roll_up_lines\([^)]*\)', '(SELECT NULL::integer AS line_count, NULL::integer AS item_num, '
			'NULL::numeric AS gmv, NULL::text AS logistics_company, NULL::text AS invoice_no, NULL::integer AS package_count, false AS line_refunded)');
		v_write := bench.instead(v_write, 'SELECT CASE\s+?-- closed before.*?END AS paid_at', 'SELECT NULL::timestamptz AS paid_at');
		v_write := bench.instead(v_write, 'ordersync\.after_sales_of\([^)]*\)', '(SELECT NULL::bigint[] AS refunded_tids, NULL::bigint[] AS refunded_oids, '
			'NULL::bigint[] AS lowered_oids, NULL::bigint[] AS unlinked)');
	END IF;
	EXECUTE v_write;
END
$$;

CREATE VIEW bench.figures AS
WITH m AS (
	SELECT variant, picture, max(orders) AS orders, percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_ms) AS cpu,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds, percentile_cont(0.5) WITHIN GROUP (ORDER BY wal) AS wal
	FROM bench.measured
	GROUP BY 1, 2
)
SELECT picture, variant, orders, round((1000 * cpu / orders)::numeric) AS "CPU us an order",
	round((100 * cpu / first_value(cpu) OVER w - 100)::numeric, 1) AS "% more",
	round((orders / seconds)::numeric) AS "orders a second", round((wal / orders)::numeric) AS "bytes of WAL an order"
FROM m
WINDOW w AS (PARTITION BY picture ORDER BY variant <> 'as it is')
ORDER BY picture DESC, variant;
