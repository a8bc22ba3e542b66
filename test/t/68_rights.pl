# What roles may see and do, as an attacker tries it: users' code on our tables (triggers, deferred constraints, defaults, checks,
# indexes, rules) has the owner's rights whoever sets it off and cannot change who it is; no SECURITY DEFINER function can be
# made to run other functions, operators, types or tables than it names; grants, policies and limits survive a dump.
use strict;
use warnings;
use OrdersyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = OrdersyncTest->new(gateway => [ '--shops' => 2, '--orders-per-shop' => 40, '--days' => 7, '--still' ]);
my $node = $cluster->node;
$cluster->add_shops(1, 2);
$cluster->sql("CREATE ROLE $_ LOGIN") for 'keeper', 'mallory', 'bi', 'store', 'ops', 'by_hand', '"o""dd"';
$cluster->sql("ALTER DATABASE postgres OWNER TO keeper;
	SELECT ordersync_grant('bi', 'reader'), ordersync_grant('store', 'reader', '{1}'), ordersync_grant('ops', 'operator', '{2}'), ordersync_grant('o\"dd', 'reader')");

sub as { my ($role, $q, $db) = @_; my (undef, $out, $err) = $node->psql($db // 'postgres', $q, extra_params => [ '-U', $role ]); return $err =~ /ERROR:\s+(.*)/ ? $1 : $out }

# --- what a dump keeps ---

my $dump = $node->basedir . '/dump';
my $rights = q{SELECT md5(string_agg(x, E'\n' ORDER BY x)) FROM (
	SELECT concat_ws(' ', c.relname, a.grantee::regrole, a.privilege_type) AS x FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'ordersync'::regnamespace AND NOT c.relispartition AND a.grantee <> c.relowner
	UNION ALL SELECT concat_ws(' ', c.relname, t.attname, a.grantee::regrole) FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a WHERE c.relnamespace = 'ordersync'::regnamespace
	UNION ALL SELECT concat_ws(' ', p.polrelid::regclass, p.polname, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), c.relrowsecurity) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
	UNION ALL SELECT concat_ws(' ', role, level, shops) FROM ordersync.grants) y};
sub sees { my ($role, $db) = @_; return as($role, q{SELECT coalesce(string_agg(DISTINCT shop_id::text, ' ' ORDER BY shop_id::text), 'none') FROM ordersync.orders}, $db) }
$cluster->sql("INSERT INTO ordersync.orders (shop_id, tid, created, modified) SELECT k, k, now(), now() FROM generate_series(1, 3) k");
is(join(', ', map { sees($_) } 'bi', 'store', 'ops'), '1 2 3, 1, 2', 'what each sees');
is(as('keeper', 'SELECT ordersync_enable_jdp()'), '', 'the database\'s owner enables the push\'s shape');
my $polls = 'SELECT count(jdp_response) FROM jdp.jdp_tb_trade';
is(join(', ', map { as($_, $polls) } 'bi', 'store', 'ops', 'mallory'), '2, 1, 1, permission denied for schema jdp', 'who polls it');
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump');
$cluster->sql('CREATE DATABASE copy');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('copy'), $dump ], 'is restored');
is(join(', ', map { sees($_, 'copy') } 'bi', 'store', 'ops'), '1 2 3, 1, 2', 'each sees the same before anything is set up');
my (undef, undef, $set_up) = $node->psql('copy', 'SELECT ordersync.set_up()');
unlike($set_up, qr/not applied|ERROR/, 'no grant is in doubt');
is($cluster->sql($rights, 'copy'), $cluster->sql($rights), 'tables, columns, policies and grants are the same');
is(join(', ', map { as($_, $polls, 'copy') } 'bi', 'store', 'ops', 'mallory'), '2, 1, 1, permission denied for schema jdp', 'who polls, too');
$cluster->sql(q{SELECT ordersync.announce_records('order', 1, '{1}'); SELECT ordersync.stamp_jdp()}, 'copy');
is($cluster->sql(q{SELECT tid FROM jdp.jdp_tb_trade WHERE jdp_modified > now() AT TIME ZONE 'Asia/Shanghai'}, 'copy'), '1', 'a change is stamped there');
is(as('keeper', 'SELECT ordersync_disable_jdp()'), '', 'and disables it');
is(as('ops', 'SELECT ordersync_trigger_full(1)', 'copy'), 'permission denied for shop 1', 'levels too');
$cluster->sql('DROP DATABASE copy');

