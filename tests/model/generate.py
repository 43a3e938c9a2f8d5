#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# A model of one shard's causality in plain sets, and random schedules played on it: writes that
# arrive in any order and more than once, items of a sync, repairs after a read, fills, lost disks.
# Prints each step and the state it must lead to; tests/unit/model_test.c plays the same steps on
# node/data and compares. Run it by hand when a rule changes:
#
#     tests/model/generate.py >tests/model/vectors.txt
#
# A line of a step; sets of dots are runs of one actor (a1-3), "-" when empty:
#
#   run SEED                             all nodes are blank
#   apply NODE KEY VERSIONS CONTEXT DOTS a delta arrives
#   item NODE FROM KEY                   sync: FROM's object, with all dots of the key in its log
#   repair NODE FROM FROM KEY            what a read of two merged; its dots are the versions' alone
#   fill NODE FROM                       a fill begins: FROM's clock is the fill clock
#   pass NODE FROM KEY                   the fill's cursor passes the key
#   end NODE                             the fill ends
#   strip NODE                           rests lose what the clock has
#   prune NODE DOTS                      dots leave the dot log
#   lose NODE                            its disk is gone
#   = KEY VERSIONS REST CLOCK            what the node then holds
import random
import sys

NODES = 'abcde'
KEYS = range(3)


class Node:
    def __init__(self, name):
        self.name = name
        self.clock = set()
        self.versions = {key: set() for key in KEYS}
        self.rest = {key: set() for key in KEYS}
        self.log = {}
        self.fill = None
        self.passed = set()

    def clocks(self, key):
        return self.clock | (self.fill if self.fill is not None and key in self.passed else set())

    def context(self, key):
        return self.clocks(key) | self.rest[key]

    def apply(self, key, versions, context, dots):
        dots = dots | versions
        mine, seen = self.versions[key], self.context(key)
        self.versions[key] = (mine & versions) | (mine - context) | (versions - seen)
        for dot in dots - self.clock:
            self.log[dot] = key
        self.rest[key] |= context | versions
        self.clock |= dots
        self.rest[key] -= self.clocks(key)

    def strip(self):
        for key in KEYS:
            self.rest[key] -= self.clocks(key)


def text(dots):
    runs = []
    for actor, counter in sorted(dots):
        if runs and runs[-1][0] == actor and runs[-1][2] == counter - 1:
            runs[-1][2] = counter
        else:
            runs.append([actor, counter, counter])
    words = ['%s%d' % (a, f) if f == l else '%s%d-%d' % (a, f, l) for a, f, l in runs]
    return ','.join(words) or '-'


