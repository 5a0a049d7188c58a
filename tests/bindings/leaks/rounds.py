# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: rounds.py ROUNDS

All that the package for Python does, again and again. What a round has made is dropped at its
end; where Python counts its blocks, a round may leave none."""

import contextlib
import gc
import os
import sys

import percpud
import percpud.prometheus
from prometheus_client import (CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest,
                               multiprocess)

_WARM = 2


def count_alone() -> None:
    """percpud.open and what it returns."""
    shop = percpud.open("leaks")
    shop.wait(5)
    hits = shop.counter("hits", "Hits.", labels=["page"], unit="pages")
    for page in ("a", "b"):
        hits.labels(page).inc(2)
    assert hits.labels("a").total >= 2
    hits.reset()
    hits.remove("b")
    for mode in ("all", "livesum", "mostrecent", "shared"):
        gauge = shop.gauge(f"load_{mode}", mode=mode)
        gauge.set(2)
        gauge.dec()
    for distribution in (shop.histogram("seconds", buckets=[1, 2]), shop.summary("bytes")):
        distribution.observe(1.5)
    shop.counter("hits").inc()  # in another shape: it is refused, and counts here
    with contextlib.suppress(TypeError):
        shop.counter("hits", labels=["page"]).labels("a").inc("1")
    with contextlib.suppress(TypeError):
        shop.summary("bytes").observe()
    shop.render(openmetrics=True)
    # What has shown memory stays open, so this is a client that all rounds have.
    percpud.open("leaks/bytes").variable("leaks/bytes", 64)[0][0] = 1


def count_as_before() -> None:
    """What is replaced in prometheus_client."""
    percpud.prometheus.install("leaks/before")
    try:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        counter = Counter("hits", "Hits.", ["page"], registry=None)
        counter.labels("a").inc()
        counter.labels(page="b").inc(2)
        counter.remove("b")
        with Gauge("load", "Load.", registry=None, multiprocess_mode="livesum").track_inprogress():
            Histogram("seconds", "Seconds.", ["page"], registry=None).labels("a").observe(0.3)
            Summary("bytes", "Bytes.", registry=None).observe(3)
        assert b"hits_total" in generate_latest(registry)
        percpud.prometheus.latest()
        multiprocess.mark_process_dead(1)
        counter.clear()
    finally:
        percpud.prometheus.uninstall()


def count_in_a_child() -> None:
    shop = percpud.open("leaks/child")
    gauge, counter = shop.gauge("load", mode="livemax"), shop.counter("hits")
    gauge.set(1)
    if os.fork() == 0:
        counter.inc()
        gauge.set(2)
        os._exit(0)
    os.wait()


def blocks_left(rounds: int) -> int:
    """Makes that many rounds, and returns how many more blocks Python has afterwards."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(rounds):
        count_alone()
        count_as_before()
        count_in_a_child()
    gc.collect()
    return sys.getallocatedblocks() - before


def main() -> int:
    rounds = int(sys.argv[1])
    blocks_left(_WARM)
    left = blocks_left(rounds)
    if left >= rounds:
        print(f"{left} blocks are left of {rounds} rounds")
    return int(left >= rounds)


if __name__ == "__main__":
    sys.exit(main())
