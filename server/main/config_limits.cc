// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/limits.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

void TakeBalancer(const config::v1::Balancer& wire, BalancePolicy& out, ConfigErrors& errors) {
  if (wire.has_empty_pages_low()) out.empty_pages_low = wire.empty_pages_low();
  if (wire.has_empty_pages_high()) out.empty_pages_high = wire.empty_pages_high();
  if (out.empty_pages_high < out.empty_pages_low) {
    errors.Add(
        "balancer.empty_pages_high",
        absl::StrCat(out.empty_pages_high, " is below empty_pages_low, ", out.empty_pages_low));
  }
  if (wire.has_free_chunks_min()) out.free_chunks_min = wire.free_chunks_min();
  if (wire.has_free_chunks_max_percent()) {
    out.free_chunks_max_percent = wire.free_chunks_max_percent();
  }
  CheckRange("balancer.empty_pages_high", out.empty_pages_high, 0, 1 << 20, errors);
  CheckRange("balancer.free_chunks_max_percent", out.free_chunks_max_percent, 0, 100, errors);
  TakeTime("balancer.free_chunk_age", wire.free_chunk_age(), "10s", out.free_chunk_age, errors);
}

// What is allowed must also fit a message, headers included.
void CheckMessageFits(const DaemonConfig& config, ConfigErrors& errors) {
  constexpr Bytes kHeaders{16 << 10};
  constexpr std::uint64_t kBytesPerEntry = 12;
  const Bytes room = config.message_limit - kHeaders;
  if (config.limits.transfer > room) {
    errors.Add("limits.transfer", "does not fit a message of limits.message");
  }
  if (Bytes(config.limits.batch * kBytesPerEntry) > room) {
    errors.Add("limits.batch", "does not fit a message of limits.message");
  }
}

void TakeServiceLimits(const config::v1::Limits& wire, DaemonConfig& out, ConfigErrors& errors) {
  if (wire.batch() != 0) out.limits.batch = wire.batch();
  if (wire.watchers() != 0) out.limits.watchers = wire.watchers();
  TakeSize("limits.transfer", wire.transfer(), out.limits.transfer, errors);
  TakeSize("limits.message", wire.message(), out.message_limit, errors);
  CheckRange("limits.batch", out.limits.batch, 1, kMaxBatch, errors);
  CheckRange("limits.watchers", out.limits.watchers, 1, 10000, errors);
  if (out.limits.transfer == Bytes(0)) {
    errors.Add("limits.transfer", "0 leaves nothing to read or write");
  }
  constexpr Bytes kLeastMessage{64 << 10};
  constexpr Bytes kLargestMessage{1 << 30};
  CheckRange("limits.message", out.message_limit.value(), kLeastMessage.value(),
             kLargestMessage.value(), errors);
  if (out.message_limit >= kLeastMessage) CheckMessageFits(out, errors);
}

void TakeMetrics(const config::v1::Metrics& wire, MetricLimits& out, ConfigErrors& errors) {
  const auto take = [&errors](absl::string_view field, std::uint32_t wanted, std::uint32_t most,
                              std::uint32_t& taken) {
    if (wanted != 0) taken = wanted;
    CheckRange(field, taken, 1, most, errors);
  };
  constexpr std::uint32_t kMost = 1 << 24;
  take("metrics.namespaces_per_user", wire.namespaces_per_user(), kMaxNamespaces,
       out.namespaces_per_user);
  take("metrics.families_per_namespace", wire.families_per_namespace(), kMost,
       out.families_per_namespace);
  take("metrics.series_per_namespace", wire.series_per_namespace(), kMost,
       out.series_per_namespace);
  take("metrics.series_per_family", wire.series_per_family(), kMaxSeriesPerFamily,
       out.series_per_family);
  TakeTime("metrics.keep_dead", wire.keep_dead(), "5m", out.keep_dead, errors);
}

void TakeLogLevel(const std::string& level, std::string& out, ConfigErrors& errors) {
  static constexpr std::array<absl::string_view, 5> kLevels = {"trace", "debug", "info", "warning",
                                                               "error"};
  if (level.empty()) return;
  if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
    errors.Add("log_level",
               absl::StrCat("\"", level, "\" is none of ", absl::StrJoin(kLevels, ", ")));
  } else {
    out = level;
  }
}

}  // namespace

void TakeLimits(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors) {
  TakeBalancer(config.balancer(), out.balance, errors);
  TakeServiceLimits(config.limits(), out, errors);
  TakeMetrics(config.metrics(), out.sessions.metric_limits, errors);
  TakeLogLevel(config.log_level(), out.log_level, errors);
}

}  // namespace percpud
