#!/usr/bin/python3
"""A consumer of the change feed: reads, takes the messages as texts, acknowledges, again and again.

    feed_reader.py DSN CONSUMER BATCH [outbox]

Prints "ready PID" (of its backend), then does as it is told by lines: "empty" reads until there is nothing more; "follow"
reads what comes, waiting for notifications, until the next line; "end" ends it. Answers each of the first two with one JSON
object: messages, bytes, seconds by the clock, and of each message's age when it was here (now - changed_at) the median, the
99th of a hundred, and the highest, in seconds. outbox: reads table bench.outbox as its author would, not the feed.
"""
import json
import select
import sys
import time

import psycopg2

dsn, consumer, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = psycopg2.connect(dsn)
connection.autocommit = True
cursor = connection.cursor()

READ = 'SELECT position, kind, shop_id, tid, refund_id, changed_at, message::text FROM ordersync_changes_read(%s, %s)'
ACKNOWLEDGE = 'SELECT ordersync_changes_ack(%s, %s)'
FROM_OUTBOX = '''DELETE FROM bench.outbox WHERE id IN (SELECT id FROM bench.outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, shop_id, tid, NULL, written_at, payload::text'''


def read():
    """One portion, acknowledged: its rows, and when they were here."""
    if sys.argv[4:] == ['outbox']:
        cursor.execute(FROM_OUTBOX, (batch,))
        return cursor.fetchall(), time.time()
    cursor.execute(READ, (consumer, batch))
    rows = cursor.fetchall()
    here = time.time()
    if rows:
        cursor.execute(ACKNOWLEDGE, (consumer, max(row[0] for row in rows)))
    return rows, here


def told(seconds):
    """Whether there is a line to read; returns early when there is, or a notification came."""
    ready, _, _ = select.select([sys.stdin, connection], [], [], seconds)
    if connection in ready:
        connection.poll()
        connection.notifies.clear()
    return sys.stdin in ready


def go(follow):
    ages, size, began = [], 0, time.time()
    while True:
        rows, here = read()
        ages += [here - row[5].timestamp() for row in rows]
        size += sum(len(row[6]) for row in rows)
        if not rows and (not follow or told(1.0)):
            break
    ages.sort()
    print(json.dumps({'messages': len(ages), 'bytes': size, 'seconds': time.time() - began,
                      'median': ages[len(ages) // 2] if ages else None,
                      'p99': ages[int(len(ages) * 0.99)] if ages else None,
                      'highest': ages[-1] if ages else None}), flush=True)


cursor.execute('LISTEN ordersync_changes')
print('ready', connection.info.backend_pid, flush=True)
# unbuffered: a line that Python holds already is none that select() knows of
sys.stdin = open(0, 'rb', buffering=0)
for line in sys.stdin:
    if line.strip() == b'end':
        break
    go(line.strip() == b'follow')
