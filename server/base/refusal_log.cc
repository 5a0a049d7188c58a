// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/refusal_log.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/error_reason.h"

namespace percpud {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

void WriteToStandardError(absl::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

std::atomic<WarningSink> the_sink{&WriteToStandardError};

// The setting that decides about a refusal.
struct Setting {
  absl::string_view reason;
  absl::string_view name;
};
constexpr std::array kSettings = {
    Setting{"ARENA_FULL", "arena_size"},
    Setting{"NO_CONTIGUOUS_BLOCK", "arena_size"},
    Setting{"POPULATE_FAILED", "the host's memory or the file system of arena"},
    Setting{"OVER_MEMORY_LIMIT", "MemoryMax= of the unit, or arena_size"},
    Setting{"NO_SPACE_WITHOUT_GROWING", "balancer.empty_pages_high"},
    Setting{"NO_RESERVED_SPACE", "reserved_size"},
    Setting{"CATALOG_FULL", "the file system of catalog"},
    Setting{"QUOTA_EXCEEDED", "quotas"},
    Setting{"TOO_MANY_SESSIONS", "quotas.sessions and quotas.sessions_per_user"},
    Setting{"TOO_MANY_REMOTE_SESSIONS", "quotas.remote_sessions_per_opener"},
    Setting{"TOO_MANY_VARIABLES", "quotas.variables_per_user"},
    Setting{"TOO_MANY_WATCHERS", "limits.watchers"},
    Setting{"ROLE_TOO_LOW", "access"},
};

absl::string_view SettingOf(absl::string_view reason) {
  const auto* const found =
      std::find_if(kSettings.begin(), kSettings.end(),
                   [reason](const Setting& setting) { return setting.reason == reason; });
  return found == kSettings.end() ? "" : found->name;
}

// A gate for each reason; more than there are reasons.
constexpr std::size_t kGates = 256;

OnceAMinute& GateOf(absl::string_view reason) {
  static std::array<OnceAMinute, kGates> gates;
  std::uint16_t number = 0;
  while (number + 1U < kGates && errors::Name(static_cast<errors::Reason>(number)) != reason) {
    ++number;
  }
  return gates[number];
}

}  // namespace

std::optional<std::uint64_t> OnceAMinute::Pass(BootTime now) {
  const std::int64_t at = absl::ToInt64Nanoseconds(now.since_boot());
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (at < next || !next_.compare_exchange_strong(next, at + kMinute, std::memory_order_relaxed)) {
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return held_back_.exchange(0, std::memory_order_relaxed);
}

void SetWarningSink(WarningSink sink) { the_sink.store(sink, std::memory_order_relaxed); }

void WriteWarning(absl::string_view text) { the_sink.load(std::memory_order_relaxed)(text); }

void LogRefusal(const absl::Status& status) {
  const bool is_want = absl::IsResourceExhausted(status);
  if (!is_want && !absl::IsPermissionDenied(status) && !absl::IsUnauthenticated(status)) return;
  const absl::string_view reason = errors::ReasonOf(status);
  if (reason.empty()) return;
  const std::optional<std::uint64_t> held_back = GateOf(reason).Pass(NowSinceBoot());
  if (!held_back) return;
  const absl::string_view setting = SettingOf(reason);
  WriteWarning(absl::StrCat(
      is_want ? "exhausted, a request is refused: " : "a request is refused: ",
      absl::CHexEscape(status.message()), " (", reason, setting.empty() ? "" : "; see ", setting,
      ")",
      *held_back == 0 ? "" : absl::StrCat("; ", *held_back, " more since the last such line")));
}

}  // namespace percpud
