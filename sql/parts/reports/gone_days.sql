/*
 * Records that are kept and have no row, by day, of shops that were read.
 *
 * All records of a shop are compared with its rows, in both primary keys alone: records are
 * large, and only those that are found are read.  Shop by shop, and in the order of
 * the keys, so that they are merged: many of them would be hashed on disk.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_gone_days()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.gone_days
	WITH (security_invoker = true) AS
	-- by the last known modified of records whose row is gone
{{each stream}}
{{if orders}}
{{else}}
	UNION ALL
{{endif}}
	SELECT w.shop_id, '{{stream}}' AS stream, d.day, d.records
	FROM (
		SELECT DISTINCT c.shop_id
		FROM ordersync.coverage c
	) w
	CROSS JOIN LATERAL (
		SELECT timezone('Asia/Shanghai', p.modified)::date AS day, count(*) AS records
		FROM (
			SELECT k.{{id}}
			FROM ordersync.{{payloads}} k
			WHERE k.shop_id = w.shop_id
			ORDER BY k.{{id}}
			OFFSET 0
		) k
		LEFT JOIN (
			SELECT r.{{id}}
			FROM ordersync.{{table}} r
			WHERE r.shop_id = w.shop_id
			ORDER BY r.{{id}}
			OFFSET 0
		) r ON r.{{id}} = k.{{id}}
		CROSS JOIN LATERAL (
			SELECT p.modified
			FROM ordersync.{{payloads}} p
			WHERE p.shop_id = w.shop_id
				AND p.{{id}} = k.{{id}}
			OFFSET 0
		) p
		WHERE r.{{id}} IS NULL
		GROUP BY 1
	) d
{{end}}
	;

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('gone_days', NULL, 'records that are kept and have no row, by the day of their last known modified; a part of ordersync.completeness'),
		('gone_days', 'shop_id', 'the shop'),
		('gone_days', 'stream', 'orders or after_sales'),
		('gone_days', 'day', 'day of Asia/Shanghai'),
		('gone_days', 'records', 'how many')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_gone_days() IS
	'creates the view of records without a row by day; part of ordersync.set_up()';
