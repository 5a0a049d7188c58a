// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_FAKE_CHUNK_SOURCE_H_
#define PERCPUD_TESTS_SUPPORT_FAKE_CHUNK_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "percpu/chunk_source.h"
#include "server/base/ranked_mutex.h"

namespace percpud::testing {

// Leases chunks of a memory of its own, which a forked child shares. A working
// fake: chunks arrive zero, and one that comes back is told apart from one that
// is not out. Thread safe.
class FakeChunkSource final : public percpu::ChunkSource {
 public:
  struct Shape {
    std::uint32_t units = 2;
    // Also the distance between units.
    std::uint64_t unit_bytes = 64 << 10;
    std::uint64_t usable_bytes = 64 << 10;
    std::uint32_t chunks = 64;
    // Fills what comes back, so that use after return is seen.
    bool scribbles = true;
  };

  explicit FakeChunkSource(Shape shape);
  ~FakeChunkSource() override;
  FakeChunkSource(const FakeChunkSource&) = delete;
  FakeChunkSource& operator=(const FakeChunkSource&) = delete;

  // RESOURCE_EXHAUSTED when no chunk is left.
  absl::StatusOr<percpu::LeasedChunk> Acquire() override;
  void Return(const percpu::LeasedChunk& chunk) override;

  // The call `calls` from now, and all after it, fail with `status`; the next
  // is 1.
  void FailFrom(std::uint64_t calls, absl::Status status);
  void StopFailing();

  // The n-th chunk, leased or not: what a process sees that comes later.
  [[nodiscard]] percpu::LeasedChunk ChunkAt(std::uint32_t index) const;
  [[nodiscard]] std::byte* Address(percpu::Pointer pointer, std::uint32_t unit) const;
  [[nodiscard]] const Shape& shape() const { return shape_; }

  // Chunks out at the moment, and Returns of chunks that were not.
  std::uint64_t out();
  std::uint64_t wrong_returns();
  std::uint64_t calls();

 private:
  [[nodiscard]] std::uint64_t ChunkBytes() const { return shape_.units * shape_.unit_bytes; }

  const Shape shape_;
  std::vector<std::uint64_t> unit_offsets_;
  std::size_t map_bytes_;
  std::size_t data_bytes_;
  std::byte* data_;
  std::byte* maps_;

  RankedMutex mu_{LockRank::kLeaf};
  std::vector<bool> is_out_ ABSL_GUARDED_BY(mu_);
  std::uint64_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t wrong_returns_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t fail_from_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_FAKE_CHUNK_SOURCE_H_
