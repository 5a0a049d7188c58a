# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Forks, threads and deaths."""

import os
import threading
import unittest

from prometheus_client import Counter, Histogram, Summary

import rig
from multiprocess_test import Multiprocess

_CHILDREN = 4
_EACH = 2000


class Forks(Multiprocess):
    def setUp(self) -> None:
        super().setUp()
        self.become(os.getpid)

    def test_children_count_what_they_inherit_and_their_own_share_begins_anew(self) -> None:
        counter = Counter("c", "help", registry=None)
        histogram = Histogram("h", "help", registry=None)
        counter.inc(5)
        histogram.observe(1)

        def work() -> None:
            assert counter._value.get() == 0, counter._value.get()
            assert histogram._sum.get() == 0
            for _ in range(_EACH):
                counter.inc()
                histogram.observe(1)
            assert counter._value.get() == _EACH

        for _ in range(_CHILDREN):
            self.assertEqual(rig.in_child(work), 0)
        self.assertEqual(self.value("c_total"), 5 + _CHILDREN * _EACH)
        self.assertEqual(self.value("h_count"), 1 + _CHILDREN * _EACH)
        self.assertEqual(counter._value.get(), 5)

    def test_a_killed_process_leaves_its_sums(self) -> None:
        summary = Summary("s", "help", registry=None)
        rig.Pausing(self, lambda: summary.observe(4)).kill()
        self.assertEqual((self.value("s_count"), self.value("s_sum")), (1, 4))

    def test_a_threaded_process_forks_while_its_threads_count_and_open(self) -> None:
        counter = Counter("c", "help", ["l"], registry=None)
        done = threading.Event()
        counted = [0, 0, 0]

        def count(index: int) -> None:
            while not done.is_set() or counted[index] < _EACH:
                counter.labels(str(counted[index] % 300)).inc()
                counted[index] += 1

        threads = [threading.Thread(target=count, args=(i,)) for i in range(len(counted))]
        for thread in threads:
            thread.start()

        def work() -> None:
            for i in range(100):
                counter.labels(f"child{i % 10}").inc()
            assert self.collector.collect()

        for _ in range(20):
            self.assertEqual(rig.in_child(work), 0)
        done.set()
        for thread in threads:
            thread.join()
        samples = self.metrics()["c"].samples
        self.assertEqual(sum(s.value for s in samples), sum(counted) + 20 * 100)

    def test_threads_lose_nothing(self) -> None:
        counter = Counter("c", "help", registry=None)
        histogram = Histogram("h", "help", registry=None)

        def count() -> None:
            for _ in range(_EACH):
                counter.inc()
                histogram.observe(1)

        threads = [threading.Thread(target=count) for _ in range(_CHILDREN)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in ("c_total", "h_count", "h_sum"):
            self.assertEqual(self.value(name), _CHILDREN * _EACH)
        self.assertEqual(counter._value.get(), _CHILDREN * _EACH)


class Processes(rig.WithDaemon):
    def test_a_pool_of_processes_counts(self) -> None:
        done = rig.run("""
            import multiprocessing, os, sys
            import percpud.prometheus
            percpud.prometheus.install()
            from prometheus_client import Counter, CollectorRegistry, multiprocess
            counter = Counter("c", "help")
            def work(n):
                counter.inc(n)
            if __name__ == "__main__":
                with multiprocessing.get_context("fork").Pool(3) as pool:
                    pool.map(work, range(100))
                registry = CollectorRegistry()
                multiprocess.MultiProcessCollector(registry)
                print(registry.get_sample_value("c_total"))
            """)
        self.assertEqual(float(done.stdout), sum(range(100)))

    def test_an_interpreter_ends_with_metrics_open(self) -> None:
        done = rig.run("""
            import percpud, percpud.prometheus, threading
            percpud.prometheus.install()
            from prometheus_client import Counter, Histogram
            kept = [Counter("c", "help"), Histogram("h", "help")]
            loop = []
            loop.append((loop, percpud.open("x").counter("c")))
            kept[0].inc()
            """)
        self.assertEqual(done.stderr, "")

    def test_subinterpreters_import_and_count(self) -> None:
        done = rig.run("""
            import sys
            try:
                import _xxsubinterpreters as interpreters
            except ImportError:
                import _interpreters as interpreters
            for _ in range(3):
                one = interpreters.create()
                interpreters.run_string(one, '''if True:
                    import sys
                    sys.path[:0] = %r
                    import percpud
                    percpud.open("sub").counter("c").inc(2)
                    ''' % (sys.path,))
                interpreters.destroy(one)
            import percpud
            print(percpud.open("sub").counter("c").total)
            """)
        self.assertEqual(float(done.stdout), 6)


if __name__ == "__main__":
    unittest.main()
