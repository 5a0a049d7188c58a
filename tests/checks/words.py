#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/checks/words.py [PATH...]

Refuses comments of C++ and proto files that begin with a fragment, such as "Of the
chunk", whose subject is the next line of code, and phrases that are hard to read, there
and in READMEs. Names each place. Without paths it reads the whole tree.
"""

import re
import sys
from collections.abc import Iterator

import sources

# A block that begins with one of these leans on the code below it.
LEADS = re.compile(r"(Of|As|That|Those|Whose|Whom|And|But|Nor|Than)\b")
PHRASES = re.compile(r"\b(whoever|(?<!there )is none|so many)\b", re.IGNORECASE)
COMMENT = re.compile(r"\s*//+\s?(.*)")


def blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """The comments that stand on lines of their own: first line's number, and lines."""
    block: list[str] = []
    for number, line in enumerate(text.splitlines() + [""], start=1):
        comment = COMMENT.fullmatch(line)
        if comment:
            block.append(comment[1])
        elif block:
            yield number - len(block), block
            block = []


def in_comments(text: str) -> Iterator[tuple[int, str]]:
    for first, lines in blocks(text):
        lead = LEADS.match(lines[0])
        if lead:
            yield first, f'a comment begins with "{lead[0]}": give it its subject'
        for number, line in enumerate(lines, start=first):
            yield from in_prose(line, number)


def in_prose(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=first):
        for phrase in PHRASES.finditer(line):
            yield number, f'"{phrase[0]}" is hard to read'


def objections(path: str, text: str) -> list[str]:
    """What is wrong with a file, each with its place."""
    found = in_prose(text) if path.endswith(".md") else in_comments(text)
    return [f"{path}:{number}: {what}" for number, what in found]


def main(paths: list[str]) -> int:
    files = paths or sources.sources(*sources.CXX, "*.proto", "*.md")
    bad = [each for path in files for each in objections(path, sources.read(path))]
    print(*bad, sep="\n", end="\n" if bad else "")
    print(f"words: {len(files)} files, {len(bad)} objections")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
