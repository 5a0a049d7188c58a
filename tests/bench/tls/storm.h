// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_BENCH_TLS_STORM_H_
#define PERCPUD_TESTS_BENCH_TLS_STORM_H_

#include <string>

#include "tests/support/pki.h"

namespace percpud::bench {

// What the process says on standard output of each call that was answered.
inline constexpr char kAnswered[] = "answered";

// Clients over TLS, each of which connects anew for every call, with the SDK's pauses where the
// gateway has no place.
struct Storm {
  // "127.0.0.1:PORT"
  std::string address;
  testing::PemFiles files;
  int clients = 0;
};

// Until the process is killed.
[[noreturn]] void Rage(const Storm& storm);

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TLS_STORM_H_
