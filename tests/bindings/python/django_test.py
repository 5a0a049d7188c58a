# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Django with django-prometheus under a real gunicorn: neither knows of percpud."""

import unittest

import prefork
import servers

_BY_VIEW = 'django_http_requests_total_by_view_transport_method_total{method="GET",transport="http",view="buy"}'


class Django(prefork.Prefork):
    def start(self, path: str, most: int, preload: bool) -> servers.Server:
        return servers.gunicorn(path, "--workers", "4", "--max-requests", str(most),
                                "--max-requests-jitter", "5", *(["--preload"] if preload else []),
                                application="django_shop:application")

    def assert_exact(self, server: servers.Server, load: servers.Load, requests: str,
                     kills: int) -> None:
        super().assert_exact(server, load, requests, kills)
        views = server.sample(_BY_VIEW)
        self.assertLessEqual(load.answered, views)
        self.assertLessEqual(views, load.begun)


if __name__ == "__main__":
    unittest.main()
