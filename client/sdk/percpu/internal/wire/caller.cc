// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/caller.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/internal/wire/channel.h"
#include "percpu/internal/wire/grpc_start.h"
#include "percpu/internal/wire/reason.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/status_macros.h"

namespace percpu::wire {
namespace {

// gRPC makes a descriptor for every call that waits, and one to connect by. Without them a
// call would wait in vain until its deadline. So it is begun only if a few are to be had.
constexpr std::size_t kDescriptorsOfACall = 4;

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return WithDetails({static_cast<absl::StatusCode>(status.error_code()), status.error_message()},
                     status.error_details());
}

Caller::Caller(Target target, const CallOptions& options, TokenSource* tokens, bool numbers)
    : target_(std::move(target)), options_(options), tokens_(tokens), numbers_(numbers) {
  assert(tokens != nullptr || !numbers);
  PrepareGrpcForForks();
  // Forks are noticed from now on.
  ForkGeneration();
}

Caller::~Caller() = default;

Caller::Epoch& Caller::Current() {
  return epoch_.Get([this] {
    auto epoch = std::make_unique<Epoch>();
    epoch->channel = MakeChannel(target_.name, options_, target_.tls ? &*target_.tls : nullptr);
    epoch->connectivity =
        std::make_unique<Connectivity>(epoch->channel, options_.retry.max_backoff);
    epoch->memory = v1::MemoryService::NewStub(epoch->channel);
    epoch->introspection = v1::IntrospectionService::NewStub(epoch->channel);
    epoch->metrics = v1::MetricsService::NewStub(epoch->channel);
    epoch->session = v1::SessionService::NewStub(epoch->channel);
    return epoch;
  });
}

absl::StatusOr<std::string> Caller::AwaitSession(const Deadline& deadline) {
  assert(tokens_ != nullptr);
  RETURN_IF_ERROR(target_.status);
  ASSIGN_OR_RETURN(std::string token, tokens_->Token(deadline));
  RETURN_IF_ERROR(StartGrpc());
  const absl::Status ready = Current().connectivity->Await(deadline);
  if (!ready.ok()) {
    return absl::Status(ready.code(), absl::StrCat(ready.message(), " at ", target_.name));
  }
  return token;
}

absl::Status Caller::Prepare(grpc::ClientContext& context, const Deadline& deadline) {
  RETURN_IF_ERROR(target_.status);
  RETURN_IF_ERROR(CheckDescriptors(kDescriptorsOfACall));
  RETURN_IF_ERROR(StartGrpc());
  if (tokens_ == nullptr) {
    Current().connectivity->Hasten();
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string token, AwaitSession(deadline));
  // The daemon may have gone since.
  context.set_wait_for_ready(true);
  context.AddMetadata(percpud::abi::v1::kTokenKey, token);
  return absl::OkStatus();
}

absl::Status Caller::Refusal(const v1::AttachResponse& reply) {
  return WithReason({static_cast<absl::StatusCode>(reply.code()), reply.message()}, reply.reason());
}

absl::StatusOr<std::shared_ptr<FastLane>> Caller::Lane(const Deadline& deadline) {
  if (tokens_ == nullptr) return nullptr;
  ASSIGN_OR_RETURN(const std::string token, AwaitSession(deadline));
  Epoch& epoch = Current();
  MutexLock lock(&epoch.mu);
  if (epoch.no_lane) return nullptr;
  if (epoch.lane == nullptr || epoch.lane->broken()) {
    epoch.lane = std::make_shared<FastLane>(*epoch.session, *epoch.connectivity, token);
  }
  return epoch.lane;
}

void Caller::DoWithoutLane() {
  Epoch& epoch = Current();
  MutexLock lock(&epoch.mu);
  epoch.no_lane = true;
}

absl::Status Caller::Settled(absl::Status status, const Attempts& attempts) {
  if (!attempts.may_be_done || !absl::IsResourceExhausted(status)) return status;
  return absl::UnavailableError(absl::StrCat(
      "an earlier attempt may have been carried out; the last was refused: ", status.message()));
}

bool Caller::TryAgain(Attempts& attempts, bool unavailable, int attempt, const Deadline& deadline,
                      absl::Duration& backoff) const {
  const bool allowed = attempts.repeat == Repeat::kSafe
                           ? attempt < options_.retry.max_retries
                           : attempts.repeat == Repeat::kNumbered && options_.retry.max_retries > 0;
  if (!allowed || !unavailable || deadline.left() <= backoff) return false;
  attempts.may_be_done = true;
  absl::SleepFor(backoff);
  backoff = std::min(backoff * 2, options_.retry.max_backoff);
  return true;
}

}  // namespace percpu::wire
