// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/lane_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace percpud::c {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneRequestWriter;

constexpr std::int64_t kMillisecondNs = 1'000'000;

}  // namespace

LaneLink::~LaneLink() {
  HangUp();
  DropFormer();
  if (arena_ != nullptr) UnmapArena(arena_);
}

std::int64_t LaneLink::NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool LaneLink::Fail(const char* reason) {
  std::snprintf(reason_.data(), reason_.size(), "%s", reason);
  return false;
}

void LaneLink::HangUp() {
  // Forgotten first: what comes in between, a handler of a signal or a fork, must not close
  // it again, for it may be somebody else's by then.
  const int door = std::exchange(door_, kNoDoor);
  if (door != kNoDoor) close(door);
}

bool LaneLink::HasEnded() const {
  if (door_ == kNoDoor) return true;
  pollfd polled{.fd = door_, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

bool LaneLink::Await(short events, std::int64_t deadline_ns) {
  while (true) {
    const std::int64_t left = deadline_ns - NowNs();
    is_late_ = left <= 0;
    if (is_late_) return Fail("the daemon does not answer in time");
    pollfd polled{.fd = door_, .events = events, .revents = 0};
    const int milliseconds =
        static_cast<int>(std::min<std::int64_t>(left / kMillisecondNs + 1, 60'000));
    const int ready = poll(&polled, 1, milliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Fail(std::strerror(errno));
  }
}

bool LaneLink::Connect(std::int64_t deadline_ns) {
  door_ = Knock(address_, abi::v1::kHandoffLaneVersion, abi::v1::MapMode::kReadOnly,
                abi::v1::kCanRseq | abi::v1::kCanAtomic | abi::v1::kOnlyLooks);
  if (door_ == kNoDoor) return Fail(std::strerror(errno));
  while (Await(POLLIN, deadline_ns)) {
    const Greeting greeting = ReceiveGreeting(door_);
    if (greeting.kind == Greeting::Kind::kNothingYet) continue;
    if (TakeGreeting(greeting)) return true;
    break;
  }
  HangUp();
  return false;
}

bool LaneLink::TakeGreeting(const Greeting& greeting) {
  if (greeting.kind == Greeting::Kind::kRefusal) return Fail(greeting.text);
  if (greeting.kind != Greeting::Kind::kWelcome) return Fail("the daemon hung up");
  // Nothing is written here, whatever is granted.
  const bool mapped = greeting.arena >= 0;
  Arena* const arena = greeting.welcome.version == abi::v1::kHandoffLaneVersion && mapped
                           ? MapArena(greeting.arena, greeting.layout, abi::v1::MapMode::kReadOnly)
                           : nullptr;
  if (mapped) close(greeting.arena);
  close(greeting.layout);
  if (arena == nullptr) return Fail("the arena cannot be mapped");
  if (former_ == nullptr) {
    former_ = arena_;
  } else {
    // Nobody was told of the one in between.
    UnmapArena(arena_);
  }
  arena_ = arena;
  return true;
}

void LaneLink::DropFormer() {
  if (former_ != nullptr) UnmapArena(former_);
  former_ = nullptr;
}

bool LaneLink::Receive(std::uint64_t id, LaneAnswer& answer, std::int64_t deadline_ns) {
  while (true) {
    ssize_t size = 0;
    do {
      if (!Await(POLLIN, deadline_ns)) return false;
      size = recv(door_, inbox_.data(), inbox_.size(), MSG_DONTWAIT);
    } while (size < 0 && (errno == EAGAIN || errno == EINTR));
    if (size <= 0) return Fail("the daemon hung up");
    // Late answers come first, and perhaps in one message with this one.
    abi::v1::LaneAnswerReader reader({inbox_.data(), static_cast<std::size_t>(size)});
    abi::v1::LaneNext next{};
    while ((next = reader.Next(answer)) == abi::v1::LaneNext::kRecord) {
      if (answer.id == id) return true;
      if (answer.id > id) return Fail("the daemon's answer is malformed");
    }
    if (next == abi::v1::LaneNext::kMalformed) return Fail("the daemon's answer is malformed");
  }
}

bool LaneLink::Ask(const LaneRequestWriter& message, LaneAnswer& answer, std::int64_t deadline_ns) {
  code_ = 0;
  is_late_ = false;
  const std::uint64_t id = asked_;
  const abi::v1::LaneBytes bytes = message.message();
  while (send(door_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno != EAGAIN && errno != EINTR) return Fail("the daemon hung up");
    if (!Await(POLLOUT, deadline_ns)) return false;
  }
  ++asked_;
  if (!Receive(id, answer, deadline_ns)) return false;
  if (answer.code == 0) return true;
  code_ = answer.code;
  abi::v1::LaneErrorView error;
  if (!error.Parse(answer.body)) return Fail("the daemon refuses");
  const std::size_t text = std::min(error.text().size(), reason_.size() - 1);
  std::memcpy(reason_.data(), error.text().data(), text);
  reason_[text] = '\0';
  return false;
}

}  // namespace percpud::c
