// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/ranked_mutex.h"

#ifndef NDEBUG

#include <array>
#include <cstdio>
#include <cstdlib>

namespace percpud {
namespace {

// The ranks this thread holds, lowest first. Deeper nesting than there are
// ranks is itself a breach.
struct HeldRanks {
  std::array<int, 8> rank{};
  int depth = 0;
};

thread_local HeldRanks held;

}  // namespace

void NoteLock(LockRank lock_rank) {
  const int rank = static_cast<int>(lock_rank);
  const bool too_deep = held.depth == static_cast<int>(held.rank.size());
  if (too_deep || (held.depth > 0 && held.rank[held.depth - 1] >= rank)) {
    std::fprintf(stderr, "lock order: rank %d taken while rank %d is held\n", rank,
                 held.depth > 0 ? held.rank[held.depth - 1] : -1);
    std::abort();
  }
  held.rank[held.depth++] = rank;
}

void NoteUnlock(LockRank lock_rank) {
  const int rank = static_cast<int>(lock_rank);
  int at = held.depth - 1;
  while (at >= 0 && held.rank[at] != rank) --at;
  if (at < 0) {
    std::fprintf(stderr, "lock order: rank %d released but not held\n", rank);
    std::abort();
  }
  for (; at + 1 < held.depth; ++at) held.rank[at] = held.rank[at + 1];
  --held.depth;
}

}  // namespace percpud

#endif  // NDEBUG
