// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// alloc and free.

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

absl::StatusOr<Report> Alloc(Context& context, const AllocOptions& options) {
  std::vector<AreaSpec> specs;
  specs.reserve(options.sizes.size());
  for (const std::uint64_t size : options.sizes) {
    specs.push_back({.size_bytes = size, .alignment = options.placement.alignment});
  }
  const absl::StatusOr<std::vector<Pointer>> pointers =
      context.client.AllocateBatch(specs, {.region = ToRegion(options.placement.region),
                                           .no_grow = options.no_grow,
                                           .tag = options.tag});
  if (!pointers.ok()) return pointers.status();
  List list{.key = "pointers", .values = {}};
  for (const Pointer pointer : *pointers) list.values.emplace_back(Offset{percpu::Value(pointer)});
  return Report{{std::move(list)}};
}

struct FreeOptions {
  std::vector<std::uint64_t> pointers;
  bool force = false;
};

absl::StatusOr<Report> Free(Context& context, const FreeOptions& options) {
  std::vector<Pointer> pointers;
  pointers.reserve(options.pointers.size());
  for (const std::uint64_t value : options.pointers) pointers.push_back(Pointer{value});
  const absl::StatusOr<std::uint64_t> freed = options.force
                                                  ? context.client.FreeBatch(pointers)
                                                  : context.client.FreeSparingSessions(pointers);
  if (!freed.ok()) return freed.status();
  return Report{
      {Fields{.key = "", .title = "", .fields = {{"freed_bytes", Size{*freed}, "of each unit"}}}}};
}

}  // namespace

Commands AddAlloc(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "alloc", "Grant areas, and print their pointers");
  parser->footer(
      "All areas are granted or none, zeroed in every unit, in the order of the sizes.\n"
      "They belong to no session, and live until an operator frees them.\n"
      "  $ hits=$(percpuctl alloc 8 --tag hits)\n"
      "  $ percpuctl add $hits 1");
  const auto options = std::make_shared<AllocOptions>();
  parser->add_option("SIZE", options->sizes, "Size of each area, in one unit")
      ->option_text("...")
      ->transform(AsSize())
      ->required();
  AddPlacementOptions(*parser, options->placement);
  parser->add_flag("--no-grow", options->no_grow, "Take only memory that is there already");
  parser->add_option("--tag", options->tag, "Text kept with the areas, and shown")
      ->option_text("TEXT");
  return {
      {.parser = parser, .run = [options](Context& context) { return Alloc(context, *options); }}};
}

Commands AddFree(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "free", "Give areas back");
  parser->footer(
      "All areas are freed or none. A pointer that alloc did not print is refused, and\n"
      "so is an area of a session: what was freed before may be granted to it by now.");
  const auto options = std::make_shared<FreeOptions>();
  parser->add_option("PTR", options->pointers, "As alloc printed it")
      ->option_text("...")
      ->transform(AsPointer())
      ->required();
  parser->add_flag("--force", options->force, "Free areas of sessions too; for operators");
  return {
      {.parser = parser, .run = [options](Context& context) { return Free(context, *options); }}};
}

}  // namespace percpu::cli
