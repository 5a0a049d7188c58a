// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/outliving.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace percpu::chaos {
namespace {

constexpr std::uint64_t kNameBytes = 16;
constexpr std::uint64_t kKeptBytes = 64;

}  // namespace

std::string Names::NameOf(std::size_t index) const {
  return absl::StrCat("slot-", teller_.slot(), ".", index);
}

bool Names::Settle() {
  for (std::size_t i = 0; i < kNames; ++i) {
    if (!SettleOne(i)) return false;
  }
  return true;
}

bool Names::SettleOne(std::size_t index) {
  OutlivingArea& name = teller_.desk().names.at(index);
  if (name.standing == Standing::kAbsent) return true;
  const auto opened = session_.client().OpenVariable({.name = NameOf(index)});
  if (opened.status().code() == absl::StatusCode::kNotFound) {
    if (name.standing == Standing::kThere) teller_.Report(Fault::kLost, NameOf(index));
    name.standing = Standing::kAbsent;
    return true;
  }
  if (teller_.Judge(opened.status(), "OpenVariable") != Verdict::kMade) return false;
  const Pointer pointer = opened->variable.pointer;
  if (name.standing == Standing::kMaking) {
    // Its maker may have ended before, or after, it put a stamp there.
    name.area = teller_.TakeAsItIs(life(), pointer, kNameBytes);
  } else {
    if (Value(pointer) != name.area.pointer) {
      teller_.Report(Fault::kLost, absl::StrCat(NameOf(index), " is another variable"));
    }
    teller_.shadow().Mark(life(), name.area.pointer, kNameBytes);
    teller_.Verify(name.area);
  }
  name.standing = Standing::kThere;
  return true;
}

void Names::Step(std::mt19937& random) {
  const std::size_t index = random() % kNames;
  switch (teller_.desk().names.at(index).standing) {
    case Standing::kAbsent:
      return Make(index);
    case Standing::kThere:
      return Remove(index);
    default:
      SettleOne(index);
  }
}

void Names::Make(std::size_t index) {
  OutlivingArea& name = teller_.desk().names.at(index);
  name.standing = Standing::kMaking;
  const auto opened = session_.client().OpenVariable({.name = NameOf(index),
                                                      .type = VariableType::kBytes,
                                                      .size_bytes = kNameBytes,
                                                      .create = true});
  switch (teller_.Judge(opened.status(), "OpenVariable, create")) {
    case Verdict::kMade:
      name.area = teller_.Take(life(), opened->variable.pointer, kNameBytes);
      name.standing = Standing::kThere;
      return;
    case Verdict::kRefused:
      name.standing = Standing::kAbsent;
      return;
    case Verdict::kUncertain:
    case Verdict::kWrong:
      return;
  }
}

void Names::Remove(std::size_t index) {
  OutlivingArea& name = teller_.desk().names.at(index);
  name.standing = Standing::kRemoving;
  teller_.LetGo(life(), name.area);
  const absl::Status status = session_.client().RemoveVariable(NameOf(index));
  // An earlier client of the slot, whose end the daemon has not seen yet, has it open.
  const bool open_elsewhere = status.code() == absl::StatusCode::kFailedPrecondition;
  const Verdict verdict =
      open_elsewhere ? Verdict::kRefused : teller_.Judge(status, "RemoveVariable");
  if (verdict == Verdict::kMade) name.standing = Standing::kAbsent;
  if (verdict != Verdict::kRefused) return;
  teller_.shadow().Mark(life(), name.area.pointer, kNameBytes);
  name.standing = Standing::kThere;
}

void Names::Verify() {
  for (const OutlivingArea& name : teller_.desk().names) {
    if (name.standing == Standing::kThere) teller_.Verify(name.area);
  }
}

bool KeptAreas::Open() {
  if (heap_ != nullptr) return true;
  auto kept = session_.OpenKeptHeap(absl::StrCat("kept-", teller_.slot()));
  // An earlier client of the slot, whose end the daemon has not seen yet, holds it.
  if (kept.status().code() == absl::StatusCode::kFailedPrecondition) return false;
  if (teller_.Judge(kept.status(), "OpenKeptHeap") != Verdict::kMade) return false;
  heap_ = std::move(kept->heap);
  Adopt(kept->adoption);
  return true;
}

void KeptAreas::Adopt(const Adoption& adoption) {
  bool expected = false;
  for (OutlivingArea& area : teller_.desk().kept) {
    if (area.standing == Standing::kAbsent) continue;
    expected = true;
    bool lives = false;
    for (const Adoption::Area& live : adoption.live) {
      lives |= Value(live.pointer) == area.area.pointer;
    }
    if (area.standing == Standing::kThere) {
      if (lives) teller_.Verify(area.area);
      if (!lives) teller_.Report(Fault::kLost, "an area of the kept lease");
    }
    if (!lives) area.standing = Standing::kAbsent;
    // One that was about to be freed, and lives, is freed below.
    if (area.standing == Standing::kRemoving) area.standing = Standing::kAbsent;
  }
  if (expected && !adoption.is_warm) {
    teller_.Report(Fault::kLost, absl::StrCat("the kept lease: ", adoption.reason.ToString()));
  }
  for (const Adoption::Area& live : adoption.live) {
    bool known = false;
    for (const OutlivingArea& area : teller_.desk().kept) {
      known |= area.standing == Standing::kThere && area.area.pointer == Value(live.pointer);
    }
    if (!known) teller_.Judge(heap_->Free(live.pointer), "kept.Free, of what was left");
  }
}

void KeptAreas::Step(std::mt19937& random) {
  if (heap_ == nullptr) return;
  OutlivingArea& area = teller_.desk().kept.at(random() % kKeptAreas);
  if (area.standing == Standing::kAbsent) {
    const auto pointer = heap_->Allocate(kKeptBytes);
    if (teller_.Judge(pointer.status(), "kept.Allocate") != Verdict::kMade) return;
    area.area = teller_.Take(life(), *pointer, kKeptBytes);
    area.standing = Standing::kThere;
    return;
  }
  area.standing = Standing::kRemoving;
  teller_.LetGo(life(), area.area);
  teller_.Judge(heap_->Free(Pointer{area.area.pointer}), "kept.Free");
  area.standing = Standing::kAbsent;
}

void KeptAreas::Verify() {
  for (const OutlivingArea& area : teller_.desk().kept) {
    if (area.standing == Standing::kThere) teller_.Verify(area.area);
  }
}

}  // namespace percpu::chaos
