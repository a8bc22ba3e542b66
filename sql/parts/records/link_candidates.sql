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
 * Rows that hold others are deleted, and what is kept of them is noted anew.  A row that
 * another run's end has in hand stays for it.  Who waited here would hold a run's row,
 * for which that one may wait.
 *
 * Most of the time the table is as good as empty, and that is what the planner believes
 * of it when a full load has noted thousands of rows: rows are found by find_rows and
 * deleted where they stand.
 */
CREATE OR REPLACE FUNCTION ordersync.keep_candidates(p_shop bigint, p_batches bigint[], p_refunds bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_hashjoin = on
SET jit = off
AS $function$
DECLARE
	v_batches bigint[];			-- those that hold others
	v_rows tid[];
	v_kept bigint[];
BEGIN
	SELECT pg_catalog.array_agg(DISTINCT f.id)
	INTO v_batches
	FROM ordersync.find_rows('ordersync.link_candidates', 'batch_id', p_shop, p_batches) f
	CROSS JOIN LATERAL (
		SELECT c.refund_ids
		FROM ordersync.link_candidates c
		WHERE c.ctid = f.row_ctid
		OFFSET 0
	) c
	LEFT JOIN LATERAL pg_catalog.unnest(c.refund_ids) r (id) ON true
	LEFT JOIN (
		SELECT DISTINCT u.id
		FROM pg_catalog.unnest(p_refunds) u (id)
	) k ON k.id = r.id
	WHERE k.id IS NULL;
	IF v_batches IS NULL THEN
		RETURN;
	END IF;

	WITH seen AS MATERIALIZED (
		SELECT l.row_ctid, l.refund_ids
		FROM ordersync.find_rows('ordersync.link_candidates', 'batch_id', p_shop, v_batches) f
		CROSS JOIN LATERAL (
			SELECT c.ctid AS row_ctid, c.refund_ids
			FROM ordersync.link_candidates c
			WHERE c.ctid = f.row_ctid
			FOR UPDATE SKIP LOCKED
		) l
	)
	SELECT ARRAY(
		SELECT s.row_ctid
		FROM seen s), ARRAY(
		SELECT r.id
		FROM seen s
		CROSS JOIN LATERAL pg_catalog.unnest(s.refund_ids) r (id)
		INTERSECT
		SELECT u.id
		FROM pg_catalog.unnest(p_refunds) u (id))
	INTO v_rows, v_kept;

	DELETE FROM ordersync.link_candidates c
	WHERE c.ctid = ANY (v_rows);
	-- so many that a row of them is rewritten quickly
	INSERT INTO ordersync.link_candidates (shop_id, refund_ids)
	SELECT p_shop, pg_catalog.array_agg(k.id)
	FROM pg_catalog.unnest(v_kept) WITH ORDINALITY k (id, n)
	GROUP BY (k.n - 1) / 1000;
END
$function$;
COMMENT ON FUNCTION ordersync.keep_candidates(bigint, bigint[], bigint[]) IS
	'takes out of these rows of a shop''s candidates all but these refunds';

/* A shop of one stream has nothing to link; should it get the other one, all is looked at. */
CREATE OR REPLACE FUNCTION ordersync.put_off_links(p_shop bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET enable_seqscan = off
AS $function$
DECLARE
	v_batches bigint[];
	v_some boolean;
BEGIN
	SELECT pg_catalog.array_agg(c.batch_id), pg_catalog.bool_or(c.refund_ids IS NOT NULL)
	INTO v_batches, v_some
	FROM ordersync.link_candidates c
	WHERE c.shop_id = p_shop;
	IF v_some THEN
		-- anew, also where there is such a row: a run that ends now, and began with both streams, may have it in hand
		PERFORM ordersync.keep_candidates(p_shop, v_batches, NULL);
		PERFORM ordersync.note_all_links(p_shop);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.put_off_links(bigint) IS
	'makes the next link check of a shop look at all of its records instead of the noted ones';
