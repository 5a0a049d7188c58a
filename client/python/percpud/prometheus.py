# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""prometheus_client that counts in percpud: exact for all processes, without files.

    import percpud.prometheus
    percpud.prometheus.install()

before the first metric is made, or PERCPUD_PROMETHEUS=1 in the environment, which needs
no code. Metrics are used as before. What reads them is MultiProcessCollector, as in
prometheus_client's multiprocess mode, or percpud-exporter.

Whose metrics they are, the namespace, is what install() is told, or else
$PERCPUD_NAMESPACE, or else the real path of $PROMETHEUS_MULTIPROC_DIR.
"""

from typing import Optional

from percpud import _clients, _names, _patches, _percpud

__all__ = ["install", "latest", "reset", "uninstall"]


def install(namespace: Optional[str] = None) -> None:
    """Has prometheus_client count in percpud from now on. May be called again, to name
    another namespace. Metrics that were made before stay as they are.
    """
    _names.name(namespace)
    _patches.apply()


def uninstall() -> None:
    """Gives prometheus_client back what install() has replaced."""
    _patches.revert()
    _names.name(None)


def reset(if_generation: int = 0, wait_ms: int = 1000) -> int:
    """Has everything of the namespace count from 0, in all processes, and lets families
    take another shape. With `if_generation` only if the namespace is in that one: of many
    processes that start, one resets. Returns the generation that it is in then. Raises
    OSError if the daemon does not do it.
    """
    return _clients.client(_names.current()).reset(if_generation, wait_ms)


def latest(openmetrics: bool = False, wait_ms: int = 1000) -> bytes:
    """Returns what the namespace shows, as generate_latest() does of a registry with a
    MultiProcessCollector, and many times faster. Raises OSError if the daemon does not
    answer in time.
    """
    form = _percpud.OPENMETRICS if openmetrics else _percpud.TEXT
    return _clients.client(_names.current()).render(form, wait_ms)
