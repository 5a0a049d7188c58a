// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_BENCH_HOSTILE_FLOODS_H_
#define PERCPUD_TESTS_BENCH_HOSTILE_FLOODS_H_

#include <functional>
#include <string>
#include <vector>

namespace percpud::bench {

// Where a flood comes in.
enum class Way { kDoor, kGrpc };

// What a hostile peer does again and again.
struct Flood {
  std::string name;
  Way way;
  // One connection's worth, to the address of the gRPC socket ("unix:PATH", or
  // "HOST:PORT" for floods of Way::kGrpc). Returns when the daemon hangs up, or after a
  // moment.
  std::function<void(const std::string& address)> round;
};

std::vector<Flood> AllFloods();

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_HOSTILE_FLOODS_H_
