#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Proves that every rule of the checks that are written in Python can fail."""

import io
import sys
import unittest

import breaking
import duplicates
import layers
import readmes
import words


class LayersTest(unittest.TestCase):
    def refused(self, path: str, header: str) -> None:
        self.assertTrue(layers.objections(path, f'#include "{header}"\n'), (path, header))

    def allowed(self, path: str, header: str) -> None:
        self.assertFalse(layers.objections(path, f"#include <{header}>\n"), (path, header))

    @staticmethod
    def lowest(layer: str) -> str:
        """The folder of a layer, or of its lowest room."""
        rooms = layers.ROOMS.get(layer)
        return f"server/{layer}/{rooms[0]}" if rooms else f"server/{layer}"

    def test_no_layer_uses_one_that_is_not_below_it(self):
        order = list(layers.DIRECTLY_BELOW)
        for layer in order:
            for used in set(order) - layers.below(layer):
                self.refused(f"{self.lowest(layer)}/x.cc", f"{self.lowest(used)}/y.h")

    def test_every_layer_uses_itself_and_all_below(self):
        for layer in layers.DIRECTLY_BELOW:
            for used in layers.below(layer):
                self.allowed(f"{self.lowest(layer)}/x.cc", f"{self.lowest(used)}/y.h")
        self.assertIn("base", layers.below("main"))

    def test_siblings_stay_apart(self):
        self.refused("server/area/x.h", "server/arena/y.h")
        self.refused("server/rseq/x.h", "server/area/y.h")
        self.refused("server/catalog/x.h", "server/percpu/y.h")
        self.refused("server/percpu/backend/km.cc", "server/service/y.h")

    def test_a_new_folder_has_to_be_placed(self):
        self.refused("server/stray/x.cc", "vector")
        self.refused("server/main/x.cc", "server/stray/y.h")

    def test_the_client_uses_what_it_shares_only(self):
        self.allowed("client/sdk/lease.cc", "server/area/area_map.h")
        self.allowed("client/sdk/percpu/ref.h", "server/rseq/this_cpu.h")
        self.allowed("client/cli/main.cc", "server/base/units.h")
        self.refused("client/sdk/lease.cc", "server/percpu/chunk.h")
        self.refused("client/cli/main.cc", "server/service/status.h")
        self.refused("client/cli/main.cc", "tests/support/process.h")

    def test_the_server_uses_neither_client_nor_tests(self):
        self.refused("server/main/main.cc", "percpu/client.h")
        self.refused("server/percpu/allocator/allocator.cc", "tests/support/fake_clock.h")

    def test_grpc_stays_where_it_belongs(self):
        headers = ("grpcpp/server.h", "grpc/grpc.h", "percpud/v1/memory.grpc.pb.h")
        for header in headers:
            self.refused("server/percpu/allocator/allocator.cc", header)
            self.refused("server/session/session.h", header)
            self.allowed("server/service/status.cc", header)
            self.allowed("tests/bench/rpc/bench_rpc.cc", header)

    def test_hwloc_has_one_file(self):
        self.allowed("server/percpu/layout/topology.cc", "hwloc.h")
        self.refused("server/percpu/layout/topology.h", "hwloc.h")
        self.refused("server/main/config.cc", "hwloc/helper.h")

    def test_rooms_of_a_layer_point_down(self):
        for layer, rooms in layers.ROOMS.items():
            for at, room in enumerate(rooms):
                for used in rooms[: at + 1]:
                    self.allowed(f"server/{layer}/{room}/x.cc", f"server/{layer}/{used}/y.h")
                for used in rooms[at + 1 :]:
                    self.refused(f"server/{layer}/{room}/x.h", f"server/{layer}/{used}/y.h")

    def test_every_file_of_a_divided_layer_is_in_a_room_of_it(self):
        self.refused("server/percpu/stray.cc", "vector")
        self.refused("server/percpu/attic/x.cc", "vector")
        self.refused("server/percpu/index/x.cc", "server/percpu/stray.h")
        self.refused("server/percpu/index/x.cc", "server/percpu/attic/y.h")

    def test_layers_above_use_every_room(self):
        for room in layers.ROOMS["percpu"]:
            self.allowed("server/session/x.cc", f"server/percpu/{room}/y.h")

    def test_protobuf_stays_where_it_belongs(self):
        for header in ("percpud/v1/memory.pb.h", "google/protobuf/timestamp.pb.h"):
            for layer in ("session", "handoff", "catalog"):
                self.refused(f"server/{layer}/x.cc", header)
            self.refused("server/percpu/layout/x.h", header)
            for folder in ("server/service", "server/main", "client/cli", "tests/unit/cli"):
                self.allowed(f"{folder}/x.cc", header)

    def test_programs_use_the_public_sdk_only(self):
        header = "percpu/internal/wire/grpc_connection.h"
        self.refused("client/cli/app.cc", header)
        self.refused("client/sdk/examples/shard_counter.cc", header)
        self.allowed("client/sdk/percpu/client.h", header)
        self.allowed("client/sdk/percpu/internal/door/admission.cc", header)
        self.allowed("tests/unit/sdk/client_test.cc", header)
        self.allowed("client/cli/app.cc", "percpu/client.h")

    def test_an_include_is_seen_however_it_is_spaced(self):
        self.assertTrue(layers.objections("server/base/x.h", '  #  include <grpcpp/server.h>\n'))


def numbered(count: int, start: int = 0) -> str:
    return "".join(f"x[{i}] = Compute({i});\n" for i in range(start, start + count))


