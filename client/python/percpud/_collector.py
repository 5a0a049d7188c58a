# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""prometheus_client's MultiProcessCollector and mark_process_dead, on percpud."""

from collections.abc import Iterable
from typing import Any, Optional

from prometheus_client import multiprocess
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from percpud import _clients, _names, _percpud

# How long a scrape waits for the daemon's answer.
_WAIT_MS = 1000
_TYPES = {
    _percpud.COUNTER: "counter",
    _percpud.GAUGE: "gauge",
    _percpud.HISTOGRAM: "histogram",
    _percpud.SUMMARY: "summary",
}
_MODES = {
    _percpud.FOLD_ALL: "all",
    _percpud.FOLD_MIN: "min",
    _percpud.FOLD_MAX: "max",
    _percpud.FOLD_SUM: "sum",
    _percpud.FOLD_MOST_RECENT: "mostrecent",
    _percpud.FOLD_SHARED: "shared",
}


class Reader:
    """Turns what the C library has collected into prometheus_client's metrics."""

    def __init__(self, accumulate: bool = True) -> None:
        self._accumulate = accumulate

    def metrics(self, families: list[tuple]) -> list[Metric]:
        """Returns those that have samples."""
        return [made for made in (self._metric(*family) for family in families) if made.samples]

    def _metric(self, name: str, help: str, unit: str, type: int, fold: int, flags: int,
                labels: tuple, bounds: tuple, series: list[tuple]) -> Metric:
        metric = Metric(name, help, _TYPES[type])
        out = metric.samples
        # prometheus_client has labels in the order of their names.
        order = sorted(range(len(labels)), key=labels.__getitem__)
        if type == _percpud.GAUGE:
            mode = _MODES[fold]
            metric._multiprocess_mode = f"live{mode}" if flags & _percpud.LIVE_ONLY else mode
        for values, value, count, buckets, writers, is_set in series:
            own = {labels[i]: values[i] for i in order}
            if type == _percpud.COUNTER:
                out.append(Sample(metric.name + "_total", own, value))
            elif type == _percpud.GAUGE:
                self._gauge(out, name, own, fold, value, writers, is_set)
            elif type == _percpud.SUMMARY:
                out.append(Sample(name + "_count", own, float(count)))
                out.append(Sample(name + "_sum", own, value))
            else:
                self._histogram(out, name, own, bounds, value, buckets)
        return metric

    @staticmethod
    def _gauge(out: list[Sample], name: str, own: dict[str, str], fold: int, value: float,
               writers: tuple, is_set: bool) -> None:
        if fold == _percpud.FOLD_ALL:
            out.extend(Sample(name, {**own, "pid": label}, each) for label, each, _, _ in writers)
        elif is_set:
            out.append(Sample(name, own, value))

    def _histogram(self, out: list[Sample], name: str, own: dict[str, str], bounds: tuple,
                   value: float, buckets: tuple) -> None:
        out.append(Sample(name + "_sum", own, value))
        below = 0
        for bound, count in zip((*bounds, float("inf")), buckets):
            shown = count if self._accumulate else count - below
            below = count
            out.append(Sample(name + "_bucket", {**own, "le": floatToGoString(bound)},
                              float(shown)))
        if self._accumulate:
            out.append(Sample(name + "_count", own, float(buckets[-1])))


class MultiProcessCollector(multiprocess.MultiProcessCollector):
    """Collects what all processes have counted in a namespace: that of `path`, or the
    one that is named otherwise. If the daemon does not answer it shows the last names with
    their present numbers, or what this process has counted.
    """

    def __init__(self, registry: Any, path: Optional[str] = None) -> None:
        self._client = _clients.client(_names.of_collector(path))
        # Of the class, merge() reads the files that processes without percpud write.
        self.merge = self._merge
        if registry:
            registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Returns the namespace's metrics, in the order in which they were made."""
        return Reader().metrics(self._client.collect(None, _WAIT_MS)[1])

    def _merge(self, files: Iterable[str], accumulate: bool = True) -> list[Metric]:
        """Returns what the files hold, and the namespace's metrics. With `accumulate` a
        histogram's buckets count what is below them too."""
        of_files = list(type(self).merge(files, accumulate))
        return of_files + Reader(accumulate).metrics(self._client.collect(None, _WAIT_MS)[1])


def mark_process_dead(pid: Any, path: Optional[str] = None) -> None:
    """Ends the writer of that name. percpud notices deaths itself, so this has something
    to do only where one process is several writers. Never raises for an unknown one.
    """
    namespace = _names.named() or (_names.of_path(path) if path else _names.current())
    for client in _clients.existing(namespace):
        client.close_writer(str(pid), _WAIT_MS)
