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
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_BUILD = pathlib.Path(os.environ.get("PERCPUD_BUILD_DIR", _ROOT / "build"))
_HERE = pathlib.Path(__file__).resolve().parent
os.environ |= {
    "LUA_PATH": f"{_BUILD}/lua/?.lua",
    "NODE_PATH": f"{_BUILD}/node",
    "PERCPUD_BIN_DIR": f"{_BUILD}/bin",
    "PERCPUD_PHP": shutil.which("php8.2") or "php",
    "PERCPUD_PHP_DIR": f"{_BUILD}/php",
    "PERCPUD_PHP_FPM": "/usr/sbin/php-fpm8.2",
    "PYTHONPATH": f"{_BUILD}/python",
    "RUBYLIB": f"{_BUILD}/ruby",
}
sys.path += [f"{_HERE}/{folder}" for folder in ("python", "lua", "php")] + [f"{_ROOT}/tests/metrics"]

import rig  # noqa: E402
import scratch_prometheus as prometheus  # noqa: E402
import servers  # noqa: E402
import shops  # noqa: E402
from prometheus_client.openmetrics.parser import text_string_to_metric_families  # noqa: E402

_CLIENTS = 4
# Requests that are answered between two kills.
_BETWEEN = 40
_OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
_REQUESTS, _COUNT, _SUM = "shop_requests_total", "shop_seconds_count", "shop_seconds_sum"
_IN_FLIGHT = "shop_in_flight"


class Exporter:
    """percpud-exporter, from its making to stop()."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [rig.BINARIES / "percpud-exporter", "--address", address, "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = prometheus.port_of(self._process.stdout.readline())

    def sample(self, name: str) -> float:
        """Returns the sum of the samples of this name, as Prometheus's own parser reads the page."""
        page = prometheus.get(f"http://{self.address}/metrics", _OPENMETRICS).decode()
        return sum(sample.value for family in text_string_to_metric_families(page)
                   for sample in family.samples if sample.name == name)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


def _await_joined(exporter: Exporter, load: servers.Load) -> None:
    """Waits until no worker has anything local. One takes some seconds to find the daemon again."""

    def has_joined() -> bool:
        # Read first and each time anew: what is counted from now on hides nothing that is missing.
        answered = load.answered
        return all(exporter.sample(name) >= answered for name in (_REQUESTS, _COUNT))

    rig.eventually(has_joined, "what was counted without the daemon has joined")


class Kills:
    """Kills workers under load, and the daemon."""

    def __init__(self, daemon: rig.Daemon, exporter: Exporter, server: servers.Server,
                 load: servers.Load) -> None:
        self._daemon = daemon
        self._exporter = exporter
        self._server = server
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
        self._daemon.kill()
        self._load.await_answered(_BETWEEN)
        self._kill(oldest)
        self._load.await_answered(_BETWEEN)
        self._daemon.start()
        _await_joined(self._exporter, self._load)

    def _all_workers(self) -> list[int]:
        return rig.eventually(self._server.workers, "there is a worker")

    def _kill(self, worker: int) -> None:
        servers.kill_one([worker])
        self.workers += 1


def _check(kills: Kills, load: servers.Load, exporter: Exporter,
           server: prometheus.Prometheus) -> str:
    """Returns what was counted. AssertionError if that is not what it has to be."""
    _await_joined(exporter, load)
    begun, answered = load.begun, load.answered
    requests, count = exporter.sample(_REQUESTS), exporter.sample(_COUNT)
    said = (f"{kills.workers} workers and the daemon killed; {begun} requests begun, "
            f"{answered} answered, {requests:.0f} counted")
    assert answered <= count <= requests <= begun, f"{said}, {count:.0f} observed"
    assert begun - answered <= kills.workers * _CLIENTS, said
    assert exporter.sample(_SUM) == count, f"{said}, {count:.0f} observed as {exporter.sample(_SUM)}"
    rig.eventually(lambda: exporter.sample(_IN_FLIGHT) == 0, "nothing is in flight")
    for name in (_REQUESTS, _COUNT):
        shown = exporter.sample(name)
        seen = server.await_value(f"sum({name})", lambda value, want=shown: value == want)
        resets = server.value(f"sum(resets({name}[1h]))")
        assert (seen, resets) == (shown, 0), f"{said}; Prometheus: {name} {seen}, resets {resets}"
    return f"{said}, resets 0"


def run(folder: str, start, kills: int) -> str:
    """Starts everything, kills some of it, and returns what was counted."""
    daemon = rig.Daemon()
    stops = [daemon.remove]
    try:
        daemon.start()
        exporter = Exporter(daemon.address)
        stops.append(exporter.stop)
        scraper = prometheus.Prometheus(pathlib.Path(folder, "prometheus"), exporter.address, "2s")
        stops.append(scraper.stop)
        with rig.environment(PERCPUD_ADDRESS=daemon.address, PERCPUD_NAMESPACE="shop",
                             PERCPUD_PROMETHEUS=None, PROMETHEUS_MULTIPROC_DIR=None):
            server = start(folder, daemon.address)
        stops.append(server.stop)
        scraper.wait_until_ready()
        load = servers.Load(server, _CLIENTS)
        stops.append(load.stop)
        killing = Kills(daemon, exporter, server, load)
        killing.kill_workers(kills)
        killing.kill_the_daemon()
        killing.kill_workers(kills)
        load.stop()
        return _check(killing, load, exporter, scraper)
    finally:
        for stop in reversed(stops):
            stop()


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
