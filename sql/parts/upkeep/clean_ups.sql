/*
 * The clean-up: what would grow for ever is cut, once a day, a little at a time.
 *
 *   log         days of the request log                ordersync.keep_log
 *   queue       waiting runs that a later one contains  no setting
 *   runs        runs that ended, with their tasks      ordersync.keep_runs
 *   quarantine  entries that were resolved             ordersync.keep_quarantine
 *   changes     changes of orders                      ordersync.keep_changes
 *   feed        changes that a consumer has not read   ordersync.keep_feed
 *   counts      old windows are merged                 no setting: nothing is lost
 *   sizes       a day's row of storage_history
 *
 * Each has a row in ordersync.clean_ups, which says where it goes on.  A setting
 * that has changed begins it anew.  What one of them cannot do costs the others
 * nothing: behind a lock it is tried again soon, after any other error the next day.
 *
 * Everything else that grows, grows with what is stored of orders, or with the
 * number of shops, or with what people type (setup_history): coverage (a range a
 * hole), repairs and lookups (of a record),
 * open entries of the quarantine, counts (a row a day and list), and
 * link_candidates, which put_off_links() bounds.
 */
CREATE OR REPLACE FUNCTION ordersync.clean_up(p_for interval DEFAULT '0.2 seconds')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stop_at timestamptz := pg_catalog.clock_timestamp() + p_for;
	v record;
	v_state text;
	v_message text;
	v_waits boolean := false;
BEGIN
	IF NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('clean_up')) THEN
		RETURN 'busy';
	END IF;
	FOR v IN
		SELECT n.name, n.setting
		FROM (VALUES
			(1, 'log', 'keep_log'),
			(2, 'queue', NULL),
			(3, 'runs', 'keep_runs'),
			(4, 'quarantine', 'keep_quarantine'),
			(5, 'changes', 'keep_changes'),
			(6, 'feed', 'keep_feed'),
			(7, 'counts', NULL),
			(8, 'sizes', NULL)
		) AS n (n, name, setting)
		ORDER BY n.n
	LOOP
		v_waits := v_waits OR ordersync.clean_up_is_put_off(v.name);
		CONTINUE WHEN NOT ordersync.begin_clean_up(v.name, ordersync.setting(v.setting));
		LOOP
			v_message := NULL;
			BEGIN
				v_state := CASE WHEN ordersync.clean_up_once(v.name, ordersync.interval_setting(v.setting)) THEN 'more' ELSE 'done' END;
			EXCEPTION
				WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
					v_state := 'waits';
					v_message := SQLERRM;
				WHEN OTHERS THEN
					v_state := 'done';
					v_message := SQLERRM;
					RAISE LOG USING
						MESSAGE = pg_catalog.format('ordersync cannot clean up the %s: %s', v.name, v_message);
			END;
			IF v_state <> 'more' THEN
				PERFORM ordersync.end_clean_up(v.name, v_state = 'done', v_message);
				v_waits := v_waits OR v_state = 'waits';
			END IF;
			-- who has dropped a day keeps everybody from the log until the commit
			IF pg_catalog.clock_timestamp() >= v_stop_at OR v.name = 'log' AND v_state = 'more' THEN
				RETURN 'more';
			END IF;
			EXIT WHEN v_state <> 'more';
		END LOOP;
	END LOOP;
	RETURN CASE WHEN v_waits THEN 'waits' ELSE 'done' END;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_up(interval) IS
	'removes, for so long, what is older than the settings keep it: more, waits (for a lock: see ordersync.clean_ups), busy (another session is at it) or done';

