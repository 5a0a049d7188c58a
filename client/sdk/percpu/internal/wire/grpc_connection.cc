// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/connection.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/wire/channel.h"
#include "percpu/internal/wire/fast_lane.h"
#include "percpu/internal/wire/request_window.h"
#include "percpu/internal/wire/token_source.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu {
namespace {

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// Whether a call may be made twice: without harm, never, or as often as it takes
// because the daemon knows it by its number.
enum class Repeat { kSafe, kUnsafe, kNumbered };

// Of an answer that is no list.
constexpr std::uint64_t kFewWords = 2;

// Always the same, in whatever process.
class FixedToken final : public TokenSource {
 public:
  explicit FixedToken(std::string token) : token_(std::move(token)) {}
  absl::StatusOr<std::string> Token(absl::Time /*deadline*/) override { return token_; }

 private:
  const std::string token_;
};

class GrpcConnection final : public Connection {
 public:
  // `tokens` may be null: then nobody in particular calls.
  // `numbers`: the session is this connection's alone, so that no other numbers
  // its requests.
  GrpcConnection(std::string address, const Options& options, TokenSource* tokens,
                 bool numbers = false)
      : address_(std::move(address)), options_(options), tokens_(tokens), numbers_(numbers) {
    PrepareGrpcForForks();
    ForkGeneration();
  }
  ~GrpcConnection() override { delete epoch_.load(); }

