# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real gunicorn: workers are recycled and killed, and so is the daemon."""

import unittest

import rig
import servers

_REQUESTS = 400


class Gunicorn(servers.WithServers):
    def serve(self, *options: str) -> servers.Server:
        server = servers.gunicorn(f"{self.folder}/http", "--workers", "4", *options)
        self.addCleanup(server.stop)
        return server

    def test_recycled_workers_lose_and_add_nothing(self) -> None:
        for preload in ([], ["--preload"]):
            with self.subTest(preload):
                server = self.serve("--max-requests", "20", "--max-requests-jitter", "5", *preload)
                before = server.sample("shop_requests_total")
                first = set(server.workers())
                load = self.load(server)
                rig.eventually(lambda: load.answered >= _REQUESTS and
                               not first & set(server.workers()), "all workers are recycled")
                load.stop()
                self.assertEqual(load.begun, load.answered)
                self.assertEqual(server.sample("shop_requests_total") - before, load.begun)
                self.assertEqual(server.sample("shop_seconds_count"),
                                 server.sample("shop_requests_total"))
                server.stop()

    def test_workers_and_the_daemon_are_killed_and_the_count_is_exact(self) -> None:
        # Without a daemon the children of a process that was attached count on in the
        # shared cells. A worker that attaches itself would count locally meanwhile, and a kill
        # would lose that.
        server = self.serve("--max-requests", "50", "--preload")
        load = self.load(server)
        self.kill_workers_and_the_daemon(server, load)
        load.stop()
        self.assert_exact(server, load, "shop_requests_total", kills=6)


if __name__ == "__main__":
    unittest.main()
