// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_FOLLOWER_H_
#define PERCPUD_CLIENT_EXPORTER_FOLLOWER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "client/c/arena.h"
#include "client/c/lane_link.h"
#include "client/exporter/directory.h"

namespace percpud::exporter {

// Follows what families and series there are, by WatchSeries
// (proto/percpud/abi/v1/lane_metrics_watch.h): what has changed is read anew, and nothing
// else. That nothing has changed is seen without asking. While the daemon is away all stays
// as it was. Thread safe.
class Follower {
 public:
  // How long a page waits for names to be followed, once there are any.
  static constexpr std::int64_t kPatienceNs = 100'000'000;

  // `address` is the daemon's, unix:PATH.
  explicit Follower(std::string address);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Follows by itself from now on, several times a second.
  void Start();
  // Follows up to now; waits until `deadline_ns` (LaneLink::NowNs) at most. False if it did
  // not come as far; reason() says why.
  bool Follow(std::int64_t deadline_ns);
  // Whether all there was at one moment has been read.
  [[nodiscard]] bool has_names() const { return has_names_; }
  [[nodiscard]] std::string reason() const;

  // What is looked at does not change, nor is its memory granted to others, while `look` runs
  // and for as long as it does not take seconds. The arena is null before there is one.
  void Look(const std::function<void(const Directory&, const c::Arena*)>& look) const;
  // Whether the cells that Look showed may be others' by now: it took too long.
  [[nodiscard]] bool TookTooLong() const;

 private:
  // What has changed, until it was read anew.
  struct Dirty {
    bool all = false;
    // Families of which all is to be read.
    std::set<std::uint64_t> families;
    std::map<std::uint64_t, std::set<std::uint64_t>> series;
  };
  using Heads = std::map<std::uint64_t, FamilyHead>;
  using Read = std::vector<std::pair<SeriesRange, std::vector<Segment>>>;

  // These REQUIRE that link_mutex_ is held.
  bool FollowLocked(std::int64_t deadline_ns);
  bool Connect(std::int64_t deadline_ns);
  // Takes in the changes behind revision_. `is_done`: nothing is left up to `target`.
  bool Step(std::uint64_t target, bool& is_done, std::int64_t deadline_ns);
  void Mark(const abi::v1::LaneChange& change);
  // Each shows what it has read: all there was at `revision`, and perhaps more.
  bool ReadAnew(std::uint64_t revision, std::int64_t deadline_ns);
  bool ReadAll(std::uint64_t revision, std::int64_t deadline_ns);
  bool ReadFamilies(std::uint64_t revision, std::int64_t deadline_ns);
  bool ReadSegments(std::uint64_t revision, std::int64_t deadline_ns);
  // For daemons that cannot be watched.
  bool ReadAllIfNew(std::int64_t deadline_ns);
  bool List(Heads& out, std::uint64_t& revision, std::int64_t deadline_ns);
  // Reads the series of a range, of one family or of all of a namespace if it is 0, into
  // `builder_of` their families; null: left out.
  bool ReadSeries(std::string_view name_space, std::uint64_t family, const SeriesRange& range,
                  const std::function<SegmentBuilder*(std::uint64_t)>& builder_of,
                  std::int64_t deadline_ns);
  bool ReadFamily(std::uint64_t number, const FamilyHead& head, const SeriesRange& range,
                  std::vector<Segment>& out, std::int64_t deadline_ns);
  // What was read takes its place, and the arena with it.
  void Show(std::uint64_t revision, const std::function<void(Directory&)>& change);
  bool Fail();
  void Run();

  const std::string address_;
  mutable std::timed_mutex link_mutex_;
  // All guarded by link_mutex_.
  c::LaneLink link_;
  std::uint64_t revision_;
  bool can_watch_ = true;
  // The daemon knows that we have followed up to revision_.
  bool is_acknowledged_ = false;
  Dirty dirty_;

  std::atomic<bool> has_names_ = false;
  // When the daemon last took it that we have followed; 0: it does not answer.
  std::atomic<std::int64_t> heard_ns_ = 0;

  mutable std::shared_mutex directory_mutex_;
  // These guarded by it; changed by the holder of link_mutex_ alone.
  Directory directory_;
  const c::Arena* arena_ = nullptr;
  std::uint64_t shown_revision_ = 0;
  std::string reason_;

  std::mutex stop_mutex_;
  std::condition_variable stop_signal_;
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_FOLLOWER_H_
