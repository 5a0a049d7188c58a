// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/client.h"

#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/session.h"
#include "tests/chaos/outliving.h"
#include "tests/chaos/teller.h"

namespace percpu::chaos {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(1);
constexpr std::uint64_t kAdds = 100;
constexpr int kCommutersSteps = 12;
constexpr std::size_t kMostOfBatch = 16;
constexpr const char* kCounter = "adds";

SessionOptions OptionsOf(std::size_t slot) {
  SessionOptions options;
  options.calls.deadline = slot == kHasty ? absl::Milliseconds(200) : absl::Seconds(60);
  options.calls.retry.max_retries = std::numeric_limits<int>::max();
  return options;
}

// One session's work.
class Client {
 public:
  Client(Shadow& shadow, std::size_t slot, std::unique_ptr<Session> session, std::uint32_t seed)
      : session_(std::move(session)),
        random_(seed),
        teller_(shadow, slot, *session_),
        desk_(teller_.desk()),
        life_(shadow.NewLife(slot)),
        names_(*session_, teller_),
        kept_(*session_, teller_) {
    desk_.held = 0;
    desk_.uncertain = 0;
    desk_.life = life_;
    if (const auto id = session_->id(); id.ok()) desk_.session = Value(*id);
    ++desk_.sessions;
  }
  ~Client() {
    desk_.stage = Stage::kEnd;
    for (std::size_t i = 0; i < desk_.held; ++i) teller_.Verify(desk_.areas.at(i));
    // From here on others may be granted what was this session's.
    teller_.shadow().Condemn(life_);
    if (desk_.session != 0) teller_.shadow().Leave(desk_.session);
    desk_.session = 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A number of steps; fewer if the session is lost or has to retire.
  void Work(int steps) {
    for (int i = 0; i < steps && !desk_.retire && session_->state() != SessionState::kLost; ++i) {
      if (const std::uint32_t rest = teller_.shadow().rest; rest != 0) Rest(rest);
      desk_.stage = Stage::kCommit;
      Step();
      desk_.stage = Stage::kWorking;
      ++desk_.steps;
    }
    if (session_->state() == SessionState::kLost) teller_.Report(Fault::kLost, "the session");
  }

 private:
  [[nodiscard]] bool outlived() const { return teller_.slot() != kCommuter; }

  void Step() {
    switch (random_() % 12) {
      case 0:
      case 1:
        return Allocate(1 + random_() % kMostOfBatch);
      case 2:
      case 3:
        return Free(1 + random_() % kMostOfBatch);
      case 4:
        return AddRemotely();
      case 5:
        return AddLocally();
      case 6:
        return UseHeap();
      case 7:
        if (outlived() && settled_) return names_.Step(random_);
        settled_ = settled_ || (outlived() && names_.Settle());
        return;
      case 8:
        if (outlived() && kept_.Open()) kept_.Step(random_);
        return;
      default:
        return random_() % 2 == 0 ? Allocate(1) : Free(1);
    }
  }

  void Allocate(std::size_t count) {
    if (desk_.held + count > kMostHeld) return;
    std::vector<AreaSpec> specs;
    for (std::size_t i = 0; i < count; ++i) {
      specs.push_back({.size_bytes = 8 * (1 + random_() % 32)});
    }
    const auto pointers = session_->client().AllocateBatch(specs);
    const Verdict verdict = teller_.Judge(pointers.status(), "AllocateBatch");
    if (verdict == Verdict::kUncertain) NoteUncertain(count);
    if (verdict != Verdict::kMade) return;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t held = desk_.held;
      desk_.areas.at(held) = teller_.Take(life_, (*pointers)[i], specs[i].size_bytes);
      desk_.held = held + 1;
    }
  }

  void Free(std::size_t count) {
    std::vector<Pointer> pointers;
    for (std::size_t i = 0; i < count && desk_.held > 0; ++i) {
      std::swap(desk_.areas.at(random_() % desk_.held), desk_.areas.at(desk_.held - 1));
      const HeldArea area = desk_.areas.at(desk_.held - 1);
      teller_.LetGo(life_, area);
      --desk_.held;
      pointers.push_back(Pointer{area.pointer});
      returning_.push_back(area);
    }
    if (pointers.empty()) return;
    const Verdict verdict =
        teller_.Judge(session_->client().FreeBatch(pointers).status(), "FreeBatch");
    if (verdict == Verdict::kMade) desk_.freed += pointers.size();
    if (verdict == Verdict::kUncertain) NoteUncertain(pointers.size());
    if (verdict == Verdict::kRefused) TakeBack();
    returning_.clear();
  }
  // A refused call has changed nothing.
  void TakeBack() {
    for (const HeldArea& area : returning_) {
      teller_.shadow().Mark(life_, area.pointer, area.size_bytes);
      const std::uint32_t held = desk_.held;
      desk_.areas.at(held) = area;
      desk_.held = held + 1;
    }
  }
  void NoteUncertain(std::size_t count) {
    desk_.uncertain += count;
    desk_.all_uncertain += count;
  }

