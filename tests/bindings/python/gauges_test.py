# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Gauges: each process, and each writer of a process, sets its own."""

import os
import unittest

import percpud
import percpud.prometheus
from prometheus_client import CollectorRegistry, Gauge, multiprocess, values
from prometheus_client.samples import Sample

import rig
from multiprocess_test import Multiprocess


class Gauges(Multiprocess):
    def two_gauges(self, mode: str, first: float = 1, second: float = 2) -> None:
        """Sets a gauge as writer 123, and then as 456."""
        self.gauges = [Gauge("g", "help", registry=None, multiprocess_mode=mode)]
        self.become(lambda: 456)
        self.gauges.append(Gauge("g", "help", registry=None, multiprocess_mode=mode))
        self.gauges[0].set(first)
        self.gauges[1].set(second)

    def test_all_shows_each_writer_the_dead_too(self) -> None:
        self.two_gauges("all")
        multiprocess.mark_process_dead(123)
        self.assertEqual((self.value("g", pid="123"), self.value("g", pid="456")), (1, 2))

    def test_a_gauge_that_was_not_set_is_zero(self) -> None:
        for mode in ("all", "liveall"):
            Gauge(f"g_{mode}", "help", registry=None, multiprocess_mode=mode)
            self.assertEqual(self.value(f"g_{mode}", pid="123"), 0)
        for mode in ("min", "max", "sum", "livemin", "livemax", "livesum"):
            Gauge(f"g_{mode}", "help", registry=None, multiprocess_mode=mode)
            self.assertEqual(self.value(f"g_{mode}"), 0)

    def test_liveall_shows_the_living(self) -> None:
        self.two_gauges("liveall")
        multiprocess.mark_process_dead(123, self.folder)
        self.assertEqual((self.value("g", pid="123"), self.value("g", pid="456")), (None, 2))

    def test_min_max_and_sum_outlive_writers(self) -> None:
        for mode, wanted in (("min", 1), ("max", 2), ("sum", 3)):
            with self.subTest(mode):
                first = Gauge(f"g_{mode}", "help", registry=None, multiprocess_mode=mode)
                self.become(lambda: 456)
                second = Gauge(f"g_{mode}", "help", registry=None, multiprocess_mode=mode)
                first.set(1 if mode == "min" else 2)
                second.set(2 if mode == "min" else 1)
                self.assertEqual(self.value(f"g_{mode}"), wanted)
                multiprocess.mark_process_dead(123)
                self.assertEqual(self.value(f"g_{mode}"), wanted)
                self.become(lambda: 123)

    def test_live_modes_forget_the_dead(self) -> None:
        for mode, before, after in (("livemin", 1, 2), ("livesum", 3, 2), ("livemax", 2, 2)):
            with self.subTest(mode):
                name = f"g_{mode}"
                first = Gauge(name, "help", registry=None, multiprocess_mode=mode)
                self.become(lambda: 456)
                second = Gauge(name, "help", registry=None, multiprocess_mode=mode)
                first.set(1)
                second.set(2)
                self.assertEqual(self.value(name), before)
                multiprocess.mark_process_dead(123)
                self.assertEqual(self.value(name), after)
                self.become(lambda: 123)

    def test_most_recent_is_the_latest_timestamp(self) -> None:
        """prometheus_client knows these modes since 0.18, and sets with a timestamp."""
        for mode, after in (("mostrecent", 1), ("livemostrecent", 2)):
            with self.subTest(mode):
                make = lambda: values.ValueClass("gauge", f"g_{mode}", f"g_{mode}", (), (), "help",
                                                 multiprocess_mode=mode)
                first = make()
                self.become(lambda: 456)
                second = make()
                second.set(2.0, timestamp=1000.0)
                first.set(1.0, timestamp=2000.0)
                self.assertEqual(self.value(f"g_{mode}"), 1)
                multiprocess.mark_process_dead(123)
                self.assertEqual(self.value(f"g_{mode}"), after)
                self.become(lambda: 123)

    def test_inc_and_dec_change_the_own_value(self) -> None:
        gauge = Gauge("g", "help", registry=None, multiprocess_mode="livesum")
        gauge.inc()
        gauge.inc(4)
        gauge.dec(2)
        self.assertEqual((gauge._value.get(), self.value("g")), (3, 3))
        with gauge.track_inprogress():
            self.assertEqual(self.value("g"), 4)
        self.assertEqual(self.value("g"), 3)

    def test_marking_the_unknown_dead_does_nothing(self) -> None:
        self.two_gauges("liveall")
        multiprocess.mark_process_dead(99999)
        multiprocess.mark_process_dead("none", "/nonexistent")
        self.assertEqual(self.value("g", pid="123"), 1)

    def test_functions_stay_local(self) -> None:
        own = CollectorRegistry()
        Gauge("g", "help", registry=own).set_function(lambda: 7)
        self.assertEqual(own.get_sample_value("g"), 7)

    def test_each_writer_has_its_label(self) -> None:
        pid = 0
        self.become(lambda: pid)
        gauge = Gauge("g", "g help", ["b", "a"], registry=None)
        for pid in range(2):
            gauge.labels("x", "y").set(1)
        self.assertEqual(self.metrics()["g"].samples,
                         [Sample("g", {"a": "y", "b": "x", "pid": str(pid)}, 1.0) for pid in range(2)])


