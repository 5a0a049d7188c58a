// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_LAYOUT_WRITER_H_
#define PERCPUD_SERVER_HANDOFF_LAYOUT_WRITER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/percpud/abi/v1/cells.h"
#include "proto/percpud/abi/v1/layout_page.h"
#include "server/base/unique_fd.h"
#include "server/base/units.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/percpu/layout/cpu_units.h"

namespace percpud {

// What the layout page says besides AllocInfo and CpuUnits.
struct LayoutFacts {
  std::array<std::uint8_t, 16> arena_id{};
  Bytes arena_size;
  Bytes page_size;
  abi::v1::UpdateMode update_mode = abi::v1::UpdateMode::kRseq;
  abi::v1::PairCommit pair_commit = abi::v1::PairCommit::kTwoStores;
  std::uint64_t epoch = 1;
};

// The page as proto/percpud/abi/v1/layout_page.h has it.
std::vector<std::byte> EncodeLayout(const AllocInfo& info, const CpuUnits& cpus,
                                    const LayoutFacts& facts);

// The page in a memfd that nobody can write any more, but for the live words, which this
// object can: a daemon that takes the arena over makes another.
class PublishedLayout {
 public:
  // Errors: what the system said.
  static absl::StatusOr<PublishedLayout> Publish(const std::vector<std::byte>& page);
  PublishedLayout() = default;
  PublishedLayout(PublishedLayout&& other) noexcept;
  PublishedLayout& operator=(PublishedLayout&& other) noexcept;
  ~PublishedLayout();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // LiveWords.revision. REQUIRES: it was published.
  [[nodiscard]] std::atomic<std::uint64_t>& revision() const { return *live_; }

 private:
  UniqueFd fd_;
  std::atomic<std::uint64_t>* live_ = nullptr;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_LAYOUT_WRITER_H_
