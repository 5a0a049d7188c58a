# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""A node that runs pods of deploy/kubernetes without a kubelet: each container in namespaces, a memory control
group and rights as its manifest says. Needs root."""

import os
import pathlib
import signal
import sys
from collections.abc import Callable

from kubernetes.utils.quantity import parse_quantity

from manifests import Container, Pod, config_of

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "fleet"))
from children import Child, check, wait_until

HERE = pathlib.Path(__file__).resolve().parent
# Where a user namespace's numbers begin on the node.
SHIFT = 1_000_000
PATIENCE = 60


class Group:
    """A memory control group of version 2 or 1 with a limit; no path where none is to be had."""

    def __init__(self, name: str, limit: int) -> None:
        self.path: pathlib.Path | None = None
        for root, file in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
            path = pathlib.Path(root) / f"percpud-{os.getpid()}-{name}"
            if not path.parent.is_dir():
                continue
            path.mkdir()
            # The kernel's files are there at once.
            if (path / file).exists():
                (path / file).write_text(str(limit))
                self.path = path
                return
            path.rmdir()

    def remove(self) -> None:
        if self.path:
            wait_until(lambda: not (self.path / "cgroup.procs").read_text(), PATIENCE, f"{self.path} is empty")
            self.path.rmdir()


class Running:
    """A container's process, seen from the node."""

    def __init__(self, child: Child, name: str) -> None:
        self.child = child
        self.name = name

    @property
    def pid(self) -> int:
        """unshare's child; 0 before it is there, and once it is gone."""
        pid = self.child.pid
        try:
            return int((pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or [0])[0])
        except OSError:
            return 0

    def is_alive(self) -> bool:
        return self.child.is_alive()

    def text(self) -> str:
        return self.child.text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """As a kubelet does: to the container's process, and waits for it."""
        wait_until(lambda: self.pid or not self.is_alive(), PATIENCE, f"{self.name} runs")
        if self.is_alive():
            os.kill(self.pid, number)
        wait_until(lambda: not self.is_alive(), PATIENCE, f"{self.name} ends by {number.name}")
        return self.child.status()


class Node:
    """What is of the host: its directories, in a folder on tmpfs, and what runs."""

    def __init__(self, folder: pathlib.Path, layers: list[pathlib.Path], programs: dict[str, pathlib.Path]) -> None:
        self.folder = folder
        self._layers = layers
        self._programs = programs
        self._groups: list[Group] = []
        self._count = 0
        self.facts = {"spec.nodeName": "node-1", "status.hostIP": "127.0.0.1", "status.podIP": "127.0.0.1"}

    def host(self, path: str) -> pathlib.Path:
        return self.folder / "host" / path.lstrip("/")

    def start(self, pod: Pod, name: str, objects: list[dict], *, command: list[str] | None = None,
              own_users: bool = False, memory: int | None = None) -> Running:
        """A container of the pod. Its command is the manifest's if none is given."""
        container = pod.container(name)
        self._count += 1
        label = f"{name}-{self._count}"
        group = Group(label, memory or int(parse_quantity(container.spec["resources"]["limits"]["memory"])))
        self._groups.append(group)
        argv = [*self._entering(group), *self._namespaces(pod),
                HERE / "contain", *self._tree(container, objects, group),
                self._users(label) if own_users else "", *self._rights(container),
                *(command or self._expanded(container))]
        running = Running(Child(argv, self.folder / f"{label}.log"), label)
        return running

    def run(self, pod: Pod, name: str, objects: list[dict], *, command: list[str] | None = None) -> str:
        """The same, to its end; what it prints. Raises Failed."""
        running = self.start(pod, name, objects, command=command)
        wait_until(lambda: not running.is_alive(), PATIENCE, f"{name} ends")
        check(running.child.status() == 0, f"{running.name}: {running.text()}")
        return running.text()

    def clean_up(self) -> None:
        Child.kill_all()
        for group in self._groups:
            group.remove()

    @staticmethod
    def _entering(group: Group) -> list[object]:
        into = f"echo $$ >{group.path}/cgroup.procs; " if group.path else ""
        return ["bash", "-c", f'{into}exec "$@"', "bash"]

    @staticmethod
    def _namespaces(pod: Pod) -> list[str]:
        own = [] if pod.spec.get("hostPID") else ["--pid"]
        return ["unshare", "--mount", "--propagation", "private", "--net", "--ipc", "--uts", *own, "--fork",
                "--kill-child"]

    def _tree(self, container: Container, objects: list[dict], group: Group) -> list[object]:
        layer = self.folder / "layers" / container.name
        mounts = []
        for mount in container.mounts():
            (layer / mount.path.lstrip("/")).mkdir(parents=True, exist_ok=True)
            source = self._source(container, objects, mount)
            mounts.append(f"{source}={mount.path}={'ro' if mount.is_read_only else 'rw'}")
        for place in self._programs:
            (layer / place.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (layer / place.lstrip("/")).touch()
        layers = ":".join(str(each) for each in [layer, *self._layers])
        programs = " ".join(f"{program}={place}" for place, program in self._programs.items())
        tree = self.folder / "trees" / str(self._count)
        tree.mkdir(parents=True)
        return [tree, layers, programs, " ".join(mounts), group.path or ""]

    def _source(self, container: Container, objects: list[dict], mount) -> pathlib.Path:
        if mount.host_path:
            path = self.host(mount.host_path)
            if mount.volume["hostPath"]["type"] == "DirectoryOrCreate":
                path.mkdir(parents=True, exist_ok=True)
            return path
        path = self.folder / "config" / mount.volume["configMap"]["name"]
        path.mkdir(parents=True, exist_ok=True)
        name = pathlib.PurePath(container.option("--config")).name
        (path / name).write_text(config_of(container, objects))
        return path

    @staticmethod
    def _rights(container: Container) -> list[str]:
        """From user and groups to capabilities. That it ends with its parent is forgotten where it changes users, so
        that is said again."""
        groups = (container.pod.get("securityContext") or {}).get("supplementalGroups", [])
        kept = (container.security("capabilities") or {}).get("add", [])
        return ["setpriv", f"--reuid={container.security('runAsUser')}", f"--regid={container.security('runAsGroup')}",
                  f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups",
                  "--bounding-set=" + ",".join(["-all", *(f"+{name.lower()}" for name in kept)]),
                  "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL",
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                  *(f"{name}={value}" for name, value in container.environment().items() if value)]

    def _expanded(self, container: Container) -> list[str]:
        values = {each["name"]: self.facts[each["valueFrom"]["fieldRef"]["fieldPath"]]
                  for each in container.spec.get("env", []) if "valueFrom" in each}
        out = container.command
        for name, value in values.items():
            out = [word.replace(f"$({name})", value) for word in out]
        return out

    def _users(self, label: str) -> str:
        """A user namespace with numbers of the node's own for all users and groups but the group of percpud's
        sockets: what an idmapped mount of the directory has it be."""
        holder = Child(["unshare", "--user", "sleep", "infinity"], self.folder / f"{label}.users")
        process = pathlib.Path(f"/proc/{holder.pid}")
        until(lambda: (process / "comm").read_text() == "sleep\n", "a user namespace is there")
        (process / "uid_map").write_text(f"0 {SHIFT} 65536\n")
        (process / "gid_map").write_text(f"0 {SHIFT} 17331\n17331 17331 1\n17332 {SHIFT + 17332} 40000\n")
        return f"{process}/ns/user"


def until(condition: Callable[[], object], what: str) -> float:
    return wait_until(condition, PATIENCE, what)
