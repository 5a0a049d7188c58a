# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""What percpud needs of a manifest, and Kubernetes does not know."""

import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterator

from kubernetes.utils.quantity import parse_quantity

from manifests import ROOT, Container, Pod, config_of, pods

DEFAULT_ADDRESS = "unix:/run/percpud/percpud.sock"
# What Debian's essential packages have.
OF_DEBIAN = {"/bin/sh", "/usr/bin/install"}
MIB = 1 << 20
# Beside the arena: the catalog, and the daemon itself.
BESIDE = (64 + 128) * MIB
GATEWAY = 128 * MIB
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
FIELD = r'^\s*{}:\s*"([^"]*)"'


def objections(objects: list[dict], binaries: pathlib.Path) -> list[str]:
    """What would not work, of a kustomization's objects."""
    out = [*_of_names(objects), *_of_images(objects)]
    for pod in pods(objects):
        for rule in (_of_volumes, _of_commands, _of_probes, _of_rights):
            out += [f"{pod.name}: {text}" for text in rule(pod)]
        for container in pod.containers():
            out += [f"{pod.name}: {container.name}: {text}"
                    for text in _of_container(pod, container, objects, binaries)]
    return out


def installed_programs() -> set[str]:
    """Where the packages put their programs."""
    out = set()
    for file in (ROOT / "deploy").glob("*.cmake"):
        for names, folder in re.findall(r"install\(TARGETS ([\w\s-]+?)\s+DESTINATION (s?bin)\b", file.read_text()):
            out |= {f"/usr/{folder}/{name}" for name in names.split()}
    return out


def _of_names(objects: list[dict]) -> Iterator[str]:
    """What objects call each other by."""
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for pod in pods(objects):
        wanted = [("ConfigMap", volume["configMap"].get("name")) for volume in pod.volumes.values()
                  if "configMap" in volume]
        if "serviceAccountName" in pod.spec:
            wanted.append(("ServiceAccount", pod.spec["serviceAccountName"]))
        yield from (f"{pod.name}: there is no {kind} {name}" for kind, name in wanted if (kind, name) not in there)
    for each in objects:
        selector = each.get("spec", {}).get("selector", {}).get("matchLabels", {})
        labels = each.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
        if not selector.items() <= labels.items():
            yield f"{each['metadata']['name']}: its selector does not choose its own pods"


def _of_images(objects: list[dict]) -> Iterator[str]:
    images = {each.spec.get("image", "") for pod in pods(objects) for each in pod.all_containers()}
    if len(images) > 1:
        yield f"containers are of several images: {sorted(images)}"
    yield from (f"image {image!r} has no version" for image in images if ":" not in image)


def _of_volumes(pod: Pod) -> Iterator[str]:
    used = set()
    for container in pod.all_containers():
        paths = [each["mountPath"] for each in container.spec.get("volumeMounts", [])]
        yield from (f"{container.name}: two mounts at {path}" for path in {*paths} if paths.count(path) > 1)
        for each in container.spec.get("volumeMounts", []):
            used.add(each["name"])
            if each["name"] not in pod.volumes:
                yield f"{container.name}: there is no volume {each['name']}"
    for name, volume in pod.volumes.items():
        if name not in used:
            yield f"volume {name} is mounted nowhere"
        kind = volume.get("hostPath", {}).get("type", "Directory")
        if kind not in ("Directory", "DirectoryOrCreate"):
            yield f"volume {name} is a {kind}: after a restart it would be the old one; mount the directory"


def _of_commands(pod: Pod) -> Iterator[str]:
    known = installed_programs() | OF_DEBIAN
    for container in pod.all_containers():
        spec = container.spec
        commands = [container.command[:1]]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "exec" in spec.get(probe, {}):
                commands.append(spec[probe]["exec"]["command"][:1])
        yield from (f"{container.name}: there is no {(*command, 'command')[0]} in the image"
                    for command in commands if not {*command} & known)