class DuplicatesTest(unittest.TestCase):
    def test_a_run_in_two_files_is_found_once(self):
        text = numbered(30)
        found = duplicates.runs({"a.cc": text, "b.cc": "int other;\n" + text})
        self.assertEqual(found, [duplicates.Run(30, ("a.cc", 1), ("b.cc", 2))])

    def test_a_run_twice_in_one_file_is_found(self):
        text = numbered(duplicates.MIN_RUN)
        found = duplicates.runs({"a.cc": text + "int between;\n" + text})
        self.assertEqual([run.length for run in found], [duplicates.MIN_RUN])

    def test_blanks_and_comments_do_not_hide_it(self):
        text = numbered(duplicates.MIN_RUN)
        disguised = text.replace(" = ", "=").replace(";\n", ";  // Why.\n\n// More.\n")
        self.assertEqual(len(duplicates.runs({"a.cc": text, "b.cc": disguised})), 1)

    def test_a_shorter_run_passes(self):
        text = numbered(duplicates.MIN_RUN - 1)
        self.assertEqual(duplicates.runs({"a.cc": text, "b.cc": text}), [])

    def test_includes_do_not_count(self):
        text = "".join(f'#include "server/base/{i}.h"\n' for i in range(50))
        self.assertEqual(duplicates.runs({"a.cc": text, "b.cc": text}), [])

    def test_a_third_copy_of_a_part_is_found(self):
        text, part = numbered(30), numbered(15, start=10)
        found = duplicates.runs({"a.cc": text, "b.cc": text, "c.cc": part})
        self.assertEqual([run.length for run in found], [30, 15])


class BreakingTest(unittest.TestCase):
    COMMIT = "0123456789" * 4

    def test_findings_stand_below_their_commit(self):
        text = f"# Why.\n\n{self.COMMIT}\n  a.proto: X: y\n{self.COMMIT[::-1]}\n"
        self.assertEqual(breaking.baselines(text),
                         {self.COMMIT: ["a.proto: X: y"], self.COMMIT[::-1]: []})

    def test_a_line_that_is_neither_is_named(self):
        for text in ("  a finding of no commit\n", "0123abc\n", f"{self.COMMIT} and more\n"):
            with self.assertRaisesRegex(ValueError, ":1: neither"):
                breaking.baselines(text)

    def test_a_finding_has_no_line_number(self):
        report = '{"path":"a.proto","start_line":7,"type":"X","message":"y"}\n' * 2
        self.assertEqual(breaking.findings(report), ["a.proto: X: y"] * 2)

    def test_what_is_found_has_to_be_meant_and_what_is_meant_found(self):
        self.assertEqual(breaking.objections(["a", "b"], ["b", "a"]), [])
        self.assertEqual(breaking.objections(["a", "b"], ["b"]), ["not meant: a"])
        self.assertEqual(breaking.objections(["a"], ["a", "b"]), ["meant, but not so: b"])


class WordsTest(unittest.TestCase):
    def refused(self, path: str, text: str, line: int) -> None:
        found = words.objections(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{path}:{line}: "), found)

    def allowed(self, path: str, text: str) -> None:
        self.assertEqual(words.objections(path, text), [])

    def test_a_comment_begins_with_its_subject(self):
        for lead in "Of As That Those Whose Whom And But Nor Than".split():
            self.refused("a.h", f"int x;\n  // {lead} the chunk.\nint y;\n", 2)
            self.refused("a.proto", f"// {lead} FreeRequest's.\n", 1)

    def test_only_the_first_line_of_a_block_is_a_lead(self):
        self.allowed("a.h", "// The size\n// Of it all.\n")
        self.allowed("a.h", "// Offset in the unit.\n")
        self.allowed("a.cc", "int x;  // Of the chunk.\n")

    def test_a_blank_line_begins_another_block(self):
        self.refused("a.h", "// The size.\n\n// Of it.\n", 3)

    def test_phrases_are_found_anywhere_in_a_comment(self):
        for phrase in ("whoever", "is none", "so many", "Whoever"):
            self.refused("a.cc", f"// The first,\n// and {phrase} asks.\n", 2)
            self.refused("README.md", f"One line.\n\nThen {phrase} reads.\n", 3)
        self.allowed("a.cc", "// 0 if there is none.\n")
        self.allowed("a.cc", 'Print("so many");\n')

    def test_a_readme_may_begin_a_line_with_any_word(self):
        self.allowed("README.md", "Of all backends, km is the default.\n")


class ReadmesTest(unittest.TestCase):
    def objections(self, text: str) -> list[str]:
        return readmes.objections("client/README.md", text, {"client/cli", "README.md"}.__contains__,
                                  {"percpuctl"}, {"get", "session"})

    def test_what_exists_passes(self):
        self.assertEqual(self.objections("See [it](../README.md), `client/cli`.\n\n"
                                         "    build/bin/percpuctl get hits\n"), [])

    def test_a_missing_path_is_named(self):
        for text in ("[it](cli/none.md)", "`client/none`", "    client/none --flag\n",
                     "$ client/none\n", "`client/{cli,none}`"):
            self.assertEqual(len(self.objections(text)), 1, text)

    def test_a_missing_program_or_command_is_named(self):
        for text in ("`build/bin/none`", "`percpuctl put hits`", "    percpuctl sessions\n"):
            self.assertEqual(len(self.objections(text)), 1, text)

    def test_what_is_not_code_is_not_read(self):
        self.assertEqual(self.objections("percpuctl has client/none in prose"), [])


if __name__ == "__main__":
    report = io.StringIO()
    runner = unittest.TextTestRunner(stream=report)
    result = unittest.main(testRunner=runner, exit=False).result
    if not result.wasSuccessful():
        sys.exit(report.getvalue())
    print(f"checks_test: {result.testsRun} tests, every rule can fail")
