/*
 * Stamps: the jdp_modified of a row, by which pollers find that it has changed.
 *
 * A poller asks for what has a stamp in [from, to), to being now or earlier, and begins
 * the next time at to.  It misses a row that comes to be readable with a stamp below a to
 * that was asked for already.  Another one asks for all stamps above the highest that it has
 * seen.  Neither misses a change, because:
 *
 *  - Stamps are given to what is committed: they are taken from the change feed, as any
 *    consumer's changes are, in a transaction of their own.  A page that commits late is
 *    stamped late.
 *  - One transaction stamps at a time, and its stamp is later than all that were given
 *    before: so stamps become readable in their order.  A row's stamp never goes back.
 *  - A stamp lies in the future, by jdp_state.margin.  In its next transaction, behind the
 *    commit, the stamper looks whether it still did when the rows could be read, by a third of the
 *    margin at least (for clients whose clock is ahead).  Where it did not, or where
 *    the stamper died before it looked, all rows with that stamp are stamped again, and
 *    further ahead.
 *
 * So a row may come twice, unchanged, and none is missed.  All rows of a transaction have one
 * stamp of a whole second, as the push's column holds no more.
 */

CREATE OR REPLACE FUNCTION ordersync.jdp_local_time(p_time timestamptz)
RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.date_trunc('second', p_time AT TIME ZONE 'Asia/Shanghai')
$function$;
COMMENT ON FUNCTION ordersync.jdp_local_time(timestamptz) IS
	'a moment as the push writes it: Asia/Shanghai, whole seconds';

CREATE OR REPLACE FUNCTION ordersync.next_jdp_stamp(p_until timestamp, p_lead interval)
RETURNS timestamp
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $function$
	SELECT GREATEST(p_until,
		pg_catalog.date_trunc('second', pg_catalog.clock_timestamp() AT TIME ZONE 'Asia/Shanghai' + p_lead)) + interval '1 second'
$function$;
COMMENT ON FUNCTION ordersync.next_jdp_stamp(timestamp, interval) IS
	'the stamp for rows that are written now: in the future, and later than all before';
{{each stream}}
CREATE OR REPLACE FUNCTION ordersync.stamp_jdp_{{object}}s(p_shops bigint[], p_ids bigint[], p_stamp timestamp)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
{{if orders}}
	INSERT INTO ordersync.jdp_trades AS j (shop_id, tid, seller_nick, jdp_created, jdp_modified)
	SELECT c.shop_id, c.id, COALESCE(s.seller_nick, ''), p_stamp, p_stamp
{{else}}
	INSERT INTO ordersync.jdp_refunds AS j (shop_id, refund_id, tid, seller_nick, jdp_created, jdp_modified)
	SELECT c.shop_id, c.id, t.tid, COALESCE(s.seller_nick, ''), p_stamp, p_stamp
{{endif}}
	FROM (
		SELECT DISTINCT u.shop_id, u.id
		FROM ROWS FROM (pg_catalog.unnest(p_shops), pg_catalog.unnest(p_ids)) u (shop_id, id)
	) c
	JOIN ordersync.{{table}} t ON t.shop_id = c.shop_id AND t.{{id}} = c.id
	LEFT JOIN ordersync.shops s ON s.shop_id = c.shop_id
	ORDER BY c.shop_id, c.id
	ON CONFLICT ({{id}}, shop_id) DO UPDATE
	SET seller_nick = excluded.seller_nick,
{{if after_sales}}
		tid = excluded.tid,
{{endif}}
		jdp_modified = GREATEST(j.jdp_modified, excluded.jdp_modified);
END
$function$;
COMMENT ON FUNCTION ordersync.stamp_jdp_{{object}}s(bigint[], bigint[], timestamp) IS
	'stamps rows of ordersync.jdp_{{object}}s; part of ordersync.stamp_jdp()';
{{end}}

/* What the feed no longer has: all that was written since. */
CREATE OR REPLACE FUNCTION ordersync.stamp_jdp_since(p_since timestamptz, p_stamp timestamp)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.stamp_jdp_refunds(pg_catalog.array_agg(a.shop_id), pg_catalog.array_agg(a.refund_id), p_stamp)
	FROM ordersync.after_sales a
	LEFT JOIN ordersync.jdp_refunds j ON j.shop_id = a.shop_id AND j.refund_id = a.refund_id
	WHERE a.synced_at >= p_since
		OR j.shop_id IS NULL;
	PERFORM ordersync.stamp_jdp_trades(pg_catalog.array_agg(o.shop_id), pg_catalog.array_agg(o.tid), p_stamp)
	FROM ordersync.orders o
	LEFT JOIN ordersync.jdp_trades j ON j.shop_id = o.shop_id AND j.tid = o.tid
	WHERE o.synced_at >= p_since
		OR j.shop_id IS NULL;
