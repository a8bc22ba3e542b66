/*
 * What is kept of the records themselves: a shop's options payloads and privacy.
 *
 * With payloads => 'off' no record is kept, with an age none of orders that
 * ended longer ago.  The row of the payload stays, with digests, rank and
 * modified, so that a record that was seen is known as before; its payload is
 * NULL.  When such a record changes, the base of the merge is made of its
 * columns (column_payloads.sql).  What was cut stays cut until the shop keeps
 * payloads again; then it is whole with its next change.
 *
 * With privacy => 'strict' what people wrote (memos, the buyer's message, a refund's
 * description) is taken out of a record before it is stored, whatever the rules of
 * ordersync.privacy say of it: these have been applied before, strict only takes away.
 * The digest is still that of the record as the rules left it.  Where such text may stand in bytes that cannot be read (records
 * in quarantine), none are kept.
 */
CREATE OR REPLACE FUNCTION ordersync.payload_rules(p_shop bigint, OUT keeps text, OUT hidden text[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
	SELECT COALESCE(pg_catalog.max(s.options ->> 'payloads'), 'keep'),
		CASE
			WHEN pg_catalog.max(s.options ->> 'privacy') = 'strict' THEN ARRAY['seller_memo', 'buyer_memo', 'buyer_message', 'trade_memo', 'desc']
			ELSE '{}'
		END
	INTO keeps, hidden
	FROM ordersync.shops s
	WHERE s.shop_id = p_shop;
END
$function$;
COMMENT ON FUNCTION ordersync.payload_rules(bigint) IS
	'what a shop keeps of its records (keep, off or an age), and which fields are taken out of them';

CREATE OR REPLACE FUNCTION ordersync.is_kept(p_keeps text, p_cut boolean)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_keeps = 'keep' OR p_keeps <> 'off' AND NOT p_cut;
COMMENT ON FUNCTION ordersync.is_kept(text, boolean) IS
	'whether the payload of a stored record is stored when it changes, given the shop''s option and whether it was cut';
