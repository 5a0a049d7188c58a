// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/introspection_calls.h"

#include <cstdint>
#include <utility>

#include "percpu/internal/wire/convert.h"
#include "percpu/internal/wire/pages.h"
#include "server/base/status_macros.h"

namespace percpu::wire {
namespace {

constexpr std::int32_t kEntriesPerPage = 1000;

}  // namespace

template <typename Entry, typename Request, typename Response, typename Entries>
absl::StatusOr<std::vector<Entry>> IntrospectionCalls::ListAll(
    Method<IntrospectionStub, Request, Response> method, const Request& first, Entries entries) {
  std::vector<Entry> all;
  RETURN_IF_ERROR(ForEachPage(
      first, [&](const Request& request) { return Look(method, request); },
      [&](const Response& page) {
        for (const auto& entry : entries(page)) all.push_back(FromProto(entry));
      }));
  return all;
}

absl::StatusOr<AllocInfo> IntrospectionCalls::GetAllocInfo() {
  ASSIGN_OR_RETURN(const v1::GetAllocInfoResponse response,
                   Look(&IntrospectionStub::AsyncGetAllocInfo, v1::GetAllocInfoRequest()));
  return FromProto(response.alloc_info());
}

absl::StatusOr<std::vector<Group>> IntrospectionCalls::ListGroups() {
  return ListAll<Group>(
      &IntrospectionStub::AsyncListGroups, v1::ListGroupsRequest(),
      [](const auto& page) -> const auto& { return page.groups(); });
}

absl::StatusOr<std::vector<UnitInfo>> IntrospectionCalls::ListUnits() {
  return ListAll<UnitInfo>(
      &IntrospectionStub::AsyncListUnits, v1::ListUnitsRequest(),
      [](const auto& page) -> const auto& { return page.units(); });
}

absl::StatusOr<std::vector<StaticVariable>> IntrospectionCalls::ListStaticVariables() {
  return ListAll<StaticVariable>(
      &IntrospectionStub::AsyncListStaticVariables, v1::ListStaticVariablesRequest(),
      [](const auto& page) -> const auto& { return page.static_variables(); });
}

absl::StatusOr<std::vector<ChunkInfo>> IntrospectionCalls::ListChunks() {
  return ListAll<ChunkInfo>(
      &IntrospectionStub::AsyncListChunks, v1::ListChunksRequest(),
      [](const auto& page) -> const auto& { return page.chunks(); });
}

absl::StatusOr<AreaMap> IntrospectionCalls::ListAreas(ChunkId chunk) {
  v1::ListAreasRequest first;
  first.set_chunk_id(Value(chunk));
  first.set_page_size(kEntriesPerPage);
  AreaMap map;
  RETURN_IF_ERROR(ForEachPage(
      first,
      [&](const v1::ListAreasRequest& request) {
        return Look(&IntrospectionStub::AsyncListAreas, request);
      },
      [&](const v1::ListAreasResponse& page) {
        // Everything but the areas comes with each page; the latest is kept.
        std::vector<AreaInfo> areas = std::move(map.areas);
        map = FromProto(page);
        map.areas = std::move(areas);
        for (const v1::Area& area : page.areas()) map.areas.push_back(FromProto(area));
      }));
  return map;
}

absl::StatusOr<std::vector<SlotInfo>> IntrospectionCalls::ListSlots() {
  return ListAll<SlotInfo>(
      &IntrospectionStub::AsyncListSlots, v1::ListSlotsRequest(),
      [](const auto& page) -> const auto& { return page.slots(); });
}

absl::StatusOr<BuddyInfo> IntrospectionCalls::GetBuddyInfo() {
  ASSIGN_OR_RETURN(const v1::GetBuddyInfoResponse response,
                   Look(&IntrospectionStub::AsyncGetBuddyInfo, v1::GetBuddyInfoRequest()));
  return FromProto(response);
}

absl::StatusOr<std::vector<CheckedPart>> IntrospectionCalls::Check() {
  ASSIGN_OR_RETURN(const v1::CheckResponse response,
                   Look(&IntrospectionStub::AsyncCheck, v1::CheckRequest()));
  std::vector<CheckedPart> parts;
  for (const v1::Checked& part : response.parts()) parts.push_back(FromProto(part));
  return parts;
}

absl::StatusOr<Stats> IntrospectionCalls::GetStats() {
  ASSIGN_OR_RETURN(const v1::GetStatsResponse response,
                   Look(&IntrospectionStub::AsyncGetStats, v1::GetStatsRequest()));
  return FromProto(response.stats());
}

absl::StatusOr<Owner> IntrospectionCalls::Resolve(Pointer pointer) {
  v1::ResolveRequest request;
  request.set_pointer(Value(pointer));
  ASSIGN_OR_RETURN(const v1::ResolveResponse response,
                   Look(&IntrospectionStub::AsyncResolve, request));
  return FromProto(response);
}

absl::StatusOr<AllocEstimate> IntrospectionCalls::EstimateAlloc(const AreaSpec& spec,
                                                                Region region) {
  v1::EstimateAllocRequest request;
  request.set_size_bytes(spec.size_bytes);
  request.set_alignment(spec.alignment);
  request.set_region(ToProto(region));
  ASSIGN_OR_RETURN(const v1::EstimateAllocResponse response,
                   Look(&IntrospectionStub::AsyncEstimateAlloc, request));
  return FromProto(response);
}

absl::StatusOr<std::vector<SessionInfo>> IntrospectionCalls::ListSessions() {
  return ListAll<SessionInfo>(
      &IntrospectionStub::AsyncListSessions, v1::ListSessionsRequest(),
      [](const auto& page) -> const auto& { return page.sessions(); });
}

absl::StatusOr<std::vector<LeaseInfo>> IntrospectionCalls::ListLeases() {
  return ListAll<LeaseInfo>(
      &IntrospectionStub::AsyncListLeases, v1::ListLeasesRequest(),
      [](const auto& page) -> const auto& { return page.leases(); });
}

absl::StatusOr<LeaseMap> IntrospectionCalls::ListLeaseAreas(ChunkId chunk) {
  v1::ListLeaseAreasRequest first;
  first.set_chunk_id(Value(chunk));
  first.set_page_size(kEntriesPerPage);
  LeaseMap map;
  RETURN_IF_ERROR(ForEachPage(
      first,
      [&](const v1::ListLeaseAreasRequest& request) {
        return Look(&IntrospectionStub::AsyncListLeaseAreas, request);
      },
      [&](const v1::ListLeaseAreasResponse& page) {
        map.lease = FromProto(page.lease());
        for (const v1::Area& area : page.areas()) map.areas.push_back(FromProto(area));
      }));
  return map;
}

absl::StatusOr<std::vector<Variable>> IntrospectionCalls::ListVariables() {
  v1::ListVariablesRequest first;
  first.set_page_size(kEntriesPerPage);
  return ListAll<Variable>(
      &IntrospectionStub::AsyncListVariables, first,
      [](const auto& page) -> const auto& { return page.variables(); });
}

absl::Status IntrospectionCalls::Watch(absl::Duration interval,
                                       const std::function<bool(const StatsSample&)>& on_sample) {
  v1::WatchRequest request;
  *request.mutable_interval() = ToProto(interval);
  grpc::ClientContext context;
  RETURN_IF_ERROR(caller_.Prepare(context, caller_.DeadlineOfACall()));
  const auto reader = caller_.introspection().Watch(&context, request);
  v1::WatchResponse response;
  while (reader->Read(&response)) {
    if (on_sample(
            {.elapsed = FromProto(response.elapsed()), .stats = FromProto(response.stats())})) {
      continue;
    }
    context.TryCancel();
    reader->Finish();
    return absl::OkStatus();
  }
  return FromGrpc(reader->Finish());
}

}  // namespace percpu::wire
