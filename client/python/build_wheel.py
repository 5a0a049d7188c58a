# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel when pip asks (PEP 517), with the system's C compiler and without a network.

The C library is that of a checkout that was built, the one that this file is in or that of
`pip install --config-settings percpud-build=DIR/build .`, or else that of libpercpud-dev. CC,
CFLAGS and LDFLAGS of the environment are heeded."""

import base64
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from typing import Optional

_HERE = pathlib.Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
# The extension is on the stable ABI, which an interpreter without the global lock has not.
_STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")


def _version() -> str:
    found = re.search(r"^project\(percpud VERSION ([\d.]+)", (_ROOT / "CMakeLists.txt").read_text(), re.M)
    if found is None:
        sys.exit("percpud: the checkout's CMakeLists.txt names no version")
    return found[1]


def _tag() -> str:
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    if _STABLE:
        return f"cp310-abi3-{platform}"
    own = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{own}-{own}t-{platform}"


def _library(build: pathlib.Path) -> list[str]:
    """Returns what links the C library."""
    folder = build / "lib"
    if (folder / "libpercpud.so").exists():
        return [f"-L{folder}", "-lpercpud", f"-Wl,-rpath,{folder}"]
    try:
        asked = subprocess.run(["pkg-config", "--libs", "percpud-c"], capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("percpud: there is no pkg-config: install pkg-config and libpercpud-dev, "
                 "or build the checkout (deploy/build percpud_c)")
    if asked.returncode != 0:
        sys.exit(f"percpud: {asked.stderr.strip()}\ninstall libpercpud-dev, "
                 "or build the checkout (deploy/build percpud_c)")
    return shlex.split(asked.stdout)


def _compile(build: pathlib.Path, out: pathlib.Path) -> None:
    words = {name: shlex.split(os.environ.get(name, "")) for name in ("CC", "CFLAGS", "LDFLAGS")}
    compiler = words["CC"] or ["cc"]
    command = [
        *compiler, "-std=gnu11", "-O2", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread",
        *(["-DPy_LIMITED_API=0x030A0000"] if _STABLE else []), f"-I{_ROOT}",
        f"-I{sysconfig.get_path('include')}", *words["CFLAGS"], "-o", str(out),
        *map(str, sorted((_HERE / "src").glob("*.c"))), *_library(build), *words["LDFLAGS"]]
    try:
        made = subprocess.run(command)
    except FileNotFoundError:
        sys.exit(f"percpud: there is no compiler {compiler[0]}: install gcc, or set CC")
    if made.returncode != 0:
        sys.exit("percpud: the extension does not compile; Python's headers are in python3-dev")


class _Wheel:
    """A wheel that is being written, and the list of its files that it ends with."""

    def __init__(self, path: pathlib.Path, information: str) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._information = information
        self._records = []

    def add(self, name: str, content: bytes) -> None:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self._records.append(f"{name},sha256={digest},{len(content)}\n")
        self._zip.writestr(name, content)

    def add_information(self, name: str, text: str) -> None:
        self.add(f"{self._information}/{name}", text.encode())

    def close(self) -> None:
        name = f"{self._information}/RECORD"
        self._zip.writestr(name, "".join([*self._records, f"{name},,\n"]))
        self._zip.close()


def build_wheel(wheel_directory: str, config_settings: Optional[dict] = None,
                metadata_directory: Optional[str] = None) -> str:
    """Writes the wheel into the folder, and returns its name."""
    build = pathlib.Path((config_settings or {}).get("percpud-build", _ROOT / "build")).resolve()
    version, tag = _version(), _tag()
    name = f"percpud-{version}-{tag}.whl"
    wheel = _Wheel(pathlib.Path(wheel_directory, name), f"percpud-{version}.dist-info")
    for source in sorted((_HERE / "percpud").glob("*.py")):
        wheel.add(f"percpud/{source.name}", source.read_bytes())
    suffix = ".abi3.so" if _STABLE else sysconfig.get_config_var("EXT_SUFFIX")
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder, "made.so")
        _compile(build, made)
        wheel.add(f"percpud/_percpud{suffix}", made.read_bytes())
    # It activates percpud.prometheus by the environment.
    wheel.add("percpud.pth", (_HERE / "percpud.pth").read_bytes())
    wheel.add_information("METADATA", f"Metadata-Version: 2.1\nName: percpud\nVersion: {version}\n"
                          "Summary: Metrics that all processes of a host share\n"
                          "License: Apache-2.0\nRequires-Python: >=3.10\n")
    wheel.add_information("WHEEL", "Wheel-Version: 1.0\nGenerator: percpud\n"
                          f"Root-Is-Purelib: false\nTag: {tag}\n")
    wheel.close()
    return name
