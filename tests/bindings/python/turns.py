# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures processes that take turns, so that what disturbs one disturbs all."""

import subprocess
import sys
import timeit
from collections.abc import Callable


class Measured:
    """A process that says that it is ready, and then reads calls and how often to make them
    on its standard input, and answers with the nanoseconds of each."""

    def __init__(self, command: list[str], **options) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True, **options)
        assert self._process.stdout.readline() == "ready\n", f"{command} does not start"

    def measure(self, call: str, number: int) -> float:
        self._process.stdin.write(f"{call} {number}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def answer(calls: dict[str, Callable]) -> None:
    """Is such a process: measures these calls as its standard input says."""
    print("ready", flush=True)
    for line in sys.stdin:
        call, number = line.rsplit(maxsplit=1)
        print(timeit.timeit(calls[call], number=int(number)) / int(number) * 1e9, flush=True)


def measure(kinds: dict[str, Measured], calls: dict[str, int], rounds: int) -> dict:
    """Returns the least nanoseconds of each call for each kind, of calls that are made so often
    in each round. Rounds of a few milliseconds fit between those of busy neighbours."""
    best: dict = {}
    for call, number in calls.items():
        for _ in range(rounds):
            for name, kind in kinds.items():
                taken = kind.measure(call, number)
                best[call, name] = min(taken, best.get((call, name), taken))
    return best
