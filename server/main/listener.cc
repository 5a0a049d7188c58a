// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/main/fd_store.h"

namespace percpud {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr int kBacklog = 1024;
// Out of descriptors: leave the connection in the backlog this long.
constexpr int kRetryMs = 50;

absl::Status Refused(const char* operation, const std::string& object) {
  return errors::OsRefused(operation, object, errno);
}

// "127.0.0.1:8080", "[::1]:8080": where a TCP socket is bound.
std::string BoundAddress(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof(host), port,
                  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  return address.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port)
                                       : absl::StrCat(host, ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const std::vector<std::string>& addresses,
                                                         unsigned socket_mode) {
  std::unique_ptr<Listener> listener(new Listener);
  listener->wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener->wake_.ok()) return Refused("eventfd", "listener");
  for (const std::string& address : addresses) {
    absl::StatusOr<Socket> socket =
        absl::StartsWith(address, kUnixPrefix) ? BindUnix(address, socket_mode) : BindTcp(address);
    if (!socket.ok()) return socket.status();
    listener->sockets_.push_back(*std::move(socket));
  }
  return listener;
}

absl::StatusOr<Listener::Socket> Listener::BindTcp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return errors::BadConfig("listen", absl::StrCat(address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  Socket out;
  out.tcp =
      UniqueFd(socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.tcp.ok()) return Refused("socket", address);
  // A successor may bind at once; SO_REUSEPORT stays off, so that two cannot.
  const int on = 1;
  setsockopt(out.tcp.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(out.tcp.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(out.tcp.get(), kBacklog) != 0) {
    return errno == EADDRINUSE ? errors::AddressInUse(address) : Refused("bind", address);
  }
  out.address = BoundAddress(out.tcp.get());
  return out;
}

absl::StatusOr<Listener::Socket> Listener::BindUnix(const std::string& address, unsigned mode) {
  const std::string path = address.substr(sizeof(kUnixPrefix) - 1);
  Socket out;
  out.address = address;
  if (UniqueFd passed = TakePassedSocket(path, SOCK_STREAM); passed.ok()) {
    out.unix_socket = UnixSocket::Adopt(path, std::move(passed));
    return out;
  }
  auto bound = UnixSocket::Bind(path, SOCK_STREAM, mode);
  if (!bound.ok()) return bound.status();
  out.unix_socket = *std::move(bound);
  return out;
}

Listener::~Listener() { Stop(); }

std::vector<std::string> Listener::addresses() const {
  std::vector<std::string> out;
  for (const Socket& socket : sockets_) out.push_back(socket.address);
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
    polled.push_back({.fd = socket.descriptor(), .events = POLLIN, .revents = 0});
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
        // Small messages both ways; without effect on a Unix socket.
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        accepted(fd);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        poll(polled.data(), 1, kRetryMs);
      }
    }
  }
}

}  // namespace percpud
