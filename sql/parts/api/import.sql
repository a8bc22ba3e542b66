/*
 * Many shops at once, from a file that only the server can read.
 *
 * The caller's own role must be one that may have the server read files, as for
 * COPY: a definer's rights would let every admin try paths.  So the function is
 * its caller's, reads the file, and has each line stored by a definer.  All it
 * does itself is to call functions of this schema.
 *
 * A line that cannot be used costs no other one: it is rolled back and told.
 * What is wrong is told without what stands there, which in a line that has lost
 * a comma may be a key.  For the same reason what stands there is handed on by
 * assignments, and statements have generic plans: a plan that is logged shows
 * parameters, not their values.  What is no matter of a line (a full disk, a deadlock)
 * ends the import, and nothing is stored.
 */
CREATE OR REPLACE FUNCTION ordersync.import_read(path text)
RETURNS TABLE (
	line bigint,
	shop_id bigint,
	seller_nick text,
	gateway text,
	options text,
	expires_at text,
	read_key bytea,
	problem text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_read_shop_file';
COMMENT ON FUNCTION ordersync.import_read(text) IS
	'the lines of a file of shops, each key sealed for this import only, and what is wrong with a line; part of ordersync_import_shops()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_import_shops(path text)
RETURNS TABLE (shop_id bigint, action text, message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
	v_done record;
BEGIN
	PERFORM ordersync.import_begin();
	FOR v IN
		SELECT r.*
		FROM ordersync.import_read(path) r
	LOOP
		shop_id := v.shop_id;
		v_done := ordersync.import_line(v.line, v.shop_id, v.seller_nick, v.gateway, v.options, v.expires_at, v.read_key, v.problem);
		action := v_done.action;
		message := v_done.message;
		RETURN NEXT;
	END LOOP;
	PERFORM ordersync.import_end();
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_import_shops(text) IS
	'adds and changes the shops that a file on the server lists, in CSV or JSON lines; says for each line: added, changed, unchanged or error. The file must be readable by the server''s user only';

CREATE OR REPLACE FUNCTION ordersync.import_begin()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_gateways_set_up();
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.prepare_key_file();	-- keys are sealed as they are read
END
$function$;
COMMENT ON FUNCTION ordersync.import_begin() IS
	'makes sure that shops can be stored; part of ordersync_import_shops()';

CREATE OR REPLACE FUNCTION ordersync.import_end()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
	SELECT ordersync.wake()
$function$;
COMMENT ON FUNCTION ordersync.import_end() IS
	'wakes the workers when shops have been stored; part of ordersync_import_shops()';

CREATE OR REPLACE FUNCTION ordersync.import_line(
	p_line bigint,
	p_shop bigint,
	p_nick text,
	p_gateway text,
	p_options text,
	p_expires_at text,
	p_read_key bytea,
	p_problem text,
	OUT action text,
	OUT message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET client_min_messages = error
SET timezone = 'Asia/Shanghai'
SET datestyle = 'ISO, YMD'
SET plan_cache_mode = force_generic_plan
-- ten thousand shops are stored by one session, which may have planned when there was none: see settle
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
DECLARE
	v_state text;
	v_message text;
	v_hint text;
	v_done record;
BEGIN
	IF p_problem IS NOT NULL THEN
		action := 'error';
		message := format('line %s: %s', p_line, p_problem);
		RETURN;
	END IF;
	v_done := ordersync.import_shop(p_shop, p_nick, p_gateway,
		ordersync.import_options(p_options), ordersync.import_time(p_expires_at), p_read_key);
	action := v_done.action;
	message := v_done.message;
EXCEPTION
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_hint = PG_EXCEPTION_HINT;
		IF v_state ~ '^(08|25|40|53|54|57|58|F0|XX)|^55P03' THEN
			RAISE;
		END IF;
		action := 'error';
		message := format('line %s: %s', p_line, concat_ws('. ', v_message, NULLIF(v_hint, '')));
END
$function$;
COMMENT ON FUNCTION ordersync.import_line(bigint, bigint, text, text, text, text, bytea, text) IS
	'stores a line of a file of shops: what was done, and what is wrong with it; part of ordersync_import_shops()';

CREATE OR REPLACE FUNCTION ordersync.import_options(p_options text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	RETURN p_options::jsonb;
EXCEPTION
	WHEN OTHERS THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the options are not JSON',
			HINT = 'Like this: {"payloads": "off"}; in CSV: "{""payloads"": ""off""}".';
END
$function$;
COMMENT ON FUNCTION ordersync.import_options(text) IS
	'options as written in a file of shops';

CREATE OR REPLACE FUNCTION ordersync.import_time(p_time text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	RETURN p_time::timestamptz;
EXCEPTION
	WHEN OTHERS THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'expires_at is not a time',
			HINT = 'Like this, in Asia/Shanghai: 2027-11-29 12:00:00.';
END
$function$;
COMMENT ON FUNCTION ordersync.import_time(text) IS
	'a time as written in a file of shops';

/* What is the same as stored is not stored again: no key is checked again for having been in a file. */
CREATE OR REPLACE FUNCTION ordersync.import_shop(
	p_shop bigint,
	p_nick text,
	p_gateway text,
	p_options jsonb,
	p_expires_at timestamptz,
	p_read_key bytea,
	OUT action text,
	OUT message text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_old ordersync.shops;
	v_gateway text;
	v_destination text;
	v_sealed bytea;
	v_changed text;
BEGIN
	SELECT s.* INTO v_old
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
	action := CASE WHEN FOUND THEN 'changed' ELSE 'added' END;
	p_nick := ordersync.clean_nick(p_nick);
	p_gateway := ordersync.clean_typed('the gateway''s name', p_gateway, 63);
	v_gateway := COALESCE(p_gateway, v_old.gateway, 'taobao');
	SELECT ordersync.destination(g.base_url, g.options ->> 'proxy') INTO v_destination
	FROM ordersync.gateways g
	WHERE g.name = v_gateway;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = 'its gateway does not exist',
			HINT = 'Gateways are listed in ordersync.gateways; a shop without one uses "taobao".';
	END IF;
	IF p_read_key IS NOT NULL THEN
		v_sealed := ordersync.seal_read_secret(p_read_key, 'data_key', p_shop::text, v_destination, (
			SELECT k.sealed
			FROM ordersync.secrets k
			WHERE k.kind = 'data_key'
				AND k.name = p_shop::text
				AND k.destination = v_destination));
	END IF;
	IF v_sealed IS NOT NULL AND p_expires_at <= pg_catalog.now() THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the data key has already expired',
			HINT = 'Ask the seller for a new authorisation and write its key into the file.';
	END IF;

	v_changed := pg_catalog.concat_ws(', ',
		CASE WHEN p_nick <> ALL (v_old.seller_nicks) THEN 'seller_nick' END,
		CASE WHEN v_gateway <> v_old.gateway THEN 'gateway' END,
		CASE WHEN p_options IS NOT NULL AND ordersync.merge_options(v_old.options, p_options) <> v_old.options THEN 'options' END,
		CASE WHEN v_sealed IS NOT NULL THEN 'data key' END,
		CASE WHEN p_expires_at IS DISTINCT FROM v_old.key_expires_at AND p_expires_at IS NOT NULL THEN 'expires_at' END);
	IF action = 'changed' AND v_changed = '' THEN
		-- wrong options may leave the stored ones as they are
		PERFORM ordersync.check_shop_options(p_options);
		action := 'unchanged';
		RETURN;
	END IF;

	PERFORM ordersync.store_shop(p_shop, p_nick, NULL, p_gateway, p_options, v_sealed, v_destination, p_expires_at);
	message := CASE
		WHEN action = 'changed' THEN v_changed
		WHEN v_sealed IS NULL THEN pg_catalog.format('it waits for its data key: SELECT ordersync_set_session_key(%s, session_key)', p_shop)
	END;
END
$function$;
COMMENT ON FUNCTION ordersync.import_shop(bigint, text, text, jsonb, timestamptz, bytea) IS
	'stores what a file says of a shop where it differs from what is stored; part of ordersync.import_line()';
