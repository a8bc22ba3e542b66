/*
 * Secrets: stored for the destination of their gateway, and noted where they do not open.
 */

CREATE OR REPLACE FUNCTION ordersync.outdated_secrets()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_head bytea := ordersync.newest_head();
BEGIN
	RETURN (
		SELECT pg_catalog.count(*)
		FROM ordersync.secrets s
		WHERE pg_catalog.substr(s.sealed, 1, pg_catalog.length(v_head)) <> v_head);
END
$function$;
COMMENT ON FUNCTION ordersync.outdated_secrets() IS
	'how many secrets were sealed with another key than the newest of the key file; 0 if the file cannot be used';

/*
 * Called by the worker at its start and when the key file has changed.  While
 * the file cannot be used nothing is said of single secrets, all wait; what was
 * unreadable with a wrong key is readable again when the right one is back.
 */
CREATE OR REPLACE FUNCTION ordersync.note_key_file(p_trouble text, OUT sealed integer, OUT unreadable integer, OUT outdated integer)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
-- who has a shop's row for long keeps no worker from its calls: it is tried again
SET lock_timeout = '200ms'
AS $function$
BEGIN
	SELECT pg_catalog.count(*), pg_catalog.count(*), 0
	INTO sealed, unreadable, outdated
	FROM ordersync.secrets;

	IF p_trouble IS NOT NULL THEN
		UPDATE ordersync.gateways g
		SET secret_state = 'key_file',
			secret_message = p_trouble
		WHERE (g.secret_state, g.secret_message) IS DISTINCT FROM ('key_file', p_trouble)
			AND (EXISTS (SELECT FROM ordersync.secrets_of_gateway(g.name))
				-- a relay may have no secret but the data keys of its shops
				OR EXISTS (
					SELECT
					FROM ordersync.shops s
					JOIN ordersync.secrets k ON k.kind = 'data_key' AND k.name = s.shop_id::text
					WHERE s.gateway = g.name));
		RETURN;
	END IF;

	PERFORM ordersync.note_secrets(NULL);
	-- what opens again may be for another destination than the gateway's
	PERFORM ordersync.check_destinations(g.name)
	FROM ordersync.gateways g;

	SELECT (SELECT pg_catalog.count(*) FROM ordersync.gateways g WHERE g.secret_state = 'unreadable')
		+ (SELECT pg_catalog.count(*) FROM ordersync.shops s WHERE s.key_state = 'key_unreadable')
	INTO unreadable;
	outdated := ordersync.outdated_secrets();
	PERFORM ordersync.wake();	-- this database's other workers
END
$function$;
COMMENT ON FUNCTION ordersync.note_key_file(text) IS
	'notes that no secret can be opened, and why; with NULL tries every secret and marks gateways and shops by what opens. Returns how many are sealed, how many of them cannot be opened, and how many the newest key has not sealed';

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
		secret_message = n.message
	FROM (
		SELECT o.name,
			CASE
				WHEN k.unreadable IS NOT NULL THEN 'unreadable'
				WHEN NOT k.given AND ordersync.gateway_needs_secret(o.protocol, o.options::text) THEN 'missing'
				ELSE 'ok'
			END AS state,
			CASE k.unreadable WHEN ordersync.secret_word('app_secret', NULL) THEN v_foreign
				ELSE 'of ' || k.unreadable || ': ' || v_foreign
			END AS message
		FROM ordersync.gateways o
		CROSS JOIN LATERAL (
			SELECT COALESCE(pg_catalog.bool_or(s.kind = 'app_secret'), false) AS given,
				pg_catalog.string_agg(ordersync.secret_word(s.kind, s.name), ', ' ORDER BY s.kind, s.name)
					FILTER (WHERE NOT ordersync.can_open(s.sealed, s.kind, s.name, s.destination)) AS unreadable
			FROM ordersync.secrets_of_gateway(o.name) s
		) k
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
			ordersync.can_open(k.sealed, k.kind, k.name, k.destination) AS opens
		FROM ordersync.shops o
		JOIN ordersync.secrets k ON k.kind = 'data_key' AND k.name = o.shop_id::text
		WHERE p_gateway IS NULL OR o.gateway = p_gateway
	) n
	WHERE n.shop_id = s.shop_id
		AND (s.key_state = 'key_unreadable') = n.opens;