class Run:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.keys = range(1 + seed % 3)  # fewer keys: more happens to each
        self.nodes = {name: Node(name) for name in NODES}
        self.actor = dict(zip(NODES, NODES))
        self.fresh = list('zyxwvutsrqponmlkjihgf')
        self.issued = {}
        self.deltas = []
        self.tokens = {key: set() for key in KEYS}
        print('run', seed)

    def say(self, node, keys, *words):
        print(*words)
        for key in keys:
            print('=', key, text(node.versions[key]), text(node.rest[key]), text(node.clock))

    def write(self, name=None, key=None):
        r = self.random
        node = self.nodes[name or r.choice(NODES)]
        key = r.choice(self.keys) if key is None else key
        actor = self.actor[node.name]
        self.issued[actor] = self.issued.get(actor, 0) + 1
        dot = (actor, self.issued[actor])
        seen = r.choice([set(), self.tokens[key], self.tokens[key], node.context(key)])
        versions = {dot} if r.random() < .7 else set()
        self.deltas.append((key, versions, seen | {dot}, {dot}))
        self.deliver(node, self.deltas[-1])

    def deliver(self, node, delta):
        key, versions, context, dots = delta
        node.apply(key, versions, context, dots)
        self.say(node, [key], 'apply', node.name, key, text(versions), text(context), text(dots))

    def arrive(self, name=None):
        if self.deltas:
            index = max(self.random.randrange(len(self.deltas)) for _ in range(2))
            self.deliver(self.nodes[name or self.random.choice(NODES)], self.deltas[index])

    def item(self):
        node, source = (self.nodes[n] for n in self.random.sample(NODES, 2))
        key = self.random.choice(self.keys)
        dots = {dot for dot, of in source.log.items() if of == key}
        node.apply(key, set(source.versions[key]), source.context(key) | dots, dots)
        self.say(node, [key], 'item', node.name, source.name, key)

    def repair(self):
        node, one, two = (self.nodes[n] for n in self.random.sample(NODES, 3))
        key = self.random.choice(self.keys)
        a, b = one.versions[key], two.versions[key]
        merged = (a & b) | (a - two.context(key)) | (b - one.context(key))
        context = one.context(key) | two.context(key)
        self.tokens[key] = set(context)
        node.apply(key, merged, context, set())
        self.say(node, [key], 'repair', node.name, one.name, two.name, key)

    def fill(self, names=None):
        node, source = (self.nodes[n] for n in names or self.random.sample(NODES, 2))
        if node.fill is not None or source.fill is not None:
            return
        node.fill, node.passed, node.source = set(source.clock), set(), source
        self.say(node, [], 'fill', node.name, source.name)

    def go_on(self):
        filling = [n for n in self.nodes.values() if n.fill is not None]
        if not filling:
            return self.fill()
        node = self.random.choice(filling)
        left = [key for key in KEYS if key not in node.passed]
        if not node.fill <= node.source.clock or node.source.fill is not None:
            return None  # the source has lost its disk, or fills itself
        if not left:
            node.clock |= node.fill
            node.fill, node.passed = None, set()
            node.strip()
            return self.say(node, KEYS, 'end', node.name)
        key, source = left[0], node.source
        dots = {dot for dot, of in source.log.items() if of == key}
        node.apply(key, set(source.versions[key]), source.context(key) | dots, dots)
        node.passed.add(key)
        node.rest[key] -= node.clocks(key)
        return self.say(node, [key], 'pass', node.name, source.name, key)

    def prune(self, node, gone):
        for dot in gone:
            del node.log[dot]
        self.say(node, [], 'prune', node.name, text(gone))

    # b has filled from a as far as key 0, and gets a's writes of before, late, and c's in any order.
    def fill_among_writes(self):
        for _ in range(self.random.randint(2, 5)):
            self.write('a', 0)
        self.prune(self.nodes['a'], set(self.nodes['a'].log))
        self.fill('ba')
        self.go_on()
        for _ in range(self.random.randint(2, 5)):
            self.write('c', 0)
        for _ in range(self.random.randint(4, 12)):
            self.arrive('b')

    def keep_house(self):
        node = self.nodes[self.random.choice(NODES)]
        if self.random.random() < .5 and node.log:
            self.prune(node, {dot for dot in node.log if self.random.random() < .5})
        elif self.random.random() < .15 and self.fresh:
            self.nodes[node.name] = node = Node(node.name)
            self.actor[node.name] = self.fresh.pop(0)
            for other in self.nodes.values():
                if other.fill is not None and other.source.name == node.name:
                    other.source = node
            self.say(node, [0], 'lose', node.name)
        else:
            node.strip()
            self.say(node, KEYS, 'strip', node.name)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for seed in range(runs):
        run = Run(seed)
        # Half the runs have slow fills, with writes of before arriving meanwhile.
        weights = [6, 8, 3, 2, 2, 1] if seed % 2 else [6, 5, 5, 3, 5, 2]
        if seed % 4 == 3:
            run.fill_among_writes()
        for _ in range(run.random.randint(8, 40)):
            steps = [run.write, run.arrive, run.item, run.repair, run.go_on, run.keep_house]
            run.random.choices(steps, weights)[0]()


main()
