// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The malloc libraries that others are measured beside. Each works in a process
// of its own, loaded with LD_PRELOAD.

#ifndef PERCPUD_TESTS_BENCH_REPORT_MALLOC_PEERS_H_
#define PERCPUD_TESTS_BENCH_REPORT_MALLOC_PEERS_H_

#include <dlfcn.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace percpud::bench {

struct Peer {
  const char* name;
  // To load, and what only it defines; null for what is there anyway.
  const char* library;
  const char* symbol;
};

inline constexpr std::array<Peer, 3> kMallocPeers{
    {{"glibc", nullptr, nullptr},
     {"jemalloc", "libjemalloc.so.2", "mallctl"},
     {"tcmalloc_minimal", "libtcmalloc_minimal.so.4", "tc_version"}}};

// Whether this process has the peer; it has not if the library is not installed.
inline bool IsLoaded(const Peer& peer) {
  return peer.symbol == nullptr || ::dlsym(RTLD_DEFAULT, peer.symbol) != nullptr;
}

// Runs this program again under the peer, to its end.
inline absl::StatusOr<testing::RunResult> RunUnder(const Peer& peer,
                                                   std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/proc/self/exe");
  std::vector<std::string> env;
  if (peer.library != nullptr) {
    env.push_back(std::string("LD_PRELOAD=") + peer.library);
    // tcmalloc leaks 8 bytes of its own at load.
    env.emplace_back("ASAN_OPTIONS=detect_leaks=0");
  }
  return testing::RunToEnd(arguments, env);
}

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_REPORT_MALLOC_PEERS_H_
