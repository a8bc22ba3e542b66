/*
 * The queue's tables: set-up, runs, tasks, what is closed, what was called.
 *
 * They stand in a function's body because a table made by an extension script
 * becomes a member, and a member's rows are in no dump.  Nothing here calls a
 * function of ours: no default, no CHECK, no index.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_queue()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.installation (
		one boolean PRIMARY KEY DEFAULT true CHECK (one),
		version text NOT NULL,
		extension oid,
		database oid,
		set_up_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE TABLE IF NOT EXISTS ordersync.gateways (
		name text PRIMARY KEY,
		base_url text NOT NULL,
		app_key text NOT NULL,
		protocol text NOT NULL,
		sign_method text NOT NULL,
		options jsonb NOT NULL DEFAULT '{}',
		clock_offset interval NOT NULL DEFAULT '0',
		throttled_until timestamptz,
		lifted_at timestamptz,
		secret_state text NOT NULL DEFAULT 'missing',
		secret_message text,
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE TABLE IF NOT EXISTS ordersync.shops (
		shop_id bigint PRIMARY KEY,
		seller_nick text NOT NULL,
		seller_nicks text[] NOT NULL,
		user_id bigint,
		gateway text NOT NULL,
		options jsonb NOT NULL DEFAULT '{}',
		enabled boolean NOT NULL DEFAULT true,
		key_state text NOT NULL DEFAULT 'unchecked',
		key_message text,
		key_checked_at timestamptz,
		key_expires_at timestamptz,
		key_refusals integer NOT NULL DEFAULT 0,
		key_check_at timestamptz,
		first_full_at timestamptz,
		first_incremental_at timestamptz,
		unserved jsonb NOT NULL DEFAULT '{}',
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now()
	);
	CREATE INDEX IF NOT EXISTS shops_gateway_idx ON ordersync.shops (gateway);
	-- claim, next_due: refused keys that are to be checked again
	CREATE INDEX IF NOT EXISTS shops_key_check_idx
		ON ordersync.shops (key_check_at)
		WHERE key_check_at IS NOT NULL;

	CREATE TABLE IF NOT EXISTS ordersync.secrets (
		kind text NOT NULL,
		name text NOT NULL,
		destination text NOT NULL,
		sealed bytea NOT NULL,
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (kind, name)
	);

	CREATE TABLE IF NOT EXISTS ordersync.grants (
		role_oid oid PRIMARY KEY,
		role name NOT NULL,
		level text NOT NULL,
		shops bigint[],
		granted_by name NOT NULL DEFAULT session_user,
		granted_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE TABLE IF NOT EXISTS ordersync.sync_runs (
		run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop_id bigint NOT NULL,
		kind text NOT NULL,
		since timestamptz,
		until timestamptz,
		tid bigint,
		state text NOT NULL DEFAULT 'pending',
		requested_by name NOT NULL DEFAULT session_user,
		requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		requested_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
		started_at timestamptz,
		finished_at timestamptz,
		open_tasks integer NOT NULL DEFAULT 0,
		held_tasks integer NOT NULL DEFAULT 0,
		links_due boolean NOT NULL DEFAULT false,
		lot double precision DEFAULT random(),
		lost tstzmultirange,
		message text
	) WITH (fillfactor = 70);
	-- which runs are active, in whose turn
	CREATE INDEX IF NOT EXISTS sync_runs_active_idx
		ON ordersync.sync_runs (shop_id, kind, run_id)
		WHERE state IN ('pending', 'running');
	-- claim: active runs in the order of their lots
	CREATE INDEX IF NOT EXISTS sync_runs_lot_idx
		ON ordersync.sync_runs (lot)
		WHERE lot IS NOT NULL;
	-- plan: what a shop's runs have lost
	CREATE INDEX IF NOT EXISTS sync_runs_lost_idx
		ON ordersync.sync_runs (shop_id, until)
		WHERE lost IS NOT NULL;
	CREATE INDEX IF NOT EXISTS sync_runs_shop_idx ON ordersync.sync_runs (shop_id, run_id);

	CREATE TABLE IF NOT EXISTS ordersync.sync_tasks (
		task_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		run_id bigint NOT NULL,
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		work text NOT NULL DEFAULT 'store',
		since timestamptz,
		until timestamptz,
		fresh boolean NOT NULL DEFAULT false,
		history boolean NOT NULL DEFAULT false,
		ext_type text,
		details_of text,
		ids bigint[],
		reason text,
		is_part boolean NOT NULL DEFAULT false,
		splits integer NOT NULL DEFAULT 0,
		held boolean NOT NULL DEFAULT false,
		state text NOT NULL DEFAULT 'pending',
		attempt integer NOT NULL DEFAULT 0,
		next_attempt_at timestamptz,
		owner text,
		token bigint,
		walk jsonb,
		page_size integer,
		calls integer NOT NULL DEFAULT 0,
		pages integer NOT NULL DEFAULT 0,
		records_new bigint NOT NULL DEFAULT 0,
		records_changed bigint NOT NULL DEFAULT 0,
		records_unchanged bigint NOT NULL DEFAULT 0,
		records_quarantined bigint NOT NULL DEFAULT 0,
		reported bigint,
		seen bigint,
		passes integer,
		missed bigint[],
		missed_range tstzrange,
		checks integer NOT NULL DEFAULT 0,
		verdict text,
		error_class text,
		error text,
		made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		began_at timestamptz,
		claimed_at timestamptz,
		finished_at timestamptz
	) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
	-- claim: a run's waiting tasks, newest window first; no column of it changes with a page
	CREATE INDEX IF NOT EXISTS sync_tasks_waiting_idx
		ON ordersync.sync_tasks (run_id, until DESC)
		WHERE state = 'pending';
	-- claim: what is in flight, and whose owner has died
	CREATE INDEX IF NOT EXISTS sync_tasks_running_idx
		ON ordersync.sync_tasks (shop_id)
		WHERE state = 'running';
	-- next_due: tasks in back-off
	CREATE INDEX IF NOT EXISTS sync_tasks_due_idx
		ON ordersync.sync_tasks (next_attempt_at)
		WHERE next_attempt_at IS NOT NULL;
	CREATE INDEX IF NOT EXISTS sync_tasks_run_idx ON ordersync.sync_tasks (run_id);
	-- failed_tasks, shop_health
	CREATE INDEX IF NOT EXISTS sync_tasks_failed_idx
		ON ordersync.sync_tasks (shop_id, finished_at)
		WHERE state IN ('failed', 'incomplete');

	CREATE TABLE IF NOT EXISTS ordersync.coverage (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		ranges tstzmultirange NOT NULL DEFAULT '{}',
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis)
	) WITH (fillfactor = 70);

	CREATE TABLE IF NOT EXISTS ordersync.window_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		range tstzrange NOT NULL,
		reported bigint,
		seen bigint,
		quarantined bigint NOT NULL DEFAULT 0,
		passes integer,
		verdict text NOT NULL,
		run_id bigint,
		task_id bigint,
		began_at timestamptz,
		closed_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.verified_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		basis text NOT NULL,
		range tstzrange NOT NULL,
		reported bigint NOT NULL,
		stored bigint NOT NULL,
		run_id bigint,
		task_id bigint,
		checked_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, basis, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.type_counts (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		range tstzrange NOT NULL,
		any_type bigint NOT NULL,
		listed bigint NOT NULL,
		found text[] NOT NULL DEFAULT '{}',
		run_id bigint,
		task_id bigint,
		checked_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, stream, range)
	);

	CREATE TABLE IF NOT EXISTS ordersync.repairs (
		shop_id bigint NOT NULL,
		repair_id bigint GENERATED ALWAYS AS IDENTITY,
		stream text NOT NULL,
		record_id bigint NOT NULL,
		reason text NOT NULL,
		modified timestamptz,
		created timestamptz,
		run_id bigint,
		task_id bigint,
		repaired_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (shop_id, repair_id)
	);

	CREATE TABLE IF NOT EXISTS ordersync.lookups (
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		record_id bigint NOT NULL,
		served boolean NOT NULL,
		message text,
		asked_at timestamptz NOT NULL,
		run_id bigint,
		PRIMARY KEY (shop_id, stream, record_id)
	);

	IF pg_catalog.to_regclass('ordersync.link_candidates') IS NULL THEN
		CREATE TABLE ordersync.link_candidates (
			shop_id bigint NOT NULL,
			batch_id bigint GENERATED ALWAYS AS IDENTITY,
			refund_ids bigint[],
			PRIMARY KEY (shop_id, batch_id)
		);
		-- what is stored already was noted by nobody
		PERFORM ordersync.note_all_links(s.shop_id)
		FROM ordersync.shops s;
	END IF;

	CREATE TABLE IF NOT EXISTS ordersync.request_log (
		logged_at timestamptz NOT NULL DEFAULT now(),
		shop_id bigint NOT NULL,
		run_id bigint,
		task_id bigint,
		gateway text,
		method text,
		window_since timestamptz,
		window_until timestamptz,
		page_no integer,
		page_size integer,
		use_has_next boolean,
		verdict text,
		http_status integer,
		code bigint,
		msg text,
		sub_code text,
		sub_msg text,
		request_id text,
		total_results bigint,
		has_next boolean,
		records integer,
		bytes bigint,
		started_at timestamptz,
		duration_ms integer,
		answer text
	) PARTITION BY RANGE (logged_at);
	CREATE INDEX IF NOT EXISTS request_log_shop_idx ON ordersync.request_log (shop_id, logged_at);
	-- a call's row must find a place even when nobody kept house for a week
	CREATE TABLE IF NOT EXISTS ordersync.request_log_rest
		PARTITION OF ordersync.request_log DEFAULT;
	-- a row has no key; under a publication of all tables only whole rows can be deleted
	IF EXISTS (
		SELECT
		FROM pg_catalog.pg_class c
		WHERE c.oid IN ('ordersync.request_log'::pg_catalog.regclass, 'ordersync.request_log_rest'::pg_catalog.regclass)
			AND c.relreplident <> 'f'
	) THEN
		ALTER TABLE ordersync.request_log REPLICA IDENTITY FULL;
		ALTER TABLE ordersync.request_log_rest REPLICA IDENTITY FULL;
	END IF;

	PERFORM ordersync.comment_queue();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_queue() IS
	'makes the tables of set-up and queue where they are missing; part of ordersync.set_up()';
