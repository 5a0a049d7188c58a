// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/frames.h"

#include <limits>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {

void AddFrameOptions(CLI::App& parser, FrameOptions& options, const char* rows) {
  parser.add_option("--interval", options.interval_ns, "Time between frames")
      ->option_text("TIME [1s]")
      ->transform(AsNanoseconds());
  AddStopOption(parser, options.count, "Stop after N frames");
  parser.add_option("--rows", options.rows, "Rows of each table")
      ->option_text(rows)
      ->transform(AsCount(1, std::numeric_limits<std::uint32_t>::max()));
}

std::size_t RowsFor(const Style& style, std::size_t other_lines, std::size_t endless) {
  if (!style.refresh || style.rows == 0) return endless;
  return std::max<std::size_t>(1, style.rows - std::min(style.rows, other_lines));
}

}  // namespace percpu::cli
