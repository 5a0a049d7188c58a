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
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/connection.h"
#include "percpu/options.h"
#include "percpu/types.h"

namespace percpu {

// A client of percpud.
//
//   auto client = percpu::Client::Connect("unix:/run/percpud/percpud.sock");
//   auto hits = client->Allocate({.size_bytes = 8});
//   client->Add(*hits, 1, percpu::Unit{3});
//   auto total = client->Sum(*hits);
//
// Ownership: an area granted to a session belongs to it, and is taken back when
// the session ends unless it was handed over or published before. One granted
// without a session belongs to nobody: it lives until an operator frees it.
// Thread safety: copies are cheap and share one connection; all methods may be
// called from any thread. Calls block, up to Options::deadline.
// Errors: the daemon's status as it is; its message names the field and the
// limit. UNAVAILABLE when no daemon answers. A refused call changed nothing; a
// call that ended in UNAVAILABLE or DEADLINE_EXCEEDED may or may not have run.
class Client {
 public:
  explicit Client(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  // "unix:PATH" or "HOST:PORT". INVALID_ARGUMENT for anything else; whether a
  // daemon is there shows with the first call.
  static absl::StatusOr<Client> Connect(const std::string& address, const Options& options = {});

  // The daemon answers.
  absl::Status Ping();

  // One area, zeroed in every unit.
  absl::StatusOr<Pointer> Allocate(AreaSpec spec, const AllocateOptions& options = {});
  // One area per spec, or none.
  absl::StatusOr<std::vector<Pointer>> AllocateBatch(std::span<const AreaSpec> specs,
                                                     const AllocateOptions& options = {});
  // Bytes of one unit given back.
  absl::StatusOr<std::uint64_t> Free(Pointer pointer);
  // All or none.
  absl::StatusOr<std::uint64_t> FreeBatch(std::span<const Pointer> pointers);

  // Bytes of one unit, inside one area.
  absl::StatusOr<std::string> Read(Pointer pointer, Unit unit, std::uint64_t length);
  absl::Status Write(Pointer pointer, Unit unit, const std::string& data);

  struct AddResult {
    std::int64_t value = 0;
    Unit unit{};
  };
  // Adds in one unit: the one given, else one of the daemon's choice.
  absl::StatusOr<AddResult> Add(Pointer pointer, std::int64_t delta,
                                std::optional<Unit> unit = std::nullopt, Width width = Width::k64);
  // Over all units that back a CPU.
  absl::StatusOr<std::int64_t> Sum(Pointer pointer, Width width = Width::k64);

  // Ends a session, one's own (0) or, for an operator, any: what it owns is freed.
  absl::Status EndSession(std::uint64_t session);
  // Makes areas of one's own another session's, all or none.
  absl::Status HandOver(std::span<const Pointer> pointers, std::uint64_t session);
  // Finds a variable by name, or makes it: of several callers, one does.
  absl::StatusOr<v1::OpenVariableResponse> OpenVariable(const VariableSpec& spec);
  // Names an area of one's own, which then belongs to nobody.
  absl::StatusOr<v1::Variable> Publish(Pointer pointer, const std::string& name, VariableType type);
  // Frees a variable. For the user who made it, and operators.
  absl::Status RemoveVariable(const std::string& name);

  // Introspection, in the wire's messages; lists come whole.
  absl::StatusOr<v1::AllocInfo> AllocInfo();
  absl::StatusOr<std::vector<v1::Group>> Groups();
  absl::StatusOr<std::vector<v1::Unit>> UnitMap();
  absl::StatusOr<std::vector<v1::StaticVariable>> StaticVariables();
  absl::StatusOr<std::vector<v1::Chunk>> Chunks();
  // With every area of the chunk.
  absl::StatusOr<v1::ListAreasResponse> AreaMap(std::uint32_t chunk_id);
  absl::StatusOr<std::vector<v1::Slot>> Slots();
  absl::StatusOr<v1::GetBuddyInfoResponse> BuddyInfo();
  // Has the daemon walk everything that has to hold; others wait meanwhile. A
  // problem is in the answer, not in the status.
  absl::StatusOr<v1::CheckResponse> Check();
  absl::StatusOr<v1::Stats> Stats();
  absl::StatusOr<v1::ResolveResponse> Resolve(Pointer pointer);
  absl::StatusOr<v1::EstimateAllocResponse> Estimate(AreaSpec spec,
                                                     Region region = Region::kDynamic);
  absl::StatusOr<std::vector<v1::Session>> Sessions();
  absl::StatusOr<std::vector<v1::Lease>> Leases();
  absl::StatusOr<std::vector<v1::Variable>> Variables();
  // Stats now and every interval, until `on_stats` returns false.
  absl::Status Watch(absl::Duration interval,
                     const std::function<bool(const v1::WatchResponse&)>& on_stats);

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_CLIENT_H_
