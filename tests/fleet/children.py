# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes that the tests start, and waiting for what they do."""

import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable


class Failed(Exception):
    """A case does not hold; its text says what."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Waits for the condition, and returns how long that took. Raises Failed."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise Failed(f"not within {seconds:.1f} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - begin


def hold_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Looks all the time whether the condition holds. Raises Failed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check(condition(), f"has to hold all the time: {what}")
        time.sleep(0.05)


def check(is_so: object, what: str) -> None:
    if not is_so:
        raise Failed(what)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Child:
    """A process with its output in a file. Killed by kill(), at the latest when the test ends, and
    with the test when that is killed itself. Made by the test's first thread."""

    all: list["Child"] = []

    def __init__(self, argv: list[object], log: pathlib.Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        self._out = log.open("ab")
        command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", *(str(word) for word in argv)]
        self._process = subprocess.Popen(command, stdout=self._out, stderr=subprocess.STDOUT,
                                         env={**os.environ, **(env or {})})
        Child.all.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def status(self) -> int | None:
        """The exit status; None while it runs, less than 0 after a signal."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        if self.is_alive():
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Sends the signal and waits for the end; returns the exit status."""
        self.send(number)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.log.name} does not end by {number.name}") from None

    def kill(self) -> None:
        """Also a process that is stopped."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @classmethod
    def kill_all(cls) -> None:
        for child in cls.all:
            child.kill()
