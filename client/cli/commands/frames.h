// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FRAMES_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FRAMES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/command.h"
#include "client/cli/commands/follow.h"
#include "client/cli/report.h"
#include "server/base/clock.h"

// What top and fleet top share: a frame every interval, from one reading to the next.
namespace percpu::cli {

struct FrameOptions {
  std::int64_t interval_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
  // 0: no limit.
  std::uint64_t count = 0;
  // Rows of each table; 0 means what fits.
  std::size_t rows = 0;
};

// Adds --interval, --count and --rows; `rows` says how many there are without it.
void AddFrameOptions(CLI::App& parser, FrameOptions& options, const char* rows);

// The rows that the screen has room for beside `other_lines`; `endless` without a screen.
std::size_t RowsFor(const Style& style, std::size_t other_lines, std::size_t endless);

// Shows to_report(before, now, began) of the readings that read() returns, which have the time in
// `at`. Whom they are read from is waited for once it has answered.
template <typename Read, typename ToReport>
absl::StatusOr<Report> RunFrames(Context& context, const char* whom, const FrameOptions& options,
                                 Read read, ToReport to_report) {
  const absl::Duration interval = absl::Nanoseconds(options.interval_ns);
  auto before = read();
  if (!before.ok()) return before.status();
  Follow follow(context, whom);
  follow.Succeeded();
  const percpud::BootTime began = before->at;
  for (std::uint64_t frame = 0; options.count == 0 || frame < options.count; ++frame) {
    if (context.clock.wait_for_quit(interval)) break;
    auto now = read();
    while (!now.ok() && follow.MayRetry(now.status(), interval)) now = read();
    if (!now.ok()) return now.status();
    follow.Succeeded();
    context.renderer.RenderFrame(to_report(*before, *now, began));
    before = std::move(now);
  }
  return Report{};
}

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FRAMES_H_
