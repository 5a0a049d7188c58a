// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Areas that come and go among very many, of an allocator and of malloc alike.

#ifndef PERCPUD_TESTS_BENCH_ALLOCATOR_CHURN_H_
#define PERCPUD_TESTS_BENCH_ALLOCATOR_CHURN_H_

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "server/base/units.h"
#include "tests/bench/trace/trace_replay.h"

namespace percpud::bench {

// Small ones often, and a few of pages.
inline Bytes SizeFrom(std::mt19937_64& random) {
  const std::uint64_t shift = random() % 16 == 0 ? 9 + random() % 4 : 3 + random() % 6;
  return Bytes((std::uint64_t{1} << shift) + random() % (std::uint64_t{1} << shift));
}

// Nanoseconds per operation: of `areas`, one is freed and another allocated.
template <typename Area, typename Alloc, typename Free>
double ChurnAreas(std::vector<Area>& areas, std::mt19937_64& random, std::uint64_t operations,
                  Alloc alloc, Free free) {
  const double start = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  for (std::uint64_t op = 0; op < operations; op += 2) {
    Area& area = areas[random() % areas.size()];
    free(area);
    area = alloc();
  }
  return (Nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start) / static_cast<double>(operations);
}

// malloc with as many areas. Its caches miss as well.
class Malloc {
 public:
  explicit Malloc(std::uint64_t areas) : areas_(areas) {
    for (void*& area : areas_) area = Alloc();
  }
  ~Malloc() {
    for (void* area : areas_) std::free(area);
  }
  Malloc(const Malloc&) = delete;
  Malloc& operator=(const Malloc&) = delete;

  double Churn(std::uint64_t operations) {
    return ChurnAreas(
        areas_, random_, operations, [this] { return Alloc(); }, std::free);
  }

 private:
  void* Alloc() { return std::malloc(SizeFrom(random_).value()); }

  std::mt19937_64 random_;
  std::vector<void*> areas_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_ALLOCATOR_CHURN_H_
