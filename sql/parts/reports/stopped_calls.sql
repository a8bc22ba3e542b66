/*
 * Which calls are stopped because they fail: of gateways.stops (shops/stops.sql)
 * one row each, for people and for the views that tell it.
 *
 * It reads tables only, so that it stays when the extension goes.  Who sees some
 * shops only sees their stops: gateways.stops itself, which has those of all in
 * one value, is no reader's, so the view reads it with its owner's rights.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_stopped_calls()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE OR REPLACE VIEW ordersync.stopped_calls
	WITH (security_barrier = true) AS
	SELECT g.name AS gateway,
		NULLIF(s.key, '') AS method,
		(s.value ->> 'shop')::bigint AS shop_id,
		(s.value ->> 'since')::timestamptz AS since,
		(s.value ->> 'probe_at')::timestamptz AS next_probe_at,
		s.value ->> 'class' AS error_class,
		s.value ->> 'error' AS error,
		'gateway "' || g.name || '": ' || CASE WHEN s.key = '' THEN 'it' ELSE s.key END
			|| CASE
				WHEN s.value ->> 'class' = 'unanswered' THEN ' has not answered yet, calls wait since '
				ELSE ' does not answer since '
			END
			|| to_char(timezone('Asia/Shanghai', (s.value ->> 'since')::timestamptz), 'MM-DD HH24:MI:SS')
			|| CASE WHEN s.value ->> 'class' = 'unanswered' THEN '' ELSE ' (' || (s.value ->> 'class') || ')' END
			|| ', next probe at ' || to_char(timezone('Asia/Shanghai', (s.value ->> 'probe_at')::timestamptz), 'HH24:MI:SS') AS words,
		CASE
			WHEN s.value ->> 'stream' = 'details' THEN s.value - '{since,probe_at,shop,class,error,basis}'::text[]
			ELSE s.value - '{since,probe_at,shop,class,error}'::text[]
		END AS list
	FROM ordersync.gateways g
	CROSS JOIN LATERAL jsonb_each(g.stops) s
	CROSS JOIN ordersync.own_shops o
	WHERE o.all_shops
		OR NOT s.value ? 'shop'
		OR (s.value ->> 'shop')::bigint = ANY (o.shops);

	PERFORM ordersync.comment_on('VIEW', t.rel, t.col, t.words)
	FROM (VALUES
		('stopped_calls', NULL, 'calls that are not made but for a probe every ten seconds at most, because such calls fail; they go on by themselves once one is answered'),
		('stopped_calls', 'gateway', 'the gateway'),
		('stopped_calls', 'method', 'the method; NULL: all calls'),
		('stopped_calls', 'shop_id', 'only calls of this shop, no other shop''s fail; NULL: of all'),
		('stopped_calls', 'since', 'since when'),
		('stopped_calls', 'next_probe_at', 'when the next one is made'),
		('stopped_calls', 'error_class', 'class of the last failure, as in ordersync.failed_tasks; unanswered: none has failed, but the first calls are without an answer yet'),
		('stopped_calls', 'error', 'the last failure'),
		('stopped_calls', 'words', 'the same in words, as ordersync.run_progress has it'),
		('stopped_calls', 'list', 'the list whose windows wait: columns of their tasks; key: the check of data keys')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_stopped_calls() IS
	'creates the view of stopped calls; part of ordersync.set_up()';
