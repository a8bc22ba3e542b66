/*
 * The seal on a secret, and the key file that it is made with.
 *
 * In C: the file is the server's, no table's.
 */
CREATE OR REPLACE FUNCTION ordersync.hide_statement()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_hide_statement';
COMMENT ON FUNCTION ordersync.hide_statement() IS
	'keeps the statement in hand, which has a secret, out of pg_stat_activity and out of lines of the server log that follow';

-- strict: no secret, nothing to seal
CREATE OR REPLACE FUNCTION ordersync.seal(secret text, kind text, name text, destination text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_seal';
COMMENT ON FUNCTION ordersync.seal(text, text, text, text) IS
	'encrypts a secret, bound to its kind, name and destination';

-- strict: nothing sealed, nothing to open
CREATE OR REPLACE FUNCTION ordersync.can_open(sealed bytea, kind text, name text, destination text)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_can_open';
COMMENT ON FUNCTION ordersync.can_open(bytea, text, text, text) IS
	'whether the key file can decrypt a secret that was sealed for that destination';

CREATE OR REPLACE FUNCTION ordersync.reseal(sealed bytea, kind text, name text, old_destination text, new_destination text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_reseal';
COMMENT ON FUNCTION ordersync.reseal(bytea, text, text, text, text) IS
	'seals a sealed secret for another destination; for superusers only';

-- not strict: nothing may be stored yet
CREATE OR REPLACE FUNCTION ordersync.seal_read_secret(read bytea, kind text, name text, destination text, stored bytea)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_seal_read_secret';
COMMENT ON FUNCTION ordersync.seal_read_secret(bytea, text, text, text, bytea) IS
	'a secret that was read from a file, sealed for a destination; NULL if it is the stored one';

CREATE OR REPLACE FUNCTION ordersync.renew_seal(sealed bytea, kind text, name text, destination text)
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_renew_seal';
COMMENT ON FUNCTION ordersync.renew_seal(bytea, text, text, text) IS
	'a sealed secret, sealed anew with the newest key of the key file; NULL if that has sealed it, or none opens it';

CREATE OR REPLACE FUNCTION ordersync.newest_head()
RETURNS bytea
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_newest_head';
COMMENT ON FUNCTION ordersync.newest_head() IS
	'the bytes that all begins with that the newest key seals; NULL if the key file cannot be used';

CREATE OR REPLACE FUNCTION ordersync.seal_id(sealed bytea)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT
AS 'MODULE_PATHNAME', 'ordersync_seal_id';
COMMENT ON FUNCTION ordersync.seal_id(bytea) IS
	'which sealing of a secret this is: another one for each time that one is set or sealed again';

CREATE OR REPLACE FUNCTION ordersync.key_file(OUT state text, OUT why text, OUT missed_elsewhere boolean, OUT keys integer)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_key_file';
COMMENT ON FUNCTION ordersync.key_file() IS
	'state of the key file: ready, missing or unusable, and why; whether the worker of another database reports it missing, and how many keys it has';

CREATE OR REPLACE FUNCTION ordersync.make_key_file()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_make_key_file';
COMMENT ON FUNCTION ordersync.make_key_file() IS
	'creates the key file unless it exists';

CREATE OR REPLACE FUNCTION ordersync.lock_key_file()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_lock_key_file';
COMMENT ON FUNCTION ordersync.lock_key_file() IS
	'keeps other sessions of the server from changing the keys of the key file until the transaction ends';

CREATE OR REPLACE FUNCTION ordersync.add_key()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_add_key';
COMMENT ON FUNCTION ordersync.add_key() IS
	'adds a new key to the key file, which seals from now on; for superusers only';

CREATE OR REPLACE FUNCTION ordersync.drop_old_keys()
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_drop_old_keys';
COMMENT ON FUNCTION ordersync.drop_old_keys() IS
	'removes all but the newest key from the key file unless the worker of another database may need one; returns how many; for superusers only';
