# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""prometheus_client's classes behave as before: what is replaced is not seen."""

import http.client
import unittest

import percpud.prometheus
from prometheus_client import (CollectorRegistry, Counter, Enum, Histogram, Info, Summary,
                               multiprocess, start_http_server)
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import rig
from multiprocess_test import Multiprocess


class Labels(Multiprocess):
    def test_the_same_labels_are_the_same_child_however_they_are_said(self) -> None:
        counter = Counter("c", "help", ["method", "code"], registry=None)
        child = counter.labels("get", 200)
        self.assertIs(counter.labels("get", "200"), child)
        self.assertIs(counter.labels(code=200, method="get"), child)
        self.assertIs(counter.labels(**{"".join(["me", "thod"]): "get", "co" + "de": "200"}), child)
        self.assertIsNot(counter.labels("200", "get"), child)

    def test_wrong_labels_are_refused_as_before(self) -> None:
        counter = Counter("c", "help", ["method", "code"], registry=None)
        child = counter.labels("get", "200")
        for wrong in (lambda: counter.labels(), lambda: counter.labels("get"),
                      lambda: counter.labels("get", "200", "x"),
                      lambda: counter.labels("get", code="200"),
                      lambda: counter.labels(method="get"),
                      lambda: counter.labels(method="get", code="1", more="x"),
                      lambda: counter.labels(method="get", kode="1"),
                      lambda: child.labels("get", "200"), counter.inc,
                      lambda: Counter("d", "help", registry=None).labels("a")):
            with self.assertRaises(ValueError):
                wrong()

    def test_labels_that_cannot_be_texts_raise_what_they_raise(self) -> None:
        class Odd:
            def __str__(self) -> str:
                raise KeyError("odd")

        counter = Counter("c", "help", ["l"], registry=None)
        with self.assertRaises(KeyError):
            counter.labels(Odd())

    def test_zeros_and_what_is_not_unicode_do_not_break_the_application(self) -> None:
        counter = Counter("c", "help", ["l"], registry=None)
        for label in ("a\0b", "\udcff", "\U0001f600", ""):
            counter.labels(label).inc()
        self.assertEqual(self.value("c_total", l="\U0001f600"), 1)
        self.assertEqual(self.value("c_total", l=""), 1)
        self.assertEqual(len(self.metrics()["c"].samples), 4)

    def test_a_subclass_keeps_its_own_methods(self) -> None:
        class Doubled(Histogram):
            def observe(self, amount, exemplar=None):
                super().observe(2 * amount, exemplar)

        Doubled("h", "help", registry=None).observe(3)
        self.assertEqual(self.value("h_sum"), 6)


class Observations(Multiprocess):
    def test_metrics_that_need_labels_are_not_observed(self) -> None:
        for kind in (Histogram, Summary):
            with self.assertRaises(ValueError):
                kind(f"m_{kind.__name__.lower()}", "help", ["l"], registry=None).observe(1)

    def test_wrong_arguments_are_refused(self) -> None:
        histogram = Histogram("h", "help", registry=None)
        for wrong in (lambda: histogram.observe(), lambda: histogram.observe(1, {}, 3),
                      lambda: histogram.observe(None), lambda: histogram.observe(amounts=1)):
            with self.assertRaises(TypeError):
                wrong()

    def test_timers_and_decorators_observe(self) -> None:
        histogram = Histogram("h", "help", registry=None)
        summary = Summary("s", "help", registry=None)
        with histogram.time():
            pass
        summary.time()(lambda: None)()
        self.assertEqual((self.value("h_count"), self.value("s_count")), (1, 1))

    def test_exceptions_are_counted(self) -> None:
        counter = Counter("c", "help", registry=None)
        with self.assertRaises(KeyError), counter.count_exceptions():
            raise KeyError
        self.assertEqual(self.value("c_total"), 1)
        with self.assertRaises(ValueError):
            counter.inc(-1)

    def test_exemplars_are_accepted_and_shown_by_the_process(self) -> None:
        own = CollectorRegistry()
        counter = Counter("c", "help", registry=own)
        histogram = Histogram("h", "help", registry=own, buckets=(1, 2))
        counter.inc(2, {"trace": "abc"})
        histogram.observe(1.5, {"trace": "def"})
        histogram.observe(amount=5, exemplar={"trace": "ghi"})
        text = openmetrics(own).decode()
        for wanted in ('c_total 2.0 # {trace="abc"} 2.0', '# {trace="def"} 1.5',
                       '# {trace="ghi"} 5.0'):
            self.assertIn(wanted, text)
        with self.assertRaises(ValueError):
            histogram.observe(1, {"trace": "x" * 200})
        self.assertEqual(self.value("h_count"), 3)

    def test_metrics_say_when_they_were_created(self) -> None:
        own = CollectorRegistry()
        Counter("c", "help", registry=own)
        self.assertGreater(own.get_sample_value("c_created"), 1e9)
        self.assertIsNone(self.value("c_created"))


