// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/door.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
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

std::unique_ptr<grpc::Server> Serve(const std::vector<grpc::Service*>& services) {
  grpc::ResourceQuota quota("percpud-fleet");
  quota.SetMaxThreads(kMostThreads);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.SetMaxReceiveMessageSize(kMostRequestBytes);
  for (grpc::Service* const service : services) builder.RegisterService(service);
  return builder.BuildAndStart();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Open(const std::string& path, unsigned mode,
                                                 const std::vector<grpc::Service*>& services) {
  ASSIGN_OR_RETURN(std::unique_ptr<UnixSocket> socket, UnixSocket::Bind(path, SOCK_STREAM, mode));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.ok()) return errors::OsRefused("eventfd", path, errno);
  std::unique_ptr<grpc::Server> server = Serve(services);
  if (!server) return absl::InternalError("gRPC made no server");
  return std::unique_ptr<Door>(new Door(std::move(socket), std::move(server), std::move(wake)));
}

Door::Door(std::unique_ptr<UnixSocket> socket, std::unique_ptr<grpc::Server> server, UniqueFd wake)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      wake_(std::move(wake)),
      thread_([this] { Accept(); }) {}

Door::~Door() {
  eventfd_write(wake_.get(), 1);
  thread_.join();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

void Door::Accept() {
  std::array<pollfd, 2> polled = {pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = socket_->fd(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0) return;
    const int fd = accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      grpc::AddInsecureChannelFromFd(server_.get(), fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      poll(polled.data(), 1, kRetryMs);
    }
  }
}

}  // namespace percpud::fleet
