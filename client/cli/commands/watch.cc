// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/follow.h"
#include "client/cli/parse.h"
#include "server/base/clock.h"

namespace percpu::cli {
namespace {

struct WatchOptions {
  std::int64_t interval_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
  // 0: no limit.
  std::uint64_t count = 0;
};

// The rows of one run, whose seconds go on when the daemon begins anew.
class Rows {
 public:
  // The first answer of a stream: there is nothing to compare it with.
  void Begin(const StatsSample& first, percpud::BootTime now) {
    if (began_ == percpud::BootTime::InfinitePast()) began_ = now - first.elapsed;
    offset_ = now - began_ - first.elapsed;
    before_ = first;
  }

  [[nodiscard]] bool begun() const { return before_.has_value(); }
  // The stream ended; another may begin.
  void End() { before_.reset(); }

  // What happened from the answer before to this one.
  Table Next(const StatsSample& now) {
    const StatsSample before = *std::exchange(before_, now);
    const double seconds = absl::ToDoubleSeconds(now.elapsed - before.elapsed);
    const auto rate = [&](std::uint64_t Stats::*field) {
      const std::uint64_t from = before.stats.*field;
      const std::uint64_t to = now.stats.*field;
      const double change = to > from ? static_cast<double>(to - from) : 0;
      return Count{seconds > 0 ? static_cast<std::uint64_t>(change / seconds) : 0};
    };
    const Stats& stats = now.stats;
    return {.key = "rates",
            .title = "",
            .columns = {{"elapsed_seconds", "SECONDS", 8},
                        {"allocs_per_second", "ALLOCS/S", 9},
                        {"frees_per_second", "FREES/S", 9},
                        {"failed_allocs_per_second", "FAILED/S", 8},
                        {"refused_frees_per_second", ""},
                        {"nr_cur_alloc", "AREAS", 8},
                        {"live_bytes", "LIVE BYTES", 11},
                        {"nr_chunks", "CHUNKS", 6},
                        {"utilisation", "USED", 6}},
            .rows = {{Real{absl::ToDoubleSeconds(now.elapsed + offset_)}, rate(&Stats::nr_alloc),
                      rate(&Stats::nr_dealloc), rate(&Stats::failed_allocs),
                      rate(&Stats::refused_frees), Count{stats.nr_cur_alloc},
                      Count{stats.live_bytes}, Count{stats.nr_chunks}, Share{stats.utilisation}}}};
  }

 private:
  percpud::BootTime began_ = percpud::BootTime::InfinitePast();
  // From the stream's own clock to that of the run.
  absl::Duration offset_;
  std::optional<StatsSample> before_;
};

absl::StatusOr<Report> Watch(Context& context, const WatchOptions& options) {
  const absl::Duration interval = absl::Nanoseconds(options.interval_ns);
  Rows rows;
  Follow follow(context);
  std::uint64_t printed = 0;
  const auto done = [&] { return options.count != 0 && printed == options.count; };
  while (true) {
    const absl::Status status = context.client.Watch(interval, [&](const StatsSample& now) {
      follow.Succeeded();
      if (!rows.begun()) {
        rows.Begin(now, context.clock.now());
        return true;
      }
      context.renderer.RenderRows(rows.Next(now));
      ++printed;
      return !done();
    });
    if (done()) return Report{};
    rows.End();
    // A daemon that stops ends its streams as if all were well.
    const absl::Status gone = status.ok() ? absl::UnavailableError("the stream ended") : status;
    if (!follow.MayRetry(gone, interval)) return gone;
  }
}

}  // namespace

Commands AddWatch(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "watch", "Rates, a line every interval");
  parser->footer(
      "JSON is one object a line, with refused frees besides. When the daemon is\n"
      "restarted, watch waits for it and goes on.");
  const auto options = std::make_shared<WatchOptions>();
  parser->add_option("--interval", options->interval_ns, "Time between lines, 100ms to 1h")
      ->option_text("TIME [1s]")
      ->transform(AsNanoseconds());
  AddStopOption(*parser, options->count, "Stop after N lines");
  return {
      {.parser = parser, .run = [options](Context& context) { return Watch(context, *options); }}};
}

}  // namespace percpu::cli
