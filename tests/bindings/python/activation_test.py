# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Activation by the environment alone."""

import os
import pathlib
import unittest

import percpud

import rig

# A folder of packages of its own, as the Debian package has one.
_SITE = pathlib.Path(percpud.__file__).parent.parent
_SHOW = f"""
    import site, sys
    site.addsitedir({str(_SITE)!r})
    before = "prometheus_client" in sys.modules, "percpud._percpud" in sys.modules
    import prometheus_client
    from prometheus_client import Counter, values
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
    counter = Counter("c", "help")
    counter.inc()
    registry = prometheus_client.CollectorRegistry()
    print(before, values.ValueClass.__name__, MultiProcessCollector.__module__,
          prometheus_client.__spec__.loader.__class__.__name__)
    """


class Activation(rig.WithDaemon):
    def test_the_environment_installs_and_nothing_is_imported_before_it_is_needed(self) -> None:
        shown = rig.run(_SHOW, PERCPUD_PROMETHEUS="1").stdout
        self.assertEqual(shown.split(), ["(False,", "False)", "PercpudValue", "percpud._collector",
                                         "SourceFileLoader"])

    def test_without_it_nothing_happens(self) -> None:
        for off in (None, "", "0"):
            shown = rig.run(_SHOW, PERCPUD_PROMETHEUS=off).stdout
            self.assertEqual(shown.split()[2:4], ["MmapedValue", "prometheus_client.multiprocess"])

    def test_an_application_without_prometheus_client_starts(self) -> None:
        shown = rig.run(f"""
            import site, sys
            site.addsitedir({str(_SITE)!r})
            sys.path = [p for p in sys.path if "dist-packages" not in p]
            try:
                import prometheus_client
            except ModuleNotFoundError:
                print("not there")
            """, PERCPUD_PROMETHEUS="1").stdout
        self.assertEqual(shown, "not there\n")

    def test_no_files_are_written(self) -> None:
        rig.run(_SHOW, PERCPUD_PROMETHEUS="1")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_named_namespace_needs_no_directory(self) -> None:
        shown = rig.run(_SHOW + "MultiProcessCollector(registry)\n"
                        "    print(registry.get_sample_value('c_total'))",
                        PERCPUD_PROMETHEUS="1", PROMETHEUS_MULTIPROC_DIR=None,
                        PERCPUD_NAMESPACE="named").stdout
        self.assertEqual(shown.splitlines()[-1], "1.0")


if __name__ == "__main__":
    unittest.main()
