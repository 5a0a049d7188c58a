// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_FOLLOWER_H_
#define PERCPUD_SERVER_FLEET_FOLLOWER_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/backoff.h"
#include "server/fleet/etcd.h"

namespace percpud::fleet {

// What hears of a fleet's keys. Called on the follower's thread.
class FollowerSink {
 public:
  virtual ~FollowerSink() = default;
  virtual void OnListing(const EtcdListing& listing) = 0;
  virtual void OnNews(const EtcdNews& news) = 0;
  // No more is heard until the next listing.
  virtual void OnBroken(const absl::Status& why) = 0;
};

// Follows all keys of a prefix: lists them, watches what comes after, and does both again
// whenever the watch breaks. A watch is never resumed: after a restore or a wipe of etcd it
// would wait for a revision that is far away.
class Follower {
 public:
  // All outlive it.
  Follower(std::string prefix, Etcd& etcd, FollowerSink& sink, const Clock& clock);

  // Follows until Stop. For one thread.
  void Run();
  // One listing, and its watch until it breaks. Returns why.
  absl::Status FollowOnce();
  // Has Run return, now or when it is called. Thread safe.
  void Stop();

 private:
  absl::Status Read(EtcdWatch& watch, const EtcdListing& listing);
  // Lets Stop reach the watch. False if it has been called.
  bool Publish(EtcdWatch* watch);

  const std::string prefix_;
  Etcd& etcd_;
  FollowerSink& sink_;
  const Clock& clock_;
  Backoff backoff_;
  RankedMutex mutex_{LockRank::kLifecycle};
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  EtcdWatch* watch_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FOLLOWER_H_
