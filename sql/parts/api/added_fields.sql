/*
 * Added fields: columns that a user gives the report views, taken from the
 * payloads: no call, no release, no change of a table.
 *
 * They are remembered in ordersync.added_fields, and a report is always made of
 * its query and of these: set_up() brings them back after an upgrade, a restore
 * and DROP EXTENSION.  A view that is there is replaced in place.  Its columns
 * keep their places, so that what users built on it goes on; what is new, a
 * later release's column or an added one, comes at its end.
 *
 * Replacing a view locks out who reads it, and waits for who has read it in a
 * transaction that is still open, while all who come later wait behind it.  So a
 * view that would be the same is left alone, and nobody waits here for longer
 * than two seconds: who wanted the change tries again.
 *
 * A column that is not selected costs nothing: the payload is joined by its
 * primary key, a join that the planner leaves out when nobody looks at it, and
 * a line is found in its order's payload where its value is computed.
 *
 * Conversions are built-in ones, each behind a test that lets nothing pass that
 * it would refuse: views call nothing of ours, and no value that the platform
 * may send makes a report fail.  What cannot be read is NULL.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_added_fields()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET client_min_messages = warning
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.added_fields (
		field_id bigint GENERATED ALWAYS AS IDENTITY,
		target text NOT NULL,
		name text NOT NULL,
		path text NOT NULL,
		type text NOT NULL,
		added_by name NOT NULL DEFAULT session_user,
		added_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (target, name)
	);
	COMMENT ON TABLE ordersync.added_fields IS
		'columns that ordersync_add_field gave the report views';
	COMMENT ON COLUMN ordersync.added_fields.field_id IS
		'in the order in which they were added';
	COMMENT ON COLUMN ordersync.added_fields.target IS
		'whose report has it: orders, sub_orders or after_sales';
	COMMENT ON COLUMN ordersync.added_fields.name IS
		'the column''s name';
	COMMENT ON COLUMN ordersync.added_fields.path IS
		'where the value stands in the record; for sub_orders in the line';
	COMMENT ON COLUMN ordersync.added_fields.type IS
		'text, bigint, numeric, boolean, timestamptz, date or jsonb';
	COMMENT ON COLUMN ordersync.added_fields.added_by IS
		'who added it';
	COMMENT ON COLUMN ordersync.added_fields.added_at IS
		'when';
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_added_fields() IS
	'makes the table of added fields where it is missing; part of ordersync.set_up()';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_add_field(target text, name text, path text, type text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_when_older();
	BEGIN
		PERFORM ordersync.add_field(target, name, path, type);
	EXCEPTION
		WHEN lock_not_available THEN
			PERFORM ordersync.refuse_views_in_use(ARRAY[ordersync.report_of(target)]);
	END;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_add_field(text, text, text, text) IS
	'gives the report of orders, sub_orders or after_sales a column from the payload: SELECT ordersync_add_field(''orders'', ''area'', ''buyer_area'', ''text'')';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_drop_field(target text, name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET lock_timeout = '2s'
AS $function$
BEGIN
	PERFORM ordersync.set_up_when_older();
	BEGIN
		PERFORM ordersync.drop_field(target, name);
	EXCEPTION
		WHEN lock_not_available THEN
			PERFORM ordersync.refuse_views_in_use(ARRAY[ordersync.report_of(target)]);
	END;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_drop_field(text, text) IS
	'takes a column that ordersync_add_field gave out of a report again';

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
			MESSAGE = pg_catalog.format('ordersync_order itself uses the name "%s"', p_name),
			HINT = 'Choose another name.';
	END IF;
	PERFORM ordersync.refuse_personal(p_target, p_path, v_steps);

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
			MESSAGE = pg_catalog.format('"%s" is an added field of another type', p_name),
			DETAIL = pg_catalog.format('It is %s, from %s.', v_old.type, v_old.path),
			HINT = pg_catalog.format('Drop it first: SELECT ordersync_drop_field(%L, %L).', p_target, p_name);
	ELSIF v_old.name IS NULL AND p_name = ANY (ordersync.columns_of(v_view)) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_column',
			MESSAGE = pg_catalog.format('ordersync.%s has a column "%s" already', v_view, p_name),
			HINT = 'Choose another name.';
	END IF;

	INSERT INTO ordersync.added_fields AS f (target, name, path, type)
	VALUES (p_target, p_name, p_path, p_type)
	ON CONFLICT (target, name) DO UPDATE
	SET path = excluded.path;
	PERFORM ordersync.set_up_reports();
	PERFORM ordersync.remark_on_field(v_view, p_name);
END
$function$;
COMMENT ON FUNCTION ordersync.add_field(text, text, text, text) IS
	'checks an added field, remembers it and makes the reports again';

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
			MESSAGE = 'an added field needs a name that can be typed without quotes',
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
			MESSAGE = pg_catalog.format('"%s" is a word of SQL', p_name),
			DETAIL = 'As a column it would have to be typed in quotes.',
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
			MESSAGE = pg_catalog.format('"%s" is no added field of %s', p_name, p_target),
			DETAIL = COALESCE((
				SELECT 'Added fields: ' || pg_catalog.string_agg(f.name, ', ' ORDER BY f.field_id) || '.'
				FROM ordersync.added_fields f
				WHERE f.target = p_target), 'It has none.'),
			HINT = 'They are listed in ordersync.added_fields.';
	END IF;

	PERFORM ordersync.set_up_reports();
EXCEPTION
	WHEN dependent_objects_still_exist THEN
		GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = pg_catalog.format('other views use ordersync.%s, which has to be made anew', v_view),
			DETAIL = v_detail,
			HINT = 'Drop them, drop the field, and make them again.';
END
$function$;
COMMENT ON FUNCTION ordersync.drop_field(text, text) IS
	'forgets an added field and makes the reports again';

/*
 * The report of a target, made of its query and the added fields.  A view can
 * be replaced as long as all of its columns stay; when one goes it is made anew
 * and keeps who may read it and what its columns are said to be.
 */