  // On the session's stream, which it keeps open; a stream that broke is no
  // answer, so then as a call of its own.
  absl::StatusOr<v1::PingResponse> Ping(const v1::PingRequest& request) override {
    if (tokens_ != nullptr) {
      absl::StatusOr<v1::PingResponse> answer =
          Hot<v1::PingResponse>(&Memory::Ping, request, &v1::AttachRequest::mutable_ping,
                                &v1::AttachResponse::mutable_ping);
      if (!absl::IsUnavailable(answer.status())) return answer;
    }
    return Call(&StubSet::memory, &Memory::Ping, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::AllocResponse> Alloc(const v1::AllocRequest& request) override {
    const auto words = static_cast<std::uint64_t>(request.sizes_bytes_size());
    return Numbered(request, words, [this](const v1::AllocRequest& numbered) {
      return Hot<v1::AllocResponse>(&Memory::Alloc, numbered, &v1::AttachRequest::mutable_alloc,
                                    &v1::AttachResponse::mutable_alloc);
    });
  }
  absl::StatusOr<v1::FreeResponse> Free(const v1::FreeRequest& request) override {
    return Numbered(request, kFewWords, [this](const v1::FreeRequest& numbered) {
      return Hot<v1::FreeResponse>(&Memory::Free, numbered, &v1::AttachRequest::mutable_free,
                                   &v1::AttachResponse::mutable_free);
    });
  }
  absl::StatusOr<v1::ReadResponse> Read(const v1::ReadRequest& request) override {
    return Call(&StubSet::memory, &Memory::Read, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::WriteResponse> Write(const v1::WriteRequest& request) override {
    return Call(&StubSet::memory, &Memory::Write, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::AddResponse> Add(const v1::AddRequest& request) override {
    return Hot<v1::AddResponse>(&Memory::Add, request, &v1::AttachRequest::mutable_add,
                                &v1::AttachResponse::mutable_add);
  }
  absl::StatusOr<v1::SumResponse> Sum(const v1::SumRequest& request) override {
    return Call(&StubSet::memory, &Memory::Sum, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetAllocInfoResponse> GetAllocInfo(
      const v1::GetAllocInfoRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::GetAllocInfo, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListGroupsResponse> ListGroups(const v1::ListGroupsRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListGroups, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListUnitsResponse> ListUnits(const v1::ListUnitsRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListUnits, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListStaticVariablesResponse> ListStaticVariables(
      const v1::ListStaticVariablesRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListStaticVariables, request,
                Repeat::kSafe);
  }
  absl::StatusOr<v1::ListChunksResponse> ListChunks(const v1::ListChunksRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListChunks, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListAreasResponse> ListAreas(const v1::ListAreasRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListAreas, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListSlotsResponse> ListSlots(const v1::ListSlotsRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListSlots, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::CheckResponse> Check(const v1::CheckRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::Check, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetBuddyInfoResponse> GetBuddyInfo(
      const v1::GetBuddyInfoRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::GetBuddyInfo, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::GetStatsResponse> GetStats(const v1::GetStatsRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::GetStats, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ResolveResponse> Resolve(const v1::ResolveRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::Resolve, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::EstimateAllocResponse> EstimateAlloc(
      const v1::EstimateAllocRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::EstimateAlloc, request, Repeat::kSafe);
  }

  absl::StatusOr<v1::ListSessionsResponse> ListSessions(
      const v1::ListSessionsRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListSessions, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListVariablesResponse> ListVariables(
      const v1::ListVariablesRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListVariables, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::OpenSessionResponse> OpenSession(
      const v1::OpenSessionRequest& request) override {
    return Call(&StubSet::session, &Session::OpenSession, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::EndSessionResponse> EndSession(const v1::EndSessionRequest& request) override {
    return Call(&StubSet::session, &Session::EndSession, request, Repeat::kUnsafe);
  }
  absl::StatusOr<v1::HandOverResponse> HandOver(const v1::HandOverRequest& request) override {
    return CallNumbered(&Session::HandOver, request);
  }
  absl::StatusOr<v1::OpenVariableResponse> OpenVariable(
      const v1::OpenVariableRequest& request) override {
    return Call(&StubSet::session, &Session::OpenVariable, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::PublishResponse> Publish(const v1::PublishRequest& request) override {
    return CallNumbered(&Session::Publish, request);
  }
  absl::StatusOr<v1::RemoveVariableResponse> RemoveVariable(
      const v1::RemoveVariableRequest& request) override {
    return CallNumbered(&Session::RemoveVariable, request);
  }

  absl::StatusOr<v1::LeaseChunkResponse> LeaseChunk(const v1::LeaseChunkRequest& request) override {
    return CallNumbered(&Session::LeaseChunk, request);
  }
  absl::StatusOr<v1::ReturnLeaseResponse> ReturnLease(
      const v1::ReturnLeaseRequest& request) override {
    return CallNumbered(&Session::ReturnLease, request);
  }
  absl::StatusOr<v1::ListLeasesResponse> ListLeases(const v1::ListLeasesRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListLeases, request, Repeat::kSafe);
  }
  absl::StatusOr<v1::ListLeaseAreasResponse> ListLeaseAreas(
      const v1::ListLeaseAreasRequest& request) override {
    return Call(&StubSet::introspection, &Introspection::ListLeaseAreas, request, Repeat::kSafe);
  }

  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(const v1::WatchResponse&)>& on_response) override {
    grpc::ClientContext context;
    if (absl::Status status = Prepare(context, absl::Now() + options_.deadline); !status.ok()) {
      return status;
    }
    const auto reader = Current().stubs.introspection->Watch(&context, request);
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

  // What belongs to one process of a family. gRPC's channels do not survive a
  // fork, so a child makes its own and leaves its parent's alone.
  struct Epoch {
    std::uint64_t generation = 0;
    StubSet stubs;
    absl::Mutex mu;
    // Made with the first hot call in a session's name; replaced when it breaks.
    std::shared_ptr<FastLane> lane ABSL_GUARDED_BY(mu);
    // The daemon knows no Attach.
    bool no_lane ABSL_GUARDED_BY(mu) = false;
    // A child's requests are another session's.
    RequestWindow window;
  };

  // On the first call, since a fork loses gRPC's threads.
  [[nodiscard]] std::unique_ptr<Epoch> MakeEpoch(std::uint64_t generation) const {
    const auto channel = MakeChannel(address_, options_);
    auto epoch = std::make_unique<Epoch>();
    epoch->generation = generation;
    epoch->stubs = {.memory = v1::MemoryService::NewStub(channel),
                    .introspection = v1::IntrospectionService::NewStub(channel),
                    .session = v1::SessionService::NewStub(channel)};
    return epoch;
  }

  Epoch& Current() {
    const std::uint64_t generation = ForkGeneration();
    Epoch* epoch = epoch_.load(std::memory_order_acquire);
    while (epoch == nullptr || epoch->generation != generation) {
      std::unique_ptr<Epoch> fresh = MakeEpoch(generation);
      if (epoch_.compare_exchange_strong(epoch, fresh.get(), std::memory_order_acq_rel)) {
        epoch = fresh.release();
      }
    }
    return *epoch;
  }

  absl::Status Prepare(grpc::ClientContext& context, absl::Time deadline) const {
    if (tokens_ == nullptr) return absl::OkStatus();
    const absl::StatusOr<std::string> token = tokens_->Token(deadline);
    if (!token.ok()) return token.status();
    context.AddMetadata(percpud::abi::v1::kTokenKey, *token);
    return absl::OkStatus();
  }

  // The lane of a session, if there is one to be had.
  absl::StatusOr<std::shared_ptr<FastLane>> Lane(Epoch& epoch, absl::Time deadline) {
    if (tokens_ == nullptr) return nullptr;
    const absl::StatusOr<std::string> token = tokens_->Token(deadline);
    if (!token.ok()) return token.status();
    absl::MutexLock lock(&epoch.mu);
    if (epoch.no_lane) return nullptr;
    if (epoch.lane == nullptr || epoch.lane->broken()) {
      epoch.lane = std::make_shared<FastLane>(*epoch.stubs.session, *token);
    }
    return epoch.lane;
  }

  // Runs `call` with the request, which has a number meanwhile if this
  // connection numbers its requests; its answer has so many words.
  template <typename Request, typename Make>
  auto Numbered(Request request, std::uint64_t words, Make call) -> decltype(call(request)) {
    if (!numbers_) return call(request);
    Epoch& epoch = Current();
    const auto number = epoch.window.Enter(words, absl::Now() + options_.deadline);
    if (!number.ok()) return number.status();
    request.set_request_id(*number);
    auto answer = call(request);
    epoch.window.Leave(*number);
    return answer;
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> CallNumbered(grpc::Status (Session::*method)(grpc::ClientContext*,
                                                                        const Request&, Response*),
                                        const Request& request) {
    return Numbered(request, kFewWords, [&](const Request& numbered) {
      return Call(&StubSet::session, method, numbered, WhenNumbered());
    });
  }
  [[nodiscard]] Repeat WhenNumbered() const {
    return numbers_ ? Repeat::kNumbered : Repeat::kUnsafe;
  }

  // Whether to try once more, after a pause; the next one is longer.
  [[nodiscard]] bool TryAgain(Repeat repeat, bool unavailable, int attempt, absl::Time deadline,
                              absl::Duration& backoff) const {
    const bool allowed = repeat == Repeat::kSafe
                             ? attempt < options_.retry.max_retries
                             : repeat == Repeat::kNumbered && options_.retry.max_retries > 0;
    if (!allowed || !unavailable || absl::Now() + backoff >= deadline) return false;
    absl::SleepFor(backoff);
    backoff = std::min(backoff * 2, options_.retry.max_backoff);
    return true;
  }

  // A call that the session's stream carries, else a unary one.
  template <typename Response, typename Request>
  absl::StatusOr<Response> Hot(grpc::Status (Memory::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
                               const Request& request, Request* (v1::AttachRequest::*field)(),
                               Response* (v1::AttachResponse::*answer)()) {
    const absl::Time deadline = absl::Now() + options_.deadline;
    constexpr bool kHasNumber = !std::is_same_v<Request, v1::AddRequest>;
    const Repeat repeat = kHasNumber ? WhenNumbered() : Repeat::kUnsafe;
    Epoch& epoch = Current();
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      const absl::StatusOr<std::shared_ptr<FastLane>> lane = Lane(epoch, deadline);
      if (!lane.ok()) return lane.status();
      if (*lane == nullptr) break;
      v1::AttachRequest envelope;
      *(envelope.*field)() = request;
      absl::StatusOr<v1::AttachResponse> reply = (*lane)->Call(std::move(envelope), deadline);
      absl::Status status = reply.status();
      if (reply.ok() && reply->code() == 0) return std::move(*(*reply.*answer)());
      if (reply.ok()) {
        status = absl::Status(static_cast<absl::StatusCode>(reply->code()), reply->message());
      }
      if (absl::IsUnimplemented(reply.status())) {
        absl::MutexLock lock(&epoch.mu);
        epoch.no_lane = true;
        break;
      }
      if (!TryAgain(repeat, absl::IsUnavailable(status), attempt, deadline, backoff)) return status;
    }
    return Call(&StubSet::memory, method, request, repeat);
  }

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(std::unique_ptr<Stub> StubSet::*stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, Repeat repeat) {
    const absl::Time deadline = absl::Now() + options_.deadline;
    absl::Duration backoff = options_.retry.initial_backoff;
    for (int attempt = 0;; ++attempt) {
      grpc::ClientContext context;
      if (absl::Status status = Prepare(context, deadline); !status.ok()) return status;
      context.set_deadline(absl::ToChronoTime(deadline));
      Response response;
      const grpc::Status status =
          ((Current().stubs.*stub).get()->*method)(&context, request, &response);
      if (status.ok()) return response;
      const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
      if (!TryAgain(repeat, unavailable, attempt, deadline, backoff)) return FromGrpc(status);
    }
  }

  const std::string address_;
  const Options options_;
  TokenSource* const tokens_;
  const bool numbers_;
  std::atomic<Epoch*> epoch_ = nullptr;
};

}  // namespace

std::shared_ptr<Connection> MakeGrpcConnection(const std::string& address, const Options& options,
                                               const std::string& token) {
  if (token.empty()) return std::make_shared<GrpcConnection>(address, options, nullptr);
  // The token lives as long as the connection, and goes after it.
  struct Both {
    explicit Both(const std::string& address, const Options& options, std::string text)
        : token(std::move(text)), connection(address, options, &token) {}
    FixedToken token;
    GrpcConnection connection;
  };
  auto both = std::make_shared<Both>(address, options, token);
  return {both, &both->connection};
}

std::shared_ptr<Connection> MakeSessionConnection(const std::string& address,
                                                  const Options& options, TokenSource& tokens) {
  return std::make_shared<GrpcConnection>(address, options, &tokens, /*numbers=*/true);
}

}  // namespace percpu
