/*
 * Records that could not be stored.
 *
 * A record without a usable key, time or shape is kept as bytes with its
 * reason; one that holds invalid text (a NUL, half a surrogate pair, broken
 * UTF-8, a raw control character) is stored and loses that character.  The
 * same trouble met again is noted once while it is open.  A record is resolved by
 * the transaction that finds stored what it could not be: a version of that age or a
 * later one.  An older one, which another list may bring at any time, is not an answer.
 * Nor is for a record that the database refused one of the same second, which
 * may be the version before: that has to be a later one, or the very record.
 */
CREATE OR REPLACE FUNCTION ordersync.quarantine_records(
	p_shop bigint,
	p_stream text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_reasons text[],
	p_bodies bytea[]
)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
	INSERT INTO ordersync.quarantine (
		shop_id, stream, record_id, modified, reason, body, run_id, task_id, since, until, digest)
	SELECT p_shop, p_stream, NULLIF(q.id, 0),
		(SELECT s.modified FROM ordersync.split_records(q.body, p_stream) AS s LIMIT 1),
		q.reason, CASE WHEN r.hidden = '{}' THEN q.body END,
		p_run, p_task, t.since, t.until, pg_catalog.sha256(COALESCE(q.body, ''))
	FROM ROWS FROM (
		pg_catalog.unnest(p_ids), pg_catalog.unnest(p_reasons), pg_catalog.unnest(p_bodies)
	) AS q (id, reason, body)
	CROSS JOIN ordersync.payload_rules(p_shop) r
	LEFT JOIN ordersync.sync_tasks t ON t.task_id = p_task
	ON CONFLICT DO NOTHING
$function$;
COMMENT ON FUNCTION ordersync.quarantine_records(bigint, text, bigint, bigint, bigint[], text[], bytea[]) IS
	'keeps records that cannot be stored, each once while it is open; id 0 or NULL: it has none; without their bytes where the shop''s privacy is strict';

/*
 * Called for every page behind its rows, also where none was written: a record
 * may have been spoilt on its way though nothing of it was new.
 */
CREATE OR REPLACE FUNCTION ordersync.resolve_records(
	p_shop bigint,
	p_stream text,
	p_ids bigint[],
	p_source text,
	p_modified timestamptz[],
	p_mended bigint[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_refused bigint[];
BEGIN
	IF NOT EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.resolved_at IS NULL
	) THEN
		RETURN;
	END IF;

	WITH done AS (
		UPDATE ordersync.quarantine q
		SET resolved_at = pg_catalog.now()
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = ANY (p_ids)
			AND q.resolved_at IS NULL
			AND q.reason NOT IN ('value', 'line')
			AND CASE q.reason
				WHEN 'refused' THEN
					ordersync.is_stored(p_shop, p_stream, q.record_id, q.modified, q.asked ->> 'source', q.digest)
				ELSE ordersync.is_stored(p_shop, p_stream, q.record_id, q.modified)
			END
		RETURNING q.quarantine_id, q.reason
	)
	SELECT pg_catalog.array_agg(d.quarantine_id)
	INTO v_refused
	FROM done d
	WHERE d.reason = 'refused';
	IF v_refused IS NOT NULL THEN
		PERFORM ordersync.uncount_refused(v_refused);
	END IF;

	-- a mended value is resolved when its list brings it whole, or when what is stored does not hold it any more
	UPDATE ordersync.quarantine q
	SET resolved_at = pg_catalog.now()
	FROM ROWS FROM (
		pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified)
	) AS r (id, modified)
	WHERE q.shop_id = p_shop
		AND q.stream = p_stream
		AND q.record_id = r.id
		AND q.resolved_at IS NULL
		AND q.source IS NOT NULL
		AND (q.source = p_source
				AND r.modified >= q.modified
				AND (p_mended IS NULL OR r.id <> ALL (p_mended))
			OR NOT ordersync.holds_text((ordersync.stored_record(p_shop, p_stream, q.record_id)).payload, q.value));
END
$function$;
COMMENT ON FUNCTION ordersync.resolve_records(bigint, text, bigint[], text, timestamptz[], bigint[]) IS
	'resolves the records of these ids that could not be stored and are by now, as they were or newer, and mended values that are good by now; p_mended: ids that came with such values again';

