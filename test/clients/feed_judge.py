#!/usr/bin/python3
"""Holds what consumers of the change feed wrote to their journals against what was stored and what the platform says.

    feed_judge.py WORLD

WORLD: a JSON file with
  consumers  by name (at_the_end: one who came when all was over): journal, compact, kinds, shops; of one that is told each
             change: before and behind (the states that were stored when it was made, by their n, just before and just
             behind that), since (the first transaction that began when it was there); once (all was waiting for it);
             listens (it never dies and looks only when it is notified)
  states     what was written: [n, transaction, kind, shop, id, status, modified, whether these two are new], in its order
  truth      of the platform: [kind, shop, file], its records as they are at the end, a line each
  versions   likewise, every version of each that there was

Prints a line for each promise that was broken, "measured: …" for what was seen, and nothing else.
"""
import collections
import json
import sys

world = json.load(open(sys.argv[1]))
broken = []
seen = collections.Counter()


def fault(who, what):
    broken.append(f'{who}: {what}')


def at(message):
    """A message's version of the record."""
    return message['status'], message['modified'][:19].replace('T', ' ')


def said(files):
    """What the platform's files say: (kind, shop, id), (status, modified)."""
    for kind, shop, file in files:
        for line in open(file):
            record = json.loads(line)
            yield ((kind, shop, int(record['tid' if kind == 'order' else 'refund_id'])), (record['status'], record['modified']))


def within(short, long):
    """Whether short is long with some left out."""
    rest = iter(long)
    return all(x in rest for x in short)


def without_repeats(states):
    return [s for i, s in enumerate(states) if i == 0 or s != states[i - 1]]


class Judged:
    """A consumer's journal, line by line: what may be handed out to whom, and what came."""

    def __init__(self, name, arg):
        self.name, self.arg, self.compact = name, arg, arg['compact']
        self.kinds, self.shops = arg['kinds'], arg['shops']
        # who is told all has positions without gaps; what others pass over is counted too
        self.every = not self.compact and len(self.kinds) == len(self.shops) == 2
        self.sure = self.maybe = 0      # acknowledged; perhaps so, by one who died before it heard
        self.maybe_of = None
        self.holder = {}                # position: the session that has it
        self.first = {}                 # position: (kind, shop, id, message) as it came first
        self.copy = {}                  # (kind, shop, id): the message that came last
        self.came = collections.defaultdict(list)   # (kind, shop, id): versions in the order of their positions
        self.undone = set()             # positions read in a transaction that did not commit, as far as is known
        self.in_block = set()

    def fault(self, what):
        fault(self.name, what)

    def line(self, n, session, event, rows=None, position=None, **more):
        seen[f'{event}'] += 1
        if event == 'got':
            self.got(n, session, rows, more['block'])
        elif event == 'acknowledges':
            self.maybe, self.maybe_of = max(self.maybe, position), session
        elif event == 'acknowledged':
            self.sure = max(self.sure, position)
            self.let_go(lambda p, s: p <= position)
        elif event in ('ends', 'undone'):
            self.undone |= {p for p, s in self.holder.items() if s == session and p in self.in_block}
            self.let_go(lambda p, s: s == session)
            if event == 'undone' and self.maybe_of == session:
                self.maybe = self.sure
        elif event == 'overslept' and self.arg.get('listens'):
            self.fault(f'line {n}: it was not notified of what was written at {more["changed"]}')
        elif event == 'failed':
            self.fault(f'a process failed: {more["error"]}')

    def let_go(self, which):
        self.holder = {p: s for p, s in self.holder.items() if not which(p, s)}

    def got(self, n, session, rows, block):
        begins = rows[0][0]
        # such a read handed out nothing: what is read now may have come between
        void = {p for p in self.undone if p >= begins}
        self.undone -= void
        for p in void:
            kind, shop, number, message = self.first.pop(p)
            self.came[kind, shop, number].remove(at(message))
        if self.every and begins not in (self.sure + 1, self.maybe + 1):
            self.fault(f'line {n}: begins with position {begins}, acknowledged is {self.sure} or {self.maybe}')
        if begins <= self.sure:
            self.fault(f'line {n}: begins with position {begins}, acknowledged is {self.sure}')
        if begins <= self.maybe:
            # so that acknowledgement was not heard
            self.maybe = self.sure
        elif self.maybe > self.sure:
            self.sure = self.maybe
            self.let_go(lambda p, s: p <= self.sure)
        before = None
        for position, kind, shop, tid, refund, changed, message in rows:
            ident = (kind, shop, tid if kind == 'order' else refund)
            if before is not None and (position <= before or self.every and position != before + 1):
                self.fault(f'line {n}: position {position} behind {before}')
            before = position
            if self.holder.get(position, session) != session:
                self.fault(f'line {n}: position {position} is given to {session} while {self.holder[position]} has it')
            self.holder[position] = session
            (self.in_block.add if block else self.in_block.discard)(position)
            if message is None:
                self.fault(f'line {n}: position {position}: no message')
                continue
            self.fits(n, ident, tid, message)
            if position in self.first:
                seen['handed out again'] += 1
                self.undone.discard(position)
                self.again(n, position, ident, message)
            else:
                self.first[position] = ident + (message,)
                self.came[ident].append(at(message))
            self.copy[ident] = message

    def fits(self, n, ident, tid, message):
        kind, shop, number = ident
        if kind not in self.kinds or shop not in self.shops:
            self.fault(f'line {n}: a {kind} of shop {shop}')
        told = (message['kind'], message['shop_id'], message['tid'], message['tid_str'])
        if told != (kind, shop, tid, str(tid)) or kind != 'order' and message['refund_id_str'] != str(number):
            self.fault(f'line {n}: the message of {ident} is one of {told}')

    def again(self, n, position, ident, message):
        was = self.first[position]
        if was[:3] != ident and self.compact:
            # of what is stored: others have come between those that were handed out and not acknowledged
            self.came[ident].append(at(message))
        elif was[:3] != ident:
            self.fault(f'line {n}: position {position} was {was[:3]} and is {ident}')
        elif not self.compact and was[3] != message:
            self.fault(f'line {n}: position {position} has another message than before')
        elif at(message)[1] < at(was[3])[1]:
            self.fault(f'line {n}: position {position} is older than before')


