/*
 * The watch: a shop that is behind its target gets its run, whoever forgot to
 * trigger it.
 *
 * Called by one worker of a database once a minute, and sooner while there is
 * more to do: after a week without the server all shops are behind.  It waits for
 * no lock: a shop that others hold is looked at again two seconds later.
 */
CREATE OR REPLACE FUNCTION ordersync.watch()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET lock_timeout = '200ms'
AS $function$
DECLARE
	v_began timestamptz;
	v record;
	v_started integer := 0;
	v_next integer := 60000;
BEGIN
	-- tables of another version: maintenance comes first
	IF ordersync.is_outdated() OR NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('watch')) THEN
		RETURN v_next;
	END IF;
	BEGIN
		PERFORM ordersync.report_expiring_keys();
	EXCEPTION
		WHEN OTHERS THEN
			PERFORM ordersync.log_line('the watch could not tell of data keys that expire: ' || SQLERRM);
	END;
	PERFORM ordersync.cancel_removed_runs();
	PERFORM ordersync.remove_read_entries();

	FOR v IN
		SELECT *
		FROM ordersync.watchdog_shops() w
	LOOP
		-- a short transaction: the worker's calls wait
		v_began := COALESCE(v_began, pg_catalog.clock_timestamp());
		IF v_started >= 50 OR pg_catalog.clock_timestamp() > v_began + interval '300 milliseconds' THEN
			v_next := 500;
			EXIT;
		END IF;
		BEGIN
			IF v.behind <> v.was_behind AND NOT ordersync.note_behind(v.shop_id, v.kind, v.behind, v.lag, v.target) THEN
				v_next := 2000;
			ELSIF v.may_start AND ordersync.start_watchdog_run(v.shop_id, v.kind) THEN
				v_started := v_started + 1;
			ELSIF v.may_start THEN
				v_next := 2000;
			END IF;
		EXCEPTION
			-- a trigger or constraint of a user's that refuses the shop's row: the others have theirs all the same
			WHEN OTHERS THEN
				PERFORM ordersync.log_line(pg_catalog.format('shop %s: the watch could not note it, %s: %s', v.shop_id, v.kind, SQLERRM));
		END;
	END LOOP;
	IF v_started > 0 THEN
		PERFORM ordersync.wake();
	END IF;
	RETURN v_next;
END
$function$;
COMMENT ON FUNCTION ordersync.watch() IS
	'starts the runs of shops that are behind their targets, and tells who passed one and whose key expires; returns after how many milliseconds it is to be called again. Called by one worker of a database';

/*
 * Who triggers a shop while a long transaction removes it waits two seconds for that, then makes a run that the other
 * one does not see (ordersync.lock_shop): nobody would ever claim its tasks.
 */
CREATE OR REPLACE FUNCTION ordersync.cancel_removed_runs()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_run bigint;
BEGIN
	FOR v_run IN
		SELECT r.run_id
		FROM ordersync.sync_runs r
		WHERE r.state IN ('pending', 'running')
			AND NOT EXISTS (
				SELECT
				FROM ordersync.shops s
				WHERE s.shop_id = r.shop_id)
			AND EXISTS (SELECT FROM ordersync.shops)	-- a dump that is being restored may have runs before it has shops
		ORDER BY r.run_id
		LIMIT 10
	LOOP
		PERFORM ordersync.cancel_run(v_run);
		UPDATE ordersync.sync_runs r
		SET message = 'its shop was removed'
		WHERE r.run_id = v_run;
	END LOOP;
EXCEPTION
	WHEN lock_not_available OR deadlock_detected THEN
		NULL;					-- the next time
END
$function$;
COMMENT ON FUNCTION ordersync.cancel_removed_runs() IS
	'cancels runs that were triggered while their shop was removed; part of ordersync.watch()';

CREATE OR REPLACE FUNCTION ordersync.start_watchdog_run(p_shop bigint, p_kind text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_run bigint;
	v_error text;
BEGIN
	IF NOT ordersync.try_lock_shop(p_shop) THEN
		RETURN false;			-- somebody is triggering
	END IF;
	PERFORM 1
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop
		AND s.enabled
		AND NOT EXISTS (	-- under the lock
			SELECT
			FROM ordersync.sync_runs r
			WHERE r.shop_id = p_shop
				AND r.kind = p_kind
				AND r.state IN ('pending', 'running'))
	FOR NO KEY UPDATE OF s SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN false;
	END IF;

	BEGIN
		SELECT r.run_id INTO v_run
		FROM ordersync.start_run(p_shop, p_kind, NULL, NULL, 'ordersync watchdog') r;
	EXCEPTION
		WHEN lock_not_available OR deadlock_detected THEN
			RETURN false;
		WHEN OTHERS THEN
			v_error := SQLERRM;
	END;
	-- the try counts, whatever came of it
	IF p_kind = 'incremental' THEN
		UPDATE ordersync.shops s
		SET watchdog_runs = s.watchdog_runs + 1,
			watchdog_run_at = pg_catalog.clock_timestamp()
		WHERE s.shop_id = p_shop;
	ELSE
		UPDATE ordersync.shops s
		SET full_watchdog_runs = s.full_watchdog_runs + 1,
			full_watchdog_run_at = pg_catalog.clock_timestamp()
		WHERE s.shop_id = p_shop;
	END IF;
	IF v_error IS NOT NULL THEN
		PERFORM ordersync.log_line(pg_catalog.format('shop %s: the watchdog could not request a run, %s: %s', p_shop, p_kind, v_error));
		RETURN true;
	END IF;
	PERFORM ordersync.log_line(pg_catalog.format('shop %s, run %s: requested by the watchdog, %s', p_shop, v_run, p_kind));
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.start_watchdog_run(bigint, text) IS
	'starts a run of a shop that is behind; false when others are about to, or hold the shop';
