/*
 * CALL ordersync_sync: trigger, watch, return at the end.
 *
 * An invoker's procedure, because one that is SECURITY DEFINER or has a SET
 * clause cannot commit.  It triggers and reads by the caller's own rights, and
 * begins a new transaction for every look, so that it holds nothing back.
 */
CREATE OR REPLACE PROCEDURE @extschema@.ordersync_sync(
	shop_id bigint,
	kind text DEFAULT 'incremental',
	since timestamptz DEFAULT NULL,
	until timestamptz DEFAULT NULL)
LANGUAGE plpgsql
AS $procedure$
DECLARE
	v_run bigint;
	v record;
	v_line text;
	v_said text := '';
	v_say_at timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
	v_ended boolean;
	v_pause double precision := 0.05;
BEGIN
	PERFORM ordersync.prevent_transaction_block('ordersync_sync');
	COMMIT;						-- called by a function it fails here, before anything is triggered
	IF kind OPERATOR(pg_catalog.=) 'full' THEN
		v_run := @extschema@.ordersync_trigger_full(shop_id, since, until);
	ELSIF kind OPERATOR(pg_catalog.=) 'incremental' THEN
		v_run := @extschema@.ordersync_trigger_incremental(shop_id, since, until);
	ELSE
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = pg_catalog.format('unrecognized kind of run "%s"', COALESCE(kind, 'NULL')),
			HINT = 'Kinds: full, incremental.';
	END IF;
	COMMIT;

	LOOP
		SELECT p.state, p.waiting_for, p.message,
			pg_catalog.format('%s of %s windows, %s calls, records: %s new, %s changed, %s unchanged, %s quarantined',
				p.windows_done, p.windows_total, p.calls, p.records_new, p.records_changed,
				p.records_unchanged, p.records_quarantined) AS counts
		INTO v
		FROM ordersync.run_progress p
		WHERE p.run_id OPERATOR(pg_catalog.=) v_run;
		COMMIT;

		v_ended := v.state IS NULL OR NOT v.state OPERATOR(pg_catalog.=) ANY (ARRAY['pending', 'running']);
		v_line := pg_catalog.concat_ws('; ',
			pg_catalog.format('run %s %s: %s', v_run, v.state, v.counts),
			'waits for ' OPERATOR(pg_catalog.||) v.waiting_for,
			v.message);
		IF v_ended OR (v_line OPERATOR(pg_catalog.<>) v_said
				AND pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) v_say_at) THEN
			IF v_ended AND NOT v.state OPERATOR(pg_catalog.=) 'succeeded' THEN
				RAISE WARNING USING
					MESSAGE = v_line,
					HINT = pg_catalog.format('What failed, and what to do: SELECT * FROM ordersync.failed_tasks WHERE run_id = %s.', v_run);
			ELSE
				RAISE NOTICE USING MESSAGE = v_line;
			END IF;
			v_said := v_line;
			v_say_at := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) interval '1 second';
		END IF;
		EXIT WHEN v_ended;

		PERFORM pg_catalog.pg_sleep(v_pause);
		COMMIT;
		v_pause := LEAST(v_pause OPERATOR(pg_catalog.*) 1.5::double precision, 0.5::double precision);
	END LOOP;
END
$procedure$;
COMMENT ON PROCEDURE @extschema@.ordersync_sync(bigint, text, timestamptz, timestamptz) IS
	'triggers a run, reports its progress by NOTICE and returns at its end; not in a transaction block';
