// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/arena.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

namespace percpud::c {
namespace {

using abi::v1::kNoCpu;
using abi::v1::LayoutHeader;
using abi::v1::PairCommit;
using abi::v1::UpdateMode;

// What is mapped for the live words.
constexpr std::uint64_t kLivePage = 4096;

// The layout page, copied once: what is checked is what is used.
struct Page {
  std::byte* bytes = nullptr;
  std::uint64_t size = 0;
  LayoutHeader header{};

  ~Page() { std::free(bytes); }

  bool Read(int fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return false;
    size = static_cast<std::uint64_t>(info.st_size);
    if (size < sizeof(header) || size > abi::v1::kMaxLayoutBytes) return false;
    bytes = static_cast<std::byte*>(std::malloc(size));
    if (bytes == nullptr || pread(fd, bytes, size, 0) != static_cast<ssize_t>(size)) return false;
    std::memcpy(&header, bytes, sizeof(header));
    // An older one ends before this.
    if (header.header_bytes < sizeof(header)) header.live_at = 0;
    const auto mode = static_cast<UpdateMode>(header.update_mode);
    return header.magic == abi::v1::kLayoutMagic && header.major == abi::v1::kLayoutMajor &&
           header.layout_bytes == size && header.units > 0 && header.cpus > 0 &&
           (mode == UpdateMode::kRseq || mode == UpdateMode::kAtomic) &&
           header.pair_commit <= static_cast<std::uint32_t>(PairCommit::kOneStore) &&
           TableFits(header.unit_offsets_at, header.units, sizeof(std::uint64_t)) &&
           TableFits(header.cpu_offsets_at, header.cpus, sizeof(std::uint64_t)) &&
           TableFits(header.unit_cpus_at, header.units, sizeof(std::uint32_t));
  }
  [[nodiscard]] bool TableFits(std::uint64_t at, std::uint64_t count, std::uint64_t entry) const {
    return at % 8 == 0 && at <= size && count <= (size - at) / entry;
  }
  // Returns a table whose place was checked. The copy is aligned as malloc aligns.
  template <typename T>
  [[nodiscard]] std::span<const T> Table(std::uint64_t at, std::uint32_t count) const {
    return {reinterpret_cast<const T*>(bytes + at), count};
  }
};

// The units that back a CPU, into `arena`. False if one is not in the arena.
bool TakeUnits(const Page& page, Arena& arena) {
  const auto offsets = page.Table<std::uint64_t>(page.header.unit_offsets_at, page.header.units);
  const auto owners = page.Table<std::uint32_t>(page.header.unit_cpus_at, page.header.units);
  const auto cpus = page.Table<std::uint64_t>(page.header.cpu_offsets_at, page.header.cpus);
  struct Backed {
    std::uint32_t cpu;
    std::uint64_t offset;
  };
  auto* const sorted = static_cast<Backed*>(std::malloc(offsets.size() * sizeof(Backed)));
  arena.backed = static_cast<std::uint64_t*>(std::malloc(offsets.size() * sizeof(std::uint64_t)));
  bool inside = sorted != nullptr && arena.backed != nullptr;
  for (std::uint32_t unit = 0; inside && unit < page.header.units; ++unit) {
    inside = offsets[unit] < page.header.arena_bytes;
    if (owners[unit] != kNoCpu) sorted[arena.backed_count++] = {owners[unit], offsets[unit]};
  }
  for (std::size_t cpu = 0; inside && cpu < cpus.size(); ++cpu) {
    inside = cpus[cpu] < page.header.arena_bytes && cpus[cpu] % alignof(abi::v1::CountSum) == 0;
  }
  if (inside) {
    std::sort(sorted, sorted + arena.backed_count,
              [](const Backed& a, const Backed& b) { return a.cpu < b.cpu; });
    for (std::uint32_t i = 0; i < arena.backed_count; ++i) {
      arena.backed[i] = sorted[i].offset;
      arena.last = std::max(arena.last, sorted[i].offset);
    }
    for (const std::uint64_t cpu : cpus) arena.last = std::max(arena.last, cpu);
    arena.cpus = rseq::CpuEntries(cpus);
  }
  std::free(sorted);
  return inside && arena.backed_count > 0;
}

bool MapMemory(int fd, Arena& arena) {
  const int protection = arena.writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* const base = mmap(nullptr, arena.bytes, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) return false;
  arena.base = static_cast<std::byte*>(base);
  return true;
}

// False if the live words should be there, and cannot be mapped.
bool MapLive(int fd, const Page& page, Arena& arena) {
  const std::uint64_t at = page.header.live_at;
  if (at == 0 || arena.writable) return true;
  if (at % kLivePage != 0 || at > page.size || page.size - at < kLivePage) return false;
  void* const live = mmap(nullptr, kLivePage, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(at));
  if (live == MAP_FAILED) return false;
  arena.live = static_cast<const abi::v1::LiveWords*>(live);
  return true;
}

}  // namespace

Arena* MapArena(int arena, int layout, abi::v1::MapMode granted) {
  Page page;
  if (!page.Read(layout)) return nullptr;
  void* const memory = std::malloc(sizeof(Arena));
  if (memory == nullptr) return nullptr;
  auto* const out = new (memory) Arena{};
  out->bytes = page.header.arena_bytes;
  out->id = page.header.arena_id;
  out->mode = static_cast<UpdateMode>(page.header.update_mode);
  out->pair_commit = static_cast<PairCommit>(page.header.pair_commit);
  out->writable = granted == abi::v1::MapMode::kReadWrite;
  if (TakeUnits(page, *out) && MapLive(layout, page, *out) &&
      (arena < 0 || MapMemory(arena, *out))) {
    return out;
  }
  UnmapArena(out);
  return nullptr;
}

void UnmapArena(Arena* arena) {
  if (arena->base != nullptr) munmap(arena->base, arena->bytes);
  if (arena->live != nullptr) munmap(const_cast<abi::v1::LiveWords*>(arena->live), kLivePage);
  std::free(arena->backed);
  std::free(arena);
}

std::uint64_t RevisionOf(const Arena& arena) {
  if (arena.live == nullptr) return 0;
  return __atomic_load_n(&arena.live->revision, __ATOMIC_ACQUIRE);
}

bool Holds(const Arena& arena, std::uint64_t pointer, const Extent& extent) {
  assert(arena.last < arena.bytes);
  const std::uint64_t room = arena.bytes - (extent.in_every_unit ? arena.last : 0);
  return pointer != 0 && pointer % extent.alignment == 0 && pointer < room &&
         extent.bytes <= room - pointer;
}

}  // namespace percpud::c
