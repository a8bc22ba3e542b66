/*
 * The privacy policy in C: what it makes of a record, a text, a name.
 *
 * All but the built-in list and the protected names read the policy's tables, where the
 * policy has changed.
 */
CREATE OR REPLACE FUNCTION ordersync.privacy_defaults(OUT field text, OUT rule text, OUT why text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ordersync_privacy_defaults'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.privacy_defaults() IS
	'the built-in rules: a field''s name, or with * at one end the names that begin or end so, what is done with it, and why';

CREATE OR REPLACE FUNCTION ordersync.is_protected_field(field text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'ordersync_is_protected_field'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.is_protected_field(text) IS
	'whether no rule may be set for a name, or for names like it: ids, times, states and amounts, without which records are of no use';

CREATE OR REPLACE FUNCTION ordersync.privacy_rule(field text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_privacy_rule'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.privacy_rule(text) IS
	'what is done with a field of this name: keep, scrub, hash or drop; by its words where it is in no list';

CREATE OR REPLACE FUNCTION ordersync.private_record(record jsonb, forget boolean)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'ordersync_private_record'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.private_record(jsonb, boolean) IS
	'a stored record as the policy would have it stored; forget: without all that tells its buyer';

CREATE OR REPLACE FUNCTION ordersync.private_body(body bytea, forget boolean)
RETURNS bytea
AS 'MODULE_PATHNAME', 'ordersync_private_body'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.private_body(bytea, boolean) IS
	'the same of the bytes of a record or value, which may be no JSON; forget: nothing is left of these';

CREATE OR REPLACE FUNCTION ordersync.private_value(field text, value text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_private_value'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.private_value(text, text) IS
	'the value of a field as the policy would have it stored; NULL where it is dropped';

CREATE OR REPLACE FUNCTION ordersync.private_excerpt(answer text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_private_excerpt'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.private_excerpt(text) IS
	'the beginning of an answer as the request log would keep it by the policy';

CREATE OR REPLACE FUNCTION ordersync.hash_value(value text)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_hash_value'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ordersync.hash_value(text) IS
	'a value''s keyed hash as rule hash stores it; NULL while the key cannot be opened or none has been needed yet';

CREATE OR REPLACE FUNCTION ordersync.new_hash_key(OUT kind text, OUT name text, OUT destination text, OUT sealed bytea)
RETURNS record
AS 'MODULE_PATHNAME', 'ordersync_new_hash_key'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ordersync.new_hash_key() IS
	'a random key for hashes, sealed, as a row of ordersync.secrets';
