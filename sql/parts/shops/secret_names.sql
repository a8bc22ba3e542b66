/*
 * Secrets of gateways by their names: of the application, of the proxy, of headers
 * that a relay wants to see.
 *
 * In ordersync.secrets their names are the gateway's, or the gateway's and the
 * header's, divided by a slash, which is in no name of a gateway.
 */
-- with the words of an index: of ten thousand rows, most are data keys
CREATE OR REPLACE FUNCTION ordersync.secrets_of_gateway(p_gateway text)
RETURNS TABLE (kind text, name text, destination text, sealed bytea, updated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT k.kind, k.name, k.destination, k.sealed, k.updated_at
	FROM ordersync.secrets k
	WHERE k.kind = ANY (ARRAY['app_secret', 'header', 'proxy_password'])
		AND pg_catalog.split_part(k.name, '/', 1) = p_gateway
$function$;
COMMENT ON FUNCTION ordersync.secrets_of_gateway(text) IS
	'the sealed secrets of a gateway itself, without the data keys of its shops';

CREATE OR REPLACE FUNCTION ordersync.secret_word(p_kind text, p_name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE p_kind
		WHEN 'app_secret' THEN 'the application secret'
		WHEN 'proxy_password' THEN 'the proxy''s password'
		WHEN 'header' THEN 'the header ' || pg_catalog.split_part(p_name, '/', 2)
		ELSE 'the data key'
	END
$function$;
COMMENT ON FUNCTION ordersync.secret_word(text, text) IS
	'what a secret is called in messages';

CREATE OR REPLACE FUNCTION ordersync.secret_command(p_kind text, p_name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT CASE p_kind
		WHEN 'app_secret' THEN pg_catalog.format('SELECT ordersync_add_gateway(%L, NULL, NULL, app_secret)', p_name)
		WHEN 'data_key' THEN pg_catalog.format('SELECT ordersync_set_session_key(%s, session_key)', p_name)
		ELSE pg_catalog.format('SELECT ordersync_set_gateway_secret(%L, %L, value)',
			pg_catalog.split_part(p_name, '/', 1),
			p_kind || CASE p_kind WHEN 'header' THEN ':' || pg_catalog.split_part(p_name, '/', 2) ELSE '' END)
	END
$function$;
COMMENT ON FUNCTION ordersync.secret_command(text, text) IS
	'the command that sets a secret';

/* What is wrong with a secret's word is told without it: it may be the value, typed in the wrong place. */
CREATE OR REPLACE FUNCTION ordersync.read_secret_word(p_gateway text, p_word text, OUT kind text, OUT name text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	kind := pg_catalog.split_part(p_word, ':', 1);
	name := p_gateway;
	IF p_word IN ('app_secret', 'proxy_password') THEN
		RETURN;
	END IF;
	IF p_word IS NULL OR kind <> 'header' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'unrecognized secret of a gateway',
			HINT = 'Known ones: app_secret; proxy_password; header:Name, for the value of an HTTP header.';
	END IF;
	IF NOT ordersync.is_header_name(pg_catalog.substr(p_word, 8)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'no header of that name can be set',
			DETAIL = 'A name consists of letters, digits, "-" and "_", 64 at most; headers of the connection and of the body are the server''s own.',
			HINT = 'For example: header:X-Relay-Token.';
	END IF;
	name := p_gateway || '/' || pg_catalog.substr(p_word, 8);
END
$function$;
COMMENT ON FUNCTION ordersync.read_secret_word(text, text) IS
	'kind and name, in ordersync.secrets, of the secret of a gateway that a word names: app_secret, proxy_password or header:Name';

CREATE OR REPLACE FUNCTION ordersync.is_header_name(p_name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT p_name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'
		AND pg_catalog.lower(p_name) !~ '^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|content-.*|proxy-.*)$'
$function$;
COMMENT ON FUNCTION ordersync.is_header_name(text) IS
	'whether calls may carry a header of that name that a gateway''s set-up gives';

CREATE OR REPLACE FUNCTION ordersync.clean_gateway_secret(p_kind text, p_value text)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_value text;
BEGIN
	IF p_kind <> 'header' THEN
		v_value := ordersync.clean_secret(ordersync.secret_word(p_kind, NULL), p_value);
	ELSE
		v_value := ordersync.clean_typed('the header''s value', p_value, 4096);
	END IF;
	IF v_value = '' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('the secret must not be empty'),
			HINT = 'NULL deletes the one that is stored.';
	ELSIF p_kind = 'header' AND v_value !~ '^[ -~]*$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the header''s value contains a character that is not ASCII',
			HINT = 'Check the pasted value.';
	ELSIF p_kind = 'proxy_password' AND v_value !~ '^[^:]+:.' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the proxy''s password is given together with its user',
			HINT = 'As "user:password".';
	END IF;
	RETURN v_value;
END
$function$;
COMMENT ON FUNCTION ordersync.clean_gateway_secret(text, text) IS
	'the value of a gateway''s secret without surrounding white space; raises an error for one that cannot be sent';

CREATE OR REPLACE FUNCTION ordersync.waits_for_app_secret(p_gateway text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ordersync.gateway_needs_secret(g.protocol, g.options::text)
		AND NOT EXISTS (
			SELECT
			FROM ordersync.secrets s
			WHERE s.kind = 'app_secret'
				AND s.name = g.name)
	FROM ordersync.gateways g
	WHERE g.name = p_gateway
$function$;
COMMENT ON FUNCTION ordersync.waits_for_app_secret(text) IS
	'whether a gateway cannot sign its calls because no application secret is stored';
