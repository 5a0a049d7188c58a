# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""prometheus_client's value classes: each sample of a metric is a value there, and a
counter, a gauge, or a part of a histogram or summary here."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Optional

from percpud import _clients, _names, _percpud
from percpud.metrics import fold_of

_INFINITY = float("inf")
# A gauge is shown as 0 from when it is made on. That must not win against anything that
# was set, so it was set as early as can be, in seconds since 1970.
_NEVER = 1e-9
TYPES = {
    "counter": _percpud.COUNTER,
    "gauge": _percpud.GAUGE,
    "histogram": _percpud.HISTOGRAM,
    "summary": _percpud.SUMMARY,
}


class Source:
    """Makes the values of one value class. Thread safe."""

    def __init__(self, process_identifier: Callable[[], Any]) -> None:
        # The process itself is a writer that needs not be asked.
        own = process_identifier is os.getpid
        self._writer = None if own else _percpud.Writer(process_identifier)
        self._client: Optional[_percpud.Client] = None
        self._namespace: Optional[str] = None
        self._under_way = threading.local()

    def _current(self) -> _percpud.Client:
        namespace = _names.current()
        client = self._client
        if client is None or namespace != self._namespace:
            client = self._client = _clients.client(namespace)
            self._namespace = namespace
        return client

    def family(self, typ: str, name: str, labels: tuple, help: str, mode: str = "",
               bounds: Sequence[float] = ()) -> _percpud.Family:
        """Returns the family of a metric. Of a gauge `mode` is its multiprocess mode."""
        fold, flags = fold_of(mode or "all") if typ == "gauge" else (0, 0)
        return _percpud.Family(self._current(), name, type=TYPES[typ], help=help, labels=labels,
                               fold=fold, flags=flags, bounds=bounds)

    def value(self, typ: str, metric: str, name: str, labels: tuple, values: tuple, help: str,
              mode: str) -> Any:
        """Returns the value for one sample."""
        if typ == "histogram":
            return self._of_histogram(metric, name, labels, values, help)
        if typ == "summary":
            return self._of_summary(metric, name, labels, values, help)
        value = self.family(typ, metric, labels, help, mode).series(values, self._writer)
        if typ == "gauge" and value.get() == 0:
            value.set(0, _NEVER)
        return value

    def _of_summary(self, metric: str, name: str, labels: tuple, values: tuple, help: str) -> Any:
        """A summary's count comes first and then, in the same thread, its sum."""
        key = (metric, labels, values)
        begun = self._begun()
        whole = begun.pop(key, None)
        if whole is None:
            whole = self.family("summary", metric, labels, help).series(values, self._writer)
            begun[key] = whole
        return whole.part(0) if name.endswith("_count") else whole.part()

    def _of_histogram(self, metric: str, name: str, labels: tuple, values: tuple,
                      help: str) -> Any:
        """A histogram's sum comes first, and then its buckets; only the last one, which
        has no bound, says that the bounds are known."""
        is_bucket = name.endswith("_bucket")
        key = (metric, values[:-1] if is_bucket else values)
        begun = self._begun()
        if not is_bucket:
            begun[key] = ([_percpud.Part()], [])
            return begun[key][0][0]
        parts, bounds = begun.setdefault(key, ([_percpud.Part()], []))
        parts.append(_percpud.Part())
        bounds.append(float(values[-1]))
        if bounds[-1] == _INFINITY:
            del begun[key]
            family = self.family("histogram", metric, labels[:-1], help, bounds=bounds[:-1])
            whole = family.series(values[:-1], self._writer)
            for bucket, part in enumerate(parts, start=-1):
                whole.part(bucket, part)
        return parts[-1]

    def _begun(self) -> dict:
        """Returns what this thread has begun to make."""
        return self._under_way.__dict__.setdefault("begun", {})


class PercpudValue:
    """What a value class of ours is: calling it makes a value."""

    _multiprocess = True
    _source: Source

    def __new__(cls, typ: str, metric_name: str, name: str, labelnames: Sequence[str],
                labelvalues: Sequence[str], help_text: str, multiprocess_mode: str = "",
                **kwargs: Any) -> Any:
        return cls._source.value(typ, metric_name, name, tuple(labelnames), tuple(labelvalues),
                                 help_text, multiprocess_mode)

    @classmethod
    def close_all_files(cls) -> None:
        """Does nothing: there are none."""


def MultiProcessValue(process_identifier: Callable[[], Any] = os.getpid) -> type:  # noqa: N802
    """Returns a value class that counts in percpud.

    `process_identifier` says who counts: processes that run at one time are told apart
    by it, and it names those that set gauges. The default is the process id.
    """
    return type("PercpudValue", (PercpudValue,), {"_source": Source(process_identifier)})


def get_value_class() -> type:
    """Returns the value class that metrics are made of."""
    return MultiProcessValue()
