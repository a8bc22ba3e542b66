/*
 * Added fields: columns that a user gives the report views, taken from the
 * payloads: no call, no release, no change of a table.
 *
 * They are remembered in ordersync.added_fields, and a report is always made of
 * its query and of these: set_up() brings them back after an upgrade, a restore
 * and DROP EXTENSION.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_add_field(target text, name text, path text, type text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	BEGIN
		PERFORM ordersync.add_field(target, name, path, type);
	EXCEPTION
		WHEN lock_not_available THEN
			PERFORM ordersync.raise_views_in_use(ARRAY[ordersync.report_of(target)]);
	END;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_add_field(text, text, text, text) IS
	'adds a column from the payload to the report of orders, sub_orders or after_sales: SELECT ordersync_add_field(''orders'', ''area'', ''buyer_area'', ''text'')';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_drop_field(target text, name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	BEGIN
		PERFORM ordersync.drop_field(target, name);
	EXCEPTION
		WHEN lock_not_available THEN
			PERFORM ordersync.raise_views_in_use(ARRAY[ordersync.report_of(target)]);
	END;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_drop_field(text, text) IS
	'removes a column from a report that ordersync_add_field added';

CREATE OR REPLACE FUNCTION ordersync.add_field(p_target text, p_name text, p_path text, p_type text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_view text := ordersync.report_of(p_target);
	v_steps text[];
	v_old ordersync.added_fields;
BEGIN
	PERFORM ordersync.check_field_type(p_type);
	p_name := ordersync.clean_typed('the column''s name', p_name, 63);
	p_path := ordersync.clean_typed('the path', p_path, 1024);
	v_steps := ordersync.path_steps(p_path);
	PERFORM ordersync.check_column_name(p_name);
	-- what ordersync_order puts beside the report's columns would hide the field there
	IF p_name = ANY (CASE p_target
		WHEN 'orders' THEN ARRAY['lines', 'after_sales', 'lifecycle']
		ELSE ARRAY['sku_id_str']
	END) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'reserved_name',
			MESSAGE = pg_catalog.format('the name "%s" is reserved for ordersync_order', p_name),
			HINT = 'Choose another name.';
	END IF;
	PERFORM ordersync.check_not_personal(p_target, p_path, v_steps);

	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('set_up'));
	SELECT f.* INTO v_old
	FROM ordersync.added_fields f
	WHERE f.target = p_target
		AND f.name = p_name;
	IF v_old.path = p_path AND v_old.type = p_type THEN
		RETURN;
	ELSIF v_old.type <> p_type THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('added field "%s" already exists with another type', p_name),
			DETAIL = pg_catalog.format('It is %s, from %s.', v_old.type, v_old.path),
			HINT = pg_catalog.format('Drop it first: SELECT ordersync_drop_field(%L, %L).', p_target, p_name);
	ELSIF v_old.name IS NULL AND p_name = ANY (ordersync.columns_of(v_view)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_column',
			MESSAGE = pg_catalog.format('ordersync.%s already has a column "%s"', v_view, p_name),
			HINT = 'Choose another name.';
	END IF;

	INSERT INTO ordersync.added_fields AS f (target, name, path, type)
	VALUES (p_target, p_name, p_path, p_type)
	ON CONFLICT (target, name) DO UPDATE
	SET path = excluded.path;
	PERFORM ordersync.set_up_reports();
	PERFORM ordersync.record_action('field added', p_details => pg_catalog.jsonb_build_object(
		'target', p_target, 'name', p_name, 'path', p_path, 'type', p_type, 'old_path', v_old.path));
	PERFORM ordersync.notice_empty_field(v_view, p_name);
END
$function$;
COMMENT ON FUNCTION ordersync.add_field(text, text, text, text) IS
	'checks and stores an added field and re-creates the reports';

/*
 * Names that are typed as they are, in every query, tool and dump.  Letters of
 * other scripts need no quotes; what of them looks like a blank does.
 */
CREATE OR REPLACE FUNCTION ordersync.check_column_name(p_name text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_name IS NULL OR pg_catalog.octet_length(p_name) NOT BETWEEN 1 AND 63
		OR p_name !~ E'^([a-z_]|[^\\u0001-\\u007F])([a-z0-9_]|[^\\u0001-\\u007F])*$'
		OR p_name ~ E'[\\u0080-\\u00BF\\u00D7\\u00F7\\u1680\\u2000-\\u206F\\u3000-\\u3004\\u3008-\\u3020\\uFE00-\\uFE6F\\uFF00-\\uFF0F]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_name',
			MESSAGE = 'the name of an added field must not need quotes',
			DETAIL = 'It has 1 to 63 bytes: small letters, digits and "_", no digit first.',
			HINT = 'Like this: buyer_area.';
	END IF;
	PERFORM 1
	FROM pg_catalog.pg_get_keywords() k
	WHERE k.word = p_name
		AND k.catcode <> 'U';
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'reserved_name',
			MESSAGE = pg_catalog.format('"%s" is an SQL keyword', p_name),
			DETAIL = 'As a column name it would need quotes.',
			HINT = pg_catalog.format('Choose another name: %s_.', p_name);
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_column_name(text) IS
	'raises an error for a name of an added field that needs quotes';

CREATE OR REPLACE FUNCTION ordersync.drop_field(p_target text, p_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_view text := ordersync.report_of(p_target);
	v_detail text;
BEGIN
	p_name := ordersync.clean_typed('the column''s name', p_name, 63);
	PERFORM pg_catalog.pg_advisory_xact_lock(ordersync.lock_key('set_up'));
	DELETE FROM ordersync.added_fields f
	WHERE f.target = p_target
		AND f.name = p_name;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('added field "%s" of %s does not exist', p_name, p_target),
			DETAIL = COALESCE((
				SELECT 'Added fields: ' || pg_catalog.string_agg(f.name, ', ' ORDER BY f.field_id) || '.'
				FROM ordersync.added_fields f
				WHERE f.target = p_target), 'It has none.'),
			HINT = 'They are listed in ordersync.added_fields.';
	END IF;

	PERFORM ordersync.set_up_reports();
	PERFORM ordersync.record_action('field dropped', p_details => pg_catalog.jsonb_build_object('target', p_target, 'name', p_name));
EXCEPTION
	WHEN dependent_objects_still_exist THEN
		GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = pg_catalog.format('cannot re-create ordersync.%s because other views depend on it', v_view),
			DETAIL = v_detail,
			HINT = 'Drop them, drop the field, and make them again.';
END
$function$;
COMMENT ON FUNCTION ordersync.drop_field(text, text) IS
	'deletes an added field and re-creates the reports';
