// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A client that stays while its daemon comes and goes. It owns an area, and one
// of its threads counts in it without a pause. For every line on its input it
// says what it has found:
//
//   intact SESSION COUNT     it still is that session, and the daemon's sum is
//                            its own count
//   lost: WHY
//
// usage: resident ADDRESS

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "percpu/session.h"

namespace {

class Resident {
 public:
  Resident(percpu::Session& session, percpu::SessionId id, percpu::Pointer area)
      : session_(session), id_(id), area_(area), counter_([this] { Count(); }) {}
  ~Resident() {
    stopping_ = true;
    counter_.join();
  }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;

  std::string Look() {
    const std::uint64_t at_least = counted_;
    // Waits for a daemon that is not there.
    const auto sum = session_.client().Sum(area_);
    if (!sum.ok()) return absl::StrCat("lost: ", sum.status().ToString());
    const auto id = session_.id();
    if (!id.ok()) return absl::StrCat("lost: ", id.status().ToString());
    if (*id != id_)
      return absl::StrCat("lost: session ", percpu::Value(*id), ", was ", percpu::Value(id_));
    // The one that is on its way between area and count.
    const std::uint64_t at_most = counted_ + 1;
    const auto found = static_cast<std::uint64_t>(*sum);
    if (found < at_least || found > at_most) {
      return absl::StrCat("lost: sum ", found, ", counted ", at_least, " to ", at_most);
    }
    return absl::StrCat("intact ", percpu::Value(*id), " ", found);
  }

 private:
  void Count() {
    const auto slot = session_.At<std::uint64_t>(area_);
    while (!stopping_) {
      if (slot.Increment()) ++counted_;
    }
  }

  percpu::Session& session_;
  const percpu::SessionId id_;
  const percpu::Pointer area_;
  std::atomic<std::uint64_t> counted_{0};
  std::atomic<bool> stopping_{false};
  std::thread counter_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto session = percpu::Session::Open(argv[1]);
  if (!session.ok()) {
    std::cout << "lost: " << session.status() << std::endl;
    return 1;
  }
  const auto id = (*session)->id();
  const auto area = (*session)->client().Allocate({.size_bytes = 8});
  if (!id.ok() || !area.ok()) {
    std::cout << "lost: " << area.status() << std::endl;
    return 1;
  }
  Resident resident(**session, *id, *area);
  for (std::string line; std::getline(std::cin, line);) std::cout << resident.Look() << std::endl;
  return 0;
}
