/*
 * What every call leaves behind in the request log, and on its gateway and shop.
 */
/*
 * What a call is judged by: its gateway, the shop, the kind of its run.  Looked
 * up by primary keys only, in LATERAL subqueries that cannot be flattened.
 */
CREATE OR REPLACE FUNCTION ordersync.call_facts(
	p_shop bigint,
	p_run bigint,
	OUT gateway text,
	OUT clock_offset interval,
	OUT failing_since timestamptz,
	OUT stops jsonb,
	OUT first_full_at timestamptz,
	OUT unserved jsonb,
	OUT kind text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT g.name, g.clock_offset, g.failing_since, g.stops, s.first_full_at, s.unserved, r.kind
	INTO gateway, clock_offset, failing_since, stops, first_full_at, unserved, kind
	FROM (
		SELECT s.gateway, s.first_full_at, s.unserved
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT g.name, g.clock_offset, g.failing_since, g.stops
		FROM ordersync.gateways g
		WHERE g.name = s.gateway
		OFFSET 0
	) g
	LEFT JOIN LATERAL (
		SELECT r.kind
		FROM ordersync.sync_runs r
		WHERE r.run_id = p_run
		OFFSET 0
	) r ON true;
END
$function$;
COMMENT ON FUNCTION ordersync.call_facts(bigint, bigint) IS
	'the columns of shop, gateway and run that settling a call needs';

/*
 * What every call leaves behind: its row in the log, the platform's clock when
 * it moved, and, of a first full run, the moment from which changes must be
 * read.  The earliest call of parallel windows counts, whoever settles first.
 */
CREATE OR REPLACE FUNCTION ordersync.log_call(
	p_facts record,
	p_shop bigint,
	p_run bigint,
	p_task bigint,
	p_clock_offset_ms bigint,
	p_call jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_offset interval := pg_catalog.make_interval(secs => p_clock_offset_ms / 1000.0);
	v_started timestamptz := pg_catalog.to_timestamp((p_call ->> 'started_at')::bigint / 1000.0);
	v_log text := ordersync.setting('request_log');
BEGIN
	IF p_call IS NOT NULL AND (v_log = 'all' OR v_log = 'errors' AND p_call ->> 'verdict' <> 'ok') THEN
		INSERT INTO ordersync.request_log (shop_id, run_id, task_id, gateway, method, window_since, window_until,
			page_no, page_size, use_has_next, verdict, http_status, code, msg, sub_code, sub_msg, request_id,
			total_results, has_next, records, bytes, started_at, duration_ms, answer)
		SELECT p_shop, p_run, p_task, p_facts.gateway, c.method,
			pg_catalog.to_timestamp(c.window_since), pg_catalog.to_timestamp(c.window_until),
			c.page_no, c.page_size, c.use_has_next, c.verdict, c.http_status, c.code, c.msg, c.sub_code, c.sub_msg,
			c.request_id, c.total_results, c.has_next, c.records, c.bytes, v_started, c.duration_ms, c.answer
		FROM pg_catalog.jsonb_to_record(p_call) AS c (
			method text, window_since bigint, window_until bigint, page_no integer, page_size integer,
			use_has_next boolean, verdict text, http_status integer, code bigint, msg text, sub_code text,
			sub_msg text, request_id text, total_results bigint, has_next boolean, records integer, bytes bigint,
			duration_ms integer, answer text);
	END IF;

	IF v_offset IS NOT NULL
			AND pg_catalog.abs(EXTRACT(epoch FROM v_offset) - EXTRACT(epoch FROM p_facts.clock_offset)) > 1 THEN
		UPDATE ordersync.gateways g
		SET clock_offset = v_offset
		WHERE g.name = p_facts.gateway;
	END IF;

	IF v_started > p_facts.failing_since AND p_call ->> 'verdict' = 'ok' THEN
		PERFORM ordersync.end_gateway_failure(p_facts.gateway, v_started);
	END IF;
	-- a refusal with a code is an answer
	IF p_facts.stops <> '{}' AND ordersync.is_answer(p_call) THEN
		PERFORM ordersync.end_stops(p_facts.gateway, p_call ->> 'method', v_started);
	END IF;

	IF p_facts.kind = 'full' AND p_call ? 'window_since' THEN
		v_started := pg_catalog.date_trunc('second', v_started + COALESCE(v_offset, p_facts.clock_offset));
		IF p_facts.first_full_at IS NULL OR v_started < p_facts.first_full_at THEN
			UPDATE ordersync.shops s
			SET first_full_at = v_started
			WHERE s.shop_id = p_shop
				AND (s.first_full_at IS NULL OR s.first_full_at > v_started);
		END IF;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.log_call(record, bigint, bigint, bigint, bigint, jsonb) IS
	'logs a call and records what follows from its answer: the clock offset, that the gateway works, the start of incremental reading';
