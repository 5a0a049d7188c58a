// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/audit.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "percpu/client.h"

namespace percpu::chaos {
namespace {

// A session that was committed just before the daemon died may be one that nobody was told
// of: it is gone when its window has passed.
constexpr absl::Duration kPatience = absl::Seconds(kResumeSeconds + 15);

// What the daemon says, in one go.
struct Told {
  // [pointer] -> size.
  std::map<std::uint64_t, std::uint64_t> areas;
  std::map<std::string, std::uint64_t> variables;
  std::set<std::uint64_t> sessions;
  std::vector<LeaseInfo> leases;
  std::vector<CheckedPart> checked;
};

absl::StatusOr<Told> AskAll(Client& client) {
  Told told;
  const auto chunks = client.ListChunks();
  if (!chunks.ok()) return chunks.status();
  for (const ChunkInfo& chunk : *chunks) {
    if (chunk.kind == ChunkKind::kLeased) continue;
    const auto map = client.ListAreas(chunk.id);
    // It may have gone since the list was made.
    if (map.status().code() == absl::StatusCode::kNotFound) continue;
    if (!map.ok()) return map.status();
    for (const AreaInfo& area : map->areas) told.areas[Value(area.pointer)] = area.size_bytes;
  }
  const auto variables = client.ListVariables();
  const auto sessions = client.ListSessions();
  auto leases = client.ListLeases();
  auto checked = client.Check();
  for (const absl::Status& status :
       {variables.status(), sessions.status(), leases.status(), checked.status()}) {
    if (!status.ok()) return status;
  }
  for (const Variable& variable : *variables) {
    told.variables[variable.name] = Value(variable.pointer);
  }
  for (const SessionInfo& session : *sessions) {
    if (!session.is_left) told.sessions.insert(Value(session.id));
  }
  told.leases = *std::move(leases);
  told.checked = *std::move(checked);
  return told;
}

class Auditor {
 public:
  Auditor(Shadow& shadow, Client& client) : shadow_(shadow), client_(client) {}

  int Run() {
    // The ends of clients that were killed take the daemon a while.
    absl::StatusOr<Told> told = AskAll(client_);
    const absl::Time deadline = absl::Now() + kPatience;
    const absl::Time soon = absl::Now() + kPatience / 2;
    bool said = false;
    bool settled = told.ok() && IsSettled(*told);
    while (told.ok() && !settled && absl::Now() < deadline) {
      if (!said && absl::Now() > soon) SayWhatStays(*told);
      said = absl::Now() > soon;
      absl::SleepFor(absl::Milliseconds(5));
      told = AskAll(client_);
      settled = told.ok() && IsSettled(*told);
    }
    if (!told.ok()) {
      absl::FPrintF(stderr, "audit: %s\n", told.status().ToString());
      return 1;
    }
    for (const Desk& desk : shadow_.desks) CheckDesk(desk, *told);
    // Sessions may have ended since they were asked for, and their areas with them.
    if (!settled) ReportLeaks(*told);
    CheckSum();
    for (const CheckedPart& part : told->checked) {
      if (!part.problem.empty()) Report(Fault::kBroken, part.part + ": " + part.problem);
    }
    return 0;
  }

 private:
  void Report(Fault fault, const std::string& what) { shadow_.Report(fault, "audit: " + what); }

