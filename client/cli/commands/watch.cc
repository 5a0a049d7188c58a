// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

struct WatchOptions {
  std::int64_t interval_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

// What happened from one answer to the next.
Table Rates(const StatsSample& before, const StatsSample& now) {
  const double seconds = absl::ToDoubleSeconds(now.elapsed - before.elapsed);
  const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
    return Count{seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(to - from) / seconds)
                             : 0};
  };
  const Stats& was = before.stats;
  const Stats& is = now.stats;
  return {.key = "rates",
          .title = "",
          .columns = {{"elapsed_seconds", "SECONDS", 8},
                      {"allocs_per_second", "ALLOCS/S", 10},
                      {"frees_per_second", "FREES/S", 10},
                      {"failed_allocs_per_second", "FAILED/S", 10},
                      {"refused_frees_per_second", "REFUSED/S", 10},
                      {"nr_cur_alloc", "AREAS", 9},
                      {"live_bytes", "LIVE BYTES", 14},
                      {"nr_chunks", "CHUNKS", 7},
                      {"utilisation", "USED", 6}},
          .rows = {{Real{absl::ToDoubleSeconds(now.elapsed)}, rate(was.nr_alloc, is.nr_alloc),
                    rate(was.nr_dealloc, is.nr_dealloc), rate(was.failed_allocs, is.failed_allocs),
                    rate(was.refused_frees, is.refused_frees), Count{is.nr_cur_alloc},
                    Count{is.live_bytes}, Count{is.nr_chunks}, Share{is.utilisation}}}};
}

absl::StatusOr<Report> Watch(Session& session, const WatchOptions& options) {
  std::optional<StatsSample> before;
  std::uint64_t left = options.count;
  const absl::Status status =
      session.client.Watch(absl::Nanoseconds(options.interval_ns), [&](const StatsSample& now) {
        if (before) {
          session.renderer.RenderRows(Rates(*before, now));
          --left;
        }
        before = now;
        return left > 0;
      });
  if (!status.ok()) return status;
  return Report{};
}

}  // namespace

Command AddWatch(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "watch", "Rates, a line every interval");
  parser->footer("JSON is one object a line.");
  const auto options = std::make_shared<WatchOptions>();
  parser->add_option("--interval", options->interval_ns, "Between lines, 100ms to 1h")
      ->option_text("TIME [1s]")
      ->transform(AsNanoseconds());
  parser->add_option("--count", options->count, "Stop after so many lines")
      ->option_text("N [never]")
      ->check(CLI::PositiveNumber);
  return {.parser = parser,
          .run = [options](Session& session) { return Watch(session, *options); }};
}

}  // namespace percpu::cli
