# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""An application as prefork servers run it: /metrics, and everything else is a request."""

import os
import signal
import time

# On the files of prometheus_client's own multiprocess mode, to compare.
if "SHOP_ON_FILES" not in os.environ:
    import percpud.prometheus

    percpud.prometheus.install()

from prometheus_client import (CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge,  # noqa: E402
                               Histogram, generate_latest)
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

REQUESTS = Counter("shop_requests", "Requests that were begun.", ["path"])
SECONDS = Histogram("shop_seconds", "How long requests took.")
IN_FLIGHT = Gauge("shop_in_flight", "Requests under way.", multiprocess_mode="livesum")
WORKERS = Gauge("shop_workers", "One for each worker.", multiprocess_mode="liveall")

# Workers inherit what their parent has opened, and count there without a daemon too.
REQUESTS.labels("/buy")


def metrics():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


def serve(path: str) -> str:
    """Counts a request, and answers it."""
    REQUESTS.labels(path).inc()
    WORKERS.set(1)
    with IN_FLIGHT.track_inprogress():
        # Others may run meanwhile, as when it waits for something.
        time.sleep(0)
        while path == "/held":  # until its worker is killed
            signal.pause()
        SECONDS.observe(1.0)
    return str(os.getpid())


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/metrics":
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [metrics()]
    answer = serve(path)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
