/*
 * The platform's lists by name, and which of them a shop is served.
 */
/*
 * Lists that need a permission of their own.  A refusal is remembered for a
 * day: a shop without the permission costs one call a day, and one that is
 * given it is read without anybody's doing.
 */
CREATE OR REPLACE FUNCTION ordersync.list_name(
	p_stream text,
	p_basis text,
	p_ext_type text,
	p_details_of text,
	p_reason text DEFAULT NULL)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE
		WHEN p_ext_type = 'any' THEN p_stream || ' of any type'
		WHEN p_ext_type IS NOT NULL THEN 'ext_type ' || p_ext_type
		WHEN p_stream = 'details' THEN 'details of ' || p_details_of
		-- a range of it that somebody asked for is another matter
		WHEN p_reason = 'open' THEN 'history'
		WHEN p_stream = 'special_refunds' THEN 'special_refunds'
		WHEN p_basis = 'arrival' THEN 'arrival'
	END
$function$;
COMMENT ON FUNCTION ordersync.list_name(text, text, text, text, text) IS
	'the key of an optional list in shops.unserved; NULL for a list that is required';

CREATE OR REPLACE FUNCTION ordersync.is_served(p_unserved jsonb, p_list text, p_now timestamptz)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT COALESCE((p_unserved -> p_list ->> 'at')::timestamptz < p_now - interval '24 hours', true)
$function$;
COMMENT ON FUNCTION ordersync.is_served(jsonb, text, timestamptz) IS
	'whether a list (list_name) is to be asked: the platform has not refused it to the shop within a day';
