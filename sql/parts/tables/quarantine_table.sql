/*
 * The table of what could not be stored.
 */
CREATE OR REPLACE FUNCTION ordersync.set_up_quarantine()
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $function$
BEGIN
	CREATE TABLE IF NOT EXISTS ordersync.quarantine (
		quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		shop_id bigint NOT NULL,
		stream text NOT NULL,
		record_id bigint,
		modified timestamptz,
		reason text NOT NULL,
		sqlstate text,
		message text,
		column_name text,
		body bytea,
		asked jsonb,
		value text,
		source text,
		run_id bigint,
		task_id bigint,
		since timestamptz,
		until timestamptz,
		received_at timestamptz NOT NULL DEFAULT now(),
		resolved_at timestamptz,
		digest bytea NOT NULL
	);
	-- a window that is read again brings the same bad record again: once is enough
	PERFORM ordersync.add_index('quarantine_open_idx', 'quarantine',
		'(shop_id, stream, record_id, reason, column_name, digest) NULLS NOT DISTINCT WHERE resolved_at IS NULL', p_unique => true);
	-- claim: which shops have records that are not to be tried again
	PERFORM ordersync.add_index('quarantine_refused_idx', 'quarantine',
		$$(shop_id, stream, record_id) WHERE reason = 'refused' AND resolved_at IS NULL$$);

	PERFORM ordersync.comment_on('TABLE', t.rel, t.col, t.words)
	FROM (VALUES
		('quarantine', NULL, 'records and values that could not be stored, as received without personal data, with the reason'),
		('quarantine', 'quarantine_id', 'running number'),
		('quarantine', 'shop_id', 'our number of the shop'),
		('quarantine', 'stream', 'orders or after_sales'),
		('quarantine', 'record_id', 'tid or refund_id; NULL when the record has none that can be read'),
		('quarantine', 'modified', 'the record''s time of change where it can be read (reasons but value and line): it takes a version of that age or newer to resolve it'),
		('quarantine', 'reason', 'value: one value was unreadable or held invalid text, the record is stored with its column empty or with the value mended; line: an item line without an id; refused: the database refuses the record (a trigger, a constraint); else why the record is not stored'),
		('quarantine', 'sqlstate', 'SQLSTATE of the database''s error (reason refused)'),
		('quarantine', 'message', 'the database''s message, without its detail (reason refused)'),
		('quarantine', 'column_name', 'column that stayed empty, or path of the field that was mended (reason value)'),
		('quarantine', 'body', 'the record, line or mended value as received, without personal data'),
		('quarantine', 'asked', 'the source that the record came by, when its call began, the fields that were added and dropped, and the values that were mended (bytes as base64), to try it again (reason refused)'),
		('quarantine', 'value', 'the unreadable value, or what is stored in the place of a mended one; NULL of a member that was left out since its name is not valid text (reason value)'),
		('quarantine', 'source', 'of a mended value: the list that it came by; else NULL'),
		('quarantine', 'run_id', 'run that met it'),
		('quarantine', 'task_id', 'task that met it'),
		('quarantine', 'since', 'start of that task''s window'),
		('quarantine', 'until', 'end of that task''s window, exclusive'),
		('quarantine', 'received_at', 'when it was first met, our clock'),
		('quarantine', 'resolved_at', 'when the value was read, or a record of that id and age or newer was stored'),
		('quarantine', 'digest', 'identifies the entry when the record or value comes again: SHA-256 of body or value; of a refused record the digest of its source')
	) AS t (rel, col, words);
END
$function$;
COMMENT ON FUNCTION ordersync.set_up_quarantine() IS
	'creates the table of what could not be stored if it is missing; part of ordersync.set_up_data()';
