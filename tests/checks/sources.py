#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The files that belong to the project: what the checks look at.

usage: sources.py [PATTERN...]

Prints, one a line, the files that git tracks or would track, and that match
one of the patterns (git's own: '*.cc' is any folder's).
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CXX = ("*.c", "*.cc", "*.h")


def sources(*patterns: str) -> list[str]:
    """Paths from the root of the repository, sorted."""
    command = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard", "--deduplicate", "--", *patterns]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = sorted(path for path in listing.split("\0") if path)
    return [path for path in paths if (ROOT / path).is_file()]


def exists(path: str) -> bool:
    """A file or a folder; * stands for some of its name."""
    return any(ROOT.glob(path))


def normal(path: str) -> str:
    """Without the steps up that lead to it."""
    return os.path.normpath(path)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


if __name__ == "__main__":
    print("\n".join(sources(*sys.argv[1:])))
