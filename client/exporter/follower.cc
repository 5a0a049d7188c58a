// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/follower.h"

#include <array>
#include <chrono>
#include <optional>

#include "proto/percpud/abi/v1/lane_metrics_watch.h"

namespace percpud::exporter {
namespace {

using abi::v1::kLaneWatchAnew;
using abi::v1::LaneAnswer;
using abi::v1::LaneKind;
using abi::v1::LaneRequestWriter;
using c::LaneLink;

constexpr std::int64_t kSecondNs = 1'000'000'000;
// How often the thread looks, and how long it gives the daemon, which may have a lot to say.
constexpr auto kLookEvery = std::chrono::milliseconds(250);
constexpr std::int64_t kThreadPatienceNs = 10 * kSecondNs;
// Less than what the daemon waits for a watcher that is silent.
constexpr std::int64_t kSafeNs = std::int64_t{abi::v1::kLaneWatcherPatienceMs} * 1'000'000 / 2;
// google.rpc.Code.
constexpr std::uint16_t kUnimplemented = 12;
constexpr std::uint16_t kNotFound = 5;

constexpr char kMalformed[] = "the daemon's answer is malformed, or memory is short";

}  // namespace

Follower::Follower(std::string address)
    : address_(std::move(address)), link_(address_.c_str()), revision_(kLaneWatchAnew) {}

Follower::~Follower() {
  {
    const std::lock_guard lock(stop_mutex_);
    stops_ = true;
  }
  stop_signal_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Follower::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Follower::Run() {
  std::unique_lock lock(stop_mutex_);
  while (!stops_) {
    lock.unlock();
    Follow(LaneLink::NowNs() + kThreadPatienceNs);
    lock.lock();
    stop_signal_.wait_for(lock, kLookEvery, [this] { return stops_; });
  }
}

std::string Follower::reason() const {
  const std::shared_lock lock(directory_mutex_);
  return reason_;
}

void Follower::Look(const std::function<void(const Directory&, const c::Arena*)>& look) const {
  const std::shared_lock lock(directory_mutex_);
  look(directory_, arena_);
}

bool Follower::TookTooLong() const {
  const std::int64_t heard = heard_ns_;
  if (heard == 0 || LaneLink::NowNs() - heard <= kSafeNs) return false;
  // Nothing was removed meanwhile if nothing has changed.
  const std::shared_lock lock(directory_mutex_);
  return arena_ == nullptr || c::RevisionOf(*arena_) != shown_revision_;
}

void Follower::Show(std::uint64_t revision, const std::function<void(Directory&)>& change) {
  {
    const std::unique_lock lock(directory_mutex_);
    change(directory_);
    arena_ = link_.arena();
    shown_revision_ = revision;
  }
  link_.DropFormer();
}

bool Follower::Fail() {
  const std::unique_lock lock(directory_mutex_);
  reason_ = link_.reason();
  return false;
}

// --- Following -----------------------------------------------------------------

bool Follower::Follow(std::int64_t deadline_ns) {
  const std::unique_lock lock(link_mutex_,
                              std::chrono::nanoseconds(deadline_ns - LaneLink::NowNs()));
  if (!lock.owns_lock()) return false;
  // A connection that broke while nobody asked is made anew once.
  const bool was_connected = link_.is_connected();
  if (FollowLocked(deadline_ns)) return true;
  if (LaneLink::NowNs() >= deadline_ns || !was_connected) return Fail();
  return FollowLocked(deadline_ns) || Fail();
}

bool Follower::FollowLocked(std::int64_t deadline_ns) {
  if (link_.is_connected() && link_.HasEnded()) link_.HangUp();
  if (!link_.is_connected() && !Connect(deadline_ns)) return false;
  const std::uint64_t target = c::RevisionOf(*link_.arena());
  // The daemon is not asked where nothing has changed.
  bool is_done = target != 0 && revision_ == target && is_acknowledged_;
  if (is_done) heard_ns_ = LaneLink::NowNs();
  while (!is_done) {
    if (Step(target, is_done, deadline_ns)) continue;
    // One that is slow goes on waiting for this session, if it is not left.
    if (!link_.is_late()) {
      heard_ns_ = 0;
      link_.HangUp();
    }
    return false;
  }
  return true;
}

bool Follower::Connect(std::int64_t deadline_ns) {
  heard_ns_ = 0;
  const c::Arena* const before = link_.arena();
  const auto id = before == nullptr ? std::array<std::uint8_t, 16>{} : before->id;
  if (!link_.Connect(deadline_ns)) return false;
  can_watch_ = true;
  is_acknowledged_ = false;
  // Revisions go on in the same arena.
  if (before == nullptr || link_.arena()->id != id) {
    revision_ = kLaneWatchAnew;
    dirty_.all = true;
  }
  return true;
}

bool Follower::Step(std::uint64_t target, bool& is_done, std::int64_t deadline_ns) {
  if (!can_watch_) return is_done = ReadAllIfNew(deadline_ns);
  std::array<std::byte, 64> memory;
  LaneRequestWriter message(memory);
  LaneAnswer answer;
  abi::v1::LaneChangesView changes;
  const std::int64_t asked_ns = LaneLink::NowNs();
  if (!message.WatchSeries(link_.next_id(), revision_)) return false;
  if (!link_.Ask(message, answer, deadline_ns)) {
    if (link_.code() != kUnimplemented) return false;
    can_watch_ = false;
    return true;
  }
  if (answer.kind != LaneKind::kWatchSeries || !changes.Parse(answer.body)) {
    return link_.Fail(kMalformed);
  }
  heard_ns_ = asked_ns;
  if (changes.head().resync != 0) dirty_.all = true;
  for (std::uint32_t i = 0; i < changes.head().changes; ++i) Mark(changes.change(i));
  const std::uint64_t revision = changes.head().revision;
  const bool is_last = changes.head().more == 0;
  const bool is_news = changes.head().changes > 0;
  if (!ReadAnew(revision, deadline_ns)) return false;
  // The next question says that what is behind this is not read any more.
  revision_ = revision;
  is_acknowledged_ = is_last && !is_news;
  is_done = is_acknowledged_ || (is_last && target != 0 && revision >= target);
  return true;
}

void Follower::Mark(const abi::v1::LaneChange& change) {
  if (change.family == 0) {
    dirty_.all = true;
  } else if (change.series == 0) {
    dirty_.families.insert(change.family);
  } else {
    dirty_.series[change.family].insert(change.series);
  }
}

// --- Reading -------------------------------------------------------------------

bool Follower::ReadAnew(std::uint64_t revision, std::int64_t deadline_ns) {
  if (dirty_.all) {
    if (!ReadAll(revision, deadline_ns)) return false;
  } else {
    // A family that was not there before is told of by its first series too.
    for (const auto& [family, series] : dirty_.series) {
      if (!directory_.families().contains(family)) dirty_.families.insert(family);
    }
    for (const std::uint64_t family : dirty_.families) dirty_.series.erase(family);
    if (!dirty_.families.empty() && !ReadFamilies(revision, deadline_ns)) return false;
    if (!dirty_.series.empty() && !ReadSegments(revision, deadline_ns)) return false;
    // A new arena is shown even if nothing has changed.
    Show(revision, [](Directory&) {});
  }
  dirty_ = {};
  has_names_ = true;
  return true;
}

bool Follower::ReadAllIfNew(std::int64_t deadline_ns) {
  Heads heads;
  std::uint64_t revision = 0;
  if (!dirty_.all && has_names_ && revision_ != kLaneWatchAnew) {
    if (!List(heads, revision, deadline_ns)) return false;
    if (revision == revision_) return true;
  }
  // What changes while it is read is read again at the next look.
  if (!List(heads, revision, deadline_ns) || !ReadAll(revision, deadline_ns)) return false;
  revision_ = revision;
  dirty_ = {};
  has_names_ = true;
  return true;
}

bool Follower::ReadAll(std::uint64_t revision, std::int64_t deadline_ns) {
  Heads heads;
  std::uint64_t listed = 0;
  if (!List(heads, listed, deadline_ns)) return false;
  std::map<std::uint64_t, SegmentBuilder> builders;
  std::set<std::string_view> name_spaces;
  for (const auto& [number, head] : heads) {
    name_spaces.insert(head.name_space);
    if (head.shape->families.size() > 0) builders.emplace(number, SegmentBuilder(head, 0));
  }
  const auto builder_of = [&builders](std::uint64_t family) {
    const auto found = builders.find(family);
    return found == builders.end() ? nullptr : &found->second;
  };
  for (const std::string_view name_space : name_spaces) {
    if (!ReadSeries(name_space, 0, {}, builder_of, deadline_ns)) return false;
  }
  Directory::Families families;
  for (auto& [number, head] : heads) {
    const auto builder = builders.find(number);
    std::vector<Segment> segments;
    if (builder != builders.end()) segments = builder->second.Finish();
    families.emplace(number, Family{.head = std::move(head), .segments = std::move(segments)});
  }
  Show(revision, [&families](Directory& directory) { directory.families().swap(families); });
  return true;
}

bool Follower::ReadFamilies(std::uint64_t revision, std::int64_t deadline_ns) {
  Heads heads;
  std::uint64_t listed = 0;
  if (!List(heads, listed, deadline_ns)) return false;
  Directory::Families fresh;
  for (const std::uint64_t number : dirty_.families) {
    const auto head = heads.find(number);
    if (head == heads.end()) continue;
    Family& family = fresh[number];
    if (!ReadFamily(number, head->second, {}, family.segments, deadline_ns)) return false;
    family.head = std::move(head->second);
  }
  Show(revision, [&](Directory& directory) {
    for (const std::uint64_t number : dirty_.families) {
      directory.families().erase(number);
      const auto family = fresh.find(number);
      if (family != fresh.end()) directory.families().insert(fresh.extract(family));
    }
  });
  return true;
}

bool Follower::ReadSegments(std::uint64_t revision, std::int64_t deadline_ns) {
  std::map<std::uint64_t, Read> read;
  for (const auto& [number, series] : dirty_.series) {
    // It went with the families that were read.
    const auto family = directory_.families().find(number);
    if (family == directory_.families().end()) continue;
    for (const SeriesRange& range : directory_.RangesOf(number, series)) {
      auto& [of, segments] = read[number].emplace_back(range, std::vector<Segment>());
      if (!ReadFamily(number, family->second.head, range, segments, deadline_ns)) return false;
    }
  }
  Show(revision, [&read](Directory& directory) {
    for (auto& [number, ranges] : read) {
      for (auto& [range, segments] : ranges) directory.Replace(number, range, std::move(segments));
    }
  });
  return true;
}

bool Follower::List(Heads& out, std::uint64_t& revision, std::int64_t deadline_ns) {
  out.clear();
  std::uint64_t from = 0;
  do {
    std::array<std::byte, 64> memory;
    LaneRequestWriter message(memory);
    LaneAnswer answer;
    abi::v1::LaneFamiliesView page;
    if (!message.ListFamilies(link_.next_id(), from)) return false;
    if (!link_.Ask(message, answer, deadline_ns)) return false;
    if (answer.kind != LaneKind::kListFamilies || !page.Parse(answer.body)) {
      return link_.Fail(kMalformed);
    }
    if (from == 0) revision = page.head().revision;
    for (std::uint32_t i = 0; i < page.head().families; ++i) {
      const auto family = page.Next();
      FamilyHead head{.name_space = std::string(family.name_space),
                      .shape = std::make_unique<c::Snapshot>()};
      if (!head.shape->Append(family)) return link_.Fail(kMalformed);
      out.insert_or_assign(family.head.family, std::move(head));
    }
    if (page.head().next != 0 && page.head().next <= from) return link_.Fail(kMalformed);
    from = page.head().next;
  } while (from != 0);
  return true;
}

bool Follower::ReadFamily(std::uint64_t number, const FamilyHead& head, const SeriesRange& range,
                          std::vector<Segment>& out, std::int64_t deadline_ns) {
  if (head.shape->families.size() == 0) return true;
  SegmentBuilder builder(head, range.first);
  const auto builder_of = [&builder, number](std::uint64_t family) {
    return family == number ? &builder : nullptr;
  };
  if (!ReadSeries(head.name_space, number, range, builder_of, deadline_ns)) return false;
  out = builder.Finish();
  return true;
}

bool Follower::ReadSeries(std::string_view name_space, std::uint64_t family,
                          const SeriesRange& range,
                          const std::function<SegmentBuilder*(std::uint64_t)>& builder_of,
                          std::int64_t deadline_ns) {
  abi::v1::LaneSeriesFrom from{.family = family, .series = range.first, .writer = 0};
  while (true) {
    std::array<std::byte, 1024> memory;
    LaneRequestWriter message(memory);
    LaneAnswer answer;
    abi::v1::LaneSeriesPageView page;
    if (!message.ReadSeries(link_.next_id(), from, family, name_space)) {
      return link_.Fail("the namespace's name is too long");
    }
    if (!link_.Ask(message, answer, deadline_ns)) {
      // It has gone since it was listed.
      return link_.code() == kNotFound;
    }
    if (answer.kind != LaneKind::kReadSeries || !page.Parse(answer.body)) {
      return link_.Fail(kMalformed);
    }
    for (std::uint32_t i = 0; i < page.head().series; ++i) {
      const auto series = page.NextSeries();
      if (series.head.series >= range.end) return true;
      SegmentBuilder* const builder = builder_of(series.head.family);
      if (builder != nullptr) {
        if (!builder->Take(page, series)) return link_.Fail(kMalformed);
        continue;
      }
      for (std::uint32_t left = series.head.writers; left > 0; --left) page.NextWriter();
    }
    if (page.head().more == 0) return true;
    from = page.head().next;
  }
}

}  // namespace percpud::exporter
