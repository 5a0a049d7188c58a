# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real gunicorn, with workers of one thread and of several."""

import unittest

import prefork
import servers


class Sync(prefork.Prefork):
    OPTIONS: tuple[str, ...] = ()

    def start(self, path: str, most: int, preload: bool) -> servers.Server:
        return servers.gunicorn(path, "--workers", "4", "--max-requests", str(most),
                                "--max-requests-jitter", "5", *self.OPTIONS,
                                *(["--preload"] if preload else []))


class Threads(Sync):
    OPTIONS = ("--threads", "2")


if __name__ == "__main__":
    unittest.main()
