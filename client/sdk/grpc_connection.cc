// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/sdk/percpu/connection.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"

namespace percpu {
namespace {

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 0, 1 << 30));
}

// What a session's token rides under.
constexpr char kTokenKey[] = "percpud-token-bin";

// Whether a call may run twice without harm.
enum class Repeat { kSafe, kUnsafe };

class GrpcConnection final : public Connection {
 public:
  GrpcConnection(std::string address, const Options& options, std::string token)
      : address_(std::move(address)), options_(options), token_(std::move(token)) {}

  absl::StatusOr<v1::PingResponse> Ping(const v1::PingRequest& request) override {
    return Call(Stubs().memory, &Memory::Ping, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::AllocResponse> Alloc(const v1::AllocRequest& request) override {
    return Call(Stubs().memory, &Memory::Alloc, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::FreeResponse> Free(const v1::FreeRequest& request) override {
    return Call(Stubs().memory, &Memory::Free, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::ReadResponse> Read(const v1::ReadRequest& request) override {
    return Call(Stubs().memory, &Memory::Read, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::WriteResponse> Write(const v1::WriteRequest& request) override {
    return Call(Stubs().memory, &Memory::Write, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::AddResponse> Add(const v1::AddRequest& request) override {
    return Call(Stubs().memory, &Memory::Add, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::SumResponse> Sum(const v1::SumRequest& request) override {
    return Call(Stubs().memory, &Memory::Sum, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetAllocInfoResponse> GetAllocInfo(
      const v1::GetAllocInfoRequest& request) override {
    return Call(Stubs().introspection, &Introspection::GetAllocInfo, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListGroupsResponse> ListGroups(const v1::ListGroupsRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListGroups, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetUnitMapResponse> GetUnitMap(const v1::GetUnitMapRequest& request) override {
    return Call(Stubs().introspection, &Introspection::GetUnitMap, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListStaticVariablesResponse> ListStaticVariables(
      const v1::ListStaticVariablesRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListStaticVariables, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListChunksResponse> ListChunks(const v1::ListChunksRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListChunks, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetAreaMapResponse> GetAreaMap(const v1::GetAreaMapRequest& request) override {
    return Call(Stubs().introspection, &Introspection::GetAreaMap, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListSlotsResponse> ListSlots(const v1::ListSlotsRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListSlots, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetBuddyInfoResponse> GetBuddyInfo(
      const v1::GetBuddyInfoRequest& request) override {
    return Call(Stubs().introspection, &Introspection::GetBuddyInfo, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetStatsResponse> GetStats(const v1::GetStatsRequest& request) override {
    return Call(Stubs().introspection, &Introspection::GetStats, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ResolveResponse> Resolve(const v1::ResolveRequest& request) override {
    return Call(Stubs().introspection, &Introspection::Resolve, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::EstimateAllocResponse> EstimateAlloc(
      const v1::EstimateAllocRequest& request) override {
    return Call(Stubs().introspection, &Introspection::EstimateAlloc, request, Repeat::kSafe);
  }

  absl::StatusOr<v1::ListSessionsResponse> ListSessions(
      const v1::ListSessionsRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListSessions, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListVariablesResponse> ListVariables(
      const v1::ListVariablesRequest& request) override {
    return Call(Stubs().introspection, &Introspection::ListVariables, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::OpenSessionResponse> OpenSession(
      const v1::OpenSessionRequest& request) override {
    return Call(Stubs().session, &Session::OpenSession, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::EndSessionResponse> EndSession(const v1::EndSessionRequest& request) override {
    return Call(Stubs().session, &Session::EndSession, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::HandOverResponse> HandOver(const v1::HandOverRequest& request) override {
    return Call(Stubs().session, &Session::HandOver, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::OpenVariableResponse> OpenVariable(
      const v1::OpenVariableRequest& request) override {
    return Call(Stubs().session, &Session::OpenVariable, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::PublishResponse> Publish(const v1::PublishRequest& request) override {
    return Call(Stubs().session, &Session::Publish, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::RemoveVariableResponse> RemoveVariable(
      const v1::RemoveVariableRequest& request) override {
    return Call(Stubs().session, &Session::RemoveVariable, request, Repeat::kUnsafe);
  }

  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(const v1::WatchResponse&)>& on_response) override {
    grpc::ClientContext context;
    Prepare(context);
    const auto reader = Stubs().introspection->Watch(&context, request);
    v1::WatchResponse response;
    while (reader->Read(&response)) {
      if (on_response(response)) continue;
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
    return FromGrpc(reader->Finish());
  }

 private:
  using Memory = v1::MemoryService::Stub;
  using Introspection = v1::IntrospectionService::Stub;
  using Session = v1::SessionService::Stub;

  struct StubSet {
    std::unique_ptr<Memory> memory;
    std::unique_ptr<Introspection> introspection;
    std::unique_ptr<Session> session;
  };

  // The channel is made here, on the first call: gRPC starts threads with it,
  // which a fork would lose.
  const StubSet& Stubs() {
    std::call_once(once_, [this] {
      grpc::ChannelArguments arguments;
      // gRPC's own retries are off: they cost a seventh of a call, and only
      // this file knows which calls may run twice.
      arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
      // A daemon is spoken to directly, whatever http_proxy says.
      arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
      // Else a daemon that restarts is not looked for again for a second, then
      // ever longer.
      arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                       Milliseconds(options_.retry.initial_backoff));
      arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options_.retry.max_backoff));
      arguments.SetMaxReceiveMessageSize(-1);
      const auto channel =
          grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
      stubs_ = {.memory = v1::MemoryService::NewStub(channel),
                .introspection = v1::IntrospectionService::NewStub(channel),
                .session = v1::SessionService::NewStub(channel)};
    });
    return stubs_;
  }

  void Prepare(grpc::ClientContext& context) const {
    if (!token_.empty()) context.AddMetadata(kTokenKey, token_);
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(const std::unique_ptr<Stub>& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, Repeat repeat) {
    const absl::Time deadline = absl::Now() + options_.deadline;
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      grpc::ClientContext context;
      Prepare(context);
      context.set_deadline(absl::ToChronoTime(deadline));
      Response response;
      const grpc::Status status = (stub.get()->*method)(&context, request, &response);
      if (status.ok()) return response;
      const bool again = repeat == Repeat::kSafe && attempt < options_.retry.max_retries &&
                         status.error_code() == grpc::StatusCode::UNAVAILABLE &&
                         absl::Now() + backoff < deadline;
      if (!again) return FromGrpc(status);
      absl::SleepFor(backoff);
      backoff = std::min(backoff * 2, options_.retry.max_backoff);
    }
  }

  const std::string address_;
  const Options options_;
  const std::string token_;
  std::once_flag once_;
  StubSet stubs_;
};

}  // namespace

std::shared_ptr<Connection> MakeGrpcConnection(const std::string& address, const Options& options,
                                               const std::string& token) {
  return std::make_shared<GrpcConnection>(address, options, token);
}

}  // namespace percpu
