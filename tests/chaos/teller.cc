// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/chaos/teller.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/chaos/client.h"

namespace percpu::chaos {
namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);

volatile std::uint64_t* WordsOf(const Mapping& mapping, const HeldArea& area,
                                std::uint64_t unit_offset) {
  return reinterpret_cast<volatile std::uint64_t*>(mapping.base + area.pointer + unit_offset);
}

}  // namespace

bool Teller::Holds(const HeldArea& area, std::uint64_t word) const {
  const Mapping& mapping = session_.mapping();
  for (const std::uint64_t offset : mapping.unit_offsets) {
    const auto* const words = WordsOf(mapping, area, offset);
    for (std::uint64_t i = 0; i < area.size_bytes / kWord; ++i) {
      if (words[i] != word) return false;
    }
  }
  return true;
}

void Teller::Fill(const HeldArea& area) {
  const Mapping& mapping = session_.mapping();
  for (const std::uint64_t offset : mapping.unit_offsets) {
    auto* const words = WordsOf(mapping, area, offset);
    for (std::uint64_t i = 0; i < area.size_bytes / kWord; ++i) words[i] = area.stamp;
  }
}

// No two of all processes are equal.
std::uint64_t Teller::NewStamp() {
  constexpr int kPidBits = 32;
  return static_cast<std::uint64_t>(getpid()) << kPidBits | ++stamps_ << 4U | slot_;
}

HeldArea Teller::Take(Life life, Pointer pointer, std::uint64_t size_bytes) {
  const HeldArea area{.pointer = Value(pointer), .size_bytes = size_bytes, .stamp = 0};
  if (!Holds(area, 0)) {
    Report(Fault::kNonZero, absl::StrFormat("%#x+%d was granted", area.pointer, size_bytes));
  }
  return TakeAsItIs(life, pointer, size_bytes);
}

HeldArea Teller::TakeAsItIs(Life life, Pointer pointer, std::uint64_t size_bytes) {
  const HeldArea area{.pointer = Value(pointer), .size_bytes = size_bytes, .stamp = NewStamp()};
  shadow_.Mark(life, area.pointer, size_bytes);
  Fill(area);
  ++desk().granted;
  return area;
}

void Teller::Verify(const HeldArea& area) {
  if (Holds(area, area.stamp)) return;
  Report(Fault::kLost, absl::StrFormat("the bytes of %#x+%d, stamped %#x", area.pointer,
                                       area.size_bytes, area.stamp));
}

void Teller::LetGo(Life life, const HeldArea& area) {
  Verify(area);
  shadow_.Clear(life, area.pointer, area.size_bytes);
}

Verdict Teller::Judge(const absl::Status& status, const char* call) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return Verdict::kMade;
    case absl::StatusCode::kResourceExhausted:
      ++desk().refused;
      NoteRefusal(call, status);
      return Verdict::kRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return Verdict::kUncertain;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kDataLoss:
      Report(Fault::kLost, absl::StrCat(call, ": ", status.ToString()));
      return Verdict::kWrong;
    default:
      Report(Fault::kBroken, absl::StrCat(call, ": ", status.ToString()));
      return Verdict::kWrong;
  }
}

// Says each refusal once: it may be why a client stands still. One of them is for good, and
// says what is to be done.
void Teller::NoteRefusal(const char* call, const absl::Status& status) {
  if (absl::StrContains(status.message(), "start the process again")) {
    shadow_.Condemn(desk().life);
    _exit(kLacksThreads);
  }
  std::string refusal = absl::StrCat(call, ": ", status.ToString());
  if (refusal == last_refusal_) return;
  absl::FPrintF(stderr, "client %d: refused: %s\n", slot_, refusal);
  last_refusal_ = std::move(refusal);
}

void Teller::Report(Fault fault, const std::string& what) {
  shadow_.Report(fault, absl::StrCat("client ", slot_, ", pid ", getpid(), ": ", what));
}

}  // namespace percpu::chaos
