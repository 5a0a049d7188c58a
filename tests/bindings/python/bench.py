# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: bench.py [--smoke]

prometheus_client's calls on percpud, beside its own values: those of one process behind
a mutex, and those of its multiprocess mode in mapped files. Each kind runs in a process
of its own, and they take turns, so that what disturbs one disturbs all. The goals of
percpud are ratios to the others. --smoke runs for a moment: that it works, not how fast.
"""

import os
import sys
import tempfile

import rig
import turns

_KINDS = ("mutex", "mapped", "percpud")
_CALLS = ("inc", "labels().inc", "observe", "set", "scrape")
# (call, at most, of kind)
_GOALS = (("inc", 0.6, "mutex"), ("inc", 0.3, "mapped"), ("labels().inc", 0.5, "mutex"),
          ("observe", 0.5, "mutex"))
_COUNTERS, _HISTOGRAMS = 50, 20


def calls() -> dict:
    """Returns the calls that are measured, on the value class that the environment says."""
    from prometheus_client import (CollectorRegistry, Counter, Gauge, Histogram, generate_latest,
                                   multiprocess)

    multi = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    registry = CollectorRegistry()
    own = None if multi else registry
    counters = [Counter(f"c{i}", "help", registry=own) for i in range(_COUNTERS)]
    histograms = [Histogram(f"h{i}", "help", registry=own) for i in range(_HISTOGRAMS)]
    labelled = Counter("labelled", "help", ["method", "code"], registry=own)
    gauge = Gauge("g", "help", registry=own, multiprocess_mode="livesum")
    labelled.labels(method="get", code="200")
    if multi:
        multiprocess.MultiProcessCollector(registry)
    return {
        "inc": counters[0].inc,
        "labels().inc": lambda: labelled.labels(method="get", code="200").inc(),
        "observe": lambda: histograms[0].observe(0.3),
        "set": lambda: gauge.set(1),
        "scrape": lambda: generate_latest(registry),
    }


def start(kind: str, address: str, folder: str) -> turns.Measured:
    """Returns a process that measures one kind of values."""
    variables = {**os.environ, "PERCPUD_ADDRESS": address}
    variables.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if kind != "mutex":
        variables["PROMETHEUS_MULTIPROC_DIR"] = folder
    install = "import percpud.prometheus; percpud.prometheus.install(); "
    code = (install if kind == "percpud" else "") + "import bench, turns; turns.answer(bench.calls())"
    return turns.Measured([sys.executable, "-c", code], env=variables,
                          cwd=os.path.dirname(os.path.abspath(__file__)))


def main(smoke: bool) -> int:
    daemon = rig.Daemon()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        try:
            daemon.start()
            kinds = {kind: start(kind, daemon.address, folder) for kind in _KINDS}
            rounds, often = (1, 10) if smoke else (150, 2000)
            numbers = {call: max(often // 1000, 1) if call == "scrape" else often for call in _CALLS}
            best = turns.measure(kinds, numbers, rounds)
            for kind in kinds.values():
                kind.end()
        finally:
            daemon.remove()
    print(f"{'ns a call':14}" + "".join(f"{kind:>12}" for kind in _KINDS))
    for call in _CALLS:
        print(f"{call:14}" + "".join(f"{best[call, kind]:12.0f}" for kind in _KINDS))
    for call, most, other in _GOALS:
        ratio = best[call, "percpud"] / best[call, other]
        verdict = "" if smoke else ("met" if ratio <= most else "missed")
        print(f"{call} / {other}: {ratio:.2f} of at most {most} {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main("--smoke" in sys.argv[1:]))
