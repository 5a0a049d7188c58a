# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Activation without code: percpud.pth imports this in processes whose environment has
PERCPUD_PROMETHEUS. It installs percpud.prometheus right after prometheus_client has been
imported, and costs nothing where that never is.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Optional

_PACKAGE = "prometheus_client"
_OFF = ("", "0", "no", "false", "off")


class _Loader(importlib.abc.Loader):
    """Loads prometheus_client with its own loader, and then installs."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        # What asks the module for its loader gets the real one.
        module.__loader__ = module.__spec__.loader = self._loader
        _install()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds prometheus_client, once."""

    def find_spec(self, fullname: str, path: Optional[Sequence[str]],
                  target: Optional[ModuleType] = None) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname != _PACKAGE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _install() -> None:
    """Installs; an application never fails for it."""
    try:
        from percpud import prometheus

        prometheus.install()
    except Exception:
        logging.getLogger("percpud").exception("prometheus_client counts without percpud")


def activate() -> None:
    """Has percpud.prometheus installed if the environment says so."""
    if os.environ.get("PERCPUD_PROMETHEUS", "").lower() in _OFF:
        return
    if _PACKAGE in sys.modules:
        _install()
    else:
        sys.meta_path.insert(0, _Finder())


activate()
