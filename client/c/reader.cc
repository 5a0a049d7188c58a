// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/reader.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace percpud::c {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneKind;
using abi::v1::LaneRequestWriter;

constexpr std::int64_t kMillisecondNs = 1'000'000;
constexpr int kTriesAtOneMoment = 3;

std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Reader::~Reader() {
  HangUp();
  if (arena_ != nullptr) UnmapArena(arena_);
}

bool Reader::Fail(const char* reason) {
  std::snprintf(reason_.data(), reason_.size(), "%s", reason);
  return false;
}

void Reader::HangUp() {
  if (door_ != kNoDoor) close(door_);
  door_ = kNoDoor;
}

void Reader::BeginAnew() { HangUp(); }

bool Reader::Await(short events, std::int64_t deadline_ns) {
  while (true) {
    const std::int64_t left = deadline_ns - NowNs();
    if (left <= 0) return Fail("the daemon does not answer in time");
    pollfd polled{.fd = door_, .events = events, .revents = 0};
    const int milliseconds =
        static_cast<int>(std::min<std::int64_t>(left / kMillisecondNs + 1, 60'000));
    const int ready = poll(&polled, 1, milliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Fail(std::strerror(errno));
  }
}

bool Reader::Connect(std::int64_t deadline_ns) {
  door_ = Knock(address_, abi::v1::kHandoffLaneVersion, abi::v1::MapMode::kReadOnly,
                abi::v1::kCanRseq | abi::v1::kCanAtomic);
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

bool Reader::TakeGreeting(const Greeting& greeting) {
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
  // Another daemon's revisions are others, even if the arena is the same.
  if (arena_ != nullptr) UnmapArena(arena_);
  arena_ = arena;
  snapshot_.revision = 0;
  return true;
}

bool Reader::Ask(const LaneRequestWriter& message, LaneAnswer& answer, std::int64_t deadline_ns) {
  const abi::v1::LaneBytes bytes = message.message();
  while (send(door_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno != EAGAIN && errno != EINTR) return Fail("the daemon hung up");
    if (!Await(POLLOUT, deadline_ns)) return false;
  }
  ssize_t size = 0;
  do {
    if (!Await(POLLIN, deadline_ns)) return false;
    size = recv(door_, inbox_.data(), inbox_.size(), MSG_DONTWAIT);
  } while (size < 0 && (errno == EAGAIN || errno == EINTR));
  if (size <= 0) return Fail("the daemon hung up");
  abi::v1::LaneAnswerReader reader({inbox_.data(), static_cast<std::size_t>(size)});
  if (reader.Next(answer) != abi::v1::LaneNext::kRecord || answer.id != asked_) {
    return Fail("the daemon's answer is malformed");
  }
  ++asked_;
  if (answer.code == 0) return true;
  abi::v1::LaneErrorView error;
  if (!error.Parse(answer.body)) return Fail("the daemon refuses");
  const std::size_t text = std::min(error.text().size(), reason_.size() - 1);
  std::memcpy(reason_.data(), error.text().data(), text);
  reason_[text] = '\0';
  return false;
}

bool Reader::Refresh(std::int64_t deadline_ns) {
  // A connection that broke while nobody read is made anew once.
  const bool was_connected = door_ != kNoDoor;
  if (!was_connected && !Connect(deadline_ns)) return false;
  if (ReadAll(deadline_ns)) return true;
  HangUp();
  if (!was_connected || !Connect(deadline_ns)) return false;
  if (ReadAll(deadline_ns)) return true;
  HangUp();
  return false;
}

bool Reader::ReadAll(std::int64_t deadline_ns) {
  Snapshot fresh;
  for (int tries = kTriesAtOneMoment; tries > 0; --tries) {
    fresh.Clear();
    is_torn_ = false;
    if (!ReadFamilies(fresh, deadline_ns)) return false;
    if (fresh.revision != 0 && fresh.revision == snapshot_.revision) return true;
    for (std::size_t i = 0; i < fresh.families.size(); ++i) {
      // Once for each namespace: with its first family.
      bool is_first = true;
      for (std::size_t before = 0; is_first && before < i; ++before) {
        is_first = fresh.text(fresh.families[before].name_space) !=
                   fresh.text(fresh.families[i].name_space);
      }
      if (is_first && !ReadSeries(fresh, i, deadline_ns)) return false;
    }
    if (!is_torn_) break;
  }
  if (is_torn_) fresh.revision = 0;
  snapshot_.Swap(fresh);
  return true;
}

bool Reader::ReadFamilies(Snapshot& out, std::int64_t deadline_ns) {
  std::uint64_t from = 0;
  do {
    std::array<std::byte, 1024> memory;
    LaneRequestWriter message(memory);
    const bool fits = name_space_ == nullptr ? message.ListFamilies(asked_, from)
                                             : message.ListFamilies(asked_, from, name_space_);
    if (!fits) return Fail("the namespace's name is too long");
    LaneAnswer answer;
    abi::v1::LaneFamiliesView page;
    if (!Ask(message, answer, deadline_ns)) return false;
    if (answer.kind != LaneKind::kListFamilies || !page.Parse(answer.body)) {
      return Fail("the daemon's answer is malformed");
    }
    if (out.revision != 0 && out.revision != page.head().revision) is_torn_ = true;
    out.revision = page.head().revision;
    for (std::uint32_t i = 0; i < page.head().families; ++i) {
      if (!out.Append(page.Next())) return Fail("a family is malformed, or memory is short");
    }
    if (out.revision == snapshot_.revision && from == 0) return true;
    if (page.head().next != 0 && page.head().next <= from) return Fail("pages go backwards");
    from = page.head().next;
  } while (from != 0);
  return true;
}

bool Reader::ReadSeries(Snapshot& out, std::size_t family, std::int64_t deadline_ns) {
  // A copy: the texts move as they grow.
  exposition::Text name;
  name.Append(out.text(out.families[family].name_space));
  abi::v1::LaneSeriesFrom from{};
  while (true) {
    std::array<std::byte, 1024> memory;
    LaneRequestWriter message(memory);
    if (!name.ok() || !message.ReadSeries(asked_, from, 0, name.view())) {
      return Fail("the namespace's name is too long");
    }
    LaneAnswer answer;
    abi::v1::LaneSeriesPageView page;
    if (!Ask(message, answer, deadline_ns)) return false;
    if (answer.kind != LaneKind::kReadSeries || !page.Parse(answer.body)) {
      return Fail("the daemon's answer is malformed");
    }
    if (page.head().revision != out.revision) is_torn_ = true;
    if (!TakePage(page, out, family)) return Fail("a series is malformed, or memory is short");
    if (page.head().more == 0) return true;
    from = page.head().next;
  }
}

bool Reader::TakePage(abi::v1::LaneSeriesPageView& page, Snapshot& out, std::size_t& family) {
  for (std::uint32_t i = 0; i < page.head().series; ++i) {
    const auto series = page.NextSeries();
    // Families come in the order in which they were listed. One that was not listed is
    // one that this program cannot read, or new.
    std::size_t at = family;
    while (at < out.families.size() && out.families[at].number != series.head.family) ++at;
    const bool is_listed = at < out.families.size();
    if (is_listed) family = at;
    const bool goes_on = (series.head.flags & abi::v1::kLaneSeriesContinued) != 0;
    if (is_listed && !goes_on && !out.Append(family, series)) return false;
    for (std::uint32_t left = series.head.writers; left > 0; --left) {
      const auto writer = page.NextWriter();
      if (is_listed && !out.Append(writer)) return false;
    }
  }
  return true;
}

}  // namespace percpud::c
