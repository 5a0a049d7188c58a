#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Does what README.md's first look says, and compares what is printed.

usage: first_look.py snippet FILE           writes the C++ of README.md, for any address
       first_look.py type BINARIES SNIPPET  types the console of README.md line by line, then runs SNIPPET

The socket and the arena are other ones than README.md's, so that nothing of the user's
is touched. After "kill -9" it waits for the process to be gone, as a person would.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = "unix:/tmp/percpud.sock"
ARENA = "/dev/shm/percpud-look"
DONE = "typed, and ended with"
PATIENCE = 30


def block(language: str) -> str:
    """The one block of that language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(),
                        re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"README.md has {len(blocks)} blocks of {language}"
    return blocks[0]


def snippet() -> str:
    """README.md's program, which asks the environment for the address."""
    text = block("cpp")
    quoted = f'"{ADDRESS}"'
    assert quoted in text, f"README.md's C++ has no {quoted}"
    return "#include <cstdlib>\n" + text.replace(quoted, 'std::getenv("PERCPUD_ADDRESS")')


def steps(console: str) -> list[tuple[str, list[str]]]:
    """Commands, each with the lines it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


class Shell:
    """A shell that is typed into."""

    def __init__(self, errors) -> None:
        self.bash = subprocess.Popen(["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)

    def type(self, command: str, lines: int) -> list[str]:
        """Returns what is printed until the command has ended, and at least `lines` of it."""
        self.bash.stdin.write(f"{command}\necho '{DONE}' $?\n")
        self.bash.stdin.flush()
        printed: list[str] = []
        ended = False
        while not ended or len(printed) < lines:
            line = self.bash.stdout.readline()
            if not line:
                return [*printed, "(the shell has ended)"]
            if line.startswith(DONE):
                ended = True
                if line.split()[-1] != "0":
                    return [*printed, f"(exit {line.split()[-1]})"]
            else:
                printed.append(line.rstrip("\n"))
        return printed


def type_all(binaries: str, program: str) -> int:
    with tempfile.TemporaryDirectory() as folder, \
            tempfile.TemporaryDirectory(dir="/dev/shm") as memory, \
            open(f"{folder}/errors", "w+", encoding="utf-8") as errors:
        shell = Shell(errors)
        # Whatever hangs is ended, and then fails by what it did not print.
        watchdog = threading.Timer(PATIENCE, shell.bash.kill)
        watchdog.start()
        console = block("console").replace(ADDRESS, f"unix:{folder}/s").replace(
            ARENA, f"{memory}/arena").replace("build/bin/", f"{binaries}/")
        todo = [*steps(console), (program, ["1"])]
        bad = []
        for command, wanted in todo:
            printed = shell.type(command, len(wanted))
            if [line.split() for line in printed] != [line.split() for line in wanted]:
                bad = [f"$ {command}", "printed:", *printed, "not:", *wanted]
                break
            if command.startswith("kill -9"):
                shell.type("wait $! || true", 0)
        shell.type("kill $!; wait $! || true", 0)
        watchdog.cancel()
        shell.bash.kill()
        errors.seek(0)
        if bad:
            print(*bad, "the shell's errors:", errors.read(), sep="\n")
            return 1
        print(f"first_look: {len(todo)} lines, each prints what README.md says")
        return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["snippet"] and len(sys.argv) == 3:
        pathlib.Path(sys.argv[2]).write_text(snippet(), encoding="utf-8")
    elif sys.argv[1:2] == ["type"] and len(sys.argv) == 4:
        sys.exit(type_all(*sys.argv[2:]))
    else:
        sys.exit(__doc__)
