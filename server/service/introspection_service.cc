// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/introspection_service.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/percpu/introspect/inspector.h"
#include "server/service/convert.h"
#include "server/service/list_page.h"
#include "server/service/paging.h"
#include "server/service/status.h"

namespace percpud {
namespace {

constexpr absl::Duration kMinInterval = absl::Milliseconds(100);
constexpr absl::Duration kMaxInterval = absl::Hours(1);

// Runs `walk`, which says how many areas it walked or what does not hold.
template <typename Walk>
void AddChecked(absl::string_view part, Walk walk, v1::CheckResponse& out) {
  v1::Checked& checked = *out.add_parts();
  const absl::Time start = absl::Now();
  const absl::StatusOr<std::uint64_t> areas = walk();
  checked.set_part(std::string(part));
  *checked.mutable_took() = ToProto(absl::Now() - start);
  if (areas.ok()) {
    checked.set_areas(*areas);
  } else {
    checked.set_problem(std::string(areas.status().message()));
  }
}

}  // namespace

grpc::Status IntrospectionService::Admit(const grpc::ServerContext& context, Rpc rpc) const {
  return ToGrpc(callers_.Admit(rpc, context).status());
}

grpc::Status IntrospectionService::GetAllocInfo(grpc::ServerContext* context,
                                                const v1::GetAllocInfoRequest* /*request*/,
                                                v1::GetAllocInfoResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  *response->mutable_alloc_info() = AllocInfoProto(allocator_);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::ListGroups(grpc::ServerContext* context,
                                              const v1::ListGroupsRequest* request,
                                              v1::ListGroupsResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const AllocInfo& info = allocator_.info();
  return ListPage("groups", *request, info.groups.size(), *response, [&](std::uint64_t i) {
    *response->add_groups() = ToProto(info.groups[i], info.unit_size);
  });
}

grpc::Status IntrospectionService::ListUnits(grpc::ServerContext* context,
                                             const v1::ListUnitsRequest* request,
                                             v1::ListUnitsResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const AllocInfo& info = allocator_.info();
  return ListPage("units", *request, info.units(), *response, [&](std::uint64_t i) {
    const UnitId unit(i);
    const auto after =
        std::upper_bound(info.groups.begin(), info.groups.end(), unit,
                         [](UnitId at, const GroupInfo& group) { return at < group.first_unit; });
    *response->add_units() = UnitProto(info, *std::prev(after), unit);
  });
}

grpc::Status IntrospectionService::ListStaticVariables(
    grpc::ServerContext* context, const v1::ListStaticVariablesRequest* request,
    v1::ListStaticVariablesResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const std::vector<StaticVariable>& variables = allocator_.statics().variables();
  return ListPage("statics", *request, variables.size(), *response, [&](std::uint64_t i) {
    *response->add_static_variables() = ToProto(variables[i]);
  });
}

grpc::Status IntrospectionService::ListChunks(grpc::ServerContext* context,
                                              const v1::ListChunksRequest* request,
                                              v1::ListChunksResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Page> page =
      ParsePage("chunks", request->page_size(), request->page_token());
  if (!page.ok()) return ToGrpc(page.status());
  // One more than asked for tells whether there is a next page.
  std::vector<ChunkSnapshot> chunks =
      Inspector(allocator_).GetChunks(ChunkId(page->first), page->size + 1);
  if (chunks.size() > page->size) {
    response->set_next_page_token(PageToken("chunks", chunks.back().id.value()));
    chunks.pop_back();
  }
  for (const ChunkSnapshot& chunk : chunks) *response->add_chunks() = ToProto(chunk);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::ListAreas(grpc::ServerContext* context,
                                             const v1::ListAreasRequest* request,
                                             v1::ListAreasResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Page> page = ParsePage("areas", request->page_size(), request->page_token());
  if (!page.ok()) return ToGrpc(page.status());
  const absl::StatusOr<AreaMapSnapshot> map =
      Inspector(allocator_).GetAreaMap(ChunkId(request->chunk_id()));
  if (!map.ok()) return ToGrpc(map.status());
  *response->mutable_chunk() = ToProto(map->chunk);
  DrawOccupancy(*map, *response);
  // Paged by offset, which stays meaningful when areas come and go meanwhile.
  auto area = std::lower_bound(
      map->areas.begin(), map->areas.end(), Bytes(page->first),
      [](const AreaSnapshot& entry, Bytes offset) { return entry.offset < offset; });
  for (std::uint32_t i = 0; i < page->size && area != map->areas.end(); ++i, ++area) {
    *response->add_areas() = ToProto(*area);
  }
  if (area != map->areas.end()) {
    response->set_next_page_token(
        PageToken("areas", static_cast<std::uint32_t>(area->offset.value())));
  }
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::ListSlots(grpc::ServerContext* context,
                                             const v1::ListSlotsRequest* request,
                                             v1::ListSlotsResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const std::vector<SlotSnapshot> slots = Inspector(allocator_).GetSlots();
  return ListPage("slots", *request, slots.size(), *response,
                  [&](std::uint64_t i) { *response->add_slots() = ToProto(slots[i]); });
}

grpc::Status IntrospectionService::GetBuddyInfo(grpc::ServerContext* context,
                                                const v1::GetBuddyInfoRequest* /*request*/,
                                                v1::GetBuddyInfoResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  ToProto(Inspector(allocator_).GetBuddy(), *response);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::GetStats(grpc::ServerContext* context,
                                            const v1::GetStatsRequest* /*request*/,
                                            v1::GetStatsResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  *response->mutable_stats() = ToProto(Inspector(allocator_).GetStats());
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::Resolve(grpc::ServerContext* context,
                                           const v1::ResolveRequest* request,
                                           v1::ResolveResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Resolution> owner =
      Inspector(allocator_).Resolve(PercpuPtr(request->pointer()));
  if (!owner.ok()) return ToGrpc(owner.status());
  ToProto(*owner, *response);
  if (owner->owner == Resolution::Owner::kLease) {
    const auto lease = FindLease(owner->chunk);
    if (lease.ok() && lease->first.holder != kNoSession) {
      response->set_session_id(lease->first.holder.value());
    }
  }
  if (owner->owner == Resolution::Owner::kArea) {
    const PercpuPtr area = owner->area.pointer;
    const std::optional<AreaOwner> owner_of_area = sessions_.areas().OwnerOf(area);
    if (owner_of_area && owner_of_area->session != kNoSession) {
      response->set_session_id(owner_of_area->session.value());
    }
    response->set_variable(sessions_.variables().NameAt(area));
  }
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::EstimateAlloc(grpc::ServerContext* context,
                                                 const v1::EstimateAllocRequest* request,
                                                 v1::EstimateAllocResponse* response) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<Region> region = FromProto(request->region());
  if (!region.ok()) return ToGrpc(region.status());
  const AreaSpec spec{
      .size = Bytes(request->size_bytes()),
      .alignment = request->alignment() == 0 ? kDefaultAlign : Bytes(request->alignment())};
  const absl::StatusOr<Estimate> estimate = Inspector(allocator_).EstimateAlloc(spec, *region);
  if (!estimate.ok()) return ToGrpc(estimate.status());
  ToProto(*estimate, *response);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::Check(grpc::ServerContext* context,
                                         const v1::CheckRequest* /*request*/,
                                         v1::CheckResponse* response) {
  if (grpc::Status denied = Admit(*context, Rpc::kCheck); !denied.ok()) return denied;
  const auto walk_allocator = [this]() -> absl::StatusOr<std::uint64_t> {
    if (absl::Status sound = Inspector(allocator_).CheckInvariants(); !sound.ok()) return sound;
    return Inspector(allocator_).GetStats().nr_cur_alloc;
  };
  AddChecked("allocator", walk_allocator, *response);
  AddChecked(
      "sessions", [this] { return sessions_.CheckInvariants(); }, *response);
  return grpc::Status::OK;
}

grpc::Status IntrospectionService::Watch(grpc::ServerContext* context,
                                         const v1::WatchRequest* request,
                                         grpc::ServerWriter<v1::WatchResponse>* writer) {
  if (grpc::Status denied = Admit(*context); !denied.ok()) return denied;
  const absl::StatusOr<absl::Duration> interval =
      request->has_interval()
          ? FromProto("interval", request->interval(), kMinInterval, kMaxInterval)
          : absl::Seconds(1);
  if (!interval.ok()) return ToGrpc(interval.status());
  absl::StatusOr<StreamGate::Stream> stream = gate_.Open();
  if (!stream.ok()) return ToGrpc(stream.status());
  const absl::Time start = absl::Now();
  v1::WatchResponse response;
  do {
    const absl::Duration elapsed = absl::Now() - start;
    *response.mutable_elapsed() = ToProto(elapsed);
    *response.mutable_stats() = ToProto(Inspector(allocator_).GetStats());
  } while (writer->Write(response) && stream->Wait(*context, *interval));
  return grpc::Status::OK;
}

}  // namespace percpud
