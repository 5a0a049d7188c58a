// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_
#define PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/ranked_mutex.h"

namespace percpud::fleet {

// How many calls each connection has whose answers it has not taken yet, over all services of a
// door. gRPC's own bound of calls holds for peers only who have agreed to it. Thread safe.
class UnreadAnswers {
 public:
  static constexpr int kMostOfConnection = 4;

  struct Admitted {
    // To be returned to gRPC.
    grpc::ServerUnaryReactor* reactor;
    // False: the call is refused, and over.
    bool may_answer;
  };

  // Takes a call in, before anything is done for it, until its answer was taken or given up.
  Admitted Admit(grpc::CallbackServerContext& context);
  // False if the connection has as many as it may.
  bool Enter(const std::string& connection);
  void Leave(const std::string& connection);

 private:
  class Reactor;

  RankedMutex mutex_{LockRank::kLeaf};
  absl::flat_hash_map<std::string, int> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_
