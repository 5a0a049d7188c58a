# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Cases of reading over hosts: real gateways, mutual TLS, rules of export."""

import json
import threading
import time

from children import check, wait_until
from fleet import Fleet
from host import Host
from pki import Pki
from prometheus import Prometheus

# Exit codes of percpuctl.
REFUSED = 1
PROBLEM = 3
UNREACHABLE = 4


def count(fleet: Fleet, family: str) -> list[int]:
    """Another number on each host, added by its own percpuctl."""
    numbers = [1000 * (i + 1) + 7 for i in range(len(fleet.hosts))]
    for host, number in zip(fleet.hosts, numbers, strict=True):
        done = host.control("inc", family, str(number))
        check(done.returncode == 0, f"{host.name}: inc {family}: {done.stderr}")
    return numbers


def whole(host: Host, *words: str) -> dict:
    """What fleet sum says as JSON, once all hosts can be reached."""
    wait_until(lambda: host.fleet("sum", *words).returncode == 0, 20,
               f"{host.name}: a sum of all hosts: {host.fleet('sum', *words).stderr}")
    return json.loads(host.fleet("sum", *words, "-o", "json").stdout)


def sums(fleet: Fleet) -> str:
    """2: sums over all hosts are what each host has, whoever is asked."""
    numbers = count(fleet, "sold_total")
    names = [f"rows_{i}" for i in range(3)]
    for host in fleet.hosts:
        for name in names:
            done = host.control("variable", "create", name, "--type", "counter")
            check(done.returncode == 0, f"{host.name}: {done.stderr}")
            host.control("add", name, "5")
    for host in fleet.hosts:
        said = whole(host, "sold_total")
        check(said["value"] == sum(numbers), f"{host.name}: the sum is {said}, not {sum(numbers)}")
        check(said["hosts"] == len(fleet.hosts) and said["missing"] is None, f"{host.name}: {said}")
        each = {row["host"]: row["value"] for row in whole(host, "sold_total", "--by-host")["series"]}
        check(each == dict(zip([*fleet.names(), "all"], [*numbers, sum(numbers)], strict=True)), f"{each}")
        rows = host.fleet_json("vars", "rows")["variables"]
        check([(row["name"], row["value"], row["hosts"]) for row in rows] ==
              [(name, 5 * len(fleet.hosts), len(fleet.hosts)) for name in names], f"{host.name}: {rows}")
    # While two processes of each host count, a sum never falls.
    last, took = 0, []
    for _ in range(20):
        begin = time.monotonic()
        said = whole(fleet.hosts[0], "--namespace", "test", "shop_requests_total", "--by-host")
        took.append(time.monotonic() - begin)
        value = said["series"][-1]["value"]
        check(value >= last, f"the sum fell from {last} to {value}")
        last = value
    return f"{sum(numbers)} on every host; 20 sums while counting, {sorted(took)[10] * 1000:.0f} ms each with percpuctl"


def sum_without_a_host(fleet: Fleet) -> str:
    """5, 9: a host whose percpud is gone is named, in time; what is available is told apart."""
    numbers = count(fleet, "sold_more")
    asked, gone = fleet.hosts[0], fleet.hosts[-1]
    check(whole(asked, "sold_more")["value"] == sum(numbers), "the sum of all")
    gone.percpud.kill()
    begin = time.monotonic()
    strict = asked.fleet("sum", "sold_more")
    took = time.monotonic() - begin
    check(strict.returncode == UNREACHABLE, f"{strict.returncode}: {strict.stdout} {strict.stderr}")
    check(gone.name in strict.stderr and asked.name not in strict.stderr, strict.stderr)
    check(took < 3, f"it took {took:.1f} s")
    partial = asked.fleet("sum", "sold_more", "--available", "-o", "json")
    said = json.loads(partial.stdout)
    check(partial.returncode == PROBLEM, f"{partial.returncode}: {partial.stderr}")
    check(said["value"] == sum(numbers[:-1]) and said["missing"] == gone.name, f"{said}")
    gone.start_percpud()
    check(whole(asked, "sold_more")["value"] == sum(numbers), "the sum after the host came back")
    fleet.wait_converged(20, "after percpud came back")
    return f"{gone.name} named after {took:.1f} s"


