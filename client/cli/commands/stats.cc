// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// slot list, buddy and stats: the allocator's own view of its memory.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

// Plain classes need no name.
std::string SlotKindName(SlotKind kind) {
  switch (kind) {
    case SlotKind::kSizeClass:
      return "";
    case SlotKind::kFull:
      return "full";
    case SlotKind::kFree:
      return "free";
    case SlotKind::kUnknown:
      break;
  }
  return "unknown";
}

absl::StatusOr<Report> Slots(Context& context) {
  const absl::StatusOr<std::vector<SlotInfo>> slots = context.client.ListSlots();
  if (!slots.ok()) return slots.status();
  Table table{.key = "slots",
              .title = "",
              .columns = {{"slot", "SLOT"},
                          {"min_run_bytes", "RUN FROM"},
                          {"label", "LABEL"},
                          {"chunk_ids", "CHUNKS"}},
              .rows = {}};
  for (const SlotInfo& slot : *slots) {
    Ids chunks;
    for (const ChunkId chunk : slot.chunks) chunks.values.push_back(percpu::Value(chunk));
    table.rows.push_back(
        {Count{slot.slot}, Size{slot.min_run_bytes}, SlotKindName(slot.kind), std::move(chunks)});
  }
  return Report{{std::move(table)}};
}

absl::StatusOr<Report> Buddy(Context& context) {
  const absl::StatusOr<BuddyInfo> buddy = context.client.GetBuddyInfo();
  if (!buddy.ok()) return buddy.status();
  Fields totals{.key = "",
                .title = "",
                .fields = {{"page_size", Size{buddy->page_bytes}, ""},
                           {"total_pages", Count{buddy->total_pages}, ""},
                           {"free_pages", Count{buddy->free_pages}, ""}}};
  Table orders{.key = "orders",
               .title = "",
               .columns = {{"order", "ORDER"},
                           {"block_bytes", "BLOCK"},
                           {"free_blocks", "FREE BLOCKS"},
                           {"free_bytes", "FREE"}},
               .rows = {}};
  std::uint64_t block = buddy->page_bytes;
  for (std::uint64_t order = 0; order < buddy->free_blocks.size(); ++order, block *= 2) {
    const std::uint64_t blocks = buddy->free_blocks[order];
    orders.rows.push_back({Count{order}, Size{block}, Count{blocks}, Size{blocks * block}});
  }
  return Report{{std::move(totals), std::move(orders)}};
}

// Turns sizes into plain numbers, as the kernel's file has them.
void ShowUnscaled(Value& value) {
  if (const Size* size = std::get_if<Size>(&value)) {
    value = Count{size->bytes};
  } else if (const Offset* offset = std::get_if<Offset>(&value)) {
    value = Count{offset->value};
  }
}

// The kernel's counters come first, under its names; then what it does not count.
Fields StatsFields(const percpu::Stats& stats) {
  return {.key = "stats",
          .title = "Global Stats",
          .fields = {{"nr_alloc", Count{stats.nr_alloc}, ""},
                     {"nr_dealloc", Count{stats.nr_dealloc}, ""},
                     {"nr_cur_alloc", Count{stats.nr_cur_alloc}, ""},
                     {"nr_max_alloc", Count{stats.nr_max_alloc}, ""},
                     {"nr_chunks", Count{stats.nr_chunks}, ""},
                     {"nr_max_chunks", Count{stats.nr_max_chunks}, ""},
                     {"min_alloc_size", Count{stats.min_alloc_bytes}, ""},
                     {"max_alloc_size", Count{stats.max_alloc_bytes}, ""},
                     {"empty_pop_pages", Count{stats.empty_pop_pages}, ""},
                     {"chunks_created", Count{stats.chunks_created}, ""},
                     {"chunks_destroyed", Count{stats.chunks_destroyed}, ""},
                     {"chunks_created_ahead", Count{stats.chunks_created_ahead}, ""},
                     {"free_chunks", Count{stats.free_chunks}, ""},
                     {"leased_chunks", Count{stats.leased_chunks}, ""},
                     {"sidelined_chunks", Count{stats.sidelined_chunks}, ""},
                     {"blocks_depopulated", Count{stats.blocks_depopulated}, ""},
                     {"stray_bytes_released", Count{stats.stray_bytes_released}, ""},
                     {"live_bytes", Count{stats.live_bytes}, ""},
                     {"capacity_bytes", Count{stats.capacity_bytes}, ""},
                     {"failed_allocs", Count{stats.failed_allocs}, ""},
                     {"refused_frees", Count{stats.refused_frees}, ""},
                     {"zeroed_inline_bytes", Count{stats.zeroed_inline_bytes}, ""},
                     {"zeroed_background_bytes", Count{stats.zeroed_background_bytes}, ""},
                     {"populated_pages", Count{stats.populated_pages}, ""},
                     {"wasted_pages", Count{stats.wasted_pages}, ""},
                     {"ghost_pages", Count{stats.ghost_pages}, ""},
                     {"utilisation", Share{stats.utilisation}, ""}}};
}