  // Null until it can be had.
  const Ref<std::uint64_t>* Counter() {
    if (counter_ == nullptr) {
      const auto counter = session_->Counter(kCounter);
      if (teller_.Judge(counter.status(), "Counter") == Verdict::kMade) {
        counter_ = std::make_unique<Ref<std::uint64_t>>(*counter);
      }
    }
    return counter_.get();
  }
  void AddLocally() {
    const auto* const counter = Counter();
    if (counter == nullptr) return;
    for (std::uint64_t i = 0; i < kAdds; ++i) {
      ++desk_.adds_begun;
      if (counter->Increment()) ++desk_.adds_made;
    }
  }
  void AddRemotely() {
    const auto* const counter = Counter();
    if (counter == nullptr) return;
    ++desk_.adds_begun;
    const auto added = session_->client().Add(counter->pointer(), 1);
    if (teller_.Judge(added.status(), "Add") == Verdict::kMade) ++desk_.adds_made;
  }

  // A lease that is soon given back.
  void UseHeap() {
    if (random_() % 8 != 0) return;
    const auto heap = session_->NewHeap();
    if (teller_.Judge(heap.status(), "NewHeap") != Verdict::kMade) return;
    std::vector<HeldArea> areas;
    for (int i = 0; i < 8; ++i) {
      const auto pointer = (*heap)->Allocate(64);
      if (teller_.Judge(pointer.status(), "heap.Allocate") != Verdict::kMade) break;
      areas.push_back(teller_.Take(life_, *pointer, 64));
    }
    for (const HeldArea& area : areas) teller_.LetGo(life_, area);
  }

  // Everything is looked at, and the connection is up, before it says that it rests.
  void Rest(std::uint32_t rest) {
    while (!session_->client().Ping().ok() && session_->state() != SessionState::kLost) {
      absl::SleepFor(kPause);
    }
    while (outlived() && !names_.Settle()) absl::SleepFor(kPause);
    settled_ = true;
    while (outlived() && !kept_.Open()) absl::SleepFor(kPause);
    for (std::size_t i = 0; i < desk_.held; ++i) teller_.Verify(desk_.areas.at(i));
    names_.Verify();
    if (outlived()) kept_.Verify();
    if (const auto id = session_->id(); id.ok()) desk_.session = Value(*id);
    desk_.stage = Stage::kResting;
    desk_.rested = rest;
    while (teller_.shadow().rest == rest) absl::SleepFor(kPause);
  }

  const std::unique_ptr<Session> session_;
  std::mt19937 random_;
  Teller teller_;
  Desk& desk_;
  const Life life_;
  Names names_;
  KeptAreas kept_;
  std::unique_ptr<Ref<std::uint64_t>> counter_;
  std::vector<HeldArea> returning_;
  bool settled_ = false;
};

bool IsPassing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

int Work(Shadow& shadow, std::size_t slot, const std::string& address, std::uint32_t seed) {
  Desk& desk = shadow.desks.at(slot);
  std::mt19937 seeds(seed);
  while (!desk.retire) {
    desk.stage = Stage::kAdmission;
    auto session = Session::Open(address, OptionsOf(slot));
    if (!session.ok()) {
      if (!IsPassing(session.status())) {
        shadow.Report(Fault::kBroken, absl::StrCat("Open: ", session.status().ToString()));
      }
      absl::SleepFor(kPause);
      continue;
    }
    if ((*session)->update_mode() == Updates::kRpc) return kMayNotWrite;
    Client client(shadow, slot, *std::move(session), static_cast<std::uint32_t>(seeds()));
    client.Work(slot == kCommuter ? kCommutersSteps : std::numeric_limits<int>::max());
  }
  desk.stage = Stage::kNone;
  return 0;
}

}  // namespace percpu::chaos