def sum_refused(fleet: Fleet) -> str:
    """11: what is not exported stays, and who has no certificate gets nothing."""
    count(fleet, "secret")
    count(fleet, "sold_openly")
    asked = fleet.hosts[0]
    refused = asked.fleet("sum", "secret")
    check(refused.returncode == REFUSED, f"{refused.returncode}: {refused.stdout}")
    for host in fleet.hosts[1:]:
        check(f"{host.name} (export.families: " in refused.stderr, refused.stderr)
    check(asked.fleet("sum", "nowhere_of_this_name").returncode == REFUSED, "a family that is not exported")
    check("no host has" in asked.fleet("sum", "sold_nowhere").stderr, asked.fleet("sum", "sold_nowhere").stderr)
    host = fleet.hosts[1]
    nobody = fleet.over_tls(host, None, "ping")
    check(nobody.returncode != 0, f"without a certificate: {nobody.stdout}")
    # A viewer's certificate reads what is exported, and changes nothing.
    viewer = fleet.hosts[2].peer
    listed = fleet.over_tls(host, viewer, "family", "list", "-o", "json")
    check("secret" not in listed.stdout and "sold_openly" in listed.stdout, f"{listed.stdout} {listed.stderr}")
    changed = fleet.over_tls(host, viewer, "alloc", "8")
    check(changed.returncode == REFUSED and "client" in changed.stderr, f"{changed.stdout} {changed.stderr}")
    return "named by host and field"


def prometheus(fleet: Fleet) -> str:
    """Sums over hosts are those of a Prometheus that scrapes the targets which an agent names."""
    numbers = count(fleet, "sold_seen")
    for host in fleet.hosts:
        host.start_exporter()
    address = fleet.network.OBSERVER if fleet.network else "127.0.0.1"
    seen = Prometheus(fleet.folder / "prometheus", fleet.hosts[0].folder / "targets.json", fleet.observer_prefix(),
                      address)
    wait_until(lambda: seen.values('sum(up{job="fleet"})') == [len(fleet.hosts)], 20, "every target is scraped")
    for host in fleet.hosts:
        host.hold_counting(go_on=False)
    said = {"sold_seen_total": whole(fleet.hosts[1], "sold_seen")["value"]}
    for name in ("shop_requests_total", "cost_total"):
        said[name] = whole(fleet.hosts[1], "--namespace", "test", name)["value"]
    check(said["sold_seen_total"] == sum(numbers), f"{said}")
    for name, value in said.items():
        wait_until(lambda name=name, value=value: seen.values(f"sum({name})") == [value], 20,
                   f"sum({name}) is {value} in Prometheus, as fleet sum says")
    hosts = seen.values("count(count by (percpud_host) (shop_requests_total))")
    check(hosts == [len(fleet.hosts)], f"Prometheus knows {hosts} hosts")
    for host in fleet.hosts:
        host.hold_counting(go_on=True)
    seen.end()
    for host in fleet.hosts:
        check(host.exporter.end() == 0, f"{host.name}: the exporter's exit status")
        host.exporter = None
    return ", ".join(f"sum({name}) is {value} in both" for name, value in said.items())


class Sums:
    """Strict sums, one after the other, from its making to end()."""

    def __init__(self, host: Host, *words: str) -> None:
        self._host = host
        self._words = words
        self._is_over = threading.Event()
        self.done = 0
        self.failed: list[str] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.is_set():
            said = self._host.fleet("sum", *self._words)
            self.done += 1
            if said.returncode != 0:
                self.failed.append(said.stderr)

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()


def authority_rolled(fleet: Fleet) -> str:
    """12: who vouches for hosts is replaced, and with it every certificate; nobody notices."""
    numbers = count(fleet, "sold_rolled")
    old, new = fleet.peers, Pki(fleet.folder / "rolled", "rolled")
    check(whole(fleet.hosts[0], "sold_rolled")["value"] == sum(numbers), "the sum before")

    def step(change) -> None:
        before = [host.certificates_taken() for host in fleet.hosts]
        for host in fleet.hosts:
            change(host)
        wait_until(lambda: all(now > was for host, had in zip(fleet.hosts, before, strict=True)
                               for now, was in zip(host.certificates_taken(), had, strict=True)),
                   40, "every gateway and agent has taken the new set")

    sums = [Sums(host, "sold_rolled") for host in fleet.hosts[:2]]
    try:
        step(lambda host: host.trust(old, new))
        step(lambda host: host.take_certificates(new))
        step(lambda host: host.trust(new))
        fleet.peers = new
        done = [each.done for each in sums]
        wait_until(lambda: all(each.done > had + 3 for each, had in zip(sums, done, strict=True)), 20, "sums go on")
    finally:
        for each in sums:
            each.end()
    failed = [text for each in sums for text in each.failed]
    check(not failed, f"{len(failed)} sums failed: {failed[:3]}")
    # The old authority's certificates are worth nothing now.
    done = fleet.over_tls(fleet.hosts[1], old.issue("percpud-stranger"), "ping")
    check(done.returncode != 0, f"the old authority's certificate comes in: {done.stdout}")
    return f"{sum(each.done for each in sums)} sums in three steps, none failed"