END
$function$;
COMMENT ON FUNCTION ordersync.note_secrets(text) IS
	'tries to open the secrets of a gateway and its shops (NULL: of all) and records their states';

CREATE OR REPLACE FUNCTION ordersync.activate_secrets(p_gateway text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	-- a worker may have found them unreadable for the gateway's destination
	IF ordersync.key_file_trouble() IS NULL THEN
		PERFORM ordersync.note_secrets(p_gateway);
	END IF;
	PERFORM ordersync.check_destinations(p_gateway);
	PERFORM ordersync.wake();
END
$function$;
COMMENT ON FUNCTION ordersync.activate_secrets(text) IS
	'sets the states of a gateway and its shops by whether their secrets can be used for its destination';

CREATE OR REPLACE FUNCTION ordersync.put_secret(p_kind text, p_name text, p_destination text, p_sealed bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	INSERT INTO ordersync.secrets AS s (kind, name, destination, sealed, updated_at)
	VALUES (p_kind, p_name, p_destination, p_sealed, clock_timestamp())
	ON CONFLICT (kind, name) DO UPDATE
	SET destination = excluded.destination,
		sealed = excluded.sealed,
		updated_at = excluded.updated_at;
END
$function$;
COMMENT ON FUNCTION ordersync.put_secret(text, text, text, bytea) IS
	'stores a sealed secret in place of the one before';

CREATE OR REPLACE FUNCTION ordersync.secret_destination(p_kind text, p_name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
BEGIN
	RETURN ordersync.gateway_destination(CASE p_kind
		WHEN 'data_key' THEN (SELECT s.gateway FROM ordersync.shops s WHERE s.shop_id = p_name::bigint)
		ELSE pg_catalog.split_part(p_name, '/', 1)
	END);
END
$function$;
COMMENT ON FUNCTION ordersync.secret_destination(text, text) IS
	'the present destination of the gateway that a secret is for';

CREATE OR REPLACE FUNCTION ordersync.store_secret(p_kind text, p_name text, p_secret text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_destination text := ordersync.secret_destination(p_kind, p_name);
BEGIN
	PERFORM ordersync.put_secret(p_kind, p_name, v_destination, ordersync.seal(p_secret, p_kind, p_name, v_destination));
END
$function$;
COMMENT ON FUNCTION ordersync.store_secret(text, text, text) IS
	'seals a secret for the present destination of its gateway, and stores it';

CREATE OR REPLACE FUNCTION ordersync.store_read_secret(p_kind text, p_name text, p_read bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_destination text := ordersync.secret_destination(p_kind, p_name);
BEGIN
	PERFORM ordersync.put_secret(p_kind, p_name, v_destination,
		ordersync.seal_read_secret(p_read, p_kind, p_name, v_destination, NULL));
END
$function$;
COMMENT ON FUNCTION ordersync.store_read_secret(text, text, bytea) IS
	'the same for a secret that was read from a file';

CREATE OR REPLACE FUNCTION ordersync.store_resealed_secret(p_kind text, p_name text, p_destination text, p_sealed bytea)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	UPDATE ordersync.secrets k
	SET destination = p_destination,
		sealed = p_sealed,
		updated_at = clock_timestamp()
	WHERE k.kind = p_kind
		AND k.name = p_name;
END
$function$;
COMMENT ON FUNCTION ordersync.store_resealed_secret(text, text, text, bytea) IS
	'stores a secret that was sealed again for another destination';
