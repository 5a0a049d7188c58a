#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: hindered.py [LANGUAGE...]

An application under each real server of these languages, where it cannot count in shared memory:
percpud is not there, its user may not connect, or the arena is full. What is held, and printed:

  the server starts and answers requests, and a page of its metrics too;
  its log says why it counts alone, at most once for each metric of a process;
  what was counted is there when the hindrance has gone (where nobody has died meanwhile).

Exits with 1 if any of it is not so. As another user than root it leaves out that who may not connect."""

import argparse
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

import stand  # says where the others are
import rig
import servers
import shops

sys.path.append(f"{stand.BUILD}/python")
import percpud  # noqa: E402

_NOBODY = 65534
_REQUESTS = 12
# What a shop has at most.
_METRICS = 4
_SMALL = "16MiB"
# Of histograms, which fill an arena: many bounds for most of it, and few for the rest.
_BOUNDS = (250, 60, 14, 3, 1)
_MOST_SERIES = 20000


class Hindrance(NamedTuple):
    """What is in the way, and what of the log's line about it is looked for."""

    name: str
    says: str


ABSENT = Hindrance("no daemon", "start percpud")
FORBIDDEN = Hindrance("not in the group", "add it to the group")
FULL = Hindrance("a full arena", "until there is room")


@contextlib.contextmanager
def nobody(folder: str) -> Iterator[None]:
    """Has servers that are started, and what is made for them, be nobody's meanwhile."""
    groups = os.getgroups()
    os.chmod(folder, 0o777)
    os.setgroups([])
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        with mock.patch.object(servers.Server, "identity", {"user": _NOBODY, "group": _NOBODY}):
            yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def fill(address: str) -> None:
    """Takes all room that the arena has, with large series first."""
    filler = percpud.open("filler", address)
    assert filler.wait(rig.PATIENCE)
    for bounds in _BOUNDS:
        refused = 0
        for n in range(_MOST_SERIES):
            # Of each family there is one, as families have room in common with none.
            refused += not filler.histogram(f"filler_{bounds}_{n}", buckets=range(bounds)).shared
            if refused == 3:
                break
        else:
            raise AssertionError(f"the arena of {_SMALL} is not full")


def check(folder: str, start, hindrance: Hindrance) -> str:
    """Returns in words what a server did. AssertionError if that is not right."""
    with contextlib.ExitStack() as stops:
        daemon = rig.Daemon(arena_size=_SMALL)
        stops.callback(daemon.remove)
        if hindrance != ABSENT:
            daemon.start()
        if hindrance == FULL:
            fill(daemon.address)
        with contextlib.ExitStack() as around:
            around.enter_context(rig.environment(
                PERCPUD_ADDRESS=daemon.address, PERCPUD_NAMESPACE="shop", PERCPUD_PROMETHEUS=None,
                PROMETHEUS_MULTIPROC_DIR=None))
            if hindrance == FORBIDDEN:
                os.chmod(daemon.folder, 0o755)
                around.enter_context(nobody(folder))
            server = start(folder, daemon.address)
        stops.callback(server.stop)
        for _ in range(_REQUESTS):
            rig.eventually(lambda: server.get("/buy") is not None, "a request is answered")
        assert server.sample("shop_") >= 0, "the page of metrics is answered"
        said = rig.eventually(lambda: server.said().count(hindrance.says), "the log says why")
        assert said <= (shops.WORKERS + 2) * _METRICS, f"the log says {said} times: {server.said()}"
        if hindrance == ABSENT:
            daemon.start()
            exporter = stand.Exporter(daemon.address)
            stops.callback(exporter.stop)
            rig.eventually(lambda: server.get("/look") and exporter.sample(stand.REQUESTS) >= _REQUESTS,
                           "what was counted has joined")
        return f"{_REQUESTS} requests answered, the log says so {said} times"


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"^.*\n\n", "", __doc__),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", default=list(shops.SERVERS))
    failed = 0
    hindrances = [ABSENT, FULL] + ([FORBIDDEN] if os.geteuid() == 0 else [])
    for language in parser.parse_args().languages:
        for name, start in shops.SERVERS[language].items():
            for hindrance in hindrances:
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        verdict = check(folder, start, hindrance)
                    except AssertionError as error:
                        verdict = f"FAILED: {error}"
                        failed = 1
                print(f"{language}, {name}, {hindrance.name}: {verdict}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