END
$function$;
COMMENT ON FUNCTION ordersync.stamp_jdp_since(timestamptz, timestamp) IS
	'stamps the rows of all that was written since a moment, and of what has none; part of ordersync.stamp_jdp()';

/* The name by which consumers ask: a shop was renamed, or added again.  Waits for who stamps, and is waited for. */
CREATE OR REPLACE FUNCTION ordersync.rename_jdp_rows(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF NOT ordersync.jdp_is_enabled() THEN
		RETURN;
	END IF;
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('jdp'));
	UPDATE ordersync.jdp_refunds j
	SET seller_nick = p_nick
	WHERE j.shop_id = p_shop
		AND j.seller_nick <> p_nick;
	UPDATE ordersync.jdp_trades j
	SET seller_nick = p_nick
	WHERE j.shop_id = p_shop
		AND j.seller_nick <> p_nick;
END
$function$;
COMMENT ON FUNCTION ordersync.rename_jdp_rows(bigint, text) IS
	'gives the rows of a shop in the push''s shape its seller''s name';

/* Milliseconds until it wants to be called again; 0: at once, in another transaction. */
CREATE OR REPLACE FUNCTION ordersync.stamp_jdp(p_batch integer DEFAULT 10000)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET lock_timeout = '2s'
AS $function$
DECLARE
	v_state ordersync.jdp_state;
	v_now timestamp;
	v_ahead boolean;
	v_stamped boolean;
BEGIN
	IF NOT ordersync.jdp_is_enabled() OR ordersync.is_outdated() THEN
		RETURN 60000;
	END IF;
	IF NOT pg_catalog.pg_try_advisory_xact_lock(ordersync.lock_key('jdp')) THEN
		RETURN 1000;
	END IF;
	SELECT * INTO v_state
	FROM ordersync.jdp_state;
	IF NOT FOUND THEN
		RETURN 60000;			-- disabled meanwhile
	END IF;
	v_now := pg_catalog.clock_timestamp() AT TIME ZONE 'Asia/Shanghai';

	IF NOT v_state.confirmed THEN
		IF v_now <= v_state.stamped_until - v_state.lead / 3 THEN
			v_state.confirmed := true;
			v_state.lead := v_state.margin;
			UPDATE ordersync.jdp_state
			SET confirmed = true,
				lead = margin
			WHERE (confirmed, lead) IS DISTINCT FROM (true, margin);
		ELSE
			PERFORM ordersync.stamp_jdp_again(v_state.stamped_until, LEAST(v_state.lead * 2, GREATEST(v_state.margin, interval '1 hour')));
			RETURN 0;
		END IF;
	END IF;
	-- a batch a second from then on: stamps must not run ahead, nor wait where the clock was set back
	v_ahead := v_state.stamped_until > v_now + v_state.lead + interval '5 seconds';
	v_stamped := ordersync.stamp_jdp_changes(v_state.stamped_until, v_state.lead, v_state.taken_at, p_batch);
	RETURN CASE WHEN v_stamped AND NOT v_ahead THEN 0 ELSE 1000 END;
END
$function$;
COMMENT ON FUNCTION ordersync.stamp_jdp(integer) IS
	'stamps what has changed since its last call for pollers of the push''s shape; returns after how many milliseconds it is to be called again. Called by one worker of a database';

/* What was readable later than its stamp says. */
CREATE OR REPLACE FUNCTION ordersync.stamp_jdp_again(p_until timestamp, p_lead interval)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_stamp timestamp := ordersync.next_jdp_stamp(p_until, p_lead);
BEGIN
	UPDATE ordersync.jdp_trades j
	SET jdp_created = CASE WHEN j.jdp_created = j.jdp_modified THEN v_stamp ELSE j.jdp_created END,
		jdp_modified = v_stamp
	WHERE j.jdp_modified = p_until;
	UPDATE ordersync.jdp_refunds j
	SET jdp_created = CASE WHEN j.jdp_created = j.jdp_modified THEN v_stamp ELSE j.jdp_created END,
		jdp_modified = v_stamp
	WHERE j.jdp_modified = p_until;
	UPDATE ordersync.jdp_state
	SET lead = p_lead,
		stamped_until = v_stamp;
