# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that finds the hosts' exporters by the file that an agent writes."""

import json
import pathlib
import subprocess
import urllib.parse

from children import Child, free_port, wait_until

CONFIG = """global: {scrape_interval: 1s}
scrape_configs:
  - job_name: fleet
    file_sd_configs: [{files: ["%s"], refresh_interval: 1s}]
"""


class Prometheus:
    """Runs from its making to end(); behind the prefix, if there is one, at that address."""

    def __init__(self, folder: pathlib.Path, targets: pathlib.Path, prefix: list[str], address: str) -> None:
        folder.mkdir()
        config = folder / "prometheus.yml"
        config.write_text(CONFIG % targets)
        self._prefix = prefix
        self._at = f"{address}:{free_port()}"
        self._child = Child([*prefix, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                             f"--web.listen-address={self._at}", "--log.level=warn"], folder / "log")
        wait_until(lambda: self._get("-/ready"), 60, f"Prometheus is ready: {self._child.text()}")

    def values(self, promql: str) -> list[float]:
        """The values of an instant query."""
        answer = json.loads(self._get(f"api/v1/query?{urllib.parse.urlencode({'query': promql})}"))
        return [float(each["value"][1]) for each in answer["data"]["result"]]

    def end(self) -> None:
        self._child.end()

    def _get(self, path: str) -> str:
        done = subprocess.run([*self._prefix, "curl", "-sf", "--max-time", "10", f"http://{self._at}/{path}"],
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""
