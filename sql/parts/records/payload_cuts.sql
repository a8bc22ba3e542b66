/*
 * Payloads of what is stored already, cut as the shop's options say now.
 *
 * Once a day a shop's orders are walked by the day of their creation, then those
 * whose creation could not be read, then its after-sales by number (few, and their
 * order need not be stored), a little at a time; where the walk stands is remembered.  A day is looked at daily until it
 * is half a year older than the age, for the orders that end late and for rows
 * that somebody held; and every thirty days all of them are, for what ended later
 * still.  An index of when orders ended would spare that reading, and be one more
 * to write with every order.
 */
CREATE OR REPLACE FUNCTION ordersync.cut_payloads(p_for interval DEFAULT '0.2 seconds')
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stop_at timestamptz := pg_catalog.clock_timestamp() + p_for;
	v_today date := (pg_catalog.now() AT TIME ZONE 'Asia/Shanghai')::date;
	v record;
	v_next record;
	v_whole_on date;
BEGIN
	IF NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('cut_payloads')) THEN
		RETURN false;			-- another worker is at it
	END IF;

	DELETE FROM ordersync.payload_cuts c
	WHERE NOT EXISTS (
		SELECT
		FROM ordersync.shops s
		WHERE s.shop_id = c.shop_id
			AND s.options ->> 'payloads' = c.keeps);
	FOR v IN
		SELECT s.shop_id, s.options ->> 'payloads' AS keeps, e.ended_before,
			(LEAST(e.ended_before, pg_catalog.now()) AT TIME ZONE 'Asia/Shanghai')::date AS last_day
		FROM ordersync.shops s
		LEFT JOIN ordersync.payload_cuts c ON c.shop_id = s.shop_id
		CROSS JOIN LATERAL (
			SELECT CASE s.options ->> 'payloads'
				WHEN 'off' THEN 'infinity'
				ELSE pg_catalog.now() - (s.options ->> 'payloads')::interval
			END AS ended_before
		) e
		WHERE s.options ->> 'payloads' <> 'keep'
			AND c.done_on IS DISTINCT FROM v_today
		ORDER BY s.shop_id
	LOOP
		SELECT * INTO v_next
		FROM ordersync.begin_cut(v.shop_id, v_today);
		v_whole_on := v_next.whole_on;
		LOOP
			SELECT * INTO v_next
			FROM ordersync.cut_step(v.shop_id, v_next.next_day, v_next.next_refund, v.ended_before, v.last_day);
			EXIT WHEN v_next.next_day IS NULL;
			IF pg_catalog.clock_timestamp() >= v_stop_at THEN
				PERFORM ordersync.save_cut_progress(v.shop_id, v.keeps, v_next.next_day, v_next.next_refund, v_whole_on, NULL);
				RETURN true;
			END IF;
		END LOOP;
		PERFORM ordersync.save_cut_progress(v.shop_id, v.keeps, v.last_day - 180, NULL, v_whole_on, v_today);
	END LOOP;
	RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.cut_payloads(interval) IS
	'cuts payloads as the shops'' option says, for so long; true when there is more to do now';

CREATE OR REPLACE FUNCTION ordersync.begin_cut(
	p_shop bigint,
	p_today date,
	OUT next_day date,
	OUT next_refund bigint,
	OUT whole_on date)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v ordersync.payload_cuts;
BEGIN
	SELECT c.* INTO v
	FROM ordersync.payload_cuts c
	WHERE c.shop_id = p_shop;
	IF v.shop_id IS NULL OR v.done_on IS NOT NULL AND v.whole_on <= p_today - 30 THEN
		next_day := '-infinity';
		whole_on := p_today;
		RETURN;
	END IF;
	next_day := v.next_day;
	next_refund := v.next_refund;
	whole_on := v.whole_on;
END
$function$;
COMMENT ON FUNCTION ordersync.begin_cut(bigint, date) IS
	'where the walk that cuts a shop''s payloads begins or goes on';

CREATE OR REPLACE FUNCTION ordersync.cut_step(
	p_shop bigint,
	INOUT next_day date,
	INOUT next_refund bigint,
	p_ended_before timestamptz,
	p_last_day date)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_day date;
