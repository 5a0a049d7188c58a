// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is said at the side door (proto/percpud/abi/v1/handoff.h), from the client's end
// and without ever waiting.

#ifndef PERCPUD_CLIENT_C_DOOR_H_
#define PERCPUD_CLIENT_C_DOOR_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/handoff.h"

namespace percpud::c {

// A connection that is refused, interrupted or garbled is no connection.
inline constexpr int kNoDoor = -1;

// Connects to the door of the daemon at `address` (unix:PATH) and says Hello, for an
// arena that is mapped as `wanted`, and to go on with the session of the token `resume` if
// it is not zeros. The descriptor, or kNoDoor with errno set.
int Knock(const char* address, std::uint32_t version, abi::v1::MapMode wanted,
          std::uint32_t abilities, const std::array<std::uint8_t, 16>& resume = {});

struct Greeting {
  enum class Kind : std::uint8_t { kNothingYet, kWelcome, kRefusal, kHungUp };
  Kind kind = Kind::kNothingYet;
  abi::v1::Welcome welcome{};
  // The caller's to close. -1 where there is none.
  int arena = -1;
  int layout = -1;
  // A refusal's code and words; the words end with a zero.
  std::uint32_t code = 0;
  char text[sizeof(abi::v1::Refusal::message) + 1] = {};
};

// What the daemon has answered. An answer that cannot be is kHungUp.
Greeting ReceiveGreeting(int door);

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_DOOR_H_
