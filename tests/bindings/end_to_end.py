#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: end_to_end.py [--kills N] [LANGUAGE...]

An application under each real server of these languages, with a percpud, a percpud-exporter and
a Prometheus of its own. Four clients send requests. N random workers are killed with SIGKILL,
one after the other (6 unless said otherwise); then the daemon, and a worker while it is away;
then N more. What is held, and printed:

  the requests counted are those answered, but for what was in flight at a kill;
  a histogram's count is its sum, as each observation is 1;
  nothing is in flight at the end, where a gauge says so;
  Prometheus has the same numbers, and resets() is 0.

Exits with 1 if any of it is not so."""

import argparse
import random
import re
import sys
import tempfile

import stand  # says where the others are
import rig
import servers
import shops

_CLIENTS = 4
# Requests that are answered between two kills.
_BETWEEN = 40


class Kills:
    """Kills workers under load, and the daemon."""

    def __init__(self, around: stand.Stand, load: servers.Load) -> None:
        self._around = around
        self._load = load
        self.workers = 0

    def kill_workers(self, count: int) -> None:
        for _ in range(count):
            self._load.await_answered(_BETWEEN)
            self._kill(random.choice(self._all_workers()))
        self._load.await_answered(_BETWEEN)

    def kill_the_daemon(self) -> None:
        """Kills it, and then the oldest worker, which has joined it: a younger one may count
        locally until it is back, and would take that with it."""
        oldest = self._all_workers()[0]
        self._around.daemon.kill()
        self._load.await_answered(_BETWEEN)
        self._kill(oldest)
        self._load.await_answered(_BETWEEN)
        self._around.daemon.start()
        self._around.await_joined(lambda: self._load.answered)

    def _all_workers(self) -> list[int]:
        return rig.eventually(self._around.server.workers, "there is a worker")

    def _kill(self, worker: int) -> None:
        servers.kill_one([worker])
        self.workers += 1


def run(folder: str, start, kills: int) -> str:
    """Starts everything, kills some of it, and returns what was counted."""
    with stand.stand(folder, start) as around:
        load = servers.Load(around.server, _CLIENTS)
        try:
            killing = Kills(around, load)
            killing.kill_workers(kills)
            killing.kill_the_daemon()
            killing.kill_workers(kills)
        finally:
            load.stop()
        said = around.hold(load.begun, load.answered, in_flight=killing.workers * _CLIENTS)
        return f"{killing.workers} workers and the daemon killed; {said}"


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"^.*\n\n", "", __doc__),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", default=list(shops.SERVERS),
                        help=", ".join(shops.SERVERS))
    arguments = parser.parse_args()
    failed = 0
    for language in arguments.languages:
        if language not in shops.SERVERS:
            parser.error(f"there is no language {language}, but {', '.join(shops.SERVERS)}")
        for name, start in shops.SERVERS[language].items():
            with tempfile.TemporaryDirectory() as folder:
                try:
                    verdict = run(folder, start, arguments.kills)
                except AssertionError as error:
                    verdict = f"FAILED: {error}"
                    failed = 1
            print(f"{language}, {name}: {verdict}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
