# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A server's surroundings: a percpud, a percpud-exporter and a Prometheus of its own.

Says where everything is that the tests of bindings import, and so is imported first."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PERCPUD_BUILD_DIR", ROOT / "build"))
_HERE = pathlib.Path(__file__).resolve().parent
os.environ |= {
    "LUA_PATH": f"{BUILD}/lua/?.lua",
    "NODE_PATH": f"{BUILD}/node",
    "PERCPUD_BIN_DIR": f"{BUILD}/bin",
    "PERCPUD_PHP": shutil.which("php8.2") or "php",
    "PERCPUD_PHP_DIR": f"{BUILD}/php",
    "PERCPUD_PHP_FPM": "/usr/sbin/php-fpm8.2",
    "PYTHONPATH": f"{BUILD}/python",
    "RUBYLIB": f"{BUILD}/ruby",
}
sys.path += [f"{_HERE}/{folder}" for folder in ("python", "lua", "php")] + [f"{ROOT}/tests/metrics"]

import rig  # noqa: E402
import scratch_prometheus as prometheus  # noqa: E402
import servers  # noqa: E402
from prometheus_client.openmetrics.parser import text_string_to_metric_families  # noqa: E402

_OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
REQUESTS, COUNT, SUM = "shop_requests_total", "shop_seconds_count", "shop_seconds_sum"
IN_FLIGHT = "shop_in_flight"


class Exporter:
    """percpud-exporter, from its making to stop()."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [rig.BINARIES / "percpud-exporter", "--address", address, "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = prometheus.port_of(self._process.stdout.readline())

    def page(self) -> str:
        return prometheus.get(f"http://{self.address}/metrics", _OPENMETRICS).decode()

    def sample(self, name: str) -> float:
        """Returns the sum of the samples of this name, as Prometheus's own parser reads the page."""
        return sum(sample.value for family in text_string_to_metric_families(self.page())
                   for sample in family.samples if sample.name == name)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


@dataclasses.dataclass
class Stand:
    """A server, and what is beside it."""

    daemon: rig.Daemon
    exporter: Exporter
    scraper: prometheus.Prometheus
    server: servers.Server

    def await_joined(self, answered: Callable[[], int]) -> None:
        """Waits until no worker has anything local. One takes some seconds to find the daemon again."""

        def has_joined() -> bool:
            # Read first and each time anew: what is counted from now on hides nothing that is missing.
            due = answered()
            return all(self.exporter.sample(name) >= due for name in (REQUESTS, COUNT))

        rig.eventually(has_joined, "what was counted without the daemon has joined")

    def hold(self, begun: int, answered: int, in_flight: int) -> str:
        """Holds that so many requests are counted, but for at most `in_flight` of them, and returns
        that in words. AssertionError if it is not so."""
        self.await_joined(lambda: answered)
        requests, count = self.exporter.sample(REQUESTS), self.exporter.sample(COUNT)
        said = f"{begun} requests begun, {answered} answered, {requests:.0f} counted"
        assert answered <= count <= requests <= begun, f"{said}, {count:.0f} observed"
        assert begun - answered <= in_flight, f"{said}, {in_flight} in flight at most"
        total = self.exporter.sample(SUM)
        assert total == count, f"{said}, {count:.0f} observed as {total}"
        rig.eventually(lambda: self.exporter.sample(IN_FLIGHT) == 0, "nothing is in flight")
        for name in (REQUESTS, COUNT):
            shown = self.exporter.sample(name)
            seen = self.scraper.await_value(f"sum({name})", lambda value, want=shown: value == want)
            resets = self.scraper.value(f"sum(resets({name}[1h]))")
            assert (seen, resets) == (shown, 0), f"{said}; Prometheus: {name} {seen}, resets {resets}"
        return f"{said}, resets 0"


@contextlib.contextmanager
def stand(folder: str, start: Callable[[str, str], servers.Server]) -> Iterator[Stand]:
    """Has a server meanwhile, which start() starts in the folder for a daemon's address."""
    with contextlib.ExitStack() as stops:
        daemon = rig.Daemon()
        stops.callback(daemon.remove)
        daemon.start()
        exporter = Exporter(daemon.address)
        stops.callback(exporter.stop)
        scraper = prometheus.Prometheus(pathlib.Path(folder, "prometheus"), exporter.address, "2s")
        stops.callback(scraper.stop)
        with rig.environment(PERCPUD_ADDRESS=daemon.address, PERCPUD_NAMESPACE="shop",
                             PERCPUD_PROMETHEUS=None, PROMETHEUS_MULTIPROC_DIR=None):
            server = start(folder, daemon.address)
        stops.callback(server.stop)
        scraper.wait_until_ready()
        yield Stand(daemon, exporter, scraper, server)
