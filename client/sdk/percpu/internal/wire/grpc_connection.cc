// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What each call says on the wire: one method per RPC, from SDK types to a message and
// back.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "percpu/connection.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/lane_calls.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/internal/wire/caller.h"
#include "percpu/internal/wire/convert.h"
#include "percpu/internal/wire/introspection_calls.h"
#include "percpu/internal/wire/token_source.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace wire {
namespace {

v1::AllocRequest ToRequest(std::span<const AreaSpec> specs, const AllocateOptions& options) {
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
  return request;
}

class GrpcConnection final : public Connection {
 public:
  GrpcConnection(Target target, const CallOptions& options, TokenSource* tokens, bool numbers)
      : caller_(std::move(target), options, tokens, numbers) {}

  // The frequent calls of a local session go over the side door's lane, if the daemon has
  // one. All other calls go over gRPC.

  // A session without a lane pings on its stream, which the ping keeps open. A stream
  // that broke is no answer, so the ping is then made as a call of its own.
  absl::Status Ping() override {
    Attempts over_the_lane{.repeat = Repeat::kSafe};
    const auto over_lane = caller_.CallLane(
        over_the_lane, [](LaneAttempt& attempt) { return lane_calls::Ping(attempt); });
    if (over_lane) return *over_lane;
    const v1::PingRequest request;
    if (caller_.has_session()) {
      Attempts once;
      absl::Status answer =
          caller_
              .CallHot(&MemoryStub::AsyncPing, request, once, &v1::AttachRequest::mutable_ping,
                       &v1::AttachResponse::mutable_ping)
              .status();
      if (!absl::IsUnavailable(answer)) return answer;
    }
    return caller_.Call(&MemoryStub::AsyncPing, request, Repeat::kSafe).status();
  }
  absl::StatusOr<std::vector<Pointer>> Alloc(std::span<const AreaSpec> specs,
                                             const AllocateOptions& options) override {
    using Result = absl::StatusOr<std::vector<Pointer>>;
    return caller_.WithNumber(specs.size(), [&](Attempts& attempts) -> Result {
      if (specs.size() <= lane_calls::kMostEntries) {
        auto over_lane = caller_.CallLane(attempts, [&](LaneAttempt& attempt) {
          return lane_calls::Alloc(attempt, attempts.number, specs, options);
        });
        if (over_lane) return *std::move(over_lane);
      }
      v1::AllocRequest request = ToRequest(specs, options);
      request.set_request_id(attempts.number);
      ASSIGN_OR_RETURN(
          const v1::AllocResponse response,
          caller_.CallHot(&MemoryStub::AsyncAlloc, request, attempts,
                          &v1::AttachRequest::mutable_alloc, &v1::AttachResponse::mutable_alloc));
      std::vector<Pointer> pointers;
      pointers.reserve(specs.size());
      for (const std::uint64_t pointer : response.pointers()) pointers.push_back(Pointer{pointer});
      return pointers;
    });
  }
  absl::StatusOr<std::uint64_t> Free(std::span<const Pointer> pointers) override {
    using Result = absl::StatusOr<std::uint64_t>;
    return caller_.WithNumber(Caller::kFewWords, [&](Attempts& attempts) -> Result {
      if (pointers.size() <= lane_calls::kMostEntries) {
        auto over_lane = caller_.CallLane(attempts, [&](LaneAttempt& attempt) {
          return lane_calls::Free(attempt, attempts.number, pointers);
        });
        if (over_lane) return *over_lane;
      }
      return FreeOverGrpc(pointers, /*spare_sessions=*/false, attempts);
    });
  }
  // A session of its own may free no other's anyway, so the lane does not know of it.
  absl::StatusOr<std::uint64_t> FreeSparingSessions(std::span<const Pointer> pointers) override {
    return caller_.WithNumber(Caller::kFewWords, [&](Attempts& attempts) {
      return FreeOverGrpc(pointers, /*spare_sessions=*/true, attempts);
    });
  }
  absl::StatusOr<std::string> Read(Pointer pointer, Unit unit,
                                   std::uint64_t length_bytes) override {
    v1::ReadRequest request;
    request.set_pointer(Value(pointer));
    request.set_unit(Value(unit));
    request.set_length_bytes(length_bytes);
    ASSIGN_OR_RETURN(v1::ReadResponse response,
                     caller_.Call(&MemoryStub::AsyncRead, request, Repeat::kSafe));
    return std::move(*response.mutable_data());
  }
  absl::Status Write(Pointer pointer, Unit unit, std::string_view data) override {
    v1::WriteRequest request;
    request.set_pointer(Value(pointer));
    request.set_unit(Value(unit));
    request.set_data(data.data(), data.size());
    return caller_.Call(&MemoryStub::AsyncWrite, request, Repeat::kUnsafe).status();
  }
  absl::StatusOr<AddResult> Add(Pointer pointer, std::int64_t delta, std::optional<Unit> unit,
                                Width width) override {
    Attempts once;
    const auto over_lane = caller_.CallLane(once, [&](LaneAttempt& attempt) {
      return lane_calls::Add(attempt, pointer, delta, unit, width);
    });
    if (over_lane) return *over_lane;
    v1::AddRequest request;
    request.set_pointer(Value(pointer));
    request.set_delta(delta);
    if (unit) request.set_unit(Value(*unit));
    request.set_width(ToProto(width));
    ASSIGN_OR_RETURN(
        const v1::AddResponse response,
        caller_.CallHot(&MemoryStub::AsyncAdd, request, once, &v1::AttachRequest::mutable_add,
                        &v1::AttachResponse::mutable_add));
    return AddResult{.value = response.value(), .unit = Unit{response.unit()}};
  }
  absl::StatusOr<std::int64_t> Sum(Pointer pointer, Width width) override {
    v1::SumRequest request;
    request.set_pointer(Value(pointer));
    request.set_width(ToProto(width));
    ASSIGN_OR_RETURN(const v1::SumResponse response,
                     caller_.Call(&MemoryStub::AsyncSum, request, Repeat::kSafe));
    return response.sum();
  }

