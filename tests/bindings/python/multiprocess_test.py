# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""What prometheus_client's multiprocess mode promises, kept without its files."""

import os
import unittest
import warnings

import percpud.prometheus
from prometheus_client import (CollectorRegistry, Counter, Histogram, Summary, generate_latest,
                               multiprocess, values)
from prometheus_client.samples import Sample

import rig


class Multiprocess(rig.WithDaemon):
    def setUp(self) -> None:
        super().setUp()
        percpud.prometheus.install()
        self.addCleanup(percpud.prometheus.uninstall)
        self.become(lambda: 123)
        self.registry = CollectorRegistry()
        self.collector = multiprocess.MultiProcessCollector(self.registry)

    def become(self, identify) -> None:
        """Metrics that are made from now on are counted by that writer."""
        values.ValueClass = values.MultiProcessValue(identify)

    def value(self, name: str, **labels: str):
        return self.registry.get_sample_value(name, labels)

    def metrics(self) -> dict:
        return {metric.name: metric for metric in self.collector.collect()}


class Sums(Multiprocess):
    def test_counters_of_two_writers_add_up_and_each_gets_its_own_share(self) -> None:
        first = Counter("c", "help", registry=None)
        self.become(lambda: 456)
        second = Counter("c", "help", registry=None)
        self.assertEqual(self.value("c_total"), 0)
        first.inc(1)
        second.inc(2.5)
        self.assertEqual(self.value("c_total"), 3.5)
        self.assertEqual((first._value.get(), second._value.get()), (1, 2.5))

    def test_a_counter_is_reset_to_what_the_others_have_counted(self) -> None:
        first = Counter("c", "help", registry=None)
        second = Counter("c", "help", registry=None)
        first.inc(5)
        second.inc(2)
        first._value.set(0)
        self.assertEqual(self.value("c_total"), 2)
        self.assertEqual(first._value.get(), 0)

    def test_summaries_add_up(self) -> None:
        first = Summary("s", "help", registry=None)
        second = Summary("s", "help", registry=None)
        self.assertEqual((self.value("s_count"), self.value("s_sum")), (0, 0))
        first.observe(1)
        second.observe(amount=2)
        self.assertEqual((self.value("s_count"), self.value("s_sum")), (2, 3))
        self.assertEqual((first._count.get(), first._sum.get()), (1, 1))

    def test_histograms_add_up_bucket_by_bucket(self) -> None:
        first = Histogram("h", "help", registry=None)
        second = Histogram("h", "help", registry=None)
        self.assertEqual(self.value("h_bucket", le="5.0"), 0)
        first.observe(1)
        second.observe(2)
        self.assertEqual((self.value("h_count"), self.value("h_sum")), (2, 3))
        self.assertEqual(self.value("h_bucket", le="1.0"), 1)
        self.assertEqual(self.value("h_bucket", le="5.0"), 2)
        self.assertEqual(self.value("h_bucket", le="+Inf"), 2)

    def test_a_histogram_in_its_own_registry_shows_its_own_share(self) -> None:
        own = CollectorRegistry()
        Histogram("h", "help", registry=None).observe(1)
        Histogram("h", "help", registry=own, buckets=Histogram.DEFAULT_BUCKETS).observe(2)
        self.assertEqual(own.get_sample_value("h_count"), 1)
        self.assertEqual(own.get_sample_value("h_sum"), 2)
        self.assertEqual(own.get_sample_value("h_bucket", {"le": "1.0"}), 0)
        self.assertEqual(own.get_sample_value("h_bucket", {"le": "2.5"}), 1)
        self.assertEqual(self.value("h_count"), 2)

    def test_parts_of_a_histogram_are_values(self) -> None:
        histogram = Histogram("h", "help", registry=None, buckets=(1, 2))
        histogram._sum.inc(4)
        histogram._buckets[1].inc(2)
        histogram._buckets[1].set(5)
        self.assertEqual((self.value("h_count"), self.value("h_sum")), (5, 4))
        self.assertEqual(self.value("h_bucket", le="1.0"), 0)

    def test_what_is_not_a_number_is_not_observed(self) -> None:
        histogram = Histogram("h", "help", registry=None)
        histogram.observe(float("nan"))
        histogram.observe(-1)
        histogram.observe(float("inf"))
        self.assertEqual(self.value("h_count"), 2)
        with self.assertRaises(TypeError):
            histogram.observe("1")

    def test_namespaces_subsystems_and_units_are_in_the_name(self) -> None:
        Counter("c", "help", registry=None, namespace="ns", subsystem="ss", unit="seconds").inc()
        self.assertEqual(self.value("ns_ss_c_seconds_total"), 1)


