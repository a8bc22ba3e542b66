-- Values are read exactly, or not at all, and never with an error.
BEGIN;
SELECT plan(107);

SELECT is(ordersync.read_bigint(v), e, 'bigint: ' || quote_literal(v))
FROM (VALUES
	('0', 0::bigint), ('7', 7), ('-7', -7), ('007', 7), ('1347456243420006949', 1347456243420006949),
	('9223372036854775807', 9223372036854775807), ('-9223372036854775808', -9223372036854775808),
	('9223372036854775808', NULL), ('-9223372036854775809', NULL), ('99999999999999999999999', NULL),
	('', NULL), ('-', NULL), ('+1', NULL), (' 1', NULL), ('1 ', NULL), ('1.0', NULL), ('1e3', NULL),
	('0x10', NULL), ('1_000', NULL), ('１', NULL), ('null', NULL), ('--1', NULL)
) AS t (v, e);

SELECT is(ordersync.read_int(v), e, 'int: ' || quote_literal(v))
FROM (VALUES
	('2147483647', 2147483647), ('-2147483648', -2147483648), ('2147483648', NULL), ('-2147483649', NULL), ('', NULL)
) AS t (v, e);

SELECT is(ordersync.read_smallint(v), e, 'smallint: ' || quote_literal(v))
FROM (VALUES
	('32767', 32767::smallint), ('-32768', (-32768)::smallint), ('32768', NULL), ('-32769', NULL), ('5', 5::smallint), ('x', NULL)
) AS t (v, e);

SELECT is(ordersync.read_money(v)::text, e, 'money: ' || quote_literal(v))
FROM (VALUES
	('200.07', '200.07'), ('0.00', '0.00'), ('0', '0.00'), ('30.5', '30.50'), ('-12.30', '-12.30'), ('-0.00', '0.00'),
	('13.800', '13.80'), ('13.8000000000', '13.80'), ('0013.80', '13.80'), ('0.01', '0.01'), ('-0.01', '-0.01'),
	('9999999999999999.99', '9999999999999999.99'), ('-9999999999999999.99', '-9999999999999999.99'),
	('9999999999999999', '9999999999999999.00'),
	('10000000000000000', NULL), ('10000000000000000.00', NULL), ('99999999999999999999999999999999', NULL),
	('1.005', NULL), ('0.001', NULL), ('1e2', NULL), ('1E2', NULL), ('NaN', NULL), ('Infinity', NULL), ('-Infinity', NULL),
	('', NULL), ('.', NULL), ('-', NULL), ('.5', NULL), ('5.', NULL), ('1,000.00', NULL), ('1.2.3', NULL), ('+1', NULL),
	(' 1', NULL), ('1 ', NULL), ('￥1', NULL), ('--1', NULL), ('null', NULL)
) AS t (v, e);

SELECT is(ordersync.read_time(v), e, 'time: ' || quote_literal(v))
FROM (VALUES
	('2020-11-04 14:59:33', '2020-11-04 06:59:33+00'::timestamptz), ('2024-02-29 00:00:00', '2024-02-28 16:00:00+00'),
	('2000-02-29 23:59:59', '2000-02-29 15:59:59+00'), ('1970-01-01 08:00:00', '1970-01-01 00:00:00+00'),
	('1969-12-31 00:00:00', '1969-12-30 16:00:00+00'), ('2026-12-31 23:59:59', '2026-12-31 15:59:59+00'),
	-- the zone's summer times and its local mean time do not count: the platform's clock is +08 throughout
	('1988-07-01 12:00:00', '1988-07-01 04:00:00+00'), ('1899-01-01 12:00:00', '1899-01-01 04:00:00+00'),
	('9999-12-31 23:59:59', '9999-12-31 15:59:59+00'), ('0001-01-01 00:00:00', '0001-12-31 16:00:00+00 BC'),
	('2023-02-29 00:00:00', NULL), ('1900-02-29 00:00:00', NULL), ('2024-13-01 00:00:00', NULL), ('2024-00-01 00:00:00', NULL),
	('2024-04-31 00:00:00', NULL), ('2024-01-00 00:00:00', NULL), ('2024-01-01 24:00:00', NULL), ('2024-01-01 23:60:00', NULL),
	('2024-01-01 23:59:60', NULL), ('0000-00-00 00:00:00', NULL), ('0000-01-01 00:00:00', NULL), ('2024-01-01', NULL),
	('2024-01-01T00:00:00', NULL), ('2024-01-01 00:00:00Z', NULL), ('2024-1-1 0:00:00', NULL), ('', NULL),
	('2024-01-01 00:00:0x', NULL), (' 2024-01-01 00:00:00', NULL), ('now', NULL), ('-024-01-01 00:00:00', NULL)
) AS t (v, e);

SELECT is(ordersync.read_boolean(v), e, 'boolean: ' || quote_literal(v))
FROM (VALUES ('true', true), ('false', false), ('True', true), ('1', NULL), ('', NULL), ('t', NULL)) AS t (v, e);

-- every day of four centuries, against PostgreSQL's own calendar
SET LOCAL timezone = 'America/New_York';
SET LOCAL datestyle = 'German, DMY';
SELECT is(
	(SELECT count(*)
	FROM generate_series(0, 146096) AS d
	WHERE ordersync.read_time(to_char(date '1800-03-01' + d, 'YYYY-MM-DD') || ' 12:34:56')
		IS DISTINCT FROM ((date '1800-03-01' + d + time '04:34:56') AT TIME ZONE 'UTC')),
	0::bigint, 'each day of 400 years, whatever TimeZone and DateStyle are');

SELECT * FROM finish();
ROLLBACK;
