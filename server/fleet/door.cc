// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/door.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud::fleet {
namespace {

// Out of descriptors: leave the connection in the backlog this long.
constexpr int kRetryMs = 50;
constexpr int kMostThreads = 8;
constexpr int kMostRequestBytes = 64 << 10;
// Calls of one connection: answers that nobody reads lie in memory.
constexpr int kMostCalls = 4;
constexpr int kMostIdleMs = 5 * 60 * 1000;
// Calls that do not end by then have a reader who does not read.
constexpr int kMostAgeMs = 10 * 60 * 1000;
constexpr int kAgeGraceMs = 5000;

std::unique_ptr<grpc::Server> Serve(const std::vector<grpc::Service*>& services) {
  grpc::ResourceQuota quota("percpud-fleet");
  quota.SetMaxThreads(kMostThreads);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostCalls);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMostIdleMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kMostAgeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kAgeGraceMs);
  for (grpc::Service* const service : services) builder.RegisterService(service);
  return builder.BuildAndStart();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Open(const std::string& path, unsigned mode,
                                                 const std::vector<grpc::Service*>& services,
                                                 Guests::IsBusy is_busy) {
  ASSIGN_OR_RETURN(std::unique_ptr<UnixSocket> socket, UnixSocket::Bind(path, SOCK_STREAM, mode));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.ok()) return errors::OsRefused("eventfd", path, errno);
  std::unique_ptr<grpc::Server> server = Serve(services);
  if (!server) return absl::InternalError("gRPC made no server");
  return std::unique_ptr<Door>(
      new Door(std::move(socket), std::move(server), std::move(wake), std::move(is_busy)));
}

Door::Door(std::unique_ptr<UnixSocket> socket, std::unique_ptr<grpc::Server> server, UniqueFd wake,
           Guests::IsBusy is_busy)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      wake_(std::move(wake)),
      guests_(std::move(is_busy)),
      thread_([this] { Run(); }) {}

Door::~Door() {
  eventfd_write(wake_.get(), 1);
  thread_.join();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

void Door::Run() {
  constexpr std::size_t kOwn = 2;
  while (true) {
    std::vector<pollfd> polled{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                               {.fd = socket_->fd(), .events = POLLIN, .revents = 0}};
    guests_.Watch(polled);
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0) return;
    guests_.Sweep(std::span(polled).subspan(kOwn));
    if (polled[1].revents != 0) Accept();
  }
}

void Door::Accept() {
  UniqueFd fd(accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.ok()) {
    UniqueFd numbered = numbers_.Renumber(std::move(fd));
    // What cannot be counted is not let in.
    if (!guests_.Enter(numbered.get()).ok()) return;
    grpc::AddInsecureChannelFromFd(server_.get(), numbered.release());
  } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
    pollfd wake{.fd = wake_.get(), .events = POLLIN, .revents = 0};
    poll(&wake, 1, kRetryMs);
  }
}

}  // namespace percpud::fleet
