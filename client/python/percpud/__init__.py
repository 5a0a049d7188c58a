# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics that all processes of a host share, and that outlive each of them.

    import percpud

    shop = percpud.open("shop")
    requests = shop.counter("http_requests", "Requests.", labels=["method"])
    requests.labels("get").inc()

What is opened works at once and for ever: without a daemon it counts in this process,
and what it has counted is added to the shared cells when the daemon comes. Everything
may be used by all threads and after a fork.

Applications that use prometheus_client need percpud.prometheus only.
"""

from typing import Any

__all__ = ["Distributions", "Namespace", "Values", "open"]


def __getattr__(name: str) -> Any:
    """Loads the extension when it is first needed: percpud.pth imports this package in
    processes that may never count anything."""
    if name == "__version__":
        from percpud._percpud import version

        return version
    if name in __all__:
        from percpud import metrics

        return getattr(metrics, name)
    raise AttributeError(f"module 'percpud' has no attribute {name!r}")
