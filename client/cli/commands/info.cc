// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands/common.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

std::string ShareOf(std::uint64_t part, std::uint64_t whole, absl::string_view what) {
  if (part == 0 || whole == 0) return "";
  return absl::StrFormat("%.1f%% of %s",
                         100.0 * static_cast<double>(part) / static_cast<double>(whole), what);
}

absl::StatusOr<Report> Info(Context& context) {
  const absl::StatusOr<AllocInfo> info = context.client.GetAllocInfo();
  if (!info.ok()) return info.status();
  Fields fields = AllocInfoFields(*info);
  const bool all_there = info->missing_files.empty();
  fields.fields.push_back(
      {"missing_files",
       all_there ? Value(Absent{}) : Value(absl::StrJoin(info->missing_files, ", ")),
       all_there ? "" : "removed or replaced since the start"});
  return Report{{std::move(fields)}};
}

}  // namespace

Fields AllocInfoFields(const AllocInfo& info) {
  const std::uint64_t block = info.block_pages;
  return {.key = "",
          .title = "",
          .fields = {
              {"backend", info.backend, ""},
              {"arena_kind", info.arena_kind, ""},
              {"arena_size", Size{info.arena_bytes}, ""},
              {"page_size", Size{info.page_bytes}, ""},
              {"unit_size", Size{info.unit_bytes}, "static + reserved + dynamic"},
              {"unit_skew", Size{info.unit_skew_bytes},
               ShareOf(info.unit_skew_bytes, info.unit_bytes + info.unit_skew_bytes,
                       "each unit, so that copies share no cache set")},
              {"static_size", Size{info.static_bytes}, ""},
              {"reserved_size", Size{info.reserved_bytes}, ""},
              {"dyn_size", Size{info.dyn_bytes}, ""},
              {"atom_size", Size{info.atom_bytes}, ""},
              {"alloc_size", Size{info.alloc_bytes}, ""},
              {"units_per_alloc", Count{info.units_per_alloc}, ""},
              {"groups", Count{info.groups}, ""},
              {"units", Count{info.units}, "ghosts included"},
              {"cpus", Count{info.cpus}, ""},
              {"pages_per_chunk", Count{info.pages_per_chunk}, "in all units"},
              {"block_order", Count{info.block_order}, ""},
              {"block_pages", Count{block}, "backing a chunk"},
              {"wasted_pages", Count{info.wasted_pages},
               ShareOf(info.wasted_pages, block, "the block, lost to the power of two")},
              {"ghost_pages", Count{info.ghost_pages},
               ShareOf(info.ghost_pages, block, "the block, in units without a CPU")},
              {"tail_pages", Count{info.tail_pages},
               info.returns_tail ? "given back to the page allocator"
                                 : "km.return_tail would give back"},
              {"max_alloc_size", Size{info.max_alloc_bytes}, ""},
              {"max_alignment", Size{info.max_alignment},
               info.unit_skew_bytes == 0 ? "" : "no more than unit_skew"},
          }};
}

Commands AddInfo(CLI::App& root) {
  return {
      AddPlain(root, "info", "Sizes, layout and the waste of each chunk",
               "What was decided when the daemon started and does not change: the parts of a\n"
               "unit, how many units a chunk has, and how much of the block that backs a chunk\n"
               "is lost to its being a power of two (wasted_pages) or belongs to units that\n"
               "serve no CPU (ghost_pages). missing_files, the arena's, the catalog's or the\n"
               "configuration's, are not at their places any more: this daemon goes on, and the\n"
               "next one does not find them.",
               Info)};
}

}  // namespace percpu::cli
