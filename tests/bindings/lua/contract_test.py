# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The module under LuaJIT, without nginx."""

import subprocess
import unittest

from prometheus_client import parser

import rig


def luajit(*arguments: str) -> str:
    """Runs LuaJIT, and returns what it has printed."""
    done = subprocess.run(["luajit", *arguments], capture_output=True, text=True,
                          timeout=rig.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


class Contract(rig.WithDaemon):
    def test_what_applications_rely_on(self) -> None:
        luajit("contract.lua", "compiled/")

    def test_the_same_without_the_compiler(self) -> None:
        luajit("-joff", "contract.lua", "interpreted/")

    def test_the_same_with_every_path_compiled_at_once(self) -> None:
        luajit("-O3,hotloop=1,hotexit=1", "contract.lua", "at-once/")

    def test_prometheus_s_own_client_reads_what_is_shown(self) -> None:
        text = luajit("-e", r"""
            local p = require("percpud").init({namespace = "shown", prefix = "app_"})
            p:counter("bytes", "Bytes \\ with \n \"signs\".", {"host"}):inc(0.5, {'a"b\\c\nd,e}'})
            p:gauge("connections"):set(-1.25)
            local seconds = p:histogram("seconds", "S", {"host"}, {0.5, 1, 10})
            for i = 0, 20 do seconds:observe(i, {"x"}) end
            p:collect()""")
        # The parser names counters as OpenMetrics does.
        found = {(sample.name, *sample.labels.values()): sample.value
                 for family in parser.text_string_to_metric_families(text)
                 for sample in family.samples}
        self.assertEqual(found["app_bytes_total", 'a"b\\c\nd,e}'], 0.5)
        self.assertEqual(found["app_connections",], -1.25)
        bounds = ("0.5", "1", "10", "+Inf")
        self.assertEqual([found["app_seconds_bucket", "x", bound] for bound in bounds],
                         [1, 2, 11, 21])
        self.assertEqual(found["app_seconds_sum", "x"], 210)
        self.assertEqual(found["app_seconds_count", "x"], 21)


if __name__ == "__main__":
    unittest.main()
