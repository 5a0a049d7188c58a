# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The clients of this process: one for each namespace, for as long as it is used."""

import atexit
import logging
import os
import threading
import weakref
from typing import Optional

from percpud import _percpud

# The library looks for a daemon once a second.
_LEAVE_MS = 1100
_LOG = logging.getLogger("percpud")

_lock = threading.RLock()
_clients: "weakref.WeakValueDictionary[tuple, _percpud.Client]" = weakref.WeakValueDictionary()


def _say(kind: int, text: str) -> None:
    """Logs what the library has to say; it says each thing once."""
    _LOG.warning("%s", text)


def client(namespace: Optional[str], address: Optional[str] = None, writer: Optional[str] = None,
           slot: bool = False) -> _percpud.Client:
    """Returns the client for that namespace, the same one for as long as it is used."""
    namespace = namespace or os.environ.get("PERCPUD_NAMESPACE") or "default"
    address = address or os.environ.get("PERCPUD_ADDRESS")
    key = (namespace, address, writer, slot)
    with _lock:
        found = _clients.get(key)
        if found is None:
            found = _percpud.Client(namespace, address, writer, _say, slot)
            _clients[key] = found
        return found


def existing(namespace: str) -> list[_percpud.Client]:
    """Returns the clients that this process has for a namespace."""
    with _lock:
        return [each for key, each in list(_clients.items()) if key[0] == namespace]


def _forked() -> None:
    # Another thread may have held it.
    global _lock
    _lock = threading.RLock()


def _leave() -> None:
    """Has what is local join the shared cells before the process ends. Waits for a daemon
    that is just starting again; one that is not there at all is not waited for."""
    for key, each in list(_clients.items()):
        if not each.poll() and not each.attached and os.path.exists(_door(key[1])):
            each.wait(_LEAVE_MS)


def _door(address: Optional[str]) -> str:
    return (address or _percpud.default_address).removeprefix("unix:") + ".door"


os.register_at_fork(after_in_child=_forked)
atexit.register(_leave)
