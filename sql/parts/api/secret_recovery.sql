/*
 * Secrets that cannot be used any more: kept for another destination, or forgotten.
 */
/*
 * Not SECURITY DEFINER: whoever takes a secret to another place must be a
 * superuser when it is opened.  The tables are read and written by definers, so
 * that a superuser's rights meet nothing that the owner has put there.  Secrets
 * are sealed for the destination that was typed and no other: nothing that the
 * tables say after the check, or to it, can change it.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_keep_secrets(gateway text, destination text)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	-- the one that check_destination() compares, always written the same way
	v_destination constant text := ordersync.destination(split_part(destination, ' via ', 1),
		NULLIF(split_part(destination, ' via ', 2), ''));
	v record;
	v_kept integer := 0;
BEGIN
	PERFORM ordersync.check_destination(gateway, v_destination);
	FOR v IN
		SELECT k.*
		FROM ordersync.moved_secrets(gateway) k
	LOOP
		PERFORM ordersync.store_resealed_secret(v.kind, v.name, v_destination,
			ordersync.reseal(v.sealed, v.kind, v.name, v.destination, v_destination));
		v_kept := v_kept + 1;
	END LOOP;
	PERFORM ordersync.activate_secrets(gateway);
	IF v_kept > 0 THEN
		PERFORM ordersync.record_action('secrets kept', p_gateway => gateway,
			p_details => jsonb_build_object('destination', v_destination, 'secrets', v_kept));
	END IF;
	RETURN v_kept;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_keep_secrets(text, text) IS
	'for superusers: allows the secrets of a gateway and its shops that were set for another destination to be sent to this one; returns how many';

CREATE OR REPLACE FUNCTION ordersync.check_destination(p_gateway text, p_destination text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_now text;
BEGIN
	IF to_regclass('ordersync.gateways') IS NOT NULL THEN
		SELECT ordersync.destination(g.base_url, g.options ->> 'proxy')
		INTO v_now
		FROM ordersync.gateways g
		WHERE g.name = p_gateway
		FOR NO KEY UPDATE;
	END IF;
	IF v_now IS NULL THEN
		PERFORM ordersync.raise_unknown_gateway(p_gateway);
	END IF;
	-- who keeps secrets says for where: somebody may have moved the gateway meanwhile
	IF v_now IS DISTINCT FROM p_destination THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('gateway "%s" does not point to that destination', p_gateway),
			DETAIL = format('It points to %s.', v_now),
			HINT = format('If the secrets may be sent there: SELECT ordersync_keep_secrets(%L, %L).', p_gateway, v_now);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_destination(text, text) IS
	'raises an error unless that is the gateway''s destination, and locks the gateway until the transaction ends';

/* Of the privacy policy: who still has it in memory gives it up with the others, and its buyers are not known any more. */
CREATE OR REPLACE FUNCTION ordersync.note_lost_hash_key()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_buyers bigint;
	v_fields text[];
BEGIN
	PERFORM ordersync.note_privacy_change();
	SELECT pg_catalog.count(*) INTO v_buyers
	FROM ordersync.forgotten f;
	v_fields := ARRAY(
		SELECT p.field
		FROM ordersync.privacy p
		WHERE p.rule = 'hash'
		ORDER BY p.field);
	IF v_buyers > 0 OR v_fields <> '{}' THEN
		RAISE WARNING USING
			MESSAGE = 'the key that values are hashed with was among the secrets that are deleted',
			DETAIL = pg_catalog.concat_ws(' ',
				CASE WHEN v_buyers > 0 THEN pg_catalog.format(
					'%s buyers were forgotten: their orders of before stay so, new orders of theirs will be stored as anybody''s.', v_buyers) END,
				CASE WHEN v_fields <> '{}' THEN pg_catalog.format(
					'What has rule hash is dropped until there is another key, whose hashes are others: %s.',
					pg_catalog.array_to_string(v_fields, ', ')) END),
			HINT = pg_catalog.concat_ws(' ',
				CASE WHEN v_fields <> '{}' THEN pg_catalog.format('Make another key: SELECT ordersync_set_privacy(%L, ''hash'').', v_fields[1]) END,
				CASE WHEN v_buyers > 0 THEN 'Forget these buyers again: SELECT * FROM ordersync_forget(buyer_open_uid).' END);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.note_lost_hash_key() IS
	'the key of hashes was deleted: tells all processes, and warns of what follows; part of ordersync_forget_secrets()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_forget_secrets()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v record;
	v_secrets integer;
	v_hash_key boolean;
	v_others text[];			-- than data keys: nothing waits for a header that is not sent any more
	v_commands text;
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	LOCK TABLE ordersync.privacy_state IN EXCLUSIVE MODE;	-- the key of hashes may be among them
	SELECT * INTO v
	FROM ordersync.key_file();
	IF v.state = 'unusable' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'config_file_error',
			MESSAGE = 'cannot determine which secrets are lost',
			DETAIL = v.why || '.',
			HINT = 'Check the file that ordersync.key_file names: when it is usable, so are the secrets that were sealed with it.';
	END IF;

	WITH gone AS (
		DELETE FROM ordersync.secrets s
		WHERE v.state = 'missing'
			OR NOT ordersync.can_open(s.sealed, s.kind, s.name, s.destination)
		RETURNING s.kind, s.name
	)
	SELECT count(*), COALESCE(bool_or(g.kind = 'hash_key'), false),
		array_agg(g.kind || ' ' || g.name ORDER BY g.kind, g.name) FILTER (WHERE g.kind NOT IN ('data_key', 'hash_key')),
		concat_ws('; ',
			string_agg(ordersync.secret_command(g.kind, g.name), '; ' ORDER BY g.kind, g.name)
				FILTER (WHERE g.kind NOT IN ('data_key', 'hash_key')),
			CASE WHEN bool_or(g.kind = 'data_key') THEN 'SELECT ordersync_set_session_key(shop_id, session_key)' END)
	INTO v_secrets, v_hash_key, v_others, v_commands
	FROM gone g;
	IF v_hash_key THEN
		PERFORM ordersync.note_lost_hash_key();
	END IF;

	PERFORM ordersync.note_secrets(NULL);
	UPDATE ordersync.shops p
	SET key_state = 'missing',
		key_message = NULL,
		key_check_at = NULL
	WHERE NOT EXISTS (
			SELECT
			FROM ordersync.secrets s
			WHERE s.kind = 'data_key'
				AND s.name = p.shop_id::text);
	PERFORM ordersync.report_key_states(NULL, NULL);
	IF v_secrets > 0 THEN
		PERFORM ordersync.record_action('secrets forgotten', p_details => jsonb_strip_nulls(jsonb_build_object(
			'secrets', v_secrets, 'of_gateways', v_others, 'hash_key', NULLIF(v_hash_key, false))));
		RAISE NOTICE USING
			MESSAGE = format('deleted %s secrets that could not be opened', v_secrets),
			HINT = CASE v_commands
				WHEN '' THEN 'SELECT field, rule FROM ordersync.privacy WHERE rule = ''hash'''
				ELSE format('Set them again: %s.', v_commands)
			END;
	ELSE
		RAISE NOTICE USING MESSAGE = 'all stored secrets can be opened, none was deleted';
	END IF;
	RETURN v_secrets;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_forget_secrets() IS
	'deletes the secrets that cannot be opened because their key file is lost; returns how many. They must be set again';
