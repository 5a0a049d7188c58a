// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/client.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace percpu {
namespace {

v1::Region ToProto(Region region) {
  return region == Region::kReserved ? v1::REGION_RESERVED : v1::REGION_DYNAMIC;
}

v1::Width ToProto(Width width) { return width == Width::k32 ? v1::WIDTH_32 : v1::WIDTH_64; }

v1::VariableType ToProto(VariableType type) {
  switch (type) {
    case VariableType::kBytes:
      return v1::VARIABLE_TYPE_BYTES;
    case VariableType::kCounter:
      return v1::VARIABLE_TYPE_COUNTER;
    case VariableType::kGauge:
      return v1::VARIABLE_TYPE_GAUGE;
    case VariableType::kHistogram:
      return v1::VARIABLE_TYPE_HISTOGRAM;
  }
  return v1::VARIABLE_TYPE_UNSPECIFIED;
}

// Follows next_page_token to the end: `list` makes a call, `entries` takes the
// entries out of its answer.
template <typename Entry, typename Request, typename List, typename Entries>
absl::StatusOr<std::vector<Entry>> ListAll(Request request, List list, Entries entries) {
  std::vector<Entry> all;
  do {
    auto response = list(request);
    if (!response.ok()) return response.status();
    for (Entry& entry : *entries(*response)) all.push_back(std::move(entry));
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  return all;
}

}  // namespace

absl::StatusOr<Client> Client::Connect(const std::string& address, const Options& options) {
  const bool is_path = absl::StartsWith(address, "unix:") && address.size() > 5;
  const std::size_t colon = address.rfind(':');
  const bool is_port = colon != std::string::npos && colon > 0 && colon + 1 < address.size() &&
                       address.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  if (!is_path && !is_port) {
    return absl::InvalidArgumentError(
        absl::StrCat("address: \"", address, "\" is neither unix:PATH nor HOST:PORT"));
  }
  return Client(MakeGrpcConnection(address, options));
}

absl::Status Client::Ping() { return connection_->Ping({}).status(); }

absl::StatusOr<std::vector<Pointer>> Client::AllocateBatch(std::span<const AreaSpec> specs,
                                                           const AllocateOptions& options) {
  v1::AllocRequest request;
  request.mutable_sizes_bytes()->Reserve(static_cast<int>(specs.size()));
  for (const AreaSpec& spec : specs) request.add_sizes_bytes(spec.size_bytes);
  const bool alike = std::all_of(specs.begin(), specs.end(), [&](const AreaSpec& spec) {
    return spec.alignment == specs.front().alignment;
  });
  for (const AreaSpec& spec :
       specs.first(alike ? std::min<std::size_t>(specs.size(), 1) : specs.size())) {
    request.add_alignments(spec.alignment);
  }
  request.set_region(ToProto(options.region));
  request.set_no_grow(options.no_grow);
  request.set_tag(options.tag);
  const absl::StatusOr<v1::AllocResponse> response = connection_->Alloc(request);
  if (!response.ok()) return response.status();
  std::vector<Pointer> pointers;
  pointers.reserve(specs.size());
  for (const std::uint64_t pointer : response->pointers()) pointers.push_back(Pointer{pointer});
  if (pointers.size() != specs.size()) {
    return absl::InternalError(
        absl::StrCat("the daemon granted ", pointers.size(), " areas for ", specs.size()));
  }
  return pointers;
}

absl::StatusOr<Pointer> Client::Allocate(AreaSpec spec, const AllocateOptions& options) {
  const absl::StatusOr<std::vector<Pointer>> pointers = AllocateBatch(std::span(&spec, 1), options);
  if (!pointers.ok()) return pointers.status();
  return pointers->front();
}

absl::StatusOr<std::uint64_t> Client::FreeBatch(std::span<const Pointer> pointers) {
  v1::FreeRequest request;
  request.mutable_pointers()->Reserve(static_cast<int>(pointers.size()));
  for (const Pointer pointer : pointers) request.add_pointers(Value(pointer));
  const absl::StatusOr<v1::FreeResponse> response = connection_->Free(request);
  if (!response.ok()) return response.status();
  return response->freed_bytes();
}

absl::StatusOr<std::uint64_t> Client::Free(Pointer pointer) {
  return FreeBatch(std::span(&pointer, 1));
}

absl::StatusOr<std::string> Client::Read(Pointer pointer, Unit unit, std::uint64_t length) {
  v1::ReadRequest request;
  request.set_pointer(Value(pointer));
  request.set_unit(Value(unit));
  request.set_length_bytes(length);
  absl::StatusOr<v1::ReadResponse> response = connection_->Read(request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_data());
}

absl::Status Client::Write(Pointer pointer, Unit unit, const std::string& data) {
  v1::WriteRequest request;
  request.set_pointer(Value(pointer));
  request.set_unit(Value(unit));
  request.set_data(data);
  return connection_->Write(request).status();
}

absl::StatusOr<Client::AddResult> Client::Add(Pointer pointer, std::int64_t delta,
                                              std::optional<Unit> unit, Width width) {
  v1::AddRequest request;
  request.set_pointer(Value(pointer));
  request.set_delta(delta);
  if (unit) request.set_unit(Value(*unit));
  request.set_width(ToProto(width));
  const absl::StatusOr<v1::AddResponse> response = connection_->Add(request);
  if (!response.ok()) return response.status();
  return AddResult{.value = response->value(), .unit = Unit{response->unit()}};
}

absl::StatusOr<std::int64_t> Client::Sum(Pointer pointer, Width width) {
  v1::SumRequest request;
  request.set_pointer(Value(pointer));
  request.set_width(ToProto(width));
  const absl::StatusOr<v1::SumResponse> response = connection_->Sum(request);
  if (!response.ok()) return response.status();
  return response->sum();
}

absl::Status Client::EndSession(std::uint64_t session) {
  v1::EndSessionRequest request;
  request.set_session_id(session);
  return connection_->EndSession(request).status();
}

absl::Status Client::HandOver(std::span<const Pointer> pointers, std::uint64_t session) {
  v1::HandOverRequest request;
  for (const Pointer pointer : pointers) request.add_pointers(Value(pointer));
  request.set_session_id(session);
  return connection_->HandOver(request).status();
}

absl::StatusOr<v1::OpenVariableResponse> Client::OpenVariable(const VariableSpec& spec) {
  v1::OpenVariableRequest request;
  request.set_name(spec.name);
  request.set_type(ToProto(spec.type));
  request.set_size_bytes(spec.size_bytes);
  request.set_alignment(spec.alignment);
  request.set_create(spec.create);
  return connection_->OpenVariable(request);
}

absl::StatusOr<v1::Variable> Client::Publish(Pointer pointer, const std::string& name,
                                             VariableType type) {
  v1::PublishRequest request;
  request.set_pointer(Value(pointer));
  request.set_name(name);
  request.set_type(ToProto(type));
  absl::StatusOr<v1::PublishResponse> response = connection_->Publish(request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_variable());
}

absl::Status Client::RemoveVariable(const std::string& name) {
  v1::RemoveVariableRequest request;
  request.set_name(name);
  return connection_->RemoveVariable(request).status();
}

absl::StatusOr<v1::AllocInfo> Client::AllocInfo() {
  absl::StatusOr<v1::GetAllocInfoResponse> response = connection_->GetAllocInfo({});
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_alloc_info());
}

