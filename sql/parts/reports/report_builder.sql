/*
 * A report view, made of its query and of the fields that users added.
 *
 * A view that is there is replaced in place.  Its columns keep their places, so
 * that what users built on it goes on; what is new, a later release's column or an
 * added one, comes at its end.
 *
 * Replacing a view locks out who reads it, and waits for who has read it in a
 * transaction that is still open, while all who come later wait behind it.  So a
 * view that would be the same is left alone, and nobody waits here for longer
 * than two seconds: who wanted the change tries again.
 */
/*
 * The report of a target, made of its query and the added fields.  A view can
 * be replaced as long as all of its columns stay; when one goes it is made anew
 * and keeps who may read it and what its columns are said to be.
 */
CREATE OR REPLACE FUNCTION ordersync.create_report_view(p_target text, p_query text)
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
	PERFORM ordersync.rename_conflicting_fields(p_target, v_fixed);
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
		v_kept := ordersync.view_grants_and_comments(v_view, v_fixed || v_added);
		EXECUTE pg_catalog.format('DROP VIEW ordersync.%I', v_view);
	ELSIF ordersync.view_has_query(v_view, v_text) THEN
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
COMMENT ON FUNCTION ordersync.create_report_view(text, text) IS
	'creates or replaces a report view of its query and the added fields';

/* How the server writes down the one is compared with how it writes down the other. */
CREATE OR REPLACE FUNCTION ordersync.view_has_query(p_view text, p_query text)
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
COMMENT ON FUNCTION ordersync.view_has_query(text, text) IS
	'whether a view of ordersync exists with this query; takes no lock that blocks readers';

CREATE OR REPLACE FUNCTION ordersync.view_grants_and_comments(p_view text, p_columns text[])
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
COMMENT ON FUNCTION ordersync.view_grants_and_comments(text, text[]) IS
	'the statements that restore a view''s privileges and, for these columns, its comments after it was re-created';

/* A release that brings a column of an added field's name has the name; the field gets another. */
CREATE OR REPLACE FUNCTION ordersync.rename_conflicting_fields(p_target text, p_fixed text[])
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
			DETAIL = 'This version has its own column of that name.',
			HINT = pg_catalog.format('If both hold the same value: SELECT ordersync_drop_field(%L, %L).', p_target, v_name);
	END LOOP;
END
$function$;
COMMENT ON FUNCTION ordersync.rename_conflicting_fields(text, text[]) IS
	'renames added fields whose name is taken by a column of the report itself; views built on them keep working';

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
				MESSAGE = pg_catalog.format('unrecognized target "%s"', COALESCE(p_target, 'NULL')),
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
