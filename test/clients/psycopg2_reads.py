#!/usr/bin/python3
"""What a client that is not psql gets: the tables and views through python3-psycopg2, in a session of one time zone.

    psycopg2_reads.py DSN ZONE

Prints one JSON object: for every thing read its values as this client shows them, and their types. Nothing is judged here.
"""
import collections
import json
import sys

import psycopg2

dsn, zone = sys.argv[1:3]
connection = psycopg2.connect(dsn, options=f'-c TimeZone={zone}')
connection.set_session(readonly=True, autocommit=True)
cursor = connection.cursor()
said = {}


def rows(sql, arguments=()):
    cursor.execute(sql, arguments)
    return cursor.fetchall()


def types(values):
    return sorted({type(v).__name__ for v in values})


# Ids as numbers and as text, and as a spreadsheet would keep them: in a double.
for view, number, text in (
    ('order_report', 'tid', 'tid_str'),
    ('sub_order_report', 'oid', 'oid_str'),
    ('sub_order_report', 'tid', 'tid_str'),
    ('after_sale_report', 'refund_id', 'refund_id_str'),
):
    read = rows(f'SELECT {number}, {text} FROM ordersync.{view} ORDER BY 1')
    said[f'{view}.{number}'] = {
        'numbers': [str(n) for n, t in read],
        'texts': [t for n, t in read],
        'number_types': types(n for n, t in read),
        'text_types': types(t for n, t in read),
        'rounded_by_doubles': sum(int(float(n)) != n for n, t in read),
    }

# Days: the stored date, and what becomes of the instant when the session's own day is taken.
read = rows('SELECT tid_str, created_date, created, paid_date FROM ordersync.order_report ORDER BY tid')
said['days'] = {
    'created_date': {t: d.isoformat() for t, d, c, p in read},
    'paid_date': {t: p.isoformat() if p else None for t, d, c, p in read},
    'types': types(d for t, d, c, p in read),
    'days_of_the_session': {t: c.date().isoformat() for t, d, c, p in read},
}

# Sums: added up here, in exact arithmetic, from rows; and the view's own.
orders = rows('SELECT paid_date, paid_amount FROM ordersync.orders WHERE paid_at IS NOT NULL')
by_day = collections.Counter()
for day, amount in orders:
    by_day[day] += amount
view = rows('SELECT day, sum(paid_amount) FROM ordersync.daily_sales WHERE paid_amount <> 0 GROUP BY day')
said['sums'] = {
    'types': types(a for d, a in orders) + types(a for d, a in view),
    'exponents': sorted({a.as_tuple().exponent for d, a in orders}),
    'by_day': {d.isoformat(): str(a) for d, a in by_day.items() if a},
    'view': {d.isoformat(): str(a) for d, a in view},
    'refunded': str(sum(a for a, in rows('SELECT refunded_amount FROM ordersync.after_sale_report'))),
    'refunded_view': str(rows('SELECT sum(refunded_amount) FROM ordersync.daily_sales')[0][0]),
}

# One row a key: the joins inside the report views multiply nothing; the reader's own join does.
for view, table, key in (
    ('order_report', 'orders', 'tid'),
    ('sub_order_report', 'sub_orders', 'oid'),
    ('after_sale_report', 'after_sales', 'refund_id'),
):
    keys = [k for k in rows(f'SELECT shop_id, {key} FROM ordersync.{view}')]
    said[f'keys of {view}'] = {
        'rows': len(keys),
        'distinct': len(set(keys)),
        'of_the_table': rows(f'SELECT count(*) FROM ordersync.{table}')[0][0],
    }
once = sum(f for f, in rows('SELECT post_fee FROM ordersync.order_report'))
joined = sum(f for f, in rows(
    'SELECT o.post_fee FROM ordersync.order_report o JOIN ordersync.sub_order_report s USING (shop_id, tid)'))
said['postage'] = {'once': str(once), 'joined': str(joined)}

# Bound parameters, as a BI tool's filter sends them.
tid, day = rows('SELECT tid, created_date FROM ordersync.orders ORDER BY tid DESC LIMIT 1')[0]
said['filters'] = {
    'tid': str(tid),
    'by_number': [str(t) for t, in rows('SELECT tid FROM ordersync.order_report WHERE tid = %s', (tid,))],
    'by_text': [str(t) for t, in rows('SELECT tid FROM ordersync.order_report WHERE tid_str = %s', (str(tid),))],
    'by_rounded': [str(t) for t, in rows('SELECT tid FROM ordersync.order_report WHERE tid = %s', (int(float(tid)),))],
    'orders_of_the_day': rows('SELECT sum(orders) FROM ordersync.daily_sales WHERE day = %s', (day,))[0][0].__int__(),
    'day': day.isoformat(),
}
json.dump(said, sys.stdout)
