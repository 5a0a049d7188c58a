# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Counters, gauges, histograms and summaries of a namespace, without prometheus_client."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from percpud import _clients, _percpud

# What a gauge shows of the values that many processes have set: prometheus_client's
# names, and `shared`, one value that all processes set and add to.
FOLDS = {
    "all": _percpud.FOLD_ALL,
    "min": _percpud.FOLD_MIN,
    "max": _percpud.FOLD_MAX,
    "sum": _percpud.FOLD_SUM,
    "mostrecent": _percpud.FOLD_MOST_RECENT,
    "shared": _percpud.FOLD_SHARED,
}
# What prometheus_client's histograms have.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

Labels = Union[Sequence[str], Mapping[str, str]]


def fold_of(mode: str) -> tuple[int, int]:
    """Returns the fold and the flags of a gauge's mode, such as `sum` or `livesum`."""
    live = mode.startswith("live")
    fold = FOLDS.get(mode[len("live"):] if live else mode)
    if fold is None or (live and fold == _percpud.FOLD_SHARED):
        raise ValueError(f"there is no such mode of a gauge: {mode}")
    return fold, _percpud.LIVE_ONLY if live else 0


class Metric:
    """A family with labels. `labels` finds or makes its series. Thread safe."""

    def __init__(self, family: _percpud.Family, names: Sequence[str]) -> None:
        self._family = family
        self._names = tuple(names)
        self._children: dict[tuple[str, ...], Any] = {}

    def labels(self, *values: object, **named: object) -> Any:
        """Returns the series with these label values, by their order or by name."""
        if named:
            if values or set(named) != set(self._names):
                raise ValueError(f"there is one value for each label: {', '.join(self._names)}")
            values = tuple(named[name] for name in self._names)
        key = tuple(map(str, values))
        child = self._children.get(key)
        if child is None:
            child = self._children.setdefault(key, self._family.series(key))
        return child

    def remove(self, *values: object, wait_ms: int = 1000) -> int:
        """Takes the series with these label values away, for all processes.

        It is shown again, from 0, when it is updated again. Raises OSError if the
        daemon does not do it in time.
        """
        key = tuple(map(str, values))
        self._children.pop(key, None)
        return self._family.remove(key, wait_ms)

    def clear(self, wait_ms: int = 1000) -> int:
        """Takes all series away, for all processes. Returns how many there were."""
        self._children.clear()
        return self._family.remove(None, wait_ms)

    def reset(self, wait_ms: int = 1000) -> int:
        """Has all series count from 0 again. Returns how many there are."""
        for child in list(self._children.values()):
            child.forget()
        return self._family.reset(None, wait_ms)


class Values(Metric):
    """A counter or a gauge with labels."""


class Distributions(Metric):
    """A histogram or a summary with labels."""


class Namespace:
    """The metrics of one application. Made by percpud.open. Thread safe."""

    def __init__(self, client: _percpud.Client) -> None:
        self._client = client

    def counter(self, name: str, help: str = "", labels: Labels = (), **more: Any) -> Any:
        """Opens a counter: `inc(amount=1)`.

        With label names it is a family, whose `labels(...)` are counters; with a mapping
        of label names to values it is that one counter. `more` may have `unit`,
        `most_series` and `ttl_seconds`. The amounts are floats.
        """
        return self._open(Values, name, help, labels, type=_percpud.COUNTER, **more)

    def gauge(self, name: str, help: str = "", labels: Labels = (), mode: str = "all",
              **more: Any) -> Any:
        """Opens a gauge: `set(value)`, `inc(amount=1)` and `dec(amount=1)`.

        `mode` says what is shown of the values that many processes have set: `all` (with
        a label `pid`), `min`, `max`, `sum`, `mostrecent`, the same with `live` before them (what
        a process has set goes when it dies), or `shared` (one value for all).
        """
        fold, flags = fold_of(mode)
        return self._open(Values, name, help, labels, type=_percpud.GAUGE, fold=fold, flags=flags,
                          **more)

    def histogram(self, name: str, help: str = "", labels: Labels = (),
                  buckets: Iterable[float] = BUCKETS, **more: Any) -> Any:
        """Opens a histogram: `observe(value)`. `buckets` are rising upper bounds."""
        bounds = [bound for bound in map(float, buckets) if bound != float("inf")]
        return self._open(Distributions, name, help, labels, type=_percpud.HISTOGRAM, bounds=bounds,
                          **more)

    def summary(self, name: str, help: str = "", labels: Labels = (), **more: Any) -> Any:
        """Opens a summary: `observe(value)`. It has a count and a sum, and no quantiles."""
        return self._open(Distributions, name, help, labels, type=_percpud.SUMMARY, **more)

    def variable(self, name: str, size: int = 0, wait_ms: int = 1000) -> list[Optional[memoryview]]:
        """Returns the copies of a variable by CPU, None where there is none. Makes it, all
        zeros, if there is none and `size` is not 0. All processes of the host share the bytes,
        which stay until the variable is removed. Raises OSError if the daemon refuses.
        """
        return self._client.variable(name, size, wait_ms)

    def _open(self, kind: type, name: str, help: str, labels: Labels, **more: Any) -> Any:
        names = tuple(labels)
        family = _percpud.Family(self._client, name, help=help, labels=names, **more)
        if isinstance(labels, Mapping) or not names:
            return family.series(tuple(labels[name] for name in names))
        return kind(family, names)

    @property
    def attached(self) -> bool:
        """Whether a daemon has admitted this process."""
        return self._client.attached

    def wait(self, seconds: float) -> bool:
        """Waits until all that is open is shared, and returns whether it is."""
        return self._client.wait(int(seconds * 1000))

    def render(self, openmetrics: bool = False, wait_ms: int = 1000) -> bytes:
        """Returns what the namespace shows, of all processes, as Prometheus reads it.

        Raises OSError if the daemon does not answer in time.
        """
        form = _percpud.OPENMETRICS if openmetrics else _percpud.TEXT
        return self._client.render(form, wait_ms)

    def reset(self, if_generation: int = 0, wait_ms: int = 1000) -> int:
        """Begins a new generation: everything counts from 0, and families may have
        another shape. With `if_generation` only if the namespace is in that one. Returns the
        generation that it is in then. Raises OSError if the daemon does not do it.
        """
        return self._client.reset(if_generation, wait_ms)


def open(namespace: Optional[str] = None, address: Optional[str] = None) -> Namespace:
    """Opens a namespace, which needs no daemon yet.

    `namespace` is any name or path of at most 255 bytes; without one it is
    $PERCPUD_NAMESPACE or `default`. `address` is unix:PATH; without one it is
    $PERCPUD_ADDRESS or that of the packaged daemon.
    """
    return Namespace(_clients.client(namespace, address))
