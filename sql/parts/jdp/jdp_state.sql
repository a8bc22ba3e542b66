/*
 * The push's shape is enabled and disabled.
 *
 * Enabling fills the tables from what is stored.  A row's stamp is then its modified: who
 * polled the platform's push until now goes on from where it stood.  What is
 * committed later comes by the change feed, whose consumer begins at the snapshot of the
 * very statement that filled: nothing falls between.
 */
CREATE OR REPLACE FUNCTION ordersync.enable_jdp(p_margin interval)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_snapshot pg_snapshot;
BEGIN
	PERFORM pg_advisory_xact_lock(ordersync.lock_key('jdp'));
	IF ordersync.jdp_is_enabled() THEN
		UPDATE ordersync.jdp_state
		SET margin = p_margin,
			lead = p_margin
		WHERE margin <> p_margin;
		IF FOUND THEN
			PERFORM ordersync.record_action('jdp changed', p_details => jsonb_build_object('margin', p_margin));
		END IF;
		IF to_regclass('jdp.jdp_tb_trade') IS NULL OR to_regclass('jdp.jdp_tb_refund') IS NULL THEN
			PERFORM ordersync.set_up_jdp_views();		-- somebody dropped them, or a dump came without them
			PERFORM ordersync.apply_grants();
			RETURN;
		END IF;
		RAISE NOTICE USING
			MESSAGE = 'jdp.jdp_tb_trade and jdp.jdp_tb_refund are enabled already',
			DETAIL = format('The margin is %s.', (SELECT COALESCE(p_margin, s.margin) FROM ordersync.jdp_state s));
		RETURN;
	END IF;

	PERFORM ordersync.check_jdp_schema();
	INSERT INTO ordersync.jdp_state (margin, lead, stamped_until, confirmed, taken_at)
	VALUES (COALESCE(p_margin, '3 seconds'), COALESCE(p_margin, '3 seconds'), ordersync.jdp_local_time(clock_timestamp()), true, now());
	-- changes of meanwhile stay in the feed: see remove_read_entries
	PERFORM pg_advisory_xact_lock_shared(ordersync.lock_key('change feed'));
	v_snapshot := ordersync.fill_jdp_tables();
	PERFORM ordersync.add_index('jdp_trades_jdp_modified_idx', 'jdp_trades', '(jdp_modified, tid)');
	PERFORM ordersync.add_index('jdp_trades_seller_nick_idx', 'jdp_trades', '(seller_nick, jdp_modified, tid)');
	PERFORM ordersync.add_index('jdp_refunds_jdp_modified_idx', 'jdp_refunds', '(jdp_modified, refund_id)');
	PERFORM ordersync.add_index('jdp_refunds_seller_nick_idx', 'jdp_refunds', '(seller_nick, jdp_modified, refund_id)');
	PERFORM ordersync.add_index('jdp_refunds_tid_idx', 'jdp_refunds', '(tid)');
	IF NOT ordersync.add_consumer('jdp_stamps', NULL, true, v_snapshot) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = 'the change feed has a consumer "jdp_stamps" already',
			DETAIL = 'The push''s shape reads the feed by this name.',
			HINT = 'Read by another name: SELECT ordersync_changes_drop(''jdp_stamps''). Then type SELECT ordersync_enable_jdp() again.';
	END IF;
	PERFORM ordersync.set_up_jdp_views();
	PERFORM ordersync.apply_grants();
	PERFORM ordersync.record_action('jdp enabled', p_details => jsonb_build_object('margin', COALESCE(p_margin, '3 seconds')));
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.enable_jdp(interval) IS
	'fills the tables behind the views of the push''s shape, makes the views, and has changes stamped from then on';

/* A name of the push's that is somebody else's is left alone. */
CREATE OR REPLACE FUNCTION ordersync.check_jdp_schema()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_relation text;
BEGIN
	SELECT c.oid::pg_catalog.regclass::text INTO v_relation
	FROM pg_catalog.pg_class c
	WHERE c.relnamespace = pg_catalog.to_regnamespace('jdp')
		AND c.relname IN ('jdp_tb_trade', 'jdp_tb_refund');
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_table',
			MESSAGE = pg_catalog.format('relation "%s" exists and is not of ordersync', v_relation),
			HINT = 'Rename it, or its schema: ALTER SCHEMA jdp RENAME TO jdp_old. Then type SELECT ordersync_enable_jdp() again.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_jdp_schema() IS
	'raises an error where a relation in schema jdp has a name that the push''s shape needs';

