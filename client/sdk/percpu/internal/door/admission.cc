// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/admission.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;

constexpr char kUnixPrefix[] = "unix:";

absl::Status Unavailable(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

absl::StatusOr<UniqueFd> Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("address: ", path, " is too long a path"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return Unavailable("socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable(absl::StrCat("side door ", path));
  }
  return fd;
}

absl::Status AwaitAnswer(int fd, absl::Time deadline) {
  while (true) {
    const std::int64_t left =
        std::clamp<std::int64_t>(absl::ToInt64Milliseconds(deadline - absl::Now()), 0, 1 << 30);
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = poll(&polled, 1, static_cast<int>(left));
    if (ready == 1) return absl::OkStatus();
    if (ready == 0) return absl::DeadlineExceededError("side door: no answer in time");
    if (errno != EINTR) return Unavailable("poll");
  }
}

absl::Status FromRefusal(const abi::Refusal& refusal) {
  const auto end = std::find(refusal.message.begin(), refusal.message.end(), '\0');
  const std::string message(refusal.message.begin(), end);
  if (refusal.code == 0) return absl::DataLossError("side door: a refusal without a code");
  return {static_cast<absl::StatusCode>(refusal.code), message};
}

// One message with the descriptors it brought, which are owned before anything
// else is looked at.
struct Message {
  std::array<std::byte, 512> bytes{};
  std::size_t size = 0;
  std::array<UniqueFd, 2> fds;
  std::size_t fd_count = 0;
};

absl::StatusOr<Message> Receive(int fd) {
  Message out;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int))> control{};
  iovec part{.iov_base = out.bytes.data(), .iov_len = out.bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  if (size <= 0) return absl::UnavailableError("side door: the daemon hung up");
  out.size = static_cast<std::size_t>(size);
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr;
       rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count && out.fd_count < out.fds.size(); ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(rights) + i * sizeof(int), sizeof(received));
      out.fds[out.fd_count++] = UniqueFd(received);
    }
  }
  return out;
}

absl::StatusOr<Admission> Interpret(Message message) {
  std::uint32_t magic = 0;
  std::memcpy(&magic, message.bytes.data(), sizeof(magic));
  if (magic == abi::kRefusalMagic && message.size == sizeof(abi::Refusal)) {
    abi::Refusal refusal;
    std::memcpy(&refusal, message.bytes.data(), sizeof(refusal));
    return FromRefusal(refusal);
  }
  abi::Welcome welcome;
  std::memcpy(&welcome, message.bytes.data(), sizeof(welcome));
  const bool mapped = welcome.granted != static_cast<std::uint32_t>(MapMode::kNone);
  if (magic != abi::kWelcomeMagic || message.size != sizeof(welcome) ||
      welcome.granted > static_cast<std::uint32_t>(MapMode::kReadWrite) ||
      message.fd_count != (mapped ? 2U : 1U)) {
    return absl::DataLossError("side door: the answer is none that this client knows");
  }
  Admission out;
  out.session = welcome.session;
  out.token.assign(welcome.token.begin(), welcome.token.end());
  out.granted = static_cast<MapMode>(welcome.granted);
  out.layout = std::move(message.fds[message.fd_count - 1]);
  if (mapped) out.arena = std::move(message.fds[0]);
  return out;
}

}  // namespace

absl::StatusOr<Admission> Knock(const std::string& address, MapMode wanted, std::uint32_t abilities,
                                absl::Time deadline, const std::string& resume) {
  if (!absl::StartsWith(address, kUnixPrefix)) {
    return absl::FailedPreconditionError(
        absl::StrCat("address: ", address, " is not on this host: it has no side door"));
  }
  absl::StatusOr<UniqueFd> door =
      Connect(absl::StrCat(address.substr(sizeof(kUnixPrefix) - 1), abi::kDoorSuffix));
  if (!door.ok()) return door.status();
  abi::Hello hello{.magic = abi::kHelloMagic,
                   .version = abi::kHandoffVersion,
                   .wanted = static_cast<std::uint32_t>(wanted),
                   .abilities = abilities,
                   .resume = {}};
  std::copy_n(resume.begin(), std::min(resume.size(), hello.resume.size()), hello.resume.begin());
  // The daemon may have refused already (too many at once): its words are read
  // whether or not ours went out.
  static_cast<void>(send(door->get(), &hello, sizeof(hello), MSG_NOSIGNAL));
  if (absl::Status status = AwaitAnswer(door->get(), deadline); !status.ok()) return status;
  absl::StatusOr<Message> message = Receive(door->get());
  if (!message.ok()) return message.status();
  absl::StatusOr<Admission> admission = Interpret(*std::move(message));
  if (admission.ok()) admission->door = *std::move(door);
  return admission;
}

}  // namespace percpu
