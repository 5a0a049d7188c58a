// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_
#define PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "server/base/ranked_mutex.h"

namespace percpud::fleet {

// Has callers that ask for the same thing while it is being found out share what is found. Nobody
// waits for it: they are told. Thread safe.
template <typename Result>
class SharedRounds {
 public:
  // Is called once, without a lock, by the thread that has found it out.
  using Told = std::function<void(const Result&)>;

  // Has `told` called once what is being found out for that key is found. False: nothing is.
  bool Join(const std::string& key, const Told& told) {
    const RankedLock lock(&mutex_);
    const auto flight = flights_.find(key);
    if (flight == flights_.end()) return false;
    flight->second.push_back(told);
    return true;
  }

  // Joins, or finds it out by `find`, and tells all who have joined meanwhile. `find` comes to an
  // end by itself.
  void Find(const std::string& key, absl::FunctionRef<Result()> find, const Told& told) {
    {
      const RankedLock lock(&mutex_);
      const auto [flight, is_new] = flights_.try_emplace(key);
      flight->second.push_back(told);
      if (!is_new) return;
    }
    const Result result = find();
    for (const Told& each : Land(key)) each(result);
  }

 private:
  // Who is to be told.
  using Flight = std::vector<Told>;

  // From now on it is found out anew.
  Flight Land(const std::string& key) {
    const RankedLock lock(&mutex_);
    return std::move(flights_.extract(key).mapped());
  }

  RankedMutex mutex_{LockRank::kLeaf};
  std::map<std::string, Flight> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_