BEGIN
	IF next_day = 'infinity' THEN
		next_refund := ordersync.cut_after_sales(p_shop, next_refund, p_ended_before);
		IF next_refund IS NULL THEN
			next_day := NULL;
		END IF;
		RETURN;
	END IF;

	EXECUTE
		'SELECT pg_catalog.min(o.created_date) '
		'FROM ordersync.orders o '
		'WHERE o.shop_id = $1 '
			'AND o.created_date BETWEEN $2 AND $3'
	INTO v_day
	USING p_shop, next_day, p_last_day;
	next_day := CASE
		WHEN ordersync.cut_day(p_shop, v_day, p_ended_before) THEN COALESCE(v_day, p_last_day + 1)
		ELSE COALESCE(v_day + 1, 'infinity')
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.cut_step(bigint, date, bigint, timestamptz, date) IS
	'one step of the walk that cuts a shop''s payloads, and where it goes on; next_day is NULL at its end';

CREATE OR REPLACE FUNCTION ordersync.save_cut_progress(
	p_shop bigint,
	p_keeps text,
	p_day date,
	p_refund bigint,
	p_whole_on date,
	p_done_on date)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.payload_cuts AS c (shop_id, keeps, next_day, next_refund, whole_on, done_on)
	VALUES (p_shop, p_keeps, p_day, p_refund, p_whole_on, p_done_on)
	ON CONFLICT (shop_id) DO UPDATE
	SET next_day = excluded.next_day,
		next_refund = excluded.next_refund,
		whole_on = excluded.whole_on,
		done_on = excluded.done_on
$function$;
COMMENT ON FUNCTION ordersync.save_cut_progress(bigint, text, date, bigint, date, date) IS
	'where the walk that cuts a shop''s payloads goes on, or that it has come to its end';

