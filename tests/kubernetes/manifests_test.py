#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Holds deploy/kubernetes against Kubernetes' types and percpud's needs, without a cluster, and proves that
each rule can fail.

usage: manifests_test.py BINARIES [TEST...]
"""

import copy
import pathlib
import shutil
import sys
import unittest
from collections.abc import Callable

BINARIES = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
SKIPPED = 77
try:
    import rules
    import schema
    from manifests import Pod, pods, render
except ImportError as missing:
    print(f"manifests_test: {missing} (deploy/install-deps test)")
    sys.exit(SKIPPED)

Change = Callable[[Pod], None]


def all_objections(objects: list[dict]) -> list[str]:
    of_types = [text for each in objects for text in schema.objections(each)]
    return of_types or rules.objections(objects, BINARIES)


class ManifestsTest(unittest.TestCase):
    """They are as they should be."""

    def holds(self, name: str) -> None:
        self.assertEqual(all_objections(render(name)), [])

    def test_the_base_holds(self):
        self.holds("base")

    def test_the_fleet_holds(self):
        self.holds("fleet")

    def test_the_client_holds(self):
        self.holds("client")

    def test_a_pod_of_the_fleet_has_all_programs(self):
        programs = [container.program for pod in pods(render("fleet")) for container in pod.containers()]
        self.assertEqual(sorted(programs), ["percpud", "percpud-exporter", "percpud-fleet"])


class BrokenTest(unittest.TestCase):
    """Every way to break them is found, and named."""

    @classmethod
    def setUpClass(cls):
        cls.whole = {name: render(name) for name in ("base", "fleet", "client")}

    def refused(self, change: Change, text: str, name: str = "base") -> None:
        objects = copy.deepcopy(self.whole[name])
        change(pods(objects)[0])
        self.names(objects, text)

    def names(self, objects: list[dict], text: str) -> None:
        found = all_objections(objects)
        self.assertTrue(any(text in each for each in found), f"{text!r} is not in {found}")

    def configured(self, old: str, new: str, text: str, name: str = "base") -> None:
        objects = copy.deepcopy(self.whole[name])
        config = next(each for each in objects if "percpud.textproto" in each.get("data", {}))
        self.assertIn(old, config["data"]["percpud.textproto"])
        config["data"]["percpud.textproto"] = config["data"]["percpud.textproto"].replace(old, new)
        self.names(objects, text)

    def test_an_unknown_field(self):
        self.refused(lambda pod: pod.spec.update(hostPIDs=True), "hostPIDs: V1PodSpec has no such field")
        self.refused(lambda pod: pod.container("percpud").spec.update(resource={}), "resource: V1Container has no")
        self.refused(lambda pod: pod.spec["volumes"][0]["hostPath"].update(mode=1), "mode: V1HostPathVolumeSource")

    def test_a_wrong_type(self):
        self.refused(lambda pod: pod.spec.update(hostPID="true"), "hostPID: 'true' is no bool")
        self.refused(lambda pod: pod.spec.update(terminationGracePeriodSeconds="15"), "'15' is no int")
        self.refused(lambda pod: pod.spec.update(terminationGracePeriodSeconds=True), "True is no int")
        self.refused(lambda pod: pod.container("percpud").spec.update(command="percpud"), "'percpud' is no list")
        self.refused(lambda pod: pod.spec["volumes"][0].update(hostPath="/run"), "'/run' is no V1HostPath")
        self.refused(lambda pod: pod.spec["volumes"][0]["hostPath"].update(type="Folder"), "'Folder' is none of")

    def test_an_amount_that_is_none(self):
        for amount in ("448MB", "half", "1GiB"):
            self.refused(lambda pod, amount=amount: pod.container("percpud").spec["resources"]["limits"].update(
                memory=amount), "is no amount")

    def test_a_missing_field(self):
        self.refused(lambda pod: pod.spec["volumes"][0].pop("name"), "name: is missing")
        self.refused(lambda pod: pod.container("percpud").spec["volumeMounts"][0].pop("mountPath"),
                     "mountPath: is missing")

    def test_an_object_of_another_version(self):
        objects = copy.deepcopy(self.whole["base"])
        next(each for each in objects if each["kind"] == "DaemonSet")["apiVersion"] = "extensions/v1beta1"
        self.names(objects, "there is no DaemonSet of extensions/v1beta1")

    def test_a_missing_mount(self):
        for name in ("run", "config"):
            self.refused(lambda pod, name=name: drop_mount(pod, "percpud", name),
                         "is in no directory of the host" if name == "run" else "no ConfigMap is mounted at")
        self.refused(lambda pod: drop_mount(pod, "exporter", "run"), "exporter: /run/percpud/percpud.sock is in no")
        self.refused(lambda pod: drop_mount(pod, "fleet", "pki"), "/etc/percpud-pki/host.key is in no mount", "fleet")
        self.refused(lambda pod: drop_mount(pod, "percpud", "pki"), "/etc/percpud-pki/host.key is in no", "fleet")
        self.refused(lambda pod: drop_mount(pod, "fleet", "run-fleet"), "fleet.sock is in no directory", "fleet")
        self.refused(lambda pod: drop_mount(pod, "application", "percpud"), "is in no directory", "client")

    def test_a_volume_that_is_not_there(self):
        self.refused(lambda pod: pod.spec["volumes"].pop(0), "there is no volume")
        self.refused(lambda pod: pod.spec["volumes"].append({"name": "more", "emptyDir": {}}), "mounted nowhere")

    def test_a_socket_that_is_mounted_by_itself(self):
        self.refused(lambda pod: run_of(pod).update(type="Socket", path="/run/percpud/percpud.sock"),
                     "after a restart it would be the old one")

    def test_memory_that_ends_with_the_pod(self):
        self.refused(lambda pod: volume_of(pod, "run").update(emptyDir=volume_of(pod, "run").pop("hostPath") and {}),
                     "/run/percpud/arena is in no directory of the host")
        self.configured("file:/run/percpud/arena", "memfd", "the arena is no file")

    def test_a_client_that_looks_elsewhere(self):
        self.refused(lambda pod: volume_of(pod, "percpud")["hostPath"].update(path="/run/percpu"),
                     "is not percpud's socket on the host", "client")
        self.refused(lambda pod: mount_of(pod, "application", "percpud").pop("readOnly"), "need not be writable",
                     "client")

    def test_a_daemon_that_may_not_write(self):
        self.refused(lambda pod: mount_of(pod, "percpud", "run").update(readOnly=True), "a mount that is read-only")

    def test_a_limit_below_the_arena(self):
        self.refused(lambda pod: set_memory(pod, "256Mi"), "its memory limit is 256Mi, and arena")
        self.configured('arena_size: "256MiB"', 'arena_size: "257MiB"', "need 449Mi")
        self.configured('arena_size: "256MiB"', 'arena_size: "1G"', "need 1216Mi")
        self.refused(lambda pod: set_memory(pod, "448Mi"), "need 576Mi", "fleet")
        self.refused(lambda pod: pod.container("percpud").spec["resources"]["requests"].update(memory="64Mi"),
                     "request and limit differ")

    def test_a_configuration_that_percpud_refuses(self):
        self.configured("arena_size:", "arena_sizes:", "percpud --check-config: ")
        self.configured("user:17333", "user:nobody-of-that-name", "there is no user")

    def test_numbers_of_processes_that_percpud_cannot_see(self):
        self.refused(lambda pod: pod.spec.pop("hostPID"), "without hostPID")

    def test_a_program_that_is_not_in_the_image(self):
        self.refused(lambda pod: pod.container("percpud").spec["command"].insert(0, "/usr/bin/percpud"),
                     "there is no /usr/bin/percpud")
        probe = ["/usr/bin/grpc_health_probe"]
        self.refused(lambda pod: pod.container("percpud").spec["readinessProbe"]["exec"].update(command=probe),
                     "there is no /usr/bin/grpc_health_probe")

    def test_probes_that_do_not_ask_or_that_kill(self):
        self.refused(lambda pod: pod.container("percpud").spec.pop("startupProbe"), "startupProbe does not ask")
        self.refused(lambda pod: pod.container("percpud").spec.update(livenessProbe={"tcpSocket": {"port": 1}}),
                     "a liveness probe kills")
        self.refused(lambda pod: pod.container("exporter").spec.pop("ports"), "asks at port metrics")

    def test_rights_that_nobody_needs(self):
        for name in ("directories", "percpud", "exporter"):
            security = {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}
            self.refused(lambda pod, name=name, security=security:
                         pod.container(name).spec["securityContext"].update(security), "adds capabilities")
        self.refused(lambda pod: pod.container("percpud").spec["securityContext"].update(runAsUser=0), "as root")
        self.refused(lambda pod: pod.container("percpud").spec.pop("securityContext"), "keeps capabilities")
        self.refused(lambda pod: pod.spec.pop("securityContext"), "has no seccomp profile")

    def test_images_that_differ_or_have_no_version(self):
        self.refused(lambda pod: pod.container("fleet").spec.update(image="percpud"), "several images", "fleet")
        self.refused(lambda pod: pod.container("application").spec.update(image="percpud"), "no version", "client")

    def test_names_that_lead_nowhere(self):
        self.refused(lambda pod: volume_of(pod, "config")["configMap"].update(name="other"), "no ConfigMap other")
        self.refused(lambda pod: pod.spec.update(serviceAccountName="other"), "there is no ServiceAccount other")
        self.refused(lambda pod: pod.labels.clear(), "does not choose its own pods")


def volume_of(pod: Pod, name: str) -> dict:
    return pod.volumes[name]


def run_of(pod: Pod) -> dict:
    return volume_of(pod, "run")["hostPath"]


def mount_of(pod: Pod, container: str, name: str) -> dict:
    return next(each for each in pod.container(container).spec["volumeMounts"] if each["name"] == name)


def drop_mount(pod: Pod, container: str, name: str) -> None:
    mounts = pod.container(container).spec["volumeMounts"]
    mounts.remove(mount_of(pod, container, name))


def set_memory(pod: Pod, amount: str) -> None:
    for each in pod.container("percpud").spec["resources"].values():
        each["memory"] = amount


if __name__ == "__main__":
    for program in ("kubectl", str(BINARIES / "percpud")):
        if not shutil.which(program):
            print(f"manifests_test: there is no {program} (deploy/install-deps test)")
            sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
