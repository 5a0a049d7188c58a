// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/lane_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include "absl/time/time.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;

// A receive that blocks ends after this time, so that deadlines are kept without a poll
// before each receive.
constexpr absl::Duration kReceiveTimeout = absl::Milliseconds(100);
// Nearly every request fits. Longer ones take memory from the heap.
constexpr std::size_t kShortMessage = 512;

absl::Status Broken() { return absl::UnavailableError("side door: the connection broke"); }

// Returns true once `events` are there, and false at the deadline or if a signal came.
bool AwaitEvents(int fd, short events, const Deadline& deadline) {
  const std::int64_t left = std::clamp<std::int64_t>(
      absl::ToInt64Milliseconds(absl::Ceil(deadline.left(), absl::Milliseconds(1))), 0, 1 << 30);
  pollfd polled{.fd = fd, .events = events, .revents = 0};
  return poll(&polled, 1, static_cast<int>(left)) == 1;
}

// Waits for a message. Returns its length; 0 if the peer has closed; -1 with errno EAGAIN
// if no message has come by the deadline, or a little earlier.
ssize_t ReceiveBy(int fd, std::vector<std::byte>& memory, const Deadline& deadline) {
  const bool is_near = deadline.left() < kReceiveTimeout;
  if (is_near && !AwaitEvents(fd, POLLIN, deadline)) {
    errno = EAGAIN;
    return -1;
  }
  return recv(fd, memory.data(), memory.size(), is_near ? MSG_DONTWAIT : 0);
}

}  // namespace

LaneClient::LaneClient(std::shared_ptr<const percpud::UniqueFd> door)
    : door_(std::move(door)), heard_(abi::kLaneMessageBytes) {
  assert(door_ != nullptr && door_->ok());
  // A receive waits. A send passes MSG_DONTWAIT.
  fcntl(door_->get(), F_SETFL, fcntl(door_->get(), F_GETFL) & ~O_NONBLOCK);
  const timeval timeout = absl::ToTimeval(kReceiveTimeout);
  setsockopt(door_->get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

absl::StatusOr<LaneClient::Answer> LaneClient::Call(Ask ask, LaneAttempt& attempt) {
  assert(&attempt.lane == this && !attempt.was_sent);
  const Deadline& deadline = attempt.deadline;
  const std::uint64_t id = last_id_.fetch_add(1, std::memory_order_relaxed) + 1;
  std::array<std::byte, kShortMessage> short_memory;
  std::vector<std::byte> long_memory;
  abi::LaneRequestWriter message(short_memory);
  if (!ask(message, id)) {
    long_memory.resize(abi::kLaneMessageBytes);
    message = abi::LaneRequestWriter(long_memory);
    if (!ask(message, id)) {
      return absl::OutOfRangeError("the request is too long for the side door's lane");
    }
  }
  assert(message.requests() == 1);

  Waiter waiter;
  MutexLock lock(&mu_);
  if (absl::Status status = Send(message.message(), waiter, deadline); !status.ok()) return status;
  attempt.was_sent = true;
  while (!waiter.done && !is_broken() && !deadline.has_passed()) {
    if (reading_) {
      waiter.news.WaitBy(mu_, deadline);
    } else {
      Read(deadline);
    }
  }
  if (!waiter.done) Leave(waiter);
  HandOnReading();
  if (waiter.done) return std::move(waiter.answer);
  if (is_broken()) return Broken();
  return absl::DeadlineExceededError("side door: no answer in time");
}

absl::Status LaneClient::Send(abi::LaneBytes message, Waiter& waiter, const Deadline& deadline) {
  while (!is_broken()) {
    const ssize_t sent =
        send(door_->get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto header = abi::LaneLoad<abi::LaneRequestHeader>(message, 0);
      line_.push_back(
          {.id = header.id, .kind = static_cast<abi::LaneKind>(header.kind), .waiter = &waiter});
      return absl::OkStatus();
    }
    const bool is_full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
    if (errno == EINTR) continue;
    if (!is_full) {
      Break();
      break;
    }
    if (deadline.has_passed()) return absl::DeadlineExceededError("side door: no room in time");
    // The daemon reads on once its answers are read. The callers in line read them.
    mu_.Unlock();
    AwaitEvents(door_->get(), POLLOUT, std::min(deadline, Deadline::After(kReceiveTimeout)));
    mu_.Lock();
  }
  return Broken();
}

void LaneClient::Read(const Deadline& deadline) {
  assert(!reading_);
  reading_ = true;
  mu_.Unlock();
  const ssize_t bytes = ReceiveBy(door_->get(), heard_, deadline);
  const int error = errno;
  mu_.Lock();
  reading_ = false;
  if (bytes < 0 && (error == EAGAIN || error == EINTR || error == ENOMEM)) return;
  const bool understood = bytes > 0 && HandOut({heard_.data(), static_cast<std::size_t>(bytes)});
  if (!understood) Break();
}

bool LaneClient::HandOut(abi::LaneBytes message) {
  abi::LaneAnswerReader reader(message);
  abi::LaneAnswer answer;
  while (true) {
    const abi::LaneNext next = reader.Next(answer);
    if (next != abi::LaneNext::kRecord) return next == abi::LaneNext::kEnd;
    if (line_.empty() || line_.front().id != answer.id || line_.front().kind != answer.kind) {
      return false;
    }
    if (Waiter* const waiter = line_.front().waiter; waiter != nullptr) {
      assert(!waiter->done);
      waiter->answer = {.code = answer.code, .body = {answer.body.begin(), answer.body.end()}};
      waiter->done = true;
      waiter->news.Signal();
    }
    line_.pop_front();
  }
}

void LaneClient::Break() {
  if (broken_.exchange(true, std::memory_order_relaxed)) return;
  // The session's watch sees the end of the connection, and takes the session up again.
  shutdown(door_->get(), SHUT_RDWR);
  for (const Sent& sent : line_) {
    if (sent.waiter != nullptr) sent.waiter->news.Signal();
  }
}

void LaneClient::Leave(const Waiter& waiter) {
  for (Sent& sent : line_) {
    if (sent.waiter == &waiter) sent.waiter = nullptr;
  }
}

void LaneClient::HandOnReading() {
  if (reading_) return;
  for (const Sent& sent : line_) {
    if (sent.waiter == nullptr) continue;
    sent.waiter->news.Signal();
    return;
  }
}

}  // namespace percpu
