/*
 * Consumers of the change feed: made, found, checked.
 */

CREATE OR REPLACE FUNCTION ordersync.cluster_id()
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
	SELECT c.system_identifier
	FROM pg_catalog.pg_control_system() c
$function$;
COMMENT ON FUNCTION ordersync.cluster_id() IS
	'the identifier of this cluster: transaction IDs of another one say nothing here';

/*
 * A dump has come to another cluster, where transactions are numbered anew.  What
 * entries there are came with it, and by which of them a consumer has passed nobody
 * knows: each is handed out again.  Once, by whoever comes first: the entries that are
 * written from then on are told apart by their transactions.
 */
CREATE OR REPLACE FUNCTION ordersync.adopt_consumers()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_cluster bigint := ordersync.cluster_id();
BEGIN
	PERFORM
	FROM ordersync.change_consumers c
	WHERE c.cluster IS DISTINCT FROM v_cluster
	ORDER BY c.consumer
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE ordersync.change_feed f
	SET changed_in = '1';
	UPDATE ordersync.change_consumers c
	SET acknowledged = '1:1:',
		portion = NULL,
		handed_out = c."position",
		walk_shops = NULL,
		walk_ids = NULL,
		reader = NULL,
		cluster = v_cluster
	WHERE c.cluster IS DISTINCT FROM v_cluster;
END
$function$;
COMMENT ON FUNCTION ordersync.adopt_consumers() IS
	'consumers that came with a dump from another cluster begin with the oldest entry again';

/*
 * Who removes entries does not see a consumer that is being made, and might remove
 * what it needs: so its beginning is a snapshot that is taken behind this lock, and
 * not one from before.
 */
CREATE OR REPLACE FUNCTION ordersync.hold_feed()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'active_sql_transaction',
			MESSAGE = 'a consumer of the change feed must be made in a transaction of level READ COMMITTED',
			DETAIL = pg_catalog.format('This one is %s: its snapshot may be older than what was removed from the feed.',
				pg_catalog.upper(pg_catalog.current_setting('transaction_isolation'))),
			HINT = 'Make it in a statement of its own: SELECT ordersync_changes_create(consumer);';
	END IF;
	PERFORM pg_catalog.pg_advisory_xact_lock_shared(ordersync.lock_key('change feed'));
	-- when it is done later, entries of this cluster are taken for such as came with the dump
	PERFORM ordersync.adopt_consumers();
END
$function$;
COMMENT ON FUNCTION ordersync.hold_feed() IS
	'keeps what is in the change feed until the transaction''s end, before a consumer is made';

/* What the snapshot shows the consumer knows; of a walk, what is stored is handed out first. */
CREATE OR REPLACE FUNCTION ordersync.add_consumer(
	p_consumer text,
	p_owner name,
	p_compact boolean,
	p_from pg_snapshot DEFAULT NULL,
	p_walk boolean DEFAULT false,
	p_shops bigint[] DEFAULT NULL,
	p_kinds text[] DEFAULT NULL,
	p_lease interval DEFAULT NULL
)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.hold_feed();
	INSERT INTO ordersync.change_consumers (consumer, owner, compact, acknowledged, walk_kind, shops, kinds, lease, cluster)
	VALUES (p_consumer, p_owner, p_compact, COALESCE(p_from, ordersync.committed_snapshot()), CASE WHEN p_walk THEN 'order' END,
		p_shops, p_kinds, COALESCE(p_lease, interval '10 minutes'), ordersync.cluster_id())
	ON CONFLICT (consumer) DO NOTHING;
	RETURN FOUND;
END
$function$;
COMMENT ON FUNCTION ordersync.add_consumer(text, name, boolean, pg_snapshot, boolean, bigint[], text[], interval) IS
	'makes a consumer of the change feed that begins behind that snapshot, which was taken behind hold_feed(), or now; false: there is one of that name';