  // Areas that are granted, and not of the shadow.
  std::vector<std::uint64_t> Unknown(const Told& told) {
    std::set<std::uint64_t> known;
    for (const Desk& desk : shadow_.desks) {
      for (std::size_t i = 0; i < desk.held; ++i) known.insert(desk.areas.at(i).pointer);
    }
    for (const auto& [name, pointer] : told.variables) known.insert(pointer);
    std::vector<std::uint64_t> unknown;
    for (const auto& [pointer, size] : told.areas) {
      if (known.contains(pointer)) continue;
      const std::uint64_t owner = OwnerOf(pointer);
      if (owner == 0 || !shadow_.MayWait(owner)) unknown.push_back(pointer);
    }
    return unknown;
  }
  // 0 if it is no session's.
  std::uint64_t OwnerOf(std::uint64_t pointer) {
    const auto owner = client_.Resolve(Pointer{pointer});
    return owner.ok() && owner->session.has_value() ? Value(*owner->session) : 0;
  }
  std::uint64_t Uncertain() {
    std::uint64_t sum = 0;
    for (const Desk& desk : shadow_.desks) sum += desk.uncertain;
    return sum;
  }
  std::set<std::uint64_t> StrangeSessions(const Told& told) {
    std::set<std::uint64_t> strange = told.sessions;
    for (const Desk& desk : shadow_.desks) strange.erase(desk.session);
    std::erase_if(strange, [&](std::uint64_t session) { return shadow_.MayWait(session); });
    return strange;
  }
  void SayWhatStays(const Told& told) {
    const auto sessions = client_.ListSessions();
    for (const std::uint64_t id : StrangeSessions(told)) {
      for (const SessionInfo& session : sessions.value_or(std::vector<SessionInfo>())) {
        if (Value(session.id) != id) continue;
        absl::FPrintF(stderr, "audit: session %d of process %d stays, %s old, with %d areas\n", id,
                      session.pid.value_or(0), absl::FormatDuration(session.age), session.areas);
      }
    }
    absl::FPrintF(stderr, "audit: %d areas stay, %d are uncertain\n", Unknown(told).size(),
                  Uncertain());
  }
  bool IsSettled(const Told& told) {
    return Unknown(told).size() <= Uncertain() && StrangeSessions(told).empty();
  }
  void ReportLeaks(const Told& told) {
    for (const std::uint64_t session : StrangeSessions(told)) {
      Report(Fault::kLeaked, absl::StrCat("session ", session, " goes on, whose client has ended"));
    }
    const std::vector<std::uint64_t> unknown = Unknown(told);
    if (unknown.size() <= Uncertain()) return;
    for (const std::uint64_t pointer : unknown) {
      Report(Fault::kLeaked, absl::StrFormat("%#x of session %d", pointer, OwnerOf(pointer)));
    }
  }

  void CheckDesk(const Desk& desk, const Told& told) {
    const auto slot = &desk - shadow_.desks.data();
    if (!told.sessions.contains(desk.session)) {
      Report(Fault::kLost, absl::StrCat("session ", desk.session.load()));
    }
    for (std::size_t i = 0; i < desk.held; ++i) CheckArea(desk, desk.areas.at(i), told);
    for (std::size_t i = 0; i < kNames; ++i) {
      const OutlivingArea& name = desk.names.at(i);
      const auto found = told.variables.find(absl::StrCat("slot-", slot, ".", i));
      if ((name.standing == Standing::kThere) != (found != told.variables.end())) {
        Report(name.standing == Standing::kThere ? Fault::kLost : Fault::kLeaked,
               absl::StrCat("slot-", slot, ".", i));
      } else if (found != told.variables.end() && found->second != name.area.pointer) {
        Report(Fault::kLost, found->first + " is elsewhere");
      }
    }
  }
  void CheckArea(const Desk& desk, const HeldArea& area, const Told& told) {
    const auto found = told.areas.find(area.pointer);
    if (found == told.areas.end() || found->second < area.size_bytes) {
      Report(Fault::kLost, absl::StrFormat("%#x+%d", area.pointer, area.size_bytes));
      return;
    }
    // Asking for each would take too long.
    constexpr std::uint64_t kOneOf = 16;
    if (area.stamp % kOneOf != 0) return;
    if (OwnerOf(area.pointer) != desk.session) {
      Report(Fault::kLost,
             absl::StrFormat("%#x is not session %d's", area.pointer, desk.session.load()));
    }
  }

  void CheckSum() {
    std::uint64_t made = 0;
    std::uint64_t begun = 0;
    for (const Desk& desk : shadow_.desks) {
      made += desk.adds_made;
      begun += desk.adds_begun;
    }
    const auto counter = client_.OpenVariable({.name = "adds"});
    if (!counter.ok()) {
      if (made > 0) Report(Fault::kLost, "the counter: " + counter.status().ToString());
      return;
    }
    const auto sum = client_.Sum(counter->variable.pointer);
    if (!sum.ok() || static_cast<std::uint64_t>(*sum) < made ||
        static_cast<std::uint64_t>(*sum) > begun) {
      Report(Fault::kLost,
             absl::StrCat("the counter has ", sum.value_or(-1), ", of ", made, " to ", begun));
    }
  }

  Shadow& shadow_;
  Client& client_;
};

}  // namespace

int Audit(Shadow& shadow, const std::string& address) {
  CallOptions options;
  options.deadline = kPatience;
  auto client = Client::Connect(address, options);
  return client.ok() ? Auditor(shadow, *client).Run() : 1;
}

}  // namespace percpu::chaos
