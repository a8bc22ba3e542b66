/*
 * Another key for what is sealed.
 *
 * The key file is the server's, and other databases have secrets sealed with its
 * keys.  So a new key is added to it and the old ones stay, until nothing is sealed
 * with them anywhere: a rotation in one database breaks no other one.  Secrets that
 * the newest key has not sealed are sealed anew before another key is made: what
 * was broken off, or was done in another database, is finished by the same call.
 *
 * Not SECURITY DEFINER: who changes the server's file must be a superuser by its own
 * hand.  All that these functions do themselves is to call functions of this schema.
 *
 * Locks: the key file, of all databases; then the table of secrets against whoever
 * sets one.  Workers read it all the time, and open with the old keys and the new.
 * The file is on disk before anything is sealed with its new key.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_rotate_key()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_outdated integer := ordersync.begin_key_change();
BEGIN
	IF v_outdated = 0 THEN
		PERFORM ordersync.add_key();
	END IF;
	RETURN ordersync.renew_seals(v_outdated = 0);
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_rotate_key() IS
	'seals all secrets of this database with a new key, or with the newest one where that has not sealed all of them; returns how many. Old keys stay in the key file for other databases. A new key is for superusers only';

CREATE OR REPLACE FUNCTION ordersync.begin_key_change()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_outdated integer;
BEGIN
	PERFORM ordersync.check_gateways_set_up();
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.lock_key_file();
	PERFORM ordersync.prepare_key_file();
	LOCK TABLE ordersync.secrets IN SHARE ROW EXCLUSIVE MODE;
	SELECT count(*) INTO v_outdated
	FROM ordersync.secrets s
	WHERE ordersync.renew_seal(s.sealed, s.kind, s.name, s.destination) IS NOT NULL;
	RETURN v_outdated;
END
$function$;
COMMENT ON FUNCTION ordersync.begin_key_change() IS
	'takes the locks for a change of keys; returns how many secrets an older key of the file has sealed';

CREATE OR REPLACE FUNCTION ordersync.renew_seals(p_new_key boolean)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_renewed integer;
	v_left integer;
BEGIN
	UPDATE ordersync.secrets s
	SET sealed = n.sealed,
		updated_at = clock_timestamp()
	FROM (
		SELECT o.kind, o.name, ordersync.renew_seal(o.sealed, o.kind, o.name, o.destination) AS sealed
		FROM ordersync.secrets o
		OFFSET 0
	) n
	WHERE n.sealed IS NOT NULL
		AND s.kind = n.kind
		AND s.name = n.name;
	GET DIAGNOSTICS v_renewed = ROW_COUNT;
	v_left := ordersync.outdated_secrets();
	PERFORM ordersync.record_action('secrets sealed anew',
		p_details => jsonb_build_object('secrets', v_renewed, 'new_key', p_new_key, 'unreadable', NULLIF(v_left, 0)));
	IF v_left > 0 THEN
		RAISE WARNING USING
			MESSAGE = format('%s secrets are still sealed as they were: no key of the key file opens them', v_left),
			HINT = 'Put the key that sealed them back as the last 32 bytes of the key file, or set them again.';
	END IF;
	RAISE NOTICE USING
		MESSAGE = CASE
			WHEN p_new_key THEN format('%s secrets were sealed with a new key', v_renewed)
			ELSE format('%s secrets were sealed with the newest key, which was in the key file already', v_renewed)
		END,
		HINT = 'Copy the key file to where you keep it, and to standbys. When this has been typed in each database that uses ordersync: SELECT ordersync_forget_old_keys().';
	PERFORM ordersync.recall();	-- they tell other databases what is sealed with which key
	RETURN v_renewed;
END
$function$;
COMMENT ON FUNCTION ordersync.renew_seals(boolean) IS
	'seals all secrets that open with the newest key; returns how many it had not sealed; part of ordersync_rotate_key()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_forget_old_keys()
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_outdated integer := ordersync.begin_key_change();
	v_dropped integer;
BEGIN
	IF v_outdated > 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_in_use',
			MESSAGE = format('%s secrets of this database are sealed with an old key', v_outdated),
			HINT = 'SELECT ordersync_rotate_key() first.';
	END IF;
	v_dropped := ordersync.drop_old_keys();
	IF v_dropped > 0 THEN
		PERFORM ordersync.record_action('old keys forgotten', p_details => jsonb_build_object('keys', v_dropped));
		RAISE NOTICE USING
			MESSAGE = format('%s old keys were removed from the key file', v_dropped),
			DETAIL = 'Dumps and base backups of before have secrets that only these keys open. Databases without a worker of ordersync were not asked.';
	END IF;
	RETURN v_dropped;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_forget_old_keys() IS
	'for superusers: removes all keys but the newest from the key file, when no secret of this database and of those with a worker is sealed with them; returns how many';
