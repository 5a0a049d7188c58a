// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_C_READER_H_
#define PERCPUD_CLIENT_C_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "client/c/arena.h"
#include "client/c/growing.h"
#include "client/c/lane_link.h"
#include "client/c/snapshot.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"

namespace percpud::c {

// Reads what metrics there are: a session of its own, with the arena mapped read-only.
// While the daemon is away the last snapshot and the arena stay, so that the numbers
// can still be read. Not thread safe.
class Reader {
 public:
  // `address` and `name_space` outlive the reader. A null namespace is all of them; an
  // empty one is `default`.
  Reader(const char* address, const char* name_space) : link_(address), name_space_(name_space) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Brings the snapshot up to date; waits for answers until `deadline_ns` (monotonic) at
  // most. Returns whether it is. If not, it is as it was, and reason() says why.
  bool Refresh(std::int64_t deadline_ns);

  [[nodiscard]] const Snapshot& snapshot() const { return snapshot_; }
  // Null before the daemon was reached for the first time.
  [[nodiscard]] const Arena* arena() const { return link_.arena(); }
  [[nodiscard]] const char* reason() const { return link_.reason(); }
  // Forgets the connection, which is the parent's, in the child of a fork.
  void BeginAnew();

 private:
  bool Connect(std::int64_t deadline_ns);
  bool ReadAll(std::int64_t deadline_ns);
  bool ReadFamilies(Snapshot& out, std::int64_t deadline_ns);
  // Puts the families of a namespace side by side, by number.
  bool SortFamilies(const Snapshot& out);
  // The families of one namespace, as they were sorted.
  using Families = std::span<const std::size_t>;
  bool ReadSeries(Snapshot& out, Families families, std::int64_t deadline_ns);
  // `families` are those that series may still come of.
  static bool TakePage(abi::v1::LaneSeriesPageView& page, Snapshot& out, Families& families);

  LaneLink link_;
  const char* const name_space_;
  Snapshot snapshot_;
  // Indices of what is being read.
  Growing<std::size_t> by_namespace_;
  // The revision changed while it was read.
  bool is_torn_ = false;
};

}  // namespace percpud::c

#endif  // PERCPUD_CLIENT_C_READER_H_
