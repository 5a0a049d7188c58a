// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/rpc_server.h"

#include <grpc/grpc.h>
#include <grpc/impl/codegen/compression_types.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_posix.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {
namespace {

// What clients are given to say good-bye when nothing is in progress any more.
constexpr absl::Duration kGoodbye = absl::Milliseconds(200);
// All messages and transport buffers at once: this, or a few of the largest message
// if that is more.
constexpr Bytes kTransportMemory{64 << 20};
constexpr int kLargestMessages = 4;
// An idle connection is asked after this long whether anybody is there, and closed if
// nobody answers for as long as the second.
constexpr absl::Duration kKeepaliveTime = absl::Minutes(2);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);

// The first alarm is due after a millisecond. A busy host may take long.
constexpr absl::Duration kPatienceWithAlarms = absl::Seconds(5);

std::vector<std::string> ServiceNames() {
  return {v1::MemoryService::service_full_name(),
          v1::SessionService::service_full_name(),
          v1::MetricsService::service_full_name(),
          v1::ReadingService::service_full_name(),
          v1::IntrospectionService::service_full_name(),
          grpc::health::v1::Health::service_full_name(),
          grpc::channelz::v1::Channelz::service_full_name(),
          grpc::reflection::v1alpha::ServerReflection::service_full_name()};
}

// A peer could send little that inflates to much, and the limit of a message is held
// against the little: compressed messages are refused unread.
void RefuseCompression(grpc::ServerBuilder& builder) {
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
}

// Keeps gRPC and its event engine for good: to end either would be to wait for all threads
// that it counts, also for one that the system refused it. An engine lives as long as a
// channel, and this one is never used.
void KeepGrpc() {
  grpc_init();
  static const auto* const engine = new const std::shared_ptr<grpc::Channel>(
      grpc::CreateChannel("unix:/nobody", grpc::InsecureChannelCredentials()));
  static_cast<void>(engine);
}

void LimitConnections(const RpcServer::Options& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_limit.value()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(kMaxCallsPerConnection));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(kMaxHeaders.value()));
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTime)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  grpc::ResourceQuota quota("percpud");
  quota.Resize(std::max(kTransportMemory, options.message_limit * kLargestMessages).value());
  builder.SetResourceQuota(quota);
}

}  // namespace

RpcServer::RpcServer(Allocator& allocator, Sessions& sessions, const Updater& updater,
                     Callers& callers, const Options& options, grpc::ServerBuilder& builder)
    : callers_(callers),
      streams_(options.limits.watchers),
      lane_(builder, options.round, options.answers),
      calls_(allocator, sessions, updater,
             {.batch = options.limits.batch, .transfer = options.limits.transfer},
             callers.exports()),
      memory_(calls_, callers, lane_, builder),
      session_({.sessions = sessions, .calls = calls_}, callers, lane_, builder),
      metrics_({.allocator = allocator, .calls = calls_, .sessions = sessions}, callers, streams_,
               lane_, builder),
      reading_({.allocator = allocator, .calls = calls_, .sessions = sessions}, callers, lane_,
               builder),
      introspection_({.allocator = allocator,
                      .sessions = sessions,
                      .calls = calls_,
                      .missing_files = options.missing_files},
                     callers, streams_, lane_, builder),
      health_(callers, streams_, lane_, builder),
      channelz_(callers, lane_, builder),
      reflection_(ServiceNames(), callers, streams_, lane_, builder) {}

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(Allocator& allocator,
                                                            Sessions& sessions,
                                                            const Updater& updater,
                                                            Callers& callers,
                                                            const Options& options) {
  KeepGrpc();
  grpc::ServerBuilder builder;
  RefuseCompression(builder);
  LimitConnections(options, builder);
  std::unique_ptr<RpcServer> out(
      new RpcServer(allocator, sessions, updater, callers, options, builder));
  out->server_ = builder.BuildAndStart();
  if (out->server_ == nullptr) return absl::InternalError("gRPC would not start a server");
  out->memory_.Start();
  out->session_.Start();
  out->metrics_.Start();
  out->reading_.Start();
  out->introspection_.Start();
  out->health_.Start();
  out->channelz_.Start();
  out->reflection_.Start();
  out->lane_.Start();
  if (!out->lane_.AwaitAlarm(NowSinceBoot() + kPatienceWithAlarms)) return errors::NoAlarms();
  return out;
}

RpcServer::~RpcServer() { Drain(NowSinceBoot()); }

void RpcServer::Serve(int fd, Origin origin) {
  grpc::AddInsecureChannelFromFd(server_.get(), callers_.Adopt(fd, origin));
}

// gRPC's own grace ends only when every client has acknowledged the good-bye, which
// one that is connected but idle does when it next polls, seconds later. So the grace
// is ours: what sleeps gets it, and what is left takes no time.
void RpcServer::Drain(BootTime deadline) {
  if (server_ == nullptr || streams_.draining()) return;
  streams_.Drain();
  lane_.answers().Close();
  lane_.LookAround();
  streams_.AwaitEmpty(deadline);
  lane_.slow_lane().AwaitIdle(deadline);
  lane_.work_lane().AwaitIdle(deadline);
  server_->Shutdown(AfterNow(kGoodbye));
  lane_.Close();
}

}  // namespace percpud
