/*
 * What the database refuses: a user's trigger, constraint, policy or index.
 *
 * A page is stored in one piece.  Only when an error comes out of that, and it
 * is not one that may pass by itself, the same page is stored once more, part
 * by part: what fails is halved until the records that are refused stand alone.
 * They go to quarantine with the database's message, the others are stored, and
 * all of it is one transaction with the page's cursor.
 *
 * An open refusal keeps the record's digest: the same record, read again, is
 * not tried again (known_refusals).  A record that has changed is, and so is
 * all that ordersync_retry is asked for.
 *
 * Where nothing of a page can be stored, it may not be the records' fault.  An
 * error about an object (a table that is missing, a permission) is the
 * trigger's.  Of the rest a run takes twenty, or as many as it stores: else it
 * would fill quarantine with all that there is.  The task fails instead.
 */
CREATE OR REPLACE FUNCTION ordersync.refusal_kind(sqlstate text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_refusal_kind'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.refusal_kind(text) IS
	'what caused an error while records were stored: record (their content), object (a trigger or table, usually for all records), NULL: it may be temporary';

CREATE OR REPLACE FUNCTION ordersync.known_refusals(
	p_shop bigint,
	p_stream text,
	p_ids bigint[],
	p_digests bytea[]
)
RETURNS SETOF integer
LANGUAGE sql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
	SELECT r.ord::integer
	FROM ROWS FROM (pg_catalog.unnest(p_ids), pg_catalog.unnest(p_digests)) WITH ORDINALITY AS r (id, digest, ord)
	WHERE EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = r.id
			AND q.digest = r.digest
			AND q.reason = 'refused'
			AND q.resolved_at IS NULL)
$function$;
COMMENT ON FUNCTION ordersync.known_refusals(bigint, text, bigint[], bytea[]) IS
	'the positions of those records that the database has refused as they are';

