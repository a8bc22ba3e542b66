#!/usr/bin/python3
"""A consumer of the change feed that dies at any point and is started again, until it is told to stop and nothing is left.

    feed_consumer.py DSN NAME JOURNAL SEED STYLE OPTIONS

It reads, writes what it read to its journal, acknowledges. The journal is what it has outside of the database: a line for
each thing that it did, appended by one write, so that it outlives the process and shows what several processes of one
consumer did in which order. Nothing is judged here: see feed_judge.py.

STYLE: auto (each call is a transaction of its own), block (read and acknowledge in one transaction), mixed (by chance one
of them, also rolled back, with a savepoint, REPEATABLE READ). OPTIONS: JSON with batch (the largest), deaths (how often in a
hundred cycles the process is killed), patience (after so many seconds it looks without a notification), stop (the file that
says that nothing more will come), after (it ends with the first empty read, without the file), test (the process that this
is for).
"""
import json
import os
import random
import select
import signal
import sys
import time

import psycopg2

dsn, name, journal, seed, style, options = sys.argv[1:7]
options = json.loads(options)
seed = int(seed)
lines = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

# Where a process can die: nothing is told to the server, and nothing more is written.
POINTS = ('before the read', 'after the read', 'before the acknowledgement', 'in the acknowledgement', 'after the acknowledgement',
          'backend in the read', 'backend before the acknowledgement')


def write(session, event, **more):
    os.write(lines, (json.dumps({'session': session, 'event': event, **more}) + '\n').encode())


class Consumer:
    """One life of the process, until it dies or is done."""

    def __init__(self, chance):
        self.chance = chance
        self.connection = None
        self.overslept = False

    def connect(self):
        self.connection = psycopg2.connect(f'{dsn} application_name=consumer_{name}')
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute('LISTEN ordersync_changes')
        self.session = f'{os.getpid()}.{self.connection.info.backend_pid}'
        write(self.session, 'begins')

    def die(self, point, wanted):
        """At this point, if it is the one that was drawn."""
        if point != wanted:
            return
        write(self.session, 'ends', point=point)
        if not point.startswith('backend'):
            os.kill(os.getpid(), signal.SIGKILL)
        # by somebody else, while the next statement begins
        other = psycopg2.connect(dsn)
        other.autocommit = True
        if os.fork() == 0:
            time.sleep(self.chance.random() * 0.01)
            other.cursor().execute('SELECT pg_terminate_backend(%s, 5000)', (self.connection.info.backend_pid,))
            os._exit(0)
        try:
            self.cursor.execute('SELECT position FROM ordersync_changes_read(%s, 1)', (name,))
            # it is being ended: a statement for it to end in, whichever moment that is; never slept to its end
            self.cursor.execute('SELECT pg_sleep(5)')
        finally:
            os.wait()

    def read(self, batch, wanted):
        self.die('before the read', wanted)
        self.die('backend in the read', wanted)
        self.cursor.execute('SELECT position, kind, shop_id, tid, refund_id, changed_at, message FROM ordersync_changes_read(%s, %s)',
                            (name, batch))
        rows = self.cursor.fetchall()
        self.die('after the read', wanted)
        if rows:
            if self.overslept:
                write(self.session, 'overslept', changed=str(rows[0][5]))
            write(self.session, 'got', block=bool(self.begin), rows=[[p, k, s, t, r, str(c), m] for p, k, s, t, r, c, m in rows],
                  versions=[f'{k} {s} {r or t} {m["status"]} {m["modified"][:19]}' for p, k, s, t, r, c, m in rows if m])
        return rows

    def acknowledge(self, position, wanted):
        self.die('before the acknowledgement', wanted)
        self.die('backend before the acknowledgement', wanted)
        write(self.session, 'acknowledges', position=position)
        if wanted == 'in the acknowledgement' and self.begin is None:
            self.cursor.execute('BEGIN')
        self.cursor.execute('SELECT ordersync_changes_ack(%s, %s)', (name, position))
        self.die('in the acknowledgement', wanted)

    def cycle(self):
        """One read and its acknowledgement; how many rows there were."""
        way = style if style != 'mixed' else self.chance.choice(('auto', 'block', 'rollback', 'savepoint', 'repeatable read'))
        batch = self.chance.choice((1, 2, options['batch'], self.chance.randint(1, options['batch'])))
        wanted = self.chance.choice(POINTS) if self.chance.random() * 100 < options['deaths'] else None
        self.begin = {'auto': None, 'repeatable read': 'BEGIN ISOLATION LEVEL REPEATABLE READ'}.get(way, 'BEGIN')
        if self.begin:
            self.cursor.execute(self.begin)
        if way == 'savepoint':
            self.cursor.execute('SAVEPOINT s')
            self.read(batch, wanted)
            write(self.session, 'undone')
            self.cursor.execute('ROLLBACK TO s')
        rows = self.read(batch, wanted)
        if way == 'rollback':
            write(self.session, 'undone')
            self.cursor.execute('ROLLBACK')
            return len(rows)
        position = None
        if rows:
            # by chance not all of them
            position = rows[-1][0] if self.chance.random() < 0.8 else self.chance.choice(rows)[0]
            self.acknowledge(position, wanted)
        if self.begin:
            self.cursor.execute('COMMIT')
        if position is not None:
            self.die('after the acknowledgement', wanted)
            write(self.session, 'acknowledged', position=position)
        return len(rows)

    def live(self):
        # nobody is left behind by a test that was ended
        while os.path.exists(f'/proc/{options["test"]}'):
            stop = options.get('after') or os.path.exists(options['stop'])
            try:
                if self.connection is None or self.connection.closed:
                    self.connect()
                n = self.cycle()
            except psycopg2.errors.SerializationFailure:
                write(self.session, 'undone')
                self.cursor.execute('ROLLBACK')
                continue
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as e:
                # a line of its own, for one whom somebody else has ended
                write(getattr(self, 'session', None), 'ends', point=str(e).strip())
                self.connection = None
                time.sleep(0.05)    # the pace at which a program connects again; nothing waits for it
                continue
            self.overslept = False
            if n:
                continue
            if stop:
                return
            self.wait()

    def doze(self, seconds):
        """Until something comes; whether it came, or it is time to stop."""
        until = time.time() + seconds
        while time.time() < until:
            if select.select([self.connection], [], [], min(0.5, seconds))[0] or os.path.exists(options['stop']):
                return True
        return False

    def wait(self):
        """For a notification; looks all the same after a while."""
        self.connection.poll()
        if not self.connection.notifies:
            self.overslept = not self.doze(options.get('patience', 0.5))
            try:
                self.connection.poll()
            except psycopg2.Error:
                return
        del self.connection.notifies[:]


# The process that starts another where one was killed.
life = 0
while True:
    child = os.fork()
    if child == 0:
        try:
            Consumer(random.Random(f'{seed} {name} {life}')).live()
        except BaseException as e:   # whatever it is, the judge is told
            write(None, 'failed', error=f'{type(e).__name__}: {e}')
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.WEXITSTATUS(status))
    life += 1
