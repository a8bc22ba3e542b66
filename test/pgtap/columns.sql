-- Columns of the three tables that BI reads: each says its unit, its meaning and where it comes from.
BEGIN;
SELECT plan(10);
SELECT ordersync.set_up();

CREATE TEMP VIEW said AS
SELECT c.relname AS tab, a.attname AS col, a.atttypid::regtype::text AS type, a.attgenerated, a.attnotnull,
	col_description(a.attrelid, a.attnum) AS comment,
	(regexp_match(col_description(a.attrelid, a.attnum), '\[(\w+)\.([\w.]+)\]$'))[1] AS object,
	split_part((regexp_match(col_description(a.attrelid, a.attnum), '\[(\w+)\.([\w.]+)\]$'))[2], '.', 1) AS field
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attrelid IN ('ordersync.orders'::regclass, 'ordersync.sub_orders'::regclass, 'ordersync.after_sales'::regclass)
	AND a.attnum > 0
	AND NOT a.attisdropped;

SELECT is_empty($$SELECT tab, col FROM said WHERE comment IS NULL$$, 'every column is commented');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NULL AND comment !~ '^derived|our (clock|number)'$$,
	'and names its field, unless it is derived or ours');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NOT NULL AND comment ~ '^derived'$$, 'what is derived is no field');
SELECT is_empty($$SELECT tab, col FROM said WHERE attgenerated <> '' AND comment !~ '^derived'$$, 'days are derived');
SELECT is_empty($$
	SELECT s.tab, s.col, s.object, s.field
	FROM said s
	WHERE s.object IS NOT NULL
		AND s.field <> ALL (
			SELECT f
			FROM unnest(CASE s.object WHEN 'Refund' THEN ARRAY['list', 'details', 'special'] ELSE ARRAY['increment', 'list', 'details'] END) AS source,
				unnest(ordersync.served_fields(source, CASE s.object WHEN 'Trade' THEN 'trade' WHEN 'Order' THEN 'order' ELSE 'refund' END)) AS f)$$,
	'the fields that are named are served by some list');
SELECT is_empty($$SELECT tab, col FROM said WHERE object IS NOT NULL AND object <> CASE tab WHEN 'orders' THEN 'Trade' WHEN 'after_sales' THEN 'Refund' ELSE object END$$,
	'orders'' are a trade''s, after-sales'' a refund''s');
SELECT is_empty($$SELECT tab, col, comment FROM said WHERE (type = 'numeric') <> (comment ~ '^(derived, )?yuan[;:]')$$,
	'amounts say that they are yuan, and nothing else does');
SELECT is_empty($$SELECT tab, col, format_type(a.atttypid, a.atttypmod) FROM said JOIN pg_attribute a ON a.attrelid = ('ordersync.' || tab)::regclass AND a.attname = col
	WHERE type = 'numeric' AND format_type(a.atttypid, a.atttypmod) <> 'numeric(18,2)'$$, 'amounts are exact to the cent');
SELECT is_empty($$SELECT tab, col FROM said WHERE col ~ '_date$' AND (type <> 'date' OR attgenerated <> 's')$$, 'days are stored dates');
SELECT is_empty($$SELECT tab, col FROM said WHERE type ~ 'timestamp' AND type <> 'timestamp with time zone'$$, 'times are instants');

SELECT * FROM finish();
ROLLBACK;
