# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""The calls of shop.py as turns.py measures them, in a process whose children die.

PERCPUD_ADDRESS, or SHOP_ON_FILES, says on what the shop counts."""

import os
import signal

import rig
import shop
import turns


def _serve_and_die() -> None:
    shop.serve("/buy")
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    turns.answer({
        "inc": shop.REQUESTS.labels("/buy").inc,
        "labels().inc": lambda: shop.REQUESTS.labels("/buy").inc(),
        "observe": lambda: shop.SECONDS.observe(1.0),
        "scrape": shop.metrics,
        "death": lambda: rig.in_child(_serve_and_die),
    })


if __name__ == "__main__":
    main()
