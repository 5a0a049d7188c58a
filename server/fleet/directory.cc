// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/directory.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/fleet/records.h"
#include "server/fleet/rendezvous.h"

namespace percpud::fleet {

Directory::Directory(Membership::Options options, Keys keys, const std::string& own_host,
                     const Clock& clock, OwnSeen own_seen)
    : keys_(std::move(keys)),
      own_key_(keys_.Host(own_host)),
      own_seen_(std::move(own_seen)),
      membership_(std::move(options), clock),
      problem_(absl::UnavailableError("etcd has not answered yet")) {}

void Directory::Restore(const v1::View& view) {
  const RankedLock lock(&mutex_);
  membership_.Restore(view);
}

void Directory::OnListing(const EtcdListing& listing) {
  std::vector<Change> all;
  Registration::Seen own{.is_listing = true, .revision = listing.revision, .mod_revision = 0};
  for (const EtcdStored& stored : listing.entries) {
    if (stored.key == own_key_) own.mod_revision = stored.mod_revision;
    std::optional<Change> change = ToChange(keys_, {.stored = stored, .is_delete = false});
    if (change) all.push_back(*std::move(change));
  }
  {
    const RankedLock lock(&mutex_);
    membership_.Replace(all, listing.cluster_id, listing.revision);
    problem_ = absl::OkStatus();
  }
  own_seen_(own);
}

void Directory::OnNews(const EtcdNews& news) {
  std::optional<Registration::Seen> own;
  {
    const RankedLock lock(&mutex_);
    for (const EtcdEvent& event : news.events) {
      const EtcdStored& stored = event.stored;
      if (stored.key == own_key_) {
        own = {.is_listing = false,
               .revision = stored.mod_revision,
               .mod_revision = event.is_delete ? 0 : stored.mod_revision};
      }
      const std::optional<Change> change = ToChange(keys_, event);
      if (change) membership_.Apply(*change, news.revision);
    }
  }
  if (own) own_seen_(*own);
}

void Directory::OnBroken(const absl::Status& why) {
  const RankedLock lock(&mutex_);
  membership_.Disconnected();
  problem_ = why;
}

void Directory::Tick() {
  const RankedLock lock(&mutex_);
  membership_.Tick();
}

v1::View Directory::View() const {
  const RankedLock lock(&mutex_);
  return membership_.View();
}

v1::PlaceResponse Directory::Place(const std::string& key, std::size_t most) const {
  v1::PlaceResponse out;
  std::vector<Candidate> candidates;
  {
    const RankedLock lock(&mutex_);
    candidates = membership_.Candidates();
    if (const auto since = membership_.StaleSince()) *out.mutable_stale_since() = *since;
  }
  out.set_epoch(EpochOf(candidates));
  for (std::string& host : Rank(key, candidates, most)) out.add_hosts(std::move(host));
  return out;
}

std::uint64_t Directory::version() const {
  const RankedLock lock(&mutex_);
  return membership_.version();
}

absl::Status Directory::problem() const {
  const RankedLock lock(&mutex_);
  return problem_;
}

}  // namespace percpud::fleet
