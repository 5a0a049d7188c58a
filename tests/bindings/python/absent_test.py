# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Without a daemon, and when it goes and comes: the application never notices."""

import os
import unittest

import percpud
import percpud.prometheus
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess, values

import rig


class Absent(unittest.TestCase):
    def setUp(self) -> None:
        self.daemon = rig.Daemon()
        self.addCleanup(self.daemon.remove)
        changed = rig.environment(PERCPUD_ADDRESS=self.daemon.address, PERCPUD_NAMESPACE="absent",
                                  PROMETHEUS_MULTIPROC_DIR=None)
        changed.__enter__()
        self.addCleanup(changed.__exit__, None, None, None)
        percpud.prometheus.install()
        self.addCleanup(percpud.prometheus.uninstall)

    def value(self, name: str, **labels: str):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return registry.get_sample_value(name, labels)

    def test_without_a_daemon_the_process_counts_and_shows_its_own(self) -> None:
        with self.assertLogs("percpud") as said:
            counter = Counter("c", "help", registry=None)
            histogram = Histogram("h", "help", registry=None)
            gauge = Gauge("g", "help", registry=None, multiprocess_mode="sum")
        counter.inc(3)
        histogram.observe(0.3)
        gauge.set(4)
        self.assertEqual(len(said.output), 1, said.output)
        self.assertIn(self.daemon.address, said.output[0])
        self.assertEqual(counter._value.get(), 3)
        self.assertEqual((self.value("c_total"), self.value("h_count"), self.value("g")), (3, 1, 4))

    def test_what_was_local_joins_when_the_daemon_comes(self) -> None:
        with self.assertLogs("percpud"):
            counter = Counter("c", "help", registry=None)
            histogram = Histogram("h", "help", registry=None)
        counter.inc(3)
        histogram.observe(2)
        self.daemon.start()

        def joins() -> bool:
            # Updates alone have the library look for the daemon.
            counter.inc(0)
            return counter._value.shared

        rig.eventually(joins, "the counter is shared")
        counter.inc(1)
        seen = rig.run("""
            import percpud.prometheus
            percpud.prometheus.install()
            from prometheus_client import CollectorRegistry, multiprocess
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
            print([registry.get_sample_value(name) for name in ("c_total", "h_sum")])
            """)
        self.assertEqual(seen.stdout.strip(), "[4.0, 2.0]")

    def test_the_daemon_is_killed_meanwhile_and_no_count_is_lost(self) -> None:
        self.daemon.start()
        counter = Counter("c", "help", registry=None)
        counter.inc(10)
        self.daemon.kill()
        counter.inc(5)
        late = Counter("late", "help", registry=None)
        late.inc(7)
        self.assertEqual(self.value("c_total"), 15)
        self.daemon.start()
        rig.eventually(lambda: (late.inc(0), late._value.shared)[1], "the late one is shared")
        counter.inc(1)
        rig.eventually(lambda: self.value("late_total") == 7, "what was counted meanwhile")
        self.assertEqual(self.value("c_total"), 16)

    def test_removal_and_reset_without_a_daemon(self) -> None:
        with self.assertLogs("percpud"):
            counter = Counter("c", "help", ["l"], registry=None)
            counter.labels("a").inc()
            counter.remove("a")
            counter.clear()
        with self.assertRaises(OSError):
            percpud.prometheus.reset()
        with self.assertRaises(OSError):
            percpud.prometheus.latest()
        multiprocess.mark_process_dead(os.getpid())

    def test_names_that_percpud_refuses_count_in_the_process(self) -> None:
        self.daemon.start()
        with self.assertLogs("percpud") as said:
            made = values.ValueClass("counter", "percpud_own", "percpud_own_total", (), (), "help")
        made.inc(2)
        self.assertEqual(made.get(), 2)
        self.assertIn("percpud_own", said.output[0])


if __name__ == "__main__":
    unittest.main()
