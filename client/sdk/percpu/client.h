// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_CLIENT_H_
#define PERCPUD_CLIENT_SDK_PERCPU_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/area.h"
#include "percpu/connection.h"
#include "percpu/introspection.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

// A client of percpud: one method for each of its calls.
//
//   auto client = percpu::Client::Connect("unix:/run/percpud/percpud.sock");
//   auto hits = client->Allocate({.size_bytes = 8});
//   client->Add(*hits, 1, percpu::Unit{3});
//   auto total = client->Sum(*hits);
//
// Ownership: an area granted to a session belongs to it. It is taken back when the session
// ends, unless it was handed over or published before. An area granted without a session
// belongs to nobody: it lives until an operator frees it.
// Thread safety: all methods from any thread. Copies are cheap and share one connection. A
// call blocks for CallOptions::deadline at most.
// Errors: the daemon's status. Its message names the field and the limit, and ReasonOf
// (reason.h) returns a name to decide by. UNAVAILABLE if no daemon answers. A refused call
// changed nothing. A call without an answer may have been made, or not.
class Client {
 public:
  explicit Client(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  // Makes a client of the daemon at `address`: "unix:PATH", a path, "tls:HOST:PORT", or
  // "HOST:PORT" in plain text. Errors: INVALID_ARGUMENT for anything else, and for files of
  // CallOptions::tls that are of no use. The first call shows whether a daemon is
  // there.
  static absl::StatusOr<Client> Connect(std::string_view address, const CallOptions& options = {});

  // Asks whether the daemon answers.
  absl::Status Ping();

  // Allocates one area, zeroed in every unit.
  absl::StatusOr<Pointer> Allocate(AreaSpec spec, const AllocateOptions& options = {});
  // Allocates one area that is freed with its handle.
  absl::StatusOr<Area> AllocateArea(AreaSpec spec, const AllocateOptions& options = {});
  // Allocates one area for each spec, or none at all.
  absl::StatusOr<std::vector<Pointer>> AllocateBatch(std::span<const AreaSpec> specs,
                                                     const AllocateOptions& options = {});
  // Frees an area. Returns its bytes in one unit.
  absl::StatusOr<std::uint64_t> Free(Pointer pointer);
  // Frees all of the areas, or none at all. Returns their bytes in one unit.
  absl::StatusOr<std::uint64_t> FreeBatch(std::span<const Pointer> pointers);
  // The same, but areas of another's session are refused, even to an operator: a pointer that
  // was freed before may have been granted to it since.
  absl::StatusOr<std::uint64_t> FreeSparingSessions(std::span<const Pointer> pointers);

  // Copies bytes of one unit out of, or into, one area.
  absl::StatusOr<std::string> Read(Pointer pointer, Unit unit, std::uint64_t length_bytes);
  absl::Status Write(Pointer pointer, Unit unit, std::string_view data);
  // Adds to an integer in `unit`. Without a unit, the daemon chooses one.
  absl::StatusOr<AddResult> Add(Pointer pointer, std::int64_t delta,
                                std::optional<Unit> unit = std::nullopt, Width width = Width::k64);
  // Sums an integer over all units that back a CPU.
  absl::StatusOr<std::int64_t> Sum(Pointer pointer, Width width = Width::k64);

  // Ends the caller's session, and frees what it owns.
  absl::Status EndOwnSession() { return EndSession(SessionId{0}); }
  // Ends any session. Only operators may end another session than their own.
  absl::Status EndSession(SessionId session);
  // Gives areas of the caller's to another session, all or none.
  absl::Status HandOver(std::span<const Pointer> pointers, SessionId session);
  // Finds a variable by name, or makes it. If several callers ask at once, one of them
  // makes it.
  absl::StatusOr<OpenedVariable> OpenVariable(const VariableSpec& spec);
  // Names an area of the caller's, which then belongs to nobody.
  absl::StatusOr<Variable> Publish(Pointer pointer, std::string_view name, VariableType type);
  // Frees a variable. The user who made it, and operators, may do that. Returns
  // FAILED_PRECONDITION if other sessions have it open, unless `force` is set. Its memory
  // is then granted again when all of them have ended.
  absl::Status RemoveVariable(std::string_view name, bool force = false);

  // Introspection. Lists come whole.
  absl::StatusOr<AllocInfo> GetAllocInfo();
  absl::StatusOr<std::vector<Group>> ListGroups();
  absl::StatusOr<std::vector<UnitInfo>> ListUnits();
  absl::StatusOr<std::vector<StaticVariable>> ListStaticVariables();
  absl::StatusOr<std::vector<ChunkInfo>> ListChunks();
  // Returns one chunk with every area of it.
  absl::StatusOr<AreaMap> ListAreas(ChunkId chunk);
  absl::StatusOr<std::vector<SlotInfo>> ListSlots();
  absl::StatusOr<BuddyInfo> GetBuddyInfo();
  // Has the daemon verify its invariants. Only operators may do that. A problem is in the
  // answer, not in the status.
  absl::StatusOr<std::vector<CheckedPart>> Check();
  absl::StatusOr<Stats> GetStats();
  // Tells what lies at any byte of any unit.
  absl::StatusOr<Owner> Resolve(Pointer pointer);
  // Tells what an allocation would cost and waste, without making it.
  absl::StatusOr<AllocEstimate> EstimateAlloc(AreaSpec spec, Region region = Region::kDynamic);
  absl::StatusOr<std::vector<SessionInfo>> ListSessions();
  absl::StatusOr<std::vector<LeaseInfo>> ListLeases();
  // Returns a leased chunk with its live areas, as its holder's map tells them.
  absl::StatusOr<LeaseMap> ListLeaseAreas(ChunkId chunk);
  absl::StatusOr<std::vector<Variable>> ListVariables();
  // Passes a sample now and every interval, until `on_sample` returns false.
  absl::Status Watch(absl::Duration interval,
                     const std::function<bool(const StatsSample&)>& on_sample);

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CLIENT_H_
