/*
 * The table of the secrets of gateways and shops.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_secrets()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.secrets (
		kind text NOT NULL,
		name text NOT NULL,
		destination text NOT NULL,
		sealed bytea NOT NULL,
		updated_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (kind, name)
	);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('secrets', NULL, 'application secrets, data keys, passwords of proxies and values of headers, and the key for hashes, sealed; nobody but the owner reads it'),
		('secrets', 'kind', 'app_secret, data_key, proxy_password, header or hash_key'),
		('secrets', 'name', 'name of the gateway, for a header gateway/header; of a data key shop_id; of the key for hashes: installation'),
		('secrets', 'destination', 'scheme, host and port that it was set for, and those of the proxy; it cannot be opened for another one'),
		('secrets', 'sealed', 'AES-256-GCM under the key in the server''s key file'),
		('secrets', 'updated_at', 'when it was set')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_secrets() IS
	'creates the table of secrets if it is missing; part of ordersync.set_up_queue()';
