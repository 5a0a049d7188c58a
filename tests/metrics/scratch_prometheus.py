# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A Prometheus of one's own: Debian's program, with a port and a data folder that nobody else has."""

import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "deploy/prometheus/prometheus.yml"
RULES = ROOT / "deploy/prometheus/percpud.rules.yml"
PATIENCE_SECONDS = 60


def free_port() -> int:
    """A TCP port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url: str, headers: dict[str, str] | None = None) -> bytes:
    """The body of a page. Raises OSError if there is none."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}),
                                timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


class Prometheus:
    """Runs from its making to stop(); scrapes `exporter`, HOST:PORT, as deploy/prometheus says."""

    def __init__(self, folder: pathlib.Path, exporter: str, interval: str) -> None:
        self.port = free_port()
        folder.mkdir()
        config = CONFIG.read_text()
        assert "127.0.0.1:9437" in config and "15s" in config, f"{CONFIG} is another one"
        config = config.replace("127.0.0.1:9437", exporter).replace("15s", interval)
        (folder / "prometheus.yml").write_text(config)
        (folder / RULES.name).write_text(RULES.read_text())
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
             "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def wait_until_ready(self) -> None:
        """Returns once it answers. Raises RuntimeError if it ends, or does not in time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                get(f"http://127.0.0.1:{self.port}/-/ready")
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise RuntimeError(f"prometheus is not ready: {self.log.name}")

    def query(self, promql: str, at: float | None = None) -> dict[str, float]:
        """The values of an instant query, by the labels of each as text."""
        parameters = {"query": promql} | ({"time": str(at)} if at is not None else {})
        url = f"http://127.0.0.1:{self.port}/api/v1/query?{urllib.parse.urlencode(parameters)}"
        answer = json.loads(get(url))
        assert answer["status"] == "success", answer
        return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1])
                for each in answer["data"]["result"]}

    def value(self, promql: str) -> float | None:
        """The value of a query that has one, or none yet."""
        found = list(self.query(promql).values())
        assert len(found) <= 1, f"{promql}: {found}"
        return found[0] if found else None

    def await_value(self, promql: str, accept) -> float:
        """Waits for a value that accept() takes. Returns the last one if none comes in time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        value = None
        while time.monotonic() < deadline:
            value = self.value(promql)
            if value is not None and accept(value):
                break
            time.sleep(0.1)
        return float("nan") if value is None else value

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()


def port_of(said: str) -> str:
    """HOST:PORT in the exporter's word that it serves."""
    found = re.search(r"serving at (\S+)", said)
    assert found, said
    return found[1]
