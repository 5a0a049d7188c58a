# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A host of the fleet: percpud, its agent, and processes that count."""

import json
import os
import pathlib
import signal
import subprocess
import uuid

from children import Child, check, free_port, wait_until
from etcd import Etcd
from pki import Pki, put_whole


# What the hosts' agents may read of each other.
CONFIG = """access { viewers: "dns:percpud-*" }
export { families: "test/*" families: "default/sold*" variables: "rows*" }
"""


class Host:
    """Everything of one host, in a folder of its own; in a network namespace, if there is a prefix."""

    def __init__(self, folder: pathlib.Path, name: str, binaries: pathlib.Path, etcd: Etcd, peers: Pki, *, ttl: int,
                 grace: int, prefix: list[str] | None = None, address: str = "127.0.0.1") -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.state = self.folder / "state"
        self.state.mkdir(exist_ok=True)
        self._binaries = binaries
        self._etcd = etcd
        self._times = ["--ttl", f"{ttl}s", "--lost-grace", f"{grace}s"]
        self._prefix = prefix or []
        self.certificate = etcd.pki.issue(f"percpud-{name}")
        self._address = address
        self.trusted = self.folder / "trusted.pem"
        self.take_certificates(peers)
        self.trust(peers)
        self.tls_address = f"tls:{address}:{free_port()}"
        self.config = self.folder / "percpud.textproto"
        self.config.write_text(CONFIG)
        self.boot_id = self.folder / "boot_id"
        self.boot_id.write_text(f"{uuid.uuid4()}\n")
        self.percpud: Child | None = None
        self.agent: Child | None = None
        self.metrics_address = f"{address}:{free_port()}"
        self.exporter: Child | None = None
        self.counting: Child | None = None
        self.counted = 0
        self._cost: Child | None = None

    @property
    def address(self) -> str:
        return f"unix:{self.folder}/percpud.sock"

    @property
    def agent_address(self) -> str:
        return f"unix:{self.folder}/fleet.sock"

    def start_percpud(self) -> None:
        self.percpud = Child(
            [*self._prefix, self._binaries / "percpud", "--config", self.config, "--listen", self.address,
             "--listen", self.tls_address, "--tls-cert-file", self.gate.certificate,
             "--tls-key-file", self.gate.key, "--tls-trusted-ca-file", self.trusted, "--tls-check-interval", "1s",
             "--cpus", "4", "--arena-size", "16MiB", "--arena", f"file:{self.folder}/arena",
             "--catalog", self.folder / "catalog"],
            self.folder / "percpud.log")

    def start_agent(self, *more: object) -> None:
        argv = [*self._prefix, self._binaries / "percpud-fleet", "--fleet", "test", "--host", self.name,
                "--percpud", self.address, "--listen", self.agent_address, "--state-dir", self.state,
                "--boot-id-file", self.boot_id, "--address", self.tls_address,
                "--metrics-address", self.metrics_address, "--label", "zone=z1",
                "--file-sd", self.folder / "targets.json", "--trusted-ca-file", self._etcd.pki.ca,
                "--cert-file", self.certificate.certificate, "--key-file", self.certificate.key,
                "--peer-trusted-ca-file", self.trusted, "--peer-cert-file", self.peer.certificate,
                "--peer-key-file", self.peer.key, *self._times, *more]
        for url in self._etcd.urls:
            argv += ["--etcd", url]
        self.agent = Child(argv, self.folder / "agent.log")

    def take_certificates(self, peers: Pki) -> None:
        """This host's certificates for other hosts, of that authority, in the place of those it has."""
        self.gate = peers.issue(f"gate-{self.name}", addresses=[self._address]).move_to(self.folder / "gate")
        self.peer = peers.issue(f"percpud-{self.name}").move_to(self.folder / "peer")

    def trust(self, *authorities: Pki) -> None:
        """Those vouch for other hosts, and no others."""
        put_whole(self.trusted, "".join(each.ca.read_text() for each in authorities))

    def certificates_taken(self) -> tuple[int, int]:
        """How often percpud's gateway and the agent have said that they use another set."""
        return (self.percpud.text().count("the certificate in use is valid until"),
                self.agent.text().count("certificate for hosts: a new one is in use"))

    def start_counting(self) -> None:
        self.counting = Child(
            [self._binaries / "prefork", "--workers", "2", "--seconds", "36000", "--kills", "0"],
            self.folder / "counting.log", self._counts_here())
        self._cost = Child([self._binaries / "fleet_cost"], self.folder / "cost.log", self._counts_here())

    def costs(self) -> list[float]:
        """What additions have cost so far, a figure for each tenth of a second: cost.c."""
        return [float(line) for line in self._cost.text().splitlines()] if self._cost else []

    def start_exporter(self) -> None:
        self.exporter = Child([*self._prefix, self._binaries / "percpud-exporter", "--address", self.address,
                               "--listen", self.metrics_address], self.folder / "exporter.log")

    def start(self) -> None:
        self.start_percpud()
        self.start_agent()
        wait_until(lambda: self.control("ping").returncode == 0, 30, f"{self.name}: percpud answers")
        self.start_counting()

    def stop_counting(self) -> None:
        """Ends it, and holds what it says it has added against what percpud has."""
        check(self.counting.end() == 0, f"{self.name}: counting failed: {self.counting.text()}")
        said = json.loads(self.counting.text().splitlines()[-1])
        value = self.control("--namespace", "test", "get", "shop_requests_total").stdout.strip()
        check(said["done"] == said["begun"] == int(value or -1),
              f"{self.name}: {said['done']} were added, and percpud has {value}")
        check(self._cost.end() == 0, f"{self.name}: {self._cost.text()[-200:]}")
        added = self._cost.text().splitlines()[-1]
        cost = self.control("--namespace", "test", "get", "cost_total").stdout.strip()
        check(added == cost, f"{self.name}: {added} were added to cost_total, and percpud has {cost}")
        self.counted = said["done"] + int(added)

    def hold_counting(self, *, go_on: bool) -> None:
        """The workers stop where they are, or go on."""
        children = pathlib.Path(f"/proc/{self.counting.pid}/task/{self.counting.pid}/children")
        for pid in [*map(int, children.read_text().split()), self._cost.pid]:
            os.kill(pid, signal.SIGCONT if go_on else signal.SIGSTOP)

    def control(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([self._binaries / "percpuctl", "--address", self.address, *words],
                              capture_output=True, text=True, check=False)

    def fleet(self, *words: str) -> subprocess.CompletedProcess:
        verb, *rest = words
        return self.control("fleet", verb, *rest, "--agent", self.agent_address)

    def fleet_json(self, *words: str) -> dict:
        """What percpuctl fleet prints as JSON; empty if it fails."""
        done = self.fleet(*words, "-o", "json")
        return json.loads(done.stdout) if done.stdout else {}

    def view(self) -> dict:
        """The view as the agent has written it: within a tenth of a second, and whole."""
        path = self.state / "view.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def states(self) -> dict[str, str]:
        """Names and states of the hosts in this one's view: up, lost, down (percpud is)."""
        out = {}
        for host in self.view().get("hosts", []):
            is_up = host["state"] == "HOST_STATE_UP"
            is_down = host["record"]["serving"] == "SERVING_DOWN"
            out[host["name"]] = ("down" if is_down else "up") if is_up else "lost"
        return out

    def is_drained(self, name: str) -> bool:
        return any(host["name"] == name and "drain" in host for host in self.view().get("hosts", []))

    def incarnation(self, name: str) -> str:
        return next(host["record"]["incarnation"] for host in self.view()["hosts"] if host["name"] == name)

    def epoch(self) -> str:
        return self.view().get("epoch", "")

    def is_stale(self) -> bool:
        return "stale_since" in self.view()

    def restart_agent(self) -> None:
        """As SIGKILL and a service manager do."""
        self.agent.kill()
        self.start_agent()

    def restart_agent_anew(self) -> None:
        """Without the view that it has stored."""
        self.agent.kill()
        (self.state / "view.json").unlink(missing_ok=True)
        self.start_agent()

    def freeze_agent(self) -> None:
        self.agent.send(signal.SIGSTOP)

    def thaw_agent(self) -> None:
        self.agent.send(signal.SIGCONT)

    def is_whole(self) -> bool:
        """Whether nothing of it has ended that should not."""
        return all(child is None or child.is_alive() for child in self._children())

    def _children(self) -> tuple[Child | None, ...]:
        return self.percpud, self.agent, self.counting, self._cost, self.exporter

    def _counts_here(self) -> dict[str, str]:
        return {"PERCPUD_ADDRESS": self.address, "PERCPUD_NAMESPACE": "test"}
