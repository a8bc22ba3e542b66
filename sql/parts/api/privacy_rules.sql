/*
 * The privacy policy, as admins set it.
 *
 * A change waits for the pages that are being stored and is in force for all that come
 * after it: they look at the policy's number under a lock that conflicts with this one.
 * What is stored already is brought to it by ordersync_apply_privacy.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_set_privacy(field text, rule text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_old ordersync.privacy;
	v_default record;
	v_new text;
	v_key boolean := false;		-- that hashes are made with was made now, or anew after it was lost
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.check_privacy_rule(field, rule);
	LOCK TABLE ordersync.privacy_state IN EXCLUSIVE MODE;
	SELECT p.* INTO v_old
	FROM ordersync.privacy p
	WHERE p.field = ordersync_set_privacy.field;
	SELECT d.rule, d.why INTO v_default
	FROM ordersync.privacy_defaults() d
	WHERE d.field = ordersync_set_privacy.field;
	v_new := COALESCE(rule, v_default.rule);

	IF v_new IS NULL THEN
		DELETE FROM ordersync.privacy p
		WHERE p.field = ordersync_set_privacy.field;
	ELSE
		INSERT INTO ordersync.privacy AS p (field, rule, source, why)
		VALUES (field, v_new, CASE WHEN rule IS NULL THEN 'default' ELSE 'set' END, v_default.why)
		ON CONFLICT ON CONSTRAINT privacy_pkey DO UPDATE
		SET rule = excluded.rule,
			source = excluded.source,
			updated_at = CASE p.rule WHEN excluded.rule THEN p.updated_at ELSE now() END
		WHERE (p.rule, p.source) IS DISTINCT FROM (excluded.rule, excluded.source);
	END IF;
	IF v_new = 'hash' THEN
		v_key := ordersync.need_hash_key();
	END IF;
	IF v_old.rule IS NOT DISTINCT FROM v_new AND NOT v_key THEN
		RETURN;
	END IF;
	PERFORM ordersync.note_privacy_change();
	PERFORM ordersync.record_action('privacy changed', p_details => jsonb_build_object('field', field,
		'old', v_old.rule, 'new', v_new));
	RAISE NOTICE USING
		MESSAGE = format('from now on "%s" is stored by rule %s', field, COALESCE(v_new, 'of its words')),
		DETAIL = CASE
			WHEN v_new = 'keep' THEN 'What was not stored cannot be brought back; the next full run fetches it again.'
			ELSE 'What is stored already stays as it is until it is brought to the policy.'
		END,
		HINT = CASE v_new WHEN 'keep' THEN 'SELECT ordersync_trigger_full(shop_id)' ELSE 'CALL ordersync_apply_privacy()' END;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_set_privacy(text, text) IS
	'sets what is done with a field before anything is stored: keep, scrub, hash or drop; NULL: the default again';

CREATE OR REPLACE FUNCTION ordersync.check_privacy_rule(p_field text, p_rule text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_field IS NULL OR p_field !~ '^([a-z0-9_]{1,60}|[*][a-z0-9_]{2,59}|[a-z0-9_]{2,59}[*])$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('%s is not the name of a field', COALESCE(pg_catalog.quote_literal(p_field), 'NULL')),
			DETAIL = 'It is the platform''s name in small letters, without those of objects around it; with * at one end it stands for names that begin or end so.',
			HINT = 'SELECT ordersync_set_privacy(''buyer_nick'', ''hash'')';
	END IF;
	IF p_rule NOT IN ('keep', 'scrub', 'hash', 'drop') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized rule "%s"', p_rule),
			HINT = 'Rules are keep, scrub, hash and drop; NULL is the default.';
	END IF;
	IF ordersync.is_protected_field(p_field) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('field "%s" cannot have a rule', p_field),
			DETAIL = CASE
				WHEN p_field ~ '[*]' THEN 'The rule would also change ids, times, states or amounts, without which records cannot be told apart or counted.'
				ELSE 'Ids, times, states and amounts are stored as they come, or records could not be told apart or counted.'
			END,
			HINT = 'SELECT field, rule, why FROM ordersync.privacy shows what rules are for.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_privacy_rule(text, text) IS
	'raises an error for a field or rule that ordersync_set_privacy does not take';

CREATE OR REPLACE FUNCTION ordersync.need_hash_key()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF EXISTS (
		SELECT
		FROM ordersync.secrets s
		WHERE s.kind = 'hash_key'
	) THEN
		RETURN false;
	END IF;
	PERFORM ordersync.prepare_key_file();
	INSERT INTO ordersync.secrets (kind, name, destination, sealed)
	SELECT k.kind, k.name, k.destination, k.sealed
	FROM ordersync.new_hash_key() k
	ON CONFLICT DO NOTHING;
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.need_hash_key() IS
	'makes the key that values are hashed with, unless there is one; true when it did';
