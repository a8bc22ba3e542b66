/*
 * The tables of the privacy policy: its rules, what it met that is in no rule, and who was forgotten.
 *
 * privacy_state is what readers of the policy look at and lock: see src/privacy.c.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_privacy()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.privacy (
		field text PRIMARY KEY,
		rule text NOT NULL CHECK (rule IN ('keep', 'scrub', 'hash', 'drop')),
		source text NOT NULL CHECK (source IN ('default', 'set')),
		why text,
		updated_at timestamptz NOT NULL DEFAULT now()
	);

	CREATE TABLE IF NOT EXISTS ordersync.privacy_state (
		one boolean PRIMARY KEY DEFAULT true CHECK (one),
		generation bigint NOT NULL,
		applied_generation bigint,
		applied_at timestamptz,
		apply_generation bigint,
		apply_shop bigint,
		apply_step text,
		apply_after bigint
	);

	CREATE TABLE IF NOT EXISTS ordersync.privacy_findings (
		shop_id bigint NOT NULL,
		path text NOT NULL,
		first_seen timestamptz NOT NULL DEFAULT now(),
		last_seen timestamptz NOT NULL DEFAULT now(),
		records bigint NOT NULL,
		done text NOT NULL DEFAULT 'dropped',
		PRIMARY KEY (shop_id, path)
	);

	CREATE TABLE IF NOT EXISTS ordersync.forgotten (
		buyer text PRIMARY KEY,
		forgotten_at timestamptz NOT NULL DEFAULT now(),
		forgotten_by text NOT NULL DEFAULT session_user
	);

	CREATE TABLE IF NOT EXISTS ordersync.forgotten_orders (
		shop_id bigint NOT NULL,
		tid bigint NOT NULL,
		PRIMARY KEY (shop_id, tid)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('privacy', NULL, 'what is done with fields of records before anything is stored, by their names; changed by ordersync_set_privacy'),
		('privacy', 'field', 'name of a field, wherever it stands in a record; with * at one end: names that begin or end so, unless a longer rule fits'),
		('privacy', 'rule', 'keep; scrub: runs of seven digits or more and e-mail addresses are replaced; hash: a keyed hash stands for the value; drop'),
		('privacy', 'source', 'default, or set by ordersync_set_privacy'),
		('privacy', 'why', 'of a default: what kind of data it is'),
		('privacy', 'updated_at', 'when the rule became this one'),

		('privacy_state', NULL, 'which policy is in force, and how far ordersync_apply_privacy has brought stored rows to it'),
		('privacy_state', 'one', 'always true: there is one row'),
		('privacy_state', 'generation', 'another number after each change of the policy'),
		('privacy_state', 'applied_generation', 'the policy that all stored rows were last brought to; NULL: never needed'),
		('privacy_state', 'applied_at', 'when that was'),
		('privacy_state', 'apply_generation', 'the policy that stored rows are being brought to; NULL: none'),
		('privacy_state', 'apply_shop', 'the shop at hand'),
		('privacy_state', 'apply_step', 'what is read of it: orders, after_sales, quarantine or changes; log: of all shops'),
		('privacy_state', 'apply_after', 'the last number that was read'),

		('privacy_findings', NULL, 'fields that are in no list and were dropped since their names say that they are personal; to keep one: ordersync_set_privacy(field, ''keep'')'),
		('privacy_findings', 'shop_id', 'our number of the shop'),
		('privacy_findings', 'path', 'names from the record inwards, by dots'),
		('privacy_findings', 'first_seen', 'when a record first had it'),
		('privacy_findings', 'last_seen', 'when that was last written down, which is when the number of records has doubled'),
		('privacy_findings', 'records', 'at least so many records had it'),
		('privacy_findings', 'done', 'what was done with it: dropped'),

		('forgotten', NULL, 'buyers who were forgotten: what comes of them later is stored without what tells them'),
		('forgotten', 'buyer', 'keyed hash of buyer_open_uid'),
		('forgotten', 'forgotten_at', 'when ordersync_forget was called'),
		('forgotten', 'forgotten_by', 'by whom'),

		('forgotten_orders', NULL, 'orders of buyers who were forgotten: some lists name no buyer'),
		('forgotten_orders', 'shop_id', 'our number of the shop'),
		('forgotten_orders', 'tid', 'the order')
	) AS t (rel, col, words);
	PERFORM ordersync.renew_privacy_defaults();
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_privacy() IS
	'creates the tables of the privacy policy if they are missing, with the built-in rules; part of ordersync.set_up_queue()';

/* What somebody has set stays. */
CREATE OR REPLACE FUNCTION ordersync.renew_privacy_defaults()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
DECLARE
	v_changed bigint;
BEGIN
	WITH gone AS (
		DELETE FROM ordersync.privacy p
		WHERE p.source = 'default'
			AND NOT EXISTS (
				SELECT
				FROM ordersync.privacy_defaults() d
				WHERE d.field = p.field)
		RETURNING 1
	), renewed AS (
		INSERT INTO ordersync.privacy AS p (field, rule, source, why)
		SELECT d.field, d.rule, 'default', d.why
		FROM ordersync.privacy_defaults() d
		ON CONFLICT (field) DO UPDATE
		SET rule = excluded.rule,
			why = excluded.why,
			updated_at = now()
		WHERE p.source = 'default'
			AND (p.rule, p.why) IS DISTINCT FROM (excluded.rule, excluded.why)
		RETURNING 1
	)
	SELECT (SELECT pg_catalog.count(*) FROM gone) + (SELECT pg_catalog.count(*) FROM renewed)
	INTO v_changed;
	IF v_changed > 0 THEN
		PERFORM ordersync.note_privacy_change();
	END IF;
END
$function$;
COMMENT ON FUNCTION ordersync.renew_privacy_defaults() IS
	'makes the built-in rules those of this version; part of ordersync.set_up_privacy()';

/* Not counted on: what a transaction that was rolled back has shown to its own session must not come again. */
CREATE OR REPLACE FUNCTION ordersync.note_privacy_change()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
AS $function$
	INSERT INTO ordersync.privacy_state AS s (generation)
	VALUES (('x' || pg_catalog.left(pg_catalog.md5(pg_catalog.gen_random_uuid()::text), 15))::bit(60)::bigint)
	ON CONFLICT (one) DO UPDATE
	SET generation = excluded.generation
$function$;
COMMENT ON FUNCTION ordersync.note_privacy_change() IS
	'gives the privacy policy another number, by which all processes see that it has changed';
