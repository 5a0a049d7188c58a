// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_
#define PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/ranked_mutex.h"

namespace percpud::fleet {

// How many calls each connection has whose answers it has not taken yet, over all services of a
// door, and what the large ones take. gRPC's own bound of calls holds for peers only who have
// agreed to it. Thread safe.
class UnreadAnswers {
 public:
  static constexpr int kMostOfConnection = 4;
  // Bytes of all connections' answers.
  static constexpr std::size_t kMostBytes = 64 << 20;

  // The turn of a call. One whose caller leaves before it comes is over at once, and costs nothing
  // more. Thread safe.
  class Turn {
   public:
    // It has come. False: the call is over.
    bool Begin() { return phase_.exchange(Phase::kOver) == Phase::kWaits; }

   private:
    friend class UnreadAnswers;
    enum class Phase : std::uint8_t { kWaits, kOver };

    std::atomic<Phase> phase_{Phase::kWaits};
    // Bytes of the answer.
    std::size_t held_ = 0;
  };
  struct Admitted {
    // To be returned to gRPC.
    grpc::ServerUnaryReactor* reactor;
    // False: the call is refused, and over.
    bool may_answer;
    std::shared_ptr<Turn> turn;
  };

  // Takes a call in, before anything is done for it, until its answer was taken or given up. Its
  // reactor is left alone until its turn has begun.
  Admitted Admit(grpc::CallbackServerContext& context);
  // How the call ends: as `status` says, unless too much lies here for the answer to lie here too.
  grpc::Status Hold(Turn& turn, const grpc::Status& status, google::protobuf::Message& answer);

  // False if the connection has as many as it may.
  bool Enter(const std::string& connection);
  void Leave(const std::string& connection);
  // Whether the connection has any.
  [[nodiscard]] bool Has(const std::string& connection) const;
  // How many connections have any.
  [[nodiscard]] std::size_t size() const;

 private:
  class Reactor;

  void Release(Turn& turn);

  mutable RankedMutex mutex_{LockRank::kLeaf};
  absl::flat_hash_map<std::string, int> counts_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_UNREAD_ANSWERS_H_
