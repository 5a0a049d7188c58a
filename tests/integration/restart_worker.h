// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A client that works while its daemon is killed again and again, and keeps a
// record of its own of all that it was told.

#ifndef PERCPUD_TESTS_INTEGRATION_RESTART_WORKER_H_
#define PERCPUD_TESTS_INTEGRATION_RESTART_WORKER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/session.h"

namespace percpu::testing {

// In memory shared with the test; written by its worker, read by all.
struct Ledger {
  std::atomic<bool> ready;
  std::atomic<bool> stop;
  std::atomic<bool> done;
  // Steps made, refusals and broken promises seen.
  std::atomic<std::uint64_t> steps;
  std::atomic<std::uint64_t> failures;
  std::atomic<std::uint64_t> broken;
  // Additions to the common counter: made by itself, made by the daemon, and made by the
  // daemon or not.
  std::atomic<std::uint64_t> local_adds;
  std::atomic<std::uint64_t> remote_adds;
  std::atomic<std::uint64_t> uncertain_adds;
  // What it holds at the end.
  std::atomic<std::uint64_t> live;
  std::array<std::uint64_t, 4096> pointers;
  std::atomic<std::uint64_t> variables;
};

class Worker {
 public:
  Worker(const std::string& address, std::uint64_t number, Ledger& ledger)
      : number_(number), ledger_(ledger), random_(number) {
    SessionOptions options;
    options.calls.deadline = absl::Seconds(60);
    options.calls.retry.max_retries = 1000;
    // The daemon may not be there yet, or no longer.
    const absl::Time deadline = absl::Now() + options.calls.deadline;
    while (session_ == nullptr && absl::Now() < deadline) {
      auto session = Session::Open(address, options);
      if (session.ok()) session_ = *std::move(session);
      if (session_ == nullptr) absl::SleepFor(absl::Milliseconds(1));
    }
  }

  // Until the ledger says stop; 0 if all went well.
  int Run() {
    if (session_ == nullptr) return 2;
    const auto counter = session_->Counter("adds");
    const auto id = session_->id();
    auto kept = session_->OpenKeptHeap(absl::StrCat("kept-", number_));
    if (!counter.ok() || !id.ok() || !kept.ok()) return 3;
    ledger_.ready = true;
    while (!ledger_.stop) {
      Step(*counter, *kept->heap);
      ++ledger_.steps;
    }
    for (const Area& area : live_) Verify(area);
    Expect(session_->state() != SessionState::kLost, "the session lives");
    Expect(session_->id().value_or(SessionId{0}) == *id, "the session is the same");
    Report();
    ledger_.done = true;
    // Held until the daemon has been asked what it knows.
    while (ledger_.stop) absl::SleepFor(absl::Milliseconds(1));
    return ledger_.broken == 0 && ledger_.failures == 0 ? 0 : 1;
  }

 private:
  struct Area {
    Pointer pointer;
    std::uint64_t stamp;
  };
  static constexpr std::size_t kMostLive = 2000;

  void Step(const Ref<std::uint64_t>& counter, LeaseHeap& kept) {
    switch (random_() % 16) {
      case 0:
        return AllocateBatch();
      case 1:
        return FreeBatch();
      case 2:
        return AddRemotely(counter);
      case 3:
        return Name();
      case 4:
        return UseHeap(kept);
      case 5:
      case 6:
        return AddLocally(counter);
      default:
        return live_.size() < kMostLive && random_() % 2 == 0 ? Allocate() : Free();
    }
  }