def _of_probes(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        ports = {port.get("name") for port in container.spec.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe"):
            if container.program == "percpud" and "exec" not in container.spec.get(probe, {}):
                yield f"{container.name}: {probe} does not ask percpud"
            port = container.spec.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                yield f"{container.name}: {probe} asks at port {port}, which it does not have"
        if "livenessProbe" in container.spec:
            yield f"{container.name}: a liveness probe kills what a kill does not cure"


def _of_rights(pod: Pod) -> Iterator[str]:
    for container in pod.all_containers():
        capabilities = container.security("capabilities") or {}
        if "ALL" not in capabilities.get("drop", []):
            yield f"{container.name}: keeps capabilities"
        if not {*capabilities.get("add", [])} <= {"CHOWN", "FOWNER"}:
            yield f"{container.name}: adds capabilities"
        may_gain = container.security("allowPrivilegeEscalation") is not False
        if may_gain or not container.security("readOnlyRootFilesystem"):
            yield f"{container.name}: may write its image, or gain rights"
        if (container.security("seccompProfile") or {}).get("type") != "RuntimeDefault":
            yield f"{container.name}: has no seccomp profile"
    for container in pod.containers():
        if container.security("runAsNonRoot") is not True or not container.security("runAsUser"):
            yield f"{container.name}: runs as root"


def _of_container(pod: Pod, container: Container, objects: list[dict], binaries: pathlib.Path) -> Iterator[str]:
    if "--config" in container.command and config_of(container, objects) is None:
        yield f"no ConfigMap is mounted at {container.option('--config')}"
    elif container.program == "percpud":
        yield from _of_daemon(pod, container, config_of(container, objects) or "", binaries)
    elif container.program == "percpud-fleet":
        yield from _of_paths(container, {container.option("--listen") or "/run/percpud-fleet/fleet.sock"})
        yield from _of_files(container, config_of(container, objects) or "", "trusted-ca-file|cert-file|key-file")
    if container.program != "percpud":
        yield from _of_client(container)


def _of_daemon(pod: Pod, container: Container, config: str, binaries: pathlib.Path) -> Iterator[str]:
    if pod.spec.get("hostPID") is not True:
        yield "without hostPID it sees no process of another pod"
    with tempfile.NamedTemporaryFile("w", suffix=".textproto") as file:
        file.write(config)
        file.flush()
        done = subprocess.run([binaries / "percpud", "--check-config", "--config", file.name],
                              capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"percpud --check-config: {done.stderr.strip()}"
        return
    arena = re.search(FIELD.format("arena"), config, re.MULTILINE)
    if not arena or not arena[1].startswith("file:"):
        yield "the arena is no file: it ends with the container"
    names = re.findall(FIELD.format("(?:listen|door|gateway|arena|catalog)"), config, re.MULTILINE)
    yield from _of_paths(container, {re.sub("^(unix|file):", "", name) for name in names if "/" in name})
    yield from _of_files(container, config, "cert_file|key_file|trusted_ca_file")
    yield from _of_memory(container, config)


def _of_paths(container: Container, paths: set[str]) -> Iterator[str]:
    """What a program makes has to outlive its container."""
    for path in sorted(paths):
        mount = container.mount_of(path)
        if mount is None or mount.host_path is None:
            yield f"{path} is in no directory of the host"
        elif mount.is_read_only:
            yield f"{path} is in a mount that is read-only"


def _of_files(container: Container, config: str, names: str) -> Iterator[str]:
    for _, path in re.findall(rf'^\s*({names})\s*[:=]\s*"([^"]*)"', config, re.MULTILINE):
        if container.mount_of(path) is None:
            yield f"{path} is in no mount"


def _of_memory(container: Container, config: str) -> Iterator[str]:
    found = re.search(FIELD.format("arena_size"), config, re.MULTILINE)
    size = re.fullmatch(r"(\d+)\s*([KMG]?)(?:iB|B)?", found[1] if found else "256MiB")
    if not size:
        yield f"arena_size {found[1]!r} is not understood here"
        return
    resources = container.spec.get("resources", {})
    limit = parse_quantity(resources.get("limits", {}).get("memory", "0"))
    needed = int(size[1]) * UNITS[size[2]]
    # Huge pages are charged apart.
    if re.search(FIELD.format("page_size").replace("[^\"]*", "2MiB"), config, re.MULTILINE):
        if parse_quantity(resources.get("limits", {}).get("hugepages-2Mi", "0")) < needed:
            yield f"hugepages-2Mi is less than the arena's {needed // MIB}Mi"
        needed = 0
    needed += BESIDE + (GATEWAY if re.search(r'listen:\s*"(?!unix:)', config) else 0)
    if limit < needed:
        yield f"its memory limit is {limit // MIB}Mi, and arena, catalog and daemons need {needed // MIB}Mi"
    if parse_quantity(resources.get("requests", {}).get("memory", "0")) != limit:
        yield "memory: request and limit differ: another pod could take what the arena needs"


def _of_client(container: Container) -> Iterator[str]:
    """Who connects needs the directory of the socket, as it is on the host, and no more than to read it."""
    address = container.option("--percpud") or container.environment().get("PERCPUD_ADDRESS", DEFAULT_ADDRESS)
    path = address.removeprefix("unix:")
    mount = container.mount_of(path)
    if mount is None or mount.host_path is None:
        yield f"{path} is in no directory of the host"
        return
    if not mount.is_read_only:
        yield f"{mount.path} need not be writable"
    if str(pathlib.PurePath(mount.host_path) / pathlib.PurePath(path).relative_to(mount.path)) !=             DEFAULT_ADDRESS.removeprefix("unix:"):
        yield f"{path} is not percpud's socket on the host"