CREATE OR REPLACE FUNCTION ordersync.fill_jdp_tables()
RETURNS pg_snapshot
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_snapshot pg_snapshot;
	v_now timestamp := ordersync.jdp_local_time(pg_catalog.clock_timestamp());
BEGIN
	-- one statement: one snapshot
	WITH refunds AS (
		INSERT INTO ordersync.jdp_refunds (shop_id, refund_id, tid, seller_nick, jdp_created, jdp_modified)
		SELECT a.shop_id, a.refund_id, a.tid, COALESCE(s.seller_nick, ''), m.modified, m.modified
		FROM ordersync.after_sales a
		LEFT JOIN ordersync.shops s ON s.shop_id = a.shop_id
		CROSS JOIN LATERAL (
			SELECT LEAST(v_now, pg_catalog.date_trunc('second', COALESCE(a.modified, a.created, a.synced_at) AT TIME ZONE 'Asia/Shanghai'))
		) m (modified)
	),
	trades AS (
		INSERT INTO ordersync.jdp_trades (shop_id, tid, seller_nick, jdp_created, jdp_modified)
		SELECT o.shop_id, o.tid, COALESCE(s.seller_nick, ''), m.modified, m.modified
		FROM ordersync.orders o
		LEFT JOIN ordersync.shops s ON s.shop_id = o.shop_id
		CROSS JOIN LATERAL (
			SELECT LEAST(v_now, pg_catalog.date_trunc('second', COALESCE(o.modified, o.created, o.synced_at) AT TIME ZONE 'Asia/Shanghai'))
		) m (modified)
	)
	SELECT ordersync.committed_snapshot() INTO v_snapshot;
	RETURN v_snapshot;
END
$function$;
COMMENT ON FUNCTION ordersync.fill_jdp_tables() IS
	'fills the tables behind the views of the push''s shape from what is stored, and returns the snapshot in which that was read; part of ordersync.enable_jdp()';

CREATE OR REPLACE FUNCTION ordersync.disable_jdp()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_detail text;
BEGIN
	PERFORM pg_advisory_xact_lock(ordersync.lock_key('jdp'));
	IF NOT ordersync.jdp_is_enabled() THEN
		RAISE NOTICE USING MESSAGE = 'jdp.jdp_tb_trade and jdp.jdp_tb_refund are not enabled';
		RETURN;
	END IF;
	BEGIN
		DROP VIEW IF EXISTS jdp.jdp_tb_trade, jdp.jdp_tb_refund;
		DROP INDEX IF EXISTS ordersync.jdp_trades_jdp_modified_idx, ordersync.jdp_trades_seller_nick_idx,
			ordersync.jdp_refunds_jdp_modified_idx, ordersync.jdp_refunds_seller_nick_idx, ordersync.jdp_refunds_tid_idx;
		TRUNCATE ordersync.jdp_trades, ordersync.jdp_refunds;
	EXCEPTION
		WHEN lock_not_available OR deadlock_detected THEN
			PERFORM ordersync.raise_views_in_use(ARRAY['jdp_trades', 'jdp_refunds']);
		WHEN dependent_objects_still_exist THEN
			GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
			RAISE EXCEPTION USING
				ERRCODE = 'dependent_objects_still_exist',
				MESSAGE = 'other objects use jdp.jdp_tb_trade or jdp.jdp_tb_refund',
				DETAIL = v_detail,
				HINT = 'Drop them, then type SELECT ordersync_disable_jdp() again.';
	END;
	DELETE FROM ordersync.jdp_state;
	DELETE FROM ordersync.change_consumers c
	WHERE c.consumer = 'jdp_stamps';
	BEGIN
		DROP SCHEMA IF EXISTS jdp;
	EXCEPTION
		WHEN dependent_objects_still_exist THEN
			RAISE NOTICE USING MESSAGE = 'schema "jdp" has other objects and stays';
	END;
	PERFORM ordersync.record_action('jdp disabled');
END
$function$;
COMMENT ON FUNCTION ordersync.disable_jdp() IS
	'drops the views of the push''s shape, empties the tables behind them and ends the stamping';