class Forked(Multiprocess):
    """Gauges that were made before a fork, as a server's that loads its application first."""

    MODES = ("all", "liveall", "min", "max", "sum", "livemin", "livemax", "livesum")

    def setUp(self) -> None:
        super().setUp()
        self.become(os.getpid)

    def test_what_a_child_sets_shows_at_once_by_mode(self) -> None:
        gauges = {mode: Gauge(f"g_{mode}", "help", registry=None, multiprocess_mode=mode)
                  for mode in self.MODES}
        for gauge in gauges.values():
            gauge.set(5)

        def work() -> None:
            for gauge in gauges.values():
                gauge.set(3)
                assert gauge._value.shared

        child = rig.Pausing(self, work)
        wanted = {"min": 3, "max": 5, "sum": 8}
        for mode, value in wanted.items():
            self.assertEqual(self.value(f"g_{mode}"), value, mode)
            self.assertEqual(self.value(f"g_live{mode}"), value, f"live{mode}")
        for mode in ("all", "liveall"):
            shown = [self.value(f"g_{mode}", pid=str(pid)) for pid in (os.getpid(), child.pid)]
            self.assertEqual(shown, [5, 3])
        pid = str(child.pid)
        child.kill()
        rig.eventually(lambda: [self.value(f"g_live{mode}") for mode in wanted] == [5, 5, 5], "it is folded")
        self.assertIsNone(self.value("g_liveall", pid=pid))
        self.assertEqual([self.value(f"g_{mode}") for mode in wanted], [3, 5, 8])
        self.assertEqual(self.value("g_all", pid=pid), 3)

    def test_each_child_has_its_own_value_which_begins_at_zero(self) -> None:
        gauge = Gauge("g", "help", ["l"], registry=None, multiprocess_mode="liveall")
        gauge.labels("a").set(5)
        children = [rig.Pausing(self, gauge.labels("a").inc) for _ in range(3)]
        shown = {s.labels["pid"]: s.value for s in self.metrics()["g"].samples}
        self.assertEqual(shown, {str(os.getpid()): 5, **{str(c.pid): 1 for c in children}})


class Plain(rig.WithDaemon):
    def test_gauges_of_each_mode(self) -> None:
        shop = percpud.open(self.folder)
        for mode in ("all", "min", "max", "sum", "mostrecent", "livemin", "livemax", "livesum",
                     "liveall", "livemostrecent"):
            gauge = shop.gauge(f"g_{mode}", mode=mode)
            gauge.set(3)
            gauge.inc()
            gauge.dec(2)
            self.assertEqual(gauge.get(), 2)
        self.assertEqual(shop.render().decode().count(" 2\n"), 10)


if __name__ == "__main__":
    unittest.main()
