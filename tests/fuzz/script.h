// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Op scripts: what a fuzzer's bytes mean.
//
//   input   [setup: 2 bytes each] [kind: 1][a: 2][b: 1][c: 1] [kind ...] ...
//   script  {.setup = {3, 512}, .ops = {{kTake, 17, 4, 0}, {kFree, 2, 0, 0}}}
//
// Every input is a script, and every script can be performed: a target reduces
// the numbers to what its state allows. It holds each answer against a naive
// model. A script that fails prints as the body of a test (regressions_test.cc).

#ifndef PERCPUD_TESTS_FUZZ_SCRIPT_H_
#define PERCPUD_TESTS_FUZZ_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace percpud::fuzz {

struct Op {
  // A value of the target's Kind.
  std::uint32_t kind = 0;
  // a is the wide one: 16 bits. b and c are bytes.
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  friend bool operator==(const Op&, const Op&) = default;
};

struct Script {
  std::vector<std::uint32_t> setup;
  std::vector<Op> ops;
};

// One fuzzer: something that is under test, and how to drive it.
struct Target {
  // The name of the namespace that Perform and Kind live in.
  const char* name;
  std::size_t setup_size;
  std::vector<const char*> kinds;
  // The number of operations that were carried out (others, such as a free when
  // nothing lives, do nothing); INTERNAL says what differs from the model.
  absl::StatusOr<std::uint64_t> (*run)(const Script& script);
};

// What is missing at the end counts as 0.
Script Decode(const Target& target, std::span<const std::uint8_t> input);
// REQUIRES: a script that Decode can give.
std::vector<std::uint8_t> Encode(const Script& script);

// A test that performs the script again.
std::string PrintAsTest(const Target& target, const Script& script);

// A shorter script that fails as well; returns within `tries` performances.
// REQUIRES: `script` fails.
Script Shrink(const Target& target, Script script, int tries);

}  // namespace percpud::fuzz

#endif  // PERCPUD_TESTS_FUZZ_SCRIPT_H_