CREATE OR REPLACE FUNCTION ordersync.check_consumer_name(p_consumer text)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF p_consumer IS NULL OR pg_catalog.btrim(p_consumer) = '' OR pg_catalog.octet_length(p_consumer) > 63 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = CASE
				WHEN p_consumer IS NULL THEN 'consumer must not be NULL'
				WHEN pg_catalog.btrim(p_consumer) = '' THEN 'consumer must not be empty'
				ELSE 'the consumer''s name is too long'
			END,
			DETAIL = 'A name has up to 63 bytes.',
			HINT = 'Name it after who reads, for example SELECT * FROM ordersync_changes_read(''erp'').';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_consumer_name(text) IS
	'raises an error for a name that no consumer can have';

CREATE OR REPLACE FUNCTION ordersync.check_feed_writable()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION USING
			ERRCODE = 'read_only_sql_transaction',
			MESSAGE = 'the change feed cannot be read in a read-only transaction',
			DETAIL = 'What was handed out, and to whom, is written down.',
			HINT = 'On a standby server, or to look without reading: SELECT * FROM ordersync.consumers; SELECT message FROM ordersync.order_messages WHERE shop_id = … AND tid = ….';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_feed_writable() IS
	'raises an error in a read-only transaction';

/* Locked until the transaction's end: a second session waits here. */
CREATE OR REPLACE FUNCTION ordersync.lock_consumer(p_consumer text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_owner name;
BEGIN
	PERFORM ordersync.adopt_consumers();	-- it locks several, in order, so it stands before the one lock
	SELECT c.owner
	INTO v_owner
	FROM ordersync.change_consumers c
	WHERE c.consumer = p_consumer
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF NOT (pg_catalog.pg_has_role(ordersync.outer_user(), 'pg_database_owner', 'MEMBER')
		OR COALESCE(pg_catalog.pg_has_role(ordersync.outer_user(), pg_catalog.to_regrole(pg_catalog.quote_ident(v_owner)), 'MEMBER'), false))
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = pg_catalog.format('permission denied for consumer "%s"', p_consumer),
			DETAIL = CASE
				WHEN v_owner IS NULL THEN 'It is a part of ordersync.'
				ELSE pg_catalog.format('It belongs to role "%s".', v_owner)
			END,
			HINT = 'Read with a name of your own: each consumer is told of every change.';
	END IF;
	RETURN true;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_consumer(text) IS
	'locks a consumer for reading or acknowledging, if the session''s role may; false: there is none of that name';

CREATE OR REPLACE FUNCTION ordersync.lock_existing_consumer(p_consumer text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	IF NOT ordersync.lock_consumer(p_consumer) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_object',
			MESSAGE = pg_catalog.format('consumer "%s" does not exist', p_consumer),
			HINT = 'Which there are: SELECT * FROM ordersync.consumers;';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.lock_existing_consumer(text) IS
	'locks a consumer as lock_consumer() does; an error where there is none of that name';

CREATE OR REPLACE FUNCTION ordersync.session_id()
RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ordersync_session_id';
COMMENT ON FUNCTION ordersync.session_id() IS
	'this session: process and when it began, as one text';

CREATE OR REPLACE FUNCTION ordersync.session_is_alive(session text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL RESTRICTED STRICT
AS 'MODULE_PATHNAME', 'ordersync_session_is_alive';
COMMENT ON FUNCTION ordersync.session_is_alive(text) IS
	'whether that session is still connected';

CREATE OR REPLACE FUNCTION ordersync.lost_of_shops(p_lost jsonb, p_shops bigint[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	SELECT pg_catalog.jsonb_set(p_lost, '{shops}', pg_catalog.jsonb_agg(s.value))
	FROM pg_catalog.jsonb_array_elements(p_lost -> 'shops') AS s
	WHERE s.value::bigint = ANY (p_shops)
	HAVING pg_catalog.count(*) > 0
$function$;
COMMENT ON FUNCTION ordersync.lost_of_shops(jsonb, bigint[]) IS
	'what a consumer lost as one is told who may see these shops only; NULL: nothing of them';
