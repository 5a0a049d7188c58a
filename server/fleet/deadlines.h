// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_DEADLINES_H_
#define PERCPUD_SERVER_FLEET_DEADLINES_H_

#include <grpcpp/client_context.h>

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/ranked_mutex.h"

namespace percpud::fleet {

// Ends calls that take too long, by elapsed time. gRPC ends a call at its deadline by itself,
// unless somebody sets the hour back: its timers then stand still until the hour is reached
// again. Thread safe.
class Deadlines {
 public:
  // A call that is under way for as long as this lives.
  class Watched {
   public:
    // Gives the call its deadline. All outlive this.
    Watched(Deadlines& deadlines, grpc::ClientContext& context, absl::Duration patience);
    ~Watched();
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

   private:
    Deadlines& deadlines_;
    grpc::ClientContext& context_;
  };

  // `clock` outlives it.
  explicit Deadlines(const Clock& clock);
  // REQUIRES: no call is watched.
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // Nobody waits any more: ends all calls, and those that begin from now on.
  void EndAll();

 private:
  void Run();
  void EndLate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  RankedMutex mutex_{LockRank::kLeaf};
  // When each call is to have ended.
  absl::flat_hash_map<grpc::ClientContext*, BootTime> ends_ ABSL_GUARDED_BY(mutex_);
  bool all_end_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_DEADLINES_H_
