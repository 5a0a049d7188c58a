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

bool IsLocal(v1::SessionKind kind) {
  return kind == v1::SESSION_KIND_LOCAL_READ_WRITE || kind == v1::SESSION_KIND_LOCAL_READ_ONLY ||
         kind == v1::SESSION_KIND_LOCAL_UNMAPPED;
}

Value KindName(v1::SessionKind kind) {
  if (IsLocal(kind)) return "local";
  return kind == v1::SESSION_KIND_REMOTE ? "remote" : "unknown";
}

// How it maps the arena.
Value ModeName(v1::SessionKind kind) {
  switch (kind) {
    case v1::SESSION_KIND_LOCAL_READ_WRITE:
      return "read-write";
    case v1::SESSION_KIND_LOCAL_READ_ONLY:
      return "read-only";
    case v1::SESSION_KIND_LOCAL_UNMAPPED:
      return "unmapped";
    default:
      return Absent{};
  }
}

absl::StatusOr<Report> Sessions(Session& session) {
  const absl::StatusOr<std::vector<v1::Session>> sessions = session.client.Sessions();
  if (!sessions.ok()) return sessions.status();
  return Report{{SessionTable(*sessions)}};
}

absl::StatusOr<Report> End(Session& session, std::uint64_t id) {
  if (absl::Status status = session.client.EndSession(id); !status.ok()) return status;
  return Report{{Fields{.key = "", .title = "", .fields = {{"ended", Count{id}, ""}}}}};
}

}  // namespace

Table SessionTable(const std::vector<v1::Session>& sessions) {
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
  for (const v1::Session& each : sessions) {
    table.rows.push_back({Count{each.session_id()}, KindName(each.kind()),
                          each.has_pid() ? Value(Count{each.pid()}) : Absent{},
                          each.has_uid() ? Value(Count{each.uid()}) : Absent{}, each.command(),
                          ModeName(each.kind()), Span{ToSeconds(each.age())},
                          Size{each.held_bytes()}, Count{each.areas()}, Count{each.leases()}});
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
