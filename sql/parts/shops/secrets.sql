/*
 * Secrets and the key file: what is sealed with it, and what to do without it.
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
	SELECT * INTO v
	FROM ordersync.key_file();
	IF v.state = 'ready' THEN
		RETURN;
	ELSIF v.state = 'unusable' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'no secret can be sealed',
			DETAIL = v.why || '.',
			HINT = 'Check the file that ordersync.key_file names.';
	END IF;

	SELECT pg_catalog.count(*) INTO v_secrets
	FROM ordersync.secrets s;
	IF v_secrets > 0 OR v.missed_elsewhere THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'no secret can be sealed: the key file is missing, and secrets are sealed with it',
			DETAIL = pg_catalog.format('%s. %s', v.why, CASE
				WHEN v_secrets > 0 THEN pg_catalog.format('Sealed in this database: %s.', v_secrets)
				ELSE 'Another database of this server has sealed secrets.' END),
			HINT = 'Put it back: a base backup has it, after pg_upgrade the old data directory. If it is lost: SELECT ordersync_forget_secrets(), then give every secret anew.';
	END IF;
	PERFORM ordersync.make_key_file();
END
$function$;
COMMENT ON FUNCTION ordersync.prepare_key_file() IS
	'makes sure that secrets can be sealed: raises an error where not, makes the key file where nothing is sealed yet';

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
	'why no secret can be opened now; NULL when that is not so';

/*
 * Called by the worker at its start and when the key file has changed.  While
 * the file cannot be used nothing is said of single secrets, all wait; what was
 * shut for want of the right key is open again when that key comes back.
 */
CREATE OR REPLACE FUNCTION ordersync.note_key_file(p_trouble text, OUT sealed integer, OUT shut integer)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
-- who has a shop's row for long keeps no worker from its calls: it is tried again
SET lock_timeout = '200ms'
AS $function$
BEGIN
	SELECT pg_catalog.count(*), pg_catalog.count(*)
	INTO sealed, shut
	FROM ordersync.secrets;

	IF p_trouble IS NOT NULL THEN
		UPDATE ordersync.gateways g
		SET secret_state = 'key_file',
			secret_message = p_trouble
		WHERE (g.secret_state, g.secret_message) IS DISTINCT FROM ('key_file', p_trouble)
			AND EXISTS (
				SELECT
				FROM ordersync.secrets k
				WHERE k.kind = 'app_secret'
					AND k.name = g.name);
		RETURN;
	END IF;

	PERFORM ordersync.note_secrets(NULL);
	-- what opens again may be for another destination than the gateway's
	PERFORM ordersync.check_destinations(g.name)
	FROM ordersync.gateways g;

	SELECT (SELECT pg_catalog.count(*) FROM ordersync.gateways g WHERE g.secret_state = 'unreadable')
		+ (SELECT pg_catalog.count(*) FROM ordersync.shops s WHERE s.key_state = 'key_unreadable')
	INTO shut;
	PERFORM ordersync.wake();	-- this database's other workers
END
$function$;
COMMENT ON FUNCTION ordersync.note_key_file(text) IS
	'notes that no secret can be opened, and why; with NULL tries every secret and marks gateways and shops by what opens. Returns how many are sealed and how many of them stay shut';

CREATE OR REPLACE FUNCTION ordersync.note_secrets(p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_foreign constant text := 'it was sealed with another key than the one in ordersync.key_file';
BEGIN
	-- locked before they are judged: a secret may just be given anew
	PERFORM 1
	FROM (
		SELECT g.name
		FROM ordersync.gateways g
		WHERE p_gateway IS NULL OR g.name = p_gateway
		ORDER BY g.name
		FOR NO KEY UPDATE
	) l;
	UPDATE ordersync.gateways g
	SET secret_state = n.state,
		secret_message = CASE n.state WHEN 'unreadable' THEN v_foreign END
	FROM (
		SELECT o.name,
			CASE
				WHEN k.name IS NULL THEN 'missing'
				WHEN ordersync.opens(k.sealed, k.kind, k.name, k.destination) THEN 'ok'
				ELSE 'unreadable'
			END AS state
		FROM ordersync.gateways o
		LEFT JOIN ordersync.secrets k ON k.kind = 'app_secret' AND k.name = o.name
		WHERE p_gateway IS NULL OR o.name = p_gateway
	) n
	WHERE g.name = n.name
		AND g.secret_state <> n.state;

	PERFORM 1
	FROM (
		SELECT s.shop_id
		FROM ordersync.shops s
		WHERE p_gateway IS NULL OR s.gateway = p_gateway
		ORDER BY s.shop_id
		FOR NO KEY UPDATE
	) l;
	UPDATE ordersync.shops s
	SET key_state = CASE WHEN n.opens THEN 'unchecked' ELSE 'key_unreadable' END,
		key_message = CASE WHEN NOT n.opens THEN v_foreign END,
		key_check_at = NULL
	FROM (
		SELECT o.shop_id,
			ordersync.opens(k.sealed, k.kind, k.name, k.destination) AS opens
		FROM ordersync.shops o
		JOIN ordersync.secrets k ON k.kind = 'data_key' AND k.name = o.shop_id::text
		WHERE p_gateway IS NULL OR o.gateway = p_gateway
	) n
	WHERE n.shop_id = s.shop_id
		AND (s.key_state = 'key_unreadable') = n.opens;
END
$function$;
COMMENT ON FUNCTION ordersync.note_secrets(text) IS
	'tries the secrets of a gateway and its shops, NULL: of all, and marks these by what opens';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_forget_secrets()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
	v_secrets integer;
BEGIN
	PERFORM ordersync.set_up_when_older();
	SELECT * INTO v
	FROM ordersync.key_file();
	IF v.state = 'unusable' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'it cannot be told which secrets are lost',
			DETAIL = v.why || '.',
			HINT = 'Check the file that ordersync.key_file names: once it can be used, so can what it sealed.';
	END IF;

	DELETE FROM ordersync.secrets s
	WHERE v.state = 'missing'
		OR NOT ordersync.opens(s.sealed, s.kind, s.name, s.destination);
	GET DIAGNOSTICS v_secrets = ROW_COUNT;

	UPDATE ordersync.gateways g
	SET secret_state = 'missing',
		secret_message = NULL
	WHERE NOT EXISTS (
			SELECT
			FROM ordersync.secrets s
			WHERE s.kind = 'app_secret'
				AND s.name = g.name);
	UPDATE ordersync.shops p
	SET key_state = 'missing',
		key_message = NULL,
		key_check_at = NULL
	WHERE NOT EXISTS (
			SELECT
			FROM ordersync.secrets s
			WHERE s.kind = 'data_key'
				AND s.name = p.shop_id::text);
	IF v_secrets > 0 THEN
		RAISE NOTICE USING
			MESSAGE = format('%s secrets are forgotten that could not be opened', v_secrets),
			HINT = 'Give them anew: SELECT ordersync_add_gateway(name, NULL, NULL, app_secret), SELECT ordersync_set_data_key(shop_id, data_key).';
	ELSE
		RAISE NOTICE USING MESSAGE = 'every stored secret can be opened, none is forgotten';
	END IF;
	RETURN v_secrets;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_forget_secrets() IS
	'deletes the sealed secrets that cannot be opened, because the key file that sealed them is lost, and returns how many; they must be given anew';
