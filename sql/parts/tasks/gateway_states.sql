/*
 * What calls say of their gateway.
 *
 * A gateway fails from the first call that fails for a reason that is no shop's
 * until one succeeds that was sent after that.  So the gateway's row is written
 * where that changes, and else once a minute at most, however many calls fail.
 * Nothing waits for this row: where somebody else writes it, the next call will.
 *
 * That one shop fails is not said of all, nor that a few of many do: windows that
 * cannot be read are tried again when all others have been read, so that no good
 * call comes after theirs.  A tenth of the shops speak for the gateway, at least
 * two, twenty at most; until then failing_shop is set.
 */
CREATE OR REPLACE FUNCTION ordersync.is_gateway_failure(p_verdict text, p_class text, p_sub_code text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN p_class IN ('signature', 'network', 'timeout', 'http', 'certificate', 'proxy', 'refused', 'clock', 'malformed')
		-- but a window that is too large is that window's
		OR p_class = 'platform' AND p_verdict = 'retry' AND p_sub_code ILIKE 'isp.runtime-max-limit%' IS NOT TRUE
		-- the application as a whole lacks a right, not one shop or one list
		OR p_class = 'permission' AND p_sub_code ~* '^isv\.(permission-(ip-whitelist|api-package)|app[-_])';
END
$function$;
COMMENT ON FUNCTION ordersync.is_gateway_failure(text, text, text) IS
	'whether a failure of this verdict and class, with this sub code of the platform, can be that of all shops of the gateway';

CREATE OR REPLACE FUNCTION ordersync.note_gateway_failure(
	p_shop bigint,
	p_class text,
	p_message text,
	p_call jsonb,
	p_claimed_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_now timestamptz := pg_catalog.clock_timestamp();
BEGIN
	UPDATE ordersync.gateways g
	SET failing_since = COALESCE(g.failing_since, v_now),
		failing_shops = l.failing_shops,
		failing_shop = CASE
			WHEN pg_catalog.cardinality(l.failing_shops) = 1 THEN p_shop
			WHEN g.failing_shop IS NOT NULL AND pg_catalog.cardinality(l.failing_shops) < LEAST(20, GREATEST(2, (
				SELECT pg_catalog.ceil(pg_catalog.count(*) / 10.0)
				FROM ordersync.shops o
				WHERE o.gateway = g.name
					AND o.enabled))) THEN g.failing_shop
		END,
		error_class = p_class,
		error = p_message,
		error_code = (p_call ->> 'code')::bigint,
		error_sub_code = p_call ->> 'sub_code',
		error_at = v_now
	FROM (
		SELECT l.name, CASE
				WHEN l.failing_since IS NULL OR l.failing_shops IS NULL THEN ARRAY[p_shop]
				WHEN l.failing_shop IS NULL OR p_shop = ANY (l.failing_shops) THEN l.failing_shops
				ELSE l.failing_shops || p_shop
			END AS failing_shops
		FROM ordersync.shops s
		JOIN ordersync.gateways l ON l.name = s.gateway
		WHERE s.shop_id = p_shop
			AND (l.failing_since IS NULL
				OR l.failing_shop IS NOT NULL AND (p_shop = ANY (l.failing_shops)) IS NOT TRUE
				OR l.error_class IS DISTINCT FROM p_class
				OR l.error_at < v_now - interval '1 minute')
			-- not what was said to a call of before its set-up was corrected
			AND (l.lifted_at IS NULL
				OR l.lifted_at <= COALESCE(pg_catalog.to_timestamp((p_call ->> 'started_at')::bigint / 1000.0), p_claimed_at))
		FOR NO KEY UPDATE OF l SKIP LOCKED
	) l
	WHERE g.name = l.name;
END
$function$;
COMMENT ON FUNCTION ordersync.note_gateway_failure(bigint, text, text, jsonb, timestamptz) IS
	'records that a call of the shop failed for a reason that may be its gateway''s; part of ordersync.fail()';

/* As src/job_call.c judges it (job_outcome): a relay's code need not be a number. */
CREATE OR REPLACE FUNCTION ordersync.is_answer(p_call jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	RETURN COALESCE(p_call ->> 'verdict' = 'ok' OR p_call ?| '{code,sub_code,msg}', false);
END
$function$;
COMMENT ON FUNCTION ordersync.is_answer(jsonb) IS
	'whether a call was answered by the platform or the relay itself, be it by a refusal';

/* A refusal of the key, the call or the record is an answer all the same: gateway, application and signature are well. */
CREATE OR REPLACE FUNCTION ordersync.note_gateway_answer(p_shop bigint, p_call jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF ordersync.is_answer(p_call) THEN
		PERFORM ordersync.end_gateway_failure(s.gateway, pg_catalog.to_timestamp((p_call ->> 'started_at')::bigint / 1000.0))
		FROM ordersync.shops s
		WHERE s.shop_id = p_shop;
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_gateway_answer(bigint, jsonb) IS
	'records that the platform answered a call of the shop itself; part of ordersync.fail()';

CREATE OR REPLACE FUNCTION ordersync.end_gateway_failure(p_gateway text, p_started_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	UPDATE ordersync.gateways g
	SET failing_since = NULL
	FROM (
		SELECT l.name
		FROM ordersync.gateways l
		WHERE l.name = p_gateway
			AND l.failing_since < p_started_at
		FOR NO KEY UPDATE SKIP LOCKED
	) l
	WHERE g.name = l.name;
END
$function$;
COMMENT ON FUNCTION ordersync.end_gateway_failure(text, timestamptz) IS
	'records that a call through the gateway that was sent at that time succeeded';
