# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Without a daemon, and when it goes and comes: the application never notices."""

import subprocess
import unittest

import php
import rig


class Absent(unittest.TestCase):
    def setUp(self) -> None:
        self.daemon = rig.Daemon()
        self.addCleanup(self.daemon.remove)
        changed = rig.environment(PERCPUD_ADDRESS=self.daemon.address, PERCPUD_NAMESPACE="absent")
        changed.__enter__()
        self.addCleanup(changed.__exit__, None, None, None)

    def start(self, text: str) -> subprocess.Popen:
        """Starts a PHP that answers lines, and reads the first one."""
        process = subprocess.Popen(php.command(text), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def test_without_a_daemon_the_process_counts_and_says_so_once(self) -> None:
        done = php.run("""
            $storage = new Percpud\\Storage();
            for ($i = 0; $i < 3; ++$i) $storage->updateCounter(counted("20$i", 1));
            $storage->updateGauge(stocked(4, 3));
            echo shown($storage);
            """)
        self.assertEqual(done.stdout, "shop_requests{200} 1\nshop_requests{201} 1\n"
                         "shop_requests{202} 1\nshop_stock{} 4\n")
        self.assertEqual(done.stderr.count("percpud: "), 1, done.stderr)
        self.assertIn(self.daemon.address, done.stderr)

    def test_a_wipe_without_a_daemon_says_why_it_is_none(self) -> None:
        done = php.run("""
            $storage = new Percpud\\Storage();
            $storage->updateCounter(counted('200', 1));
            try {
                $storage->wipeStorage();
            } catch (Prometheus\\Exception\\StorageException $error) {
                echo get_class($error), ': ', $error->getMessage(), shown($storage);
            }
            """)
        self.assertIn("StorageException: ", done.stdout)
        self.assertNotIn("shop_requests", done.stdout, "what was local is gone")

    def test_what_was_local_joins_when_the_daemon_comes(self) -> None:
        worker = self.start("""
            $storage = new Percpud\\Storage();
            $storage->updateCounter(counted('200', 3));
            $storage->updateHistogram(taken(2.0));
            echo "counted\\n";
            while (fgets(STDIN) !== false) {
                $storage->updateCounter(counted('200', 0));
                echo $storage->isAttached() ? "attached\\n" : "away\\n";
            }
            """)
        self.assertEqual(worker.stdout.readline(), "counted\n")
        self.daemon.start()

        def joins() -> bool:
            # Updates alone have the library look for the daemon.
            worker.stdin.write("\n")
            worker.stdin.flush()
            attached = worker.stdout.readline() == "attached\n"
            return attached and "shop_requests{200} 3" in self.shown()

        rig.eventually(joins, "what was local is there for all")
        self.assertIn("shop_seconds_sum{} 2\n", self.shown())

    def shown(self) -> str:
        return php.run("echo shown(new Percpud\\Storage());").stdout

    def test_a_family_of_another_shape_counts_in_the_process_and_is_named(self) -> None:
        self.daemon.start()
        done = php.run("""
            $storage = new Percpud\\Storage();
            $storage->updateCounter(counted('200', 1));
            $storage->updateGauge(['name' => 'shop_requests'] + stocked(4, 3));
            echo shown($storage);
            """)
        self.assertEqual(done.stdout, "shop_requests{200} 1\n")
        self.assertIn("shop_requests", done.stderr)


if __name__ == "__main__":
    unittest.main()
