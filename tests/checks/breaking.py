#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Holds the wire contract against the commits that proto/baseline.txt names.

usage: breaking.py

Runs `buf breaking` against each of them. Everything it finds has to stand in
proto/baseline.txt below the commit, and nothing else may stand there.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from sources import ROOT, read

LIST = "proto/baseline.txt"
BUF = ["npx", "--yes", "--loglevel=error", "@bufbuild/buf"]


def baselines(text: str) -> dict[str, list[str]]:
    """The findings that were meant, by commit. Raises ValueError with the line that is wrong."""
    out: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if re.fullmatch(r"[0-9a-f]{40}", line):
            findings = out.setdefault(line, [])
        elif line.startswith("  ") and out:
            findings.append(line.strip())
        else:
            raise ValueError(f"{LIST}:{number}: neither a commit nor an indented finding")
    return out


def findings(report: str) -> list[str]:
    """buf's report in JSON, a line for each finding, without line numbers."""
    entries = [json.loads(line) for line in report.splitlines()]
    return [f"{entry['path']}: {entry['type']}: {entry['message']}" for entry in entries]


def objections(found: list[str], meant: list[str]) -> list[str]:
    broken = [f"not meant: {finding}" for finding in sorted(set(found) - set(meant))]
    stale = [f"meant, but not so: {finding}" for finding in sorted(set(meant) - set(found))]
    return broken + stale


def git(*arguments: str) -> subprocess.CompletedProcess:
    command = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", *arguments]
    return subprocess.run(command, capture_output=True, check=False)


def compare(commit: str) -> list[str]:
    """What buf finds between the commit's contract and the one at hand."""
    archive = git("archive", commit, "proto")
    if archive.returncode != 0:
        if git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            sys.exit(f"proto: {commit[:12]} is not in this shallow clone: git fetch --unshallow")
        sys.exit(f"proto: {commit[:12]}: {archive.stderr.decode()}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        command = [*BUF, "breaking", "proto", "--against", str(pathlib.Path(folder) / "proto")]
        result = subprocess.run([*command, "--error-format=json"], cwd=ROOT, capture_output=True,
                                text=True, check=False)
    # 100: there are findings.
    if result.returncode not in (0, 100):
        sys.exit(f"proto: buf breaking: {result.stderr}")
    return findings(result.stdout)


def main() -> int:
    known = baselines(read(LIST))
    failed = False
    for commit, meant in known.items():
        for objection in objections(compare(commit), meant):
            print(f"{commit[:12]}: {objection}", file=sys.stderr)
            failed = True
    if not failed:
        print(f"proto: compatible with {len(known)} commits")
    return failed


if __name__ == "__main__":
    sys.exit(main())
