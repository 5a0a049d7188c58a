# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""What every prefork server is tested for: workers are recycled and killed, and so is the daemon."""

import rig
import servers

_REQUESTS = 200


class Prefork(servers.WithServers):
    """Subclasses say how their server is started; it has at most four workers."""

    # Whether the server itself resets requests when a worker has served its number.
    resets_when_recycled = False

    def start(self, path: str, most: int, preload: bool) -> servers.Server:
        """Starts it at a socket; a worker ends after about so many requests. With `preload` workers
        inherit the application."""
        raise NotImplementedError

    def serve(self, most: int, preload: bool) -> servers.Server:
        server = self.start(f"{self.folder}/http", most, preload)
        self.addCleanup(server.stop)
        return server

    def test_recycled_workers_lose_and_add_nothing(self) -> None:
        for preload in (False, True):
            with self.subTest(preload=preload):
                server = self.serve(20, preload)
                before = server.sample("shop_requests_total")
                first = set(server.workers())
                load = self.load(server)
                rig.eventually(lambda: load.answered >= _REQUESTS and
                               not first & set(server.workers()), "all workers are recycled")
                load.stop()
                if not self.resets_when_recycled:
                    self.assertEqual(load.begun, load.answered)
                counted = server.sample("shop_requests_total") - before
                self.assertTrue(load.answered <= counted <= load.begun,
                                f"{load.answered} answered, {counted} counted, {load.begun} begun")
                self.assertEqual(server.sample("shop_seconds_count"),
                                 server.sample("shop_requests_total"))
                server.stop()

    def test_workers_and_the_daemon_are_killed_and_the_count_is_exact(self) -> None:
        # Without a daemon the children of a process that was attached count on in the
        # shared cells. A worker that attaches itself would count locally meanwhile, and a kill
        # would lose that.
        server = self.serve(50, True)
        load = self.load(server)
        self.kill_workers_and_the_daemon(server, load)
        load.stop()
        self.assert_exact(server, load, "shop_requests_total", kills=6)
        rig.eventually(lambda: server.sample("shop_in_flight") == 0, "nothing is in flight")
