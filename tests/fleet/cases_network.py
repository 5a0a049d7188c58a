# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Cases that cut links, or take longer."""

import json
import time

from cases_sums import UNREACHABLE, count, whole
from children import check, hold_for, wait_until
from fleet import PREFIX, Fleet, processor_seconds, resident_mib


def member_cut(fleet: Fleet) -> str:
    """4: the member that an agent uses is cut off from everybody."""
    before = fleet.create_revisions()
    host = fleet.hosts[0]
    used = host.fleet_json("status")["etcd"]
    node = next(node for node in fleet.etcd.nodes if node.client_url == used)
    fleet.network.cut(node.name)
    took = wait_until(lambda: host.fleet_json("status")["etcd"] != used and not host.is_stale(), 2 * fleet.ttl,
                      "the agent uses another member")
    hold_for(lambda: all("lost" not in each.states().values() for each in fleet.hosts), fleet.ttl, "no host is lost")
    fleet.network.heal(node.name)
    wait_until(lambda: fleet.etcd.try_control("endpoint", "health") is not None, 30, "the member is back")
    check(fleet.create_revisions() == before, "a record was deleted")
    return f"another member after {took:.1f} s, no record deleted"


def host_cut(fleet: Fleet) -> str:
    """5: a host is cut off for three TTL."""
    host, other = fleet.hosts[0], fleet.hosts[1]
    incarnation = other.incarnation(host.name)
    begin = time.monotonic()
    fleet.network.cut(host.name)
    lost = wait_until(lambda: other.states().get(host.name) == "lost", 2 * fleet.ttl + 5, "the host is lost")
    wait_until(host.is_stale, 15, "the host says that its view is stale")
    check(sorted(host.states()) == fleet.names(), "the host has forgotten others")
    left = 3 * fleet.ttl - (time.monotonic() - begin)
    hold_for(lambda: host.control("ping").returncode == 0, max(left, 0.1), "percpud answers on its host")
    fleet.network.heal(host.name)
    back = wait_until(lambda: other.states().get(host.name) == "up", 15, "the host is up again")
    check(other.incarnation(host.name) == incarnation, "it is another incarnation")
    fleet.wait_converged(20, "after healing")
    return f"lost {lost:.1f} s after the cut (TTL {fleet.ttl} s), up {back:.1f} s after healing"


def asymmetric_cut(fleet: Fleet) -> str:
    """6: a host that reaches etcd and no other host; then the others, and not etcd."""
    host, other = fleet.hosts[1], fleet.hosts[0]
    others = [each.name for each in fleet.hosts if each is not host]
    numbers = count(fleet, "sold_split")
    check(whole(other, "sold_split")["value"] == sum(numbers), "the sum of all")
    fleet.network.cut_from(host.name, others)
    begin = time.monotonic()
    wait_until(lambda: other.fleet("sum", "sold_split").returncode == UNREACHABLE, 5, "a strict sum fails")
    named = time.monotonic() - begin
    begin = time.monotonic()
    strict = other.fleet("sum", "sold_split")
    took = time.monotonic() - begin
    check(host.name in strict.stderr and not any(name in strict.stderr for name in others), strict.stderr)
    check(took < 2, f"a strict sum took {took:.1f} s to fail")
    partial = json.loads(other.fleet("sum", "sold_split", "--available", "-o", "json").stdout)
    check(partial["value"] == sum(numbers) - numbers[1] and partial["missing"] == host.name, f"{partial}")
    own = json.loads(host.fleet("sum", "sold_split", "--available", "-o", "json").stdout)
    check(own["value"] == numbers[1] and own["missing"].split() == others, f"{own}")
    hold_for(lambda: other.states()[host.name] == "up" and not host.is_stale(), 2 * fleet.ttl,
             "it is up, for etcd hears it")
    fleet.network.heal_from(host.name, others)
    check(whole(other, "sold_split")["value"] == sum(numbers), "the sum after healing")

    incarnation, epoch = other.incarnation(host.name), other.epoch()
    fleet.network.cut_from(host.name, fleet.network.nodes())
    lost = wait_until(lambda: other.states()[host.name] == "lost", 3 * fleet.ttl + 5, "it is lost")
    check(other.epoch() == epoch, "a host that is lost keeps its keys")
    check(whole(other, "sold_split")["value"] == sum(numbers), "a host that is lost is summed")
    check(whole(host, "sold_split")["value"] == sum(numbers), "and sums")
    wait_until(host.is_stale, 15, "the host says that its view is stale")
    fleet.network.heal_from(host.name, fleet.network.nodes())
    back = wait_until(lambda: other.states()[host.name] == "up", 15, "it is up again")
    check(other.incarnation(host.name) == incarnation, "it is another incarnation")
    fleet.wait_converged(20, "after healing")
    return (f"without its peers: up, missing after {named:.1f} s, a sum fails in {took:.2f} s; "
            f"without etcd: lost after {lost:.1f} s and summed, up {back:.1f} s after healing")


