// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/shadow.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/unique_fd.h"

namespace percpu::chaos {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t SinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

absl::string_view NameOf(Fault fault) {
  constexpr std::array<absl::string_view, kFaults> kText = {"lost", "twice", "non-zero", "leaked",
                                                            "broken"};
  return kText.at(static_cast<std::size_t>(fault));
}

absl::StatusOr<Shadow*> Shadow::Map(const std::string& path) {
  const percpud::UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.ok() || ftruncate(file.get(), sizeof(Shadow)) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  void* const memory =
      mmap(nullptr, sizeof(Shadow), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, path);
  return static_cast<Shadow*>(memory);
}

Life Shadow::NewLife(std::size_t slot) {
  const Life life = kFirstSession + lives.fetch_add(1);
  assert(life < kMostLives);
  slots.at(life) = static_cast<std::uint8_t>(slot);
  return life;
}

bool Shadow::OwnsForSure(Life life) const {
  if (life == kNobody) return false;
  if (life < kFirstSession) return true;
  // In this order: who is laid to rest is condemned first, and doomed no more after that.
  const bool is_doomed = desks.at(slots.at(life)).doomed;
  return !is_doomed && !condemned.at(life);
}

void Shadow::Mark(Life life, std::uint64_t pointer, std::uint64_t size_bytes) {
  Life other = kNobody;
  for (std::uint64_t at = pointer; at < pointer + size_bytes; at += kGranuleBytes) {
    const Life before = owners.at(at / kGranuleBytes).exchange(life);
    if (before != life && OwnsForSure(before)) other = before;
  }
  if (other == kNobody) return;
  Report(Fault::kTwice, absl::StrFormat("%#x+%d is life %d's, and is life %d's already", pointer,
                                        size_bytes, life, other));
}

void Shadow::Clear(Life life, std::uint64_t pointer, std::uint64_t size_bytes) {
  for (std::uint64_t at = pointer; at < pointer + size_bytes; at += kGranuleBytes) {
    Life mine = life;
    owners.at(at / kGranuleBytes).compare_exchange_strong(mine, kNobody);
  }
}

void Shadow::NoteStart() { started_at = SinceBoot(); }

void Shadow::Leave(std::uint64_t session) { left_at.at(session) = SinceBoot(); }

bool Shadow::MayWait(std::uint64_t session) const {
  // A start may come between the close and the wait.
  constexpr std::int64_t kWindow = (kResumeSeconds + 30) * kSecond;
  const std::int64_t left = left_at.at(session);
  return left != 0 && SinceBoot() < std::max(left, started_at.load()) + kWindow;
}

void Shadow::Report(Fault fault, const std::string& what) {
  ++faults.at(static_cast<std::size_t>(fault));
  absl::FPrintF(stderr, "%s: %s\n", NameOf(fault), what);
}

std::uint64_t Shadow::Faults() const {
  return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
}

std::uint64_t Shadow::Steps() const {
  std::uint64_t sum = 0;
  for (const Desk& desk : desks) sum += desk.steps;
  return sum;
}

}  // namespace percpu::chaos
