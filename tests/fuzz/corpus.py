#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Between a corpus as text and as libFuzzer wants it: corpus.py pack|unpack FILE DIRECTORY.

The file has one input a line, in hex, the short ones first; the directory one file per input.
"""
import pathlib
import sys

if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
    sys.exit(__doc__)
corpus, directory = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
HEAD = """# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# An input a line, in hex: tests/fuzz/script.h. Made by tests/fuzz/run.
"""
# What is longer is not worth its place in the repository.
MOST_BYTES = 1000
MOST_TOTAL = 12_000

if sys.argv[1] == "unpack":
    if corpus.exists():
        lines = corpus.read_text().splitlines()
        for number, line in enumerate(line for line in lines if line and line[0] != "#"):
            (directory / f"{number:05}").write_bytes(bytes.fromhex(line))
else:
    inputs = sorted({file.read_bytes() for file in directory.iterdir()}, key=lambda b: (len(b), b))
    kept, total = [], 0
    for one in inputs:
        if 0 < len(one) <= MOST_BYTES and total + len(one) <= MOST_TOTAL:
            kept.append(one.hex())
            total += len(one)
    corpus.write_text(HEAD + "\n".join(kept) + "\n")
