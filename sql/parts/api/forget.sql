/*
 * Forgetting a buyer.
 *
 * The rows of the orders stay, with their times, states, items and amounts, so that
 * reports stay true; country and province stay with them.  What tells the buyer goes:
 * from the columns, and from the records all but what columns hold.  A keyed hash of
 * the pseudonym and the orders' numbers are remembered, and what comes of them later is
 * stored in the same way; so a later reading finds nothing changed.  (The history names
 * no buyer: there the order's number tells.)
 *
 * Pages wait: a change of the policy waits for those that are being stored, and holds
 * the others until it commits.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_forget(buyer_open_uid text)
RETURNS TABLE (relation text, rows bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_buyer text;
	v_rows jsonb := '{}';
	v_shop record;
BEGIN
	IF COALESCE(btrim(buyer_open_uid), '') = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'no buyer was given',
			HINT = 'SELECT * FROM ordersync_forget(buyer_open_uid); orders.buyer_open_uid has it.';
	END IF;
	PERFORM ordersync.set_up_if_outdated();
	v_buyer := ordersync.begin_to_forget(buyer_open_uid);
	FOR v_shop IN
		SELECT f.shop_id, f.tids, f.refunds
		FROM ordersync.records_of_buyer(ARRAY[buyer_open_uid, v_buyer]) f
		ORDER BY f.shop_id
	LOOP
		PERFORM pg_advisory_xact_lock(ordersync.apply_lock_key(v_shop.shop_id));
		INSERT INTO ordersync.forgotten_orders (shop_id, tid)
		SELECT v_shop.shop_id, t.tid
		FROM unnest(v_shop.tids) AS t (tid)
		ON CONFLICT DO NOTHING;
		v_rows := ordersync.add_counts(v_rows, ordersync.erase_records(v_shop.shop_id, v_shop.tids, v_shop.refunds));
	END LOOP;
	v_rows := ordersync.add_counts(v_rows, ordersync.erase_mentions(ARRAY[buyer_open_uid, v_buyer]));
	PERFORM ordersync.note_privacy_change();
	PERFORM ordersync.record_action('buyer forgotten', p_details => v_rows);

	RETURN QUERY
	SELECT t.relation, COALESCE((v_rows ->> t.relation)::bigint, 0)
	FROM unnest(ARRAY['orders', 'sub_orders', 'after_sales', 'order_payloads', 'after_sale_payloads', 'quarantine',
		'order_changes', 'request_log']) AS t (relation);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_forget(text) IS
	'erases what tells a buyer from everything that is stored, for good, and says from how many rows; orders keep their amounts';

/* Remembered first: what is erased after it is found by who stores pages then. */
CREATE OR REPLACE FUNCTION ordersync.begin_to_forget(p_uid text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_buyer text;
BEGIN
	LOCK TABLE ordersync.privacy_state IN EXCLUSIVE MODE;
	PERFORM ordersync.need_hash_key();
	-- the key may be new, and is read with the policy
	PERFORM ordersync.note_privacy_change();
	v_buyer := ordersync.hash_value(p_uid);
	IF v_buyer IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'the key that buyers are remembered by cannot be opened',
			DETAIL = COALESCE(ordersync.key_file_trouble(), 'It was sealed with another key than the one in ordersync.key_file.'),
			HINT = 'Put back the key file that this installation was set up with.';
	END IF;
	INSERT INTO ordersync.forgotten (buyer)
	VALUES (v_buyer)
	ON CONFLICT DO NOTHING;
	RETURN v_buyer;
END
$function$;
COMMENT ON FUNCTION ordersync.begin_to_forget(text) IS
	'remembers by its hash that a buyer is forgotten, and returns the hash';

/* An order's after-sales are its buyer's, and the other way round. */
CREATE OR REPLACE FUNCTION ordersync.records_of_buyer(p_buyers text[])
RETURNS TABLE (shop_id bigint, tids bigint[], refunds bigint[])
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	WITH bought AS MATERIALIZED (
		SELECT o.shop_id, o.tid
		FROM ordersync.orders o
		WHERE o.buyer_open_uid = ANY (p_buyers)
	), claimed AS MATERIALIZED (
		SELECT a.shop_id, a.refund_id, a.tid
		FROM ordersync.after_sales a
		WHERE a.buyer_open_uid = ANY (p_buyers)
	), orders AS (
		SELECT b.shop_id, b.tid
		FROM bought b
		UNION
		SELECT c.shop_id, c.tid
		FROM claimed c
		WHERE c.tid IS NOT NULL
	), refunds AS (
		SELECT c.shop_id, c.refund_id
		FROM claimed c
		UNION
		SELECT o.shop_id, a.refund_id
		FROM orders o,
			LATERAL (
				SELECT a.refund_id
				FROM ordersync.after_sales a
				WHERE a.shop_id = o.shop_id
					AND a.tid = o.tid
				OFFSET 0
			) a
	)
	SELECT s.shop_id,
		ARRAY(SELECT o.tid FROM orders o WHERE o.shop_id = s.shop_id ORDER BY o.tid),
		ARRAY(SELECT r.refund_id FROM refunds r WHERE r.shop_id = s.shop_id ORDER BY r.refund_id)
	FROM (
		SELECT o.shop_id
		FROM orders o
		UNION
		SELECT r.shop_id
		FROM refunds r
	) s
$function$;
COMMENT ON FUNCTION ordersync.records_of_buyer(text[]) IS
	'the orders and after-sales of a buyer, by shop';

CREATE OR REPLACE FUNCTION ordersync.erase_records(p_shop bigint, p_tids bigint[], p_refunds bigint[])
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_rows jsonb := '{}';
	v_n bigint;
BEGIN
	UPDATE ordersync.order_payloads p
	SET payload = ordersync.private_record(p.payload, true)
	WHERE p.shop_id = p_shop
		AND p.tid = ANY (p_tids)
		AND p.payload IS NOT NULL;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('order_payloads', v_n);
	UPDATE ordersync.after_sale_payloads p
	SET payload = ordersync.private_record(p.payload, true)
	WHERE p.shop_id = p_shop
		AND p.refund_id = ANY (p_refunds)
		AND p.payload IS NOT NULL;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('after_sale_payloads', v_n);

	UPDATE ordersync.orders o
	SET buyer_nick = NULL,
		buyer_open_uid = NULL,
		oaid = NULL,
		alipay_no = NULL,
		receiver_city = NULL,
		receiver_district = NULL,
		seller_memo = NULL,
		synced_at = pg_catalog.now()
	WHERE o.shop_id = p_shop
		AND o.tid = ANY (p_tids);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('orders', v_n);
	UPDATE ordersync.sub_orders s
	SET buyer_open_uid = NULL,
		synced_at = pg_catalog.now()
	WHERE s.shop_id = p_shop
		AND s.tid = ANY (p_tids);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('sub_orders', v_n);
	UPDATE ordersync.after_sales a
	SET buyer_nick = NULL,
		buyer_open_uid = NULL,
		description = NULL,
		synced_at = pg_catalog.now()
	WHERE a.shop_id = p_shop
		AND a.refund_id = ANY (p_refunds);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('after_sales', v_n);

	-- one that the database refuses is tried again, from what is left of it
	UPDATE ordersync.quarantine q
	SET body = CASE q.reason WHEN 'refused' THEN ordersync.private_body(q.body, true) END,
		value = NULL,
		asked = q.asked - 'mends'
	WHERE q.shop_id = p_shop
		AND q.record_id = ANY (CASE q.stream WHEN 'orders' THEN p_tids ELSE p_refunds END)
		AND (q.body IS NOT NULL OR q.value IS NOT NULL);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	v_rows := v_rows || pg_catalog.jsonb_build_object('quarantine', v_n);
	UPDATE ordersync.order_changes c
	SET old_value = NULL,
		new_value = NULL
	WHERE c.shop_id = p_shop
		AND c.tid = ANY (p_tids)
		AND c.field IN ('buyer_nick', 'buyer_open_uid', 'oaid', 'alipay_no', 'receiver_city', 'receiver_district', 'seller_memo');
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_rows || pg_catalog.jsonb_build_object('order_changes', v_n);
END
$function$;
COMMENT ON FUNCTION ordersync.erase_records(bigint, bigint[], bigint[]) IS
	'erases what tells their buyer from orders and after-sales of a shop; how many rows by table';

/* Where a record is not known by its number: bytes that cannot be read, beginnings of answers. */
CREATE OR REPLACE FUNCTION ordersync.erase_mentions(p_buyers text[])
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_quarantine bigint;
	v_log bigint;
BEGIN
	UPDATE ordersync.quarantine q
	SET body = CASE q.reason WHEN 'refused' THEN ordersync.private_body(q.body, true) END,
		value = NULL,
		asked = q.asked - 'mends'
	WHERE EXISTS (
		SELECT
		FROM pg_catalog.unnest(p_buyers) AS b (buyer)
		WHERE pg_catalog."position"(q.body, pg_catalog.convert_to(b.buyer, 'UTF8')) > 0
			OR pg_catalog.strpos(q.value, b.buyer) > 0);
	GET DIAGNOSTICS v_quarantine = ROW_COUNT;
	UPDATE ordersync.request_log l
	SET answer = NULL
	WHERE l.answer IS NOT NULL
		AND EXISTS (
			SELECT
			FROM pg_catalog.unnest(p_buyers) AS b (buyer)
			WHERE pg_catalog.strpos(l.answer, b.buyer) > 0);
	GET DIAGNOSTICS v_log = ROW_COUNT;
	RETURN pg_catalog.jsonb_build_object('quarantine', v_quarantine, 'request_log', v_log);
END
$function$;
COMMENT ON FUNCTION ordersync.erase_mentions(text[]) IS
	'erases from quarantine and request log what mentions a buyer; how many rows by table';

CREATE OR REPLACE FUNCTION ordersync.add_counts(p_counts jsonb, p_more jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_counts || COALESCE(pg_catalog.jsonb_object_agg(m.key,
		m.value::bigint + COALESCE((p_counts ->> m.key)::bigint, 0)), '{}')
	FROM pg_catalog.jsonb_each_text(p_more) m
$function$;
COMMENT ON FUNCTION ordersync.add_counts(jsonb, jsonb) IS
	'the sums of numbers by name';