CREATE OR REPLACE FUNCTION ordersync.is_refused(p_shop bigint, p_stream text, p_id bigint, p_modified timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN EXISTS (
		SELECT
		FROM ordersync.quarantine q
		WHERE q.shop_id = p_shop
			AND q.stream = p_stream
			AND q.record_id = p_id
			AND q.reason = 'refused'
			AND q.resolved_at IS NULL
			AND q.modified >= p_modified);
END
$function$;
COMMENT ON FUNCTION ordersync.is_refused(bigint, text, bigint, timestamptz) IS
	'whether the database refuses the version of a record that is of that time, or a later one';

/*
 * Halves what is refused.  p_limit: how many may be refused where nothing is
 * written; NULL for any number.  Beyond it, and at the first error about an
 * object, a record in each tenth of the rest is tried: where the database takes
 * none of them either, it refuses all, and the rest is left.
 */
CREATE OR REPLACE FUNCTION ordersync.apply_parts(
	p_stream text,
	p_shop bigint,
	p_source text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[],
	p_drop text[],
	p_read_at timestamptz,
	p_mended bigint[],
	p_limit integer,
	OUT n_new integer,
	OUT n_changed integer,
	OUT n_unchanged integer,
	OUT refused integer[],
	OUT sqlstates text[],
	OUT messages text[],
	OUT refuses_all boolean
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_parts integer[] := ARRAY[1, pg_catalog.cardinality(p_ids)];	-- to be stored: from, to, the next one last
	v_samples integer;			-- still to be tried; NULL: there is no doubt yet
	v_from integer;
	v_to integer;
	v_state text;
	v_message text;
BEGIN
	n_new := 0;
	n_changed := 0;
	n_unchanged := 0;
	WHILE pg_catalog.cardinality(v_parts) > 0 AND (n_new + n_changed > 0 OR v_samples IS DISTINCT FROM 0) LOOP
		v_from := v_parts[pg_catalog.cardinality(v_parts) - 1];
		v_to := v_parts[pg_catalog.cardinality(v_parts)];
		v_parts := v_parts[: pg_catalog.cardinality(v_parts) - 2];
		v_samples := v_samples - 1;
		BEGIN
			IF p_stream = 'orders' THEN
				SELECT a.n_new, a.n_changed, a.n_unchanged
				INTO v
				FROM ordersync.apply_orders(p_shop, p_source, p_run, p_task, p_ids[v_from : v_to], p_modified[v_from : v_to],
					p_digests[v_from : v_to], p_bodies[v_from : v_to], p_add, p_drop, p_read_at, p_mended) a;
			ELSE
				SELECT a.n_new, a.n_changed, a.n_unchanged
				INTO v
				FROM ordersync.apply_after_sales(p_shop, p_source, p_run, p_task, p_ids[v_from : v_to], p_modified[v_from : v_to],
					p_digests[v_from : v_to], p_bodies[v_from : v_to], p_add, p_drop, p_read_at, p_mended) a;
			END IF;
			n_new := n_new + v.n_new;
			n_changed := n_changed + v.n_changed;
			n_unchanged := n_unchanged + v.n_unchanged;
			CONTINUE;
		EXCEPTION
			WHEN assert_failure OR OTHERS THEN
				GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
				IF ordersync.refusal_kind(v_state) IS NULL THEN
					RAISE;
				END IF;
		END;

		IF v_from < v_to THEN
			v_parts := v_parts || ARRAY[(v_from + v_to) / 2 + 1, v_to, v_from, (v_from + v_to) / 2];
			CONTINUE;
		END IF;
		refused := refused || v_from;
		sqlstates := sqlstates || v_state;
		-- its DETAIL may quote the whole row
		messages := messages || pg_catalog.left(v_message, 1000);
		IF v_samples IS NULL AND n_new + n_changed = 0
				AND (pg_catalog.cardinality(refused) > p_limit OR p_limit IS NOT NULL AND ordersync.refusal_kind(v_state) = 'object') THEN
			v_samples := LEAST(10, pg_catalog.cardinality(p_ids) - v_from);
			v_parts := ordersync.sampled_parts(v_from + 1, pg_catalog.cardinality(p_ids), v_samples);
		END IF;
	END LOOP;
	refuses_all := v_samples IS NOT NULL AND n_new + n_changed = 0;
END
$function$;
COMMENT ON FUNCTION ordersync.apply_parts(text, bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[], text[], text[], timestamptz, bigint[], integer) IS
	'stores orders or after-sales as far as the database accepts them; returns the positions of the refused ones with SQLSTATE and message, and whether all are refused alike';

CREATE OR REPLACE FUNCTION ordersync.sampled_parts(p_from integer, p_to integer, p_samples integer)
RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE(pg_catalog.array_agg(b.bound ORDER BY p.is_sample, p.lower DESC, b.n), '{}')
	FROM pg_catalog.generate_series(0, p_samples - 1) s (i)
	CROSS JOIN LATERAL (
		SELECT p_from + s.i * (p_to - p_from + 1) / p_samples AS first,
			p_from + (s.i + 1) * (p_to - p_from + 1) / p_samples - 1 AS last
	) t
	CROSS JOIN LATERAL (VALUES (true, t.first, t.first), (false, t.first + 1, t.last)) p (is_sample, lower, upper)
	CROSS JOIN LATERAL (VALUES (1, p.lower), (2, p.upper)) b (n, bound)
	WHERE p.lower <= p.upper
$function$;
COMMENT ON FUNCTION ordersync.sampled_parts(integer, integer, integer) IS
	'a range in equal parts, of each its first position and the rest, as bounds: all rests, then all first positions, the lowest last';

CREATE OR REPLACE FUNCTION ordersync.store_parts(
	p_stream text,
	p_shop bigint,
	p_source text,
	p_run bigint,
	p_task bigint,
	p_ids bigint[],
	p_modified timestamptz[],
	p_digests bytea[],
	p_bodies text[],
	p_add text[],
	p_drop text[],
	p_read_at timestamptz DEFAULT NULL,
	p_mended bigint[] DEFAULT NULL,
	OUT n_new integer,
	OUT n_changed integer,
	OUT n_unchanged integer
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
	v record;
BEGIN
	-- the parts lock their rows and the numbers of their orders one part after another, so in no order
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));
	SELECT a.*
	INTO v
	FROM ordersync.apply_parts(p_stream, p_shop, p_source, p_run, p_task,
		p_ids, p_modified, p_digests, p_bodies, p_add, p_drop, p_read_at, p_mended, ordersync.refusal_limit(p_shop, p_stream, p_run)) a;
	IF v.refuses_all THEN
		RAISE EXCEPTION USING
			ERRCODE = 'OS003',
			MESSAGE = pg_catalog.format('the database rejected every record to be written, the first with SQLSTATE %s: %s',
				v.sqlstates[1], v.messages[1]);
	END IF;
	n_new := v.n_new;
	n_changed := v.n_changed;
	n_unchanged := v.n_unchanged;

	-- what the shop does not want stored is in no row either
	INSERT INTO ordersync.quarantine (
		shop_id, stream, record_id, modified, reason, sqlstate, message, body, asked, run_id, task_id, since, until, digest)
	SELECT p_shop, p_stream, p_ids[f.ord], p_modified[f.ord], 'refused', f.sqlstate, f.message,
		pg_catalog.convert_to(
			CASE r.hidden WHEN '{}' THEN p_bodies[f.ord] ELSE (p_bodies[f.ord]::jsonb - r.hidden)::text END, 'UTF8'),
		pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
			'source', p_source, 'add', pg_catalog.to_jsonb(p_add), 'drop', pg_catalog.to_jsonb(p_drop),
			'read_at', pg_catalog.to_jsonb(p_read_at))),
		p_run, p_task, t.since, t.until, p_digests[f.ord]
	FROM ROWS FROM (
		pg_catalog.unnest(v.refused), pg_catalog.unnest(v.sqlstates), pg_catalog.unnest(v.messages)
	) AS f (ord, sqlstate, message)
	CROSS JOIN ordersync.payload_rules(p_shop) r
	LEFT JOIN ordersync.sync_tasks t ON t.task_id = p_task
	ON CONFLICT DO NOTHING;
