# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real gunicorn whose workers serve with eventlet's green threads."""

import unittest

import prefork
import servers


class Eventlet(prefork.Prefork):
    resets_when_recycled = True

    def start(self, path: str, most: int, preload: bool) -> servers.Server:
        return servers.gunicorn(path, "--worker-class", "eventlet", "--worker-connections", "64",
                                "--workers", "4", "--max-requests", str(most),
                                "--graceful-timeout", "5",
                                *(["--preload"] if preload else []))


if __name__ == "__main__":
    unittest.main()
