# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""php-fpm on a Unix socket, and what asks it by FastCGI."""

import os
import pathlib
import socket
import struct
import tempfile
from typing import Optional

import php
import rig
import servers

_BEGIN, _END, _PARAMS, _STDIN, _STDOUT = 1, 3, 4, 5, 6
_CONFIGURATION = """[global]
error_log = {folder}/log
daemonize = no
[shop]
listen = {folder}/fpm
pm = static
pm.max_children = {children}
pm.max_requests = {most}
clear_env = no
catch_workers_output = yes
"""


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def _pair(name: str, value: str) -> bytes:
    # Lengths from 128 up have four bytes.
    return struct.pack("!II", len(name) | 1 << 31, len(value) | 1 << 31) + (name + value).encode()


def _receive(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("the worker has gone")
        parts += part
    return parts


def _answer(connection: socket.socket) -> bytes:
    """Returns what the script prints. ConnectionError if its worker dies before it ends."""
    out = b""
    while True:
        _, kind, _, count, padding = struct.unpack("!BBHHBx", _receive(connection, 8))
        content = _receive(connection, count)
        _receive(connection, padding)
        if kind == _STDOUT:
            out += content
        elif kind == _END:
            return out


class Fpm(servers.Server):
    """A php-fpm with the extension, and its workers."""

    def __init__(self, folder: str, address: str, *, children: int = 4, most: int = 0) -> None:
        self.folder = tempfile.mkdtemp(dir=folder)
        configuration = pathlib.Path(self.folder, "conf")
        configuration.write_text(
            _CONFIGURATION.format(folder=self.folder, children=children, most=most))
        ini = ["-d", f"percpud.address={address}", "-d", f"percpud.namespace={self.folder}"]
        super().__init__(
            [php.FPM, *php.EXTENSION, *ini, "--fpm-config", str(configuration), "--nodaemonize",
             *(["--allow-to-run-as-root"] if os.geteuid() == 0 else [])], f"{self.folder}/fpm",
            env={**os.environ, "PERCPUD_PHP_DIR": str(php.BUILT)})

    def get(self, path: str) -> Optional[str]:
        """Returns what the page says, or None if the request was not answered."""
        name, _, query = path.partition("?")
        parameters = {"SCRIPT_FILENAME": f"{php.HERE}/shop/index.php", "SCRIPT_NAME": name,
                      "REQUEST_METHOD": "GET", "QUERY_STRING": query, "REQUEST_URI": path}
        pairs = b"".join(_pair(*item) for item in parameters.items())
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(rig.PATIENCE)
                connection.connect(self.path)
                connection.sendall(_record(_BEGIN, struct.pack("!HB5x", 1, 0)) +
                                   _record(_PARAMS, pairs) + _record(_PARAMS, b"") +
                                   _record(_STDIN, b""))
                head, _, body = _answer(connection).partition(b"\r\n\r\n")
        except OSError:
            return None
        return body.decode() if b"Status:" not in head else None

    def said(self) -> str:
        return pathlib.Path(self.folder, "log").read_text()
