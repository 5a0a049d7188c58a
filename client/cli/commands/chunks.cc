// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// chunks and chunk: what is granted where, and how broken up the rest is.

#include <memory>
#include <utility>
#include <vector>

#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Chunks(Session& session) {
  const absl::StatusOr<std::vector<ChunkInfo>> chunks = session.client.ListChunks();
  if (!chunks.ok()) return chunks.status();
  return Report{{ChunkTable(*chunks, {{"id", "ID"},
                                      {"kind", "KIND"},
                                      {"base", "BASE"},
                                      {"slot", "SLOT"},
                                      {"pages", "PAGES"},
                                      {"wasted_pages", "WASTED"},
                                      {"ghost_pages", "GHOST"},
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

absl::StatusOr<Report> Chunk(Session& session, const ChunkOptions& options) {
  const absl::StatusOr<AreaMap> response = session.client.ListAreas(ChunkId{options.id});
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

Command AddChunks(CLI::App& root) {
  return AddPlain(
      root, "chunks", "All chunks: how full and how broken up each is",
      "AREAS, CAPACITY, FREE and LARGEST (the longest free run) count one unit; PAGES,\n"
      "WASTED and GHOST the pages of the whole chunk. FRAG is the share of the free\n"
      "bytes that lies in holes between areas. JSON has all the fields that chunk shows.",
      Chunks);
}

Command AddChunk(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "chunk", "One chunk and its areas; --map draws it");
  const auto options = std::make_shared<ChunkOptions>();
  parser->add_option("ID", options->id, "Of the chunk, as chunks shows it")
      ->option_text(" ")
      ->required();
  parser->add_flag("--map", options->map, "Draw where areas lie in the unit");
  return {.parser = parser,
          .run = [options](Session& session) { return Chunk(session, *options); }};
}

}  // namespace percpu::cli