class Others(Multiprocess):
    def test_info_and_enum_stay_with_their_process(self) -> None:
        own = CollectorRegistry()
        Info("i", "help", registry=own).info({"version": "1"})
        Enum("e", "help", states=["on", "off"], registry=own).state("off")
        self.assertEqual(own.get_sample_value("i_info", {"version": "1"}), 1)
        self.assertEqual(own.get_sample_value("e", {"e": "off"}), 1)

    def test_a_registry_refuses_a_name_twice(self) -> None:
        own = CollectorRegistry()
        Counter("c", "help", registry=own)
        with self.assertRaises(ValueError):
            Summary("c", "help", registry=own)

    def test_a_family_of_another_shape_counts_in_this_process_and_says_so(self) -> None:
        first = Counter("m", "help", ["a"], registry=None)
        first.labels("x").inc()
        with self.assertLogs("percpud") as said:
            second = Counter("m", "help", ["b"], registry=None).labels("y")
        second.inc(4)
        self.assertEqual(second._value.get(), 4)
        self.assertIn("m: ", said.output[0])
        self.assertEqual([s.labels for s in self.metrics()["m"].samples], [{"a": "x"}])

    def test_a_served_registry_passes_the_openmetrics_parser(self) -> None:
        Counter("c", "help", ["l"], registry=None).labels("v").inc()
        Histogram("h", "help", registry=None).observe(1)
        Summary("s", "help", registry=None).observe(1)
        families = list(text_string_to_metric_families(openmetrics(self.registry).decode()))
        self.assertEqual([f.name for f in families], ["c", "h", "s"])
        native = percpud.prometheus.latest(openmetrics=True).decode()
        self.assertEqual([f.name for f in text_string_to_metric_families(native)],
                         ["c", "h", "s"])

    def test_start_http_server_serves_all_processes(self) -> None:
        Counter("c", "help", registry=None).inc(2)
        self.assertEqual(rig.in_child(Counter("c", "help", registry=None).inc), 0)
        # Port 0 is not told by version 0.16, so the server is asked by its own means.
        import prometheus_client.exposition as exposition
        from wsgiref.simple_server import make_server
        import threading

        server = make_server("127.0.0.1", 0, exposition.make_wsgi_app(self.registry),
                             handler_class=exposition._SilentHandler)
        self.addCleanup(server.server_close)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.request("GET", "/metrics")
        self.assertIn(b"c_total 3.0", connection.getresponse().read())
        thread.join()
        connection.close()
        self.assertTrue(callable(start_http_server))

    def test_uninstalled_everything_is_as_it_was(self) -> None:
        percpud.prometheus.uninstall()
        own = CollectorRegistry()
        with rig.environment(PROMETHEUS_MULTIPROC_DIR=None):
            from prometheus_client import values

            values.ValueClass = values.MutexValue
            Counter("c", "help", registry=own).inc()
        self.assertEqual(own.get_sample_value("c_total"), 1)
        self.assertEqual(multiprocess.MultiProcessCollector.__module__,
                         "prometheus_client.multiprocess")
        self.assertFalse(hasattr(Histogram, "_percpud_observe"))


if __name__ == "__main__":
    unittest.main()