END
$function$;
COMMENT ON FUNCTION ordersync.store_parts(text, bigint, text, bigint, bigint, bigint[], timestamptz[], bytea[], text[], text[], text[], timestamptz, bigint[]) IS
	'stores the records of a page that was refused in one piece, and puts those that the database refuses into quarantine; an error where it refuses all alike';

/*
 * Called behind store_parts for what was mended in the records that it refused:
 * note_mended notes the values of stored records only, and the bytes that came
 * are not in the body that is kept.
 */
CREATE OR REPLACE FUNCTION ordersync.keep_mends(
	p_shop bigint,
	p_stream text,
	p_ids bigint[],
	p_digests bytea[],
	p_paths text[],
	p_values text[],
	p_bodies bytea[]
)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
AS $function$
	UPDATE ordersync.quarantine q
	SET asked = q.asked || pg_catalog.jsonb_build_object('mends', c.mends)
	FROM (
		SELECT m.id, m.digest,
			pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
				'path', m.path, 'value', m.value, 'body', pg_catalog.encode(m.body, 'base64')) ORDER BY m.ord) AS mends
		FROM ROWS FROM (
			pg_catalog.unnest(p_ids), pg_catalog.unnest(p_digests), pg_catalog.unnest(p_paths),
			pg_catalog.unnest(p_values), pg_catalog.unnest(p_bodies)
		) WITH ORDINALITY AS m (id, digest, path, value, body, ord)
		CROSS JOIN ordersync.payload_rules(p_shop) r
		WHERE pg_catalog.split_part(m.path, '.', 1) <> ALL (r.hidden)
		GROUP BY m.id, m.digest
	) c
	WHERE q.shop_id = p_shop
		AND q.stream = p_stream
		AND q.record_id = c.id
		AND q.digest = c.digest
		AND q.reason = 'refused'
		AND q.resolved_at IS NULL
		AND NOT q.asked ? 'mends'
$function$;
COMMENT ON FUNCTION ordersync.keep_mends(bigint, text, bigint[], bytea[], text[], text[], bytea[]) IS
	'keeps with refused records the values that were mended in them, for retry_refused to note; a value NULL: the member was left out';

CREATE OR REPLACE FUNCTION ordersync.refusal_limit(p_shop bigint, p_stream text, p_run bigint)
RETURNS integer
LANGUAGE sql STABLE PARALLEL UNSAFE
AS $function$
	SELECT (GREATEST(20, (
			SELECT pg_catalog.sum(t.records_new + t.records_changed)
			FROM ordersync.sync_tasks t
			WHERE t.run_id = p_run
				AND (p_stream = 'orders') = ('orders' IN (t.stream, t.details_of))))
		- (
			SELECT pg_catalog.count(*)
			FROM ordersync.quarantine q
			WHERE q.shop_id = p_shop
				AND q.stream = p_stream
				AND q.reason = 'refused'
				AND q.resolved_at IS NULL
				AND q.run_id = p_run))::integer
$function$;
COMMENT ON FUNCTION ordersync.refusal_limit(bigint, text, bigint) IS
	'how many more records of a run may be refused in pages of which nothing is stored: twenty, or as many as it has stored';

/*
 * Tries all that is refused of a shop once more, from the bytes that were kept:
 * no call is needed, and what the platform has archived since comes in too.  In
 * the caller's transaction, which excludes the shop's pages until its end.
 *
 * Page by page, the one that was read first before the others: of two versions
 * of one second the later reading counts, here as when they are read.
 */
