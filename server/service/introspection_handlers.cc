// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/introspection_handlers.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "server/base/clock.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/service/convert.h"
#include "server/service/paging.h"
#include "server/session/wire_numbers.h"

namespace percpud::handlers {
namespace {

// Runs `walk`, which returns how many areas it walked, or what does not hold.
template <typename Walk>
void AddChecked(absl::string_view part, Walk walk, v1::CheckResponse& out) {
  v1::Checked& checked = *out.add_parts();
  const BootTime start = NowSinceBoot();
  const absl::StatusOr<std::uint64_t> areas = walk();
  checked.set_part(std::string(part));
  *checked.mutable_took() = ToProto(NowSinceBoot() - start);
  if (areas.ok()) {
    checked.set_areas(*areas);
  } else {
    checked.set_problem(std::string(areas.status().message()));
  }
}

const GroupInfo& GroupOf(const AllocInfo& info, UnitId unit) {
  const auto after =
      std::upper_bound(info.groups.begin(), info.groups.end(), unit,
                       [](UnitId at, const GroupInfo& group) { return at < group.first_unit; });
  return *std::prev(after);
}

}  // namespace

void AddShown(const ExportView& view, const AreaSnapshot& area,
              google::protobuf::RepeatedPtrField<v1::Area>& out) {
  v1::Area& one = *out.Add();
  one = ToProto(area);
  if (!view.ShowsVariable(one.tag())) one.clear_tag();
}

absl::Status GetAllocInfo(IntrospectionContext& context, const Caller& /*caller*/,
                          const v1::GetAllocInfoRequest& /*request*/,
                          v1::GetAllocInfoResponse& response) {
  v1::AllocInfo& info = *response.mutable_alloc_info();
  info = AllocInfoProto(context.allocator);
  if (!context.missing_files) return absl::OkStatus();
  for (std::string& file : context.missing_files()) info.add_missing_files(std::move(file));
  return absl::OkStatus();
}

absl::Status ListGroups(IntrospectionContext& context, const Caller& /*caller*/,
                        const v1::ListGroupsRequest& request, v1::ListGroupsResponse& response) {
  const AllocInfo& info = context.allocator.info();
  return ListByIndex("groups", request, info.groups.size(), response, [&](std::uint64_t i) {
    *response.add_groups() = ToProto(info.groups[i], info.unit_size);
  });
}

absl::Status ListUnits(IntrospectionContext& context, const Caller& /*caller*/,
                       const v1::ListUnitsRequest& request, v1::ListUnitsResponse& response) {
  const AllocInfo& info = context.allocator.info();
  return ListByIndex("units", request, info.units(), response, [&](std::uint64_t i) {
    const UnitId unit(i);
    *response.add_units() = UnitProto(info, GroupOf(info, unit), unit);
  });
}

absl::Status ListStaticVariables(IntrospectionContext& context, const Caller& caller,
                                 const v1::ListStaticVariablesRequest& request,
                                 v1::ListStaticVariablesResponse& response) {
  const ExportView view = context.calls.ExportsTo(caller);
  std::vector<StaticVariable> variables = context.allocator.statics().variables();
  std::erase_if(variables,
                [&view](const StaticVariable& each) { return !view.ShowsVariable(each.name); });
  return ListByIndex("statics", request, variables.size(), response, [&](std::uint64_t i) {
    *response.add_static_variables() = ToProto(variables[i]);
  });
}

absl::Status ListChunks(IntrospectionContext& context, const Caller& /*caller*/,
                        const v1::ListChunksRequest& request, v1::ListChunksResponse& response) {
  ASSIGN_OR_RETURN(const Page page, ParsePage("chunks", request.page_size(), request.page_token()));
  // One more than asked for tells whether there is a next page.
  std::vector<ChunkSnapshot> chunks =
      context.inspector.GetChunks(ChunkId(page.first), std::size_t{page.size} + 1);
  if (chunks.size() > page.size) {
    response.set_next_page_token(PageToken("chunks", chunks.back().id.value()));
    chunks.pop_back();
  }
  for (const ChunkSnapshot& chunk : chunks) *response.add_chunks() = ToProto(chunk);
  return absl::OkStatus();
}

absl::Status ListAreas(IntrospectionContext& context, const Caller& caller,
                       const v1::ListAreasRequest& request, v1::ListAreasResponse& response) {
  ASSIGN_OR_RETURN(const Page page, ParsePage("areas", request.page_size(), request.page_token()));
  ASSIGN_OR_RETURN(const AreaMapSnapshot map,
                   context.inspector.GetAreaMap(ChunkId(request.chunk_id())));
  *response.mutable_chunk() = ToProto(map.chunk);
  DrawOccupancy(map, response);
  const ExportView view = context.calls.ExportsTo(caller);
  // Paged by offset, which stays meaningful when areas come and go meanwhile.
  auto area = std::lower_bound(
      map.areas.begin(), map.areas.end(), Bytes(page.first),
      [](const AreaSnapshot& entry, Bytes offset) { return entry.offset < offset; });
  for (std::uint32_t i = 0; i < page.size && area != map.areas.end(); ++i, ++area) {
    AddShown(view, *area, *response.mutable_areas());
  }
  if (area != map.areas.end()) {
    response.set_next_page_token(PageToken("areas", area->offset.value()));
  }
  return absl::OkStatus();
}

absl::Status ListSlots(IntrospectionContext& context, const Caller& /*caller*/,
                       const v1::ListSlotsRequest& request, v1::ListSlotsResponse& response) {
  const std::vector<SlotSnapshot> slots = context.inspector.GetSlots();
  return ListByIndex("slots", request, slots.size(), response,
                     [&](std::uint64_t i) { *response.add_slots() = ToProto(slots[i]); });
}

absl::Status GetBuddyInfo(IntrospectionContext& context, const Caller& /*caller*/,
                          const v1::GetBuddyInfoRequest& /*request*/,
                          v1::GetBuddyInfoResponse& response) {
  ToProto(context.inspector.GetBuddy(), response);
  return absl::OkStatus();
}

absl::Status GetStats(IntrospectionContext& context, const Caller& /*caller*/,
                      const v1::GetStatsRequest& /*request*/, v1::GetStatsResponse& response) {
  *response.mutable_stats() = ToProto(context.inspector.GetStats());
  return absl::OkStatus();
}

absl::Status EstimateAlloc(IntrospectionContext& context, const Caller& /*caller*/,
                           const v1::EstimateAllocRequest& request,
                           v1::EstimateAllocResponse& response) {
  ASSIGN_OR_RETURN(const Region region, RegionFrom(request.region()));
  const AreaSpec spec{
      .size = Bytes(request.size_bytes()),
      .alignment = request.alignment() == 0 ? kDefaultAlign : Bytes(request.alignment())};
  ASSIGN_OR_RETURN(const Estimate estimate, context.inspector.EstimateAlloc(spec, region));
  ToProto(estimate, response);
  return absl::OkStatus();
}

absl::Status Check(IntrospectionContext& context, const Caller& /*caller*/,
                   const v1::CheckRequest& /*request*/, v1::CheckResponse& response) {
  const auto walk_allocator = [&]() -> absl::StatusOr<std::uint64_t> {
    RETURN_IF_ERROR(context.inspector.CheckInvariants());
    return context.inspector.GetStats().nr_cur_alloc;
  };
  AddChecked("allocator", walk_allocator, response);
  AddChecked(
      "sessions", [&] { return context.sessions.CheckInvariants(); }, response);
  return absl::OkStatus();
}

}  // namespace percpud::handlers
