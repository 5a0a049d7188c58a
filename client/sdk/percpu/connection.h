// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/options.h"
#include "percpud/v1/introspection.pb.h"
#include "percpud/v1/memory.pb.h"
#include "percpud/v1/session.pb.h"

namespace percpu {

namespace v1 = ::percpud::v1;

// One method per RPC, in the wire's own messages: the seam where a test puts a
// mock. Implementations are thread safe; every method blocks.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual absl::StatusOr<v1::PingResponse> Ping(const v1::PingRequest& request) = 0;
  virtual absl::StatusOr<v1::AllocResponse> Alloc(const v1::AllocRequest& request) = 0;
  virtual absl::StatusOr<v1::FreeResponse> Free(const v1::FreeRequest& request) = 0;
  virtual absl::StatusOr<v1::ReadResponse> Read(const v1::ReadRequest& request) = 0;
  virtual absl::StatusOr<v1::WriteResponse> Write(const v1::WriteRequest& request) = 0;
  virtual absl::StatusOr<v1::AddResponse> Add(const v1::AddRequest& request) = 0;
  virtual absl::StatusOr<v1::SumResponse> Sum(const v1::SumRequest& request) = 0;

  virtual absl::StatusOr<v1::GetAllocInfoResponse> GetAllocInfo(
      const v1::GetAllocInfoRequest& request) = 0;
  virtual absl::StatusOr<v1::ListGroupsResponse> ListGroups(
      const v1::ListGroupsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListUnitsResponse> ListUnits(const v1::ListUnitsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListStaticVariablesResponse> ListStaticVariables(
      const v1::ListStaticVariablesRequest& request) = 0;
  virtual absl::StatusOr<v1::ListChunksResponse> ListChunks(
      const v1::ListChunksRequest& request) = 0;
  virtual absl::StatusOr<v1::ListAreasResponse> ListAreas(const v1::ListAreasRequest& request) = 0;
  virtual absl::StatusOr<v1::ListSlotsResponse> ListSlots(const v1::ListSlotsRequest& request) = 0;
  virtual absl::StatusOr<v1::CheckResponse> Check(const v1::CheckRequest& request) = 0;
  virtual absl::StatusOr<v1::GetBuddyInfoResponse> GetBuddyInfo(
      const v1::GetBuddyInfoRequest& request) = 0;
  virtual absl::StatusOr<v1::GetStatsResponse> GetStats(const v1::GetStatsRequest& request) = 0;
  virtual absl::StatusOr<v1::ResolveResponse> Resolve(const v1::ResolveRequest& request) = 0;
  virtual absl::StatusOr<v1::EstimateAllocResponse> EstimateAlloc(
      const v1::EstimateAllocRequest& request) = 0;
  virtual absl::StatusOr<v1::ListSessionsResponse> ListSessions(
      const v1::ListSessionsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListVariablesResponse> ListVariables(
      const v1::ListVariablesRequest& request) = 0;

  virtual absl::StatusOr<v1::OpenSessionResponse> OpenSession(
      const v1::OpenSessionRequest& request) = 0;
  virtual absl::StatusOr<v1::EndSessionResponse> EndSession(
      const v1::EndSessionRequest& request) = 0;
  virtual absl::StatusOr<v1::HandOverResponse> HandOver(const v1::HandOverRequest& request) = 0;
  virtual absl::StatusOr<v1::OpenVariableResponse> OpenVariable(
      const v1::OpenVariableRequest& request) = 0;
  virtual absl::StatusOr<v1::PublishResponse> Publish(const v1::PublishRequest& request) = 0;
  virtual absl::StatusOr<v1::RemoveVariableResponse> RemoveVariable(
      const v1::RemoveVariableRequest& request) = 0;

  virtual absl::StatusOr<v1::LeaseChunkResponse> LeaseChunk(
      const v1::LeaseChunkRequest& request) = 0;
  virtual absl::StatusOr<v1::ReturnLeaseResponse> ReturnLease(
      const v1::ReturnLeaseRequest& request) = 0;
  virtual absl::StatusOr<v1::ListLeasesResponse> ListLeases(
      const v1::ListLeasesRequest& request) = 0;
  virtual absl::StatusOr<v1::ListLeaseAreasResponse> ListLeaseAreas(
      const v1::ListLeaseAreasRequest& request) = 0;

  // Until `on_response` returns false, the daemon ends the stream (OK) or it
  // breaks. No deadline.
  virtual absl::Status Watch(const v1::WatchRequest& request,
                             const std::function<bool(const v1::WatchResponse&)>& on_response) = 0;
};

// A connection over gRPC to "unix:PATH" or "HOST:PORT". Nothing is opened
// before the first call, so a process may fork after making one. Calls speak for
// the session that `token` stands for (OpenSessionResponse), if it is not empty.
std::shared_ptr<Connection> MakeGrpcConnection(const std::string& address, const Options& options,
                                               const std::string& token = {});

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_