CREATE OR REPLACE FUNCTION ordersync.retry_refused(
	p_shop bigint,
	p_run bigint,
	OUT tried integer,
	OUT stored integer,
	OUT message text
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	a record;
	v_done bigint[];
BEGIN
	tried := ordersync.count_refused(p_shop);
	stored := 0;
	IF tried = 0 THEN
		RETURN;
	END IF;
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.apply_lock_key(p_shop));
	SET CONSTRAINTS ALL IMMEDIATE;	-- what a deferred one refuses is to be known here

	FOR v IN
		SELECT b.stream, b.request,
			pg_catalog.array_agg(b.quarantine_id ORDER BY b.n) AS rows,
			pg_catalog.array_agg(b.record_id ORDER BY b.n) AS ids,
			pg_catalog.array_agg(b.modified ORDER BY b.n) AS modified,
			pg_catalog.array_agg(b.digest ORDER BY b.n) AS digests,
			COALESCE((b.request ->> 'read_at')::timestamptz, pg_catalog.min(b.received_at)) AS read_at,
			pg_catalog.array_agg(b.record_id) FILTER (WHERE b.is_newest AND b.asked ? 'mends') AS mended,
			pg_catalog.array_agg(b.quarantine_id) FILTER (WHERE b.is_newest AND b.asked ? 'mends') AS mended_rows,
			pg_catalog.array_agg(pg_catalog.convert_from(b.body, 'UTF8') ORDER BY b.n) AS bodies
		FROM (
			SELECT q.*, r.request,
				pg_catalog.row_number() OVER (PARTITION BY q.stream, r.request ORDER BY q.record_id, q.modified, q.quarantine_id) AS n,
				q.modified = pg_catalog.max(q.modified) OVER (PARTITION BY q.stream, r.request, q.record_id) AS is_newest
			FROM ordersync.quarantine q
			CROSS JOIN LATERAL (SELECT q.asked - 'mends' AS request) r
			WHERE q.shop_id = p_shop
				AND q.reason = 'refused'
				AND q.resolved_at IS NULL
				AND q.body IS NOT NULL
		) b
		GROUP BY b.stream, b.request, (b.n - 1) / 100
		ORDER BY b.stream DESC, read_at, b.request, (b.n - 1) / 100	-- orders before their after-sales
	LOOP
		SELECT p.*
		INTO a
		FROM ordersync.apply_parts(v.stream, p_shop, v.request ->> 'source', p_run, NULL, v.ids, v.modified, v.digests, v.bodies,
			ordersync.option_names(v.request -> 'add'), ordersync.option_names(v.request -> 'drop'), v.read_at, v.mended, NULL) p;

		UPDATE ordersync.quarantine q
		SET sqlstate = a.sqlstates[f.n],
			message = a.messages[f.n]
		FROM pg_catalog.unnest(a.refused) WITH ORDINALITY AS f (ord, n)
		WHERE q.quarantine_id = v.rows[f.ord];
		message := COALESCE(message, a.messages[1]);

		-- a version that is older than what is stored is out of date: that is not a refusal
		v_done := ARRAY(
			SELECT r.id
			FROM pg_catalog.unnest(v.rows) WITH ORDINALITY AS r (id, ord)
			WHERE a.refused IS NULL
				OR r.ord <> ALL (a.refused));
		IF v.mended_rows && v_done THEN
			PERFORM ordersync.note_mended(p_shop, v.stream, v.request ->> 'source', p_run, NULL,
				pg_catalog.array_agg(q.record_id), pg_catalog.array_agg(q.modified), pg_catalog.array_agg(m.mend ->> 'path'),
				pg_catalog.array_agg(m.mend ->> 'value'), pg_catalog.array_agg(pg_catalog.decode(m.mend ->> 'body', 'base64')))
			FROM ordersync.quarantine q
			CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(q.asked -> 'mends') AS m (mend)
			WHERE q.quarantine_id = ANY (v.mended_rows)
				AND q.quarantine_id = ANY (v_done);
		END IF;
		WITH done AS (
			UPDATE ordersync.quarantine q
			SET resolved_at = pg_catalog.now()
			WHERE q.quarantine_id = ANY (v_done)
				AND q.resolved_at IS NULL
			RETURNING q.quarantine_id
		)
		SELECT pg_catalog.array_agg(d.quarantine_id)
		INTO v_done
		FROM done d;
		PERFORM ordersync.uncount_refused(v_done);
	END LOOP;
	stored := tried - ordersync.count_refused(p_shop);
END
$function$;
COMMENT ON FUNCTION ordersync.retry_refused(bigint, bigint) IS
	'retries the records of a shop that the database refused; returns how many were tried and stored, and why the first one is still refused';
