# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""phpize, configure and make in a copy of the checkout, as one does without CMake."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import php

_ROOT = php.HERE.parents[2]


class Build(unittest.TestCase):
    def setUp(self) -> None:
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.folder = self.root / "client/php"
        for part in ("c", "php"):
            shutil.copytree(_ROOT / "client" / part, self.root / "client" / part)
        # What the checkout has built.
        (self.root / "build").mkdir()
        (self.root / "build/lib").symlink_to(php.BUILT.parent / "lib")

    def run_all(self, *commands: str) -> None:
        for command in commands:
            done = subprocess.run(command.split(), cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stdout}{done.stderr}")

    def test_the_extension_builds_from_the_checkout(self) -> None:
        self.run_all(shutil.which("phpize8.2") or "phpize", "./configure", "make")
        code = "echo count((new Percpud\\Store('build'))->families());"
        done = subprocess.run(
            [php.PHP, "-n", "-d", f"extension={self.folder}/modules/percpud.so", "-r", code],
            capture_output=True, text=True,
            env={**os.environ, "PERCPUD_ADDRESS": f"unix:{self.root}/absent"})
        self.assertEqual(done.stdout, "0", done.stderr)


if __name__ == "__main__":
    unittest.main()
