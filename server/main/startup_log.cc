// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/startup_log.h"

#include <spdlog/spdlog.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/percpu/introspect/inspector.h"

namespace percpud {
namespace {

void LogWaste(const Allocator& allocator) {
  const Footprint footprint = Inspector(allocator).footprint();
  const std::string tail =
      footprint.tail_pages == Pages(0)
          ? ""
          : fmt::format(" tail_pages={} ({})", footprint.tail_pages.value(),
                        footprint.returns_tail ? "given back" : "kept: see km.return_tail");
  const auto message = fmt::format(
      "{} wastes {} of {} pages per chunk ({:.1f}%), {} more in ghost units: pages_per_chunk={} "
      "block_order={} wasted_pages={} ghost_pages={}{}",
      std::string(Inspector(allocator).backend_name()), footprint.wasted_pages.value(),
      footprint.block_pages.value(),
      100.0 * static_cast<double>(footprint.wasted_pages.value()) /
          static_cast<double>(footprint.block_pages.value()),
      footprint.ghost_pages.value(), footprint.pages_per_chunk.value(),
      footprint.block_order.value(), footprint.wasted_pages.value(), footprint.ghost_pages.value(),
      tail);
  const bool wasteful = footprint.wasted_pages > Pages(0) || footprint.ghost_pages > Pages(0);
  spdlog::log(wasteful ? spdlog::level::warn : spdlog::level::info, message);
}

}  // namespace

void LogLayout(const Allocator& allocator) {
  const AllocInfo& info = allocator.info();
  spdlog::info("layout: static {} reserved {} dynamic {} unit {} atom {}, {} units per allocation",
               Format(info.static_size), Format(info.reserved_size), Format(info.dyn_size),
               Format(info.unit_size), Format(info.atom_size), info.units_per_alloc);
  for (const GroupInfo& group : info.groups) {
    spdlog::info("group {} (node {}) at {}: CPUs {}", group.id.value(), group.node.value(),
                 group.base_offset.value(),
                 absl::StrJoin(group.cpus, " ", [](std::string* out, const auto& cpu) {
                   if (cpu) {
                     absl::StrAppend(out, cpu->value());
                   } else {
                     out->push_back('-');
                   }
                 }));
  }
  LogWaste(allocator);
  if (const std::string remark = Inspector(allocator).backend_remark(); !remark.empty()) {
    spdlog::warn("{}: {}", std::string(Inspector(allocator).backend_name()), remark);
  }
}

}  // namespace percpud
