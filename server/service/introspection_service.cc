// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/introspection_service.h"

#include "absl/time/time.h"
#include "server/service/convert.h"

namespace percpud {
namespace {

constexpr absl::Duration kMinInterval = absl::Milliseconds(100);
constexpr absl::Duration kMaxInterval = absl::Hours(1);

absl::StatusOr<absl::Duration> IntervalOf(const Caller& /*caller*/,
                                          const v1::WatchRequest& request) {
  if (!request.has_interval()) return absl::Seconds(1);
  return FromProto("interval", request.interval(), kMinInterval, kMaxInterval);
}

}  // namespace

IntrospectionService::IntrospectionService(const IntrospectionContext& context,
                                           const Callers& callers, StreamGate& gate, HotLane& lane,
                                           grpc::ServerBuilder& builder)
    : context_(context),
      methods_(lane, callers, context_),
      watch_{.lane = lane,
             .callers = callers,
             .gate = gate,
             .service = service_,
             .rpc = Rpc::kIntrospect,
             .receive = &Service::RequestWatch,
             .interval = IntervalOf,
             .fill =
                 [this](const Caller& /*caller*/, const v1::WatchRequest& /*request*/,
                        absl::Duration since_start, v1::WatchResponse& response) {
                   *response.mutable_elapsed() = ToProto(since_start);
                   *response.mutable_stats() = ToProto(context_.inspector.GetStats());
                   return true;
                 },
             .says_goodbye = [](const v1::WatchRequest& /*request*/) { return false; }} {
  builder.RegisterService(&service_);
  AddMethods();
}

void IntrospectionService::AddMethods() {
  const auto look = [this](auto receive, auto handler) {
    methods_.Add(service_, Rpc::kIntrospect, receive, handler);
  };
  look(&Service::RequestGetAllocInfo, handlers::GetAllocInfo);
  look(&Service::RequestListGroups, handlers::ListGroups);
  look(&Service::RequestListUnits, handlers::ListUnits);
  look(&Service::RequestListStaticVariables, handlers::ListStaticVariables);
  look(&Service::RequestListChunks, handlers::ListChunks);
  look(&Service::RequestListAreas, handlers::ListAreas);
  look(&Service::RequestListSlots, handlers::ListSlots);
  look(&Service::RequestGetBuddyInfo, handlers::GetBuddyInfo);
  look(&Service::RequestGetStats, handlers::GetStats);
  look(&Service::RequestResolve, handlers::Resolve);
  look(&Service::RequestEstimateAlloc, handlers::EstimateAlloc);
  look(&Service::RequestListSessions, handlers::ListSessions);
  look(&Service::RequestListLeases, handlers::ListLeases);
  look(&Service::RequestListLeaseAreas, handlers::ListLeaseAreas);
  look(&Service::RequestListVariables, handlers::ListVariables);
  methods_.Add(service_, Rpc::kCheck, &Service::RequestCheck, handlers::Check);
  // The former names, served for one version.
  look(&Service::RequestGetUnitMap, handlers::ListUnits);
  look(&Service::RequestGetAreaMap, handlers::ListAreas);
  look(&Service::RequestGetLease, handlers::ListLeaseAreas);
}

void IntrospectionService::Start() {
  methods_.Start();
  WatchStream::Post(watch_);
}

}  // namespace percpud
