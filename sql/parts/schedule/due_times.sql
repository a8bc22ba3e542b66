/*
 * When each shop's next run of a kind is due: shops.next_incremental_at, shops.next_full_at.
 *
 * The time is stored, so that it stays due until it is served, once, however late.  It is worked out anew, from now on,
 * when what it follows from changes: the schedule, the shop's own times, a shop that comes or is resumed.
 */
CREATE OR REPLACE FUNCTION ordersync.own_times(p_options jsonb, p_kind text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_options ->> CASE p_kind WHEN 'full' THEN 'full_run' ELSE p_kind END
$function$;
COMMENT ON FUNCTION ordersync.own_times(jsonb, text) IS
	'the times that a shop has of its own for runs of a kind: a cron schedule, off, or NULL for none';

CREATE OR REPLACE FUNCTION ordersync.next_due_time(p_kind text, p_own text, p_after timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_schedule ordersync.schedules;
BEGIN
	SELECT c.* INTO v_schedule
	FROM ordersync.schedules c
	WHERE c.kind = p_kind
		AND c.schedule IS NOT NULL;
	RETURN ordersync.cron_next(NULLIF(COALESCE(p_own, v_schedule.schedule), 'off'), v_schedule.timezone, p_after);
END
$function$;
COMMENT ON FUNCTION ordersync.next_due_time(text, text, timestamptz) IS
	'when a run of that kind is due next for a shop with these times of its own; NULL: never';

/* By the primary key for those that are given: of ten thousand shops that are added one by one none looks at the others. */
CREATE OR REPLACE FUNCTION ordersync.set_next_due(p_kind text, p_shops bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
	v_shops bigint[] := COALESCE(p_shops, ARRAY(
		SELECT s.shop_id
		FROM ordersync.shops s));
BEGIN
	UPDATE ordersync.shops s
	SET next_incremental_at = CASE p_kind WHEN 'incremental' THEN n.at ELSE s.next_incremental_at END,
		next_full_at = CASE p_kind WHEN 'full' THEN n.at ELSE s.next_full_at END
	FROM (
		-- hundreds of shops, few schedules
		SELECT o.enabled, o.own, CASE WHEN o.enabled THEN ordersync.next_due_time(p_kind, o.own, pg_catalog.clock_timestamp()) END AS at
		FROM (
			SELECT DISTINCT s.enabled, ordersync.own_times(s.options, p_kind) AS own
			FROM ordersync.shops s
			WHERE s.shop_id = ANY (v_shops)
		) o
	) n
	WHERE s.shop_id = ANY (v_shops)
		AND s.enabled = n.enabled
		AND ordersync.own_times(s.options, p_kind) IS NOT DISTINCT FROM n.own
		AND CASE p_kind WHEN 'full' THEN s.next_full_at ELSE s.next_incremental_at END IS DISTINCT FROM n.at;
END
$function$;
COMMENT ON FUNCTION ordersync.set_next_due(text, bigint[]) IS
	'works out anew when runs of that kind are due next, from now on: of these shops, or of all';

/*
 * A shop whose row a user's trigger or constraint refuses costs the others nothing.  All together first, as in
 * ordersync.trigger_apart(): where that fails each half by itself, down to the shop that is to blame.
 */
CREATE OR REPLACE FUNCTION ordersync.set_next_due_apart(p_kind text, p_shops bigint[])
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_half integer := pg_catalog.cardinality(p_shops) / 2;
	v_error text;
BEGIN
	IF p_shops = '{}' THEN
		RETURN p_shops;
	END IF;
	BEGIN
		PERFORM ordersync.set_next_due(p_kind, p_shops);
		RETURN p_shops;
	EXCEPTION
		WHEN OTHERS THEN
			v_error := SQLERRM;
	END;
	IF v_half > 0 THEN
		RETURN ordersync.set_next_due_apart(p_kind, p_shops[: v_half])
			|| ordersync.set_next_due_apart(p_kind, p_shops[v_half + 1 :]);
	END IF;
	RAISE WARNING USING
		MESSAGE = pg_catalog.format('when the %s run of shop %s is due next could not be stored, so none is started', p_kind, p_shops[1]),
		DETAIL = v_error,
		HINT = 'Look at the triggers, constraints and policies of ordersync.shops.';
	RETURN '{}';
END
$function$;
COMMENT ON FUNCTION ordersync.set_next_due_apart(text, bigint[]) IS
	'as ordersync.set_next_due(); returns the shops for which it could be done, with a warning for each of the others';

CREATE OR REPLACE FUNCTION ordersync.needed_times(p_kind text)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.array_agg(DISTINCT t.schedule)
	FROM ordersync.schedules c
	CROSS JOIN LATERAL (
		SELECT c.schedule
		UNION ALL
		SELECT ordersync.own_times(s.options, p_kind)
		FROM ordersync.shops s
	) t
	WHERE c.kind = p_kind
		AND c.schedule IS NOT NULL
		AND t.schedule <> 'off'
$function$;
COMMENT ON FUNCTION ordersync.needed_times(text) IS
	'the schedules of a kind of run, those that shops have of their own among them; NULL for none';

/* A shop that was added, resumed, paused, or given other options; p_before: those it had before. */
CREATE OR REPLACE FUNCTION ordersync.set_shop_due(p_shop bigint, p_before jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_kind text;
	v_shop ordersync.shops;
	v_own text;
	v_schedule ordersync.schedules;
BEGIN
	SELECT s.* INTO v_shop
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
	-- without a schedule nothing is due
	IF v_shop.next_incremental_at IS NULL AND v_shop.next_full_at IS NULL AND NOT EXISTS (
		SELECT
		FROM ordersync.schedules c
		WHERE c.schedule IS NOT NULL
	) THEN
		RETURN;
	END IF;
	FOREACH v_kind IN ARRAY '{incremental,full}'::text[] LOOP
		v_own := ordersync.own_times(v_shop.options, v_kind);
		CONTINUE WHEN CASE
			WHEN p_before IS NOT NULL THEN v_own IS NOT DISTINCT FROM ordersync.own_times(p_before, v_kind)
			-- what is due stays due
			ELSE v_shop.enabled AND CASE v_kind WHEN 'full' THEN v_shop.next_full_at ELSE v_shop.next_incremental_at END IS NOT NULL
		END;
		PERFORM ordersync.set_next_due(v_kind, ARRAY[p_shop]);

		SELECT c.* INTO v_schedule
		FROM ordersync.schedules c
		WHERE c.kind = v_kind;
		IF v_shop.enabled AND v_own <> 'off' AND v_schedule.schedule IS NOT NULL
			AND ordersync.cron_covers(v_schedule.job_schedule,
				ordersync.cron_cover(ARRAY[v_own], v_schedule.timezone, v_schedule.job_timezone)) IS NOT TRUE THEN
			RAISE WARNING USING
				MESSAGE = pg_catalog.format('the pg_cron job does not fire at the times of shop %s', p_shop),
				DETAIL = pg_catalog.format('Its %s runs are to start by "%s", the job fires by "%s" %s.', v_kind, v_own,
					COALESCE(v_schedule.job_schedule, 'off'), v_schedule.job_timezone),
				HINT = 'To change the job: SELECT * FROM ordersync_schedule(NULL, NULL, NULL);';
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.set_shop_due(bigint, jsonb) IS
	'sets when the shop''s runs are due next, where its own times differ from those in the options it had; warns of times at which no job fires';

/*
 * Due times are served once: who takes one sets the next, and calls take turns, those of both kinds, since a shop's
 * row is locked for either.  A row that somebody else has locked is waited for, but not for long: it stays due, and
 * the others must not wait for it.
 */
CREATE OR REPLACE FUNCTION ordersync.lock_due_times()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '1min'
AS $function$
BEGIN
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('due_times'));
EXCEPTION
	-- somebody left a transaction open: what it has taken is locked
	WHEN lock_not_available OR deadlock_detected THEN
		NULL;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_due_times() IS
	'waits for other calls of ordersync_trigger_due to commit, for a minute at most';

CREATE OR REPLACE FUNCTION ordersync.due_shops(p_kind text, p_now timestamptz)
RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT s.shop_id
	FROM ordersync.shops s
	WHERE s.enabled
		AND CASE p_kind WHEN 'full' THEN s.next_full_at ELSE s.next_incremental_at END <= p_now
		AND COALESCE(s.shop_id = ANY ((SELECT ordersync.allowed_shops())::bigint[]), true)
$function$;
COMMENT ON FUNCTION ordersync.due_shops(text, timestamptz) IS
	'the enabled shops whose run of that kind is due, of those that the caller may use';

CREATE OR REPLACE FUNCTION ordersync.lock_due_shops(p_kind text, p_now timestamptz)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_shop bigint;
	v_due bigint[];
	v_until timestamptz;
BEGIN
	v_due := ARRAY(
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE s.shop_id IN (SELECT d.shop FROM ordersync.due_shops(p_kind, p_now) d (shop))
		ORDER BY s.shop_id
		FOR NO KEY UPDATE SKIP LOCKED);
	v_until := pg_catalog.clock_timestamp() + interval '10 seconds';
	FOR v_shop IN
		SELECT d.shop
		FROM ordersync.due_shops(p_kind, p_now) d (shop)
		EXCEPT
		SELECT pg_catalog.unnest(v_due)
		ORDER BY 1
	LOOP
		BEGIN
			PERFORM pg_catalog.set_config('lock_timeout', CASE WHEN pg_catalog.clock_timestamp() < v_until THEN '2s' ELSE '1ms' END, true);
			PERFORM 1
			FROM ordersync.shops s
			WHERE s.shop_id = v_shop
			FOR NO KEY UPDATE;
			-- as it is now, which another statement sees
			IF v_shop IN (SELECT d.shop FROM ordersync.due_shops(p_kind, p_now) d (shop)) THEN
				v_due := v_due || v_shop;
			END IF;
		EXCEPTION
			WHEN lock_not_available OR deadlock_detected THEN
				RAISE WARNING USING
					MESSAGE = pg_catalog.format('the %s run of shop %s is due and could not be started', p_kind, v_shop),
					DETAIL = 'Another session has locked the shop. The run stays due.',
					HINT = pg_catalog.format('When that session has ended: SELECT * FROM ordersync_trigger_due(%L);', p_kind);
		END;
	END LOOP;
	RETURN v_due;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_due_shops(text, timestamptz) IS
	'the shops whose run of that kind is due, locked; a warning for each that another session holds';

/*
 * Due times that do not follow from the schedule.  A shop that was added while another transaction made the schedule
 * has none: neither saw the other.  One that was worked out while the clock was ahead is too late, for the shops without
 * times of their own.  Rows that somebody has locked are left to the next call.
 */
CREATE OR REPLACE FUNCTION ordersync.mend_due_times(p_kind text, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_schedule text;
	v_next timestamptz := ordersync.next_due_time(p_kind, NULL, p_now);
	v_shops bigint[];
BEGIN
	SELECT c.schedule INTO v_schedule
	FROM ordersync.schedules c
	WHERE c.kind = p_kind;
	v_shops := ARRAY(
		SELECT s.shop_id
		FROM ordersync.shops s
		CROSS JOIN LATERAL (
			SELECT CASE p_kind WHEN 'full' THEN s.next_full_at ELSE s.next_incremental_at END AS at,
				ordersync.own_times(s.options, p_kind) AS own
		) d
		WHERE s.enabled
			AND v_schedule IS NOT NULL
			AND (d.at IS NULL AND COALESCE(d.own, v_schedule) <> 'off'
				OR d.own IS NULL AND d.at > v_next)
		ORDER BY s.shop_id
		FOR NO KEY UPDATE OF s SKIP LOCKED);
	IF v_shops <> '{}' THEN
		PERFORM ordersync.set_next_due_apart(p_kind, v_shops);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.mend_due_times(text, timestamptz) IS
	'works out anew when runs of that kind are due next for shops that have no time or one that is too late; part of ordersync.take_due()';

CREATE OR REPLACE FUNCTION ordersync.take_due(p_kind text)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
	v_due bigint[];
BEGIN
	PERFORM ordersync.lock_due_times();
	v_due := ordersync.set_next_due_apart(p_kind, ordersync.lock_due_shops(p_kind, v_now));
	PERFORM ordersync.mend_due_times(p_kind, v_now);

	-- for the doctor; who holds the row notes it as well
	UPDATE ordersync.schedules c
	SET last_called_at = v_now,
		last_fired_at = CASE WHEN v_due <> '{}' THEN v_now ELSE c.last_fired_at END
	WHERE c.kind = (
		SELECT k.kind
		FROM ordersync.schedules k
		WHERE k.kind = p_kind
		FOR UPDATE SKIP LOCKED);
	RETURN v_due;
END
$function$;
COMMENT ON FUNCTION ordersync.take_due(text) IS
	'the enabled shops whose run of that kind is due, with the next due time set; nobody else gets them';

CREATE OR REPLACE FUNCTION ordersync.put_back_due(p_kind text, p_shop bigint)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.shops s
	SET next_incremental_at = CASE p_kind WHEN 'incremental' THEN pg_catalog.now() ELSE s.next_incremental_at END,
		next_full_at = CASE p_kind WHEN 'full' THEN pg_catalog.now() ELSE s.next_full_at END
	WHERE s.shop_id = p_shop
		AND s.enabled
$function$;
COMMENT ON FUNCTION ordersync.put_back_due(text, bigint) IS
	'a run that was due and could not be started is due again';
