/*
 * The seal on a secret, and the key file that it is made with.
 *
 * In C: the file is the server's, no table's.
 */
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

CREATE OR REPLACE FUNCTION ordersync.key_file(OUT state text, OUT why text, OUT missed_elsewhere boolean)
RETURNS record
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_key_file';
COMMENT ON FUNCTION ordersync.key_file() IS
	'state of the key file: ready, missing or unusable, and why; and whether the worker of another database reports it missing';

CREATE OR REPLACE FUNCTION ordersync.make_key_file()
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'ordersync_make_key_file';
COMMENT ON FUNCTION ordersync.make_key_file() IS
	'creates the key file unless it exists';
