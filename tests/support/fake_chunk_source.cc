// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/fake_chunk_source.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "server/area/lease_map.h"

namespace percpud::testing {
namespace {

// Where the first chunk lies in the make-believe arena.
constexpr std::uint64_t kFirst = 1 << 20;

std::byte* MapShared(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<std::byte*>(memory);
}

}  // namespace

FakeChunkSource::FakeChunkSource(Shape shape)
    : shape_(shape),
      map_bytes_(LeaseMap::StorageBytes(ToGranules(Bytes(shape.usable_bytes)))),
      data_bytes_(shape.chunks * ChunkBytes()),
      data_(MapShared(data_bytes_)),
      maps_(MapShared(shape.chunks * map_bytes_)),
      is_out_(shape.chunks) {
  for (std::uint32_t unit = 0; unit < shape.units; ++unit) {
    unit_offsets_.push_back(unit * shape.unit_bytes);
  }
}

FakeChunkSource::~FakeChunkSource() {
  ::munmap(data_, data_bytes_);
  ::munmap(maps_, shape_.chunks * map_bytes_);
}

percpu::LeasedChunk FakeChunkSource::ChunkAt(std::uint32_t index) const {
  const std::uint64_t at = index * ChunkBytes();
  return {.id = percpu::ChunkId{index + 1},
          .base = percpu::Pointer{kFirst + at},
          .usable_bytes = shape_.usable_bytes,
          .unit0 = data_ + at,
          .unit_offsets = unit_offsets_,
          .map = {maps_ + index * map_bytes_, map_bytes_}};
}

std::byte* FakeChunkSource::Address(percpu::Pointer pointer, std::uint32_t unit) const {
  return data_ + (percpu::Value(pointer) - kFirst) + unit_offsets_[unit];
}

absl::StatusOr<percpu::LeasedChunk> FakeChunkSource::Acquire() {
  RankedLock lock(&mu_);
  ++calls_;
  if (fail_from_ != 0 && calls_ >= fail_from_) return failure_;
  const auto free = std::find(is_out_.begin(), is_out_.end(), false);
  if (free == is_out_.end()) return absl::ResourceExhaustedError("fake: no chunk is left");
  *free = true;
  const percpu::LeasedChunk chunk =
      ChunkAt(static_cast<std::uint32_t>(std::distance(is_out_.begin(), free)));
  std::fill_n(chunk.unit0, ChunkBytes(), std::byte{0});
  std::fill(chunk.map.begin(), chunk.map.end(), std::byte{0});
  return chunk;
}

void FakeChunkSource::Return(const percpu::LeasedChunk& chunk) {
  RankedLock lock(&mu_);
  const std::uint32_t id = percpu::Value(chunk.id);
  if (id == 0 || id > shape_.chunks || !is_out_[id - 1]) {
    ++wrong_returns_;
    return;
  }
  is_out_[id - 1] = false;
  // By its own books: a test may have bent the lease.
  if (shape_.scribbles) std::fill_n(ChunkAt(id - 1).unit0, ChunkBytes(), std::byte{0xA5});
}

void FakeChunkSource::FailFrom(std::uint64_t calls, absl::Status status) {
  RankedLock lock(&mu_);
  fail_from_ = calls_ + calls;
  failure_ = std::move(status);
}

void FakeChunkSource::StopFailing() {
  RankedLock lock(&mu_);
  fail_from_ = 0;
}

std::uint64_t FakeChunkSource::out() {
  RankedLock lock(&mu_);
  return static_cast<std::uint64_t>(std::count(is_out_.begin(), is_out_.end(), true));
}

std::uint64_t FakeChunkSource::wrong_returns() {
  RankedLock lock(&mu_);
  return wrong_returns_;
}

std::uint64_t FakeChunkSource::calls() {
  RankedLock lock(&mu_);
  return calls_;
}

}  // namespace percpud::testing
