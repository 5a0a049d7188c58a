// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// alloc, free and estimate.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

struct AllocOptions {
  std::vector<std::uint64_t> sizes;
  PlacementOptions placement;
  bool no_grow = false;
  std::string tag;
};

absl::StatusOr<Report> Alloc(Session& session, const AllocOptions& options) {
  std::vector<AreaSpec> specs;
  specs.reserve(options.sizes.size());
  for (const std::uint64_t size : options.sizes) {
    specs.push_back({.size_bytes = size, .alignment = options.placement.alignment});
  }
  const absl::StatusOr<std::vector<Pointer>> pointers =
      session.client.AllocateBatch(specs, {.region = ToRegion(options.placement.region),
                                           .no_grow = options.no_grow,
                                           .tag = options.tag});
  if (!pointers.ok()) return pointers.status();
  List list{.key = "pointers", .values = {}};
  for (const Pointer pointer : *pointers) list.values.emplace_back(Offset{percpu::Value(pointer)});
  return Report{{std::move(list)}};
}

absl::StatusOr<Report> Free(Session& session, const std::vector<std::uint64_t>& values) {
  std::vector<Pointer> pointers;
  pointers.reserve(values.size());
  for (const std::uint64_t value : values) pointers.push_back(Pointer{value});
  const absl::StatusOr<std::uint64_t> freed = session.client.FreeBatch(pointers);
  if (!freed.ok()) return freed.status();
  return Report{
      {Fields{.key = "", .title = "", .fields = {{"freed_bytes", Size{*freed}, "of each unit"}}}}};
}

struct EstimateOptions {
  std::uint64_t size = 0;
  PlacementOptions placement;
};

absl::StatusOr<Report> Estimate(Session& session, const EstimateOptions& options) {
  const absl::StatusOr<AllocEstimate> estimate = session.client.EstimateAlloc(
      {.size_bytes = options.size, .alignment = options.placement.alignment},
      ToRegion(options.placement.region));
  if (!estimate.ok()) return estimate.status();
  Fields fields{
      .key = "",
      .title = "",
      .fields = {
          {"possible", estimate->possible, ""},
          {"reason", estimate->reason.empty() ? Value(Absent{}) : Value(estimate->reason), ""},
          {"rounded_size", Size{estimate->rounded_bytes}, "in each unit"},
          {"total_bytes", Size{estimate->total_bytes}, "in all units, ghosts included"},
          {"wasted_bytes", Size{estimate->wasted_bytes}, "of those, that no CPU will use"},
          {"would_grow", estimate->would_grow, ""},
          {"chunk_id", OrAbsent(estimate->chunk), "that would serve it now"},
          {"new_chunk_pages", Count{estimate->new_chunk_pages}, "that growing would take"},
          {"new_chunk_wasted_pages", Count{estimate->new_chunk_wasted_pages}, ""},
          {"new_chunk_ghost_pages", Count{estimate->new_chunk_ghost_pages}, ""},
      }};
  return Report{{std::move(fields)}};
}

}  // namespace

Command AddAlloc(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "alloc", "Grant areas, and print their pointers");
  parser->footer(
      "All areas or none, zeroed in every unit, in the order of the sizes. They are no\n"
      "session's, and live until an operator frees them.\n"
      "  $ hits=$(percpuctl alloc 8 --tag hits)\n"
      "  $ percpuctl add $hits 1");
  const auto options = std::make_shared<AllocOptions>();
  parser->add_option("SIZE", options->sizes, "Of each area, in one unit")
      ->option_text("...")
      ->transform(AsSize())
      ->required();
  AddPlacementOptions(*parser, options->placement);
  parser->add_flag("--no-grow", options->no_grow, "Only from memory that is there already");
  parser->add_option("--tag", options->tag, "Kept with the areas, and shown")->option_text("TEXT");
  return {.parser = parser,
          .run = [options](Session& session) { return Alloc(session, *options); }};
}

Command AddFree(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "free", "Give areas back");
  parser->footer("All areas or none. A pointer that is not exactly what alloc printed is refused.");
  const auto pointers = std::make_shared<std::vector<std::uint64_t>>();
  parser->add_option("PTR", *pointers, "As alloc printed it")
      ->option_text("...")
      ->transform(AsPointer())
      ->required();
  return {.parser = parser,
          .run = [pointers](Session& session) { return Free(session, *pointers); }};
}

Command AddEstimate(CLI::App& root) {
  CLI::App* parser =
      AddCommand(root, "estimate", "What an allocation would cost and waste, without making it");
  const auto options = std::make_shared<EstimateOptions>();
  parser->add_option("SIZE", options->size, "Of the area, in one unit")
      ->option_text(" ")
      ->transform(AsSize())
      ->required();
  AddPlacementOptions(*parser, options->placement);
  return {.parser = parser,
          .run = [options](Session& session) { return Estimate(session, *options); }};
}

}  // namespace percpu::cli
