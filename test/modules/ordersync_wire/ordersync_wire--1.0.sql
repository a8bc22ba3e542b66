-- Entry points of the tests; see ordersync_wire.c.
\echo Use "CREATE EXTENSION ordersync_wire" to load this file. \quit

CREATE FUNCTION sign(
	sign_method text,
	secret text,
	names text[],
	vals text[]
)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_wire_sign'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sign(text, text, text[], text[]) IS
	'the signature of a call''s parameters, upper-case hex; sign_method is md5, hmac or hmac-sha256';

CREATE FUNCTION build_call(
	protocol text,
	base_url text,
	app_key text,
	app_secret text,
	sign_method text,
	session text,
	kind text,
	stream text,
	basis text,
	since_s bigint,
	until_s bigint,
	page_no integer,
	page_size integer,
	use_has_next boolean,
	id bigint,
	now_ms bigint,
	fields_add text[] DEFAULT '{}',
	fields_drop text[] DEFAULT '{}',
	options text DEFAULT '{}',
	OUT method text,
	OUT url text,
	OUT body text,
	OUT error text,
	OUT content_type text,
	OUT headers text[]
)
RETURNS record
AS 'MODULE_PATHNAME', 'ordersync_wire_build_call'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION build_call(text, text, text, text, text, text, text, text, text, bigint, bigint, integer, integer, boolean, bigint, bigint, text[], text[], text) IS
	'the request that a worker would send: kind is list, details, refunds_of_order or whoami; options are the gateway''s';

CREATE FUNCTION classify(
	kind text,
	stream text,
	basis text,
	http_status integer,
	body bytea,
	net_error text DEFAULT NULL,
	timed_out boolean DEFAULT false,
	too_large boolean DEFAULT false,
	session text DEFAULT NULL,
	untrusted boolean DEFAULT false,
	protocol text DEFAULT 'top',
	options text DEFAULT '{}',
	OUT verdict text,
	OUT class text,
	OUT message text,
	OUT code bigint,
	OUT msg text,
	OUT sub_code text,
	OUT sub_msg text,
	OUT request_id text,
	OUT ban_ms bigint,
	OUT shrink boolean,
	OUT total bigint,
	OUT has_next boolean,
	OUT list bytea,
	OUT nick text,
	OUT user_id bigint
)
RETURNS record
AS 'MODULE_PATHNAME', 'ordersync_wire_classify'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION classify(text, text, text, integer, bytea, text, boolean, boolean, text, boolean, text, text) IS
	'the verdict of a protocol on a reply, and what the answer says; list is the bytes of the records, NULL when there are none';

CREATE FUNCTION excerpt(
	body bytea,
	max_bytes integer
)
RETURNS text
AS 'MODULE_PATHNAME', 'ordersync_wire_excerpt'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION excerpt(bytea, integer) IS
	'the beginning of an answer as one line for the request log, with personal and secret values blanked';

CREATE FUNCTION personal_fields()
RETURNS text[]
AS 'MODULE_PATHNAME', 'ordersync_wire_personal_fields'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION personal_fields() IS
	'the names of members that are dropped from every record, at any depth, before anything is stored';

CREATE FUNCTION pace_waits(
	per_second double precision,
	at_ms bigint[],
	ban_at integer DEFAULT 0,
	ban_ms bigint DEFAULT 0
)
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'ordersync_wire_pace_waits'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pace_waits(double precision, bigint[], integer, bigint) IS
	'what the limit of calls per second answers at each moment: 0, go; else the milliseconds to wait; a ban may be given before one of them';

CREATE FUNCTION breaker_says(
	steps text[],
	first_ms bigint DEFAULT 1000
)
RETURNS text[]
AS 'MODULE_PATHNAME', 'ordersync_wire_breaker_says'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION breaker_says(text[], bigint) IS
	'what a circuit breaker says at each step: take MS TASK SHOP LIST [again], or good, failed, unreachable or nothing MS TASK';

CREATE FUNCTION shop_lines(
	file bytea,
	OUT line bigint,
	OUT shop_id bigint,
	OUT seller_nick text,
	OUT data_key text,
	OUT gateway text,
	OUT options text,
	OUT expires_at text,
	OUT problem text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ordersync_wire_shop_lines'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION shop_lines(bytea) IS
	'the lines of a file of shops; line 0: why nothing of it can be read';
