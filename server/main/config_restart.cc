// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/main/config.h"

namespace percpud {
namespace {

absl::Status CheckPath(absl::string_view field, absl::string_view path) {
  if (!path.empty() && path[0] == '/') return absl::OkStatus();
  return errors::BadConfig(field, absl::StrCat("\"", path, "\" is no absolute path"));
}

}  // namespace

absl::Status TakeRestart(const config::v1::Config& config, DaemonConfig& out) {
  absl::string_view arena = config.arena();
  if (absl::ConsumePrefix(&arena, "file:")) {
    if (absl::Status status = CheckPath("arena", arena); !status.ok()) return status;
    out.arena_file = std::string(arena);
    out.catalog = absl::StrCat(arena, ".catalog");
  } else if (!arena.empty() && arena != "memfd") {
    return errors::BadConfig("arena",
                             absl::StrCat("\"", arena, "\" is neither memfd nor file:PATH"));
  }
  if (!config.catalog().empty()) {
    if (absl::Status status = CheckPath("catalog", config.catalog()); !status.ok()) return status;
    out.catalog = config.catalog();
  }
  absl::Duration& window = out.sessions.limits.resume_window;
  if (config.resume_window().empty()) return absl::OkStatus();
  if (absl::ParseDuration(config.resume_window(), &window) && window >= absl::ZeroDuration()) {
    return absl::OkStatus();
  }
  return errors::BadConfig("resume_window",
                           absl::StrCat("\"", config.resume_window(), "\" is no time such as 30s"));
}

}  // namespace percpud