/* What came between off, keep and off again on one day is cut on that day too. */
CREATE OR REPLACE FUNCTION ordersync.restart_cut(p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	DELETE FROM ordersync.payload_cuts c
	USING ordersync.shops s
	WHERE c.shop_id = p_shop
		AND s.shop_id = p_shop
		AND c.keeps IS DISTINCT FROM s.options ->> 'payloads';
END
$function$;
COMMENT ON FUNCTION ordersync.restart_cut(bigint) IS
	'forgets the walk that cuts a shop''s payloads where its option has changed: the next one begins anew';

CREATE OR REPLACE FUNCTION ordersync.cut_day(p_shop bigint, p_day date, p_ended_before timestamptz)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_orders bigint;
BEGIN
	EXECUTE
		'WITH due AS MATERIALIZED ( '
			'SELECT p.tid '
			'FROM ordersync.orders o '
			'JOIN ordersync.order_payloads p ON p.shop_id = o.shop_id AND p.tid = o.tid '
			'WHERE o.shop_id = $1 '
				'AND o.created_date '
		|| CASE WHEN p_day IS NULL THEN 'IS NULL ' ELSE '= $2 ' END
		||		'AND ($3 = ''infinity'' '
					'OR o.status IN (''TRADE_FINISHED'', ''TRADE_CLOSED'', ''TRADE_CLOSED_BY_TAOBAO'') '
						'AND COALESCE(o.end_time, o.modified) < $3) '
				'AND p.payload IS NOT NULL '
			'ORDER BY p.tid '
			'LIMIT 1000 '
			'FOR NO KEY UPDATE OF p SKIP LOCKED '
		') '
		'UPDATE ordersync.order_payloads p '
		'SET payload = NULL '
		'FROM due '
		'WHERE p.shop_id = $1 '
			'AND p.tid = due.tid'
	USING p_shop, p_day, p_ended_before;
	GET DIAGNOSTICS v_orders = ROW_COUNT;
	RETURN v_orders = 1000;
END
$function$;
COMMENT ON FUNCTION ordersync.cut_day(bigint, date, timestamptz) IS
	'cuts up to a thousand payloads of orders created on a day (NULL: nobody knows when) that ended before a time; true when there may be more';

CREATE OR REPLACE FUNCTION ordersync.cut_after_sales(p_shop bigint, p_after bigint, p_ended_before timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_last bigint;
BEGIN
	EXECUTE
		'SELECT pg_catalog.max(b.refund_id) '
		'FROM ( '
			'SELECT a.refund_id '
			'FROM ordersync.after_sales a '
			'WHERE a.shop_id = $1 '
				'AND ($2 IS NULL OR a.refund_id > $2) '
			'ORDER BY a.refund_id '
			'LIMIT 1000 '
		') b'
	INTO v_last
	USING p_shop, p_after;

	EXECUTE
		'WITH due AS MATERIALIZED ( '
			'SELECT p.refund_id '
			'FROM ordersync.after_sales a '
			'JOIN ordersync.after_sale_payloads p ON p.shop_id = a.shop_id AND p.refund_id = a.refund_id '
			'WHERE a.shop_id = $1 '
				'AND ($2 IS NULL OR a.refund_id > $2) '
				'AND a.refund_id <= $3 '
				'AND ($4 = ''infinity'' '
					'OR a.status IN (''SUCCESS'', ''CLOSED'', ''EXCHANGE_TRANSFORM_TO_REFUND'') '
						'AND a.modified < $4) '
				'AND p.payload IS NOT NULL '
			'ORDER BY p.refund_id '
			'FOR NO KEY UPDATE OF p SKIP LOCKED '
		') '
		'UPDATE ordersync.after_sale_payloads p '
		'SET payload = NULL '
		'FROM due '
		'WHERE p.shop_id = $1 '
			'AND p.refund_id = due.refund_id'
	USING p_shop, p_after, v_last, p_ended_before;
	RETURN v_last;
END
$function$;
COMMENT ON FUNCTION ordersync.cut_after_sales(bigint, bigint, timestamptz) IS
	'cuts the payloads of those of the next thousand after-sales that ended before a time; the last one''s number, NULL at the end';

/* The option was set on a shop that has records: what it hides is taken out of them. */
CREATE OR REPLACE FUNCTION ordersync.remove_hidden_fields(p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_hidden constant text[] := (ordersync.payload_rules(p_shop)).hidden;
BEGIN
	-- a page that is being stored has read the option as it was; its rows are there when we get in
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));

	UPDATE ordersync.order_payloads p
	SET payload = p.payload - v_hidden
	WHERE p.shop_id = p_shop
		AND p.payload ?| v_hidden;
	UPDATE ordersync.after_sale_payloads p
	SET payload = p.payload - v_hidden
	WHERE p.shop_id = p_shop
		AND p.payload ?| v_hidden;
	UPDATE ordersync.orders o
	SET seller_memo = NULL,
		synced_at = pg_catalog.now()
	WHERE o.shop_id = p_shop
		AND o.seller_memo IS NOT NULL;
	UPDATE ordersync.after_sales a
	SET description = NULL,
		synced_at = pg_catalog.now()
	WHERE a.shop_id = p_shop
		AND a.description IS NOT NULL;
	-- a record that the database refused can be read, and is tried again from what is kept of it
	UPDATE ordersync.quarantine q
	SET body = CASE q.reason WHEN 'refused' THEN pg_catalog.convert_to(
			(pg_catalog.convert_from(q.body, 'UTF8')::jsonb - v_hidden)::text, 'UTF8') END,
		asked = CASE WHEN q.asked ? 'mends' THEN pg_catalog.jsonb_set(q.asked, '{mends}', (
				SELECT COALESCE(pg_catalog.jsonb_agg(m.mend), '[]')
				FROM pg_catalog.jsonb_array_elements(q.asked -> 'mends') AS m (mend)
				WHERE pg_catalog.split_part(m.mend ->> 'path', '.', 1) <> ALL (v_hidden)))
			ELSE q.asked END
	WHERE q.shop_id = p_shop
		AND q.reason NOT IN ('value', 'line')
		AND q.body IS NOT NULL;
	-- of a mended value that is not stored any more nothing is kept
	UPDATE ordersync.quarantine q
	SET body = NULL,
		value = NULL,
		resolved_at = COALESCE(q.resolved_at, pg_catalog.now())
	WHERE q.shop_id = p_shop
		AND q.source IS NOT NULL
		AND q.column_name = ANY (v_hidden)
		AND (q.body IS NOT NULL OR q.value IS NOT NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.remove_hidden_fields(bigint) IS
	'removes what people wrote (memos, messages, refund descriptions) from all stored records of a shop whose privacy is strict';
