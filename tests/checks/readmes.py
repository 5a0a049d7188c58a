#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that every path, program and percpuctl command that a README names exists.

A path is a link's target, or a word in `code` or an indented line that begins with a
folder of the repository. A program is one of build/bin/: some CMake list has to make it.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import PurePosixPath

import sources

TOP = ("proto", "server", "client", "deploy", "tests", ".ci")
LINK = re.compile(r"\]\(([^)#:]+)\)")
CODE = re.compile(r"`([^`]+)`|^(?: {4}|\$ )(.+)$", re.MULTILINE)
WORD = re.compile(r"(?<![\w./-])(?:build/bin/[\w-]+|(?:" + "|".join(map(re.escape, TOP)) + r")/[\w./{},*-]+)")
COMMAND = re.compile(r"\bpercpuctl ((?:[a-z]+ ?)+)")
MADE = re.compile(r"add_executable\(([\w${}-]+)|percpud_add_example\((\w+)")


def spans(text: str) -> list[str]:
    """What is written as code."""
    return [quoted or line for quoted, line in CODE.findall(text)]


def expand(word: str) -> list[str]:
    """a/{b,c} as the shell reads it."""
    inner = re.search(r"\{([^{}]*)\}", word)
    if not inner:
        return [word]
    return [each for choice in inner[1].split(",")
            for each in expand(word[:inner.start()] + choice + word[inner.end():])]


def paths(readme: str, text: str) -> Iterable[str]:
    """From the root of the repository."""
    for target in LINK.findall(text):
        yield str(PurePosixPath(sources.normal(str(PurePosixPath(readme).parent / target))))
    for span in spans(text):
        for word in WORD.findall(span):
            yield from (each.rstrip("./,") for each in expand(word))


def commands(text: str) -> Iterable[str]:
    for span in spans(text):
        yield from (found.split()[0] for found in COMMAND.findall(span))


def objections(readme: str, text: str, exists, programs: set[str], known: set[str]) -> list[str]:
    bad = []
    for path in paths(readme, text):
        program = path.removeprefix("build/bin/")
        if program in programs if program != path else exists(path):
            continue
        bad.append(f"{readme}: there is no {path}")
    bad += [f"{readme}: percpuctl has no command {word}" for word in commands(text)
            if word not in known]
    return bad


def made() -> set[str]:
    """Programs that some CMake list makes; ${name} stands for anything."""
    found = set()
    for path in sources.sources("*CMakeLists.txt", "*.cmake"):
        found |= {one or two for one, two in MADE.findall(sources.read(path))}
    return found


def known_commands() -> set[str]:
    """As the completion script that the golden files hold has them."""
    words = re.search(r"''\) words='([^']*)'", sources.read("tests/golden/completion.golden"))
    plurals = re.findall(r'Alias\{"(\w+)"', sources.read("client/cli/aliases.cc"))
    return set(words[1].split()) | set(plurals)


def main() -> int:
    readmes = sources.sources("*README.md")
    known, programs = known_commands(), made()
    bad = [each for path in readmes
           for each in objections(path, sources.read(path), sources.exists, programs, known)]
    print(*bad, sep="\n", end="\n" if bad else "")
    print(f"readmes: {len(readmes)} files, {len(bad)} objections")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
