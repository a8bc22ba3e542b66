-- No C function takes a NULL for a value: with all its arguments NULL each answers, or says what is wrong.
BEGIN;
SET client_min_messages = error;
SELECT ordersync_add_gateway('taobao', 'https://gw.example.com/router/rest', '12345678', 'helloworld');
CREATE FUNCTION pg_temp.called(p_call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE p_call;
	RETURN 'answers';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLSTATE IN ('XX000', '57P01') THEN SQLERRM ELSE 'says what is wrong' END;
END $$;
CREATE TEMP TABLE c_function AS
SELECT p.oid::regprocedure::text AS name,
	format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS x (t, i))) AS call
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
WHERE p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND p.prokind = 'f'
	AND p.pronargs > 0;
SELECT plan(1 + count(*)::integer) FROM c_function;
SELECT cmp_ok(count(*)::integer, '>', 20, 'there are many') FROM c_function;
SELECT matches(pg_temp.called(f.call), '^(answers|says what is wrong)$', f.name) FROM c_function f ORDER BY f.name;
SELECT * FROM finish();
ROLLBACK;