def judge_end(c):
    """What it has at last: as the platform says, and as one sees who comes at the end."""
    wanted = {ident: version for ident, version in truth if ident[0] in c.kinds and ident[1] in c.shops}
    for ident in wanted.keys() | c.copy.keys():
        has = at(c.copy[ident]) if ident in c.copy else None
        if ident not in c.copy and ident in c.may_lack:
            continue
        if ident not in wanted or has != wanted[ident]:
            c.fault(f'{ident} is {has}, the platform says {wanted.get(ident)}')
        else:
            other = newest.get(ident) or {}
            parts = sorted(k for k in other.keys() | c.copy[ident].keys() if other.get(k) != c.copy[ident].get(k)
                           # an order of an after-sale is told as it was then
                           and not (k in ('order', 'sub_order') and c.copy[ident].get(k)))
            if parts:
                c.fault(f'{ident} differs from what is stored in {", ".join(parts)}')


def judge_order(c, states, versions):
    """Each record's versions in their order; and each of them, where it is told each."""
    for ident, came in c.came.items():
        times = [m for s, m in came]
        if times != sorted(times):
            c.fault(f'{ident} goes back: {times}')
        for status, modified in came:
            if modified not in versions[ident]:
                c.fault(f'{ident} has been {modified}, which the platform never said')
    if c.compact:
        return
    for ident, stored in states.items():
        if ident[0] not in c.kinds or ident[1] not in c.shops:
            continue
        # the last of each transaction must be told, others may be; of transactions in flight when it was made, the last of all
        before = set(c.arg['before'])
        must = [(status, modified) for i, (n, xid, status, modified, new) in enumerate(stored)
                if new and xid >= c.arg['since'] and (i + 1 == len(stored) or stored[i + 1][1] != xid)]
        # what changes besides its version is told as well
        may = [(status, modified) for n, xid, status, modified, new in stored if n in before][-1:]
        may += [(status, modified) for n, xid, status, modified, new in stored if n not in before]
        came = without_repeats(c.came.get(ident, []))
        if not within(without_repeats(must), came):
            c.fault(f'{ident} was {must}, and it was told {came}')
        if not within(came, may):
            c.fault(f'{ident} was told {came}, and it has been {may}')


states = collections.defaultdict(list)
for n, xid, kind, shop, number, status, modified, new in world['states']:
    states[kind, shop, number].append((n, xid, status, modified, new))
truth = list(said(world['truth']))
versions = collections.defaultdict(set)
for ident, (status, modified) in said(world['versions']):
    versions[ident].add(modified)

judged = {}
for name, arg in sorted(world['consumers'].items()):
    c = judged[name] = Judged(name, arg)
    for n, line in enumerate(open(arg['journal']), 1):
        c.line(n, **json.loads(line))
newest = judged['at_the_end'].copy

for name, c in judged.items():
    # one that was made in the middle, of changes only, has nothing of what did not change
    c.may_lack = {ident for ident, stored in states.items() if not c.compact and stored[-1][0] in c.arg['behind']}
    judge_end(c)
    judge_order(c, states, versions)
    left = max(c.first, default=0)
    if c.sure != left and c.maybe != left:
        c.fault(f'acknowledged {c.sure} of {left}')
    # late commits that one who is told each change met: a transaction that began to write before one whose changes were told before it
    transactions = {(ident, status, modified): xid for ident, stored in states.items() for n, xid, status, modified, new in stored}
    highest = 0
    for position in sorted(c.first):
        k, s, i, message = c.first[position]
        xid = transactions.get(((k, s, i),) + at(message), 0)
        seen['late commits'] += not c.compact and 0 < xid < highest
        highest = max(highest, xid)
    seen['positions'] += len(c.first)
    if c.arg.get('once'):
        for ident, came in c.came.items():
            if len(came) > 1:
                c.fault(f'{ident} came {len(came)} times, all of which were waiting')

for line in broken[:20]:
    print(line)
if len(broken) > 20:
    print(f'and {len(broken) - 20} more')
print('measured: ' + ', '.join(f'{n} {what}' for what, n in sorted(seen.items())))
