/*
 * The views in the shape of the platform's own data push: jdp_tb_trade and jdp_tb_refund.
 *
 * Their columns are those of the push, in its order.  No payload is kept twice:
 * jdp_response is the stored record in the wrapping that the push gives it.  Where no
 * payload is kept the record is made of the columns, so it has less in it, in the
 * platform's spelling: amounts and sku_id are text, times without a zone.
 *
 * Of the joins the planner must not expect fewer rows than are stamped, as it would of an
 * inner join by two columns that go together: it would read whole tables for a poll.  Hence
 * the outer join, with a condition that it does not see through.
 *
 * What a query does not ask for costs nothing, jdp_response above all.  Nothing
 * here calls a function of ours: the views outlive the extension, as the reports do.
 * Rows of a shop that was removed are not shown, though its orders may be kept.
 */

CREATE OR REPLACE FUNCTION ordersync.jdp_is_enabled()
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.to_regclass('ordersync.jdp_state') IS NULL THEN
		RETURN false;			-- the tables are of a version before
	END IF;
	RETURN EXISTS (SELECT FROM ordersync.jdp_state);
END
$function$;
COMMENT ON FUNCTION ordersync.jdp_is_enabled() IS
	'whether there are tables in the push''s shape';

/* The columns of a table that are a field of the record, as the platform writes each. */
CREATE OR REPLACE FUNCTION ordersync.jdp_fields(p_table text, p_alias text, p_object text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(pg_catalog.format(
			CASE
				WHEN a.atttypid = 'timestamptz'::pg_catalog.regtype
					THEN 'pg_catalog.to_char(%1$s.%2$I AT TIME ZONE ''Asia/Shanghai'', ''YYYY-MM-DD HH24:MI:SS'')'
				WHEN a.atttypid = 'numeric'::pg_catalog.regtype OR a.attname = 'sku_id' OR p_object = 'order' AND a.attname = 'refund_id'
					THEN '%1$s.%2$I::text'
				ELSE '%1$s.%2$I'
			END || ' AS %2$I', p_alias, a.attname), ', ' ORDER BY a.attnum)
	FROM pg_catalog.pg_attribute a
	WHERE a.attrelid = pg_catalog.to_regclass('ordersync.' || p_table)
		AND a.attnum > 0
		AND NOT a.attisdropped
		AND a.attname = ANY (ordersync.column_fields(p_object) || CASE p_object
			WHEN 'trade' THEN ARRAY['tid', 'modified']
			WHEN 'order' THEN ARRAY['oid']
			ELSE ARRAY['refund_id', 'modified']
		END)
$function$;
COMMENT ON FUNCTION ordersync.jdp_fields(text, text, text) IS
	'a list of expressions: the columns of a table, under that alias, that are fields of a trade, of a line (order) or of a refund';

CREATE OR REPLACE FUNCTION ordersync.jdp_trade_query()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT
		'SELECT j.tid, o.status, o.type, j.seller_nick, o.buyer_nick, '
			'o.created AT TIME ZONE ''Asia/Shanghai'' AS created, o.modified AT TIME ZONE ''Asia/Shanghai'' AS modified, '
			'(''x'' || pg_catalog.left(pg_catalog.md5(r.body), 8))::bit(32)::integer::text AS jdp_hashcode, '
			'''{"trade_fullinfo_get_response":{"trade":'' || r.body || ''}'' || ''}'' AS jdp_response, '
			'j.jdp_created, j.jdp_modified '
		'FROM ordersync.jdp_trades j '
		'LEFT JOIN ordersync.orders o ON o.shop_id = j.shop_id AND o.tid = j.tid '
		'LEFT JOIN ordersync.order_payloads p ON p.shop_id = j.shop_id AND p.tid = j.tid '
		'CROSS JOIN LATERAL ( '
			'SELECT COALESCE(p.payload, ( '
				'SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(t)) '
				'FROM ( '
					'SELECT ' || ordersync.jdp_fields('orders', 'o', 'trade') || ', '
						'pg_catalog.jsonb_build_object(''order'', ( '
							'SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(l)) - ''line_no'' '
								'ORDER BY l.line_no, l.oid), ''[]'') '
							'FROM ( '
								'SELECT s.line_no, ' || ordersync.jdp_fields('sub_orders', 's', 'order') || ' '
								'FROM ordersync.sub_orders s '
								'WHERE s.shop_id = o.shop_id AND s.tid = o.tid '
							') l)) AS orders '
				') t))::text AS body '
		') r '
		'WHERE CASE WHEN o.tid IS NULL THEN false ELSE true END '
			'AND EXISTS (SELECT FROM ordersync.shops h WHERE h.shop_id = j.shop_id)'
$function$;
COMMENT ON FUNCTION ordersync.jdp_trade_query() IS
	'the query of the view jdp.jdp_tb_trade';

CREATE OR REPLACE FUNCTION ordersync.jdp_refund_query()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT
		'SELECT j.refund_id, j.seller_nick, a.buyer_nick, a.status, '
			'a.created AT TIME ZONE ''Asia/Shanghai'' AS created, j.tid, a.oid, a.modified AT TIME ZONE ''Asia/Shanghai'' AS modified, '
			'(''x'' || pg_catalog.left(pg_catalog.md5(r.body), 8))::bit(32)::integer::text AS jdp_hashcode, '
			'''{"refund_get_response":{"refund":'' || r.body || ''}'' || ''}'' AS jdp_response, '
			'j.jdp_created, j.jdp_modified '
		'FROM ordersync.jdp_refunds j '
		'LEFT JOIN ordersync.after_sales a ON a.shop_id = j.shop_id AND a.refund_id = j.refund_id '
		'LEFT JOIN ordersync.after_sale_payloads p ON p.shop_id = j.shop_id AND p.refund_id = j.refund_id '
		'CROSS JOIN LATERAL ( '
			'SELECT COALESCE(p.payload, ( '
				'SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(t)) '
				'FROM ( '
					'SELECT ' || ordersync.jdp_fields('after_sales', 'a', 'refund') || ', j.seller_nick, a.description AS "desc", '
						'CASE WHEN a.timeout IS NOT NULL THEN pg_catalog.jsonb_build_object(''timeout'', '
							'pg_catalog.to_char(a.timeout AT TIME ZONE ''Asia/Shanghai'', ''YYYY-MM-DD HH24:MI:SS'')) END AS refund_remind_timeout '
				') t))::text AS body '
		') r '
		'WHERE CASE WHEN a.refund_id IS NULL THEN false ELSE true END '
			'AND EXISTS (SELECT FROM ordersync.shops h WHERE h.shop_id = j.shop_id)'
$function$;
COMMENT ON FUNCTION ordersync.jdp_refund_query() IS
	'the query of the view jdp.jdp_tb_refund';

/* Also by set_up(), which then grants again what levels read: a view whose columns are others in this version is made anew. */
CREATE OR REPLACE FUNCTION ordersync.set_up_jdp_views()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
SET client_min_messages = warning
AS $function$
DECLARE
	v record;
BEGIN
	IF NOT ordersync.jdp_is_enabled() OR pg_catalog.to_regnamespace('jdp') IS NULL THEN
		RETURN;
	END IF;
	FOR v IN
		SELECT q.name, q.query
		FROM (VALUES
			('jdp_tb_trade', ordersync.jdp_trade_query()),
			('jdp_tb_refund', ordersync.jdp_refund_query())
		) AS q (name, query)
	LOOP
		BEGIN
			EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW jdp.%I WITH (security_invoker = true) AS ', v.name) || v.query;
		EXCEPTION
			WHEN invalid_table_definition THEN
				EXECUTE pg_catalog.format('DROP VIEW jdp.%I', v.name);
				EXECUTE pg_catalog.format('CREATE VIEW jdp.%I WITH (security_invoker = true) AS ', v.name) || v.query;
		END;
	END LOOP;
	PERFORM ordersync.comment_jdp_views();
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		PERFORM ordersync.raise_views_in_use(ARRAY['jdp_trades', 'jdp_refunds']);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_jdp_views() IS
	'creates or replaces the views of the push''s shape where they are enabled, or fails after waiting two seconds for a lock; part of ordersync.set_up_views()';

CREATE OR REPLACE FUNCTION ordersync.comment_jdp_views()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
BEGIN
	COMMENT ON VIEW jdp.jdp_tb_trade IS
		'orders in the shape of the platform''s data push, for consumers that poll by jdp_modified; made by ordersync_enable_jdp';
	COMMENT ON VIEW jdp.jdp_tb_refund IS
		'after-sales in the shape of the platform''s data push, for consumers that poll by jdp_modified; made by ordersync_enable_jdp';
	FOR v IN
		SELECT t.name, w.col, w.words
		FROM (VALUES ('jdp_tb_trade'), ('jdp_tb_refund')) AS t (name)
		JOIN (VALUES
			('refund_id', 'refund'),
			('tid', 'order'),
			('oid', 'line of the order; NULL where the record names none'),
			('status', 'the platform''s status'),
			('type', 'trade type: fixed, step (pre-sale), cod, ...'),
			('seller_nick', 'seller of the shop, as in ordersync.shops'),
			('buyer_nick', 'buyer''s nick as masked by the platform'),
			('created', 'when it was made on the platform, Asia/Shanghai, without a zone'),
			('modified', 'its last change on the platform, Asia/Shanghai, without a zone; not to be polled by: see jdp_modified'),
			('jdp_hashcode', 'decimal 32-bit number that changes with the record, to compare by'),
			('jdp_response', 'the record as JSON, wrapped as the platform''s call for it answers; without personal data that the privacy policy drops'),
			('jdp_created', 'when the row was made, Asia/Shanghai, without a zone'),
			('jdp_modified', 'poll by it: when the row''s last change could be read, at the latest; whole seconds, Asia/Shanghai, without a zone')
		) AS w (col, words) ON EXISTS (
			SELECT
			FROM pg_catalog.pg_attribute a
			WHERE a.attrelid = pg_catalog.to_regclass('jdp.' || t.name)
				AND a.attname = w.col)
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN jdp.%I.%I IS %L', v.name, v.col, v.words);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.comment_jdp_views() IS
	'comments on the views of the push''s shape and their columns; part of ordersync.set_up_jdp_views()';
