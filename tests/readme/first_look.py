#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Does what README.md's first look says, and compares what is printed.

usage: first_look.py snippet c|cpp FILE        writes the C or C++ of README.md
       first_look.py type BINARIES C CPP       types the console of README.md line by line, then runs both

The socket, the arena and the exporter's port are other ones than README.md's, so that nothing of the user's
is touched. After "kill -9" it waits for the process to be gone, as a person would.
"""

import pathlib
import re
import socket
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def console(folder: str, memory: str, binaries: str) -> str:
    """README.md's lines, at places of the test's own."""
    port = free_port()
    text = block("console")
    for theirs, ours in ((ADDRESS, f"unix:{folder}/s"), (ARENA, f"{memory}/arena"),
                         ("percpud-exporter &", f"percpud-exporter --listen 127.0.0.1:{port} &"),
                         (":9437", f":{port}"), ("build/bin/", f"{binaries}/")):
        assert theirs in text, f"README.md has no {theirs}"
        text = text.replace(theirs, ours)
    return text


def type_all(binaries: str, in_c: str, in_cpp: str) -> int:
    with tempfile.TemporaryDirectory() as folder, \
            tempfile.TemporaryDirectory(dir="/dev/shm") as memory, \
            open(f"{folder}/errors", "w+", encoding="utf-8") as errors:
        shell = Shell(errors)
        # Whatever hangs is ended, and then fails by what it did not print.
        watchdog = threading.Timer(PATIENCE, shell.bash.kill)
        watchdog.start()
        todo = [*steps(console(folder, memory, binaries)), (in_c, ["43"]), (in_cpp, ["44"])]
        bad = []
        for command, wanted in todo:
            printed = shell.type(command, len(wanted))
            if [line.split() for line in printed] != [line.split() for line in wanted]:
                bad = [f"$ {command}", "printed:", *printed, "not:", *wanted]
                break
            if command.startswith("kill -9"):
                shell.type("wait $! || true", 0)
        shell.type("kill $(jobs -p); wait || true", 0)
        watchdog.cancel()
        shell.bash.kill()
        errors.seek(0)
        if bad:
            print(*bad, "the shell's errors:", errors.read(), sep="\n")
            return 1
        print(f"first_look: {len(todo)} lines, each prints what README.md says")
        return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["snippet"] and len(sys.argv) == 4:
        pathlib.Path(sys.argv[3]).write_text(block(sys.argv[2]), encoding="utf-8")
    elif sys.argv[1:2] == ["type"] and len(sys.argv) == 5:
        sys.exit(type_all(*sys.argv[2:]))
    else:
        sys.exit(__doc__)