CREATE OR REPLACE FUNCTION ordersync.holds_text(p_payload jsonb, p_value text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_payload IS NULL OR p_value IS NULL
	OR pg_catalog.jsonb_path_exists(p_payload, '$.** ? (@ == $value)', pg_catalog.jsonb_build_object('value', p_value));
COMMENT ON FUNCTION ordersync.holds_text(jsonb, text) IS
	'whether a record holds a text anywhere; true where the record is not kept or no text is given';

/*
 * Called behind apply for a page that has mended values.  One that was not stored
 * is none of ours: an older version, or a field that the shop's privacy hides.
 */
CREATE OR REPLACE FUNCTION ordersync.note_mended(
	p_shop bigint,
	p_stream text,
	p_source text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_paths text[],
	p_values text[],
	p_bodies bytea[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
BEGIN
	WITH met AS MATERIALIZED (
		SELECT m.id, m.modified, m.body, (m.value::jsonb) #>> '{}' AS value,
			CASE p_stream
				WHEN 'orders' THEN pg_catalog.regexp_replace(m.path, '^orders\.(order\.)?', 'sub_orders.')
				ELSE m.path
			END AS column_name,
			pg_catalog.sha256(m.body) AS digest
		FROM ROWS FROM (
			pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified), pg_catalog.unnest(p_paths),
			pg_catalog.unnest(p_values), pg_catalog.unnest(p_bodies)
		) AS m (id, modified, path, value, body)
		CROSS JOIN ordersync.payload_rules(p_shop) r
		WHERE pg_catalog.split_part(m.path, '.', 1) <> ALL (r.hidden)
	), gone AS (
		-- the record came by the same list with other values of that kind
		UPDATE ordersync.quarantine q
		SET resolved_at = pg_catalog.now()
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = ANY (p_ids)
			AND q.resolved_at IS NULL
			AND q.source = p_source
			AND EXISTS (
				SELECT
				FROM ROWS FROM (
					pg_catalog.unnest(p_ids), pg_catalog.unnest(p_modified)
				) AS r (id, modified)
				WHERE r.id = q.record_id
					AND r.modified >= q.modified)
			AND NOT EXISTS (
				SELECT
				FROM met
				WHERE met.id = q.record_id
					AND met.column_name = q.column_name
					AND met.digest = q.digest)
	)
	INSERT INTO ordersync.quarantine (
		shop_id, stream, record_id, modified, reason, column_name, value, body, source, run_id, task_id,
		since, until, digest)
	SELECT DISTINCT p_shop, p_stream, met.id, met.modified, 'value', met.column_name, met.value, met.body, p_source,
		p_run, p_task, t.since, t.until, met.digest
	FROM met
	CROSS JOIN LATERAL ordersync.stored_record(p_shop, p_stream, met.id) s
	LEFT JOIN ordersync.sync_tasks t ON t.task_id = p_task
	WHERE s.modified = met.modified
		AND ordersync.holds_text(s.payload, met.value)
	ON CONFLICT DO NOTHING;
END
$function$;
COMMENT ON FUNCTION ordersync.note_mended(bigint, text, text, bigint, bigint, bigint[], timestamptz[], text[], text[], bytea[]) IS
	'notes in quarantine the values of stored records that came with invalid text, each once while it is open; a value NULL: the member was left out';

CREATE OR REPLACE FUNCTION ordersync.stored_record(
	p_shop bigint,
	p_stream text,
	p_id bigint,
	OUT modified timestamptz,
	OUT payload jsonb
)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	IF p_stream = 'orders' THEN
		SELECT p.modified, p.payload
		INTO modified, payload
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND p.tid = p_id;
	ELSE
		SELECT p.modified, p.payload
		INTO modified, payload
		FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND p.refund_id = p_id;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.stored_record(bigint, text, bigint) IS
	'modified and payload of a stored record; both NULL when it is not stored, the payload also when it is not kept';

CREATE OR REPLACE FUNCTION ordersync.is_stored(
	p_shop bigint,
	p_stream text,
	p_id bigint,
	p_modified timestamptz,
	p_source text DEFAULT NULL,
	p_digest bytea DEFAULT NULL
)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_modified timestamptz;
	v_digest bytea;
BEGIN
	IF p_stream = 'orders' THEN
		SELECT p.modified,
			CASE p_source
				WHEN 'history' THEN p.digest_history
				WHEN 'increment' THEN p.digest_increment
				WHEN 'list' THEN p.digest_list
				WHEN 'details' THEN p.digest_details
			END
		INTO v_modified, v_digest
		FROM ordersync.order_payloads p
		WHERE p.shop_id = p_shop
			AND p.tid = p_id;
	ELSE
		SELECT p.modified,
			CASE p_source
				WHEN 'special' THEN p.digest_special
				WHEN 'list' THEN p.digest_list
				WHEN 'details' THEN p.digest_details
			END
		INTO v_modified, v_digest
		FROM ordersync.after_sale_payloads p
		WHERE p.shop_id = p_shop
			AND p.refund_id = p_id;
	END IF;
	IF v_modified > COALESCE(p_modified, '-infinity')
			OR p_digest IS NULL AND v_modified = p_modified
			OR v_digest = p_digest THEN
		-- its row may be gone though its payload is there
		RETURN CASE p_stream
			WHEN 'orders' THEN EXISTS (
				SELECT
				FROM ordersync.orders o
				WHERE o.shop_id = p_shop
					AND o.tid = p_id)
			ELSE EXISTS (
				SELECT
				FROM ordersync.after_sales a
				WHERE a.shop_id = p_shop
					AND a.refund_id = p_id)
		END;
	END IF;
	RETURN false;
END
$function$;
COMMENT ON FUNCTION ordersync.is_stored(bigint, text, bigint, timestamptz, text, bytea) IS
	'whether a record''s row is there and a version of that time or a later one is stored; with a digest: that very record of this source, or a later version';

CREATE OR REPLACE FUNCTION ordersync.count_refused(p_shop bigint)
RETURNS integer
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.count(DISTINCT (q.stream, q.record_id))::integer
	FROM ordersync.quarantine q
	WHERE q.shop_id = p_shop
		AND q.reason = 'refused'
		AND q.resolved_at IS NULL
		AND q.body IS NOT NULL
$function$;
COMMENT ON FUNCTION ordersync.count_refused(bigint) IS
	'how many records of a shop the database refuses and that can be tried again';

/*
 * A window's counts say how many of what it saw could not be stored.  What was
 * refused and is stored now would look like a record that the platform does not
 * list.  Locks as the closing of a window does: coverage, then counts.
 */
CREATE OR REPLACE FUNCTION ordersync.uncount_refused(p_rows bigint[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT
	FROM ordersync.coverage c
	WHERE EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.quarantine_id = ANY (p_rows)
			AND q.shop_id = c.shop_id
			AND (q.stream = 'orders') = (c.stream = 'orders'))
	ORDER BY c.stream, c.basis
	FOR NO KEY UPDATE;

	UPDATE ordersync.window_counts w
	SET quarantined = GREATEST(w.quarantined - n.records, 0)
	FROM (
		SELECT c.shop_id, c.stream, c.basis, c.range, pg_catalog.count(DISTINCT q.record_id) AS records
		FROM ordersync.quarantine q
		LEFT JOIN ordersync.orders o ON q.stream = 'orders'
			AND o.shop_id = q.shop_id
			AND o.tid = q.record_id
		JOIN ordersync.window_counts c ON c.shop_id = q.shop_id
			AND (q.stream = 'orders') = (c.stream = 'orders')
			AND c.range @> CASE c.basis WHEN 'created' THEN o.created WHEN 'modified' THEN q.modified END
			AND c.closed_at >= q.received_at
			AND c.quarantined > 0
		WHERE q.quarantine_id = ANY (p_rows)
			AND q.reason = 'refused'
		GROUP BY 1, 2, 3, 4
	) n
	WHERE w.shop_id = n.shop_id
		AND w.stream = n.stream
		AND w.basis = n.basis
		AND w.range = n.range
$function$;
COMMENT ON FUNCTION ordersync.uncount_refused(bigint[]) IS
	'subtracts records that were refused and are stored now from the quarantined counts of their windows';
