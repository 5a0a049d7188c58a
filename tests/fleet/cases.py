# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
"""Cases that need no network of their own. Each gets a fleet that is whole, and leaves it so."""

import json
import signal

from children import Failed, check, hold_for, wait_until
from fleet import PREFIX, Fleet

KEYS = [f"shard/{i}" for i in range(30)]


def start(fleet: Fleet) -> str:
    """1: agents first, etcd after them."""
    for host in fleet.hosts:
        host.start()
    for host in fleet.hosts:
        wait_until(lambda host=host: host.fleet_json("status"), 20, f"{host.name}: the agent answers without etcd")
        check(host.fleet("status").returncode == 3, f"{host.name}: a status without etcd is a problem")
        check(host.is_stale(), f"{host.name}: a view without etcd is stale")
    fleet.etcd.start_all()
    took = fleet.wait_converged(10, "after etcd's start")
    for host in fleet.hosts:
        check(host.fleet("status").returncode == 0, f"{host.name}: {host.fleet('status').stdout}")
        check(not host.is_stale(), f"{host.name}: its view is stale")
    return f"all up {took:.1f} s after etcd took writes"


def quiet(fleet: Fleet) -> str:
    """What an addition costs while nothing goes wrong: other cases are held against it."""
    before = fleet.costs()
    wait_until(lambda: all(len(now) > len(was) + 30 for was, now in zip(before, fleet.costs(), strict=True)), 60,
               "additions are timed")
    fleet.take_quiet_cost(before)
    return f"an addition costs {fleet.quiet_cost:.2f} of one to a variable of the process"


def leader_killed(fleet: Fleet, times: int = 2) -> str:
    """3: etcd's leader is killed, again and again."""
    before = fleet.create_revisions()
    slowest = 0.0
    for _ in range(times):
        leader = fleet.etcd.leader()
        leader.child.kill()
        slowest = max(slowest, fleet.etcd.wait_writable(10))
        fleet.etcd.start(leader)
        wait_until(lambda: fleet.etcd.try_control("endpoint", "health") is not None, 20, "the member is back")
        for host in fleet.hosts:
            check("lost" not in host.states().values(), f"{host.name}: a host was lost")
    fleet.wait_converged(20, "after the leaders")
    check(fleet.create_revisions() == before, "a record was deleted")
    return f"{times} leaders; writable again within {slowest:.1f} s, no record deleted"


def etcd_killed(fleet: Fleet) -> str:
    """7: all of etcd is killed for two TTL."""
    epoch = fleet.hosts[0].epoch()
    fleet.etcd.kill_all()
    for host in fleet.hosts:
        wait_until(host.is_stale, 10, f"{host.name}: says that its view is stale")

    def as_it_was() -> bool:
        return all(host.epoch() == epoch and "lost" not in host.states().values() for host in fleet.hosts)

    hold_for(as_it_was, 2 * fleet.ttl, "nobody is forgotten, and placement stays")
    fleet.check_whole("without etcd")
    for host in fleet.hosts:
        check(host.control("ping").returncode == 0, f"{host.name}: percpud answers without etcd")
    fleet.etcd.start_all()
    took = fleet.wait_converged(10, "after etcd came back")
    check(fleet.hosts[0].epoch() == epoch, "the epoch has changed")
    wait_until(lambda: not any(host.is_stale() for host in fleet.hosts), 10, "no view is stale")
    return f"views stayed; whole again {took:.1f} s after etcd took writes"


def agent_starts_without_etcd(fleet: Fleet) -> str:
    """6.4: an agent begins from its stored view."""
    host = fleet.hosts[1]
    epoch = host.epoch()
    placed = [host.fleet("place", key).stdout for key in KEYS[:5]]
    fleet.etcd.kill_all()
    host.restart_agent()
    wait_until(lambda: host.fleet_json("hosts"), 20, "the agent answers")
    shown = host.fleet_json("hosts")
    check([each["name"] for each in shown["hosts"]] == fleet.names(), f"the stored view has {shown}")
    check(shown["stale_seconds"] is not None, "the stored view is not stale")
    check(shown["epoch"] == epoch, f"the stored view is of epoch {shown['epoch']}, not {epoch}")
    check([host.fleet("place", key).stdout for key in KEYS[:5]] == placed, "keys are placed elsewhere")
    fleet.etcd.start_all()
    fleet.wait_converged(10, "after etcd came back")
    return "hosts and places are those of the stored view"


def compaction(fleet: Fleet) -> str:
    """13: what a watch waits for is compacted away."""
    host = fleet.hosts[2]
    host.freeze_agent()
    for i in range(3):
        fleet.etcd.control("put", f"{PREFIX}variables/v{i}", "{}")
    fleet.etcd.control("put", f"{PREFIX}drain/h1", '{"by": "etcdctl"}')
    fleet.etcd.control("compact", str(fleet.etcd.revision()))
    host.thaw_agent()
    took = wait_until(lambda: host.is_drained("h1"), 10, "the view has what was compacted")
    fleet.etcd.control("del", f"{PREFIX}drain/h1")
    fleet.wait_converged(20, "after compaction")
    return f"view right {took:.1f} s after the agent went on"


