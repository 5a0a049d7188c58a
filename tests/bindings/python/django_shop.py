# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The shop as an application of Django, with django-prometheus, which knows nothing of percpud."""

import shop  # It installs percpud, before the first metric.

import django.conf
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path
from django_prometheus.middleware import Metrics

django.conf.settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django_prometheus"],
    MIDDLEWARE=["django_prometheus.middleware.PrometheusBeforeMiddleware",
                "django_prometheus.middleware.PrometheusAfterMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
)


def buy(request):
    return HttpResponse(shop.serve(request.path))


urlpatterns = [path("buy", buy, name="buy"), path("", include("django_prometheus.urls"))]
application = get_wsgi_application()

# As in shop.py: workers inherit it, and count there without a daemon too.
Metrics.get_instance().requests_by_view_transport_method.labels("buy", "http", "GET")
