/*
 * What could not be stored: whole records, and single values.
 *
 * A record without a usable key, time or shape is kept as bytes with its
 * reason; a value that cannot be read costs that value, not the record; one that
 * holds what is no text (a NUL, half a surrogate pair, broken UTF-8, a raw control
 * character) costs that character.  The
 * same trouble met again is noted once while it is open.  A value is resolved
 * by the transaction that stores a version in which it is gone, a record by the
 * one that finds stored what it could not be: a version of that age or a later
 * one.  An older one, which another list may bring at any time, is no answer.
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
	'notes in quarantine the values of stored records that came with what is no text, each once while it is open; a value NULL: the member was left out';

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

/*
 * Closes what these stored records have cured of their values and notes what
 * p_suspects still hold that cannot be read.  Cheap when there is neither.
 */
CREATE OR REPLACE FUNCTION ordersync.note_values(
	p_shop bigint,
	p_stream text,
	p_runs bigint[],
	p_tasks bigint[],
	p_records ordersync.applied[],
	p_suspects bigint[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_open boolean := EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.resolved_at IS NULL);
	v_noted text[];
BEGIN
	IF p_suspects IS NOT NULL THEN
		WITH bad AS MATERIALIZED (
			SELECT r.id, p_runs[r.page] AS run_id, p_tasks[r.page] AS task_id, b.reason, b.column_name, b.value, b.body,
				pg_catalog.sha256(pg_catalog.convert_to(COALESCE(b.body, '') || COALESCE(b.value, ''), 'UTF8'))
					AS digest
			FROM pg_catalog.unnest(p_records) AS r,
				LATERAL ordersync.unreadable_values(p_stream, r.payload) AS b
			WHERE r.id = ANY (p_suspects)
		), ins AS (
			INSERT INTO ordersync.quarantine (
				shop_id, stream, record_id, reason, column_name, value, body, run_id, task_id,
				since, until, digest)
			SELECT p_shop, p_stream, bad.id, bad.reason, bad.column_name, bad.value,
				pg_catalog.convert_to(bad.body, 'UTF8'), bad.run_id, bad.task_id, t.since, t.until, bad.digest
			FROM bad
			LEFT JOIN ordersync.sync_tasks t ON t.task_id = bad.task_id
			ON CONFLICT DO NOTHING
		)
		SELECT pg_catalog.array_agg(pg_catalog.concat_ws('/', bad.id, bad.reason, bad.column_name, bad.digest::text))
		INTO v_noted
		FROM bad;
	END IF;

	IF v_open THEN
		UPDATE ordersync.quarantine q
		SET resolved_at = pg_catalog.now()
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = ANY (ARRAY(
				SELECT r.id
				FROM ordersync.ids_of_records(p_records) AS r))
			AND q.resolved_at IS NULL
			AND q.reason IN ('value', 'line')
			AND q.source IS NULL
			AND (v_noted IS NULL
				OR pg_catalog.concat_ws('/', q.record_id, q.reason, q.column_name, q.digest::text)
					<> ALL (v_noted));
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_values(bigint, text, bigint[], bigint[], ordersync.applied[], bigint[]) IS
	'notes unreadable values of stored records in quarantine, resolves what their new version has cured';

CREATE OR REPLACE FUNCTION ordersync.unreadable_values(
	p_stream text,
	p_payload jsonb
)
RETURNS TABLE (
	reason text,
	column_name text,
	value text,
	body text
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	WITH typed (object, name, field, member, kind) AS (
		VALUES
			{{orders.typed ('orders', '#', '#field', '#member', '#read')}},
			{{sub_orders.typed ('sub_orders', '#', '#field', '#member', '#read')}},
			{{after_sales.typed ('after_sales', '#', '#field', '#member', '#read')}}
	), records (object, record, line) AS (
		SELECT CASE p_stream WHEN 'after_sales' THEN 'after_sales' ELSE 'orders' END, p_payload, NULL
		UNION ALL
		SELECT 'sub_orders', l.line, l.line
		FROM pg_catalog.jsonb_array_elements(p_payload -> 'orders' -> 'order') AS l (line)
		WHERE p_stream <> 'after_sales'
	)
	SELECT 'value', CASE
			WHEN t.member <> '' THEN t.name
			WHEN r.line IS NULL THEN t.field
			ELSE 'sub_orders.' || t.field
		END, e.value, r.line::text
	FROM records r
	JOIN typed t ON t.object = r.object
	CROSS JOIN LATERAL (
		SELECT CASE t.member
			WHEN '' THEN r.record ->> t.field
			ELSE r.record -> t.field ->> t.member
		END AS value
		OFFSET 0
	) e
	WHERE e.value <> ''
		AND CASE t.kind
			WHEN 'time' THEN ordersync.read_time(e.value) IS NULL
			WHEN 'money' THEN ordersync.read_money(e.value) IS NULL
			WHEN 'bigint' THEN ordersync.read_bigint(e.value) IS NULL
			WHEN 'id' THEN ordersync.read_bigint(e.value) IS NULL
			WHEN 'int' THEN ordersync.read_int(e.value) IS NULL
			WHEN 'smallint' THEN ordersync.read_smallint(e.value) IS NULL
			WHEN 'boolean' THEN ordersync.read_boolean(e.value) IS NULL
		END
	UNION ALL
	SELECT 'line', NULL, NULL, l.line::text
	FROM pg_catalog.jsonb_array_elements(p_payload -> 'orders' -> 'order') AS l (line)
	WHERE p_stream <> 'after_sales'
		AND l.line <> '{}'
		AND ordersync.read_bigint(l.line ->> 'oid') IS NULL
	UNION ALL
	SELECT 'line', NULL, NULL, l.line::text
	FROM pg_catalog.jsonb_path_query(p_payload, '$.orders.unreadable[*]') AS l (line)
	WHERE p_stream <> 'after_sales'
$function$;
COMMENT ON FUNCTION ordersync.unreadable_values(text, jsonb) IS
	'values of a stored record that its typed columns could not take, and lines without an id';
