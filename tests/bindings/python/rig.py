# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A daemon of its own for tests, and processes of Python that use it."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from collections.abc import Callable, Iterator
from typing import Any, Optional

BINARIES = pathlib.Path(os.environ["PERCPUD_BIN_DIR"])
PATIENCE = 60.0


def eventually(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Waits for the condition, and returns what it came to."""
    ends = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.005)


class Daemon:
    """A percpud with an arena that outlives it."""

    def __init__(self, *options: str, arena_size: str = "64MiB") -> None:
        self._options = ["--arena-size", arena_size, *options]
        self.folder = tempfile.mkdtemp(prefix="percpud-python-")
        self.memory = tempfile.mkdtemp(prefix="percpud-python-", dir="/dev/shm")
        self.address = f"unix:{self.folder}/s"
        self._process: Optional[subprocess.Popen] = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        assert self._process is None
        self._process = subprocess.Popen(
            [BINARIES / "percpud", "--listen", self.address, "--arena", f"file:{self.memory}/arena",
             "--log-level", "error", *self._options], stdout=subprocess.DEVNULL)
        eventually(self._answers, "the daemon answers")

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the daemon has ended"
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as door:
            return door.connect_ex(f"{self.folder}/s.door") == 0

    def kill(self) -> None:
        """Ends it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def remove(self) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)


@contextlib.contextmanager
def environment(**variables: Optional[str]) -> Iterator[None]:
    """Has these variables set, or absent, meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, Optional[str]]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class WithDaemon(unittest.TestCase):
    """Tests that share one daemon; each has a directory, and so a namespace, of its own."""

    daemon: Daemon

    @classmethod
    def setUpClass(cls) -> None:
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.remove)
        cls.daemon.start()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        changed = environment(PERCPUD_ADDRESS=self.daemon.address, PERCPUD_NAMESPACE=None,
                              PERCPUD_PROMETHEUS=None, PROMETHEUS_MULTIPROC_DIR=self.folder)
        changed.__enter__()
        self.addCleanup(changed.__exit__, None, None, None)


def script(text: str, *arguments: str) -> list[str]:
    """The command that runs this text in a Python of its own."""
    return [sys.executable, "-c", textwrap.dedent(text), *arguments]


def run(text: str, *arguments: str, **variables: Optional[str]) -> subprocess.CompletedProcess:
    """Runs the text in a Python of its own, and returns what it has printed."""
    with environment(**variables):
        done = subprocess.run(script(text, *arguments), capture_output=True, text=True,
                              timeout=PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}{done.stdout}")
    return done


def in_child(work: Callable[[], Any]) -> int:
    """Forks, works in the child, and returns its exit status, which is 0 if that went well."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as error:
            sys.stderr.write(f"in the child: {error!r}\n")
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Pausing:
    """A child that has done its work, and waits to be killed."""

    def __init__(self, test: unittest.TestCase, work: Callable[[], Any]) -> None:
        told, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                work()
                os.write(tell, b"x")
            finally:
                os.close(tell)
                while True:
                    signal.pause()
        os.close(tell)
        test.addCleanup(self.kill)
        with open(told, "rb") as file:
            test.assertEqual(file.read(1), b"x", "the child's work failed")

    def kill(self) -> None:
        """Kills it as the kernel does that is out of memory. May be called again."""
        if self.pid != 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
