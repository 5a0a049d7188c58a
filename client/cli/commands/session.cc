// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// session list and session end: who was admitted, what they hold, and taking it back.

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

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

// How it maps the arena; Absent for one that does not.
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

// All in one column: only a local session has a mode, and one that was left uses none.
Value KindAndMode(const SessionInfo& session) {
  if (session.is_left) return "left";
  return IsLocal(session.kind) ? ModeName(session.kind) : KindName(session.kind);
}

absl::StatusOr<Report> Sessions(Context& context) {
  const absl::StatusOr<std::vector<SessionInfo>> sessions = context.client.ListSessions();
  if (!sessions.ok()) return sessions.status();
  return Report{{SessionTable(*sessions)}};
}

absl::StatusOr<Report> End(Context& context, std::uint64_t id) {
  if (absl::Status status = context.client.EndSession(SessionId{id}); !status.ok()) return status;
  return Report{{Fields{.key = "", .title = "", .fields = {{"ended", Count{id}, ""}}}}};
}

}  // namespace

Table SessionTable(const std::vector<SessionInfo>& sessions) {
  Table table{.key = "sessions",
              .title = "",
              .columns = {{"id", "ID"},
                          {"state", ""},
                          {"kind", ""},
                          {"", "KIND"},
                          {"pid", "PID"},
                          {"uid", "UID"},
                          {"command", "COMMAND"},
                          {"mode", ""},
                          {"age_seconds", "AGE"},
                          {"bytes", "BYTES"},
                          {"areas", "AREAS"},
                          {"leases", "LEASES"}},
              .rows = {}};
  for (const SessionInfo& each : sessions) {
    table.rows.push_back({Count{percpu::Value(each.id)}, each.is_left ? "left" : "live",
                          KindName(each.kind), KindAndMode(each), OrAbsent(each.pid),
                          OrAbsent(each.uid), each.command, ModeName(each.kind),
                          Span{absl::ToDoubleSeconds(each.age)}, Size{each.held_bytes},
                          Count{each.areas}, Count{each.leases}});
  }
  return table;
}

Commands AddSession(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "session", "Admitted processes: list them, end one");
  Command list =
      AddPlain(noun, "list", "Admitted processes, and what each of them holds",
               "KIND is how a local session maps the arena, or remote. PID and UID are the\n"
               "kernel's word as of admission; a remote session has neither. BYTES (of one\n"
               "unit), AREAS and LEASES go back when the session ends. One that was left can do\n"
               "nothing any more, and counts against the limits of sessions: its process has\n"
               "ended, or has not come back in time, and what it had opened is kept for that\n"
               "process, or for children that have its connection.",
               Sessions);
  CLI::App* end = AddCommand(noun, "end", "End a session and take back what it owns");
  end->footer(
      "For operators. Variables stay: they belong to nobody.\n"
      "  $ percpuctl session end 7\n"
      "  ended : 7");
  const auto id = std::make_shared<std::uint64_t>(0);
  end->add_option("ID", *id, "The session's id, as session list shows it")
      ->option_text(" ")
      ->transform(AsCount(1, std::numeric_limits<std::uint64_t>::max()))
      ->required();
  return {std::move(list),
          {.parser = end, .run = [id](Context& context) { return End(context, *id); }}};
}

}  // namespace percpu::cli
