// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/client.h"

#include <cassert>

#include "absl/strings/str_cat.h"
#include "percpu/internal/wire/target.h"
#include "server/base/status_macros.h"

namespace percpu {

absl::StatusOr<Client> Client::Connect(std::string_view address, const CallOptions& options) {
  RETURN_IF_ERROR(wire::Target::Of(address, options).status);
  return Client(MakeGrpcConnection(address, options));
}

absl::Status Client::Ping() { return connection_->Ping(); }

absl::StatusOr<Pointer> Client::Allocate(AreaSpec spec, const AllocateOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<Pointer> pointers,
                   AllocateBatch(std::span(&spec, 1), options));
  assert(pointers.size() == 1);
  return pointers.front();
}

absl::StatusOr<Area> Client::AllocateArea(AreaSpec spec, const AllocateOptions& options) {
  ASSIGN_OR_RETURN(const Pointer pointer, Allocate(spec, options));
  return Area(connection_, pointer);
}

absl::StatusOr<std::vector<Pointer>> Client::AllocateBatch(std::span<const AreaSpec> specs,
                                                           const AllocateOptions& options) {
  ASSIGN_OR_RETURN(std::vector<Pointer> pointers, connection_->Alloc(specs, options));
  if (pointers.size() != specs.size()) {
    return absl::InternalError(
        absl::StrCat("the daemon granted ", pointers.size(), " areas for ", specs.size()));
  }
  return pointers;
}

absl::StatusOr<std::uint64_t> Client::Free(Pointer pointer) {
  return FreeBatch(std::span(&pointer, 1));
}

absl::StatusOr<std::uint64_t> Client::FreeBatch(std::span<const Pointer> pointers) {
  return connection_->Free(pointers);
}

absl::StatusOr<std::uint64_t> Client::FreeSparingSessions(std::span<const Pointer> pointers) {
  return connection_->FreeSparingSessions(pointers);
}

absl::StatusOr<std::string> Client::Read(Pointer pointer, Unit unit, std::uint64_t length_bytes) {
  return connection_->Read(pointer, unit, length_bytes);
}

absl::Status Client::Write(Pointer pointer, Unit unit, std::string_view data) {
  return connection_->Write(pointer, unit, data);
}

absl::StatusOr<AddResult> Client::Add(Pointer pointer, std::int64_t delta, std::optional<Unit> unit,
                                      Width width) {
  return connection_->Add(pointer, delta, unit, width);
}

absl::StatusOr<std::int64_t> Client::Sum(Pointer pointer, Width width) {
  return connection_->Sum(pointer, width);
}

absl::Status Client::EndSession(SessionId session) { return connection_->EndSession(session); }

absl::Status Client::HandOver(std::span<const Pointer> pointers, SessionId session) {
  return connection_->HandOver(pointers, session);
}

absl::StatusOr<OpenedVariable> Client::OpenVariable(const VariableSpec& spec) {
  return connection_->OpenVariable(spec);
}

absl::StatusOr<Variable> Client::Publish(Pointer pointer, std::string_view name,
                                         VariableType type) {
  return connection_->Publish(pointer, name, type);
}

absl::Status Client::RemoveVariable(std::string_view name, bool force) {
  return connection_->RemoveVariable(name, force);
}

absl::StatusOr<AllocInfo> Client::GetAllocInfo() { return connection_->GetAllocInfo(); }

absl::StatusOr<std::vector<Group>> Client::ListGroups() { return connection_->ListGroups(); }

absl::StatusOr<std::vector<UnitInfo>> Client::ListUnits() { return connection_->ListUnits(); }

absl::StatusOr<std::vector<StaticVariable>> Client::ListStaticVariables() {
  return connection_->ListStaticVariables();
}

absl::StatusOr<std::vector<ChunkInfo>> Client::ListChunks() { return connection_->ListChunks(); }

absl::StatusOr<AreaMap> Client::ListAreas(ChunkId chunk) { return connection_->ListAreas(chunk); }

absl::StatusOr<std::vector<SlotInfo>> Client::ListSlots() { return connection_->ListSlots(); }

absl::StatusOr<BuddyInfo> Client::GetBuddyInfo() { return connection_->GetBuddyInfo(); }

absl::StatusOr<std::vector<CheckedPart>> Client::Check() { return connection_->Check(); }

absl::StatusOr<Stats> Client::GetStats() { return connection_->GetStats(); }

absl::StatusOr<Owner> Client::Resolve(Pointer pointer) { return connection_->Resolve(pointer); }

absl::StatusOr<AllocEstimate> Client::EstimateAlloc(AreaSpec spec, Region region) {
  return connection_->EstimateAlloc(spec, region);
}

absl::StatusOr<std::vector<SessionInfo>> Client::ListSessions() {
  return connection_->ListSessions();
}

absl::StatusOr<std::vector<LeaseInfo>> Client::ListLeases() { return connection_->ListLeases(); }

absl::StatusOr<LeaseMap> Client::ListLeaseAreas(ChunkId chunk) {
  return connection_->ListLeaseAreas(chunk);
}

absl::StatusOr<std::vector<Variable>> Client::ListVariables() {
  return connection_->ListVariables();
}

absl::Status Client::Watch(absl::Duration interval,
                           const std::function<bool(const StatsSample&)>& on_sample) {
  return connection_->Watch(interval, on_sample);
}

}  // namespace percpu
