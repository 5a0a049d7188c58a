// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer's way in. A finding is printed as a test, and then aborts.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/fuzz/targets.h"

namespace percpud::fuzz {
namespace {

std::uint64_t g_operations = 0;

void PrintOperations() {
  std::fprintf(stderr, "%s: %llu operations\n", PERCPUD_FUZZ_TARGET::kTarget.name,
               static_cast<unsigned long long>(g_operations));
}

}  // namespace
}  // namespace percpud::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  std::atexit(percpud::fuzz::PrintOperations);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = percpud::fuzz;
  const fuzz::Target& target = fuzz::PERCPUD_FUZZ_TARGET::kTarget;
  const fuzz::Script script = fuzz::Decode(target, {data, size});
  const auto performed = target.run(script);
  if (performed.ok()) {
    fuzz::g_operations += *performed;
    return 0;
  }
  const std::string test = fuzz::PrintAsTest(target, fuzz::Shrink(target, script, 2000));
  std::fprintf(stderr, "%s\n%s", performed.status().ToString().c_str(), test.c_str());
  std::abort();
}
