// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The lane's WatchSeries: what has changed of namespaces, families and series.
//
// Every change has a revision, which rises. The last one is in a word of the layout page
// (layout_page.h), which a watcher reads without a call. When it has moved, the watcher asks
// for what is behind the revision that it has followed up to:
//
//   watcher                                    daemon
//     WatchSeries kLaneWatchAnew   -------->            memory waits for it from now on
//                                  <--------   resync, revision 40
//     ListFamilies, ReadSeries     ...                  all there is, as it is now
//     WatchSeries 40               -------->
//                                  <--------   series 7 gone, family 3 changed; revision 42
//     WatchSeries 42               -------->            it has passed the removal of series 7
//                                  <--------   nothing; revision 42
//
// The cells of series that are gone are granted to others only when every watcher has asked
// for what is behind their removal, or has left. A watcher that is behind for
// kLaneWatcherPatienceMs is not waited for any longer, nor is one that asks all the time and
// does not come as far, in three times that, as there was to follow when it fell behind. What
// it then asks for is answered all the same. So who adds up cells follows once more
// afterwards, and leaves out what is gone.
// A session is one watcher, whatever namespaces it asks for.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_METRICS_WATCH_H_
#define PERCPUD_PROTO_ABI_V1_LANE_METRICS_WATCH_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/percpud/abi/v1/lane_body.h"
#include "proto/percpud/abi/v1/lane_metrics_pages.h"

namespace percpud::abi::v1 {

// For `after`: from now on. It is answered with `resync`.
inline constexpr std::uint64_t kLaneWatchAnew = ~std::uint64_t{0};
// The most changes of an answer.
inline constexpr std::uint32_t kLaneMostChanges = 512;
inline constexpr std::uint32_t kLaneWatcherPatienceMs = 10'000;

// The request. Text namespace.
struct LaneWatchSeries {
  // What the client has followed up to.
  std::uint64_t after;
  std::uint16_t namespace_bytes;
  // 1: of all namespaces; `namespace_bytes` is 0 then.
  std::uint8_t all;
  std::uint8_t reserved[5];
};
static_assert(offsetof(LaneWatchSeries, after) == 0);
static_assert(offsetof(LaneWatchSeries, namespace_bytes) == 8);
static_assert(offsetof(LaneWatchSeries, all) == 10);
static_assert(offsetof(LaneWatchSeries, reserved) == 11);
static_assert(sizeof(LaneWatchSeries) == 16);

// The answer: then `changes` times a LaneChange, in the order in which they were made.
struct LaneChanges {
  // What these follow up to.
  std::uint64_t revision;
  std::uint32_t changes;
  // 1: the daemon does not know what is behind `after` any more. All is to be listed anew,
  // and followed from `revision` on.
  std::uint8_t resync;
  // 1: there are more.
  std::uint8_t more;
  std::uint16_t reserved;
};
static_assert(offsetof(LaneChanges, revision) == 0);
static_assert(offsetof(LaneChanges, changes) == 8);
static_assert(offsetof(LaneChanges, resync) == 12);
static_assert(offsetof(LaneChanges, more) == 13);
static_assert(offsetof(LaneChanges, reserved) == 14);
static_assert(sizeof(LaneChanges) == 16);

struct LaneChange {
  std::uint64_t name_space;
  // 0: the namespace, and any of its families.
  std::uint64_t family;
  // 0: the family, and any of its series.
  std::uint64_t series;
  // 1: the series is not shown any more, and its cells may be granted to others.
  std::uint8_t gone;
  std::uint8_t reserved[7];
};
static_assert(offsetof(LaneChange, name_space) == 0);
static_assert(offsetof(LaneChange, family) == 8);
static_assert(offsetof(LaneChange, series) == 16);
static_assert(offsetof(LaneChange, gone) == 24);
static_assert(offsetof(LaneChange, reserved) == 25);
static_assert(sizeof(LaneChange) == 32);
static_assert(sizeof(LaneChanges) + kLaneMostChanges * sizeof(LaneChange) <= kLanePageBytes);

// The answer, read.
class LaneChangesView {
 public:
  // Returns false if the body is malformed.
  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    if (!scan.Take(head_) || head_.resync > 1 || head_.more > 1 || head_.reserved != 0 ||
        !scan.TakeArray<LaneChange>(head_.changes, changes_)) {
      return false;
    }
    for (std::uint32_t i = 0; i < head_.changes; ++i) {
      const LaneChange one = change(i);
      if (one.gone > 1) return false;
      for (const std::uint8_t byte : one.reserved) {
        if (byte != 0) return false;
      }
    }
    return scan.done();
  }
  [[nodiscard]] const LaneChanges& head() const { return head_; }
  // REQUIRES: index < head().changes.
  [[nodiscard]] LaneChange change(std::uint32_t index) const {
    assert(index < head_.changes);
    return LaneLoad<LaneChange>(changes_, index * sizeof(LaneChange));
  }

 private:
  LaneChanges head_{};
  LaneBytes changes_;
};

// The answer, written.
class LaneChangesBody {
 public:
  // `memory` outlives this, and has kLanePageBytes.
  explicit LaneChangesBody(std::span<std::byte> memory) : body_(memory.first(kLanePageBytes)) {
    body_.Put(head_);
  }

  // REQUIRES: fewer than kLaneMostChanges were written.
  void Change(const LaneChange& change) {
    assert(head_.changes < kLaneMostChanges);
    body_.Put(change);
    ++head_.changes;
  }
  LaneBytes Finish(std::uint64_t revision, bool resync, bool more) {
    head_.revision = revision;
    head_.resync = static_cast<std::uint8_t>(resync);
    head_.more = static_cast<std::uint8_t>(more);
    body_.Patch(0, head_);
    return body_.bytes();
  }

 private:
  LaneBody body_;
  LaneChanges head_{};
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_METRICS_WATCH_H_
