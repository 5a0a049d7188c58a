# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""What deploy/kubernetes renders to."""

import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"


def render(name: str) -> list[dict]:
    """The objects of a kustomization: "base", "fleet" or "client"."""
    done = subprocess.run(["kubectl", "kustomize", FOLDER / name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"kubectl kustomize {name}: {done.stderr}")
    return list(yaml.safe_load_all(done.stdout))


@dataclass
class Mount:
    """A mount of a container, and the volume behind it."""

    path: str
    is_read_only: bool
    volume: dict

    def holds(self, path: str) -> bool:
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")

    @property
    def host_path(self) -> str | None:
        return self.volume.get("hostPath", {}).get("path")


@dataclass
class Container:
    """A container of a pod, with what the pod says for all of them."""

    name: str
    spec: dict
    pod: dict
    volumes: dict[str, dict] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        return [*self.spec.get("command", []), *self.spec.get("args", [])]

    @property
    def program(self) -> str:
        return pathlib.PurePath(self.command[0]).name if self.command else ""

    def option(self, name: str) -> str | None:
        words = self.command
        return words[words.index(name) + 1] if name in words[:-1] else None

    def environment(self) -> dict[str, str]:
        return {each["name"]: each.get("value", "") for each in self.spec.get("env", [])}

    def security(self, key: str) -> object:
        own = self.spec.get("securityContext", {})
        return own.get(key, self.pod.get("securityContext", {}).get(key))

    def mounts(self) -> Iterator[Mount]:
        """Those whose volume there is."""
        for each in self.spec.get("volumeMounts", []):
            if each["name"] in self.volumes:
                yield Mount(each["mountPath"], each.get("readOnly", False), self.volumes[each["name"]])

    def mount_of(self, path: str) -> Mount | None:
        found = [mount for mount in self.mounts() if mount.holds(path)]
        return max(found, key=lambda mount: len(mount.path), default=None)


@dataclass
class Pod:
    """A pod, or what a workload makes pods of."""

    name: str
    spec: dict
    labels: dict[str, str]

    @property
    def volumes(self) -> dict[str, dict]:
        return {volume["name"]: volume for volume in self.spec.get("volumes", [])}

    def containers(self, key: str = "containers") -> list[Container]:
        return [Container(each["name"], each, self.spec, self.volumes) for each in self.spec.get(key, [])]

    def all_containers(self) -> list[Container]:
        return [*self.containers("initContainers"), *self.containers()]

    def container(self, name: str) -> Container:
        return next(each for each in self.all_containers() if each.name == name)


def pods(objects: list[dict]) -> list[Pod]:
    out = []
    for each in objects:
        name, spec = each["metadata"]["name"], each.get("spec", {})
        if each["kind"] == "Pod":
            out.append(Pod(name, spec, each["metadata"].get("labels", {})))
        elif "template" in spec:
            template = spec["template"]
            out.append(Pod(name, template["spec"], template["metadata"].get("labels", {})))
    return out


def config_of(container: Container, objects: list[dict]) -> str | None:
    """The text of the file that --config names, from its ConfigMap; None if it is not there."""
    path = container.option("--config")
    mount = container.mount_of(path) if path else None
    if mount is None:
        return None
    name = mount.volume.get("configMap", {}).get("name")
    for each in objects:
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name:
            return each.get("data", {}).get(str(pathlib.PurePath(path).relative_to(mount.path)))
    return None