def sixth_host(fleet: Fleet) -> str:
    """10: five hosts and one more."""
    asked = fleet.hosts[0]
    keys = [f"k{i}" for i in range(40)]

    def places() -> dict[str, str]:
        return {key: asked.fleet("place", key).stdout.strip() for key in keys}

    before = places()
    sixth = fleet.make_host("h9")
    sixth.start_percpud()
    sixth.start_agent()
    wait_until(lambda: asked.states().get("h9") == "up", 20, "the sixth host is there")
    after = places()
    moved = [key for key in keys if before[key] != after[key]]
    check(all(after[key] == "h9" for key in moved), "a key has moved between old hosts")
    share = len(moved) / len(keys)
    check(abs(share - 1 / (len(fleet.hosts) + 1)) < 0.17, f"{share:.3f} of the keys have moved")
    sixth.agent.end()
    sixth.percpud.end()
    wait_until(lambda: places() == before, 10, "keys are where they were")
    return f"{len(moved)} of {len(keys)} keys moved, all to the sixth"


def certificates(fleet: Fleet) -> str:
    """12: a host's certificate is replaced; files that are bad meanwhile change nothing."""
    host = fleet.hosts[0]
    good = host.certificate.certificate.read_text(), host.certificate.key.read_text()
    host.certificate.certificate.write_text("")
    wait_until(lambda: "certificate" in host.fleet("status").stderr, 30, "the bad file is named")
    check(host.is_whole() and host.states()[host.name] == "up", "the last good certificate serves")
    fresh = fleet.pki.issue(f"percpud-{host.name}", file="fresh")
    host.certificate.key.write_text(fresh.key.read_text())
    host.certificate.certificate.write_text(fresh.certificate.read_text())
    wait_until(lambda: host.fleet("status").returncode == 0, 30, "the new certificate is taken")
    check(good[0] != fresh.certificate.read_text(), "the certificate is the old one")
    fleet.wait_converged(10, "after the certificate")
    return "an empty file was survived, and the new certificate taken"


def many_hosts(fleet: Fleet, count: int = 1000) -> str:
    """14: a thousand records that nobody keeps alive."""
    host = fleet.hosts[0]
    record = json.dumps({"incarnation": "x", "boot_id": "y", "addresses": ["tls:made-up.example:7331"], "weight": 1,
                         "version": "0.1.0", "serving": "SERVING_UP", "labels": {"zone": "z" * 60}})
    for first in range(0, count, 100):
        puts = "".join(f"put {PREFIX}hosts/m{i} {json.dumps(record)}\n" for i in range(first, first + 100))
        fleet.etcd.transact(puts)
    wait_until(lambda: len(host.states()) == count + len(fleet.hosts), 20, "the view has them all")
    begin, used = time.monotonic(), processor_seconds(host.agent)
    hold_for(lambda: host.agent.is_alive(), 10, "the agent lives")
    share = (processor_seconds(host.agent) - used) / (time.monotonic() - begin)
    begin = time.monotonic()
    host.fleet("hosts", "-o", "json")
    listed = time.monotonic() - begin
    memory = resident_mib(host.agent)
    fleet.etcd.control("del", "--prefix", f"{PREFIX}hosts/m")
    check(memory < 40, f"the agent has {memory:.0f} MiB")
    check(share < 0.02, f"the agent takes {100 * share:.1f} % of a processor")
    wait_until(lambda: host.view().get("mass_loss"), 10, "the loss of them all at once is not believed")
    for each in fleet.hosts:
        each.restart_agent_anew()
    fleet.wait_converged(20, "after the thousand")
    return f"{memory:.0f} MiB, {100 * share:.1f} % of a processor, listed by percpuctl in {1000 * listed:.0f} ms"
