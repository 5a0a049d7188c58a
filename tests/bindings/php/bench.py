# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: bench.py [--smoke]

What a storage of promphp does for a metric, on percpud beside APCu as promphp's adapters
use it, and beside apcu_inc alone with a key that is there already. Each kind runs in a process
of its own, and they take turns, so that what disturbs one disturbs all. The goals of percpud
are ratios to APCu. --smoke runs for a moment: that it works, not how fast.
"""

import sys

import php
import rig
import turns

_KINDS = ("apcu", "percpud")
_CALLS = ("inc", "inc, 2 labels", "observe", "set", "apcu_inc alone")
_MOST = 0.3


def start(kind: str, address: str) -> turns.Measured:
    """Returns a process that measures one kind of storage."""
    return turns.Measured(
        [php.PHP, *php.EXTENSION, "-d", "extension=apcu", "-d", "apc.enable_cli=1",
         "-d", f"percpud.address={address}", f"{php.HERE}/bench.php", kind])


def main(smoke: bool) -> int:
    daemon = rig.Daemon()
    try:
        daemon.start()
        kinds = {kind: start(kind, daemon.address) for kind in _KINDS}
        rounds, often = (1, 10) if smoke else (150, 5000)
        best = turns.measure(kinds, dict.fromkeys(_CALLS, often), rounds)
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
