/*
 * Secrets from files that only the server can read: no statement has them.
 *
 * The caller's own role must be one that may have the server read files, as for
 * COPY and for ordersync_import_shops(): so these functions are their caller's,
 * and have what was read stored by definers.  What was read is a seal, for one row.
 */
CREATE OR REPLACE FUNCTION ordersync.import_secret_file(path text, kind text, name text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_read_secret_file';
COMMENT ON FUNCTION ordersync.import_secret_file(text, text, text) IS
	'the one secret in a file that only the server can read, sealed for ordersync.seal_read_secret()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_data_key_from_file(
	shop_id bigint,
	path text,
	expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.import_check_renewal(shop_id, path, expires_at);
	PERFORM ordersync.import_data_key(shop_id, ordersync.import_secret_file(path, 'data_key', shop_id::text), expires_at);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_data_key_from_file(bigint, text, timestamptz) IS
	'as ordersync_set_data_key, with the key from a file on the server that only the server''s user can read';

CREATE OR REPLACE FUNCTION ordersync.import_check_path(p_path text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_path IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'path must not be NULL',
			HINT = 'It is that of a file on the server, such as ''/etc/ordersync/secret''.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.import_check_path(text) IS
	'raises an error for a path that is NULL';

CREATE OR REPLACE FUNCTION ordersync.import_check_renewal(p_shop bigint, p_path text, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_shop(p_shop);
	PERFORM ordersync.import_check_path(p_path);
	PERFORM ordersync.check_expiry(p_expires_at);
	PERFORM ordersync.prepare_key_file();
END
$function$;
COMMENT ON FUNCTION ordersync.import_check_renewal(bigint, text, timestamptz) IS
	'raises an error for what is wrong with a renewal before its key is read; part of ordersync_set_data_key_from_file()';

CREATE OR REPLACE FUNCTION ordersync.import_data_key(p_shop bigint, p_read bytea, p_expires_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.check_shop(p_shop);
	PERFORM ordersync.store_read_secret('data_key', p_shop::text, p_read);
	PERFORM ordersync.note_data_key(p_shop, p_expires_at);
	PERFORM ordersync.record_action('data key set', p_shop, p_details => jsonb_build_object('expires_at', p_expires_at));
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.import_data_key(bigint, bytea, timestamptz) IS
	'stores a data key that was read from a file; part of ordersync_set_data_key_from_file()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_gateway_secret_from_file(name text, secret text, path text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_secret record;
BEGIN
	PERFORM ordersync.import_check_path(path);
	v_secret := ordersync.import_gateway_secret_name(name, secret);
	PERFORM ordersync.import_gateway_secret(v_secret.gateway, v_secret.kind, v_secret.name,
		ordersync.import_secret_file(path, v_secret.kind, v_secret.name));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_gateway_secret_from_file(text, text, text) IS
	'as ordersync_set_gateway_secret, with the value from a file on the server that only the server''s user can read';

CREATE OR REPLACE FUNCTION ordersync.import_gateway_secret_name(p_gateway text, p_word text, OUT gateway text, OUT kind text, OUT name text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_secret record;
BEGIN
	gateway := ordersync.clean_typed('the gateway''s name', p_gateway, 63);
	v_secret := ordersync.begin_gateway_secret(gateway, p_word);
	kind := v_secret.kind;
	name := v_secret.name;
	PERFORM ordersync.prepare_key_file();
END
$function$;
COMMENT ON FUNCTION ordersync.import_gateway_secret_name(text, text) IS
	'the gateway, and kind and name of its secret whose value is in a file; part of ordersync_set_gateway_secret_from_file()';

CREATE OR REPLACE FUNCTION ordersync.import_gateway_secret(p_gateway text, p_kind text, p_name text, p_read bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.store_read_secret(p_kind, p_name, p_read);
	PERFORM ordersync.end_gateway_secret(p_gateway, p_kind, p_name, true);
END
$function$;
COMMENT ON FUNCTION ordersync.import_gateway_secret(text, text, text, bytea) IS
	'stores a gateway''s secret that was read from a file; part of ordersync_set_gateway_secret_from_file()';
