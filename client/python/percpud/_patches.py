# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""What of prometheus_client is replaced: the value classes, the collector of the
multiprocess mode, and methods that do more, or do it in C.
"""

import functools
import logging
import os
import threading
import time
import weakref
from typing import Any, Optional

from prometheus_client import metrics, multiprocess, values
from prometheus_client.samples import Exemplar

from percpud import _collector, _percpud, _values

_LOG = logging.getLogger("percpud")
# How long a removal waits for the daemon.
_WAIT_MS = 1000

# Metrics with labels that have made children.
_parents: "weakref.WeakSet[Any]" = weakref.WeakSet()
_MISSING = object()
# (owner, attribute) and what was there before.
_replaced: dict[tuple[Any, str], Any] = {}


def _replace(owner: Any, attribute: str, new: Any) -> None:
    key = (owner, attribute)
    if key not in _replaced:
        _replaced[key] = vars(owner).get(attribute, _MISSING)
    setattr(owner, attribute, new)


def apply() -> None:
    """Replaces everything. Metrics that exist go on as they are."""
    _replace(values, "MultiProcessValue", _values.MultiProcessValue)
    _replace(values, "get_value_class", _values.get_value_class)
    _replace(values, "ValueClass", _values.get_value_class())
    _replace(multiprocess, "MultiProcessCollector", _collector.MultiProcessCollector)
    _replace(multiprocess, "mark_process_dead", _collector.mark_process_dead)
    if (metrics.MetricWrapperBase, "labels") in _replaced:
        return
    base = metrics.MetricWrapperBase
    _replace(base, "_percpud_labels", _labels(base.labels))
    _replace(base, "labels", _percpud.method(base, "labels"))
    for kind, slow in ((metrics.Histogram, _observe_histogram), (metrics.Summary, _observe)):
        _replace(kind, "_percpud_observe", slow(kind.observe))
        _replace(kind, "observe", _percpud.method(kind, "observe"))
    _replace(base, "remove", _remove(base.remove))
    _replace(base, "clear", _clear(base.clear))
    if hasattr(base, "remove_by_labels"):
        _replace(base, "remove_by_labels", _remove_by_labels(base.remove_by_labels))


def revert() -> None:
    """Puts everything back."""
    while _replaced:
        (owner, attribute), before = _replaced.popitem()
        if before is _MISSING:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, before)


def _labels(original: Any) -> Any:
    """Returns `labels` for what the C function leaves: children that there are not yet."""

    @functools.wraps(original)
    def labels(self: Any, *labelvalues: Any, **labelkwargs: Any) -> Any:
        _parents.add(self)
        return original(self, *labelvalues, **labelkwargs)

    return labels


def _forked() -> None:
    """Gives metrics other locks in the child of a fork. A thread that is not in the child
    may have held one, for as long as a new series takes."""
    for parent in list(_parents):
        parent._lock = threading.Lock()


os.register_at_fork(after_in_child=_forked)


def _observe(original: Any) -> Any:
    """Returns Summary.observe for what the C function leaves: an amount that is named."""

    @functools.wraps(original)
    def observe(self: Any, amount: float) -> None:
        total = getattr(self, "_sum", None)
        if isinstance(total, _percpud.Part):
            total.observe(amount)
        else:
            original(self, amount)

    return observe


def _observe_histogram(original: Any) -> Any:
    """Returns Histogram.observe for what the C function leaves: exemplars."""

    @functools.wraps(original)
    def observe(self: Any, amount: float, exemplar: Optional[dict[str, str]] = None) -> None:
        total = getattr(self, "_sum", None)
        if not isinstance(total, _percpud.Part):
            original(self, amount, exemplar)
            return
        total.observe(amount)
        if not exemplar:
            return
        metrics._validate_exemplar(exemplar)
        for bound, bucket in zip(self._upper_bounds, self._buckets):
            if amount <= bound:
                bucket.set_exemplar(Exemplar(exemplar, amount, time.time()))
                break

    return observe


def _family(metric: Any) -> Optional[_percpud.Family]:
    """Returns the family of a metric that is made of our values, and None of others."""
    source = getattr(values.ValueClass, "_source", None)
    if source is None or metric._type not in _values.TYPES:
        return None
    bounds = tuple(getattr(metric, "_upper_bounds", ())[:-1])
    mode = getattr(metric, "_multiprocess_mode", "")
    return source.family(metric._type, metric._name, metric._labelnames, metric._documentation,
                         mode, bounds)


def _take_away(family: Optional[_percpud.Family], labels: Optional[tuple]) -> None:
    """Removes series for all processes; the application goes on if the daemon cannot."""
    if family is None:
        return
    try:
        family.remove(labels, _WAIT_MS)
    except OSError as error:
        _LOG.warning("not removed: %s", error)


def _remove(original: Any) -> Any:
    @functools.wraps(original)
    def remove(self: Any, *labelvalues: Any) -> None:
        original(self, *labelvalues)
        _take_away(_family(self), tuple(map(str, labelvalues)))

    return remove


def _clear(original: Any) -> Any:
    @functools.wraps(original)
    def clear(self: Any) -> None:
        original(self)
        if self._labelnames and not self._labelvalues:
            _take_away(_family(self), None)

    return clear


def _remove_by_labels(original: Any) -> Any:
    @functools.wraps(original)
    def remove_by_labels(self: Any, labels: dict[str, str]) -> None:
        original(self, labels)
        family = _family(self)
        if family is None or not labels:
            return
        wanted = [(self._labelnames.index(name), str(value)) for name, value in labels.items()]
        for each in family.client.collect(self._name, _WAIT_MS)[1]:
            for series in each[-1]:
                if all(series[0][index] == value for index, value in wanted):
                    _take_away(family, series[0])

    return remove_by_labels
