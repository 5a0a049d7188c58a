# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""PHP with the extension, and scripts that use it."""

import os
import pathlib
import subprocess
import textwrap

import rig

HERE = pathlib.Path(__file__).parent
# Where percpud.so and the folder Percpud are.
BUILT = pathlib.Path(os.environ["PERCPUD_PHP_DIR"])
PHP = os.environ["PERCPUD_PHP"]
FPM = os.environ.get("PERCPUD_PHP_FPM", "")
# Without the system's php.ini and extensions.
EXTENSION = ["-n", "-d", f"extension={BUILT}/percpud.so"]


def command(text: str, *options: str) -> list[str]:
    """The command that runs this text in a PHP of its own, with the tests' application."""
    code = f"require '{HERE}/shop/shop.php';\n" + textwrap.dedent(text)
    return [PHP, *EXTENSION, *options, "-r", code]


def run(text: str, *options: str) -> subprocess.CompletedProcess:
    """Runs the text, and returns what it has printed."""
    done = subprocess.run(command(text, *options), capture_output=True, text=True,
                          timeout=rig.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}{done.stdout}")
    return done
