// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// sessions and session end: who was admitted, what they hold, and taking it back.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

bool IsLocal(SessionKind kind) {
  return kind == SessionKind::kLocalReadWrite || kind == SessionKind::kLocalReadOnly ||
         kind == SessionKind::kLocalUnmapped;
}

Value KindName(SessionKind kind) {
  if (IsLocal(kind)) return "local";
  return kind == SessionKind::kRemote ? "remote" : "unknown";
}

// How it maps the arena.
Value ModeName(SessionKind kind) {
  switch (kind) {
    case SessionKind::kLocalReadWrite:
      return "read-write";
    case SessionKind::kLocalReadOnly:
      return "read-only";
    case SessionKind::kLocalUnmapped:
      return "unmapped";
    default:
      return Absent{};
  }
}

absl::StatusOr<Report> Sessions(Session& session) {
  const absl::StatusOr<std::vector<SessionInfo>> sessions = session.client.ListSessions();
  if (!sessions.ok()) return sessions.status();
  return Report{{SessionTable(*sessions)}};
}

absl::StatusOr<Report> End(Session& session, std::uint64_t id) {
  if (absl::Status status = session.client.EndSession(SessionId{id}); !status.ok()) return status;
  return Report{{Fields{.key = "", .title = "", .fields = {{"ended", Count{id}, ""}}}}};
}

}  // namespace

Table SessionTable(const std::vector<SessionInfo>& sessions) {
  Table table{.key = "sessions",
              .title = "",
              .columns = {{"id", "ID"},
                          {"kind", "KIND"},
                          {"pid", "PID"},
                          {"uid", "UID"},
                          {"command", "COMMAND"},
                          {"mode", "MODE"},
                          {"age_seconds", "AGE"},
                          {"bytes", "BYTES"},
                          {"areas", "AREAS"},
                          {"leases", "LEASES"}},
              .rows = {}};
  for (const SessionInfo& each : sessions) {
    table.rows.push_back({Count{percpu::Value(each.id)}, KindName(each.kind), OrAbsent(each.pid),
                          OrAbsent(each.uid), each.command, ModeName(each.kind),
                          Span{absl::ToDoubleSeconds(each.age)}, Size{each.held_bytes},
                          Count{each.areas}, Count{each.leases}});
  }
  return table;
}

Command AddSessions(CLI::App& root) {
  return AddPlain(
      root, "sessions", "Admitted processes, and what each of them holds",
      "PID and UID are the kernel's word as of admission; a remote session has neither.\n"
      "BYTES (of one unit), AREAS and LEASES go back when the session ends.",
      Sessions);
}

Command AddSession(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "session", "End a session");
  CLI::App* end = AddVerb(*parser, "end", "End a session and take back what it owns");
  end->footer(
      "For operators. Variables stay: they belong to nobody.\n"
      "  $ percpuctl session end 7\n"
      "  ended : 7");
  const auto id = std::make_shared<std::uint64_t>(0);
  end->add_option("ID", *id, "Of the session, as sessions shows it")->option_text(" ")->required();
  return {.parser = parser, .run = [id](Session& session) { return End(session, *id); }};
}

}  // namespace percpu::cli
