# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Prefork servers that serve shop.py on a Unix socket, and what asks them."""

import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Optional

import rig

# Bytes of a server's log that are looked at.
_MOST_LOG = 1 << 20


class Connection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=rig.PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """A prefork server, and its workers."""

    # Whose process it is, as subprocess.Popen is told, if it is another user's.
    identity: dict[str, int] = {}

    def __init__(self, command: list[str], path: str, **options) -> None:
        self.path = path
        options.setdefault("cwd", pathlib.Path(__file__).parent)
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log,
                                         **self.identity, **options)
        try:
            rig.eventually(lambda: self.get("/metrics") is not None, "the server answers")
        except AssertionError:
            self.stop()
            raise

    def get(self, path: str) -> Optional[str]:
        """Returns the answer, or None if there was none."""
        connection = Connection(self.path)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            return body if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def workers(self) -> list[int]:
        pid = self._process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in children.split()]

    def said(self) -> str:
        """Returns what it and its workers have written to its log, which is standard error."""
        return os.pread(self._log.fileno(), _MOST_LOG, 0).decode(errors="replace")

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(rig.PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def sample(self, name: str) -> float:
        """Returns the sum of the samples that begin so; -1 if nothing answers."""
        text = self.get("/metrics")
        if text is None:
            return -1
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(name))


def gunicorn(path: str, *options: str, application: str = "shop:application") -> Server:
    return Server([sys.executable, "-m", "gunicorn", "--bind", f"unix:{path}", *options, application],
                  path)


def uwsgi(path: str, *options: str) -> Server:
    return Server(["/usr/bin/uwsgi", "--plugin", "python3", "--http-socket", path, "--master",
                   "--need-app", "--die-on-term", "--pythonpath", ".", "--module", "shop:application",
                   *options], path)


class Load:
    """Threads that send requests until they are told to stop."""

    def __init__(self, server: Server, threads: int) -> None:
        self._server = server
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.begun = 0
        self.answered = 0
        self._threads = [threading.Thread(target=self._send) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self.begun += 1
            answer = self._server.get("/buy")
            with self._lock:
                self.answered += answer is not None

    def await_answered(self, more: int) -> None:
        due = self.answered + more
        rig.eventually(lambda: self.answered >= due, "requests are answered")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def kill_one(workers: list[int]) -> None:
    """Kills a worker as the kernel does that is out of memory."""
    if workers:
        try:
            os.kill(workers[0], signal.SIGKILL)
        except ProcessLookupError:
            pass


class WithServers(rig.WithDaemon):
    """Tests of servers whose workers count what load asks for, and are killed."""

    THREADS = 4

    def load(self, server: Server) -> Load:
        load = Load(server, self.THREADS)
        self.addCleanup(load.stop)
        return load

    def kill_workers_and_the_daemon(self, server: Server, load: Load) -> None:
        """Kills six workers under load; two of them while there is no daemon."""
        for round_ in range(6):
            load.await_answered(40)
            kill_one(server.workers())
            if round_ == 2:
                self.daemon.kill()
            if round_ == 4:
                self.daemon.start()

    def assert_exact(self, server: Server, load: Load, requests: str, kills: int) -> None:
        """What was in flight at a kill was begun, and may have been counted."""
        total = server.sample(requests)
        self.assertLessEqual(load.answered, total)
        self.assertLessEqual(total, load.begun)
        self.assertLessEqual(load.begun - load.answered, kills * self.THREADS)
        self.assertEqual(server.sample("shop_seconds_count"), server.sample("shop_seconds_sum"))
