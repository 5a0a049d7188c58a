#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: compare.py [--seconds S] [--smoke]

The tests' shop on percpud, beside the same shop on the files of prometheus_client's own
multiprocess mode. Nobody configures a hook, and both are asked the same, in one run.

Under gunicorn and uWSGI: 4 workers, each replaced after 50 requests, and one random worker
killed with SIGKILL every 200 ms, while `hey` sends requests for S seconds (60). Then workers
are killed in the middle of a request each. What is held of percpud:

  the requests counted are those that hey had answered, but for one in flight at each kill;
  a histogram's count is its sum, as each observation is 1;
  Prometheus has the same numbers, and resets() is 0;
  nothing is in flight after the last kill, with a goal of 50 ms.

Then in one process each, which take turns: what a call costs, and what a scrape costs and
memory holds after 8 and after 1000 of its children have served a request and were killed.
--smoke runs for seconds: that it works, not how fast. Exits with 1 if a count is not so."""

import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional

import stand  # says where the others are
import rig
import scratch_prometheus as prometheus
import servers
import shops
import turns
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

_CLIENTS = 8
# In a round that is measured.
_CALLS = 1000
_GONE_GOAL_MS = 50
# What is still in flight after so long is taken to stay.
_STAYS_MS = 2000
_STARTS: dict[str, Callable] = {"gunicorn": shops.gunicorn, "uwsgi": shops.uwsgi}
_TCP_OPTION = {"gunicorn": "--bind", "uwsgi": "--http-socket"}


class Row(NamedTuple):
    """A line of the table. A figure may be missing, and costs have a ratio."""

    name: str
    percpud: Optional[float]
    files: Optional[float]
    is_cost: bool = True

    def __str__(self) -> str:
        ratio = f"{self.percpud / self.files:.3f}" if self.is_cost and self.files else ""
        shown = ["" if value is None else f"{value:,.1f}".removesuffix(".0")
                 for value in (self.percpud, self.files)]
        return f"{self.name:60}{shown[0]:>12}{shown[1]:>14}{ratio:>9}"


def bytes_in(folder: str) -> int:
    """Returns what the files of a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*"))


class Hey:
    """A run of `hey`, and what it reports."""

    def __init__(self, port: int, seconds: float) -> None:
        begins = time.monotonic()
        # Each request has a connection: over one that is kept, a Go program repeats what was reset.
        done = subprocess.run(["hey", "-z", f"{seconds}s", "-c", str(_CLIENTS), "-disable-keepalive",
                               f"http://127.0.0.1:{port}/buy"], capture_output=True, text=True, check=True)
        self.seconds = time.monotonic() - begins
        codes = dict(re.findall(r"^\s+\[(\d+)\]\t(\d+) responses$", done.stdout, re.M))
        errors = re.findall(r"^\s+\[(\d+)\]\t(?!\d+ responses)", done.stdout, re.M)
        self.answered = int(codes.get("200", 0))
        self.begun = sum(map(int, [*codes.values(), *errors]))


class Repeated:
    """A thread that does something every so many seconds, until stop()."""

    def __init__(self, every: float, act: Callable[[], None]) -> None:
        self._every = every
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._act()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


class Killer:
    """Kills a random worker of a server."""

    def __init__(self, server: servers.Server) -> None:
        self._server = server
        self.kills = 0

    def kill_one(self) -> None:
        # On a busy machine workers would die before they have begun.
        workers = self._server.workers() if self._server.get("/metrics") else []
        if workers:
            servers.kill_one([random.choice(workers)])
            self.kills += 1


class Sweeper:
    """Removes the files that a worker, killed as it made one, has left empty: prometheus_client
    reads no page while there is one, so somebody has to."""

    _EMPTY_FOR_S = 1.0

    def __init__(self, folder: str) -> None:
        self._folder = pathlib.Path(folder)
        self.removed = 0

    def sweep(self) -> None:
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                kept = path.stat()
                if kept.st_size == 0 and time.time() - kept.st_mtime > self._EMPTY_FOR_S:
                    path.unlink()
                    self.removed += 1


