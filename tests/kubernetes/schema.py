# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Fields and types of Kubernetes objects, as the models of python3-kubernetes have them."""

import re
from collections.abc import Iterator

from kubernetes.client import Configuration, models
from kubernetes.utils.quantity import parse_quantity

KINDS = {
    ("v1", "ConfigMap"), ("v1", "Namespace"), ("v1", "Pod"), ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"), ("apps/v1", "DaemonSet"),
}
# Values of these are amounts.
QUANTITIES = {("V1ResourceRequirements", "limits"), ("V1ResourceRequirements", "requests"),
              ("V1ResourceQuotaSpec", "hard")}
WORDS = {
    ("V1HostPathVolumeSource", "type"): {"", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket"},
    ("V1DaemonSetUpdateStrategy", "type"): {"RollingUpdate", "OnDelete"},
    ("V1PodSpec", "restartPolicy"): {"Always", "OnFailure", "Never"},
    ("V1SeccompProfile", "type"): {"RuntimeDefault", "Unconfined", "Localhost"},
    ("V1Toleration", "operator"): {"Exists", "Equal"},
    ("V1Container", "imagePullPolicy"): {"Always", "IfNotPresent", "Never"},
}
CONFIGURATION = Configuration()
SIMPLE = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": (int, str, dict), "datetime": str}


def objections(thing: dict) -> list[str]:
    """What Kubernetes would refuse, or take no notice of, in an object."""
    kind = (thing.get("apiVersion"), thing.get("kind"))
    if kind not in KINDS:
        return [f"there is no {kind[1]} of {kind[0]} here"]
    where = f"{thing['kind']} {thing.get('metadata', {}).get('name')}"
    return list(_of_model(where, f"V1{thing['kind']}", thing))


def _of_model(where: str, name: str, value: object) -> Iterator[str]:
    model = getattr(models, name)
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no {name}"
        return
    attributes = {key: attribute for attribute, key in model.attribute_map.items()}
    for key, each in value.items():
        if key not in attributes:
            yield f"{where}.{key}: {name} has no such field"
            continue
        yield from _of_type(f"{where}.{key}", model.openapi_types[attributes[key]], each)
        words = WORDS.get((name, key))
        if words is not None and each not in words:
            yield f"{where}.{key}: {each!r} is none of {sorted(words)}"
        if (name, key) in QUANTITIES and isinstance(each, dict):
            yield from _amounts(f"{where}.{key}", each)
    yield from _missing(where, model, {attributes[key] for key in value if key in attributes})


def _missing(where: str, model: type, given: set[str]) -> Iterator[str]:
    """The models refuse None for what has to be given."""
    for attribute, key in model.attribute_map.items():
        if attribute in given:
            continue
        empty = model.__new__(model)
        empty.local_vars_configuration = CONFIGURATION
        try:
            setattr(empty, attribute, None)
        except ValueError:
            yield f"{where}.{key}: is missing"


def _of_type(where: str, name: str, value: object) -> Iterator[str]:
    items = re.fullmatch(r"list\[(.*)\]", name)
    values = re.fullmatch(r"dict\(str, (.*)\)", name)
    if items:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for at, each in enumerate(value):
            yield from _of_type(f"{where}[{at}]", items[1], each)
    elif values:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} has no keys"
            return
        for key, each in value.items():
            yield from _of_type(f"{where}.{key}", values[1], each)
    elif name in SIMPLE:
        # True is an int to Python.
        is_bool = isinstance(value, bool)
        if not isinstance(value, SIMPLE[name]) or (is_bool and name != "bool"):
            yield f"{where}: {value!r} is no {name}"
    else:
        yield from _of_model(where, name, value)


def _amounts(where: str, values: dict) -> Iterator[str]:
    for key, each in values.items():
        try:
            parse_quantity(each)
        except ValueError:
            yield f"{where}.{key}: {each!r} is no amount"
