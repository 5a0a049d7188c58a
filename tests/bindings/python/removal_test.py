# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Series are taken away and reset for all processes, which prometheus_client's own
multiprocess mode cannot do."""

import unittest
import warnings

import percpud.prometheus
from prometheus_client import Counter, Gauge, Histogram, Summary

import rig
from multiprocess_test import Multiprocess


class Removal(Multiprocess):
    def setUp(self) -> None:
        super().setUp()
        # Newer versions of prometheus_client warn that their files cannot do it.
        quiet = warnings.catch_warnings()
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        warnings.simplefilter("ignore", UserWarning)

    def of_each_type(self) -> list:
        made = [kind(f"m_{kind.__name__.lower()}", "help", ["l"], registry=None)
                for kind in (Counter, Histogram, Summary)]
        for metric in made:
            for label in ("a", "b"):
                child = metric.labels(label)
                (child.observe if hasattr(child, "observe") else child.inc)(1)
        return made

    def labels(self, name: str) -> set:
        return {sample.labels["l"] for sample in self.metrics()[name].samples}

    def test_a_removed_label_set_is_gone_for_all(self) -> None:
        for metric in self.of_each_type():
            metric.remove("a")
            self.assertEqual(self.labels(metric._name), {"b"})

    def test_what_is_made_again_begins_at_zero(self) -> None:
        counter, histogram, _ = self.of_each_type()
        for metric in (counter, histogram):
            metric.remove("a")
        counter.labels("a").inc(3)
        histogram.labels("a").observe(7)
        self.assertEqual(self.value("m_counter_total", l="a"), 3)
        self.assertEqual(counter.labels("a")._value.get(), 3)
        self.assertEqual(self.value("m_histogram_sum", l="a"), 7)
        self.assertEqual(self.value("m_histogram_count", l="a"), 1)

    def test_clear_takes_all_of_a_metric(self) -> None:
        for metric in self.of_each_type():
            metric.clear()
            self.assertFalse([s for m in self.collector.collect() if m.name == metric._name
                              for s in m.samples])

    def test_a_removed_child_that_is_kept_counts_from_zero(self) -> None:
        counter = self.of_each_type()[0]
        kept = counter.labels("a")
        counter.remove("a")
        kept.inc(2)
        self.assertEqual(self.value("m_counter_total", l="a"), 2)

    def test_a_gauge_that_is_made_again_shows_what_it_is_set_to(self) -> None:
        for mode in ("all", "max", "livesum"):
            gauge = Gauge(f"g_{mode}", "help", ["l"], registry=None, multiprocess_mode=mode)
            who = {"pid": "123"} if mode == "all" else {}
            gauge.labels("a").set(7)
            gauge.remove("a")
            self.assertIsNone(self.value(f"g_{mode}", l="a", **who))
            gauge.labels("a")
            self.assertEqual(self.value(f"g_{mode}", l="a", **who), 0)
            gauge.labels("a").set(3)
            self.assertEqual(self.value(f"g_{mode}", l="a", **who), 3)

    def test_what_another_process_moves_again_is_removed_again(self) -> None:
        counter = self.of_each_type()[0]
        kept = counter.labels("a")

        def remove() -> None:
            counter.labels("a")
            counter.remove("a")

        for amount in (2, 3):
            self.assertEqual(rig.in_child(remove), 0)
            self.assertNotIn("a", self.labels("m_counter"))
            kept.inc(amount)
            self.assertEqual(self.value("m_counter_total", l="a"), amount)

    def test_unknown_label_sets_are_refused_as_before(self) -> None:
        counter = self.of_each_type()[0]
        with self.assertRaises(ValueError):
            counter.remove()
        with self.assertRaises(ValueError):
            counter.remove("a", "b")

    def test_a_series_of_another_process_can_be_removed_with_all(self) -> None:
        def work() -> None:
            Counter("m_counter", "help", ["l"], registry=None).labels("theirs").inc()

        counter = self.of_each_type()[0]
        self.assertEqual(rig.in_child(work), 0)
        self.assertEqual(self.labels("m_counter"), {"a", "b", "theirs"})
        counter.clear()
        self.assertNotIn("m_counter", {m.name for m in self.collector.collect() if m.samples})

    def test_a_new_generation_begins_at_zero_and_may_have_another_shape(self) -> None:
        old = Counter("m", "help", registry=None)
        old.inc(5)
        generation = int(rig.run("""
            import percpud.prometheus
            percpud.prometheus.install()
            generation = percpud.prometheus.reset()
            from prometheus_client import Summary
            Summary("m", "help").observe(2)
            # Of those that start together one resets.
            assert percpud.prometheus.reset(generation - 1) == generation
            print(generation)
            """).stdout)
        self.assertEqual(self.value("m_sum"), 2)
        old.inc(1)
        self.assertIsNone(self.value("m_total"))
        self.assertEqual(old._value.get(), 6)
        self.assertEqual(percpud.prometheus.reset(generation - 1), generation)


if __name__ == "__main__":
    unittest.main()
