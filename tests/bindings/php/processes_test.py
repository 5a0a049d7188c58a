# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes of PHP that count in one namespace, and forks of one."""

import unittest

import php
import rig

# Debian's PHP has it as a module of its own.
_FORKS = ["-d", "extension=pcntl"]


class Processes(rig.WithDaemon):
    def setUp(self) -> None:
        super().setUp()
        changed = rig.environment(PERCPUD_NAMESPACE=self.folder)
        changed.__enter__()
        self.addCleanup(changed.__exit__, None, None, None)

    def shown(self) -> str:
        return php.run("echo shown(new Percpud\\Storage());").stdout

    def test_what_one_process_has_counted_the_next_goes_on_with(self) -> None:
        for _ in range(3):
            php.run("(new Percpud\\Storage())->updateCounter(counted('200', 2));")
        self.assertEqual(self.shown(), "shop_requests{200} 6\n")

    def test_a_forked_child_counts_as_its_parent_does(self) -> None:
        php.run("""
            $storage = new Percpud\\Storage();
            $storage->updateCounter(counted('200', 1));
            $storage->updateGauge(stocked(10, 3));
            for ($i = 0; $i < 4; ++$i) {
                if (pcntl_fork() === 0) {
                    $storage->updateCounter(counted('200', 10));
                    $storage->updateGauge(stocked(-1, 2));
                    exit(0);
                }
            }
            while (pcntl_wait($status) > 0) {
                if ($status !== 0) exit(1);
            }
            """, *_FORKS)
        self.assertEqual(self.shown(), "shop_requests{200} 41\nshop_stock{} 6\n")

    def test_a_child_that_is_killed_takes_nothing_with_it(self) -> None:
        php.run("""
            $storage = new Percpud\\Storage();
            $storage->updateCounter(counted('200', 1));
            $child = pcntl_fork();
            if ($child === 0) {
                $storage->updateCounter(counted('200', 1));
                $storage->updateCounter(counted('500', 1));
                posix_kill(posix_getpid(), SIGKILL);
            }
            pcntl_waitpid($child, $status);
            exit(pcntl_wifsignaled($status) ? 0 : 1);
            """, *_FORKS, "-d", "extension=posix")
        self.assertEqual(self.shown(), "shop_requests{200} 2\nshop_requests{500} 1\n")

    def test_a_worker_whose_request_never_ends_notices_a_wipe(self) -> None:
        done = php.run(f"""
            $storage = new Percpud\\Storage();
            $storage->updateGauge(stocked(1, 3));
            exec('{php.PHP} ' . implode(' ', array_map('escapeshellarg', {_other()})), $out, $status);
            if ($status !== 0) exit(1);
            $ends = hrtime(true) + 30e9;
            do {{
                $storage->updateGauge(stocked(4, 3));
            }} while (shown($storage) !== "shop_stock{{}} 4\\n" && hrtime(true) < $ends);
            echo shown($storage);
            """)
        self.assertEqual(done.stdout, "shop_stock{} 4\n")

    def test_the_namespace_is_said_by_the_call_then_by_the_ini_then_by_the_environment(self) -> None:
        count = "->updateCounter(counted('200', 1));"
        php.run("(new Percpud\\Storage('mine'))" + count, "-d", "percpud.namespace=theirs")
        php.run("(new Percpud\\Storage())" + count, "-d", "percpud.namespace=theirs")
        php.run("(new Percpud\\Storage())" + count, "-d", "percpud.namespace=theirs")
        for name, times in (("mine", 1), ("theirs", 2)):
            shown = php.run(f"echo shown(new Percpud\\Storage('{name}'));").stdout
            self.assertEqual(shown, f"shop_requests{{200}} {times}\n")
        self.assertEqual(self.shown(), "")


def _other() -> str:
    """The arguments of a PHP that wipes the namespace, as an array of PHP."""
    words = php.command("(new Percpud\\Storage())->wipeStorage();")[1:]
    quoted = (word.replace("\\", "\\\\").replace("'", "\\'") for word in words)
    return "[" + ", ".join(f"'{word}'" for word in quoted) + "]"


if __name__ == "__main__":
    unittest.main()
