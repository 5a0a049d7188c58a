// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_TELLER_H_
#define PERCPUD_TESTS_CHAOS_TELLER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "percpu/session.h"
#include "tests/chaos/shadow.h"

namespace percpu::chaos {

// What a call's answer says of what was asked for.
enum class Verdict { kMade, kRefused, kUncertain, kWrong };

// Looks at the bytes of one session's areas, judges its answers, and tells the shadow.
// One thread at a time.
class Teller {
 public:
  Teller(Shadow& shadow, std::size_t slot, Session& session)
      : shadow_(shadow), slot_(slot), session_(session) {}

  // Notes a granted area down: it has to be zero, and gets a new stamp in every unit.
  HeldArea Take(Life life, Pointer pointer, std::uint64_t size_bytes);
  // The same for memory that its maker does not promise to be zero.
  HeldArea TakeAsItIs(Life life, Pointer pointer, std::uint64_t size_bytes);
  // Expects the area to hold its stamp in every unit.
  void Verify(const HeldArea& area);
  // The same, and takes the area out of the shadow.
  void LetGo(Life life, const HeldArea& area);

  // Says what the status means, and reports one that no contract allows.
  Verdict Judge(const absl::Status& status, const char* call);
  void Report(Fault fault, const std::string& what);

  [[nodiscard]] Desk& desk() { return shadow_.desks.at(slot_); }
  [[nodiscard]] Shadow& shadow() { return shadow_; }
  [[nodiscard]] std::size_t slot() const { return slot_; }

 private:
  [[nodiscard]] bool Holds(const HeldArea& area, std::uint64_t word) const;
  void Fill(const HeldArea& area);
  std::uint64_t NewStamp();
  void NoteRefusal(const char* call, const absl::Status& status);

  Shadow& shadow_;
  const std::size_t slot_;
  Session& session_;
  std::uint64_t stamps_ = 0;
  std::string last_refusal_;
};

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_TELLER_H_
