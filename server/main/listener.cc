// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

constexpr char kUnixPrefix[] = "unix:";
constexpr int kBacklog = 1024;
// Out of descriptors: leave the connection in the backlog this long.
constexpr int kRetryMs = 50;

absl::Status Refused(const char* operation, const std::string& object) {
  return errors::OsRefused(operation, object, errno);
}

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

// The lock that says who serves `path`; held as long as the descriptor is open.
absl::StatusOr<UniqueFd> LockPath(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.ok()) return Refused("open", lock_path);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return errors::AddressInUse(absl::StrCat(kUnixPrefix, path));
  return Refused("flock", lock_path);
}

bool IsAnswered(const std::string& path) {
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = UnixAddress(path);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno == EAGAIN;
}

// Makes way for a new socket. Only a socket nobody answers on is ours to
// remove: its daemon died, or it would hold the lock.
absl::Status RemoveStale(const std::string& path) {
  struct stat existing {};
  if (lstat(path.c_str(), &existing) != 0) return absl::OkStatus();
  if (!S_ISSOCK(existing.st_mode)) return errors::OsRefused("bind", path, EEXIST);
  if (IsAnswered(path)) return errors::AddressInUse(absl::StrCat(kUnixPrefix, path));
  if (unlink(path.c_str()) != 0) return Refused("unlink", path);
  return absl::OkStatus();
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

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (ok()) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (ok()) close(fd_);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(const std::vector<std::string>& addresses,
                                                         unsigned socket_mode) {
  std::unique_ptr<Listener> listener(new Listener);
  listener->stop_event_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener->stop_event_.ok()) return Refused("eventfd", "listener");
  for (const std::string& address : addresses) {
    absl::StatusOr<Socket> socket =
        absl::StartsWith(address, kUnixPrefix)
            ? BindUnix(address.substr(sizeof(kUnixPrefix) - 1), socket_mode)
            : BindTcp(address);
    if (!socket.ok()) return socket.status();
    listener->sockets_.push_back(*std::move(socket));
  }
  return listener;
}

absl::StatusOr<Listener::Socket> Listener::BindUnix(const std::string& path, unsigned mode) {
  absl::StatusOr<UniqueFd> lock = LockPath(path);
  if (!lock.ok()) return lock.status();
  if (absl::Status status = RemoveStale(path); !status.ok()) return status;
  Socket out;
  out.address = absl::StrCat(kUnixPrefix, path);
  out.path = path;
  out.lock = *std::move(lock);
  out.fd = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd.ok()) return Refused("socket", path);
  const sockaddr_un address = UnixAddress(path);
  if (bind(out.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Refused("bind", path);
  }
  // Nobody can connect before listen, so the mode is right from the start.
  struct stat bound {};
  if (chmod(path.c_str(), mode) != 0) return Refused("chmod", path);
  if (listen(out.fd.get(), kBacklog) != 0) return Refused("listen", path);
  if (lstat(path.c_str(), &bound) != 0) return Refused("lstat", path);
  out.inode = bound.st_ino;
  return out;
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
  out.fd = UniqueFd(socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out.fd.ok()) return Refused("socket", address);
  // A successor may bind at once; SO_REUSEPORT stays off, so that two cannot.
  const int on = 1;
  setsockopt(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(out.fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(out.fd.get(), kBacklog) != 0) {
    return errno == EADDRINUSE ? errors::AddressInUse(address) : Refused("bind", address);
  }
  out.address = BoundAddress(out.fd.get());
  return out;
}

Listener::~Listener() {
  Stop();
  for (const Socket& socket : sockets_) {
    // Somebody may have put another file there. The lock file stays: removing
    // it would let two daemons lock two files of one name.
    struct stat now {};
    if (!socket.path.empty() && lstat(socket.path.c_str(), &now) == 0 &&
        now.st_ino == socket.inode) {
      unlink(socket.path.c_str());
    }
  }
}

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
  eventfd_write(stop_event_.get(), 1);
  thread_.join();
}

void Listener::Loop(const Accepted& accepted) {
  pthread_setname_np(pthread_self(), "listener");
  std::vector<pollfd> polled{{.fd = stop_event_.get(), .events = POLLIN, .revents = 0}};
  for (const Socket& socket : sockets_) {
    polled.push_back({.fd = socket.fd.get(), .events = POLLIN, .revents = 0});
  }
  while (true) {
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[0].revents != 0) return;
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
