// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_

#include <gmock/gmock.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "percpu/connection.h"

namespace percpu::mocks {

// Stands in for the daemon in tests of programs that use a Client:
//
//   auto connection = std::make_shared<percpu::mocks::MockConnection>();
//   EXPECT_CALL(*connection, Sum).WillOnce(Return(42));
//   percpu::Client client(connection);
//
// Link it with mock_connection.cc, which has its constructor and destructor: in a header
// these took 15 s to compile in every source.
class MockConnection : public Connection {
 public:
  template <typename Response>
  using Or = absl::StatusOr<Response>;
  template <typename Entry>
  using List = absl::StatusOr<std::vector<Entry>>;

  MockConnection();
  ~MockConnection() override;

  MOCK_METHOD(absl::Status, Ping, (), (override));
  MOCK_METHOD(List<Pointer>, Alloc, (std::span<const AreaSpec>, const AllocateOptions&),
              (override));
  MOCK_METHOD(Or<std::uint64_t>, Free, (std::span<const Pointer>), (override));
  MOCK_METHOD(Or<std::uint64_t>, FreeSparingSessions, (std::span<const Pointer>), (override));
  MOCK_METHOD(Or<std::string>, Read, (Pointer, Unit, std::uint64_t), (override));
  MOCK_METHOD(absl::Status, Write, (Pointer, Unit, std::string_view), (override));
  MOCK_METHOD(Or<AddResult>, Add, (Pointer, std::int64_t, std::optional<Unit>, Width), (override));
  MOCK_METHOD(Or<std::int64_t>, Sum, (Pointer, Width), (override));

  MOCK_METHOD(Or<OpenedSession>, OpenSession, (std::string_view, absl::Duration), (override));
  MOCK_METHOD(absl::Status, EndSession, (SessionId), (override));
  MOCK_METHOD(absl::Status, HandOver, (std::span<const Pointer>, SessionId), (override));
  MOCK_METHOD(Or<OpenedVariable>, OpenVariable, (const VariableSpec&), (override));
  MOCK_METHOD(Or<Variable>, Publish, (Pointer, std::string_view, VariableType), (override));
  MOCK_METHOD(absl::Status, RemoveVariable, (std::string_view, bool), (override));
  MOCK_METHOD(Or<ChunkGrant>, LeaseChunk, (std::string_view), (override));
  MOCK_METHOD(absl::Status, ReturnLease, (ChunkId), (override));

  MOCK_METHOD(Or<AllocInfo>, GetAllocInfo, (), (override));
  MOCK_METHOD(List<Group>, ListGroups, (), (override));
  MOCK_METHOD(List<UnitInfo>, ListUnits, (), (override));
  MOCK_METHOD(List<StaticVariable>, ListStaticVariables, (), (override));
  MOCK_METHOD(List<ChunkInfo>, ListChunks, (), (override));
  MOCK_METHOD(Or<AreaMap>, ListAreas, (ChunkId), (override));
  MOCK_METHOD(List<SlotInfo>, ListSlots, (), (override));
  MOCK_METHOD(Or<BuddyInfo>, GetBuddyInfo, (), (override));
  MOCK_METHOD(List<CheckedPart>, Check, (), (override));
  MOCK_METHOD(Or<Stats>, GetStats, (), (override));
  MOCK_METHOD(Or<Owner>, Resolve, (Pointer), (override));
  MOCK_METHOD(Or<AllocEstimate>, EstimateAlloc, (const AreaSpec&, Region), (override));
  MOCK_METHOD(List<SessionInfo>, ListSessions, (), (override));
  MOCK_METHOD(List<LeaseInfo>, ListLeases, (), (override));
  MOCK_METHOD(Or<LeaseMap>, ListLeaseAreas, (ChunkId), (override));
  MOCK_METHOD(List<Variable>, ListVariables, (), (override));
  MOCK_METHOD(absl::Status, Watch, (absl::Duration, const std::function<bool(const StatsSample&)>&),
              (override));
};

}  // namespace percpu::mocks

#endif  // PERCPUD_CLIENT_SDK_PERCPU_MOCKS_MOCK_CONNECTION_H_
