# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A fleet: etcd, hosts, and what holds in every case."""

import pathlib
import statistics
import subprocess

from children import Child, check, wait_until
from etcd import Etcd
from host import Host
from pki import Issued, Pki

PREFIX = "/percpud/v1/test/"


class Fleet:
    """Hosts h0, h1 and so on, on loopback or in network namespaces (network.py)."""

    def __init__(self, folder: pathlib.Path, binaries: pathlib.Path, *, hosts: int, ttl: int, grace: int,
                 network=None) -> None:
        self.folder = folder
        self.ttl = ttl
        self.grace = grace
        self.network = network
        self.quiet_cost: float | None = None
        self.binaries = binaries
        self.pki = Pki(folder / "pki")
        # Who vouches for hosts to each other is another than who does to etcd.
        self.peers = Pki(folder / "peers", "peers")
        self.etcd = Etcd(folder / "etcd", self.pki, network)
        self.hosts = [self.make_host(f"h{i}") for i in range(hosts)]

    def make_host(self, name: str) -> Host:
        prefix = self.network.host_prefix(name) if self.network else []
        address = self.network.host_address(name) if self.network else "127.0.0.1"
        return Host(self.folder, name, self.binaries, self.etcd, self.peers, ttl=self.ttl, grace=self.grace, prefix=prefix,
                    address=address)

    def observer_prefix(self) -> list[str]:
        return self.network.observer_prefix() if self.network else []

    def over_tls(self, host: Host, certificate: Issued | None, *words: str) -> subprocess.CompletedProcess:
        """percpuctl from beside the hosts, over TLS, with that certificate."""
        own = ["--cert-file", certificate.certificate, "--key-file", certificate.key] if certificate else []
        return subprocess.run(
            [*self.observer_prefix(), self.binaries / "percpuctl", "--address", host.tls_address,
             "--ca-file", self.peers.ca, *own, "--timeout", "3s", *words],
            capture_output=True, text=True, check=False)

    def names(self) -> list[str]:
        return [host.name for host in self.hosts]

    def all_up(self) -> bool:
        wanted = {name: "up" for name in self.names()}
        return all(host.states() == wanted for host in self.hosts)

    def wait_converged(self, seconds: float, what: str) -> float:
        took = wait_until(self.all_up, seconds, f"{what}: every view shows every host up")
        wait_until(lambda: len({host.epoch() for host in self.hosts}) == 1, 5, f"{what}: one epoch")
        return took

    def check_whole(self, what: str) -> None:
        for host in self.hosts:
            check(host.is_whole(), f"{what}: a process of {host.name} has ended")

    def create_revisions(self) -> dict[str, int]:
        """Of the hosts' records: another one means that a record was deleted meanwhile."""
        return {name: (self.etcd.key(f"{PREFIX}hosts/{name}") or {}).get("create_revision", 0)
                for name in self.names()}

    def costs(self) -> list[list[float]]:
        return [host.costs() for host in self.hosts]

    def take_quiet_cost(self, before: list[list[float]]) -> None:
        self.quiet_cost = self._median_since(before)

    def cost_since(self, before: list[list[float]]) -> float | None:
        """What an addition has cost since then, in what it costs on a quiet fleet; None if either is not known."""
        now = self._median_since(before)
        return now / self.quiet_cost if now and self.quiet_cost else None

    def _median_since(self, before: list[list[float]]) -> float | None:
        fresh = [cost for was, now in zip(before, self.costs(), strict=True) for cost in now[len(was):]]
        return statistics.median(fresh) if fresh else None

    def finish(self) -> None:
        """Every add of every host is there, and every view shows all."""
        self.wait_converged(30, "at the end")
        self.check_whole("at the end")
        for host in self.hosts:
            host.stop_counting()
        for host in self.hosts:
            check(host.agent.end() == 0, f"{host.name}: the agent's exit status")
            check(host.percpud.end() == 0, f"{host.name}: percpud's exit status")


def processor_seconds(child: Child) -> float:
    """What the process has used so far."""
    fields = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(subprocess.run(["getconf", "CLK_TCK"], capture_output=True, text=True, check=True).stdout)
    return (int(fields[11]) + int(fields[12])) / ticks


def resident_mib(child: Child) -> float:
    for line in pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0
