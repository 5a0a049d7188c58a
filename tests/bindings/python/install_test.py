# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""`pip install .` from the checkout, without a network."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import rig

_SOURCES = pathlib.Path(__file__).resolve().parents[3] / "client/python"
# Asks no index, and reads no configuration of the host's that would have it ask one.
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}


def install(folder: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder, "--config-settings",
         f"percpud-build={rig.BINARIES.parent}", str(_SOURCES)],
        capture_output=True, text=True, env={**os.environ, **_OFFLINE, **variables})


class Install(rig.WithDaemon):
    def setUp(self) -> None:
        super().setUp()
        self.site = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.site)

    def test_it_installs_and_counts_without_code(self) -> None:
        done = install(self.site)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = rig.run(f"""
            import site
            site.addsitedir({self.site!r})
            from prometheus_client import Counter, values
            import importlib.metadata, percpud
            Counter("c", "help").inc(3)
            print(values.ValueClass.__name__, percpud.open({self.folder!r}).counter("c").total)
            print(percpud.__file__.startswith({self.site!r}))
            print(importlib.metadata.version("percpud") == percpud.__version__)
            """, PERCPUD_PROMETHEUS="1", PYTHONPATH=None)
        self.assertEqual(shown.stdout.split(), ["PercpudValue", "3.0", "True", "True"])

    def test_it_says_what_is_missing(self) -> None:
        done = install(self.site, CC="/nonexistent")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("there is no compiler /nonexistent: install gcc, or set CC", done.stderr)
        self.assertEqual(os.listdir(self.site), [])


if __name__ == "__main__":
    unittest.main()
