// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_
#define PERCPUD_SERVER_FLEET_SHARED_ROUNDS_H_

#include <cstddef>
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

  // How many share a round: callers who leave stay joined until it ends. More find it out by
  // themselves.
  static constexpr std::size_t kMostTold = 1024;

  // Has `told` called once what is being found out for that key is found. False: nothing is, or
  // kMostTold have joined.
  bool Join(const std::string& key, const Told& told) {
    const RankedLock lock(&mutex_);
    const auto flight = flights_.find(key);
    if (flight == flights_.end() || flight->second.size() >= kMostTold) return false;
    flight->second.push_back(told);
    return true;
  }

  // Joins, or finds it out by `find`, and tells all who have joined meanwhile. `find` comes to an
  // end by itself.
  void Find(const std::string& key, absl::FunctionRef<Result()> find, const Told& told) {
    bool is_first = false;
    {
      const RankedLock lock(&mutex_);
      const auto [flight, is_new] = flights_.try_emplace(key);
      is_first = is_new;
      if (!is_new && flight->second.size() < kMostTold) {
        flight->second.push_back(told);
        return;
      }
    }
    const Result result = find();
    const Flight joined = is_first ? Land(key) : Flight();
    told(result);
    for (const Told& each : joined) each(result);
  }

 private:
  // Who is to be told, but for who finds it out.
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
