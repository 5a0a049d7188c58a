# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs StorageTest.php under Debian's phpunit."""

import subprocess
import unittest

import php
import rig


class Contract(rig.WithDaemon):
    def test_promphps_metrics_find_what_they_ask_of_a_storage(self) -> None:
        done = subprocess.run(
            [php.PHP, "-d", php.EXTENSION[-1], "/usr/bin/phpunit", "--do-not-cache-result",
             f"{php.HERE}/StorageTest.php"], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("OK (", done.stdout)


if __name__ == "__main__":
    unittest.main()
