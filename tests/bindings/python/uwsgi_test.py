# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real uWSGI, whose workers are recycled and killed, and so is the daemon."""

import unittest

import prefork
import servers


class Uwsgi(prefork.Prefork):
    # One thread each: uWSGI 2.0.21 itself hangs for a minute where workers with several end.
    def start(self, path: str, most: int, preload: bool) -> servers.Server:
        return servers.uwsgi(path, "--workers", "4", "--max-requests", str(most),
                             "--min-worker-lifetime", "0", *([] if preload else ["--lazy-apps"]))


if __name__ == "__main__":
    unittest.main()
