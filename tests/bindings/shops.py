# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The tests' shop, an application with metrics, under the servers of each language.

Imported after stand.py has said where everything is."""

import pathlib
import shutil
from collections.abc import Callable

import fastcgi
import nginx
import servers

_HERE = pathlib.Path(__file__).parent
WORKERS = 4
# Requests after which a worker is replaced, by the servers that do so.
_MOST = 50


def gunicorn(folder: str, address: str, *options: str) -> servers.Server:
    return servers.gunicorn(f"{folder}/http", "--workers", str(WORKERS), "--preload",
                            "--max-requests", str(_MOST), *options)


def uwsgi(folder: str, address: str, *options: str) -> servers.Server:
    return servers.uwsgi(f"{folder}/http", "--workers", str(WORKERS), "--max-requests", str(_MOST),
                         "--min-worker-lifetime", "0", *options)


def _puma(folder: str, address: str) -> servers.Server:
    path = f"{folder}/http"
    return servers.Server(["/usr/bin/puma", "--workers", str(WORKERS), "--threads", "2:2", "--preload",
                           "--bind", f"unix://{path}", "shop.ru"], path, cwd=_HERE / "ruby")


def _unicorn(folder: str, address: str) -> servers.Server:
    path = f"{folder}/http"
    settings = pathlib.Path(folder, "unicorn.conf")
    settings.write_text(f'worker_processes {WORKERS}\nlisten "{path}"\npreload_app true\n')
    return servers.Server(["/usr/bin/unicorn", "--config-file", str(settings), "--env", "none",
                           "shop.ru"], path, cwd=_HERE / "ruby")


def _nginx(folder: str, address: str) -> servers.Server:
    return nginx.Nginx(folder, nginx.IN_MASTER)


class _Cluster(servers.Server):
    """Node's cluster, which no longer listens when all workers have died before one is there anew."""

    def workers(self) -> list[int]:
        """Returns its workers if all of them serve."""
        return super().workers() if self.sample("shop_workers") == WORKERS else []


def _cluster(folder: str, address: str) -> servers.Server:
    node = shutil.which("node") or "/usr/bin/nodejs"
    path = f"{folder}/http"
    return _Cluster([node, "shop.js", path, str(WORKERS), f"{folder}/primary"], path,
                    cwd=_HERE / "node")


def _php_fpm(folder: str, address: str) -> servers.Server:
    return fastcgi.Fpm(folder, address, children=WORKERS, most=_MOST)


# What starts each server, given a folder of its own and the daemon's address.
SERVERS: dict[str, dict[str, Callable[[str, str], servers.Server]]] = {
    "python": {"gunicorn": gunicorn, "uwsgi": uwsgi},
    "ruby": {"puma": _puma, "unicorn": _unicorn},
    "lua": {"nginx": _nginx},
    "node": {"cluster": _cluster},
    "php": {"php-fpm": _php_fpm},
}
