/*
 * Data keys that are about to expire, as typed: listeners and the log are told,
 * once for each expiry.
 */
CREATE OR REPLACE FUNCTION ordersync.report_expiring_keys()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_warning interval := ordersync.interval_setting('key_warning');
	v record;
BEGIN
	IF v_warning = '0' THEN
		RETURN;
	END IF;
	FOR v IN
		UPDATE ordersync.shops s
		SET key_expiry_reported = s.key_expires_at
		FROM (
			SELECT o.shop_id
			FROM ordersync.shops o
			WHERE o.key_expires_at < pg_catalog.now() + v_warning
				AND o.key_expiry_reported IS DISTINCT FROM o.key_expires_at
			ORDER BY o.shop_id
			LIMIT 1000
			FOR NO KEY UPDATE SKIP LOCKED
		) o
		WHERE s.shop_id = o.shop_id
		RETURNING s.shop_id, s.key_expires_at,
			GREATEST(0, pg_catalog.floor(EXTRACT(epoch FROM s.key_expires_at - pg_catalog.now()) / 86400))::integer AS days_left
	LOOP
		PERFORM ordersync.log_line(pg_catalog.format('shop %s: data key expires at %s Asia/Shanghai, days left: %s',
			v.shop_id, ordersync.format_time(v.key_expires_at), v.days_left));
		PERFORM ordersync.notify('key_expires', pg_catalog.jsonb_build_object(
			'shop_id', v.shop_id, 'expires_at', v.key_expires_at, 'days_left', v.days_left));
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.report_expiring_keys() IS
	'tells the server''s log and listeners of data keys that expire within ordersync.key_warning, once for each expiry';
