// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_JUDGE_H_
#define PERCPUD_SERVER_FLEET_JUDGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "percpud/fleet/v1/reading.pb.h"

namespace percpud::fleet {

// Which hosts an answer is of, and whether that is enough. Not thread safe.
class Judge {
 public:
  // Notes how a host ended. True if it is in the answer: it was read, or has nothing of the
  // kind.
  bool Hear(const std::string& host, const absl::Status& status);
  // A host that was heard is not in the answer after all.
  void Drop(const std::string& host, const absl::Status& why);

  // Writes the hosts, by name.
  void WriteTo(v1::Round& out);
  // Errors: UNAVAILABLE, naming the hosts that are missing, unless `available` hosts will do and
  // there is one; PERMISSION_DENIED in its place, if one refused.
  [[nodiscard]] absl::Status Verdict(bool available) const;

 private:
  struct Missing {
    std::string host;
    absl::Status why;
  };

  std::vector<std::string> heard_;
  std::vector<Missing> missing_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_JUDGE_H_