  absl::StatusOr<OpenedSession> OpenSession(std::string_view command, absl::Duration ttl) override {
    v1::OpenSessionRequest request;
    request.set_command(std::string(command));
    *request.mutable_ttl() = ToProto(ttl);
    ASSIGN_OR_RETURN(const v1::OpenSessionResponse response,
                     caller_.Call(&SessionStub::AsyncOpenSession, request, Repeat::kUnsafe));
    return OpenedSession{.id = SessionId{response.session_id()},
                         .token = response.token(),
                         .ttl = FromProto(response.ttl())};
  }
  absl::Status EndSession(SessionId session) override {
    v1::EndSessionRequest request;
    request.set_session_id(Value(session));
    return caller_.Call(&SessionStub::AsyncEndSession, request, Repeat::kUnsafe).status();
  }
  absl::Status HandOver(std::span<const Pointer> pointers, SessionId session) override {
    v1::HandOverRequest request;
    for (const Pointer pointer : pointers) request.add_pointers(Value(pointer));
    request.set_session_id(Value(session));
    return caller_.CallNumbered(&SessionStub::AsyncHandOver, request).status();
  }
  absl::StatusOr<OpenedVariable> OpenVariable(const VariableSpec& spec) override {
    Attempts attempts{.repeat = Repeat::kSafe};
    auto over_lane = caller_.CallLane(
        attempts, [&](LaneAttempt& attempt) { return lane_calls::OpenVariable(attempt, spec); });
    if (over_lane) return *std::move(over_lane);
    v1::OpenVariableRequest request;
    request.set_name(spec.name);
    request.set_type(ToProto(spec.type));
    request.set_size_bytes(spec.size_bytes);
    request.set_alignment(spec.alignment);
    request.set_create(spec.create);
    ASSIGN_OR_RETURN(const v1::OpenVariableResponse response,
                     caller_.Call(&SessionStub::AsyncOpenVariable, request, attempts));
    return OpenedVariable{.variable = FromProto(response.variable()),
                          .created = response.created()};
  }
  absl::StatusOr<Variable> Publish(Pointer pointer, std::string_view name,
                                   VariableType type) override {
    v1::PublishRequest request;
    request.set_pointer(Value(pointer));
    request.set_name(std::string(name));
    request.set_type(ToProto(type));
    ASSIGN_OR_RETURN(const v1::PublishResponse response,
                     caller_.CallNumbered(&SessionStub::AsyncPublish, request));
    return FromProto(response.variable());
  }
  absl::Status RemoveVariable(std::string_view name, bool force) override {
    v1::RemoveVariableRequest request;
    request.set_name(std::string(name));
    request.set_force(force);
    return caller_.CallNumbered(&SessionStub::AsyncRemoveVariable, request).status();
  }
  absl::StatusOr<ChunkGrant> LeaseChunk(std::string_view name) override {
    v1::LeaseChunkRequest request;
    request.set_name(std::string(name));
    ASSIGN_OR_RETURN(const v1::LeaseChunkResponse response,
                     caller_.CallNumbered(&SessionStub::AsyncLeaseChunk, request));
    return FromProto(response);
  }
  absl::Status ReturnLease(ChunkId chunk) override {
    v1::ReturnLeaseRequest request;
    request.set_chunk_id(Value(chunk));
    return caller_.CallNumbered(&SessionStub::AsyncReturnLease, request).status();
  }

