-- What a worker calls says for itself how its statements are planned: the worker's own statements keep one plan, and plans that were made while the tables were empty would stay for ever.
BEGIN;
SELECT plan(2);
CREATE TEMP TABLE called (name text, planned text);
INSERT INTO called VALUES
	('apply_pages', 'generic'), ('check_records', 'generic'), ('claim', 'generic'), ('claim_share', 'generic'), ('fail', 'generic'),
	('lock_tasks', 'generic'), ('reserve_calls', 'generic'), ('next_due', 'generic'), ('recall_tasks', 'generic'), ('settle', 'generic'),
	('queue_follow_ups', 'custom'), ('maintenance', 'custom'), ('keep_mends', 'custom'), ('known_refusals', 'custom'), ('note_fetched', 'custom'),
	('note_key_file', 'custom'), ('note_mended', 'custom'), ('note_not_served', 'custom'), ('quarantine_records', 'custom'),
	('stamp_jdp', 'custom'), ('settle_count', 'custom'), ('settle_key', 'custom'), ('store_parts', 'custom'), ('watch', 'custom');
SELECT is_empty('SELECT name FROM called c WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = ''ordersync''::regnamespace AND p.proname = c.name)', 'they are there');
SELECT bag_eq($$ SELECT c.name, s.setting FROM called c JOIN pg_proc p ON p.pronamespace = 'ordersync'::regnamespace AND p.proname = c.name
	LEFT JOIN LATERAL unnest(p.proconfig) AS s (setting) ON s.setting LIKE 'plan_cache_mode=%' $$,
	$$ SELECT name, 'plan_cache_mode=force_' || planned || '_plan' FROM called $$, 'and each has the setting');
SELECT * FROM finish();
ROLLBACK;