CREATE OR REPLACE FUNCTION ordersync.make_report(p_target text, p_query text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_view text := ordersync.report_of(p_target);
	v_row record;
	v_fixed text[];
	v_added text[];
	v_old text[];
	v_goes boolean;				-- some column does, so the view has to be made anew
	v_kept text[];				-- statements that give a new view what the old one had
	v_columns text;
	v_text text;
	v_kept_one text;
	v ordersync.added_fields;
BEGIN
	EXECUTE pg_catalog.format('SELECT * FROM (%s) r LIMIT 0', p_query) INTO v_row;
	v_fixed := ARRAY(SELECT k FROM pg_catalog.json_object_keys(pg_catalog.to_json(v_row)) k);
	PERFORM ordersync.give_way(p_target, v_fixed);
	v_added := ARRAY(
		SELECT f.name
		FROM ordersync.added_fields f
		WHERE f.target = p_target
		ORDER BY f.field_id);
	v_old := ordersync.columns_of(v_view);
	v_goes := NOT v_old <@ (v_fixed || v_added);

	SELECT pg_catalog.string_agg(
			CASE
				WHEN f.name IS NULL THEN pg_catalog.format('r.%I', c.name)
				ELSE pg_catalog.format('%s AS %I', ordersync.field_expression(p_target, f.path, f.type), c.name)
			END, ', ' ORDER BY c.n)
	INTO v_columns
	FROM (
		SELECT u.name, pg_catalog.min(u.n) AS n
		FROM pg_catalog.unnest(CASE WHEN v_goes THEN '{}' ELSE v_old END || v_fixed || v_added)
			WITH ORDINALITY u (name, n)
		GROUP BY u.name
	) c
	LEFT JOIN ordersync.added_fields f ON f.target = p_target AND f.name = c.name;
	v_text := CASE
		WHEN v_added <> '{}' THEN
			pg_catalog.format('SELECT %s FROM (%s) r LEFT JOIN ordersync.%s p ON p.shop_id = r.shop_id AND p.%4$s = r.%4$s',
				v_columns, p_query, CASE p_target
					WHEN 'after_sales' THEN 'after_sale_payloads'
					ELSE 'order_payloads'
				END, CASE p_target WHEN 'after_sales' THEN 'refund_id' ELSE 'tid' END)
		-- a view can only grow at its end, where this version may have columns between others
		WHEN v_goes OR v_old = v_fixed[:pg_catalog.cardinality(v_old)] THEN p_query
		ELSE pg_catalog.format('SELECT %s FROM (%s) r', v_columns, p_query)
	END;

	IF v_goes THEN
		v_kept := ordersync.kept_of_view(v_view, v_fixed || v_added);
		EXECUTE pg_catalog.format('DROP VIEW ordersync.%I', v_view);
	ELSIF ordersync.view_is(v_view, v_text) THEN
		RETURN;
	END IF;
	EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW ordersync.%I WITH (security_invoker = true) AS ', v_view)
		|| v_text;

	FOR v IN
		SELECT f.*
		FROM ordersync.added_fields f
		WHERE f.target = p_target
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN ordersync.%I.%I IS %L', v_view, v.name,
			pg_catalog.format('added field: %s of the record; NULL where its payload is not kept', v.path));
	END LOOP;
	FOREACH v_kept_one IN ARRAY COALESCE(v_kept, '{}') LOOP
		EXECUTE v_kept_one;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.make_report(text, text) IS
	'makes or replaces a report view of its query and the added fields';

