#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds code written twice: a run of lines that stands in two places.

Lines are compared without their blanks; blank lines, comments, includes and
lines of brackets alone do not count. MIN_RUN equal lines in a row is a find.
"""

import re
import sys
from collections import defaultdict
from typing import NamedTuple

from sources import CXX, read, sources

MIN_RUN = 12
SKIPPED = re.compile(r"#include|//|[{}()\[\];,]*$|namespace|}//namespace")


class Line(NamedTuple):
    number: int
    text: str


class Run(NamedTuple):
    length: int
    first: tuple[str, int]
    second: tuple[str, int]


def normalised(text: str) -> list[Line]:
    """The lines that count, without blanks and trailing comments."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = "".join(line.split())
        if not SKIPPED.match(bare):
            lines.append(Line(number, bare.split("//")[0]))
    return lines


def common_length(a: list[Line], i: int, b: list[Line], j: int) -> int:
    """How many lines are equal from a[i] and b[j] on, never overlapping."""
    limit = min(len(a) - i, len(b) - j)
    if a is b:
        limit = min(limit, j - i)
    length = 0
    while length < limit and a[i + length].text == b[j + length].text:
        length += 1
    return length


def runs(texts: dict[str, str], min_run: int = MIN_RUN) -> list[Run]:
    """Each longest run once, however often it stands in the files."""
    files = {path: normalised(text) for path, text in texts.items()}
    seen: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
    found: list[Run] = []
    for path, lines in files.items():
        i = 0
        while i + min_run <= len(lines):
            window = tuple(line.text for line in lines[i : i + min_run])
            places = [(files[other], at, other) for other, at in seen[window]]
            lengths = [(common_length(there, at, lines, i), other, at) for there, at, other in places]
            length, other, at = max(lengths, default=(0, "", 0))
            seen[window].append((path, i))
            if length >= min_run:
                found.append(Run(length, (other, files[other][at].number), (path, lines[i].number)))
            i += max(length, 1)
    return found


def main() -> int:
    paths = sources(*CXX)
    found = runs({path: read(path) for path in paths})
    for run in found:
        where = " and ".join(f"{path}:{line}" for path, line in (run.first, run.second))
        print(f"{run.length} equal lines at {where}")
    if not found:
        print(f"duplicates: {len(paths)} files, no {MIN_RUN} equal lines in a row")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