// The part of info that the kernel's file has.
Fields AllocationInfo(const AllocInfo& info) {
  return {.key = "alloc_info",
          .title = "Allocation Info",
          .fields = {{"unit_size", Count{info.unit_bytes}, ""},
                     {"static_size", Count{info.static_bytes}, ""},
                     {"reserved_size", Count{info.reserved_bytes}, ""},
                     {"dyn_size", Count{info.dyn_bytes}, ""},
                     {"atom_size", Count{info.atom_bytes}, ""},
                     {"alloc_size", Count{info.alloc_bytes}, ""}}};
}

Table PerChunk(const std::vector<ChunkInfo>& chunks) {
  Table table = ChunkTable(chunks, {{"id", "chunk"},
                                    {"kind", "kind"},
                                    {"live_areas", "nr_alloc"},
                                    {"max_alloc_size", "max_alloc_size"},
                                    {"empty_pop_pages", "empty_pop_pages"},
                                    {"first_free_offset", "first_free_offset"},
                                    {"free_bytes", "free_bytes"},
                                    {"largest_run_bytes", "contig_bytes"},
                                    {"sum_frag", "sum_frag"},
                                    {"max_frag", "max_frag"},
                                    {"cur_min_alloc", "cur_min_alloc"},
                                    {"cur_med_alloc", "cur_med_alloc"},
                                    {"cur_max_alloc", "cur_max_alloc"}});
  table.title = "Per Chunk Stats";
  table.layout = Table::Layout::kBlocks;
  for (std::vector<Value>& row : table.rows) {
    for (Value& value : row) ShowUnscaled(value);
  }
  return table;
}

absl::StatusOr<Report> Stats(Context& context) {
  const absl::StatusOr<AllocInfo> info = context.client.GetAllocInfo();
  if (!info.ok()) return info.status();
  const absl::StatusOr<percpu::Stats> stats = context.client.GetStats();
  if (!stats.ok()) return stats.status();
  const absl::StatusOr<std::vector<ChunkInfo>> chunks = ListChunks(context.client);
  if (!chunks.ok()) return chunks.status();
  return Report{{AllocationInfo(*info), StatsFields(*stats), PerChunk(*chunks)}};
}

}  // namespace

Commands AddSlot(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "slot", "Chunks by the longest free run they have");
  return {AddPlain(noun, "list", "Chunks by the longest free run they have",
                   "An allocation looks for room from the smallest class that may hold it upwards.",
                   Slots)};
}

Commands AddBuddy(CLI::App& root) {
  return {AddPlain(root, "buddy", "Free blocks of the arena, as in /proc/buddyinfo",
                   "A new chunk needs one free block of info's block_order.", Buddy)};
}

Commands AddStats(CLI::App& root) {
  return {AddPlain(root, "stats", "Counters, as in the kernel's percpu_stats",
                   "The global names are those of /sys/kernel/debug/percpu_stats; what the kernel\n"
                   "does not count follows. Sizes are in bytes.",
                   Stats)};
}

}  // namespace percpu::cli
