// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_DIRECTORY_H_
#define PERCPUD_SERVER_FLEET_DIRECTORY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/etcd.h"
#include "server/fleet/follower.h"
#include "server/fleet/membership.h"
#include "server/fleet/names.h"
#include "server/fleet/registration.h"

namespace percpud::fleet {

// The membership for several threads: fed by a follower, asked by callers. Thread safe.
class Directory final : public FollowerSink {
 public:
  // Told how etcd shows the own host's record.
  using OwnSeen = std::function<void(const Registration::Seen&)>;

  // `clock` outlives it.
  Directory(Membership::Options options, Keys keys, const std::string& own_host, const Clock& clock,
            OwnSeen own_seen);

  // Before anything else.
  void Restore(const v1::View& view);
  void OnListing(const EtcdListing& listing) override;
  void OnNews(const EtcdNews& news) override;
  void OnBroken(const absl::Status& why) override;
  void Tick();

  [[nodiscard]] v1::View View() const;
  // The epoch comes with the hosts, of the same moment.
  [[nodiscard]] v1::PlaceResponse Place(const std::string& key, std::size_t most) const;
  [[nodiscard]] std::uint64_t version() const;
  // Why etcd is not followed; OK if it is.
  [[nodiscard]] absl::Status problem() const;

 private:
  const Keys keys_;
  const std::string own_key_;
  const OwnSeen own_seen_;
  mutable RankedMutex mutex_{LockRank::kLeaf};
  Membership membership_ ABSL_GUARDED_BY(mutex_);
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_DIRECTORY_H_
