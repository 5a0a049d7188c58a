# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Which namespace prometheus_client's metrics are in."""

import hashlib
import os
import warnings
from typing import Optional

_UPPER = "PROMETHEUS_MULTIPROC_DIR"
_LOWER = "prometheus_multiproc_dir"
_LONGEST = 255

_named: Optional[str] = None


def name(namespace: Optional[str]) -> None:
    """Keeps the name that the application has given; None is none."""
    global _named
    _named = namespace


def named() -> Optional[str]:
    """Returns the name that the application or its environment has given, if any."""
    return _named or os.environ.get("PERCPUD_NAMESPACE") or None


def directory() -> Optional[str]:
    """Returns prometheus_client's directory. Its old name still works, with a warning."""
    if _LOWER in os.environ and _UPPER not in os.environ:
        os.environ[_UPPER] = os.environ[_LOWER]
        warnings.warn(f"{_LOWER} is deprecated: the variable is {_UPPER} now",
                      DeprecationWarning, stacklevel=3)
    return os.environ.get(_UPPER)


def of_path(path: str) -> str:
    """Returns the namespace of a directory: its real path, or if that is too long as much
    of its end as there is room for, and a hash of all of it."""
    real = os.path.realpath(path)
    raw = os.fsencode(real)
    if len(raw) <= _LONGEST:
        return raw.decode("utf-8", "replace")
    digest = hashlib.sha256(raw).hexdigest()
    return raw[-(_LONGEST - len(digest) - 1):].decode("utf-8", "ignore") + "#" + digest


def current() -> str:
    """Returns the namespace that a metric which is made now is in."""
    path = directory()
    return named() or (of_path(path) if path else "default")


def of_collector(path: Optional[str]) -> str:
    """Returns the namespace that a collector with this path reads.

    Raises ValueError if the path is no directory, and if nothing names a namespace.
    """
    said = path is not None
    if not said:
        path = directory()
    given = named()
    if (said or not given) and (not path or not os.path.isdir(path)):
        raise ValueError(f"env {_UPPER} is not set or not a directory, "
                         "and neither is PERCPUD_NAMESPACE")
    return given or of_path(path or "")
