// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/local_percpud.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "percpud/v1/introspection.grpc.pb.h"

namespace percpud::fleet {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kLayoutEvery = absl::Seconds(30);

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A daemon that is back is to be found at once.
  const int retry_ms = static_cast<int>(absl::ToInt64Milliseconds(LocalPercpud::kRound) / 2);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, retry_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, retry_ms);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

std::uint64_t RoundedFree(std::uint64_t capacity, std::uint64_t live) {
  constexpr std::uint64_t kParts = 16;
  const std::uint64_t part = std::max<std::uint64_t>(capacity / kParts, 1);
  return (capacity - std::min(live, capacity)) / part * part;
}

LocalPercpud::LocalPercpud(const std::string& address, const Clock& clock, Deadlines& deadlines)
    : clock_(clock), deadlines_(deadlines), address_(address), channel_(Connect(address)) {}

const LocalPercpud::State& LocalPercpud::Look() {
  grpc::ClientContext context;
  const Deadlines::Watched watched(deadlines_, context, kPatience);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(channel_)->Check(&context, {}, &response);
  // The pause of a channel has no end while gRPC's timers stand still (deadlines.h).
  if (!status.ok()) channel_ = Connect(address_);
  const bool was_serving = state_.serving;
  state_.serving =
      status.ok() && response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  const bool is_due = !was_serving || clock_.Now() - layout_at_ >= kLayoutEvery;
  if (state_.serving && is_due) ReadLayout();
  return state_;
}

void LocalPercpud::ReadLayout() {
  layout_at_ = clock_.Now();
  const auto stub = percpud::v1::IntrospectionService::NewStub(channel_);
  grpc::ClientContext info_context;
  const Deadlines::Watched info_watched(deadlines_, info_context, kPatience);
  percpud::v1::GetAllocInfoResponse info;
  if (!stub->GetAllocInfo(&info_context, {}, &info).ok()) return;
  grpc::ClientContext stats_context;
  const Deadlines::Watched stats_watched(deadlines_, stats_context, kPatience);
  percpud::v1::GetStatsResponse stats;
  if (!stub->GetStats(&stats_context, {}, &stats).ok()) return;
  v1::Layout layout;
  layout.set_cpus(info.alloc_info().cpus());
  layout.set_unit_size_bytes(info.alloc_info().unit_size_bytes());
  layout.set_backend(info.alloc_info().backend());
  layout.set_arena_size_bytes(info.alloc_info().arena_size_bytes());
  layout.set_free_bytes(RoundedFree(stats.stats().capacity_bytes(), stats.stats().live_bytes()));
  state_.layout = layout;
}

}  // namespace percpud::fleet
