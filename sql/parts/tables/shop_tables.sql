/*
 * The tables of gateways and shops.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_shops()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.gateways (
		name text PRIMARY KEY,
		base_url text NOT NULL,
		app_key text,
		protocol text NOT NULL,
		sign_method text NOT NULL,
		options jsonb NOT NULL DEFAULT '{}',
		clock_offset interval NOT NULL DEFAULT '0',
		throttled_until timestamptz,
		throttled_for interval NOT NULL DEFAULT '0',
		lifted_at timestamptz,
		secret_state text NOT NULL DEFAULT 'missing',
		secret_message text,
		failing_since timestamptz,
		failing_shop bigint,
		failing_shops bigint[],
		one_shop_fails boolean GENERATED ALWAYS AS (failing_shop IS NOT NULL) STORED,
		error_class text,
		error text,
		error_code bigint,
		error_sub_code text,
		error_at timestamptz,
		spent_until timestamptz,
		reserved_until timestamptz,
		method_bans jsonb NOT NULL DEFAULT '{}',
		unserved jsonb NOT NULL DEFAULT '{}',
		stopped_since timestamptz,
		next_probe_at timestamptz,
		stops jsonb NOT NULL DEFAULT '{}',
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
		key_verify_at timestamptz,
		first_full_at timestamptz,
		first_incremental_at timestamptz,
		next_incremental_at timestamptz,
		next_full_at timestamptz,
		key_state_reported text,
		key_expiry_reported timestamptz,
		behind_since timestamptz,
		watchdog_runs integer NOT NULL DEFAULT 0,
		watchdog_run_at timestamptz,
		full_behind_since timestamptz,
		full_watchdog_runs integer NOT NULL DEFAULT 0,
		full_watchdog_run_at timestamptz,
		unserved jsonb NOT NULL DEFAULT '{}',
		created_at timestamptz NOT NULL DEFAULT now(),
		updated_at timestamptz NOT NULL DEFAULT now()
	);
	PERFORM ordersync.add_index('shops_gateway_idx', 'shops', '(gateway)');
	-- claim, next_due: refused keys that are to be checked again
	PERFORM ordersync.add_index('shops_key_check_idx', 'shops',
		'(key_check_at) WHERE key_check_at IS NOT NULL');

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('gateways', NULL, 'destinations of calls, without secrets'),
		('gateways', 'name', 'name of the gateway; shops use "taobao" by default'),
		('gateways', 'base_url', 'URL that calls are posted to'),
		('gateways', 'app_key', 'key of the application on the platform; NULL: its calls carry none'),
		('gateways', 'protocol', 'protocol of the gateway: top or relay'),
		('gateways', 'sign_method', 'how calls are signed: md5, hmac or hmac-sha256'),
		('gateways', 'options', 'calls_per_second, calls_in_flight, calls_per_day, calls_per_day_reserved, method_weights, page_size, max_window, arrival_check, types_add, proxy; of a relay also relay, its map'),
		('gateways', 'clock_offset', 'platform''s clock minus ours, from its answers'),
		('gateways', 'throttled_until', 'end of the call ban that the platform imposed, by the server''s clock'),
		('gateways', 'throttled_for', 'how long the platform''s bans have held calls back in all; the present one in full'),
		('gateways', 'lifted_at', 'when ordersync_lift_ban, or a change of the gateway, last ended a ban; bans imposed before are ignored'),
		('gateways', 'secret_state', 'ok; missing: no application secret is stored; unreadable: a secret of the gateway was sealed with another key than the one in the key file; key_file: the key file cannot be used now. Calls are made where it is ok, as it is where they need no secret'),
		('gateways', 'secret_message', 'reason why a secret of the gateway cannot be opened'),
		('gateways', 'failing_since', 'since when calls fail for a reason that is no shop''s, and none has succeeded; NULL: the last ones succeeded'),
		('gateways', 'failing_shop', 'the first shop whose calls have failed since, while there are too few of them to say it of all; NULL: a tenth of the shops (at least two) or twenty'),
		('gateways', 'failing_shops', 'the shops counted for that'),
		('gateways', 'one_shop_fails', 'whether failing_shop is set; which shop that is only those see who see all shops'),
		('gateways', 'error_class', 'class of the last failure that was no shop''s'),
		('gateways', 'error', 'its message'),
		('gateways', 'error_code', 'platform''s error code of it'),
		('gateways', 'error_sub_code', 'platform''s second code of it'),
		('gateways', 'error_at', 'when it was; of failures that follow each other one a minute is recorded'),
		('gateways', 'unserved', 'calls and lists that the gateway does not have, by protocol and options'),
		('gateways', 'stopped_since', 'since when no calls are made but for probes, because none is answered well; NULL: calls are made, but for those of stops'),
		('gateways', 'next_probe_at', 'when one call is made of what is stopped'),
		('gateways', 'stops', 'which calls are stopped, by method ("": all): since, probe_at, shop (only its calls), class and error of the failure (unanswered: nothing has failed, but no more calls are made before one is answered), and the list that waits'),
		('gateways', 'created_at', 'when it was added'),
		('gateways', 'updated_at', 'when its set-up was changed last'),

		('shops', NULL, 'seller accounts, without secrets'),
		('shops', 'shop_id', 'the DBA''s own number of the shop'),
		('shops', 'seller_nick', 'the seller''s name as typed, without white space around it and without escapes'),
		('shops', 'seller_nicks', 'names that the shop''s records may carry: the typed one and those that key checks returned'),
		('shops', 'user_id', 'the platform''s number of the seller, from the first key check'),
		('shops', 'gateway', 'name of the gateway'),
		('shops', 'options', 'streams, details, payloads, privacy, incremental, full_run, freshness_target, full_run_target, fields_add, fields_drop'),
		('shops', 'enabled', 'false: paused, its tasks wait'),
		('shops', 'key_state', 'missing (none was given), unchecked, ok, unverified, wrong_seller, expired (refused), key_unreadable (sealed with another key than the one in the key file) or moved (a secret was given for another destination)'),
		('shops', 'key_message', 'message of the last key check or refusal'),
		('shops', 'key_checked_at', 'when the data key was last checked'),
		('shops', 'key_expires_at', 'when the data key expires, as typed'),
		('shops', 'key_refusals', 'how often the platform has refused the data key, one check after another'),
		('shops', 'key_check_at', 'when a refused data key is checked again, if the shop has tasks then; NULL: never'),
		('shops', 'key_verify_at', 'from when on the next task of the shop checks the data key again, daily, while it is good; NULL: the next one does'),
		('shops', 'first_full_at', 'platform''s instant of the first call of the shop''s first full run; incremental runs begin there'),
		('shops', 'first_incremental_at', 'platform''s instant at which the first incremental run was asked for'),
		('shops', 'next_incremental_at', 'when its next scheduled incremental run is due; NULL: never'),
		('shops', 'next_full_at', 'when its next scheduled full run is due; NULL: never'),
		('shops', 'key_state_reported', 'the key_state that the server''s log and listeners were last told of'),
		('shops', 'key_expiry_reported', 'the expiry of the data key that they were last told of'),
		('shops', 'behind_since', 'when the watchdog found it behind its freshness target; NULL: it is not'),
		('shops', 'watchdog_runs', 'incremental runs that the watchdog has requested since then'),
		('shops', 'watchdog_run_at', 'when the last of them was'),
		('shops', 'full_behind_since', 'when the watchdog found it behind its full-run target; NULL: it is not'),
		('shops', 'full_watchdog_runs', 'full runs that the watchdog has requested since then'),
		('shops', 'full_watchdog_run_at', 'when the last of them was'),
		('shops', 'unserved', 'lists that the platform refuses to the shop because a permission is missing, each with time and message; requested again after a day and with a new data key'),
		('shops', 'created_at', 'when it was added'),
		('shops', 'updated_at', 'when its set-up was changed last')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_shops() IS
	'creates the tables of gateways and shops if they are missing; part of ordersync.set_up_queue()';
