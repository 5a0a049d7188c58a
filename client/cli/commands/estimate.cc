// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// estimate: what an area, or an application's metrics, would take.

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"
#include "server/base/status_macros.h"
#include "server/cells/layout.h"

namespace percpu::cli {
namespace {

// The number that Prometheus's clients have by default, without the last one.
constexpr std::uint64_t kBounds = 14;

struct EstimateOptions {
  std::uint64_t size = 0;
  PlacementOptions placement;
  std::uint64_t counters = 0;
  std::uint64_t histograms = 0;
  std::uint64_t bounds = kBounds;

  [[nodiscard]] bool is_of_metrics() const { return counters != 0 || histograms != 0; }
};

absl::StatusOr<Report> EstimateArea(Context& context, const EstimateOptions& options) {
  ASSIGN_OR_RETURN(const AllocEstimate estimate,
                   context.client.EstimateAlloc(
                       {.size_bytes = options.size, .alignment = options.placement.alignment},
                       ToRegion(options.placement.region)));
  Fields fields{
      .key = "",
      .title = "",
      .fields = {
          {"possible", estimate.possible, ""},
          {"reason", estimate.reason.empty() ? Value(Absent{}) : Value(estimate.reason), ""},
          {"rounded_size", Size{estimate.rounded_bytes}, "in each unit"},
          {"total_bytes", Size{estimate.total_bytes}, "in all units, ghosts included"},
          {"wasted_bytes", Size{estimate.wasted_bytes}, "the part that no CPU will use"},
          {"would_grow", estimate.would_grow, ""},
          {"chunk_id", OrAbsent(estimate.chunk), "would serve it now"},
          {"new_chunk_pages", Count{estimate.new_chunk_pages}, "growing would take"},
          {"new_chunk_wasted_pages", Count{estimate.new_chunk_wasted_pages}, ""},
          {"new_chunk_ghost_pages", Count{estimate.new_chunk_ghost_pages}, ""},
      }};
  return Report{{std::move(fields)}};
}

std::uint64_t RoundedUp(std::uint64_t value, std::uint64_t divisor) {
  return divisor == 0 ? 0 : (value + divisor - 1) / divisor;
}

absl::StatusOr<Report> EstimateMetrics(Context& context, const EstimateOptions& options) {
  using percpud::cells::CellKind;
  ASSIGN_OR_RETURN(const AllocInfo info, context.client.GetAllocInfo());
  const std::uint64_t unit_bytes =
      options.counters * percpud::cells::SeriesBytes(CellKind::kInteger) +
      options.histograms * percpud::cells::SeriesBytes(CellKind::kHistogram, options.bounds);
  const std::uint64_t chunks = RoundedUp(unit_bytes, info.dyn_bytes);
  const std::uint64_t arena_bytes = chunks * info.block_pages * info.page_bytes;
  Fields fields{.key = "",
                .title = "",
                .fields = {
                    {"unit_bytes", Size{unit_bytes}, "of each CPU's copy"},
                    {"total_bytes", Size{unit_bytes * info.cpus}, "in all CPUs' copies"},
                    {"chunks", Count{chunks}, "if they hold nothing else"},
                    {"arena_bytes", Size{arena_bytes}, "that these chunks take"},
                    {"possible", arena_bytes <= info.arena_bytes, "in an arena of this size"},
                }};
  return Report{{std::move(fields)}};
}

// What the parser cannot know by itself.
void CheckOptions(const CLI::Option& size, const EstimateOptions& options) {
  if (size.count() == 0 && !options.is_of_metrics()) throw CLI::RequiredError("SIZE");
  if (size.count() != 0 && options.is_of_metrics()) {
    throw CLI::ValidationError("SIZE", "either a size, or --counters and --histograms");
  }
}

}  // namespace

Commands AddEstimate(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "estimate", "What an allocation, or metrics, would cost");
  parser->footer(
      "With --counters or --histograms: what series of metrics take. Each also takes\n"
      "about 150 bytes in the daemon, beside its names.\n"
      "  $ percpuctl estimate --counters 10000 --histograms 500");
  const auto options = std::make_shared<EstimateOptions>();
  CLI::Option* size = parser->add_option("SIZE", options->size, "Size of the area, in one unit")
                          ->option_text(" ")
                          ->transform(AsSize());
  AddPlacementOptions(*parser, options->placement);
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  parser->add_option("--counters", options->counters, "Series of counters")
      ->option_text("N")
      ->transform(AsCount(1, kMost));
  parser->add_option("--histograms", options->histograms, "Series of histograms")
      ->option_text("N")
      ->transform(AsCount(1, kMost));
  parser->add_option("--bounds", options->bounds, "Finite bounds of each histogram")
      ->option_text("N [14]")
      ->transform(AsCount(0, percpud::cells::kMostBuckets - 1));
  parser->final_callback([options, size] { CheckOptions(*size, *options); });
  return {{.parser = parser, .run = [options](Context& context) {
             return options->is_of_metrics() ? EstimateMetrics(context, *options)
                                             : EstimateArea(context, *options);
           }}};
}

}  // namespace percpu::cli
