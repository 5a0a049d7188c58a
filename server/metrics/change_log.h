// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What changed of namespaces, families and series, by revision. Revisions are taken when a
// change is entered and published when it is committed, which may be in another order:
//
//   taken      11  12  13  14
//   committed  11      13          12 is under way: readers see revision 11
//   committed  11  12  13          readers see revision 13
//
// So what a reader has followed up to is complete. What is published is also in a word that
// readers may look at without a lock, or in another process (ShowAt). A daemon knows the changes of
// its own time, and not more than kMostChanges of them; who is further behind lists everything
// anew.

#ifndef PERCPUD_SERVER_METRICS_CHANGE_LOG_H_
#define PERCPUD_SERVER_METRICS_CHANGE_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/identity.h"

namespace percpud::metrics {

// One thing that changed. Series 0 stands for the family and any of its series, family 0 for
// the namespace and anything in it.
struct Change {
  NamespaceId name_space;
  FamilyId family;
  SeriesId series;
  // It is not there any more, or not shown; what it had may be granted to others.
  bool gone = false;

  friend bool operator==(const Change&, const Change&) = default;
};

// Follows the log.
using WatcherId = std::uint64_t;

// Not thread safe: the books' lock guards it.
class ChangeLog {
 public:
  static constexpr std::size_t kMostChanges = 1 << 16;
  // More of one revision are told by family, or by namespace.
  static constexpr std::size_t kMostOfOne = 256;
  // A watcher that is behind for as long is not waited for any more: one that stalls does not
  // hold memory for ever.
  static constexpr absl::Duration kPatience = absl::Seconds(10);
  // The same for one that asks all the time and does not come as far as there was to follow when
  // it fell behind.
  static constexpr absl::Duration kPatienceWithAskers = absl::Seconds(30);

  ChangeLog() = default;
  ChangeLog(const ChangeLog&) = delete;
  ChangeLog& operator=(const ChangeLog&) = delete;

  // After a restart: what was published before.
  void SkipTo(std::uint64_t revision);
  // What is published is in `word` too from now on; it outlives the log, or the next ShowAt.
  void ShowAt(std::atomic<std::uint64_t>& word);

  // --- Writing ----------------------------------------------------------------------
  // Takes a revision, which is to be published or withdrawn.
  std::uint64_t Begin();
  void Publish(std::uint64_t revision, std::vector<Change> changes);
  // The change was not committed.
  void Withdraw(std::uint64_t revision);
  // The highest that was taken.
  [[nodiscard]] std::uint64_t last() const { return last_; }

  // --- Reading ----------------------------------------------------------------------
  [[nodiscard]] std::uint64_t revision() const { return published_; }
  struct Slice {
    std::vector<Change> changes;
    // What was followed up to: the next slice begins behind it.
    std::uint64_t revision = 0;
    // The log does not reach as far back: everything is to be listed anew.
    bool resync = false;
    bool more = false;
  };
  // The changes behind `after`, `most` and those of one revision at most.
  [[nodiscard]] Slice Read(std::uint64_t after, std::size_t most) const;

  // --- Watchers ---------------------------------------------------------------------
  // A watcher has followed up to `revision`; it is waited for from now on. Where one was not
  // waited for any more, nobody holds that up by asking again.
  void Heard(WatcherId watcher, std::uint64_t revision);
  void Leave(WatcherId watcher) { watchers_.erase(watcher); }
  // Forgets those that have been behind for too long; to be called now and then.
  void DropSilent(BootTime now);
  [[nodiscard]] std::size_t watchers() const { return watchers_.size(); }
  // What every watcher has followed up to.
  [[nodiscard]] std::uint64_t PassedByAll() const;

 private:
  struct Position {
    std::uint64_t revision = 0;
    // When DropSilent first saw that it is behind; nullopt: it has not since it was heard.
    std::optional<BootTime> behind_since;
    // The same, since it came as far as `until`, which was the end then.
    std::optional<BootTime> lags_since;
    std::uint64_t until = 0;
  };
  [[nodiscard]] static bool IsOverdue(const Position& position, BootTime now);
  // Moves what is published up to the first that is under way.
  void Advance();
  void Show(std::uint64_t revision);

  // The first: 0 is no revision.
  static constexpr std::uint64_t kFirst = 1;

  std::uint64_t last_ = kFirst;
  std::uint64_t published_ = kFirst;
  std::atomic<std::uint64_t>* shown_ = nullptr;
  // Changes behind this revision are known.
  std::uint64_t known_from_ = kFirst;
  absl::btree_set<std::uint64_t> under_way_;
  // By revision, committed ones that are not yet published too.
  std::map<std::uint64_t, std::vector<Change>> changes_;
  std::size_t size_ = 0;
  absl::btree_map<WatcherId, Position> watchers_;
  // Nobody is waited for up to here.
  std::uint64_t given_up_ = 0;
};

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_CHANGE_LOG_H_
