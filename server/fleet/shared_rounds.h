// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_
#define PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "server/base/ranked_mutex.h"

namespace percpud::fleet {

// Has callers that ask for the same thing while it is being found out share what is found. Thread
// safe.
template <typename Result>
class SharedRounds {
 public:
  // What `find` returns; of a call that is under way for that key, if there is one, which is
  // waited for. `find` comes to an end by itself.
  std::shared_ptr<const Result> Get(const std::string& key, absl::FunctionRef<Result()> find) {
    std::shared_ptr<Flight> flight;
    bool is_mine = false;
    {
      const RankedLock lock(&mutex_);
      auto [place, is_new] = flights_.try_emplace(key);
      if (is_new) place->second = std::make_shared<Flight>();
      flight = place->second;
      is_mine = is_new;
      if (!is_mine) {
        mutex_.Await(absl::Condition(&flight->is_done));
        return flight->result;
      }
    }
    auto result = std::make_shared<const Result>(find());
    const RankedLock lock(&mutex_);
    flight->result = std::move(result);
    flight->is_done = true;
    flights_.erase(key);
    return flight->result;
  }

 private:
  struct Flight {
    bool is_done = false;
    std::shared_ptr<const Result> result;
  };

  RankedMutex mutex_{LockRank::kLeaf};
  std::map<std::string, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_
