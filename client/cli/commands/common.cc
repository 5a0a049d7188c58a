// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/common.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/parse.h"

namespace percpu::cli {

CLI::App* AddCommand(CLI::App& parent, const char* name, const char* summary) {
  CLI::App* parser = parent.add_subcommand(name, summary);
  parser->fallthrough();
  return parser;
}

Command AddPlain(CLI::App& parent, const char* name, const char* summary, const char* details,
                 std::function<absl::StatusOr<Report>(Context&)> run) {
  CLI::App* parser = AddCommand(parent, name, summary);
  parser->footer(details);
  return {.parser = parser, .run = std::move(run)};
}

CLI::App& AddNoun(CLI::App& root, const char* name, const char* summary) {
  CLI::App* noun = AddCommand(root, name, summary);
  noun->require_subcommand(1);
  return *noun;
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

void AddWidthOption(CLI::App& parser, std::uint32_t& bits) {
  parser.add_option("--width", bits, "Bits of the integer")
      ->option_text("32|64 [64]")
      ->check(OneOf({"32", "64"}));
}

void AddUnitOption(CLI::App& parser, std::optional<std::uint32_t>& unit, const char* text) {
  parser.add_option("--unit", unit, "The unit whose copy is meant")
      ->option_text(text)
      ->transform(AsCount(0, std::numeric_limits<std::uint32_t>::max()));
}

void AddStopOption(CLI::App& parser, std::uint64_t& most, const char* help) {
  parser.add_option("-n,--count", most, help)
      ->option_text("N [no limit]")
      ->transform(AsCount(1, std::numeric_limits<std::uint64_t>::max()));
}

void AddAlignmentOption(CLI::App& parser, std::uint32_t& alignment) {
  parser.add_option("--alignment", alignment, "A power of two up to a page")
      ->option_text("SIZE [8]")
      ->transform(AsAlignment());
  parser.add_option("--align", alignment)->transform(AsAlignment())->group("");
}

void AddPlacementOptions(CLI::App& parser, PlacementOptions& options) {
  AddAlignmentOption(parser, options.alignment);
  parser.add_option("--region", options.region, "The part of the unit to take from")
      ->option_text("dynamic|reserved [dynamic]")
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

absl::StatusOr<std::vector<ChunkInfo>> ListChunks(Client& client) {
  absl::StatusOr<std::vector<ChunkInfo>> chunks = client.ListChunks();
  const auto is_leased = [](const ChunkInfo& chunk) { return chunk.kind == ChunkKind::kLeased; };
  if (!chunks.ok() || std::none_of(chunks->begin(), chunks->end(), is_leased)) return chunks;
  const absl::StatusOr<std::vector<LeaseInfo>> leases = client.ListLeases();
  if (!leases.ok()) return leases.status();
  for (ChunkInfo& chunk : *chunks) {
    const auto lease = std::find_if(leases->begin(), leases->end(),
                                    [&](const LeaseInfo& each) { return each.chunk == chunk.id; });
    if (!is_leased(chunk) || lease == leases->end()) continue;
    chunk.live_areas = lease->live_areas;
    chunk.free_bytes = chunk.capacity_bytes - std::min(lease->live_bytes, chunk.capacity_bytes);
  }
  return chunks;
}

Fields ChunkFields(const ChunkInfo& chunk) {
  // The daemon does not know how a lease's holder has broken it up.
  const bool knows_runs = chunk.kind != ChunkKind::kLeased;
  return {
      .key = "chunk",
      .title = "",
      .fields = {
          {"id", Count{percpu::Value(chunk.id)}, ""},
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
          {"largest_run_bytes", knows_runs ? Value(Size{chunk.largest_run_bytes}) : Absent{}, ""},
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
          {"fragmentation", knows_runs ? Value(Share{chunk.fragmentation}) : Absent{}, ""}}};
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
