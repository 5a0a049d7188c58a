# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A network namespace for each node and host, on one bridge."""

import os
import subprocess

NODES = 3


class Network:
    """10.77.0.0/24 on a bridge in a namespace of its own. Needs root."""

    OBSERVER = "10.77.0.1"

    def __init__(self, hosts: list[str]) -> None:
        self._tag = f"pf{os.getpid()}"
        self._bridge = f"{self._tag}-b"
        self._namespaces = [self._bridge]
        self._hosts = {name: f"10.77.0.{100 + i}" for i, name in enumerate(hosts)}
        self._ip("netns", "add", self._bridge)
        self._in(self._bridge, "link", "add", "br0", "type", "bridge")
        self._in(self._bridge, "link", "set", "br0", "up")
        self._in(self._bridge, "address", "add", f"{self.OBSERVER}/24", "dev", "br0")
        self._in(self._bridge, "link", "set", "lo", "up")
        for node in self.nodes():
            self._attach(node, self._address(node))
        for name, address in self._hosts.items():
            self._attach(name, address)

    def etcd_places(self) -> list[tuple[str, list[str]]]:
        return [(self._address(node), self._prefix(node)) for node in self.nodes()]

    def observer_prefix(self) -> list[str]:
        """Where nothing is ever cut off from."""
        return ["ip", "netns", "exec", self._bridge]

    def host_prefix(self, name: str) -> list[str]:
        return self._prefix(name) if name in self._hosts else self._prefix(next(iter(self._hosts)))

    def host_address(self, name: str) -> str:
        return self._hosts.get(name) or next(iter(self._hosts.values()))

    def cut(self, name: str) -> None:
        """The link of that node or host is down: what is sent is lost, and nobody is told."""
        self._in(self._bridge, "link", "set", f"to-{name}", "down")

    def heal(self, name: str) -> None:
        self._in(self._bridge, "link", "set", f"to-{name}", "up")

    def cut_from(self, name: str, others: list[str]) -> None:
        """What that host sends to these is lost: they hear it no more, and it does hear them."""
        for other in others:
            self._in(f"{self._tag}-{name}", "route", "add", "blackhole", self._address(other))

    def heal_from(self, name: str, others: list[str]) -> None:
        for other in others:
            self._in(f"{self._tag}-{name}", "route", "del", "blackhole", self._address(other))

    def nodes(self) -> list[str]:
        return [f"e{i}" for i in range(NODES)]

    def remove(self) -> None:
        for namespace in self._namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False)

    def _attach(self, name: str, address: str) -> None:
        namespace = f"{self._tag}-{name}"
        self._ip("netns", "add", namespace)
        self._namespaces.append(namespace)
        self._in(self._bridge, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", namespace)
        self._in(self._bridge, "link", "set", f"to-{name}", "master", "br0", "up")
        self._in(namespace, "address", "add", f"{address}/24", "dev", "eth0")
        self._in(namespace, "link", "set", "eth0", "up")
        self._in(namespace, "link", "set", "lo", "up")

    def _address(self, name: str) -> str:
        return self._hosts[name] if name in self._hosts else f"10.77.0.{10 + int(name[1:])}"

    def _prefix(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", f"{self._tag}-{name}"]

    def _in(self, namespace: str, *words: str) -> None:
        self._ip("-n", namespace, *words)

    @staticmethod
    def _ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)
