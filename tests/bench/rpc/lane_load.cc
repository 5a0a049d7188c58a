// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/rpc/lane_load.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpud::bench {
namespace {

constexpr std::uint64_t kCounterSize = 8;
constexpr std::size_t kPingBytes = sizeof(abi::v1::LaneRequestHeader);

template <typename TimePoint>
double MicrosSince(TimePoint began) {
  return std::chrono::duration<double, std::micro>(TimePoint::clock::now() - began).count();
}

absl::Status Errno(const char* what) { return absl::ErrnoToStatus(errno, what); }

absl::StatusOr<UniqueFd> ConnectToDoor(const std::string& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = absl::StrCat(address.substr(std::strlen("unix:")), abi::v1::kDoorSuffix);
  if (path.size() >= sizeof(name.sun_path)) return absl::InvalidArgumentError("path too long");
  std::memcpy(name.sun_path, path.c_str(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return Errno("connect");
  }
  return fd;
}

// Echoes until its peer closes.
[[noreturn]] void Echo(int fd) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  std::array<std::byte, 256> message;
  while (epoll_wait(epoll, &event, 1, -1) >= 0) {
    const ssize_t bytes = recv(fd, message.data(), message.size(), MSG_DONTWAIT);
    if (bytes <= 0) _exit(0);
    if (send(fd, message.data(), static_cast<std::size_t>(bytes), MSG_NOSIGNAL) < 0) _exit(0);
  }
  _exit(1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LaneLoad>> LaneLoad::Open(const std::string& address) {
  absl::StatusOr<UniqueFd> fd = ConnectToDoor(address);
  if (!fd.ok()) return fd.status();
  const abi::v1::Hello hello{.magic = abi::v1::kHelloMagic,
                             .version = abi::v1::kHandoffLaneVersion,
                             .wanted = static_cast<std::uint32_t>(abi::v1::MapMode::kNone),
                             .abilities = 0,
                             .resume = {}};
  abi::v1::Welcome welcome{};
  if (send(fd->get(), &hello, sizeof(hello), MSG_NOSIGNAL) < 0) return Errno("send");
  // Without room for descriptors: the layout's is not wanted.
  if (recv(fd->get(), &welcome, sizeof(welcome), 0) != sizeof(welcome) ||
      welcome.version != abi::v1::kHandoffLaneVersion) {
    return absl::FailedPreconditionError("the daemon has no lane");
  }
  return std::unique_ptr<LaneLoad>(new LaneLoad(*std::move(fd)));
}

absl::Status LaneLoad::Send() {
  const abi::v1::LaneBytes message = ask_.message();
  if (message.empty()) return absl::OkStatus();
  const ssize_t sent = send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL);
  ask_.Clear();
  return sent < 0 ? Errno("send") : absl::OkStatus();
}

absl::Status LaneLoad::Receive(bool last, const Turn& turn, int& active) {
  const ssize_t bytes = recv(fd_.get(), heard_.data(), heard_.size(), 0);
  if (bytes <= 0) return absl::UnavailableError("the daemon hung up");
  abi::v1::LaneAnswerReader reader({heard_.data(), static_cast<std::size_t>(bytes)});
  abi::v1::LaneAnswer answer;
  while (reader.Next(answer) == abi::v1::LaneNext::kRecord) {
    if (answer.code != 0) {
      abi::v1::LaneErrorView error;
      error.Parse(answer.body);
      return absl::Status(static_cast<absl::StatusCode>(answer.code), std::string(error.text()));
    }
    const std::size_t slot = answer.id;
    if (turn(slot, &answer, last)) {
      began_[slot] = Clock::now();
    } else {
      --active;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> LaneLoad::Drive(int in_flight, absl::Duration duration, const Turn& turn) {
  const Clock::time_point began = Clock::now();
  const Clock::time_point enough = began + absl::ToChronoNanoseconds(duration);
  began_.assign(static_cast<std::size_t>(in_flight), began);
  for (std::size_t slot = 0; slot < began_.size(); ++slot) turn(slot, nullptr, /*last=*/false);
  int active = in_flight;
  while (true) {
    if (absl::Status status = Send(); !status.ok()) return status;
    if (active == 0) return MicrosSince(began) / 1e6;
    const bool last = Clock::now() >= enough;
    if (absl::Status status = Receive(last, turn, active); !status.ok()) return status;
  }
}

absl::StatusOr<Samples> LaneLoad::Ping(int in_flight, absl::Duration duration) {
  Samples samples;
  const auto turn = [&](std::size_t slot, const abi::v1::LaneAnswer* answer, bool last) {
    if (answer != nullptr) samples.micros.push_back(MicrosSince(began_[slot]));
    return !last && ask_.Ping(slot);
  };
  const absl::StatusOr<double> seconds = Drive(in_flight, duration, turn);
  if (!seconds.ok()) return seconds.status();
  samples.seconds = *seconds;
  return samples;
}

absl::StatusOr<AllocFreeSamples> LaneLoad::AllocFree(int in_flight, int areas,
                                                     absl::Duration duration) {
  AllocFreeSamples samples;
  const std::vector<std::uint64_t> sizes(static_cast<std::size_t>(areas), kCounterSize);
  std::vector<std::uint64_t> pointers(sizes.size());
  const auto turn = [&](std::size_t slot, const abi::v1::LaneAnswer* answer, bool last) {
    if (answer != nullptr && answer->kind == abi::v1::LaneKind::kAlloc) {
      samples.alloc.micros.push_back(MicrosSince(began_[slot]));
      abi::v1::LanePointersView view;
      view.Parse(answer->body);
      for (std::uint32_t i = 0; i < view.pointers(); ++i) pointers[i] = view.pointer(i);
      return ask_.Free(slot, 0, pointers);
    }
    if (answer != nullptr) samples.free.micros.push_back(MicrosSince(began_[slot]));
    return !last && ask_.Alloc(slot, 0, {.sizes = sizes, .alignments = {}, .tag = {}});
  };
  const absl::StatusOr<double> seconds = Drive(in_flight, duration, turn);
  if (!seconds.ok()) return seconds.status();
  samples.alloc.seconds = samples.free.seconds = *seconds;
  return samples;
}

absl::Status LaneLoad::OpenSeries(const std::string& family, int first, int count) {
  static constexpr std::array<std::string_view, 1> kLabels{"path"};
  std::array<std::byte, abi::v1::kLaneMessageBytes> memory;
  abi::v1::LaneOpenSeriesBody body(memory);
  bool fits =
      body.Begin("bench") &&
      body.Family({.name = family, .help = {}, .unit = {}, .labels = kLabels, .bounds = {}});
  for (int i = first; i < first + count; ++i) {
    const std::string value = absl::StrFormat("/%0*d", static_cast<int>(kLabelBytes) - 1, i);
    const std::array<std::string_view, 1> values{value};
    fits = fits && body.Series(values);
  }
  if (!fits || !ask_.OpenSeries(0, body.body())) {
    return absl::InvalidArgumentError("the batch is too large for a message");
  }
  if (absl::Status status = Send(); !status.ok()) return status;
  absl::Status refused;
  int active = 1;
  const auto turn = [&](std::size_t /*slot*/, const abi::v1::LaneAnswer* answer, bool /*last*/) {
    abi::v1::LaneOpenedView opened;
    opened.Parse(answer->body);
    for (std::uint32_t i = 0; i < opened.head().series && refused.ok(); ++i) {
      const abi::v1::LaneOpenedSeries series = opened.series(i);
      if (series.code != 0) {
        refused = absl::Status(static_cast<absl::StatusCode>(series.code), "a series is refused");
      }
    }
    return false;
  };
  while (active > 0) {
    if (absl::Status status = Receive(/*last=*/true, turn, active); !status.ok()) return status;
  }
  return refused;
}

absl::StatusOr<std::unique_ptr<EchoLoad>> EchoLoad::Start() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Errno("socketpair");
  }
  UniqueFd mine(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t process = fork();
  if (process < 0) return Errno("fork");
  if (process == 0) {
    mine.reset();
    Echo(theirs.get());
  }
  return std::unique_ptr<EchoLoad>(new EchoLoad(std::move(mine), process));
}

EchoLoad::~EchoLoad() {
  fd_.reset();
  waitpid(process_, nullptr, 0);
}

absl::StatusOr<Samples> EchoLoad::Run(absl::Duration duration) {
  using Clock = std::chrono::steady_clock;
  Samples samples;
  std::array<std::byte, kPingBytes> message{};
  const Clock::time_point began = Clock::now();
  const Clock::time_point enough = began + absl::ToChronoNanoseconds(duration);
  do {
    const Clock::time_point sent = Clock::now();
    if (send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) return Errno("send");
    if (recv(fd_.get(), message.data(), message.size(), 0) <= 0) return Errno("recv");
    samples.micros.push_back(MicrosSince(sent));
  } while (Clock::now() < enough);
  samples.seconds = MicrosSince(began) / 1e6;
  return samples;
}

absl::StatusOr<double> ProcessorMicros(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return absl::NotFoundError("the process has ended");
  }
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace percpud::bench