absl::StatusOr<std::vector<v1::Group>> Client::Groups() {
  return ListAll<v1::Group>(
      v1::ListGroupsRequest(),
      [this](const auto& request) { return connection_->ListGroups(request); },
      [](auto& response) { return response.mutable_groups(); });
}

absl::StatusOr<std::vector<v1::Unit>> Client::UnitMap() {
  return ListAll<v1::Unit>(
      v1::ListUnitsRequest(),
      [this](const auto& request) { return connection_->ListUnits(request); },
      [](auto& response) { return response.mutable_units(); });
}

absl::StatusOr<std::vector<v1::StaticVariable>> Client::StaticVariables() {
  return ListAll<v1::StaticVariable>(
      v1::ListStaticVariablesRequest(),
      [this](const auto& request) { return connection_->ListStaticVariables(request); },
      [](auto& response) { return response.mutable_static_variables(); });
}

absl::StatusOr<std::vector<v1::Chunk>> Client::Chunks() {
  return ListAll<v1::Chunk>(
      v1::ListChunksRequest(),
      [this](const auto& request) { return connection_->ListChunks(request); },
      [](auto& response) { return response.mutable_chunks(); });
}

absl::StatusOr<v1::ListAreasResponse> Client::AreaMap(std::uint32_t chunk_id) {
  v1::ListAreasRequest request;
  request.set_chunk_id(chunk_id);
  request.set_page_size(1000);
  absl::StatusOr<v1::ListAreasResponse> map = connection_->ListAreas(request);
  while (map.ok() && !map->next_page_token().empty()) {
    request.set_page_token(map->next_page_token());
    absl::StatusOr<v1::ListAreasResponse> next = connection_->ListAreas(request);
    if (!next.ok()) return next.status();
    map->mutable_areas()->MergeFrom(next->areas());
    map->set_next_page_token(next->next_page_token());
  }
  return map;
}

