#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over every file that build/ compiles.

usage: tidy.py [--seconds N | --all] [--build DIR]

clang-tidy takes about ten seconds per file. A file that was clean is looked at
again only when it, a header of ours that it includes, or .clang-tidy has
changed; build/tidy remembers. Nothing new is started after N seconds (180), so
that a first run keeps within its time: what is left is said, and is the next
run's. What was changed last goes first.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from sources import ROOT, read, sources

# How a source is told of its precompiled header. Without, clang-tidy is faster, and sees
# what a source forgot to include.
PRECOMPILED = re.compile(r" -Xclang -include(?:-pch)? -Xclang \S+")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def includes(path: str) -> list[str]:
    """The project's own files that `path` includes; a .proto for what is made of it."""
    found = []
    for header in INCLUDE.findall(read(path)):
        own = re.sub(r"^(.*?)(\.grpc)?\.pb\.h$", r"proto/\1.proto", header)
        if (ROOT / own).is_file():
            found.append(own)
    return found


def fingerprint(path: str, version: str) -> str:
    """Of all that clang-tidy's verdict on a file depends on."""
    reached, ahead = {".clang-tidy"}, [path]
    while ahead:
        at = ahead.pop()
        if at not in reached:
            reached.add(at)
            ahead += includes(at)
    digest = hashlib.sha256(version.encode())
    for part in sorted(reached):
        digest.update(f"{part}\0{read(part)}\0".encode())
    return digest.hexdigest()


class Tidy:
    """One run; remembers the fingerprint of each clean file in `build`/tidy."""

    def __init__(self, build: pathlib.Path, seconds: float):
        self.build = build
        self.deadline = time.monotonic() + seconds
        self.database = build / "tidy" / "compile_commands.json"
        self.database.parent.mkdir(exist_ok=True)
        self.database.write_text(PRECOMPILED.sub("", (build / "compile_commands.json").read_text()))
        self.version = subprocess.run(
            ["clang-tidy", "--version"], check=True, capture_output=True, text=True
        ).stdout

    def stamp(self, path: str) -> pathlib.Path:
        return self.build / "tidy" / path.replace("/", "__")

    def known_clean(self, path: str) -> bool:
        stamp = self.stamp(path)
        return stamp.is_file() and stamp.read_text() == fingerprint(path, self.version)

    def check(self, path: str) -> str | None:
        """What clang-tidy says: nothing if it is clean, None if time is up."""
        if time.monotonic() > self.deadline:
            return None
        mark = fingerprint(path, self.version)
        command = ["clang-tidy", "-p", str(self.database.parent), "--quiet", path]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stdout or done.stderr
        self.stamp(path).write_text(mark)
        return ""


def ages() -> dict[str, int]:
    """How many commits ago each file was changed; none where there is no history."""
    log = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "log", "-n", "200", "--format=%x00", "--name-only"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found: dict[str, int] = {}
    for age, commit in enumerate(log.stdout.split("\0")):
        for path in commit.split():
            found.setdefault(path, age)
    return found


def compiled(build: pathlib.Path) -> list[str]:
    """Our files in the compile database: what was changed last goes first, then production."""
    database = json.loads((build / "compile_commands.json").read_text())
    files = {os.path.relpath(entry["file"], ROOT) for entry in database}
    age = ages()
    return sorted(
        files.intersection(sources("*.cc")),
        key=lambda path: (age.get(path, len(age)), path.startswith("tests/"), path),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=float, default=180)
    limit.add_argument("--all", action="store_true", help="however long it takes")
    args = parser.parse_args()

    tidy = Tidy(args.build, float("inf") if args.all else args.seconds)
    paths = compiled(args.build)
    ahead = [path for path in paths if not tidy.known_clean(path)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(tidy.check, ahead))
    for verdict in filter(None, verdicts):
        print(verdict)
    failed = sum(bool(verdict) for verdict in verdicts)
    left = verdicts.count(None)
    rest = f", {left} left for the next run (--all: now)" if left else ""
    print(f"tidy: {len(paths) - failed - left} of {len(paths)} files clean, {failed} not{rest}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
