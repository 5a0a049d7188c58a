#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: names.py BINARIES

Holds that Prometheus takes deploy/prometheus (promtool), and that every metric of percpud's which
the alert rules and the Grafana dashboard name is one that percpud-exporter shows.
Exits with 77 if promtool is not installed."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scratch_prometheus as prometheus

DASHBOARD = prometheus.ROOT / "deploy/grafana/percpud.json"
NAME = re.compile(r"\bpercpud_[a-z_]+\b")
# A label, and not a metric.
LABELS = {"percpud_namespace"}


def shown(binaries: pathlib.Path) -> set[str]:
    """Metrics of the exporter's page, once an application has a family."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PERCPUD_ADDRESS": f"unix:{folder}/percpud.sock"}
        started = []

        def start(*command: str) -> str:
            started.append(subprocess.Popen(command, env=environment, text=True,
                                            stdout=subprocess.PIPE))
            return started[-1].stdout.readline()

        try:
            start(str(binaries / "percpud"), "--listen", environment["PERCPUD_ADDRESS"],
                  "--log-level", "error")
            subprocess.run([binaries / "percpuctl", "inc", "visits"], env=environment, check=True,
                           stdout=subprocess.DEVNULL)
            said = start(str(binaries / "percpud-exporter"), "--listen", "127.0.0.1:0")
            page = prometheus.get(f"http://{prometheus.port_of(said)}/metrics").decode()
        finally:
            for process in started:
                process.terminate()
                process.wait()
        return {re.split(r"[{ ]", line)[0] for line in page.splitlines() if line[:1] != "#"}


def expressions() -> list[str]:
    """What the dashboard asks Prometheus."""
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [
        variable["query"]["query"] for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"]


def main() -> int:
    if shutil.which("promtool") is None:
        return 77
    subprocess.run(["promtool", "check", "config", prometheus.CONFIG], check=True)
    there = shown(pathlib.Path(sys.argv[1]))
    bad = 0
    for source, text in ((prometheus.RULES, prometheus.RULES.read_text().split("groups:")[1]),
                         (DASHBOARD, "\n".join(expressions()))):
        named = set(NAME.findall(text)) - LABELS
        assert named, f"{source} names no metric"
        for name in sorted(named - there):
            print(f"{source.name}: the exporter shows no {name}")
            bad = 1
        print(f"{source.name}: {len(named)} metrics")
    return bad


if __name__ == "__main__":
    sys.exit(main())
