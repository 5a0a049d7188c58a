#!/usr/bin/python3
# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads an exposition as Prometheus's Python client does: parse_exposition.py openmetrics|text FILE

Prints every sample in the file's order, as JSON of [name, sorted labels, value], a line each.
Exits with 1 if the parser refuses, or if two samples are of one series; with 77 if the parser is
not installed (Debian's python3-prometheus-client)."""

import json
import sys

try:
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families as openmetrics
    from prometheus_client.parser import text_fd_to_metric_families as text
except ImportError:
    sys.exit(77)


def main() -> None:
    parse = {"openmetrics": openmetrics, "text": text}[sys.argv[1]]
    seen = set()
    # Newlines as they are: a carriage return may be in a label.
    with open(sys.argv[2], encoding="utf-8", newline="\n") as file:
        for family in parse(file):
            for sample in family.samples:
                labels = sorted(sample.labels.items())
                if (key := (sample.name, tuple(labels))) in seen:
                    sys.exit(f"twice: {key}")
                seen.add(key)
                print(json.dumps([sample.name, labels, repr(float(sample.value))]))


try:
    main()
except ValueError as refused:
    sys.exit(f"refused: {refused}")
