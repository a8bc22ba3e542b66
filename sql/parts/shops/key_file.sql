/*
 * The key file: made with the first secret, never in place of one that is missing.
 *
 * The file belongs to the server.  It is made when the first secret is to be
 * sealed.  While secrets are sealed a file that is not there is lost, or about
 * to be put back: a new one would make what is sealed with the old one, and
 * what is sealed with the new one, exclude each other.
 */
CREATE OR REPLACE FUNCTION ordersync.prepare_key_file()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v record;
	v_secrets bigint;
BEGIN
	-- who changes keys waits for what is sealed from here on
	LOCK TABLE ordersync.secrets IN ROW EXCLUSIVE MODE;
	SELECT * INTO v
	FROM ordersync.key_file();
	IF v.state = 'ready' THEN
		RETURN;
	ELSIF v.state = 'unusable' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'cannot seal secrets',
			DETAIL = v.why || '.',
			HINT = 'Check the file that ordersync.key_file names.';
	END IF;

	SELECT pg_catalog.count(*) INTO v_secrets
	FROM ordersync.secrets s;
	IF v_secrets > 0 OR v.missed_elsewhere THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'cannot seal secrets: the key file is missing, and stored secrets are sealed with it',
			DETAIL = pg_catalog.format('%s. %s', v.why, CASE
				WHEN v_secrets > 0 THEN pg_catalog.format('Sealed in this database: %s.', v_secrets)
				ELSE 'Another database of this server has sealed secrets.' END),
			HINT = 'Restore it from a base backup or, after pg_upgrade, from the old data directory. If it is lost: SELECT ordersync_forget_secrets(), then set every secret again.';
	END IF;
	PERFORM ordersync.make_key_file();
END
$function$;
COMMENT ON FUNCTION ordersync.prepare_key_file() IS
	'makes sure that secrets can be sealed: creates the key file if nothing is sealed yet, raises an error if sealing is impossible';

CREATE OR REPLACE FUNCTION ordersync.key_file_trouble()
RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	SELECT k.why
	FROM ordersync.key_file() k
	WHERE k.state = 'unusable'
		OR k.state = 'missing' AND EXISTS (SELECT FROM ordersync.secrets)
$function$;
COMMENT ON FUNCTION ordersync.key_file_trouble() IS
	'the reason why secrets cannot be opened now; NULL if they can';
