#!/usr/bin/env python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that #include lines point down the layers, and only down.

    base <- area <- percpu <- session <- service <- main
    base <- arena <- percpu
    base <- rseq <- percpu
    base <- rseq <- cells <- metrics <- session
    catalog <- session
    session <- handoff <- main
    base <- tls <- gateway, a program of its own
    base <- {tls, cells} <- fleet, another

A layer may use what is below it, however far. A layer that is divided into rooms
has the same rule inside: in server/percpu

    layout <- backend <- index <- allocator <- introspect

The client may use server/base, server/area, server/rseq, server/cells and server/tls, which it
shares with the server, and nothing else of it. The server uses neither client nor tests. gRPC
is seen in server/service, server/main, server/fleet, client and tests only, protobuf messages
there and in proto, and hwloc in server/percpu/layout/topology.cc only.

The SDK's public headers are client/sdk/percpu/*.h. Those and its own sources may
use percpu/internal, and so may tests; programs may not.
"""

import re
import sys

from sources import CXX, read, sources

DIRECTLY_BELOW = {
    "base": [],
    "rseq": ["base"],
    "cells": ["rseq"],
    "metrics": ["cells"],
    "area": ["base"],
    "arena": ["base"],
    "catalog": ["base"],
    "percpu": ["area", "arena", "rseq"],
    "session": ["percpu", "catalog", "metrics"],
    "handoff": ["session"],
    "service": ["session"],
    "tls": ["base"],
    "gateway": ["tls"],
    "fleet": ["tls", "cells"],
    "main": ["service", "handoff"],
}
# Layers that are divided, and their rooms from the lowest to the highest.
ROOMS = {
    "percpu": ("layout", "backend", "index", "allocator", "introspect"),
}
CLIENT_MAY_USE = {"base", "area", "rseq", "cells", "tls"}
GRPC = re.compile(r"grpc(pp|\+\+)?/|.*\.grpc\.pb\.h")
PROTOBUF = re.compile(r".*\.pb\.h|google/protobuf/.*")
PROTOBUF_MAY_BE_IN = ("server/service/", "server/main/", "server/fleet/", "client/", "tests/", "proto/")
GRPC_MAY_BE_IN = ("server/service/", "server/main/", "server/fleet/", "client/", "tests/")
HWLOC = re.compile(r"hwloc(\.h|/)")
HWLOC_MAY_BE_IN = "server/percpu/layout/topology.cc"
SDK_INTERNAL = "percpu/internal/"
SDK_INTERNAL_MAY_BE_IN = ("client/sdk/percpu/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def below(layer: str) -> set[str]:
    """Every layer that this one may include, itself too."""
    return {layer}.union(*(below(lower) for lower in DIRECTLY_BELOW[layer]))


def layer_of(path: str) -> str | None:
    """The layer of a file of the server, None for any other."""
    folders = path.split("/")
    return folders[1] if folders[0] == "server" and len(folders) > 2 else None


def room_of(path: str) -> str | None:
    """The room of a file of a divided layer, None for any other file."""
    folders = path.split("/")
    if layer_of(path) not in ROOMS or len(folders) < 4:
        return None
    return folders[2]


def room_objection(path: str, header: str) -> str | None:
    """Why a file of a divided layer may not include `header`, None if it may."""
    layer = layer_of(path)
    if layer not in ROOMS:
        return None
    rooms = ROOMS[layer]
    names = (room_of(path), room_of(header) if layer_of(header) == layer else rooms[0])
    for name in names:
        if name not in rooms:
            return f"server/{layer} has no room {name or 'without a folder'}"
    room, used = names
    if rooms.index(used) > rooms.index(room):
        return f"{layer}/{room} is not above {layer}/{used}"
    return None


def objection(path: str, header: str) -> str | None:
    """Why `path` may not include `header`, None if it may."""
    top, layer, used = path.split("/")[0], layer_of(path), layer_of(header)
    for name in filter(None, (layer, used)):
        if name not in DIRECTLY_BELOW:
            return f"server/{name} is no layer that this check knows"
    if GRPC.match(header) and not path.startswith(GRPC_MAY_BE_IN):
        return "gRPC belongs in " + ", ".join(GRPC_MAY_BE_IN)
    if PROTOBUF.match(header) and not path.startswith(PROTOBUF_MAY_BE_IN):
        return "protobuf belongs in " + ", ".join(PROTOBUF_MAY_BE_IN)
    if HWLOC.match(header) and path != HWLOC_MAY_BE_IN:
        return f"hwloc belongs in {HWLOC_MAY_BE_IN}"
    if layer and header.startswith(("client/", "percpu/", "tests/")):
        return "the server uses neither client nor tests"
    if layer and used and used not in below(layer):
        return f"{layer} is not above {used}"
    if wrong_room := room_objection(path, header):
        return wrong_room
    if header.startswith(SDK_INTERNAL) and not path.startswith(SDK_INTERNAL_MAY_BE_IN):
        return f"{SDK_INTERNAL} belongs in " + ", ".join(SDK_INTERNAL_MAY_BE_IN)
    if top == "client" and header.startswith("tests/"):
        return "the client does not use tests"
    if top == "client" and used and used not in CLIENT_MAY_USE:
        return "the client uses no more of the server than base, area, rseq, cells and tls"
    return None


def objections(path: str, text: str) -> list[str]:
    found = ((header, objection(path, header)) for header in INCLUDE.findall(text))
    return [f"{path}: {header}: {why}" for header, why in found if why]


def main() -> int:
    paths = sources(*CXX)
    found = [line for path in paths for line in objections(path, read(path))]
    print("\n".join(found) if found else f"layers: {len(paths)} files, every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
