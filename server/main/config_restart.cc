// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

void CheckPath(absl::string_view field, absl::string_view path, ConfigErrors& errors) {
  if (!path.empty() && path[0] == '/') return;
  errors.Add(field, absl::StrCat("\"", path, "\" is no absolute path"));
}

}  // namespace

void TakeRestart(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors) {
  absl::string_view arena = config.arena();
  if (absl::ConsumePrefix(&arena, "file:")) {
    CheckPath("arena", arena, errors);
    out.arena_file = std::string(arena);
    out.catalog = absl::StrCat(arena, ".catalog");
  } else if (!arena.empty() && arena != "memfd") {
    errors.Add("arena", absl::StrCat("\"", arena, "\" is neither memfd nor file:PATH"));
  }
  if (!config.catalog().empty()) {
    CheckPath("catalog", config.catalog(), errors);
    out.catalog = config.catalog();
  }
  TakeTime("resume_window", config.resume_window(), "30s", out.sessions.limits.resume_window,
           errors);
}

}  // namespace percpud