def kill_in_request(server: servers.Server, in_flight: Callable[[], float]) -> tuple[float, float]:
    """Kills all workers in the middle of a request. Returns how many requests are in flight
    afterwards, and the milliseconds since the last kill."""
    ends = threading.Event()

    def ask() -> None:
        while not ends.is_set():
            server.get("/held")

    askers = [threading.Thread(target=ask) for _ in range(shops.WORKERS)]
    before = in_flight()
    for asker in askers:
        asker.start()
    try:
        rig.eventually(lambda: in_flight() == before + shops.WORKERS, "each worker has a request")
    finally:
        ends.set()
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    while True:
        left = in_flight()
        passed = (time.monotonic() - killed) * 1000
        if left == 0 or passed > _STAYS_MS:
            break
    for asker in askers:
        asker.join()
    return left, passed


def page_ms(server: servers.Server) -> float:
    """Returns the least milliseconds in which the application itself answers a scrape."""
    taken = []
    for _ in range(5):
        begins = time.monotonic()
        rig.eventually(lambda: server.get("/metrics"), "the application answers")
        taken.append((time.monotonic() - begins) * 1000)
    return min(taken)


def starter(name: str, port: int) -> Callable[[str, str], servers.Server]:
    """What starts this server, at a TCP port too."""
    return lambda folder, address: _STARTS[name](folder, address, _TCP_OPTION[name], f"127.0.0.1:{port}")


class Kind(NamedTuple):
    """What one kind of counting has come to under a server."""

    said: str
    per_second: float
    lost: float
    resets: float
    left: float
    gone_ms: float
    page_ms: float
    bytes: float
    broken: float


class Load(NamedTuple):
    """For how long hey sends requests, and how often a worker is killed meanwhile."""

    seconds: float
    kill_every: float


def under_load(server: servers.Server, port: int, load: Load) -> tuple[Hey, int]:
    killer = Killer(server)
    killing = Repeated(load.kill_every, killer.kill_one)
    try:
        sent = Hey(port, load.seconds)
    finally:
        killing.stop()
    assert killer.kills > 0 and sent.answered > 0, f"{killer.kills} kills, {sent.answered} answers"
    return sent, killer.kills


def on_percpud(name: str, folder: str, load: Load) -> Kind:
    """Counts on percpud. AssertionError if that is not exact."""
    port = prometheus.free_port()
    with stand.stand(folder, starter(name, port)) as around:
        before = bytes_in(around.daemon.memory)
        sent, kills = under_load(around.server, port, load)
        said = f"{kills} workers killed; {around.hold(sent.begun, sent.answered, in_flight=kills)}"
        lost = around.exporter.sample(stand.REQUESTS) - sent.answered
        taken = page_ms(around.server)

        def in_flight() -> float:
            found = re.findall(rf"^{stand.IN_FLIGHT}\{{.*\}} (\S+)$", around.exporter.page(), re.M)
            return sum(map(float, found))

        left, gone_ms = kill_in_request(around.server, in_flight)
        assert left == 0, f"{said}; {left:.0f} in flight {gone_ms:.0f} ms after the last kill"
        return Kind(said, sent.answered / sent.seconds, lost, 0, left, gone_ms, taken,
                    bytes_in(around.daemon.memory) - before, 0)


