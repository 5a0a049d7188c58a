// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/follower.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace percpud::fleet {

Follower::Follower(std::string prefix, Etcd& etcd, FollowerSink& sink, const Clock& clock)
    : prefix_(std::move(prefix)), etcd_(etcd), sink_(sink), clock_(clock) {}

void Follower::Run() {
  while (true) {
    const BootTime begin = clock_.Now();
    const absl::Status why = FollowOnce();
    {
      const RankedLock lock(&mutex_);
      if (stopping_) return;
    }
    sink_.OnBroken(why);
    // A watch that held for a while went well; one that breaks at once is tried less often.
    if (clock_.Now() - begin >= Backoff::kMost) backoff_.Reset();
    const RankedLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), backoff_.Next())) return;
  }
}

absl::Status Follower::FollowOnce() {
  ASSIGN_OR_RETURN(const EtcdListing listing, etcd_.List(prefix_));
  sink_.OnListing(listing);
  ASSIGN_OR_RETURN(const std::unique_ptr<EtcdWatch> watch,
                   etcd_.Watch(prefix_, listing.revision + 1));
  if (!Publish(watch.get())) return absl::CancelledError("stopped");
  absl::Status status = Read(*watch, listing);
  Publish(nullptr);
  return status;
}

absl::Status Follower::Read(EtcdWatch& watch, const EtcdListing& listing) {
  std::int64_t revision = listing.revision;
  while (true) {
    ASSIGN_OR_RETURN(const EtcdNews news, watch.Next());
    if (news.cluster_id != listing.cluster_id) {
      return absl::AbortedError(absl::StrCat("etcd: another cluster answers: ", news.cluster_id,
                                             " instead of ", listing.cluster_id));
    }
    if (!news.events.empty() && news.revision < revision) {
      return absl::AbortedError(
          absl::StrCat("etcd: its revision went back from ", revision, " to ", news.revision));
    }
    revision = std::max(revision, news.revision);
    if (!news.events.empty()) sink_.OnNews(news);
  }
}

bool Follower::Publish(EtcdWatch* watch) {
  const RankedLock lock(&mutex_);
  watch_ = watch;
  return !stopping_;
}

void Follower::Stop() {
  const RankedLock lock(&mutex_);
  stopping_ = true;
  if (watch_ != nullptr) watch_->Cancel();
}

}  // namespace percpud::fleet
