/*
 * What a batch wrote is announced in the change feed, in the batch's transaction.
 *
 * The entry's number is taken while the rows of these orders, or after-sales, are
 * still locked, so that of two entries with the same one the later has the higher
 * number: numbers are in order for each order, though not between transactions.
 */
CREATE OR REPLACE FUNCTION ordersync.announce_records(p_kind text, p_shop bigint, p_ids bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
	v_all_compact boolean;
	v_messages jsonb[];
BEGIN
	IF COALESCE(pg_catalog.cardinality(p_ids), 0) = 0 THEN
		RETURN;
	END IF;
	SELECT pg_catalog.bool_and(c.compact)
	INTO v_all_compact
	FROM ordersync.change_consumers c;
	IF NOT v_all_compact THEN
		v_messages := ARRAY(
			SELECT m.message
			FROM ordersync.with_messages(NULL, pg_catalog.array_fill(p_kind, ARRAY[pg_catalog.cardinality(p_ids)]),
				pg_catalog.array_fill(p_shop, ARRAY[pg_catalog.cardinality(p_ids)]), p_ids)
				WITH ORDINALITY AS m (n, "position", kind, shop_id, tid, refund_id, changed_at, message, place)
			ORDER BY m.place);
	END IF;
	INSERT INTO ordersync.change_feed (shop_id, kind, ids, messages)
	VALUES (p_shop, p_kind, p_ids, v_messages);
	IF v_all_compact IS NOT NULL THEN
		PERFORM pg_catalog.pg_notify('ordersync_changes', '');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.announce_records(text, bigint, bigint[]) IS
	'writes into the change feed which orders or after-sales of a shop were written, and wakes those who wait for it';
