// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_PAGE_SOURCE_H_
#define PERCPUD_SERVER_ARENA_PAGE_SOURCE_H_

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// What the allocator needs of the memory it lays out: a range of `size()`
// bytes, backed page by page on demand. Real: Arena, a memfd. Fakes are in
// tests/support/fake_page_source.h.
//
// REQUIRES of every range: offset and length are multiples of page_size(), and
// it lies inside [0, size()).
//
// Thread safety: Populate and Release of disjoint ranges may run at the same
// time; base(), size() and page_size() are constant.
class PageSource {
 public:
  virtual ~PageSource() = default;

  [[nodiscard]] virtual Bytes size() const = 0;
  // A power of two, at least kBasePageSize; the grain of the other calls.
  [[nodiscard]] virtual Bytes page_size() const = 0;
  // Where offset 0 is mapped in this process; valid as long as the source.
  [[nodiscard]] virtual std::byte* base() const = 0;

  // What it is and what it outlives, in words for the operator.
  [[nodiscard]] virtual absl::string_view kind() const { return "memory of one process"; }

  // Backs [offset, offset + length) with memory, so that touching it cannot
  // fault; fresh pages read zero. RESOURCE_EXHAUSTED if the system has none;
  // pages backed meanwhile may stay so, which a later Release undoes.
  virtual absl::Status Populate(Bytes offset, Bytes length) = 0;
  // How much of the source has memory, of the daemon's doing or not; nullopt if it cannot tell.
  [[nodiscard]] virtual std::optional<Bytes> BackedBytes() const { return std::nullopt; }
  // False if no page of the range has memory; true if some may have.
  [[nodiscard]] virtual bool MayBeBacked(Bytes /*offset*/, Bytes /*length*/) const { return true; }
  // Gives the pages back to the system; they read zero when populated again.
  virtual absl::Status Release(Bytes offset, Bytes length) = 0;
  // From now on the range is backed by that NUMA node where it has room, by any
  // process that touches it. Errors: what the system said; then nothing changed.
  // A source without nodes has nothing to prefer.
  virtual absl::Status PreferNode(Bytes /*offset*/, Bytes /*length*/, NumaNodeId /*node*/) {
    return absl::OkStatus();
  }
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_PAGE_SOURCE_H_
