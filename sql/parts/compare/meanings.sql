/*
 * What ordersync_compare() names, and what each name means.
 */
CREATE OR REPLACE FUNCTION ordersync.compare_meanings()
RETURNS TABLE (difference text, meaning text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
	VALUES
		('only_ours_shop', 'theirs has nothing of this shop in this range'),
		('only_ours_newer', 'theirs has not come so far: it has nothing that is as new'),
		('only_ours_type', 'theirs has nothing of this type of orders: its calls do not name the type'),
		('only_ours_special', 'price protection or cash-back, which only the special lists of refunds have'),
		('only_ours_never_paid', 'the order was never paid; theirs keeps no such orders, or not all'),
		('only_ours_late', 'it became visible late and a check brought it here; theirs did not look again'),
		('only_ours', 'theirs has lost it'),
		('only_theirs_other_shop', 'it is stored here under another shop'),
		('only_theirs_unknown_shop', 'its seller is no shop here'),
		('only_theirs_quarantined', 'the platform sent it and it could not be stored here: it is in ordersync.quarantine'),
		('only_theirs_deleted_here', 'it was stored here, and its row was deleted'),
		('only_theirs_day_not_proven', 'its day was not read whole here'),
		('only_theirs', 'its day was read whole here and the platform did not list it: a test order, another seller''s, or one that the platform no longer has'),
		('id_rounded', 'its number lost digits in theirs, as in a double or a spreadsheet'),
		('id_duplicate', 'theirs has it more than once; the newest is compared'),
		('id_unreadable', 'theirs has a row without a usable number'),
		('stale_in_theirs', 'theirs has an older version'),
		('older_in_ours', 'theirs has a newer version'),
		('status', 'the status differs, and theirs is not older'),
		('time_zone', 'times of theirs are whole hours off: they were taken for another zone''s'),
		('time', 'a time differs'),
		('amount_before_refunds', 'theirs has what was paid where the platform now has what is left after refunds'),
		('amount_after_refunds', 'theirs has what is left after refunds where ours has what was paid'),
		('amount_not_paid', 'theirs counts an amount that was never paid, or never paid back'),
		('amount_in_cents', 'theirs has cents, ours yuan'),
		('amount_rounded', 'theirs is rounded, by a cent or to less decimals'),
		('amount_imprecise', 'theirs went through floating point: equal once it is rounded to cents'),
		('amount_other_column', 'theirs has the amount of another column'),
		('amount', 'an amount differs'),
		('value_missing', 'theirs lacks a value that ours has'),
		('value_unreadable', 'a value of theirs is no time, number or amount'),
		('lines_missing', 'theirs has fewer sub-orders of the order'),
		('lines_surplus', 'theirs has more sub-orders of the order'),
		('wrong_order', 'theirs links it to another order or line'),
		('wrong_shop', 'theirs has it under another seller')
$function$;
COMMENT ON FUNCTION ordersync.compare_meanings() IS
	'the names of differences that ordersync_compare() finds';
