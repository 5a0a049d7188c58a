# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real php-fpm: workers are recycled and killed, and so is the daemon."""

import unittest

import fastcgi
import rig
import servers

_REQUESTS = 400


class PhpFpm(servers.WithServers):
    def serve(self, **options) -> fastcgi.Fpm:
        server = fastcgi.Fpm(self.folder, self.daemon.address, **options)
        self.addCleanup(server.stop)
        return server

    def test_recycled_workers_lose_and_add_nothing(self) -> None:
        server = self.serve(most=20)
        first = set(server.workers())
        load = self.load(server)
        rig.eventually(lambda: load.answered >= _REQUESTS and
                       not first & set(server.workers()), "all workers are recycled")
        load.stop()
        self.assertEqual(load.begun, load.answered)
        self.assertEqual(server.sample("shop_requests{"), load.begun)
        self.assertEqual(server.sample("shop_seconds_count"), load.begun)
        self.assertEqual(server.sample("shop_stock"), -load.begun)

    def test_workers_and_the_daemon_are_killed_and_the_count_is_exact(self) -> None:
        server = self.serve(most=50)
        load = self.load(server)
        self.kill_workers_and_the_daemon(server, load)
        load.stop()
        self.assert_exact(server, load, "shop_requests{", kills=6)

    def test_a_gauge_has_one_value_that_every_worker_sets(self) -> None:
        server = self.serve(children=3)
        for value in (12, 7.5):
            self.assertEqual(server.get(f"/fill?{value}"), "filled")
            pids = set()
            while len(pids) < 3:
                pids.add(server.get("/pid"))
                self.assertEqual(server.sample("shop_stock"), value)

    def test_a_wipe_is_noticed_by_every_worker(self) -> None:
        server = self.serve(children=3)
        pids = set()
        while len(pids) < 3:
            pids.add(server.get("/pid"))
            self.assertEqual(server.get("/fill?5"), "filled")
        self.assertEqual(server.get("/wipe"), "wiped")
        self.assertEqual(server.get("/metrics"), "")
        pids.clear()
        while len(pids) < 3:
            pids.add(server.get("/pid"))
            expected = float(len(pids))
            self.assertEqual(server.get(f"/fill?{expected}"), "filled")
            self.assertEqual(server.sample("shop_stock"), expected)

    def test_a_wipe_stays_one_for_workers_that_have_not_served_yet(self) -> None:
        server = self.serve(children=3, most=1)
        for _ in range(6):
            served = int(server.get("/restock?5"))
            # One that ends or begins may open series, which the wipe is not to meet.
            rig.eventually(lambda: served not in server.workers() and len(server.workers()) == 3,
                           "the worker is recycled")
        self.assertEqual(server.get("/wipe"), "wiped")
        for _ in range(6):
            self.assertEqual(server.get("/metrics"), "")


if __name__ == "__main__":
    unittest.main()