$cluster->sql('DELETE FROM ordersync.orders');

# --- users' code on our tables ---

# Each way out of an identity is tried; what worked is noted, with who it was.
$cluster->sql(q{
	CREATE SCHEMA trap; GRANT ALL ON SCHEMA trap TO PUBLIC;
	CREATE TABLE trap.seen (place text, who name, won text); GRANT INSERT, SELECT ON trap.seen TO PUBLIC;
	CREATE FUNCTION trap.try(place text) RETURNS void LANGUAGE plpgsql AS $f$
	DECLARE
		v_way text;
	BEGIN
		SET search_path = trap, pg_catalog;
		RAISE WARNING 'tried % as %', place, current_user;
		INSERT INTO trap.seen VALUES (place, current_user, CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 'is a superuser' END);
		FOREACH v_way IN ARRAY ARRAY[
			'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres', 'SET SESSION AUTHORIZATION DEFAULT', 'SET ROLE postgres', 'SET LOCAL ROLE postgres', 'RESET ROLE', 'SET ROLE NONE',
			$w$SELECT set_config('role', 'postgres', false)$w$, $w$SELECT set_config('session_authorization', 'postgres', false)$w$,
			$w$SELECT pg_read_file('PG_VERSION')$w$, $w$COPY trap.seen TO PROGRAM 'true'$w$, $w$ALTER SYSTEM SET work_mem = '5MB'$w$, $w$SELECT lo_import('/etc/hostname')$w$,
			'ALTER ROLE mallory SUPERUSER', 'GRANT pg_execute_server_program TO mallory', 'CREATE ROLE trapped', 'SELECT sealed FROM pg_authid',
			$w$DECLARE trapped CURSOR WITH HOLD FOR SELECT trap.try('cursor')$w$, $w$PREPARE trapped AS SELECT trap.try('prepared')$w$, 'CREATE TEMP TABLE trapped (a int)', 'DISCARD TEMP'] LOOP
			BEGIN
				EXECUTE v_way;
				INSERT INTO trap.seen VALUES (place, current_user, v_way);
				RAISE WARNING 'won % as %: %', place, current_user, v_way;
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
	END $f$;
	CREATE FUNCTION trap.on_row() RETURNS trigger LANGUAGE plpgsql AS $f$
	BEGIN
		IF NOT EXISTS (SELECT FROM trap.seen s WHERE s.place = TG_NAME || ' ' || TG_TABLE_NAME AND s.who = current_user) THEN PERFORM trap.try(TG_NAME || ' ' || TG_TABLE_NAME); END IF;
		RETURN NEW;
	END $f$;
	CREATE FUNCTION trap.again() RETURNS trigger LANGUAGE plpgsql AS $f$
	BEGIN
		IF TG_TABLE_NAME <> 'aside' THEN
			BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO trap.aside VALUES (1); EXCEPTION WHEN OTHERS THEN NULL; END;
		END IF;
		PERFORM trap.on_value(TG_NAME || ' ' || TG_TABLE_NAME); RETURN NULL;
	END $f$;
	CREATE FUNCTION trap.on_value(place text) RETURNS text LANGUAGE plpgsql AS $f$
	BEGIN IF NOT EXISTS (SELECT FROM trap.seen s WHERE s.place = on_value.place AND s.who = current_user) THEN PERFORM trap.try(place); END IF; RETURN 'x'; END $f$;
	CREATE FUNCTION trap.of_value(a bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN PERFORM trap.on_value('expression'); RETURN a; END $f$;
	CREATE TABLE trap.aside (a int);});
# As the database's owner, who is no superuser.
my $tables = $cluster->sql(q{SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition});
$cluster->sql(q{ALTER TABLE trap.aside OWNER TO keeper});
is(as('keeper', join ';', 'CREATE CONSTRAINT TRIGGER late AFTER INSERT ON trap.aside DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.again()',
	map { ("CREATE TRIGGER early BEFORE INSERT OR UPDATE ON ordersync.$_ FOR EACH ROW EXECUTE FUNCTION trap.on_row()",
		$_ eq 'request_log' ? () : "CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON ordersync.$_ DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.again()") } split ' ', $tables), '',
	'triggers on all tables, deferred ones too');
is(as('keeper', q{ALTER TABLE ordersync.shops ADD COLUMN x text DEFAULT trap.on_value('default'), ADD CHECK (trap.on_value('check') IS NOT NULL) NOT VALID, ADD COLUMN y bigint GENERATED ALWAYS AS (trap.of_value(shop_id)) STORED;
	CREATE INDEX ON ordersync.sync_runs (trap.of_value(run_id)); CREATE DOMAIN trap.checked AS text CHECK (trap.on_value('domain') IS NOT NULL); ALTER TABLE ordersync.sync_runs ADD COLUMN z trap.checked DEFAULT 'x';
	ALTER TABLE ordersync.sync_runs ADD EXCLUDE USING btree (trap.of_value(run_id) WITH =) DEFERRABLE INITIALLY DEFERRED;
	CREATE RULE beside AS ON INSERT TO ordersync.setup_history DO ALSO SELECT trap.on_value('rule');
	ALTER TABLE ordersync.coverage FORCE ROW LEVEL SECURITY; CREATE POLICY trapped ON ordersync.coverage AS RESTRICTIVE USING (trap.on_value('policy') IS NOT NULL)}), '', 'defaults, checks, generated columns, indexes, exclusions, domains, rules, policies');
$cluster->sql('TRUNCATE trap.seen');

sub won { return $cluster->sql(q{SELECT coalesce(string_agg(DISTINCT concat_ws(': ', place, who, won), E'\n'), 'nothing') FROM trap.seen WHERE won IS NOT NULL}) }
sub places { return $cluster->sql(q{SELECT string_agg(DISTINCT split_part(place, ' ', 1), ' ' ORDER BY split_part(place, ' ', 1)) FROM trap.seen}) }

# The worker: a run that stores, fails, settles and ends; the watch and maintenance of its start.
is($cluster->full(1), 'succeeded', 'a run beside all of that');
$cluster->control('change', shop => 1, orders => 5);
$cluster->fault('status', status => 502, count => 1);
is($cluster->incremental(1), 'succeeded', 'another, with a call that fails');
is(won(), 'nothing', 'through a worker nothing is won');
is($cluster->sql("SELECT string_agg(DISTINCT who, ' ') FROM trap.seen"), 'pg_database_owner', 'all of it was the owner of the tables');
is(places(), 'check domain early expression late policy', 'and each place that a worker writes was reached');
cmp_ok($cluster->sql("SELECT count(DISTINCT place) FROM trap.seen WHERE place LIKE 'late %'"), '>', 8, 'deferred triggers of many tables');

# --- whose work of a worker a role sees ---

$cluster->fault('hang', ms => 300_000, shop => 1);
my $hanging = $cluster->trigger('incremental', 1);
$cluster->wait_until('a call of shop 1', sub { $cluster->sql('SELECT max(shop_id) FROM ordersync.workers WHERE in_flight > 0') eq '1' });
my $work = q{SELECT coalesce(max(shop_id)::text, 'hidden') || ' ' || count(run_id) || count(task_id) || count(kind) FROM ordersync.workers WHERE in_flight > 0};
is(join(', ', map { as($_, $work) } 'bi', 'store', 'ops'), '1 111, 1 111, hidden 000', 'a worker is shown to all, what it works on to those who see the shop');
is(as('ops', q{SELECT count(shop_id) FROM ordersync.worker_list()}), '0', 'nor is it by the function itself');
is($cluster->sql("SET ROLE ops; $work"), 'hidden 000', 'by the role that the session has taken');
is(as('keeper', $work), '1 111', 'the database\'s owner sees it');
$cluster->sql("SELECT ordersync_cancel($hanging)");
$cluster->no_faults;
$cluster->control('release');

# --- every SECURITY DEFINER function, as the catalog has them ---

my @definers = map { my ($name, $kind, $types, $names) = split /\|/; { name => $name, kind => $kind, types => [ split /,/, $types ], names => [ split /,/, $names // '' ] } } split /\n/, $cluster->sql(q{
	SELECT concat_ws('|', p.oid::regproc, p.prokind, COALESCE((SELECT string_agg(format_type(t, NULL), ',' ORDER BY i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY x (t, i)), ''), array_to_string(p.proargnames, ','))
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
	WHERE p.prosecdef ORDER BY p.proname});
cmp_ok(scalar @definers, '>', 40, 'there are many');
is($cluster->sql(q{
	SELECT coalesce(string_agg(p.oid::regprocedure::text, ' '), 'none') FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
	WHERE p.prosecdef AND (p.proowner <> 'pg_database_owner'::regrole OR NOT COALESCE(p.proconfig @> ARRAY['search_path=pg_catalog, ordersync, pg_temp'], false)
		OR has_function_privilege('by_hand', p.oid, 'EXECUTE') OR EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type t ON t.oid = a WHERE t.typtype NOT IN ('b', 'c') OR t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'ordersync'::regnamespace)))}),
	'none', 'each has its owner, its path with pg_temp last, nothing for PUBLIC, no argument of any type');

# Arguments by type; texts are NULL, but where a call would end at once without them.
my $injection = q{x'); SELECT trap.try('sql'); -- "; SELECT trap.try('sql'); --};
my %text = (ordersync_trigger_all => 'incremental', ordersync_trigger_due => 'full', ordersync_trigger_month => '2026-10', ordersync_set_gateway => 'taobao', ordersync_lift_ban => 'taobao', ordersync_remove_gateway => 'nobody',
	ordersync_add_gateway => 'taobao', ordersync_set_data_key => 'session-1', ordersync_set_session_key => 'session-1', ordersync_grant => 'reader', 'ordersync.record_action' => 'x', 'ordersync.reproject_batches' => 'orders',
	'ordersync.reproject_parts' => 'orders', 'ordersync.reproject_batch' => 'orders', 'ordersync.health_refusal' => 'https://eco.taobao.com/', ordersync_add_field => 'orders');
sub call_of
{
	my ($f, $attack) = @_;
	my @argument = map {
		my ($type, $name) = ($f->{types}[$_], $f->{names}[$_] // '');
		$f->{name} eq 'ordersync_add_shop' && !$attack && $_ < 3 ? (77, "'seller'", "'session-77'")[$_] :
		$type =~ /^(?:text|name)$/ ? ($attack ? "\$i\$$injection\$i\$" : $name eq 'role' ? q{'o"dd'} : $name =~ /^(?:base_url|app_key|protocol|sign_method|seller_nick|gateway)$/ || !$text{$f->{name}} ? 'NULL' : "'$text{$f->{name}}'") . "::pg_catalog.$type"
			: $type eq 'jsonb' ? ($attack ? qq{pg_catalog.jsonb_build_object(\$i\$$injection\$i\$, \$i\$$injection\$i\$)} : "'{}'::pg_catalog.jsonb")
			: $type eq 'bigint' && $name =~ /run/ ? '1::bigint' : $type =~ /^(?:bigint|integer)$/ ? "1::$type" : $type eq 'bigint[]' ? "'{1}'::bigint[]" : $type eq 'boolean' ? 'false' : $type eq 'interval' ? "'0'::interval"
			: $type eq 'bytea' ? q{'\x00'::pg_catalog.bytea} : "NULL::" . ($type =~ /^[a-z0-9_]+$/ && $type !~ /^(?:bigint|integer|boolean|interval)$/ ? 'pg_catalog.' : '') . $type
	} 0 .. $#{ $f->{types} };
	return ($f->{kind} eq 'p' ? 'CALL ' : 'SELECT * FROM ') . ($f->{name} =~ /\./ ? '' : 'public.') . "$f->{name}(" . join(', ', @argument) . ')';
}
# Each call in a transaction that is rolled back; what deferred triggers would do at its COMMIT is done before. Results, then messages.
sub call_all
{
	my ($role, $before, @attack) = @_;
	my $script = join "\n", "\\set VERBOSITY terse\n$before", map { my $f = $_; map { ("BEGIN;\n\\echo == $f->{name}", call_of($f, $_) . ';', 'SET CONSTRAINTS ALL IMMEDIATE;', 'SHOW search_path;', 'ROLLBACK;') } grep { !$_ || "@{ $f->{types} }" =~ /text|name|jsonb/ } @attack } @definers;
	my (undef, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0, extra_params => [ '-U', $role ]);
	return ($out, $err);
}
$cluster->sql('TRUNCATE trap.seen');
my ($settings, $said) = call_all('postgres', '', 0);
my %tried;
$tried{$2}{$1 =~ s/ .*//r}++ while $said =~ /WARNING:  tried (\S+(?: \w+)?) as (\w+)/g;
is_deeply([ sort keys %tried ], [ 'pg_database_owner' ], 'a superuser calls each: users\' code is the owner all the same');
is(join(' ', sort keys %{ $tried{pg_database_owner} }), 'check default domain early expression late policy rule', 'and was reached, also what is deferred');
is(join("\n", $said =~ /WARNING:  (won .*)/g), '', 'and won nothing');
unlike($settings, qr/trap/, 'nor left a search_path behind');
like($settings, qr/^"\$user", public$/m, 'the caller has its own');
# What was on the tables is not needed any more.
$cluster->sql(q{DO $$ DECLARE v record; BEGIN FOR v IN SELECT tgrelid::regclass AS t, tgname FROM pg_trigger WHERE tgfoid IN ('trap.on_row'::regproc, 'trap.again'::regproc) AND tgparentid = 0 LOOP
	EXECUTE format('DROP TRIGGER %I ON %s', v.tgname, v.t); END LOOP; END $$;
	DROP RULE beside ON ordersync.setup_history; DROP POLICY trapped ON ordersync.coverage; ALTER TABLE ordersync.coverage NO FORCE ROW LEVEL SECURITY; ALTER TABLE ordersync.shops DROP COLUMN x CASCADE, DROP COLUMN y; ALTER TABLE ordersync.sync_runs DROP COLUMN z; DROP FUNCTION trap.of_value CASCADE; DROP FUNCTION trap.on_value CASCADE});

# Mallory may call each of them, and create in public and in trap, which stand in its search_path before pg_catalog: every function
# and operator of the server by the names that ours use, with the same and with better fitting arguments, and our tables and the
# server's by their names in pg_temp and in trap; all of it says as whom it runs.
$cluster->sql(q{GRANT CREATE ON SCHEMA public TO mallory; GRANT USAGE ON SCHEMA ordersync TO mallory;
	SELECT ordersync_grant('mallory', 'admin');
	DO $$ DECLARE v regprocedure; BEGIN FOR v IN SELECT p.oid FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'ordersync'
		WHERE p.prosecdef LOOP EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO mallory', v); END LOOP; END $$});
my $set_traps = q{SET client_min_messages = error;
	CREATE FUNCTION trap.sprung(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
	BEGIN IF current_user <> 'mallory' THEN SET LOCAL client_min_messages = warning; RAISE WARNING 'sprung % as %', what, current_user; END IF; RETURN true; END $f$;
	CREATE FUNCTION trap.set_trap(command text) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog AS $f$ BEGIN EXECUTE command; RETURN 1; EXCEPTION WHEN OTHERS THEN RETURN 0; END $f$;
	CREATE TEMP TABLE body AS SELECT $b$%s LANGUAGE plpgsql AS $t$ BEGIN PERFORM trap.sprung(%L); RETURN NULL; END $t$$b$ AS body;
	CREATE TEMP TABLE fits (kind, command) AS
	SELECT 'same function', format('CREATE FUNCTION trap.%I(%s) RETURNS ' || body, p.proname, pg_get_function_identity_arguments(p.oid), format_type(p.prorettype, NULL), p.proname)
	FROM pg_proc p, body
	WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND NOT EXISTS (SELECT FROM unnest(array_append(p.proargtypes::oid[], p.prorettype)) a JOIN pg_type t ON t.oid = a WHERE t.typtype = 'p')
		AND p.proname IN (SELECT m[1] FROM pg_proc o, regexp_matches(o.prosrc, '([a-z_]+) ?\(', 'g') m WHERE o.prosecdef AND o.pronamespace IN ('ordersync'::regnamespace, 'public'::regnamespace))
	UNION ALL
	SELECT 'function that fits better', format('CREATE FUNCTION trap.%I(%s) RETURNS ' || body, n, a, 'text', n)
	FROM body, unnest(ARRAY['format', 'concat', 'concat_ws', 'jsonb_build_object', 'to_jsonb', 'cardinality', 'array_append', 'array_to_string', 'unnest', 'string_agg', 'count', 'max']) n,
		unnest(ARRAY['text', 'text, text', 'text, text, text', 'text, bigint', 'text, name', 'bigint', 'bigint[]', 'text[]', 'text[], text']) a
	UNION ALL
	SELECT 'overload of ours', format('CREATE FUNCTION public.%I(%s) RETURNS ' || body, p.proname, array_to_string((ARRAY(SELECT format_type(x, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (x, i) ORDER BY i))[1:k], ', '), format_type(p.prorettype, NULL), p.proname)
	FROM body, pg_proc p, generate_series(0, p.pronargs - 1) k
	WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'ordersync\_%' AND NOT p.proretset AND p.prokind = 'f'
	UNION ALL
	SELECT 'operator', format('CREATE FUNCTION trap.operator_%s(%s, %s) RETURNS ' || body || '; CREATE OPERATOR trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = trap.operator_%s)', o.oid, o.oprleft::regtype, o.oprright::regtype, o.oprresult::regtype, 'operator ' || o.oprname, o.oprname, o.oprleft::regtype, o.oprright::regtype, o.oid)
	FROM body, pg_operator o
	WHERE o.oprleft::regtype::text IN ('bigint', 'text', 'name', 'jsonb', 'oid') AND o.oprright::regtype::text IN ('bigint', 'integer', 'text', 'name', 'jsonb', 'oid')
	UNION ALL
	SELECT 'relation', format('CREATE VIEW %1$s.%2$I AS SELECT * FROM %3$s WHERE trap.sprung(%2$L); GRANT SELECT ON %1$s.%2$I TO PUBLIC', s, c.relname, c.oid::regclass)
	FROM pg_class c, unnest(ARRAY['trap', 'pg_temp']) s
	WHERE c.relnamespace = 'ordersync'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition OR c.oid::regclass::text IN ('pg_class', 'pg_roles', 'pg_extension', 'pg_database', 'pg_attribute', 'pg_proc', 'pg_settings', 'pg_stat_activity', 'pg_locks')
	UNION ALL
	SELECT 'type', format('CREATE DOMAIN %1$s.%2$I AS pg_catalog.%2$I CHECK (trap.sprung(%3$L))', s, t, 'type ' || t)
	FROM unnest(ARRAY['text', 'int8', 'int4', 'bool', 'jsonb', 'interval', 'timestamptz', 'name', 'regclass']) t, unnest(ARRAY['trap', 'pg_temp']) s;
	SELECT string_agg(concat_ws(' ', k.kind, k.n > 5), ', ' ORDER BY k.kind) FROM (SELECT kind, sum(trap.set_trap(command)) AS n FROM fits GROUP BY kind) k;};
my $path = 'SET search_path = trap, pg_temp, public, pg_catalog; SET client_min_messages = warning;';
$cluster->sql(q{CREATE FUNCTION public.careless(a text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN PERFORM count(*) FROM shops; RETURN format('%s', a) || a; END $f$; ALTER FUNCTION public.careless OWNER TO pg_database_owner});
my ($out, $attacked) = call_all('mallory', "$set_traps\n$path\nSELECT public.careless('x'::pg_catalog.text);\nSELECT 'no more of that' FROM pg_catalog.pg_sleep(0) WHERE (SELECT 'end of careless') IS NOT NULL;", 0, 1);
like($out, qr/^function that fits better t, operator t, overload of ours t, relation t, same function t, type t$/m, 'traps of each kind are set');
my %sprung = map { ($_ => 1) } $attacked =~ /WARNING:  sprung (.*)/g;
is(join(', ', sort keys %sprung), 'format as pg_database_owner, operator || as pg_database_owner, shops as pg_database_owner', 'a careless function springs them, none of ours does');
is(join("\n", $attacked =~ /WARNING:  (won .*|tried .*)/g), '', 'no argument is run as SQL');
is($cluster->sql("SELECT count(*) FROM trap.seen WHERE place = 'sql'"), '0', 'nor was');
unlike($attacked, qr/syntax error|unterminated|permission denied for (?:function|procedure)/, 'each was called, none took an argument for syntax');
done_testing;