absl::StatusOr<std::vector<v1::Slot>> Client::Slots() {
  return ListAll<v1::Slot>(
      v1::ListSlotsRequest(),
      [this](const auto& request) { return connection_->ListSlots(request); },
      [](auto& response) { return response.mutable_slots(); });
}

absl::StatusOr<v1::CheckResponse> Client::Check() { return connection_->Check({}); }

absl::StatusOr<v1::GetBuddyInfoResponse> Client::BuddyInfo() {
  return connection_->GetBuddyInfo({});
}

absl::StatusOr<v1::Stats> Client::Stats() {
  absl::StatusOr<v1::GetStatsResponse> response = connection_->GetStats({});
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_stats());
}

absl::StatusOr<v1::ResolveResponse> Client::Resolve(Pointer pointer) {
  v1::ResolveRequest request;
  request.set_pointer(Value(pointer));
  return connection_->Resolve(request);
}

absl::StatusOr<v1::EstimateAllocResponse> Client::Estimate(AreaSpec spec, Region region) {
  v1::EstimateAllocRequest request;
  request.set_size_bytes(spec.size_bytes);
  request.set_alignment(spec.alignment);
  request.set_region(ToProto(region));
  return connection_->EstimateAlloc(request);
}

absl::StatusOr<std::vector<v1::Session>> Client::Sessions() {
  return ListAll<v1::Session>(
      v1::ListSessionsRequest(),
      [this](const auto& request) { return connection_->ListSessions(request); },
      [](auto& response) { return response.mutable_sessions(); });
}

absl::StatusOr<std::vector<v1::Lease>> Client::Leases() {
  return ListAll<v1::Lease>(
      v1::ListLeasesRequest(),
      [this](const auto& request) { return connection_->ListLeases(request); },
      [](auto& response) { return response.mutable_leases(); });
}

absl::StatusOr<std::vector<v1::Variable>> Client::Variables() {
  return ListAll<v1::Variable>(
      v1::ListVariablesRequest(),
      [this](const auto& request) { return connection_->ListVariables(request); },
      [](auto& response) { return response.mutable_variables(); });
}

absl::Status Client::Watch(absl::Duration interval,
                           const std::function<bool(const v1::WatchResponse&)>& on_stats) {
  v1::WatchRequest request;
  request.mutable_interval()->set_seconds(absl::ToInt64Seconds(interval));
  request.mutable_interval()->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(interval % absl::Seconds(1))));
  return connection_->Watch(request, on_stats);
}

}  // namespace percpu
