// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// chunk list and chunk show: what is granted where, and how broken up the rest is.

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"
#include "client/cli/parse.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Chunks(Context& context) {
  const absl::StatusOr<std::vector<ChunkInfo>> chunks = ListChunks(context.client);
  if (!chunks.ok()) return chunks.status();
  return Report{{ChunkTable(*chunks, {{"id", "ID"},
                                      {"kind", "KIND"},
                                      {"base", "BASE"},
                                      {"live_areas", "AREAS"},
                                      {"capacity_bytes", "CAPACITY"},
                                      {"free_bytes", "FREE"},
                                      {"largest_run_bytes", "LARGEST"},
                                      {"fragmentation", "FRAG"}})}};
}

struct ChunkOptions {
  std::uint32_t id = 0;
  bool map = false;
};

Table AreaTable(const AreaMap& response) {
  Table table{.key = "areas",
              .title = "",
              .columns = {{"pointer", "POINTER"},
                          {"chunk_id", ""},
                          {"offset", "OFFSET"},
                          {"size_bytes", "SIZE"},
                          {"tag", "TAG"}},
              .rows = {}};
  for (const AreaInfo& area : response.areas) {
    table.rows.push_back({Offset{percpu::Value(area.pointer)}, Count{percpu::Value(area.chunk)},
                          Offset{area.offset}, Size{area.size_bytes}, area.tag});
  }
  return table;
}

absl::StatusOr<Report> Chunk(Context& context, const ChunkOptions& options) {
  const absl::StatusOr<AreaMap> response = context.client.ListAreas(ChunkId{options.id});
  if (!response.ok()) return response.status();
  Report report{{ChunkFields(response->chunk)}};
  if (options.map) {
    report.sections.emplace_back(Map{.begin_offset = response->begin_offset,
                                     .end_offset = response->end_offset,
                                     .cell_bytes = response->cell_bytes,
                                     .occupancy = response->occupancy});
  }
  report.sections.emplace_back(AreaTable(*response));
  return report;
}

}  // namespace

Commands AddChunk(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "chunk", "Chunks: how full and how broken up each is");
  Command list =
      AddPlain(noun, "list", "All chunks: how full and how broken up each is",
               "AREAS, CAPACITY, FREE and LARGEST (the longest free run) count one unit. FRAG is\n"
               "the share of the free bytes outside LARGEST: 0% if one area could take them all.\n"
               "The areas of a leased chunk are what its holder's map says. JSON has all the\n"
               "fields that chunk show has.",
               Chunks);
  CLI::App* show = AddCommand(noun, "show", "One chunk and its areas; --map draws it");
  const auto options = std::make_shared<ChunkOptions>();
  show->add_option("ID", options->id, "The chunk's id, as chunk list shows it")
      ->option_text(" ")
      ->transform(AsCount(0, std::numeric_limits<std::uint32_t>::max()))
      ->required();
  show->add_flag("--map", options->map, "Draw where areas lie in the unit");
  return {std::move(list), {.parser = show, .run = [options](Context& context) {
                              return Chunk(context, *options);
                            }}};
}

}  // namespace percpu::cli
