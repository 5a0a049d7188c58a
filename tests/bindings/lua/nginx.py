# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""An nginx of Debian with several workers, which count in percpud."""

import os
import pathlib
import signal

import rig
import servers

_MODULES = pathlib.Path("/usr/lib/nginx/modules")
_METRICS = """
    prometheus = require("percpud").init("shop", {open_wait_ms = 5000})
    requests = prometheus:counter("shop_requests", "Requests that were begun.", {"path"})
    seconds = prometheus:histogram("shop_seconds", "How long requests took.")
    limit = prometheus:gauge("shop_limit", "What somebody has set.", {"of"})
    dead = prometheus:counter("shop_dead", "What is deleted.", {"x"})
    requests:inc(0, {"/buy"})
"""
# Workers make their metrics themselves, or find what the master has made.
IN_WORKERS = f"init_worker_by_lua_block {{ {_METRICS} }}"
IN_MASTER = (f"init_by_lua_block {{ {_METRICS} }}"
             "init_worker_by_lua_block { prometheus:init_worker() }")

_CONFIGURATION = """
{user}
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off;
worker_processes 4;
pid {folder}/pid;
error_log {folder}/error.log error;
env PERCPUD_ADDRESS;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  lua_package_path "{lua_path};;";
  lua_shared_dict beside 1m;
  {metrics}
  server {{
    listen unix:{folder}/http;
    location = /metrics {{ content_by_lua_block {{ prometheus:collect() }} }}
    location / {{ content_by_lua_block {{ {answer} }} }}
  }}
}}
"""
_ANSWER = """
    local set = ngx.var.arg_set
    if set then limit:set(set, {"all"}) end
    if ngx.var.arg_del then dead:del({ngx.var.arg_del}) end
    if ngx.var.arg_dead then dead:inc(1, {ngx.var.arg_dead}) end
    requests:inc(1, {ngx.var.uri})
    seconds:observe(1)
    ngx.print(ngx.worker.pid())
"""


class Nginx(servers.Server):
    """It serves on a socket in the folder."""

    def __init__(self, folder: str, metrics: str, answer: str = _ANSWER) -> None:
        self._folder = pathlib.Path(folder)
        file = self._folder / "nginx.conf"
        file.write_text(_CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "", modules=_MODULES, folder=folder,
            lua_path=os.environ["LUA_PATH"], metrics=metrics, answer=answer))
        command = ["/usr/sbin/nginx", "-p", folder, "-c", str(file), "-e", f"{folder}/error.log"]
        super().__init__(command, f"{folder}/http")

    def reload(self) -> None:
        """Starts the configuration anew, and waits until the old workers are gone."""
        old = set(self.workers())
        self._process.send_signal(signal.SIGHUP)
        rig.eventually(lambda: self.workers() and not old & set(self.workers()),
                       "all workers are new")

    def descriptors(self) -> int:
        """Returns how many files the master has open."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def mappings(self) -> int:
        """Returns how many mappings of an arena the master has."""
        return pathlib.Path(f"/proc/{self._process.pid}/maps").read_text().count("/arena")

    def log(self) -> list[str]:
        """Returns the lines of the error log."""
        return self.said().splitlines()

    def said(self) -> str:
        return (self._folder / "error.log").read_text()
