# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""usage: bench.py [--smoke]

A metric's calls beside those of nginx's shared dictionary, in one worker of one nginx, while
three more do nothing. They take turns, so that what disturbs one disturbs all. The goal of
percpud is a ratio. --smoke runs for a moment: that it works, not how fast.
"""

import os
import sys
import tempfile

import nginx
import rig

_CALLS = ("dict incr", "counter inc", "dict incr of a name that is made", "counter inc with labels",
          "gauge inc", "histogram observe")
# (call, at most, of call)
_GOALS = (("counter inc", 0.5, "dict incr"),
          ("counter inc with labels", 0.5, "dict incr of a name that is made"))
_METRICS = """init_worker_by_lua_block {
    prometheus = require("percpud").init("bench", {open_wait_ms = 5000})
    local plain = prometheus:counter("c")
    local labelled = prometheus:counter("d", nil, {"host", "status"})
    local gauge, histogram = prometheus:gauge("g"), prometheus:histogram("h")
    local beside, hosts = ngx.shared.beside, {"shop.example", "pay.example"}
    beside:set("c", 0)
    calls = {
      ["dict incr"] = function(n) for _ = 1, n do beside:incr("c", 1) end end,
      ["counter inc"] = function(n) for _ = 1, n do plain:inc(1) end end,
      ["dict incr of a name that is made"] = function(n)
        for i = 1, n do beside:incr("d{" .. hosts[i % 2 + 1] .. ",200}", 1, 0) end
      end,
      ["counter inc with labels"] = function(n)
        for i = 1, n do labelled:inc(1, {hosts[i % 2 + 1], "200"}) end
      end,
      ["gauge inc"] = function(n) for _ = 1, n do gauge:inc(1) end end,
      ["histogram observe"] = function(n) for i = 1, n do histogram:observe(i % 20 / 10) end end,
    }
    local ffi = require("ffi")
    ffi.cdef("typedef struct { long s, ns; } bench_time; int clock_gettime(int, bench_time*);")
    local at = ffi.new("bench_time")
    function now()
      ffi.C.clock_gettime(1, at)
      return tonumber(at.s) * 1e9 + tonumber(at.ns)
    end
}"""
_ANSWER = """
    local call, n = calls[ngx.unescape_uri(ngx.var.arg_call)], tonumber(ngx.var.arg_n)
    local began = now()
    call(n)
    ngx.print((now() - began) / n)
"""


def measure(server: nginx.Nginx, smoke: bool) -> dict:
    """Returns the least nanoseconds of each call."""
    rounds, often = (2, 100) if smoke else (150, 100_000)
    best: dict = {}
    for _ in range(rounds):
        for call in _CALLS:
            taken = float(server.get(f"/?n={often}&call={call.replace(' ', '%20')}"))
            best[call] = min(taken, best.get(call, taken))
    return best


def main(smoke: bool) -> int:
    daemon = rig.Daemon()
    with tempfile.TemporaryDirectory() as folder:
        try:
            daemon.start()
            os.environ["PERCPUD_ADDRESS"] = daemon.address
            server = nginx.Nginx(folder, _METRICS, _ANSWER)
            best = measure(server, smoke)
            server.stop()
        finally:
            daemon.remove()
    for call in _CALLS:
        print(f"{best[call]:8.1f} ns  {call}")
    for call, most, other in _GOALS:
        ratio = best[call] / best[other]
        verdict = "" if smoke else ("met" if ratio <= most else "missed")
        print(f"{call} / {other}: {ratio:.2f} of at most {most} {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main("--smoke" in sys.argv[1:]))
