/*
 * Events: what the server's log and listeners are told of a run or a shop.  Ids,
 * states, times and roles; never a secret, never what a record holds.
 */
CREATE OR REPLACE FUNCTION ordersync.log_line(line text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_log_line';
COMMENT ON FUNCTION ordersync.log_line(text) IS
	'writes a line to the server''s log when the transaction has committed, at level LOG, without statement and context';

CREATE OR REPLACE FUNCTION ordersync.notify(p_event text, p_more jsonb)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT pg_catalog.pg_notify('ordersync', (pg_catalog.jsonb_build_object('event', p_event) || p_more)::text)
$function$;
COMMENT ON FUNCTION ordersync.notify(text, jsonb) IS
	'notifies channel ordersync of an event, when the transaction commits';