def agents_killed(fleet: Fleet, rounds: int = 2) -> str:
    """8: agents are killed, and are back within the TTL."""
    before = fleet.create_revisions()
    for _ in range(rounds):
        for host in fleet.hosts:
            host.restart_agent()
            wait_until(lambda host=host: host.fleet_json("status").get("registered"), fleet.ttl,
                       f"{host.name}: registered again within its lease")
    check(fleet.create_revisions() == before, "a record was deleted")
    fleet.wait_converged(10, "after the agents")
    return f"{rounds * len(fleet.hosts)} kills, no record deleted"


def agent_frozen(fleet: Fleet) -> str:
    """5, without a network: an agent that is not heard for longer than its lease."""
    host, other = fleet.hosts[0], fleet.hosts[1]
    incarnation = other.incarnation(host.name)
    epoch = other.epoch()
    host.freeze_agent()
    lost = wait_until(lambda: other.states().get(host.name) == "lost", 3 * fleet.ttl + 5, "the host is lost")
    check(other.epoch() == epoch, "a host that is lost keeps its keys")
    host.thaw_agent()
    back = wait_until(lambda: other.states().get(host.name) == "up", 5, "the host is up again")
    check(other.incarnation(host.name) == incarnation, "it is another incarnation")
    fleet.wait_converged(20, "after the thaw")
    return f"lost after {lost:.1f} s (TTL {fleet.ttl} s), up {back:.1f} s after it went on"


def percpud_killed(fleet: Fleet, times: int = 3) -> str:
    """9: percpud is killed; the record says so, and stays."""
    before = fleet.create_revisions()
    host, other = fleet.hosts[1], fleet.hosts[0]
    down = up = 0.0
    for _ in range(times):
        host.percpud.kill()
        down = max(down, wait_until(lambda: other.states().get("h1") == "down", 5, "percpud is shown to be down"))
        host.start_percpud()
        up = max(up, wait_until(lambda: other.states().get("h1") == "up", 20, "percpud is shown to be back"))
    check(fleet.create_revisions() == before, "a record was deleted")
    return f"{times} kills; shown after {down:.1f} s, and {up:.1f} s after the next start"


def drain(fleet: Fleet) -> str:
    """10: the keys of a drained host move, and no others."""
    asked, drained = fleet.hosts[0], fleet.hosts[2].name

    def places() -> dict[str, str]:
        return {key: asked.fleet("place", key).stdout.strip() for key in KEYS}

    before = places()
    check(set(before.values()) == set(fleet.names()), f"keys are on {set(before.values())}")
    done = asked.fleet("drain", drained, "--reason", "disk")
    check(done.returncode == 0, done.stderr)
    for host in fleet.hosts:
        wait_until(lambda host=host: host.is_drained(drained), 5, "the mark is seen")
    after = places()
    check(drained not in after.values(), "a drained host takes keys")
    check(all(after[key] == before[key] for key in KEYS if before[key] != drained), "another host's key has moved")
    mark = json.loads(fleet.etcd.control("get", f"{PREFIX}drain/{drained}", "--print-value-only"))
    check(mark["reason"] == "disk" and mark["by"], f"the mark is {mark}")
    check(asked.fleet("undrain", drained).returncode == 0, "undrain")
    wait_until(lambda: places() == before, 10, "keys are where they were")
    check(asked.fleet("undrain", drained).returncode == 1, "a second undrain is refused")
    check(asked.fleet("drain", "a/b").returncode == 1, "a name that no host can have is refused")
    return f"{sum(place == drained for place in before.values())} of {len(KEYS)} keys moved, and back"


def duplicate(fleet: Fleet) -> str:
    """11: a second host with the name of another."""
    twin = fleet.make_host("twin")
    twin.name = "h0"
    twin.start_percpud()
    twin.start_agent()
    wait_until(lambda: "another host has this one's name" in twin.fleet("status").stdout, 20, "the second is refused")
    status = twin.fleet("status")
    check(status.returncode == 3, "its status is a problem")
    first = fleet.hosts[0].incarnation("h0")
    check(first in status.stdout, f"the refusal names the first one: {status.stdout}")
    twin.agent.end()
    twin.percpud.end()
    fleet.wait_converged(5, "after the twin")
    return "refused, and both are named"


def leaves(fleet: Fleet) -> str:
    """6.3: a host that is stopped leaves, one whose agent is restarted does not."""
    guest = fleet.make_host("guest")
    guest.start_percpud()
    guest.start_agent()
    watcher = fleet.hosts[0]
    wait_until(lambda: watcher.states().get("guest") == "up", 20, "the guest is there")
    created = fleet.etcd.key(f"{PREFIX}hosts/guest")["create_revision"]
    for number, option in ((signal.SIGUSR1, "--keep-record"), (signal.SIGTERM, "--keep-record=false")):
        check(guest.agent.end(number) == 0, "the exit status")
        guest.start_agent(option)
        wait_until(lambda: guest.fleet_json("status").get("registered"), fleet.ttl, "the guest is registered again")
        check(fleet.etcd.key(f"{PREFIX}hosts/guest")["create_revision"] == created,
              f"a restart by {number.name} deleted the record")
    check(guest.agent.end(signal.SIGTERM) == 0, "the exit status")
    took = wait_until(lambda: "guest" not in watcher.states(), 2, "the guest is forgotten")
    check(fleet.etcd.key(f"{PREFIX}hosts/guest") is None, "its record is left in etcd")
    guest.percpud.end()
    return f"forgotten {took:.2f} s after it left"


