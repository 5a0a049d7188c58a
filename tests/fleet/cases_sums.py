# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Cases of reading over hosts: real gateways, mutual TLS, rules of export."""

import json
import subprocess
import time

from children import check, wait_until
from fleet import Fleet
from host import Host

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
    asked = fleet.hosts[0]
    refused = asked.fleet("sum", "secret")
    check(refused.returncode == REFUSED, f"{refused.returncode}: {refused.stdout}")
    for host in fleet.hosts[1:]:
        check(f"{host.name} (export.families: " in refused.stderr, refused.stderr)
    check(asked.fleet("sum", "nowhere_of_this_name").returncode == REFUSED, "a family that is not exported")
    check("no host has" in asked.fleet("sum", "sold_nowhere").stderr, asked.fleet("sum", "sold_nowhere").stderr)
    host = fleet.hosts[1]
    argv = [fleet.binaries / "percpuctl", "--address", host.tls_address, "--ca-file", fleet.pki.ca, "--timeout", "3s"]
    argv = [*(fleet.network.observer_prefix() if fleet.network else []), *argv]
    nobody = subprocess.run([*argv, "ping"], capture_output=True, text=True, check=False)
    check(nobody.returncode != 0, f"without a certificate: {nobody.stdout}")
    # A viewer's certificate reads what is exported, and changes nothing.
    certificate = fleet.hosts[2].certificate
    argv += ["--cert-file", certificate.certificate, "--key-file", certificate.key]
    listed = subprocess.run([*argv, "family", "list", "-o", "json"], capture_output=True, text=True, check=False)
    check("secret" not in listed.stdout and "sold_total" in listed.stdout, f"{listed.stdout} {listed.stderr}")
    changed = subprocess.run([*argv, "alloc", "8"], capture_output=True, text=True, check=False)
    check(changed.returncode == REFUSED and "client" in changed.stderr, f"{changed.stdout} {changed.stderr}")
    return "named by host and field"