class Writers(Multiprocess):
    def test_another_identity_begins_at_zero_and_the_sum_goes_on(self) -> None:
        pid = 0
        self.become(lambda: pid)
        counter = Counter("c", "help", registry=None)
        counter.inc(1)
        counter.inc(1)
        pid = 1
        counter.inc(1)
        self.assertEqual(self.value("c_total"), 3)
        self.assertEqual(counter._value.get(), 1)

    def test_everything_is_collected_with_help_type_and_order(self) -> None:
        pid = 0
        self.become(lambda: pid)
        labels = {name: name for name in "dacb"}
        counter = Counter("c", "c help", labelnames=labels.keys(), registry=None)
        histogram = Histogram("h", "h help", labelnames=labels.keys(), registry=None,
                              buckets=(1, 5))
        for pid, amount in ((0, 1), (1, 5)):
            counter.labels(**labels).inc(1)
            histogram.labels(**labels).observe(amount)
        metrics = self.metrics()
        self.assertEqual(list(metrics), ["c", "h"])
        self.assertEqual([(m.documentation, m.type) for m in metrics.values()],
                         [("c help", "counter"), ("h help", "histogram")])
        self.assertEqual(metrics["c"].samples, [Sample("c_total", labels, 2.0)])
        self.assertEqual(metrics["h"].samples, [
            Sample("h_sum", labels, 6.0),
            Sample("h_bucket", {**labels, "le": "1.0"}, 1.0),
            Sample("h_bucket", {**labels, "le": "5.0"}, 2.0),
            Sample("h_bucket", {**labels, "le": "+Inf"}, 2.0),
            Sample("h_count", labels, 2.0)])
        self.assertEqual(list(metrics["c"].samples[0].labels), ["a", "b", "c", "d"])

    def test_label_sets_come_in_the_order_of_their_making(self) -> None:
        histogram = Histogram("h", "help", labelnames=["view"], registry=None, buckets=(1,))
        histogram.labels(view="view2").observe(1)
        histogram.labels(view="view1").observe(5)
        self.assertEqual(
            [(s.name, s.labels["view"], s.value) for s in self.metrics()["h"].samples],
            [("h_sum", "view2", 1), ("h_bucket", "view2", 1), ("h_bucket", "view2", 1),
             ("h_count", "view2", 1), ("h_sum", "view1", 5), ("h_bucket", "view1", 0),
             ("h_bucket", "view1", 1), ("h_count", "view1", 1)])

    def test_merge_reads_the_namespace_not_cumulative_if_told(self) -> None:
        histogram = Histogram("h", "help", registry=None, buckets=(1, 2))
        for amount in (0.5, 1.5, 1.5, 9):
            histogram.observe(amount)
        (metric,) = self.collector.merge([], accumulate=False)
        self.assertEqual([s.value for s in metric.samples if s.name == "h_bucket"], [1, 2, 1])
        self.assertNotIn("h_count", [s.name for s in metric.samples])

    def test_a_merge_of_missing_live_files_is_empty(self) -> None:
        gone = os.path.join(self.folder, "gauge_liveall_9999999.db")
        self.assertFalse(multiprocess.MultiProcessCollector.merge([gone]))
        self.assertFalse(self.collector.merge([gone]))

    def test_a_restricted_registry_collects_what_it_names(self) -> None:
        Counter("c", "help", registry=None).inc()
        Summary("s", "help", registry=None).observe(1)
        described = CollectorRegistry(auto_describe=True)
        multiprocess.MultiProcessCollector(described)
        restricted = described.restricted_registry(["c_total"])
        self.assertEqual([m.name for m in restricted.collect()], ["c"])

    def test_generate_latest_is_the_text_that_prometheus_reads(self) -> None:
        Counter("c", "some\nhelp", ["l"], registry=None).labels('a"b\\\n').inc(3)
        text = generate_latest(self.registry).decode()
        self.assertIn('c_total{l="a\\"b\\\\\\n"} 3.0\n', text)
        self.assertIn("# HELP c_total some\\nhelp\n# TYPE c_total counter\n", text)
        self.assertIn('c_total{l="a\\"b\\\\\\n"} 3', percpud.prometheus.latest().decode())


class Naming(Multiprocess):
    def test_the_old_variable_works_and_warns_once(self) -> None:
        with rig.environment(prometheus_multiproc_dir=self.folder, PROMETHEUS_MULTIPROC_DIR=None):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                values.ValueClass = values.get_value_class()
                multiprocess.MultiProcessCollector(CollectorRegistry())
                Counter("c", "help", registry=None)
            self.assertEqual([w.category for w in caught], [DeprecationWarning])
            self.assertIn("PROMETHEUS_MULTIPROC_DIR", str(caught[0].message))
            self.assertEqual(os.environ["PROMETHEUS_MULTIPROC_DIR"], self.folder)

    def test_a_collector_needs_a_directory_or_a_name(self) -> None:
        with self.assertRaises(ValueError):
            multiprocess.MultiProcessCollector(CollectorRegistry(), __file__)
        with rig.environment(PROMETHEUS_MULTIPROC_DIR=None):
            with self.assertRaises(ValueError):
                multiprocess.MultiProcessCollector(CollectorRegistry())
            with rig.environment(PERCPUD_NAMESPACE="a shop"):
                multiprocess.MultiProcessCollector(CollectorRegistry())

    def test_the_real_path_of_the_directory_is_the_namespace(self) -> None:
        Counter("c", "help", registry=None).inc()
        link = self.folder + "-link"
        os.symlink(self.folder, link)
        self.addCleanup(os.unlink, link)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, link)
        self.assertEqual(registry.get_sample_value("c_total"), 1)

    def test_two_applications_do_not_see_each_other(self) -> None:
        mine = Counter("c", "help", registry=None)
        percpud.prometheus.install("another/application")
        theirs = Counter("c", "help", registry=None)
        mine.inc(1)
        theirs.inc(5)
        self.assertEqual(self.value("c_total"), 1)


if __name__ == "__main__":
    unittest.main()
