// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/change_log.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace percpud::metrics {
namespace {

// Leaves out what is told already.
void DropRepeated(std::vector<Change>& changes) {
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
}

// Tells of many series by their family, and of many families by their namespace. A revision
// is of one namespace, and its changes are family by family.
void Shorten(std::vector<Change>& changes) {
  if (changes.size() <= ChangeLog::kMostOfOne) return;
  for (Change& change : changes) {
    change.series = SeriesId(0);
    change.gone = false;
  }
  DropRepeated(changes);
  if (changes.size() <= ChangeLog::kMostOfOne) return;
  for (Change& change : changes) change.family = FamilyId(0);
  DropRepeated(changes);
}

}  // namespace

void ChangeLog::SkipTo(std::uint64_t revision) {
  assert(changes_.empty() && under_way_.empty());
  if (revision <= last_) return;
  last_ = known_from_ = revision;
  Show(revision);
}

void ChangeLog::ShowAt(std::atomic<std::uint64_t>& word) {
  shown_ = &word;
  Show(published_);
}

void ChangeLog::Show(std::uint64_t revision) {
  published_ = revision;
  // Who sees the word asks for the changes, which takes the lock.
  if (shown_ != nullptr) shown_->store(revision, std::memory_order_release);
}

std::uint64_t ChangeLog::Begin() {
  under_way_.insert(under_way_.end(), ++last_);
  return last_;
}

void ChangeLog::Publish(std::uint64_t revision, std::vector<Change> changes) {
  [[maybe_unused]] const std::size_t ended = under_way_.erase(revision);
  assert(ended == 1);
  Shorten(changes);
  size_ += changes.size();
  changes_.emplace(revision, std::move(changes));
  Advance();
}

void ChangeLog::Withdraw(std::uint64_t revision) {
  [[maybe_unused]] const std::size_t ended = under_way_.erase(revision);
  assert(ended == 1);
  Advance();
}

void ChangeLog::Advance() {
  const auto first =
      under_way_.empty() ? changes_.end() : changes_.lower_bound(*under_way_.begin());
  if (first == changes_.begin()) return;
  const std::uint64_t published = std::max(published_, std::prev(first)->first);
  if (published == published_) return;
  Show(published);
  while (size_ > kMostChanges && changes_.begin()->first < published_) {
    size_ -= changes_.begin()->second.size();
    known_from_ = changes_.begin()->first;
    changes_.erase(changes_.begin());
  }
}

ChangeLog::Slice ChangeLog::Read(std::uint64_t after, std::size_t most) const {
  Slice out;
  out.revision = published_;
  // A number from the future is another daemon's.
  if (after < known_from_ || after > published_) {
    out.resync = true;
    return out;
  }
  const auto end = changes_.upper_bound(published_);
  for (auto entry = changes_.upper_bound(after); entry != end; ++entry) {
    const std::vector<Change>& changes = entry->second;
    if (!out.changes.empty() && out.changes.size() + changes.size() > most) {
      out.revision = std::prev(entry)->first;
      out.more = true;
      return out;
    }
    out.changes.insert(out.changes.end(), changes.begin(), changes.end());
  }
  return out;
}

void ChangeLog::Heard(WatcherId watcher, std::uint64_t revision) {
  Position& position = watchers_[watcher];
  position.revision = std::max(revision, given_up_);
  position.behind_since.reset();
  if (position.revision >= position.until) position.lags_since.reset();
}

bool ChangeLog::IsOverdue(const Position& position, BootTime now) {
  return (position.behind_since && now - *position.behind_since > kPatience) ||
         (position.lags_since && now - *position.lags_since > kPatienceWithAskers);
}

void ChangeLog::DropSilent(BootTime now) {
  for (auto entry = watchers_.begin(); entry != watchers_.end();) {
    Position& position = entry->second;
    // One that has followed up to the end has nothing to say, however long.
    if (position.revision < published_) {
      if (!position.behind_since) position.behind_since = now;
      if (!position.lags_since) {
        position.lags_since = now;
        position.until = published_;
      }
    }
    if (!IsOverdue(position, now)) {
      ++entry;
      continue;
    }
    given_up_ = std::max(given_up_, position.until);
    entry = watchers_.erase(entry);
  }
}

std::uint64_t ChangeLog::PassedByAll() const {
  std::uint64_t out = std::numeric_limits<std::uint64_t>::max();
  for (const auto& [id, position] : watchers_) out = std::min(out, position.revision);
  return out;
}

}  // namespace percpud::metrics