def files(fleet: Fleet) -> str:
    """What agents write: the view, and targets for Prometheus."""
    host = fleet.hosts[0]
    wanted = [{"targets": [each.metrics_address],
               "labels": {"percpud_fleet": "test", "percpud_host": each.name, "zone": "z1"}} for each in fleet.hosts]
    targets = host.folder / "targets.json"
    wait_until(lambda: json.loads(targets.read_text()) == wanted, 5, f"the file of targets: {targets.read_text()}")
    check(json.loads(host.fleet("targets").stdout) == wanted, "percpuctl prints other targets")
    check(host.view()["hosts"][0]["record"]["layout"]["cpus"] == 4, "the layout in the record")
    shown = host.fleet_json("hosts")
    check({each["name"]: each["state"] for each in shown["hosts"]} == host.states(), "percpuctl shows other hosts")
    check(shown["epoch"] == host.epoch(), "percpuctl shows another epoch")
    where = host.fleet_json("where", "h1")
    check(where["label_zone"] == "z1" and where["incarnation"] == host.incarnation("h1"), f"where says {where}")
    check(host.fleet("where", "nowhere").returncode == 1, "a host that is not there is refused")
    return "view.json and targets.json are right, and what percpuctl says"


def garbage(fleet: Fleet) -> str:
    """What others write into etcd harms nobody."""
    for key, value in (("hosts/bad", "{"), ("hosts/bad2", ""), ("hosts/a/b", "x"), ("drain/h1", "?"), ("x", "y")):
        fleet.etcd.control("put", f"{PREFIX}{key}", value)
    host = fleet.hosts[0]
    wait_until(lambda: host.is_drained("h1"), 5, "a mark that cannot be read is a mark")
    fleet.etcd.control("del", f"{PREFIX}drain/h1")
    fleet.etcd.control("del", f"{PREFIX}hosts/h1")
    wait_until(lambda: fleet.etcd.key(f"{PREFIX}hosts/h1"), 5, "a record that was deleted is put again")
    for key in ("hosts/bad", "hosts/bad2", "hosts/a/b", "x"):
        fleet.etcd.control("del", f"{PREFIX}{key}")
    fleet.wait_converged(10, "after garbage")
    fleet.check_whole("after garbage")
    return "passed over; a deleted record is put again"


def etcd_frozen(fleet: Fleet) -> str:
    """7: all members stop for two TTL, and go on: the old leader lets every lease expire."""
    epoch = fleet.hosts[0].epoch()
    fleet.etcd.signal_all(signal.SIGSTOP)
    hold_for(lambda: all(host.epoch() == epoch for host in fleet.hosts), 2 * fleet.ttl, "placement stays")
    fleet.etcd.signal_all(signal.SIGCONT)
    hold_for(lambda: all(host.epoch() == epoch for host in fleet.hosts), fleet.ttl, "placement stays after the thaw")
    took = fleet.wait_converged(20, "after the thaw")
    return f"placement stayed; whole {fleet.ttl + took:.1f} s after the thaw"


def etcd_wiped(fleet: Fleet) -> str:
    """7: all data of etcd is gone."""
    epoch = fleet.hosts[0].epoch()
    revision = fleet.etcd.revision()
    fleet.etcd.kill_all()
    fleet.etcd.wipe()
    fleet.etcd.start_all()
    took = fleet.wait_converged(10, "after the wipe")
    check(fleet.hosts[0].epoch() == epoch, "the epoch has changed")
    check(fleet.etcd.revision() < revision, "the revision went back")
    return f"registered again {took:.1f} s after the new etcd took writes"


def etcd_restored(fleet: Fleet) -> str:
    """13: etcd begins again with an older snapshot."""
    snapshot = fleet.folder / "snapshot.db"
    snapshot.unlink(missing_ok=True)
    if fleet.etcd.try_control("snapshot", "save", str(snapshot), node=fleet.etcd.running()[0]) is None:
        raise Failed("etcdctl takes no snapshot")
    for i in range(100):
        fleet.etcd.control("put", "/test/later", str(i))
    fleet.etcd.control("put", f"{PREFIX}drain/h1", "{}")
    wait_until(lambda: fleet.hosts[0].is_drained("h1"), 5, "the mark is seen")
    fleet.etcd.kill_all()
    fleet.etcd.restore(snapshot)
    fleet.etcd.start_all()
    took = wait_until(lambda: not any(host.is_drained("h1") for host in fleet.hosts), 10,
                      "views are as the snapshot")
    fleet.wait_converged(15, "after the restore")
    return f"views right {took:.1f} s after etcd took writes"
