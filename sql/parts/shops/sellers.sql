/*
 * Whose shop it is.
 *
 * A shop keeps its seller for life: what is stored under its shop_id must
 * never come from two sellers, so another seller_nick is refused once anything
 * was read.
 */
CREATE OR REPLACE FUNCTION ordersync.clean_nick(p_nick text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_nick text := ordersync.clean_typed('the seller''s name', p_nick, 64);
BEGIN
	IF v_nick <> ordersync.unescape(v_nick) THEN
		RAISE NOTICE USING
			MESSAGE = pg_catalog.format('XML entities in the seller''s name were resolved: "%s"', ordersync.unescape(v_nick));
	END IF;
	RETURN ordersync.unescape(v_nick);
END
$function$;
COMMENT ON FUNCTION ordersync.clean_nick(text) IS
	'a seller''s name as typed, without white space around it and without escapes';

/*
 * Only where nothing came in under the old name, and nothing can: a worker that
 * has claimed a task goes on with the names that it got.  So that no claim is
 * made meanwhile, either no run is active, or the key's state lets none begin
 * but by the shop's row, which the caller has locked, as it has the shop against
 * triggers (p_alone).
 */
CREATE OR REPLACE FUNCTION ordersync.check_seller_change(p_shop record, p_nick text, p_alone boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_busy boolean;
BEGIN
	v_busy := NOT p_alone
		OR EXISTS (
			SELECT
			FROM ordersync.sync_tasks t
			WHERE t.shop_id = p_shop.shop_id
				AND t.state = 'running')
		OR p_shop.key_state IN ('ok', 'unverified') AND EXISTS (
			SELECT
			FROM ordersync.sync_runs r
			WHERE r.shop_id = p_shop.shop_id
				AND r.state IN ('pending', 'running'));
	IF ordersync.has_been_read(p_shop.shop_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('shop %s belongs to another seller', p_shop.shop_id),
			DETAIL = pg_catalog.format('It belongs to "%s", not to "%s".', p_shop.seller_nick, p_nick),
			HINT = pg_catalog.format('Choose another shop_id; or, if the shop was a mistake: SELECT ordersync_remove_shop(%s, purge => true).', p_shop.shop_id);
	ELSIF v_busy THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = pg_catalog.format('shop %s has active runs under its present name', p_shop.shop_id),
			DETAIL = pg_catalog.format('It belongs to "%s", not to "%s".', p_shop.seller_nick, p_nick),
			HINT = pg_catalog.format('Cancel its runs first: SELECT ordersync_cancel(run_id) FROM ordersync.sync_runs WHERE shop_id = %s AND state IN (''pending'', ''running'').', p_shop.shop_id);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_seller_change(record, text, boolean) IS
	'raises an error if records of the shop were read or it has active runs';

CREATE OR REPLACE FUNCTION ordersync.has_been_read(p_shop bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE	-- a function in SQL would be planned at each call
AS $function$
BEGIN
	RETURN EXISTS (SELECT FROM ordersync.orders o WHERE o.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.after_sales a WHERE a.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.order_payloads o WHERE o.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.after_sale_payloads a WHERE a.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.quarantine q WHERE q.shop_id = p_shop)
		OR EXISTS (SELECT FROM ordersync.coverage c WHERE c.shop_id = p_shop AND c.ranges <> '{}');
END
$function$;
COMMENT ON FUNCTION ordersync.has_been_read(bigint) IS
	'whether a shop was ever read, even if no records came';

CREATE OR REPLACE FUNCTION ordersync.change_seller(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_before text;
BEGIN
	SELECT s.seller_nick INTO v_before
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
	UPDATE ordersync.shops s
	SET seller_nick = p_nick,
		seller_nicks = ARRAY[p_nick],
		user_id = NULL,
		key_state = CASE WHEN s.key_state IN ('moved', 'missing') THEN s.key_state ELSE 'unchecked' END,
		key_message = CASE s.key_state WHEN 'moved' THEN s.key_message END,
		updated_at = now()
	WHERE s.shop_id = p_shop;
	PERFORM ordersync.report_key_states(p_shop, NULL);
	RAISE NOTICE USING
		MESSAGE = pg_catalog.format('shop %s now belongs to "%s" instead of "%s"', p_shop, p_nick, v_before);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.change_seller(bigint, text) IS
	'gives a shop that was never read another seller''s name';

CREATE OR REPLACE FUNCTION ordersync.rename_seller(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	UPDATE ordersync.shops s
	SET seller_nick = p_nick,
		key_message = CASE s.key_state WHEN 'ok' THEN NULL ELSE s.key_message END,
		updated_at = now()
	WHERE s.shop_id = p_shop
$function$;
COMMENT ON FUNCTION ordersync.rename_seller(bigint, text) IS
	'takes over another of the names under which a shop''s records come';

CREATE OR REPLACE FUNCTION ordersync.check_orders_of_other_seller(p_shop bigint, p_nick text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_nick text;
BEGIN
	SELECT o.seller_nick INTO v_nick
	FROM ordersync.orders o
	WHERE o.shop_id = p_shop
	LIMIT 1;
	IF ordersync.unescape(v_nick) <> p_nick THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('shop %s still holds orders of another seller', p_shop),
			DETAIL = pg_catalog.format('They belong to "%s", not to "%s".', v_nick, p_nick),
			HINT = 'Choose another shop_id; or add the shop with the old name and remove it with purge => true.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_orders_of_other_seller(bigint, text) IS
	'raises an error where a removed shop left orders of another seller under the number';
