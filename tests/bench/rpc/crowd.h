// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_BENCH_RPC_CROWD_H_
#define PERCPUD_TESTS_BENCH_RPC_CROWD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/door/admission.h"
#include "percpud/v1/session.grpc.pb.h"
#include "tests/support/process.h"

namespace percpud::bench {

// A percpud of its own with many sessions, areas and variables, its arena and
// catalog in files. Not thread safe.
class Crowd {
 public:
  struct Size {
    // Half of them admitted at the side door, half opened by RPC.
    int sessions = 1;
    // Spread over the sessions.
    int areas = 0;
    int variables = 0;
    int cpus = 16;
  };
  // How long it took, in seconds.
  struct Times {
    double local_sessions = 0;
    double remote_sessions = 0;
    double areas = 0;
    double variables = 0;
  };

  // Errors: the first refusal.
  static absl::StatusOr<std::unique_ptr<Crowd>> Gather(const Size& size);

  [[nodiscard]] const std::string& address() const { return daemon_->address; }
  // What the daemon has used so far, in seconds.
  [[nodiscard]] double ProcessorTime() const;
  // One of each session.
  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }
  [[nodiscard]] const Times& times() const { return times_; }

 private:
  Crowd() = default;
  absl::Status Start(const Size& size);
  absl::Status OpenLocal(int sessions);
  absl::Status OpenRemote(int sessions);
  absl::Status MakeVariables(int variables);

  const testing::TempDir dir_;
  std::unique_ptr<testing::RunningDaemon> daemon_;
  // Open as long as their sessions are to live.
  std::vector<UniqueFd> doors_;
  std::vector<std::string> tokens_;
  Times times_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_RPC_CROWD_H_
