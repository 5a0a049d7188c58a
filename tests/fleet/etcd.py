# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A real etcd of three nodes with mutual TLS."""

import json
import os
import pathlib
import shutil
import signal
import subprocess

from children import Child, Failed, free_port, wait_until
from network import Network
from pki import Pki

NODES = 3


class Node:
    """One member: where it is, and its process."""

    def __init__(self, name: str, address: str, ports: tuple[int, int], prefix: list[str]) -> None:
        self.name = name
        self.client_url = f"https://{address}:{ports[0]}"
        self.peer_url = f"https://{address}:{ports[1]}"
        self.prefix = prefix
        self.child: Child | None = None


class Etcd:
    """The cluster. Nodes are on loopback, or in a network's namespaces."""

    def __init__(self, folder: pathlib.Path, pki: Pki, network: Network | None = None) -> None:
        self.folder = folder
        self.pki = pki
        folder.mkdir(exist_ok=True)
        self.nodes = []
        places = network.etcd_places() if network else None
        for i in range(NODES):
            address, prefix = places[i] if places else ("127.0.0.1", [])
            ports = (2379, 2380) if places else (free_port(), free_port())
            self.nodes.append(Node(f"e{i}", address, ports, prefix))
        addresses = ["127.0.0.1", *(place[0] for place in places or [])]
        self.server = pki.issue("etcd", addresses=addresses)
        self.admin = pki.issue("admin")
        self._control_prefix = network.observer_prefix() if network else []
        self._generation = 0

    @property
    def urls(self) -> list[str]:
        return [node.client_url for node in self.nodes]

    def start(self, node: Node, *, token: str | None = None) -> None:
        cluster = ",".join(f"{each.name}={each.peer_url}" for each in self.nodes)
        certificate, key, ca = self.server.certificate, self.server.key, self.pki.ca
        node.child = Child(
            [*node.prefix, "etcd", "--name", node.name, "--data-dir", self.data(node),
             "--listen-client-urls", node.client_url, "--advertise-client-urls", node.client_url,
             "--listen-peer-urls", node.peer_url, "--initial-advertise-peer-urls", node.peer_url,
             "--initial-cluster", cluster, "--initial-cluster-state", "new",
             "--initial-cluster-token", token or f"t{self._generation}",
             "--client-cert-auth", "--trusted-ca-file", ca, "--cert-file", certificate, "--key-file", key,
             "--peer-client-cert-auth", "--peer-trusted-ca-file", ca, "--peer-cert-file", certificate,
             "--peer-key-file", key, "--pre-vote", "--unsafe-no-fsync"],
            self.folder / f"{node.name}.log", {"ETCD_UNSUPPORTED_ARCH": os.uname().machine})

    def data(self, node: Node) -> pathlib.Path:
        return self.folder / f"{node.name}.data"

    def start_all(self) -> None:
        for node in self.nodes:
            self.start(node)
        self.wait_writable(60)

    def wait_writable(self, seconds: float) -> float:
        return wait_until(lambda: self.try_control("put", "/test/writable", "x") is not None, seconds,
                          "etcd takes a write")

    def running(self) -> list[Node]:
        return [node for node in self.nodes if node.child and node.child.is_alive()]

    def kill_all(self) -> None:
        for node in self.running():
            node.child.kill()

    def signal_all(self, number: signal.Signals) -> None:
        for node in self.running():
            node.child.send(number)

    def wipe(self) -> None:
        """Removes all data; what is started next is another cluster."""
        self._generation += 1
        for node in self.nodes:
            shutil.rmtree(self.data(node), ignore_errors=True)

    def restore(self, snapshot: pathlib.Path) -> None:
        """Has every node begin with the snapshot."""
        self.wipe()
        cluster = ",".join(f"{each.name}={each.peer_url}" for each in self.nodes)
        for node in self.nodes:
            subprocess.run(
                ["etcdctl", "snapshot", "restore", snapshot, "--name", node.name, "--data-dir", self.data(node),
                 "--initial-cluster", cluster, "--initial-cluster-token", f"t{self._generation}",
                 "--initial-advertise-peer-urls", node.peer_url],
                check=True, capture_output=True, env={**os.environ, "ETCDCTL_API": "3"})

    def leader(self) -> Node:
        text = self.control("endpoint", "status", "-w", "json")
        for status, node in zip(json.loads(text), self.running(), strict=True):
            if status["Status"]["leader"] == status["Status"]["header"]["member_id"]:
                return node
        raise Failed("etcd has no leader")

    def control(self, *words: str) -> str:
        """etcdctl, as the administrator. Raises Failed."""
        out = self.try_control(*words)
        if out is None:
            raise Failed(f"etcdctl {' '.join(words)}")
        return out

    def try_control(self, *words: str, node: Node | None = None) -> str | None:
        """The same; None where it fails. By all nodes that run, or by one."""
        urls = ",".join(each.client_url for each in ([node] if node else self.running()))
        if not urls:
            return None
        done = subprocess.run(
            [*self._control_prefix, "etcdctl", "--endpoints", urls, "--cacert", self.pki.ca,
             "--cert", self.admin.certificate, "--key", self.admin.key, "--dial-timeout=1s",
             "--command-timeout=2s", *words],
            capture_output=True, text=True, check=False, env={**os.environ, "ETCDCTL_API": "3"})
        return done.stdout if done.returncode == 0 else None

    def key(self, key: str) -> dict | None:
        """The key with its revisions, as etcdctl prints it; None if it is not there."""
        found = json.loads(self.control("get", key, "-w", "json")).get("kvs")
        return found[0] if found else None

    def revision(self) -> int:
        return json.loads(self.control("get", "/test/none", "-w", "json"))["header"]["revision"]

    def transact(self, puts: str) -> None:
        """Puts in one transaction, as etcdctl reads them."""
        urls = self.running()[0].client_url
        subprocess.run(
            [*self._control_prefix, "etcdctl", "--endpoints", urls, "--cacert", self.pki.ca, "--cert",
             self.admin.certificate, "--key", self.admin.key, "txn"],
            input=f"\n{puts}\n\n", text=True, check=True, capture_output=True,
            env={**os.environ, "ETCDCTL_API": "3"})