CREATE OR REPLACE FUNCTION ordersync.begin_clean_up(p_name text, p_keeps text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.clean_ups;
BEGIN
	SELECT c.* INTO v
	FROM ordersync.clean_ups c
	WHERE c.name = p_name
		AND c.shop_id = 0;
	IF v.name IS NULL
			OR v.keeps IS DISTINCT FROM p_keeps
			OR v.begun_at IS NULL AND ordersync.day_of(v.done_at) IS DISTINCT FROM ordersync.day_of(pg_catalog.now()) THEN
		INSERT INTO ordersync.clean_ups AS c (name, keeps, begun_at)
		VALUES (p_name, p_keeps, pg_catalog.clock_timestamp())
		ON CONFLICT (name, shop_id) DO UPDATE
		SET keeps = excluded.keeps,
			begun_at = excluded.begun_at,
			next_id = NULL,
			tries = 0,
			next_try_at = NULL;
		RETURN true;
	END IF;
	RETURN v.begun_at IS NOT NULL AND (v.next_try_at IS NULL OR v.next_try_at <= pg_catalog.clock_timestamp());
END
$function$;
COMMENT ON FUNCTION ordersync.begin_clean_up(text, text) IS
	'whether that clean-up has something to do now: it was not done today, or its setting has changed';

CREATE OR REPLACE FUNCTION ordersync.end_clean_up(p_name text, p_done boolean, p_message text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.clean_ups c
	SET begun_at = CASE WHEN NOT p_done THEN c.begun_at END,
		done_at = CASE WHEN p_done THEN pg_catalog.clock_timestamp() ELSE c.done_at END,
		next_id = CASE WHEN NOT p_done THEN c.next_id END,
		tries = CASE WHEN p_done THEN 0 ELSE c.tries + 1 END,
		next_try_at = CASE WHEN NOT p_done THEN
			pg_catalog.clock_timestamp() + LEAST(interval '10 minutes', interval '10 seconds' * 2 ^ LEAST(c.tries, 10))
		END,
		message = p_message
	WHERE c.name = p_name
		AND c.shop_id = 0
$function$;
COMMENT ON FUNCTION ordersync.end_clean_up(text, boolean, text) IS
	'notes that a clean-up is done for today, or waits for a lock and is tried again soon';

CREATE OR REPLACE FUNCTION ordersync.clean_up_is_put_off(p_name text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT EXISTS (
		SELECT
		FROM ordersync.clean_ups c
		WHERE c.name = p_name
			AND c.shop_id = 0
			AND c.begun_at IS NOT NULL
			AND c.next_try_at > pg_catalog.clock_timestamp())
$function$;
COMMENT ON FUNCTION ordersync.clean_up_is_put_off(text) IS
	'whether that clean-up waits before it tries again to get a lock';

/* While nothing but a lock is waited for, the worker comes by each second for nothing. */
CREATE OR REPLACE FUNCTION ordersync.clean_up_only_waits()
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
			SELECT
			FROM ordersync.clean_ups c
			WHERE c.begun_at IS NOT NULL)
		AND NOT EXISTS (
			SELECT
			FROM ordersync.clean_ups c
			WHERE c.begun_at IS NOT NULL
				AND (c.next_try_at IS NULL OR c.next_try_at <= pg_catalog.clock_timestamp()))
		AND NOT EXISTS (
			SELECT
			FROM ordersync.payload_cuts c
			WHERE c.done_on IS NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.clean_up_only_waits() IS
	'whether all that is left to do of the daily maintenance waits for a lock';

CREATE OR REPLACE FUNCTION ordersync.clean_up_once(p_name text, p_keep interval)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_before timestamptz := pg_catalog.now() - p_keep;
	v_next bigint;
	v_removed bigint := 0;
BEGIN
	SELECT c.next_id INTO v_next
	FROM ordersync.clean_ups c
	WHERE c.name = p_name
		AND c.shop_id = 0;
	IF p_keep = interval '0' THEN
		RETURN false;			-- for ever
	END IF;
	CASE p_name
		WHEN 'log' THEN
			-- for which no lock is waited for, nor is there a day of which somebody has made a view
			v_removed := ordersync.remove_unsorted_log(v_before);
			IF v_removed = 0 THEN
				v_removed := ordersync.drop_log_partition(v_before);
			END IF;
			v_next := NULLIF(v_removed, 0);
		WHEN 'queue' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_superseded_runs(v_next) r;
		WHEN 'runs' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_old_runs(v_next, v_before) r;
		WHEN 'quarantine' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_old_quarantine(v_next, v_before) r;
		WHEN 'changes' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_old_changes(v_next, v_before) r;
		WHEN 'feed' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_old_entries(v_next, v_before) r;
		WHEN 'counts' THEN
			SELECT r.p_next, r.removed INTO v_next, v_removed
			FROM ordersync.remove_old_counts(v_next) r;
		WHEN 'sizes' THEN
			PERFORM ordersync.record_sizes();
	END CASE;
	UPDATE ordersync.clean_ups c
	SET next_id = v_next,
		rows_removed = c.rows_removed + v_removed,
		tries = 0,
		next_try_at = NULL
	WHERE c.name = p_name
		AND c.shop_id = 0;
	RETURN v_next IS NOT NULL;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_up_once(text, interval) IS
	'one step of a clean-up; true: there is more to do';

CREATE OR REPLACE FUNCTION ordersync.record_sizes()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_today date := ordersync.day_of(pg_catalog.now());
BEGIN
	INSERT INTO ordersync.storage_history AS h (table_name, shop_id, day, rows, bytes)
	SELECT s.table_name, 0, v_today, s.rows, s.bytes
	FROM ordersync.storage s
	UNION ALL
	SELECT '', s.shop_id, v_today, s.orders, s.bytes
	FROM ordersync.storage_by_shop s
	WHERE s.bytes IS NOT NULL
	ON CONFLICT (table_name, shop_id, day) DO UPDATE
	SET rows = excluded.rows,
		bytes = excluded.bytes;
	DELETE FROM ordersync.storage_history h
	WHERE h.day < v_today - 100;
END
$function$;
COMMENT ON FUNCTION ordersync.record_sizes() IS
	'records how large tables and shops are today, and forgets what is older than a hundred days';