  absl::StatusOr<AllocInfo> GetAllocInfo() override { return introspection_.GetAllocInfo(); }
  absl::StatusOr<std::vector<Group>> ListGroups() override { return introspection_.ListGroups(); }
  absl::StatusOr<std::vector<UnitInfo>> ListUnits() override { return introspection_.ListUnits(); }
  absl::StatusOr<std::vector<StaticVariable>> ListStaticVariables() override {
    return introspection_.ListStaticVariables();
  }
  absl::StatusOr<std::vector<ChunkInfo>> ListChunks() override {
    return introspection_.ListChunks();
  }
  absl::StatusOr<AreaMap> ListAreas(ChunkId chunk) override {
    return introspection_.ListAreas(chunk);
  }
  absl::StatusOr<std::vector<SlotInfo>> ListSlots() override { return introspection_.ListSlots(); }
  absl::StatusOr<BuddyInfo> GetBuddyInfo() override { return introspection_.GetBuddyInfo(); }
  absl::StatusOr<std::vector<CheckedPart>> Check() override { return introspection_.Check(); }
  absl::StatusOr<Stats> GetStats() override { return introspection_.GetStats(); }
  absl::StatusOr<Owner> Resolve(Pointer pointer) override {
    return introspection_.Resolve(pointer);
  }
  absl::StatusOr<AllocEstimate> EstimateAlloc(const AreaSpec& spec, Region region) override {
    return introspection_.EstimateAlloc(spec, region);
  }
  absl::StatusOr<std::vector<SessionInfo>> ListSessions() override {
    return introspection_.ListSessions();
  }
  absl::StatusOr<std::vector<LeaseInfo>> ListLeases() override {
    return introspection_.ListLeases();
  }
  absl::StatusOr<LeaseMap> ListLeaseAreas(ChunkId chunk) override {
    return introspection_.ListLeaseAreas(chunk);
  }
  absl::StatusOr<std::vector<Variable>> ListVariables() override {
    return introspection_.ListVariables();
  }
  absl::Status Watch(absl::Duration interval,
                     const std::function<bool(const StatsSample&)>& on_sample) override {
    return introspection_.Watch(interval, on_sample);
  }

 private:
  absl::StatusOr<std::uint64_t> FreeOverGrpc(std::span<const Pointer> pointers, bool spare_sessions,
                                             Attempts& attempts) {
    v1::FreeRequest request;
    request.mutable_pointers()->Reserve(static_cast<int>(pointers.size()));
    for (const Pointer pointer : pointers) request.add_pointers(Value(pointer));
    request.set_request_id(attempts.number);
    request.set_spare_sessions(spare_sessions);
    ASSIGN_OR_RETURN(
        const v1::FreeResponse response,
        caller_.CallHot(&MemoryStub::AsyncFree, request, attempts, &v1::AttachRequest::mutable_free,
                        &v1::AttachResponse::mutable_free));
    return response.freed_bytes();
  }

  Caller caller_;
  IntrospectionCalls introspection_{caller_};
};

// Has the same token in every process.
class FixedToken final : public TokenSource {
 public:
  explicit FixedToken(std::string_view token) : token_(token) {}
  absl::StatusOr<std::string> Token(const Deadline& /*deadline*/) override { return token_; }

 private:
  const std::string token_;
};

}  // namespace
}  // namespace wire

std::shared_ptr<Connection> MakeGrpcConnection(std::string_view address, const CallOptions& options,
                                               std::string_view token) {
  if (token.empty()) {
    return std::make_shared<wire::GrpcConnection>(wire::Target::Of(address, options), options,
                                                  nullptr,
                                                  /*numbers=*/false);
  }
  // The token is destroyed after the connection.
  struct Both {
    Both(wire::Target target, const CallOptions& options, std::string_view text)
        : token(text), connection(std::move(target), options, &token, /*numbers=*/false) {}
    wire::FixedToken token;
    wire::GrpcConnection connection;
  };
  auto both = std::make_shared<Both>(wire::Target::Of(address, options), options, token);
  return {both, &both->connection};
}

std::shared_ptr<Connection> MakeSessionConnection(std::string_view address,
                                                  const CallOptions& options, TokenSource& tokens) {
  return std::make_shared<wire::GrpcConnection>(wire::Target::Of(address, options), options,
                                                &tokens,
                                                /*numbers=*/true);
}

}  // namespace percpu