END
$function$;
COMMENT ON FUNCTION ordersync.stamp_jdp_again(timestamp, interval) IS
	'stamps the rows of the last stamp again, further ahead; part of ordersync.stamp_jdp()';

CREATE OR REPLACE FUNCTION ordersync.note_jdp_stamp(p_stamp timestamp)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.jdp_state
	SET stamped_until = p_stamp,
		confirmed = false,
		taken_at = pg_catalog.now();
END
$function$;
COMMENT ON FUNCTION ordersync.note_jdp_stamp(timestamp) IS
	'notes the stamp that rows were given; part of ordersync.stamp_jdp()';

/* Asked once a second: taking changes writes, even where there are none. */
CREATE OR REPLACE FUNCTION ordersync.jdp_changes_wait()
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	c ordersync.change_consumers;
BEGIN
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = 'jdp_stamps';
	RETURN c.portion IS NOT NULL
		OR c.lost IS NOT NULL
		OR c.cluster IS DISTINCT FROM ordersync.cluster_id()
		OR EXISTS (
			SELECT
			FROM ordersync.entries_behind(c.acknowledged));
END
$function$;
COMMENT ON FUNCTION ordersync.jdp_changes_wait() IS
	'whether the change feed has something for the push''s shape; part of ordersync.stamp_jdp()';

CREATE OR REPLACE FUNCTION ordersync.jdp_has_lost()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.change_consumers c
	SET lost = NULL
	WHERE c.consumer = 'jdp_stamps'
		AND c.lost IS NOT NULL;
	IF FOUND THEN
		RETURN true;
	END IF;
	IF EXISTS (SELECT FROM ordersync.change_consumers c WHERE c.consumer = 'jdp_stamps') THEN
		RETURN false;
	END IF;
	-- somebody dropped it: what comes behind this moment is in the feed again
	RETURN ordersync.add_consumer('jdp_stamps', NULL, true);
END
$function$;
COMMENT ON FUNCTION ordersync.jdp_has_lost() IS
	'whether changes were removed from the feed before they were stamped (ordersync.keep_feed), or the consumer was dropped, and that this is known; part of ordersync.stamp_jdp()';

/* True when there were changes. */
CREATE OR REPLACE FUNCTION ordersync.stamp_jdp_changes(p_until timestamp, p_lead interval, p_taken_at timestamptz, p_batch integer)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_position bigint;
	v_stamp timestamp;
	v_shops bigint[];
	v_ids bigint[];
	v_refund_shops bigint[];
	v_refunds bigint[];
BEGIN
	IF NOT ordersync.jdp_changes_wait() THEN
		RETURN false;
	END IF;
	IF ordersync.jdp_has_lost() THEN
		v_stamp := ordersync.next_jdp_stamp(p_until, p_lead);
		PERFORM ordersync.stamp_jdp_since(p_taken_at - interval '1 hour', v_stamp);
		PERFORM ordersync.note_jdp_stamp(v_stamp);
		RETURN true;
	END IF;
	SELECT pg_catalog.max(c."position"),
		pg_catalog.array_agg(c.shop_id) FILTER (WHERE c.kind = 'order'), pg_catalog.array_agg(c.id) FILTER (WHERE c.kind = 'order'),
		pg_catalog.array_agg(c.shop_id) FILTER (WHERE c.kind = 'after_sale'), pg_catalog.array_agg(c.id) FILTER (WHERE c.kind = 'after_sale')
	INTO v_position, v_shops, v_ids, v_refund_shops, v_refunds
	FROM ordersync.take_changes('jdp_stamps', p_batch) c;
	IF v_position IS NULL THEN
		RETURN false;
	END IF;

	v_stamp := ordersync.next_jdp_stamp(p_until, p_lead);
	-- after-sales first: who purges a shop takes tables by name
	PERFORM ordersync.stamp_jdp_refunds(v_refund_shops, v_refunds, v_stamp);
	PERFORM ordersync.stamp_jdp_trades(v_shops, v_ids, v_stamp);
	PERFORM ordersync.acknowledge('jdp_stamps', v_position);
	PERFORM ordersync.note_jdp_stamp(v_stamp);
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.stamp_jdp_changes(timestamp, interval, timestamptz, integer) IS
	'takes changes from the feed, stamps their rows and acknowledges them; true if there were any; part of ordersync.stamp_jdp()';
