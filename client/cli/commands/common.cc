// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/common.h"

#include <string>
#include <utility>
#include <vector>

#include "client/cli/parse.h"

namespace percpu::cli {

CLI::App* AddCommand(CLI::App& root, const char* name, const char* summary) {
  return root.add_subcommand(name, summary);
}

Command AddPlain(CLI::App& root, const char* name, const char* summary, const char* details,
                 std::function<absl::StatusOr<Report>(Session&)> run) {
  CLI::App* parser = AddCommand(root, name, summary);
  parser->footer(details);
  return {.parser = parser, .run = std::move(run)};
}

CLI::App* AddVerb(CLI::App& parser, const char* name, const char* summary) {
  parser.require_subcommand(1);
  CLI::App* verb = parser.add_subcommand(name, summary);
  verb->fallthrough();
  return verb;
}

std::string VariableTypeName(VariableType type) {
  switch (type) {
    case VariableType::kCounter:
      return "counter";
    case VariableType::kGauge:
      return "gauge";
    case VariableType::kHistogram:
      return "histogram";
    case VariableType::kBytes:
      return "bytes";
  }
  return "unknown";
}

void AddPointerArgument(CLI::App& parser, std::uint64_t& pointer, const char* help) {
  parser.add_option("PTR", pointer, help)->option_text(" ")->transform(AsPointer())->required();
}

void AddWidthOption(CLI::App& parser, std::uint32_t& bits) {
  parser.add_option("--width", bits, "Bits of the integer")
      ->option_text("32|64 [64]")
      ->check(OneOf({"32", "64"}));
}

Width ToWidth(std::uint32_t bits) { return bits == 32 ? Width::k32 : Width::k64; }

void AddPlacementOptions(CLI::App& parser, PlacementOptions& options) {
  parser.add_option("--align", options.alignment, "Alignment, a power of two up to a page")
      ->option_text("SIZE [8]")
      ->transform(AsSize());
  parser.add_option("--region", options.region, "The part of the unit to take from")
      ->option_text("dynamic|reserved")
      ->check(OneOf({"dynamic", "reserved"}));
}

Region ToRegion(const std::string& name) {
  return name == "reserved" ? Region::kReserved : Region::kDynamic;
}

std::string ChunkKindName(ChunkKind kind) {
  switch (kind) {
    case ChunkKind::kReserved:
      return "reserved";
    case ChunkKind::kFirst:
      return "first";
    case ChunkKind::kDynamic:
      return "dynamic";
    case ChunkKind::kLeased:
      return "leased";
    case ChunkKind::kToDepopulate:
      return "to_depopulate";
    case ChunkKind::kSidelined:
      return "sidelined";
    default:
      return "unknown";
  }
}

Fields ChunkFields(const ChunkInfo& chunk) {
  return {.key = "chunk",
          .title = "",
          .fields = {{"id", Count{percpu::Value(chunk.id)}, ""},
                     {"kind", ChunkKindName(chunk.kind), ""},
                     {"base", Offset{percpu::Value(chunk.base)}, ""},
                     {"slot", Count{chunk.slot}, ""},
                     {"pages", Count{chunk.pages}, ""},
                     {"block_order", Count{chunk.block_order}, ""},
                     {"wasted_pages", Count{chunk.wasted_pages}, ""},
                     {"ghost_pages", Count{chunk.ghost_pages}, ""},
                     {"populated_pages", Count{chunk.populated_pages}, ""},
                     {"capacity_bytes", Size{chunk.capacity_bytes}, ""},
                     {"free_bytes", Size{chunk.free_bytes}, ""},
                     {"largest_run_bytes", Size{chunk.largest_run_bytes}, ""},
                     {"first_free_offset", Offset{chunk.first_free_offset}, ""},
                     {"live_areas", Count{chunk.live_areas}, ""},
                     {"max_alloc_size", Size{chunk.max_alloc_bytes}, ""},
                     {"empty_pop_pages", Count{chunk.empty_pop_pages}, ""},
                     {"sum_frag", Size{chunk.sum_frag_bytes}, ""},
                     {"max_frag", Size{chunk.max_frag_bytes}, ""},
                     {"cur_min_alloc", Size{chunk.cur_min_alloc_bytes}, ""},
                     {"cur_med_alloc", Size{chunk.cur_med_alloc_bytes}, ""},
                     {"cur_max_alloc", Size{chunk.cur_max_alloc_bytes}, ""},
                     {"dirty_bytes", Size{chunk.dirty_bytes}, ""},
                     {"fragmentation", Share{chunk.fragmentation}, ""}}};
}

Table ChunkTable(const std::vector<ChunkInfo>& chunks, const Headings& headings) {
  Table table{.key = "chunks", .title = "", .columns = {}, .rows = {}};
  for (const Fields::Field& field : ChunkFields(ChunkInfo()).fields) {
    const auto heading = headings.find(field.key);
    table.columns.push_back(
        {.key = field.key, .heading = heading == headings.end() ? "" : heading->second});
  }
  for (const ChunkInfo& chunk : chunks) {
    std::vector<Value>& row = table.rows.emplace_back();
    for (Fields::Field& field : ChunkFields(chunk).fields) row.push_back(std::move(field.value));
  }
  return table;
}

}  // namespace percpu::cli
