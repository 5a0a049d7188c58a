#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: leaks.py [--build FOLDER] [LANGUAGE...]

Runs rounds.* beside this file, which do all that a binding can do and drop what they have made,
under valgrind with a real daemon. It holds that the extension and the C library touch no memory
that is not theirs, that they lose none, and that no round leaves a block behind.
Exits with 1 if any of it is not so, and with 77 if valgrind is not installed."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple, Optional

_HERE = pathlib.Path(__file__).resolve().parent
# More than anything that a binding makes once.
_ROUNDS = 30
# A round of Node has a thread, which takes valgrind long to start.
_ROUNDS_OF_NODE = 10
_OURS = "percpud"
# Whose frames may be above ours where ours have asked for memory.
_ALLOCATORS = ("vgpreload", "libc.so", "libstdc++")


class Language(NamedTuple):
    """How its rounds are run, and whether a block that its interpreter makes for ours is freed by
    the interpreter's end, if nothing holds it."""

    command: list[str]
    variables: dict[str, str]
    frees_at_end: bool
    rounds: int = _ROUNDS


def languages(build: pathlib.Path) -> dict[str, Language]:
    """Returns those that this build has."""
    node = shutil.which("node") or "/usr/bin/nodejs"
    php = shutil.which("php8.2") or "php"
    known = {
        "python": Language([sys.executable, f"{_HERE}/rounds.py"],
                           {"PYTHONPATH": f"{build}/python", "PYTHONMALLOC": "malloc"}, True),
        "ruby": Language(["/usr/bin/ruby", f"{_HERE}/rounds.rb"], {"RUBYLIB": f"{build}/ruby"}, False),
        "lua": Language(["luajit", f"{_HERE}/rounds.lua"], {"LUA_PATH": f"{build}/lua/?.lua"}, False),
        # What its compiler makes as it runs takes valgrind long.
        "node": Language([node, "--jitless", "--expose-gc", f"{_HERE}/rounds.js"],
                         {"NODE_PATH": f"{build}/node"}, False, _ROUNDS_OF_NODE),
        "php": Language([php, "-n", "-d", f"extension={build}/php/percpud.so", f"{_HERE}/rounds.php"],
                        {"USE_ZEND_ALLOC": "0", "PERCPUD_PHP_DIR": f"{build}/php"}, True),
    }
    return {name: how for name, how in known.items() if (build / name).is_dir()}


class Finding:
    """What valgrind says of a place in a program."""

    def __init__(self, error: ElementTree.Element) -> None:
        self.kind = error.findtext("kind") or ""
        self.blocks = int(error.findtext("xwhat/leakedblocks") or 0)
        self._what = error.findtext("what") or error.findtext("xwhat/text") or ""
        self._frames = [(frame.findtext("obj") or "", frame.findtext("fn") or "?")
                        for frame in error.findall("stack[1]/frame")]

    def is_ours(self, anywhere: bool) -> bool:
        """Whether ours is the code that did it or, with `anywhere`, that had it done."""
        frames = [obj for obj, _ in self._frames if not any(each in obj for each in _ALLOCATORS)]
        return any(_OURS in os.path.basename(obj) for obj in (frames if anywhere else frames[:1]))

    def __str__(self) -> str:
        places = " < ".join(f"{function} ({os.path.basename(obj)})" for obj, function in self._frames[:12])
        return f"{self.kind}: {self._what} at {places}"


def is_fault(finding: Finding, how: Language) -> bool:
    if not finding.kind.startswith("Leak_"):
        return finding.is_ours(anywhere=False)
    is_lost = finding.kind in ("Leak_DefinitelyLost", "Leak_IndirectlyLost")
    return ((is_lost and finding.is_ours(anywhere=False)) or
            (finding.blocks >= how.rounds and finding.is_ours(how.frees_at_end)))


def faults(how: Language, address: str) -> list[str]:
    """Returns what is wrong. AssertionError if the rounds fail."""
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/report.xml"
        done = subprocess.run(
            ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=all", "--num-callers=40",
             "--error-limit=no", "--smc-check=all-non-file", "--child-silent-after-fork=yes", "--xml=yes",
             f"--xml-file={report}", *how.command, str(how.rounds)],
            env={**os.environ, **how.variables, "PERCPUD_ADDRESS": address}, capture_output=True, text=True)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        found = [Finding(error) for error in ElementTree.parse(report).findall("error")]
    return [str(finding) for finding in found if is_fault(finding, how)]


def check(name: str, how: Language) -> bool:
    """Prints what was found in a language, and returns whether it was nothing."""
    import rig

    # Under valgrind there are no restartable sequences.
    daemon = rig.Daemon("--update-mode", "atomic")
    try:
        daemon.start()
        found = faults(how, daemon.address)
    except AssertionError as error:
        found = [str(error)]
    finally:
        daemon.remove()
    print(f"{name}: {len(found) or 'no'} faults in {how.rounds} rounds", *found, sep="\n  ", flush=True)
    return not found


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"^.*\n\n", "", __doc__),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=_HERE.parents[2] / "build")
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        return 77
    os.environ["PERCPUD_BIN_DIR"] = f"{arguments.build}/bin"
    sys.path.append(f"{_HERE.parent}/python")
    known = languages(arguments.build)
    wanted: Optional[list[str]] = arguments.languages or list(known)
    return 0 if all([check(name, known[name]) for name in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main())
