# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: bench.py [--smoke]

What a storage of promphp does for a metric, on percpud beside APCu as promphp's adapters
use it, and beside apcu_inc alone with a key that is there already. Each kind runs in a process
of its own, and they take turns, so that what disturbs one disturbs all. The goals of percpud
are ratios to APCu. --smoke runs for a moment: that it works, not how fast.
"""

import subprocess
import sys

import php
import rig

_KINDS = ("apcu", "percpud")
_CALLS = ("inc", "inc, 2 labels", "observe", "set", "apcu_inc alone")
_MOST = 0.3


class Kind:
    """A process that measures one kind of storage."""

    def __init__(self, kind: str, address: str) -> None:
        self._process = subprocess.Popen(
            [php.PHP, *php.EXTENSION, "-d", "extension=apcu", "-d", "apc.enable_cli=1",
             "-d", f"percpud.address={address}", f"{php.HERE}/bench.php", kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n", f"{kind} does not start"

    def measure(self, call: str, times: int) -> float:
        self._process.stdin.write(f"{call};{times}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def measure(kinds: dict, smoke: bool) -> dict:
    """Returns the least nanoseconds of each call for each kind."""
    rounds, times = (1, 10) if smoke else (15, 50000)
    best: dict = {}
    for call in _CALLS:
        for _ in range(rounds):
            for name, kind in kinds.items():
                taken = kind.measure(call, times)
                best[call, name] = min(taken, best.get((call, name), taken))
    return best


def main(smoke: bool) -> int:
    daemon = rig.Daemon()
    try:
        daemon.start()
        kinds = {kind: Kind(kind, daemon.address) for kind in _KINDS}
        best = measure(kinds, smoke)
        for kind in kinds.values():
            kind.end()
    finally:
        daemon.remove()
    print(f"{'ns a call':16}" + "".join(f"{kind:>10}" for kind in _KINDS) + "     ratio")
    for call in _CALLS:
        ratio = best[call, "percpud"] / best[call, "apcu"]
        goal = call == "inc" and not smoke
        verdict = f" of at most {_MOST}: {'met' if ratio <= _MOST else 'missed'}" if goal else ""
        print(f"{call:16}" + "".join(f"{best[call, kind]:10.0f}" for kind in _KINDS) +
              f"{ratio:10.2f}{verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main("--smoke" in sys.argv[1:]))
