# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real nginx: it is reloaded, and its workers and the daemon are killed."""

import contextlib
import unittest
from collections.abc import Iterator

from prometheus_client import parser

import nginx
import rig
import servers


class Nginx(servers.WithServers):
    def serve(self, metrics: str) -> nginx.Nginx:
        server = nginx.Nginx(self.folder, metrics)
        self.addCleanup(server.stop)
        return server

    @contextlib.contextmanager
    def no_daemon(self) -> Iterator[None]:
        self.daemon.kill()
        try:
            yield
        finally:
            self.daemon.start()

    def check(self, server: nginx.Nginx, load: servers.Load, kills: int) -> None:
        self.assert_exact(server, load, "shop_requests{", kills)
        total, count = server.sample("shop_requests{"), server.sample("shop_seconds_count")
        self.assertEqual(count, server.sample('shop_seconds_bucket{le="+Inf"}'))
        self.assertLessEqual(load.answered, count)
        self.assertLessEqual(count, total)
        # Workers that have died of anything else are named with another signal.
        deaths = [line for line in server.log() if "exited on signal" in line]
        self.assertLessEqual(len(deaths), kills)
        for death in deaths:
            self.assertIn("exited on signal 9", death)

    def kill_some(self, server: nginx.Nginx, load: servers.Load) -> None:
        for _ in range(2):
            load.await_answered(40)
            servers.kill_one(server.workers())

    def reload_and_kill(self, metrics: str) -> None:
        server = self.serve(metrics)
        self.assertEqual(server.sample("shop_requests{"), 0)
        load = self.load(server)
        for round_ in range(6):
            load.await_answered(50)
            if round_ % 2 == 0:
                servers.kill_one(server.workers())
            else:
                server.reload()
        load.stop()
        self.check(server, load, kills=3)

    def test_reloads_and_killed_workers_lose_and_add_nothing(self) -> None:
        self.reload_and_kill(nginx.IN_WORKERS)

    def test_nor_do_those_that_inherit_their_metrics(self) -> None:
        self.reload_and_kill(nginx.IN_MASTER)

    def test_a_killed_daemon_is_not_missed(self) -> None:
        # Children of a master that was attached count on in the shared cells without a
        # daemon. A worker that attaches itself would count locally meanwhile, and a kill would lose
        # that.
        server = self.serve(nginx.IN_MASTER)
        load = self.load(server)
        self.kill_some(server, load)
        with self.no_daemon():
            self.kill_some(server, load)
        self.kill_some(server, load)
        load.stop()
        self.check(server, load, kills=6)

    def test_it_shows_what_it_counts_while_there_is_no_daemon(self) -> None:
        server = self.serve(nginx.IN_MASTER)
        with self.no_daemon():
            for _ in range(10):
                self.assertIsNotNone(server.get("/buy"))
            self.assertEqual(server.sample("shop_requests{"), 10)
        self.assertEqual(server.sample("shop_requests{"), 10)

    def test_without_a_daemon_it_serves_says_so_once_and_counts_join(self) -> None:
        with self.no_daemon():
            server = self.serve(nginx.IN_WORKERS)
            for _ in range(100):
                self.assertIsNotNone(server.get("/buy"))
            rig.eventually(server.log, "it says so")
            self.assertIn("percpud: metrics may be local", server.log()[0])
        rig.eventually(lambda: server.sample("shop_requests{") == 100, "counts join")
        self.assertEqual(len(server.log()), 1, server.log())

    def test_a_gauge_has_one_value_for_all_workers(self) -> None:
        for metrics in (nginx.IN_WORKERS, nginx.IN_MASTER):
            with self.subTest(metrics):
                server = self.serve(metrics)
                for value in range(1, 31):
                    self.assertIsNotNone(server.get(f"/buy?set={value}"))
                    self.assertEqual(server.sample("shop_limit{"), value)
                for worker in server.workers():
                    servers.kill_one([worker])
                rig.eventually(lambda: server.get("/buy"), "new workers answer")
                self.assertEqual(server.sample("shop_limit{"), 30)
                server.stop()

    def test_a_master_that_is_reloaded_keeps_nothing_of_what_it_had(self) -> None:
        server = self.serve(nginx.IN_MASTER)
        server.reload()
        descriptors, mappings = server.descriptors(), server.mappings()
        self.assertGreater(mappings, 0)
        for _ in range(3):
            server.reload()
        self.assertEqual(server.descriptors(), descriptors)
        self.assertEqual(server.mappings(), mappings)

    def test_what_one_worker_deletes_is_gone_for_all(self) -> None:
        server = self.serve(nginx.IN_WORKERS)
        for _ in range(30):
            server.get("/buy?dead=1")
        self.assertEqual(server.sample("shop_dead{"), 30)
        server.get("/buy?del=1")
        self.assertEqual(server.sample("shop_dead{"), 0)
        for _ in range(30):
            server.get("/buy?dead=1")
        self.assertEqual(server.sample("shop_dead{"), 30)

    def test_prometheus_s_own_client_reads_what_it_collects(self) -> None:
        server = self.serve(nginx.IN_MASTER)
        for path in ("/buy", "/%22quoted%22", "/line%0Abreak", "/%FFnot-text"):
            self.assertIsNotNone(server.get(path))
        families = {family.name: family for family in
                    parser.text_string_to_metric_families(server.get("/metrics"))}
        paths = {sample.labels["path"]: sample.value
                 for sample in families["shop_requests"].samples}
        self.assertEqual(paths, {"/buy": 1, '/"quoted"': 1, "/line\nbreak": 1, "/": 1})
        self.assertEqual(families["shop_seconds"].type, "histogram")
        self.assertIn("nginx_metric_errors", families)


if __name__ == "__main__":
    unittest.main()
