// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The layout page: what a process that maps the arena has to know of it. A
// contract between separately built programs, to be read like a file format.
//
//   0     LayoutHeader            header_bytes: 112, 120 since version 1.2
//   at    u64 unit_offsets[]      unit -> bytes from unit 0's copy
//   at    u64 cpu_offsets[]       CPU id -> the same, of the unit that CPU uses
//   at    u32 unit_cpus[]         unit -> CPU id, kNoCpu for a ghost
//         zeroes up to the next multiple of 4096
//   at    LiveWords               a page of its own, to be mapped read-only
//         zeroes up to layout_bytes, a multiple of 4096
//
// The daemon writes it into a memfd of its own and seals that against every
// write but its own to the live words, so all the rest never changes; a daemon
// that takes the arena over publishes another, with the next epoch. Integers are
// in host order: both sides run on one host.
//
// Versions: a reader refuses another major version. A minor version only adds
// fields at the end of the header (header_bytes grows) or tables.

#ifndef PERCPUD_PROTO_ABI_V1_LAYOUT_PAGE_H_
#define PERCPUD_PROTO_ABI_V1_LAYOUT_PAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace percpud::abi::v1 {

inline constexpr std::array<char, 8> kLayoutMagic{'p', 'c', 'p', 'u', 'l', 'y', 't', '\n'};
inline constexpr std::uint16_t kLayoutMajor = 1;
inline constexpr std::uint16_t kLayoutMinor = 2;
inline constexpr std::uint32_t kNoCpu = 0xffffffff;
// A reader refuses more: no layout of a real host comes near.
inline constexpr std::uint64_t kMaxLayoutBytes = 1 << 20;

// How an integer in a CPU's unit is updated. One kind for the whole arena: a
// locked and a restartable update of one slot can lose each other.
enum class UpdateMode : std::uint32_t {
  // A restartable sequence on the CPU's own unit; no CPU shares a unit.
  kRseq = 1,
  // A locked instruction on the unit of the CPU; CPUs may share one.
  kAtomic = 2,
};

struct LayoutHeader {
  std::array<char, 8> magic;
  std::uint16_t major;
  std::uint16_t minor;
  std::uint32_t header_bytes;
  // The size of this page, tables and padding included.
  std::uint64_t layout_bytes;
  // Random; the same as long as the arena's bytes are.
  std::array<std::uint8_t, 16> arena_id;
  std::uint64_t arena_bytes;
  // 4096, or 2 MiB: the arena's descriptor is of hugetlbfs then.
  std::uint64_t page_bytes;
  std::uint64_t unit_bytes;
  // Entries of unit_offsets and unit_cpus, ghosts included.
  std::uint32_t units;
  // Entries of cpu_offsets: the highest CPU id there is, plus one.
  std::uint32_t cpus;
  // UpdateMode.
  std::uint32_t update_mode;
  // PairCommit (cells.h). Zero, kTwoStores, before version 1.1.
  std::uint32_t pair_commit;
  // Goes up by one whenever a daemon takes the arena over.
  std::uint64_t epoch;
  // From the start of the page, in bytes; multiples of 8.
  std::uint64_t unit_offsets_at;
  std::uint64_t cpu_offsets_at;
  std::uint64_t unit_cpus_at;
  // Where the live words begin, a multiple of 4096. Before version 1.2 the header ends before
  // this; 0: there are none.
  std::uint64_t live_at;
};
// Bytes of a header that says no more than that of version 1.0.
inline constexpr std::uint32_t kLeastLayoutHeader = 112;

static_assert(offsetof(LayoutHeader, major) == 8);
static_assert(offsetof(LayoutHeader, header_bytes) == 12);
static_assert(offsetof(LayoutHeader, layout_bytes) == 16);
static_assert(offsetof(LayoutHeader, arena_id) == 24);
static_assert(offsetof(LayoutHeader, arena_bytes) == 40);
static_assert(offsetof(LayoutHeader, page_bytes) == 48);
static_assert(offsetof(LayoutHeader, unit_bytes) == 56);
static_assert(offsetof(LayoutHeader, units) == 64);
static_assert(offsetof(LayoutHeader, cpus) == 68);
static_assert(offsetof(LayoutHeader, update_mode) == 72);
static_assert(offsetof(LayoutHeader, pair_commit) == 76);
static_assert(offsetof(LayoutHeader, epoch) == 80);
static_assert(offsetof(LayoutHeader, unit_offsets_at) == 88);
static_assert(offsetof(LayoutHeader, cpu_offsets_at) == 96);
static_assert(offsetof(LayoutHeader, unit_cpus_at) == 104);
static_assert(offsetof(LayoutHeader, live_at) == kLeastLayoutHeader);
static_assert(sizeof(LayoutHeader) == 120);

// What the daemon changes while it runs, each word by one store.
struct LiveWords {
  // The highest revision of which, and of all before it, the changes can be asked for
  // (lane_metrics_watch.h).
  std::uint64_t revision;
};
static_assert(sizeof(LiveWords) == 8);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LAYOUT_PAGE_H_
