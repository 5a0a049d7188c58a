// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/stray_pages.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/base/refusal_log.h"
#include "server/percpu/allocator/core.h"

namespace percpud {
namespace {

void LogReleased(Bytes released, BootTime now) {
  static OnceAMinute gate;
  const std::optional<std::uint64_t> held_back = gate.Pass(now);
  if (!held_back) return;
  WriteWarning(absl::StrCat("arena: ", Format(released),
                            " that belonged to nobody had memory, and was given back: a client "
                            "reads what it was not granted",
                            *held_back == 0 ? "" : absl::StrCat("; ", *held_back, " times more")));
}

// The chunk at or behind `next`, and its unpopulated blocks at or behind `from`.
struct Hole {
  ChunkMemory memory;
  BlockRange blocks;
};
std::optional<Hole> NextHole(AllocatorCore& core, ChunkId& next, std::uint32_t& from) {
  RankedLock lock(&core.index_mu);
  while (const Chunk* const chunk = core.index().chunks().FindFrom(next)) {
    next = chunk->id();
    const Granules begin = ToGranules(kBasePageSize * from);
    const Granules end = ToGranules(kBasePageSize * chunk->blocks());
    const BlockRange blocks = begin < end && !chunk->is_populated()
                                  ? chunk->UnpopulatedIn({begin, end - begin})
                                  : BlockRange{};
    if (blocks.count > 0) {
      from = blocks.first + blocks.count;
      return Hole{.memory = chunk->memory(), .blocks = blocks};
    }
    next = ChunkId(next.value() + 1);
    from = 0;
  }
  return std::nullopt;
}

}  // namespace

BootTime StrayPages::Look(AllocatorCore& core) {
  core.grow_mu.AssertHeld();
  const std::optional<Bytes> backed = core.pages().BackedBytes();
  if (!backed && !core.backend().owes_pages()) return BootTime::InfiniteFuture();
  const BootTime now = core.options().clock->Now();
  if (now < next_) return next_;
  next_ = now + kInterval;
  if (backed && backed == seen_) return next_;
  seen_ = ReleaseAll(core).ok() ? core.pages().BackedBytes() : std::nullopt;
  if (seen_ && *seen_ < *backed) {
    const Bytes released = *backed - *seen_;
    released_.fetch_add(released.value(), std::memory_order_relaxed);
    LogReleased(released, now);
  }
  return next_;
}

absl::Status StrayPages::ReleaseAll(AllocatorCore& core) {
  absl::Status status = core.backend().ReleaseRest();
  if (!core.gives_pages_back()) return status;
  ChunkId next = Index::kFirstId;
  std::uint32_t from = 0;
  while (const std::optional<Hole> hole = NextHole(core, next, from)) {
    status.Update(core.backend().DepopulateChunk(hole->memory, hole->blocks));
  }
  return status;
}

}  // namespace percpud
