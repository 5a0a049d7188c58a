// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/introspection.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

// A remote session as the daemon opened it.
struct OpenedSession {
  SessionId id{};
  // Stands for the session in later calls (MakeGrpcConnection). It is a secret.
  std::string token;
  // The daemon ends the session this long after it last heard of it.
  absl::Duration ttl;
};

// A chunk that the daemon leased. Places are offsets in the arena.
struct ChunkGrant {
  ChunkId id{};
  // Unit 0's first byte.
  Pointer base = kNull;
  std::uint64_t unit_bytes = 0;
  // Where the lease's map begins.
  std::uint64_t map_offset = 0;
  std::uint64_t map_bytes = 0;
  // True for a kept lease that was there before, with its data.
  bool existed = false;
};

// One method per call that the daemon serves: the place where a test puts a mock.
// Programs use Client, whose comments say what each call does. Lists come whole.
// Implementations are thread safe. A method blocks for CallOptions::deadline at most.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  virtual absl::Status Ping() = 0;
  virtual absl::StatusOr<std::vector<Pointer>> Alloc(std::span<const AreaSpec> specs,
                                                     const AllocateOptions& options) = 0;
  // Returns the bytes of one unit that were freed.
  virtual absl::StatusOr<std::uint64_t> Free(std::span<const Pointer> pointers) = 0;
  // The same, but areas of another's session are refused, even to an operator.
  virtual absl::StatusOr<std::uint64_t> FreeSparingSessions(std::span<const Pointer> pointers) = 0;
  virtual absl::StatusOr<std::string> Read(Pointer pointer, Unit unit,
                                           std::uint64_t length_bytes) = 0;
  virtual absl::Status Write(Pointer pointer, Unit unit, std::string_view data) = 0;
  virtual absl::StatusOr<AddResult> Add(Pointer pointer, std::int64_t delta,
                                        std::optional<Unit> unit, Width width) = 0;
  virtual absl::StatusOr<std::int64_t> Sum(Pointer pointer, Width width) = 0;

  virtual absl::StatusOr<OpenedSession> OpenSession(std::string_view command,
                                                    absl::Duration ttl) = 0;
  virtual absl::Status EndSession(SessionId session) = 0;
  virtual absl::Status HandOver(std::span<const Pointer> pointers, SessionId session) = 0;
  virtual absl::StatusOr<OpenedVariable> OpenVariable(const VariableSpec& spec) = 0;
  virtual absl::StatusOr<Variable> Publish(Pointer pointer, std::string_view name,
                                           VariableType type) = 0;
  virtual absl::Status RemoveVariable(std::string_view name, bool force) = 0;
  // Leases a chunk: a kept one if `name` is not empty.
  virtual absl::StatusOr<ChunkGrant> LeaseChunk(std::string_view name) = 0;
  virtual absl::Status ReturnLease(ChunkId chunk) = 0;

  virtual absl::StatusOr<AllocInfo> GetAllocInfo() = 0;
  virtual absl::StatusOr<std::vector<Group>> ListGroups() = 0;
  virtual absl::StatusOr<std::vector<UnitInfo>> ListUnits() = 0;
  virtual absl::StatusOr<std::vector<StaticVariable>> ListStaticVariables() = 0;
  virtual absl::StatusOr<std::vector<ChunkInfo>> ListChunks() = 0;
  virtual absl::StatusOr<AreaMap> ListAreas(ChunkId chunk) = 0;
  virtual absl::StatusOr<std::vector<SlotInfo>> ListSlots() = 0;
  virtual absl::StatusOr<BuddyInfo> GetBuddyInfo() = 0;
  virtual absl::StatusOr<std::vector<CheckedPart>> Check() = 0;
  virtual absl::StatusOr<Stats> GetStats() = 0;
  virtual absl::StatusOr<Owner> Resolve(Pointer pointer) = 0;
  virtual absl::StatusOr<AllocEstimate> EstimateAlloc(const AreaSpec& spec, Region region) = 0;
  virtual absl::StatusOr<std::vector<SessionInfo>> ListSessions() = 0;
  virtual absl::StatusOr<std::vector<LeaseInfo>> ListLeases() = 0;
  virtual absl::StatusOr<LeaseMap> ListLeaseAreas(ChunkId chunk) = 0;
  virtual absl::StatusOr<std::vector<Variable>> ListVariables() = 0;
  // Goes on until `on_sample` returns false (OK), the daemon ends the stream (OK), or the
  // stream breaks. Has no deadline.
  virtual absl::Status Watch(absl::Duration interval,
                             const std::function<bool(const StatsSample&)>& on_sample) = 0;
};

// Makes a connection to "unix:PATH", a path, "tls:HOST:PORT" or "HOST:PORT". It opens nothing
// before the first call, so a process may fork after making one. If `token` is not empty, calls are
// made in the name of its session (OpenedSession).
std::shared_ptr<Connection> MakeGrpcConnection(std::string_view address, const CallOptions& options,
                                               std::string_view token = {});

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CONNECTION_H_
