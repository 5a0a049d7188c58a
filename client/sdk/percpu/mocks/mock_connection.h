// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_

#include <gmock/gmock.h>

#include <functional>

#include "percpu/connection.h"

namespace percpu::mocks {

// Stands in for the daemon in the tests of whoever uses a Client:
//
//   auto connection = std::make_shared<percpu::mocks::MockConnection>();
//   EXPECT_CALL(*connection, Sum).WillOnce(Return(response));
//   percpu::Client client(connection);
//
// To be linked with mock_connection.cc: made and destroyed in a header, it took
// 15 s to compile for everyone who includes it.
class MockConnection : public Connection {
 public:
  template <typename Response>
  using Or = absl::StatusOr<Response>;

  MockConnection();
  ~MockConnection() override;

  MOCK_METHOD(Or<v1::PingResponse>, Ping, (const v1::PingRequest&), (override));
  MOCK_METHOD(Or<v1::AllocResponse>, Alloc, (const v1::AllocRequest&), (override));
  MOCK_METHOD(Or<v1::FreeResponse>, Free, (const v1::FreeRequest&), (override));
  MOCK_METHOD(Or<v1::ReadResponse>, Read, (const v1::ReadRequest&), (override));
  MOCK_METHOD(Or<v1::WriteResponse>, Write, (const v1::WriteRequest&), (override));
  MOCK_METHOD(Or<v1::AddResponse>, Add, (const v1::AddRequest&), (override));
  MOCK_METHOD(Or<v1::SumResponse>, Sum, (const v1::SumRequest&), (override));
  MOCK_METHOD(Or<v1::GetAllocInfoResponse>, GetAllocInfo, (const v1::GetAllocInfoRequest&),
              (override));
  MOCK_METHOD(Or<v1::ListGroupsResponse>, ListGroups, (const v1::ListGroupsRequest&), (override));
  MOCK_METHOD(Or<v1::ListUnitsResponse>, ListUnits, (const v1::ListUnitsRequest&), (override));
  MOCK_METHOD(Or<v1::ListStaticVariablesResponse>, ListStaticVariables,
              (const v1::ListStaticVariablesRequest&), (override));
  MOCK_METHOD(Or<v1::ListChunksResponse>, ListChunks, (const v1::ListChunksRequest&), (override));
  MOCK_METHOD(Or<v1::ListAreasResponse>, ListAreas, (const v1::ListAreasRequest&), (override));
  MOCK_METHOD(Or<v1::ListSlotsResponse>, ListSlots, (const v1::ListSlotsRequest&), (override));
  MOCK_METHOD(Or<v1::CheckResponse>, Check, (const v1::CheckRequest&), (override));
  MOCK_METHOD(Or<v1::GetBuddyInfoResponse>, GetBuddyInfo, (const v1::GetBuddyInfoRequest&),
              (override));
  MOCK_METHOD(Or<v1::GetStatsResponse>, GetStats, (const v1::GetStatsRequest&), (override));
  MOCK_METHOD(Or<v1::ResolveResponse>, Resolve, (const v1::ResolveRequest&), (override));
  MOCK_METHOD(Or<v1::EstimateAllocResponse>, EstimateAlloc, (const v1::EstimateAllocRequest&),
              (override));
  MOCK_METHOD(Or<v1::ListSessionsResponse>, ListSessions, (const v1::ListSessionsRequest&),
              (override));
  MOCK_METHOD(Or<v1::ListVariablesResponse>, ListVariables, (const v1::ListVariablesRequest&),
              (override));
  MOCK_METHOD(Or<v1::OpenSessionResponse>, OpenSession, (const v1::OpenSessionRequest&),
              (override));
  MOCK_METHOD(Or<v1::EndSessionResponse>, EndSession, (const v1::EndSessionRequest&), (override));
  MOCK_METHOD(Or<v1::HandOverResponse>, HandOver, (const v1::HandOverRequest&), (override));
  MOCK_METHOD(Or<v1::OpenVariableResponse>, OpenVariable, (const v1::OpenVariableRequest&),
              (override));
  MOCK_METHOD(Or<v1::PublishResponse>, Publish, (const v1::PublishRequest&), (override));
  MOCK_METHOD(Or<v1::RemoveVariableResponse>, RemoveVariable, (const v1::RemoveVariableRequest&),
              (override));
  MOCK_METHOD(Or<v1::LeaseChunkResponse>, LeaseChunk, (const v1::LeaseChunkRequest&), (override));
  MOCK_METHOD(Or<v1::ReturnLeaseResponse>, ReturnLease, (const v1::ReturnLeaseRequest&),
              (override));
  MOCK_METHOD(Or<v1::ListLeasesResponse>, ListLeases, (const v1::ListLeasesRequest&), (override));
  MOCK_METHOD(Or<v1::ListLeaseAreasResponse>, ListLeaseAreas, (const v1::ListLeaseAreasRequest&),
              (override));
  MOCK_METHOD(absl::Status, Watch,
              (const v1::WatchRequest&, const std::function<bool(const v1::WatchResponse&)>&),
              (override));
};

}  // namespace percpu::mocks

#endif  // PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_
