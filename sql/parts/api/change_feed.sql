/*
 * The change feed as other systems read it: read, act, acknowledge, again.
 *
 * What was handed out stays the session's that read it, as long as it is connected
 * and for the consumer's lease, until it is acknowledged, by whichever session: a
 * connection pool may give each statement another one.  Another session is handed out
 * nothing meanwhile, so that each order's states come to one reader, in order.
 */

CREATE OR REPLACE FUNCTION ordersync.begin_feed_call(p_consumer text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	PERFORM ordersync.set_up_if_outdated();
	PERFORM ordersync.check_feed_writable();
	PERFORM ordersync.check_consumer_name(p_consumer);
END
$function$;
COMMENT ON FUNCTION ordersync.begin_feed_call(text) IS
	'what every call of the change feed begins with: there are tables, they may be written, and a consumer can have that name';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_changes_create(consumer text, options jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
DECLARE
	v_options jsonb;
	v_compact boolean;
	v_start text;
	v_lease interval;
BEGIN
	PERFORM ordersync.begin_feed_call(consumer);
	PERFORM ordersync.check_option_keys(options, ARRAY['compact', 'start', 'shops', 'kinds', 'lease']);
	v_options := jsonb_strip_nulls(COALESCE(options, '{}'));
	PERFORM ordersync.check_feed_options(v_options);
	v_compact := COALESCE((v_options ->> 'compact')::boolean, true);
	v_start := COALESCE(v_options ->> 'start', CASE WHEN v_compact THEN 'stored' ELSE 'now' END);
	v_lease := (v_options ->> 'lease')::interval;
	IF v_start = 'stored' AND NOT v_compact THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a consumer of each change cannot start with what is stored',
			DETAIL = 'Of what is stored there is the newest state only, which may be newer than the changes that follow.',
			HINT = 'Leave out "start", and read what is stored from ordersync.order_messages after this call; or leave out "compact".';
	END IF;

	IF NOT v_compact THEN
		PERFORM ordersync.check_each_change_allowed();
	END IF;

	IF NOT ordersync.add_consumer(consumer, pg_get_userbyid(ordersync.outer_user()), v_compact, NULL, v_start = 'stored',
		CASE WHEN v_options ? 'shops' THEN ARRAY(SELECT s.value::bigint FROM jsonb_array_elements_text(v_options -> 'shops') s ORDER BY 1) END,
		CASE WHEN v_options ? 'kinds' THEN ARRAY(SELECT k.value FROM jsonb_array_elements_text(v_options -> 'kinds') k ORDER BY 1) END,
		v_lease)
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = format('consumer "%s" already exists', consumer),
			HINT = format('To begin anew: SELECT ordersync_changes_drop(%L);', consumer);
	END IF;
	PERFORM ordersync.record_action('consumer created', p_details => v_options || jsonb_build_object('consumer', consumer));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_changes_create(text, jsonb) IS
	'makes a consumer of the change feed; options: compact (true: the newest state where several changes wait; false: each), start (stored: first all that is stored; now), shops, kinds (order, after_sale), lease (how long a connected session keeps what it was handed out)';

/* All workers store messages for it, so it is not for everybody who reads. */
CREATE OR REPLACE FUNCTION ordersync.check_each_change_allowed()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	IF NOT pg_catalog.pg_has_role(ordersync.outer_user(), 'pg_database_owner', 'MEMBER')
		AND (SELECT l.all_shops IS NULL FROM ordersync.outer_limits('MEMBER', '{operator,admin}') l)
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = 'a consumer of each change may be made by operators only',
			DETAIL = 'While there is one, whatever is stored takes longer.',
			HINT = 'Leave out "compact": the newest state of each order is told. Or have an operator make the consumer and grant you its role.';
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_each_change_allowed() IS
	'raises an error unless the session''s role may make a consumer of each change';

CREATE OR REPLACE FUNCTION ordersync.check_feed_options(p_options jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
	v_lease interval;
BEGIN
	IF p_options ? 'compact' THEN
		PERFORM ordersync.check_option('compact', pg_catalog.jsonb_typeof(p_options -> 'compact') = 'boolean', 'true or false');
	END IF;
	IF p_options ? 'start' THEN
		PERFORM ordersync.check_option('start', p_options -> 'start' IN ('"stored"', '"now"'), '"stored" or "now"');
	END IF;
	IF p_options ? 'shops' THEN
		PERFORM ordersync.check_option('shops', pg_catalog.jsonb_typeof(p_options -> 'shops') = 'array'
			AND p_options -> 'shops' <> '[]'
			AND NOT EXISTS (
				SELECT
				FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof(p_options -> 'shops')
					WHEN 'array' THEN p_options -> 'shops' ELSE '[]' END) AS e (value)
				WHERE e.value::text !~ '^-?[0-9]{1,18}$'),
			'an array of shop ids, such as [1, 2]');
	END IF;
	IF p_options ? 'kinds' THEN
		PERFORM ordersync.check_option('kinds', pg_catalog.jsonb_typeof(p_options -> 'kinds') = 'array'
			AND p_options -> 'kinds' <> '[]'
			AND p_options -> 'kinds' <@ '["order", "after_sale"]', 'an array of "order" and "after_sale"');
	END IF;
	IF p_options ? 'lease' THEN
		BEGIN
			v_lease := (p_options ->> 'lease')::interval;
		EXCEPTION
			WHEN invalid_datetime_format OR datetime_field_overflow OR interval_field_overflow THEN
				NULL;
		END;
		PERFORM ordersync.check_option('lease', pg_catalog.jsonb_typeof(p_options -> 'lease') = 'string'
			AND v_lease BETWEEN interval '1 second' AND interval '1 day', 'an interval from 1 second to 1 day, such as "10 minutes"');
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.check_feed_options(jsonb) IS
	'raises an error for an option of a consumer that is not what it must be';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_changes_read(consumer text, batch integer DEFAULT 500)
RETURNS TABLE (
	"position" bigint,
	kind text,
	shop_id bigint,
	tid bigint,
	refund_id bigint,
	changed_at timestamptz,
	message jsonb
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
SET timezone = 'Asia/Shanghai'
SET jit = off
ROWS 500
AS $function$
#variable_conflict use_column
DECLARE
	c record;
	v record;
BEGIN
	PERFORM ordersync.begin_feed_call(consumer);
	IF batch IS NULL OR batch NOT BETWEEN 1 AND 100000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('batch must be between 1 and 100000, not %s', COALESCE(batch::text, 'NULL'));
	END IF;
	IF NOT ordersync.lock_consumer(consumer) THEN
		IF ordersync.add_consumer(consumer, pg_get_userbyid(ordersync.outer_user()), true, NULL, true) THEN
			PERFORM ordersync.record_action('consumer created', p_details => jsonb_build_object('consumer', consumer));
		END IF;
		PERFORM ordersync.lock_consumer(consumer);
	END IF;
	SELECT k.* INTO c
	FROM ordersync.change_consumers k
	WHERE k.consumer = ordersync_changes_read.consumer;
	IF c.handed_out > c."position"
			AND c.reader <> ordersync.session_id()
			AND c.read_at + c.lease > clock_timestamp()
			AND ordersync.session_is_alive(c.reader) THEN
		RETURN;					-- another session has them
	END IF;

	LOOP
		SELECT * INTO v
		FROM ordersync.hand_out(consumer, batch, ordersync.allowed_shops());
		IF v.positions IS NULL THEN
			RETURN;
		END IF;
		-- a statement of its own, which sees no less than what was picked
		RETURN QUERY
		SELECT m."position", m.kind, m.shop_id, m.tid, m.refund_id, m.changed_at, m.message
		FROM ordersync.with_messages(v.positions, v.kinds, v.shops, v.ids, v.times, v.messages, v.entries)
			WITH ORDINALITY AS m (n, "position", kind, shop_id, tid, refund_id, changed_at, message, place)
		ORDER BY m.place;		-- no sort of messages: so they come
		EXIT WHEN FOUND;
		PERFORM ordersync.acknowledge(consumer, v.positions[cardinality(v.positions)]);
	END LOOP;
	UPDATE ordersync.change_consumers k
	SET reader = ordersync.session_id(),
		read_at = clock_timestamp()
	WHERE k.consumer = ordersync_changes_read.consumer;
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_changes_read(text, integer) IS
	'hands out to a consumer what it has not acknowledged: orders and after-sales that were written, in the order of their writing; no row: nothing new, or another session of the consumer is at it. A name that is not known yet is a new consumer, which is told first of all that is stored';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_changes_ack(consumer text, "position" bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.begin_feed_call(consumer);
	IF "position" IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'position must not be NULL',
			HINT = 'Of a read that returned no row there is nothing to acknowledge.';
	END IF;
	PERFORM ordersync.lock_existing_consumer(consumer);
	PERFORM ordersync.acknowledge(consumer, "position");
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_changes_ack(text, bigint) IS
	'acknowledges what a consumer was handed out, up to this position: it is not handed out again; what is acknowledged already stays so';

CREATE OR REPLACE FUNCTION @extschema@.ordersync_changes_drop(consumer text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SECURITY DEFINER
SET search_path = pg_catalog, ordersync, pg_temp
AS $function$
BEGIN
	PERFORM ordersync.begin_feed_call(consumer);
	PERFORM ordersync.lock_existing_consumer(consumer);
	DELETE FROM ordersync.change_consumers c
	WHERE c.consumer = ordersync_changes_drop.consumer;
	PERFORM ordersync.record_action('consumer dropped', p_details => jsonb_build_object('consumer', consumer));
END
$function$;
COMMENT ON FUNCTION @extschema@.ordersync_changes_drop(text) IS
	'drops a consumer of the change feed: nothing is kept for it any more';
