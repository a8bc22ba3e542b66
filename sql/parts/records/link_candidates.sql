/*
 * Candidates of the link check: refunds whose after-sale or line was written.
 *
 * Whatever writes lines or after-sales notes their refunds, a row a batch, in the
 * transaction that writes them, and without a look at the other side.  A row without
 * refunds stands for all of the shop.  How they are judged is told in missing_links.sql.
 */
/* In the transaction that writes them: see the link check. */
CREATE OR REPLACE FUNCTION ordersync.note_refunds(p_shop bigint, p_refunds bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.cardinality(p_refunds) > 0 THEN
		INSERT INTO ordersync.link_candidates (shop_id, refund_ids)
		VALUES (p_shop, p_refunds);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_refunds(bigint, bigint[]) IS
	'notes refunds whose after-sale or line was written, for the link check';

CREATE OR REPLACE FUNCTION ordersync.note_all_links(p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.link_candidates (shop_id, refund_ids)
	VALUES (p_shop, NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.note_all_links(bigint) IS
	'makes the next run of the shop that ends check all of its lines and after-sales';

CREATE OR REPLACE FUNCTION ordersync.link_candidates_of(
	p_shop bigint,
	OUT batches bigint[],
	OUT refunds bigint[],
	OUT whole boolean
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $function$
BEGIN
	SELECT pg_catalog.array_agg(DISTINCT c.batch_id), pg_catalog.array_agg(DISTINCT r.id) FILTER (WHERE r.id IS NOT NULL),
		pg_catalog.bool_or(c.refund_ids IS NULL)
	INTO batches, refunds, whole
	FROM ordersync.link_candidates c
	LEFT JOIN LATERAL pg_catalog.unnest(c.refund_ids) r (id) ON true
	WHERE c.shop_id = p_shop;
END
$function$;
COMMENT ON FUNCTION ordersync.link_candidates_of(bigint) IS
	'the refunds of a shop that are noted for the link check, in which rows; whole: all are';

/*
 * A row that another run's end has in hand stays for it.  Who waited here would hold
 * a run's row, for which that one may wait.
 */
CREATE OR REPLACE FUNCTION ordersync.keep_candidates(p_shop bigint, p_batches bigint[], p_refunds bigint[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET enable_seqscan = off
AS $function$
	WITH seen AS MATERIALIZED (
		SELECT c.batch_id, c.refund_ids
		FROM ordersync.link_candidates c
		WHERE c.shop_id = p_shop
			AND c.batch_id = ANY (p_batches)
		FOR UPDATE SKIP LOCKED
	), kept AS MATERIALIZED (
		SELECT s.batch_id, pg_catalog.count(r.id) AS n,
			pg_catalog.array_agg(r.id) FILTER (WHERE k.id IS NOT NULL) AS refund_ids
		FROM seen s
		LEFT JOIN LATERAL pg_catalog.unnest(s.refund_ids) r (id) ON true
		LEFT JOIN (
			SELECT DISTINCT u.id
			FROM pg_catalog.unnest(p_refunds) u (id)
		) k ON k.id = r.id
		GROUP BY s.batch_id
	), gone AS (
		DELETE FROM ordersync.link_candidates c
		USING kept k
		WHERE c.shop_id = p_shop
			AND c.batch_id = k.batch_id
			AND k.refund_ids IS NULL
	)
	UPDATE ordersync.link_candidates c
	SET refund_ids = k.refund_ids
	FROM kept k
	WHERE c.shop_id = p_shop
		AND c.batch_id = k.batch_id
		AND pg_catalog.cardinality(k.refund_ids) < k.n
$function$;
COMMENT ON FUNCTION ordersync.keep_candidates(bigint, bigint[], bigint[]) IS
	'takes out of these rows of a shop''s candidates all but these refunds, and deletes rows that have none of them';

/* A shop of one stream has nothing to link; should it get the other one, all is looked at. */
CREATE OR REPLACE FUNCTION ordersync.put_off_links(p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET enable_seqscan = off
AS $function$
DECLARE
	v_batches bigint[];
	v_whole boolean;
BEGIN
	SELECT pg_catalog.array_agg(c.batch_id) FILTER (WHERE c.refund_ids IS NOT NULL),
		pg_catalog.bool_or(c.refund_ids IS NULL)
	INTO v_batches, v_whole
	FROM ordersync.link_candidates c
	WHERE c.shop_id = p_shop;
	IF v_batches IS NULL THEN
		RETURN;
	END IF;
	IF NOT v_whole THEN
		PERFORM ordersync.note_all_links(p_shop);
	END IF;
	PERFORM ordersync.keep_candidates(p_shop, v_batches, NULL);
END
$function$;
COMMENT ON FUNCTION ordersync.put_off_links(bigint) IS
	'makes the next link check of a shop look at all of its records instead of the noted ones';
