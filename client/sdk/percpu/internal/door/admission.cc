// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/admission.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;

// The pause before a full backlog is tried again. The system does not tell when it has
// room.
constexpr absl::Duration kBacklogPause = absl::Milliseconds(10);
constexpr std::int64_t kLongestPollMs = 3'600'000;

// Returns the status for a call that the system refused. A shortage of this process is
// told from a daemon that is absent.
absl::Status SystemRefusal(absl::string_view what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::UnavailableError(message);
}

// Waits until `fd` has something to read or `pause` is over. An `fd` of -1 waits for the
// time alone. Errors: DEADLINE_EXCEEDED if the patience ended first, CANCELLED.
absl::Status Wait(int fd, absl::Duration pause, const Patience& patience) {
  const Deadline until = std::min(Deadline::After(pause), patience.deadline);
  while (true) {
    const absl::Duration left = absl::Ceil(until.left(), absl::Milliseconds(1));
    const int timeout_ms = left == absl::InfiniteDuration()
                               ? -1
                               : static_cast<int>(std::min<std::int64_t>(
                                     absl::ToInt64Milliseconds(left), kLongestPollMs));
    // poll() passes over negative descriptors.
    std::array<pollfd, 2> polled{{{.fd = fd, .events = POLLIN, .revents = 0},
                                  {.fd = patience.stop, .events = POLLIN, .revents = 0}}};
    const int ready = poll(polled.data(), polled.size(), timeout_ms);
    if (ready < 0 && errno != EINTR) return SystemRefusal("poll", errno);
    if (ready > 0 && polled[1].revents != 0) return absl::CancelledError("side door: given up");
    if (ready > 0) return absl::OkStatus();
    if (!until.has_passed()) continue;
    if (!patience.deadline.has_passed()) return absl::OkStatus();
    return absl::DeadlineExceededError("side door: no answer in time");
  }
}

absl::StatusOr<UniqueFd> Connect(const std::string& path, const Patience& patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("door: ", path, " is no path for a socket"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  // The socket does not block: connect(2) on a Unix socket would wait without limit for
  // room in the backlog.
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return SystemRefusal("socket", errno);
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return SystemRefusal(absl::StrCat("side door ", path), errno);
    RETURN_IF_ERROR(Wait(-1, kBacklogPause, patience));
  }
  return fd;
}

absl::Status FromRefusal(const abi::Refusal& refusal) {
  const auto end = std::find(refusal.message.begin(), refusal.message.end(), '\0');
  const std::string message(refusal.message.begin(), end);
  if (refusal.code == 0) return absl::DataLossError("side door: a refusal without a code");
  return {static_cast<absl::StatusCode>(refusal.code), message};
}

// One message with its descriptors. They are owned before the message is looked at.
struct Message {
  std::array<std::byte, 512> bytes{};
  std::size_t size = 0;
  std::array<UniqueFd, 2> fds;
  std::size_t fd_count = 0;
  // The message had descriptors that this process had no room for.
  bool lost_fds = false;
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
  out.lost_fds = (header.msg_flags & MSG_CTRUNC) != 0;
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

// Returns the admission in a message. A client that resumes has mapped the arena already,
// and does without descriptors that it could not take.
absl::StatusOr<Admission> Interpret(Message message, bool resumes) {
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
  const std::size_t fds = mapped ? 2 : 1;
  if (magic != abi::kWelcomeMagic || message.size != sizeof(welcome) ||
      welcome.granted > static_cast<std::uint32_t>(MapMode::kReadWrite) ||
      (message.fd_count != fds && !message.lost_fds)) {
    return absl::DataLossError("side door: this client does not know the answer");
  }
  Admission out;
  out.session = welcome.session;
  out.token.assign(welcome.token.begin(), welcome.token.end());
  out.granted = static_cast<MapMode>(welcome.granted);
  out.has_lane = welcome.version >= abi::kHandoffLaneVersion;
  if (message.fd_count == fds) {
    out.layout = std::move(message.fds[fds - 1]);
    if (mapped) out.arena = std::move(message.fds[0]);
  } else if (!resumes) {
    return absl::ResourceExhaustedError("side door: too many open files to take the arena");
  }
  return out;
}

absl::StatusOr<Admission> KnockAs(std::uint32_t version, const std::string& path,
                                  const Hello& hello, const Patience& patience) {
  assert(hello.resume.size() <= sizeof(abi::Hello::resume));
  ASSIGN_OR_RETURN(UniqueFd door, Connect(path, patience));
  abi::Hello said{.magic = abi::kHelloMagic,
                  .version = version,
                  .wanted = static_cast<std::uint32_t>(hello.wanted),
                  .abilities = hello.abilities,
                  .resume = {}};
  std::copy_n(hello.resume.begin(), std::min(hello.resume.size(), said.resume.size()),
              said.resume.begin());
  // The daemon may have refused already (too many at once). Its answer is read whether or
  // not this message went out.
  static_cast<void>(send(door.get(), &said, sizeof(said), MSG_NOSIGNAL));
  RETURN_IF_ERROR(Wait(door.get(), absl::InfiniteDuration(), patience));
  ASSIGN_OR_RETURN(Message message, Receive(door.get()));
  ASSIGN_OR_RETURN(Admission admission, Interpret(std::move(message), !hello.resume.empty()));
  admission.door = std::move(door);
  return admission;
}

}  // namespace

absl::StatusOr<Admission> Knock(const std::string& path, const Hello& hello,
                                const Patience& patience) {
  absl::StatusOr<Admission> admission = KnockAs(abi::kHandoffLaneVersion, path, hello, patience);
  // An older daemon refuses the version with this code. It may mean something else; then
  // it says so again.
  if (!absl::IsFailedPrecondition(admission.status())) return admission;
  return KnockAs(abi::kHandoffVersion, path, hello, patience);
}

}  // namespace percpu
