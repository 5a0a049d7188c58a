// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_REGISTRATION_H_
#define PERCPUD_SERVER_FLEET_REGISTRATION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/backoff.h"
#include "server/fleet/etcd.h"

namespace percpud::fleet {

// Keeps the host's record in etcd, under a lease that it keeps alive.
//
// A record that lies there already is taken over if it is of the same incarnation, or of the
// same boot of the host and this agent has not registered yet (an agent that lost its state
// directory). Any other is another host's with the same name: this one waits until it goes.
//
// One thread calls Step and Leave; the rest is thread safe.
class Registration {
 public:
  struct Options {
    // Where the record lies.
    std::string key;
    absl::Duration ttl = absl::Seconds(10);
  };
  struct State {
    bool registered = false;
    // What is wrong; OK if nothing is.
    absl::Status problem;
  };

  // Both outlive it.
  Registration(Options options, Etcd& etcd, const Clock& clock);

  // What is to lie in etcd from now on. Nothing does before the first of these.
  void SetRecord(v1::HostRecord record);
  // The record as etcd has shown it.
  struct Seen {
    // What shows all there is: it is believed also if etcd's revisions went back. A watch may
    // show what was before the record was written last.
    bool is_listing = false;
    std::int64_t revision = 0;
    // 0 if there is no record.
    std::int64_t mod_revision = 0;
  };
  void SawOwnKey(const Seen& seen);

  // Does what is due, and returns how long it has time until the next Step.
  absl::Duration Step();
  // Waits that long, or until there is something to do.
  void Wait(absl::Duration time);
  // Has every Wait end at once from now on.
  void StopWaiting();
  // Says that the host leaves, and gives the lease back. Nothing if there is no record.
  void Leave();

  [[nodiscard]] State state() const;

 private:
  absl::Status Work(const v1::HostRecord& record);
  // Has a lease that lives. Errors: etcd's.
  absl::Status KeepLease();
  absl::Status Register(const v1::HostRecord& record);
  absl::Status Update(const v1::HostRecord& record);
  // Null if the record that was found may be replaced.
  [[nodiscard]] absl::Status MayReplace(const EtcdStored& found,
                                        const v1::HostRecord& record) const;
  void Wrote(const EtcdPut& put, std::string text);
  // Whether etcd has shown, since this was last asked, another record than what was written.
  bool TakeIsGone();
  void Publish(absl::Status problem);

  const Options options_;
  Etcd& etcd_;
  const Clock& clock_;
  Backoff backoff_;

  std::optional<EtcdLease> lease_;
  BootTime kept_alive_at_;
  bool registered_ = false;
  bool was_registered_ = false;
  // etcd's revision of the record, and the record, as written last.
  std::int64_t mod_revision_ = 0;
  std::string written_;

  mutable RankedMutex mutex_{LockRank::kLeaf};
  std::optional<v1::HostRecord> record_ ABSL_GUARDED_BY(mutex_);
  std::optional<Seen> seen_ ABSL_GUARDED_BY(mutex_);
  bool has_news_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  State state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_REGISTRATION_H_
