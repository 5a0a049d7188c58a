# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The module without prometheus_client."""

import gc
import os
import unittest

import percpud

import rig


class Plain(rig.WithDaemon):
    def setUp(self) -> None:
        super().setUp()
        self.shop = percpud.open(self.folder)

    def text(self) -> str:
        return self.shop.render().decode()

    def test_a_counter_counts_for_all_processes(self) -> None:
        hits = self.shop.counter("hits", "Hits.")
        hits.inc()
        hits.inc(2.5)
        hits.inc(amount=1)
        self.assertEqual(rig.in_child(hits.inc), 0)
        self.assertEqual((hits.total, hits.get()), (5.5, 4.5))
        self.assertIn("hits_total 5.5\n", self.text())

    def test_labels_are_names_or_a_mapping(self) -> None:
        family = self.shop.counter("requests", labels=["method", "code"])
        family.labels("get", 200).inc()
        family.labels(code=200, method="get").inc()
        one = self.shop.counter("requests", labels={"method": "get", "code": "200"})
        one.inc()
        self.assertEqual(one.total, 3)
        self.assertIs(family.labels("get", "200"), family.labels("get", 200))
        for wrong in (lambda: family.labels("get"), lambda: family.labels(method="get"),
                      lambda: family.labels("get", code="1")):
            with self.assertRaises(ValueError):
                wrong()

    def test_modes_that_there_are_not_are_refused(self) -> None:
        for wrong in ("liveshared", "average", ""):
            with self.assertRaises(ValueError):
                self.shop.gauge("g", mode=wrong)

    def test_one_value_for_all_processes(self) -> None:
        gauge = self.shop.gauge("g", mode="shared")
        gauge.set(3)
        self.assertEqual(rig.in_child(lambda: gauge.inc(4)), 0)
        self.assertEqual(gauge.get(), 7)

    def test_histograms_and_summaries_observe(self) -> None:
        seconds = self.shop.histogram("seconds", buckets=[0.1, 1, float("inf")], unit="seconds")
        sizes = self.shop.summary("sizes", labels={"of": "x"})
        for amount in (0.05, 0.5, 0.5, 5):
            seconds.observe(amount)
            sizes.observe(amount)
        self.assertEqual((seconds.count, seconds.sum), (4, 6.05))
        self.assertEqual(sizes.count, 4)
        self.assertIn('seconds_bucket{le="1.0"} 3\n', self.text())

    def test_what_cannot_be_is_refused(self) -> None:
        counter = self.shop.counter("c")
        for wrong in (lambda: counter.inc(-1), lambda: self.shop.histogram("h", buckets=[2, 1])):
            with self.assertRaises(ValueError):
                wrong()
        for wrong in (lambda: counter.inc("1"), lambda: counter.inc(1, 2), counter.dec,
                      lambda: counter.inc(amounts=2), lambda: counter.inc(None)):
            with self.assertRaises(TypeError):
                wrong()
        self.assertEqual(counter.total, 0)

    def test_series_are_removed_and_reset(self) -> None:
        family = self.shop.counter("c", labels=["l"])
        for label in "abc":
            family.labels(label).inc(2)
        self.assertEqual(family.remove("a"), 1)
        self.assertNotIn('c_total{l="a"}', self.text())
        family.reset()
        self.assertIn('c_total{l="b"} 0\n', self.text())
        family.clear()
        self.assertNotIn("c_total{", self.text())
        family.labels("a").inc()
        self.assertIn('c_total{l="a"} 1\n', self.text())
        self.shop.reset()
        self.assertNotIn('c_total{l="a"} 1\n', self.text())

    def test_clients_are_closed_with_the_last_thing_that_was_opened(self) -> None:
        def open_files() -> int:
            return len(os.listdir("/proc/self/fd"))

        gc.collect()
        before = open_files()
        counters = [percpud.open(f"{self.folder}/{i}").counter("c") for i in range(20)]
        self.assertGreaterEqual(open_files(), before + 20)
        counters.clear()
        gc.collect()
        self.assertEqual(open_files(), before)

    def test_a_variable_is_bytes_for_each_cpu_that_all_processes_share(self) -> None:
        name = "python/variable"
        copies = [copy for copy in self.shop.variable(name, 64) if copy is not None]
        self.assertEqual({len(copy) for copy in copies}, {64})

        def work() -> None:
            copies[0][3] = 7

        self.assertEqual(rig.in_child(work), 0)
        self.assertEqual(copies[0][3], 7)
        again = percpud.open("another").variable(name)
        self.assertEqual([copy for copy in again if copy is not None][0][3], 7)
        for wrong in (lambda: self.shop.variable(name, 128), lambda: self.shop.variable("none/1")):
            with self.assertRaises(OSError):
                wrong()

    def test_one_namespace_is_one_client(self) -> None:
        self.assertIs(percpud.open(self.folder)._client, self.shop._client)
        self.assertTrue(self.shop.wait(10))
        self.assertTrue(self.shop.attached)


if __name__ == "__main__":
    unittest.main()