/* How the server writes down the one is compared with how it writes down the other. */
CREATE OR REPLACE FUNCTION ordersync.view_is(p_view text, p_query text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_view regclass := pg_catalog.to_regclass(pg_catalog.format('ordersync.%I', p_view));
	v_same boolean;
BEGIN
	IF v_view IS NULL THEN
		RETURN false;
	END IF;
	EXECUTE pg_catalog.format('CREATE VIEW ordersync.%I AS ', p_view || '_candidate') || p_query;
	SELECT pg_catalog.pg_get_viewdef(c.oid) = pg_catalog.pg_get_viewdef(n.oid)
		AND c.reloptions = '{security_invoker=true}'
	INTO v_same
	FROM pg_catalog.pg_class c, pg_catalog.pg_class n
	WHERE c.oid = v_view
		AND n.oid = pg_catalog.format('ordersync.%I', p_view || '_candidate')::pg_catalog.regclass;
	EXECUTE pg_catalog.format('DROP VIEW ordersync.%I', p_view || '_candidate');
	RETURN v_same IS TRUE;
END
$function$;
COMMENT ON FUNCTION ordersync.view_is(text, text) IS
	'whether a view of ours is there and is this query already; takes no lock on it that readers would notice';

/* Called where a lock was not to be had: the lock is given up by then, and those behind it go on. */
CREATE OR REPLACE FUNCTION ordersync.refuse_views_in_use(p_views text[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
AS $function$
DECLARE
	v_key bigint := ordersync.lock_key('set_up');
	v_who text;
	v_first integer;
BEGIN
	SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ', 'process', l.pid::text,
			'of "' || a.usename || '"', '(' || NULLIF(a.application_name, '') || ')'), ', '),
		pg_catalog.min(l.pid)
	INTO v_who, v_first
	FROM pg_catalog.pg_locks l
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
	WHERE l.granted
		AND l.pid <> pg_catalog.pg_backend_pid()
		AND l.database = (
			SELECT d.oid
			FROM pg_catalog.pg_database d
			WHERE d.datname = pg_catalog.current_database())
		AND (l.relation IN (
				SELECT pg_catalog.to_regclass(pg_catalog.format('ordersync.%I', v.name))
				FROM pg_catalog.unnest(p_views) v (name))
			OR l.locktype = 'advisory'
				AND l.objsubid = 1
				AND (l.classid::bigint << 32) | l.objid::bigint = v_key);
	RAISE EXCEPTION USING
		ERRCODE = 'lock_not_available',
		MESSAGE = CASE pg_catalog.cardinality(p_views)
			WHEN 1 THEN pg_catalog.format('ordersync.%s is in use and cannot be changed', p_views[1])
			ELSE 'a view of ordersync is in use and cannot be changed'
		END,
		DETAIL = COALESCE('In an open transaction it was read, or is changed, by ' || v_who || '.',
			'Who had it has let go of it since.'),
		HINT = COALESCE(pg_catalog.format('Try again when that transaction has ended, or end it: SELECT pg_terminate_backend(%s).', v_first),
			'Try again.');
END
$function$;
COMMENT ON FUNCTION ordersync.refuse_views_in_use(text[]) IS
	'raises the error for views that somebody reads, with who it is';

CREATE OR REPLACE FUNCTION ordersync.kept_of_view(p_view text, p_columns text[])
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ARRAY(
		SELECT pg_catalog.format('GRANT %s%s ON ordersync.%I TO %s%s', a.privilege_type, ' (' || pg_catalog.quote_ident(r.attname) || ')',
			p_view, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
		FROM (
			SELECT NULL AS attname, c.relacl AS acl
			FROM pg_catalog.pg_class c
			WHERE c.oid = pg_catalog.format('ordersync.%I', p_view)::pg_catalog.regclass
			UNION ALL
			SELECT t.attname, t.attacl
			FROM pg_catalog.pg_attribute t
			WHERE t.attrelid = pg_catalog.format('ordersync.%I', p_view)::pg_catalog.regclass
				AND t.attnum > 0
				AND t.attname = ANY (p_columns)
		) r,
			LATERAL pg_catalog.aclexplode(r.acl) a
		UNION ALL
		SELECT pg_catalog.format('COMMENT ON %s IS %L',
			CASE
				WHEN a.attname IS NULL THEN pg_catalog.format('VIEW ordersync.%I', p_view)
				ELSE pg_catalog.format('COLUMN ordersync.%I.%I', p_view, a.attname)
			END, d.description)
		FROM pg_catalog.pg_description d
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND a.attnum > 0
		WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
			AND d.objoid = pg_catalog.format('ordersync.%I', p_view)::pg_catalog.regclass
			AND (a.attname IS NULL OR a.attname = ANY (p_columns)))
$function$;
COMMENT ON FUNCTION ordersync.kept_of_view(text, text[]) IS
	'the statements that give a view made anew the rights and, for these columns, the comments that it has';

/* A release that brings a column of an added field's name has the name; the field gets another. */
CREATE OR REPLACE FUNCTION ordersync.give_way(p_target text, p_fixed text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v ordersync.added_fields;
	v_name text;
BEGIN
	FOR v IN
		SELECT f.*
		FROM ordersync.added_fields f
		WHERE f.target = p_target
			AND f.name = ANY (p_fixed)
	LOOP
		v_name := pg_catalog.left(v.name, 12) || '_' || v.field_id;
		UPDATE ordersync.added_fields f
		SET name = v_name
		WHERE f.field_id = v.field_id;
		IF v.name = ANY (ordersync.columns_of(ordersync.report_of(p_target))) THEN
			EXECUTE pg_catalog.format('ALTER VIEW ordersync.%I RENAME COLUMN %I TO %I',
				ordersync.report_of(p_target), v.name, v_name);
		END IF;
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('the added field "%s" of %s is now "%s"', v.name, p_target, v_name),
			DETAIL = 'This version has a column of that name itself.',
			HINT = pg_catalog.format('If it says the same: SELECT ordersync_drop_field(%L, %L).', p_target, v_name);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.give_way(text, text[]) IS
	'renames added fields whose name a report''s own column has now; views built on them go on';

CREATE OR REPLACE FUNCTION ordersync.report_of(p_target text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
BEGIN
	CASE p_target
		WHEN 'orders' THEN RETURN 'order_report';
		WHEN 'sub_orders' THEN RETURN 'sub_order_report';
		WHEN 'after_sales' THEN RETURN 'after_sale_report';
		ELSE
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = pg_catalog.format('unknown target "%s"', COALESCE(p_target, 'NULL')),
				HINT = 'Targets: orders, sub_orders, after_sales.';
	END CASE;
END
$function$;
COMMENT ON FUNCTION ordersync.report_of(text) IS
	'the report view of a target of added fields';

CREATE OR REPLACE FUNCTION ordersync.columns_of(p_view text)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT ARRAY(
		SELECT a.attname::text
		FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = pg_catalog.to_regclass(pg_catalog.format('ordersync.%I', p_view))
			AND a.attnum > 0
			AND NOT a.attisdropped
		ORDER BY a.attnum)
$function$;
COMMENT ON FUNCTION ordersync.columns_of(text) IS
	'the columns of a view of ours in their order; none where it is not there';

