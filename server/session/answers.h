// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ANSWERS_H_
#define PERCPUD_SERVER_SESSION_ANSWERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/identity.h"

namespace percpud {

// What a session's last requests were answered, so that one made again (after a
// crash, a timeout or a lost connection) is answered again and not served
// again. Requests are numbered upwards by the client. Not thread safe.
class Answers {
 public:
  using Words = std::vector<std::uint64_t>;
  // A client has fewer requests under way at once.
  static constexpr std::size_t kKept = abi::v1::kAnswersKept;
  // Words of all answers together; a batch of many areas takes many.
  static constexpr std::size_t kKeptWords = 1 << 16;

  // An answer that was forgotten for a younger one.
  struct Forgotten {
    RequestId request;
    Words words;
  };

  // Null if it is not known.
  [[nodiscard]] const Words* Find(RequestId request) const;
  // Notes that it is being served. Errors: RequestUnderWay; AnswerForgotten, if
  // it is older than any that is kept.
  absl::Status Begin(RequestId request);
  void End(RequestId request) { under_way_.erase(request); }

  // Takes an answer in; returns those that are forgotten for it, oldest first.
  // REQUIRES: none is kept for the request.
  std::vector<Forgotten> Keep(RequestId request, Words words);
  // Undoes Keep: the answer goes, and what it returned comes back.
  void TakeBack(RequestId request, std::vector<Forgotten> forgotten);
  // Oldest first.
  [[nodiscard]] const std::deque<RequestId>& kept() const { return order_; }
  // The order of the next answer to be kept.
  [[nodiscard]] std::uint64_t next_order() const { return next_order_; }
  void set_next_order(std::uint64_t order) { next_order_ = order; }

 private:
  Words Drop(RequestId request);

  absl::flat_hash_map<RequestId, Words> answers_;
  absl::flat_hash_set<RequestId> under_way_;
  std::deque<RequestId> order_;
  std::size_t words_ = 0;
  RequestId forgotten_;
  std::uint64_t next_order_ = 1;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ANSWERS_H_
