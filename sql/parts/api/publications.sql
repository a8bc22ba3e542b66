/*
 * A publication of the data, for logical replication and for readers of the
 * server's log of changes such as Debezium.
 *
 * It is the caller's, who must be able to create it: the database's owner or a
 * superuser, hence no SECURITY DEFINER; pg_database_owner, as which set_up() runs,
 * may create nothing in the database.  So tables are published whole, never by a list
 * of columns: a column that set_up() adds is published with the next change of a row,
 * and nothing has to be altered.
 *
 * Of the tables of schema ordersync it then has those that were asked for and no others,
 * each with the same filter; tables of other schemas in it (a connector's table of
 * heartbeats) are left alone.  Each has a primary key that begins with shop_id, which
 * the server wants of a filter where rows are updated and deleted.
 */
CREATE OR REPLACE FUNCTION @extschema@.ordersync_create_publication(
	name name DEFAULT 'ordersync',
	shops bigint[] DEFAULT NULL,
	tables text[] DEFAULT '{orders,sub_orders,after_sales,order_changes}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_members text := ordersync.publication_members(tables, shops);
	v_publication oid;
	v_ours text;
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	v_publication := ordersync.find_publication(name);
	SELECT string_agg(format('ordersync.%I', c.relname), ', ')
	INTO v_ours
	FROM pg_publication_rel r
	JOIN pg_class c ON c.oid = r.prrelid
	WHERE r.prpubid = v_publication
		AND c.relnamespace = 'ordersync'::regnamespace;

	IF v_publication IS NULL THEN
		EXECUTE format('CREATE PUBLICATION %I FOR TABLE %s', name, v_members);
	ELSIF v_ours IS NULL THEN
		EXECUTE format('ALTER PUBLICATION %I ADD TABLE %s', name, v_members);
	ELSIF ordersync.published(v_publication) = v_members THEN
		RETURN;
	ELSE
		EXECUTE format('ALTER PUBLICATION %I DROP TABLE %s', name, v_ours);
		EXECUTE format('ALTER PUBLICATION %I ADD TABLE %s', name, v_members);
	END IF;
	PERFORM ordersync.record_action('publication set', p_details => jsonb_build_object(
		'name', name, 'tables', tables, 'shops', shops));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_create_publication(name, bigint[], text[]) IS
	'for the database''s owner: publishes the tables of data for logical replication and change capture, of all shops or of those given; called again it brings the publication to what it says';

/* As CREATE PUBLICATION takes them, in the order of their names; an error for what is not for publishing. */
CREATE OR REPLACE FUNCTION ordersync.publication_members(p_tables text[], p_shops bigint[])
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_all constant text[] := '{orders,sub_orders,after_sales,order_changes,order_payloads,after_sale_payloads}';
BEGIN
	IF COALESCE(pg_catalog.cardinality(p_tables), 0) = 0 OR NOT p_tables <@ v_all THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = CASE WHEN COALESCE(pg_catalog.cardinality(p_tables), 0) = 0 THEN 'no table was given'
				ELSE pg_catalog.format('table "%s" is not for publishing', (
					SELECT COALESCE(t.name, 'NULL')
					FROM pg_catalog.unnest(p_tables) t (name)
					WHERE (t.name = ANY (v_all)) IS NOT TRUE
					LIMIT 1)) END,
			HINT = pg_catalog.format('Tables: %s.', pg_catalog.array_to_string(v_all, ', '));
	END IF;
	IF pg_catalog.cardinality(p_shops) = 0 OR pg_catalog.array_position(p_shops, NULL) IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'the list of shops is empty, or holds NULL',
			HINT = 'Give the shops'' numbers, such as ''{1,2}'', or leave out shops to publish all.';
	END IF;
	RETURN (
		SELECT pg_catalog.string_agg(pg_catalog.format('ordersync.%I', t.name)
			|| COALESCE(' WHERE (shop_id = ANY (' || pg_catalog.quote_literal(p_shops) || '::bigint[]))', ''), ', ' ORDER BY t.name)
		FROM (
			SELECT DISTINCT u.name
			FROM pg_catalog.unnest(p_tables) u (name)
		) t);
END
$function$;
COMMENT ON FUNCTION ordersync.publication_members(text[], bigint[]) IS
	'the tables of a publication with the filter by shop, as CREATE PUBLICATION takes them';

/* NULL: there is none. One that publishes whatever there is in the schema would publish the secrets'' table with it. */
CREATE OR REPLACE FUNCTION ordersync.find_publication(p_name name)
RETURNS oid
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v record;
BEGIN
	SELECT p.oid, p.puballtables OR EXISTS (
			SELECT
			FROM pg_catalog.pg_publication_namespace n
			WHERE n.pnpubid = p.oid
				AND n.pnnspid = 'ordersync'::pg_catalog.regnamespace
		) AS is_whole
	INTO v
	FROM pg_catalog.pg_publication p
	WHERE p.pubname = p_name;
	IF v.is_whole THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('publication "%s" publishes all tables', p_name),
			DETAIL = 'That of the sealed secrets is one of them.',
			HINT = pg_catalog.format('Choose another name, or drop it: DROP PUBLICATION %I.', p_name);
	END IF;
	RETURN v.oid;
END
$function$;
COMMENT ON FUNCTION ordersync.find_publication(name) IS
	'the OID of a publication of chosen tables, NULL where there is none of the name; an error for one of all tables';

/* Which of our tables it has, written as publication_members() writes them; a list of columns as the server shows it. */
CREATE OR REPLACE FUNCTION ordersync.published(p_publication oid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.string_agg(pg_catalog.format('ordersync.%I', c.relname)
		|| COALESCE(' (' || r.prattrs::text || ')', '')
		|| COALESCE(' WHERE ' || pg_catalog.pg_get_expr(r.prqual, r.prrelid), ''), ', ' ORDER BY c.relname)
	FROM pg_catalog.pg_publication_rel r
	JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
	WHERE r.prpubid = p_publication
		AND c.relnamespace = 'ordersync'::pg_catalog.regnamespace
$function$;
COMMENT ON FUNCTION ordersync.published(oid) IS
	'the tables of schema ordersync that a publication has, with their filters';