@contextlib.contextmanager
def file_folder() -> Iterator[str]:
    """A folder for prometheus_client's files, where percpud has its arena: in memory."""
    folder = tempfile.mkdtemp(prefix="percpud-files-", dir="/dev/shm")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def sample_of(files: str, name: str) -> float:
    """Returns the sum of the samples of this name in prometheus_client's files."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, files)
    while True:
        try:
            return sum(sample.value for metric in registry.collect() for sample in metric.samples
                       if sample.name == name)
        except struct.error:
            continue  # There is an empty file. A worker is making it, or the sweeper removes it.


def on_files(name: str, folder: str, load: Load) -> Kind:
    """Counts in files."""
    port = prometheus.free_port()
    with contextlib.ExitStack() as stops:
        files = stops.enter_context(file_folder())
        with rig.environment(SHOP_ON_FILES="1", PROMETHEUS_MULTIPROC_DIR=files):
            server = starter(name, port)(folder, "")
        stops.callback(server.stop)
        sweeper = Sweeper(files)
        stops.callback(Repeated(1, sweeper.sweep).stop)
        scraper = prometheus.Prometheus(pathlib.Path(folder, "prometheus"), f"127.0.0.1:{port}", "2s")
        stops.callback(scraper.stop)
        scraper.wait_until_ready()
        sent, kills = under_load(server, port, load)
        counted = sample_of(files, stand.REQUESTS)
        said = (f"{kills} workers killed; {sent.begun} requests begun, {sent.answered} answered, "
                f"{counted:.0f} counted")
        scraper.await_value(f"sum({stand.REQUESTS})", lambda value: value >= counted)
        resets = scraper.value(f"sum(resets({stand.REQUESTS}[1h]))") or 0
        taken = page_ms(server)
        left, gone_ms = kill_in_request(server, lambda: sample_of(files, stand.IN_FLIGHT))
        return Kind(said, sent.answered / sent.seconds, counted - sent.answered, resets, left, gone_ms, taken,
                    bytes_in(files), sweeper.removed)


def under_server(name: str, load: Load) -> list[Row]:
    """Returns the lines of a server, and prints what was counted."""
    kinds = []
    for measure in (on_percpud, on_files):
        with tempfile.TemporaryDirectory() as folder:
            kinds.append(measure(name, folder, load))
        print(f"{name}, {measure.__name__.replace('_', ' ')}: {kinds[-1].said}", flush=True)
    ours, theirs = kinds
    verdict = "met" if ours.gone_ms <= _GONE_GOAL_MS else "missed"
    print(f"{name}: nothing in flight {ours.gone_ms:.0f} ms after the last kill, of at most "
          f"{_GONE_GOAL_MS}: {verdict}", flush=True)
    return [Row(f"{name}: {text}", *values) for text, *values in (
        ("requests answered a second", ours.per_second, theirs.per_second),
        ("requests counted and not answered", ours.lost, theirs.lost, False),
        ("resets() in Prometheus", ours.resets, theirs.resets, False),
        (f"in flight when {shops.WORKERS} workers have died in a request", ours.left, theirs.left, False),
        ("milliseconds until that is 0", ours.gone_ms, None if theirs.left else theirs.gone_ms, False),
        ("times that a killed worker made the page unreadable", ours.broken, theirs.broken, False),
        ("milliseconds of its page, after the load", ours.page_ms, theirs.page_ms),
        ("bytes left on disk", ours.bytes, theirs.bytes))]


def start_mortals(**variables: Optional[str]) -> turns.Measured:
    with rig.environment(PERCPUD_NAMESPACE=None, **variables):
        return turns.Measured([sys.executable, "mortals.py"],
                              cwd=pathlib.Path(__file__).parent / "python")


def after_deaths(deaths: tuple[int, int], rounds: int) -> list[Row]:
    """Returns the lines of two processes that take turns: calls, and scrapes after deaths."""
    daemon = rig.Daemon()
    rows = []
    with contextlib.ExitStack() as stops:
        stops.callback(daemon.remove)
        daemon.start()
        files = stops.enter_context(file_folder())
        kinds = {
            "percpud": start_mortals(PERCPUD_ADDRESS=daemon.address, PROMETHEUS_MULTIPROC_DIR=files),
            "files": start_mortals(SHOP_ON_FILES="1", PROMETHEUS_MULTIPROC_DIR=files)}
        for kind in kinds.values():
            stops.callback(kind.end)

        def add(text: str, call: str, number: int, rounds: int, scale: float) -> None:
            best = turns.measure(kinds, {call: number}, rounds)
            rows.append(Row(text, *(best[call, kind] / scale for kind in kinds)))

        for call in ("inc", "labels().inc", "observe"):
            add(f"nanoseconds of {call}", call, _CALLS, rounds * 10, 1)
        before, dead = bytes_in(daemon.memory), 0
        for count in deaths:
            for kind in kinds.values():
                kind.measure("death", count - dead)
            dead = count
            add(f"milliseconds of a scrape after {dead} dead workers", "scrape", 1, rounds, 1e6)
            rows.append(Row(f"bytes left on disk after {dead} dead workers",
                            bytes_in(daemon.memory) - before, bytes_in(files)))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"^.*\n\n", "", __doc__),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    load = Load(2, 0.2) if arguments.smoke else Load(arguments.seconds, 0.2)
    rows, failed = [], 0
    for name in _STARTS:
        try:
            rows += under_server(name, load)
        except AssertionError as error:
            print(f"{name}: FAILED: {error}", flush=True)
            failed = 1
    rows += after_deaths(*(((2, 10), 1) if arguments.smoke else ((8, 1000), 15)))
    print(f"{'':60}{'percpud':>12}{'files':>14}{'ratio':>9}", *rows, sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