  void Allocate() {
    const auto pointer = session_->client().Allocate({.size_bytes = 8 + random_() % 256},
                                                     {.tag = random_() % 2 == 0 ? "load" : ""});
    if (Note(pointer.status(), "Allocate")) Take(*pointer);
  }
  void AllocateBatch() {
    if (live_.size() >= kMostLive) return;
    const std::vector<AreaSpec> specs(1 + random_() % 32, AreaSpec{.size_bytes = 24});
    const auto pointers = session_->client().AllocateBatch(specs);
    if (!Note(pointers.status(), "AllocateBatch")) return;
    for (const Pointer pointer : *pointers) Take(pointer);
  }
  // Fresh memory is zero; then it bears our mark.
  void Take(Pointer pointer) {
    Expect(*Word(pointer) == 0, "a granted area is zero");
    const std::uint64_t stamp = (number_ << 48) | ++serial_;
    *Word(pointer) = stamp;
    live_.push_back({pointer, stamp});
  }
  void Free() {
    if (live_.empty()) return;
    std::swap(live_[random_() % live_.size()], live_.back());
    const Area area = live_.back();
    live_.pop_back();
    Verify(area);
    Note(session_->client().Free(area.pointer).status(), "Free");
  }
  void FreeBatch() {
    std::vector<Pointer> pointers;
    for (int i = 0; i < 20 && !live_.empty(); ++i) {
      Verify(live_.back());
      pointers.push_back(live_.back().pointer);
      live_.pop_back();
    }
    if (pointers.empty()) return;
    Note(session_->client().FreeBatch(pointers).status(), "FreeBatch");
  }
  void AddLocally(const Ref<std::uint64_t>& counter) {
    constexpr std::uint64_t kAdds = 1000;
    std::uint64_t made = 0;
    for (std::uint64_t i = 0; i < kAdds; ++i) made += counter.Increment() ? 1 : 0;
    ledger_.local_adds += made;
    ledger_.uncertain_adds += kAdds - made;
  }
  void AddRemotely(const Ref<std::uint64_t>& counter) {
    const bool made = session_->client().Add(counter.pointer(), 1).ok();
    ++(made ? ledger_.remote_adds : ledger_.uncertain_adds);
  }
  void Name() {
    const std::string name = absl::StrCat("w", number_, ".", ++names_);
    if (names_ % 2 == 0) {
      const auto made = session_->client().OpenVariable(
          {.name = name, .type = VariableType::kGauge, .size_bytes = 8, .create = true});
      if (Note(made.status(), "OpenVariable")) ++ledger_.variables;
      if (ledger_.variables < 20) return;
      if (Note(session_->client().RemoveVariable(name), "RemoveVariable")) --ledger_.variables;
      return;
    }
    if (live_.empty()) return;
    const Area area = live_.back();
    live_.pop_back();
    const auto named = session_->client().Publish(area.pointer, name, VariableType::kBytes);
    if (!Note(named.status(), "Publish")) return;
    Verify(area);
    Note(session_->client().RemoveVariable(name), "RemoveVariable");
  }
  // A lease of its own now and then, and areas in the kept one all along.
  void UseHeap(LeaseHeap& kept) {
    if (random_() % 8 == 0) {
      const auto heap = session_->NewHeap();
      if (Note(heap.status(), "NewHeap")) Note((*heap)->Allocate(64).status(), "heap");
    }
    if (kept_.size() > 50) {
      Verify(kept_.back());
      Note(kept.Free(kept_.back().pointer), "kept.Free");
      kept_.pop_back();
    }
    const auto pointer = kept.Allocate(64);
    if (!pointer.ok()) return;
    const std::uint64_t stamp = (number_ << 48) | ++serial_;
    *Word(*pointer) = stamp;
    kept_.push_back({*pointer, stamp});
  }

  volatile std::uint64_t* Word(Pointer pointer) const {
    return reinterpret_cast<volatile std::uint64_t*>(session_->mapping().base + Value(pointer));
  }
  void Verify(const Area& area) {
    Expect(*Word(area.pointer) == area.stamp, "an area holds what was put there");
  }
  void Expect(bool holds, const char* what) {
    if (holds) return;
    ++ledger_.broken;
    std::fprintf(stderr, "worker %d: not so: %s\n", static_cast<int>(number_), what);
  }
  bool Note(const absl::Status& status, const char* what) {
    if (status.ok()) return true;
    ++ledger_.failures;
    std::fprintf(stderr, "worker %d: %s: %s\n", static_cast<int>(number_), what,
                 status.ToString().c_str());
    return false;
  }
  void Report() {
    for (const Area& area : kept_) Verify(area);
    ledger_.live = live_.size();
    for (std::size_t i = 0; i < live_.size(); ++i) {
      ledger_.pointers.at(i) = Value(live_[i].pointer);
    }
  }

  const std::uint64_t number_;
  Ledger& ledger_;
  std::mt19937 random_;
  std::unique_ptr<Session> session_;
  std::vector<Area> live_;
  std::vector<Area> kept_;
  std::uint64_t serial_ = 0;
  std::uint64_t names_ = 0;
};

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_INTEGRATION_RESTART_WORKER_H_
