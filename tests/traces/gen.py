#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Write an allocation trace: gen.py KIND OUT [SEED].

One operation a line: 'a ID SIZE ALIGN' allocates, 'f ID' frees. Sizes and alignments in bytes.
Kinds:
  counters  4-64 B, 60 k live
  mixed     log-uniform 4 B - 32 KiB, about 600 live
  churn     small sizes, 20 k live, a million operations
  frag      fill, free every other, refill with larger ones, then with the old size
  cgroup    groups of objects of which 10 in 11 die
  powerlaw  power-law sizes; one area in fifty lives on, the rest soon die
  phases    small sizes, large, small, large and small again, each freed as the next begins
  aligned   sizes of 64 B - 4 KiB aligned to themselves, a third of them 4 B short
The same KIND and SEED give the same trace everywhere.
"""
import heapq
import math
import random
import sys

if len(sys.argv) < 3:
    sys.exit(__doc__)
kind, out = sys.argv[1], sys.argv[2]
rnd = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
lines = []
next_id = 0


def alloc(size, align):
    global next_id
    lines.append(f"a {next_id} {size} {align}")
    next_id += 1
    return next_id - 1


def free(i):
    lines.append(f"f {i}")


def pop_random(live):
    k = rnd.randrange(len(live))
    live[k], live[-1] = live[-1], live[k]
    return live.pop()


def natural_align(size, cap):
    p = 4
    while p * 2 <= size and p < cap:
        p *= 2
    return p


if kind == "counters":
    sizes = [4, 8, 8, 8, 16, 16, 24, 32, 40, 48, 64]
    live = []
    for _ in range(60000):
        s = rnd.choice(sizes)
        live.append(alloc(s, natural_align(s & -s, 8)))
    for _ in range(220000):
        if rnd.random() < 0.5 and len(live) > 55000 or len(live) > 62000:
            free(pop_random(live))
        else:
            s = rnd.choice(sizes)
            live.append(alloc(s, natural_align(s & -s, 8)))
    rnd.shuffle(live)
    for i in live:
        free(i)
elif kind == "mixed":
    heap = []
    t = 0
    for _ in range(150000):
        t += 1
        while heap and heap[0][0] <= t:
            free(heapq.heappop(heap)[1])
        s = min(32768, max(4, int(math.exp(rnd.uniform(math.log(4), math.log(32768))))))
        s = (s + 3) & ~3
        i = alloc(s, rnd.choice([4, 8, 8, 8, 64]))
        heapq.heappush(heap, (t + rnd.expovariate(1 / 600.0), i))
    for _, i in sorted(heap):
        free(i)
elif kind == "churn":
    sizes = ([4] * 10 + [8] * 30 + [16] * 15 + [24] * 5 + [32] * 10 + [64] * 10 + [96] * 4
             + [128] * 6 + [192] * 3 + [256] * 3 + [512] * 2 + [1024] + [2048])
    live = []
    for _ in range(20000):
        s = rnd.choice(sizes)
        live.append(alloc(s, natural_align(s & -s, 64)))
    while len(lines) < 1000000:
        if (rnd.random() < 0.5 and len(live) > 18000) or len(live) > 22000:
            free(pop_random(live))
        else:
            s = rnd.choice(sizes)
            live.append(alloc(s, natural_align(s & -s, 64)))
elif kind == "frag":
    ids = [alloc(64, 8) for _ in range(65536)]
    for i in ids[::2]:
        free(i)
    for _ in range(8192):
        alloc(128, 8)
    for _ in range(32768):
        alloc(64, 8)
elif kind == "cgroup":
    shape = (8, 8, 8, 16, 64, 256, 1024)
    groups = [[alloc(s, 8) for s in shape] for _ in range(3300)]
    for n, g in enumerate(groups):
        if n % 11:
            for i in g:
                free(i)
    for _ in range(600):
        for s in shape:
            alloc(s, 8)
elif kind == "powerlaw":
    live = []
    for _ in range(90000):
        s = min(16384, int(4 * rnd.paretovariate(0.9))) & ~3
        i = alloc(s, natural_align(s & -s, 64))
        if rnd.random() >= 0.02:
            live.append(i)
        while len(live) > 4000:
            free(pop_random(live))
elif kind == "phases":
    old = []
    for low, high, count in ((8, 96, 40000), (2048, 16384, 1500), (8, 256, 25000), (512, 4096, 4000),
                             (16, 64, 40000)):
        new = []
        for n in range(count):
            new.append(alloc(rnd.randrange(low, high + 1, 4), 8))
            while old and len(old) * count > (count - n) * len(new) and rnd.random() < 0.9:
                free(pop_random(old))
        for i in old:
            free(i)
        old = new
elif kind == "aligned":
    live = []
    for _ in range(70000):
        s = 1 << rnd.choice((6, 6, 6, 7, 7, 8, 9, 10, 11, 12))
        live.append(alloc(s if rnd.random() < 0.7 else s - 4, s))
        while len(live) > 2500:
            free(pop_random(live))
else:
    sys.exit(f"gen.py: no kind '{kind}'")

with open(out, "w") as f:
    f.write("\n".join(lines) + "\n")
print(kind, len(lines), "operations,", next_id, "allocations")
