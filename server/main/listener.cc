// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/listener.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/main/fd_store.h"

namespace percpud {
namespace {

constexpr char kUnixPrefix[] = "unix:";
// Out of descriptors: leave the connection in the backlog this long.
constexpr int kRetryMs = 50;

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const std::vector<Address>& addresses) {
  std::unique_ptr<Listener> listener(new Listener);
  listener->wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener->wake_.ok()) return errors::OsRefused("eventfd", "listener", errno);
  for (const Address& address : addresses) {
    ASSIGN_OR_RETURN(Socket socket, BindOne(address));
    listener->sockets_.push_back(std::move(socket));
  }
  return listener;
}

absl::StatusOr<Listener::Socket> Listener::BindOne(const Address& address) {
  const std::string path(absl::StripPrefix(address.name, kUnixPrefix));
  Socket out{.address = address, .bound = nullptr};
  if (UniqueFd passed = TakePassedSocket(path, SOCK_STREAM); passed.ok()) {
    out.bound = UnixSocket::Adopt(path, std::move(passed));
  } else {
    ASSIGN_OR_RETURN(out.bound, UnixSocket::Bind(path, SOCK_STREAM, address.mode));
  }
  return out;
}

Listener::~Listener() { Stop(); }

std::vector<std::string> Listener::addresses() const {
  std::vector<std::string> out;
  for (const Socket& socket : sockets_) out.push_back(socket.address.name);
  return out;
}

void Listener::Start(Accepted accepted) {
  thread_ = std::thread([this, accepted = std::move(accepted)] { Loop(accepted); });
}

void Listener::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  Nudge();
  thread_.join();
}

void Listener::Nudge() const { eventfd_write(wake_.get(), 1); }

void Listener::Loop(const Accepted& accepted) {
  pthread_setname_np(pthread_self(), "listener");
  std::vector<pollfd> polled{{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  for (const Socket& socket : sockets_) {
    polled.push_back({.fd = socket.bound->fd(), .events = POLLIN, .revents = 0});
  }
  while (true) {
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (stopping_) return;
    pulse_.Beat();
    eventfd_t news = 0;
    if (polled[0].revents != 0) eventfd_read(wake_.get(), &news);
    for (std::size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const int fd = accept4(polled[i].fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        accepted(fd, sockets_[i - 1].address.origin);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        poll(polled.data(), 1, kRetryMs);
      }
    }
  }
}

}  // namespace percpud
