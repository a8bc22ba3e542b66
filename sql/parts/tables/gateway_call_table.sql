/*
 * The calls of a day through each gateway, where its options limit them.
 *
 * Written once a block of calls, not once a call: see ordersync.reserve_calls().
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_gateway_calls()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.gateway_calls (
		gateway text NOT NULL,
		app_key text NOT NULL,
		day date NOT NULL,
		reserved bigint NOT NULL,
		reserved_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (gateway, app_key, day)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('gateway_calls', NULL, 'calls of a day through gateways that have the option calls_per_day; kept for a week'),
		('gateway_calls', 'gateway', 'the gateway'),
		('gateway_calls', 'app_key', 'the application whose quota it is'),
		('gateway_calls', 'day', 'the platform''s day, Asia/Shanghai'),
		('gateway_calls', 'reserved', 'calls that were made or may have been: they are reserved ahead, some at a time, and what a crash has left of them counts as made'),
		('gateway_calls', 'reserved_at', 'when the last ones were; of two applications of a day the later is the present one'),
		('gateways', 'spent_until', 'until when no call is made because calls_per_day are spent'),
		('gateways', 'reserved_until', 'until when only single orders and key checks are called for, because the rest of calls_per_day is reserved for them'),
		('gateways', 'method_bans', 'methods that the platform banned by themselves: until, class, message, and the lists of which tasks they are; those that are over go with the next one')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_gateway_calls() IS
	'creates the table of calls by day if it is missing; part of ordersync.set_up_queue()';
