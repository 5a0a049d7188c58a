// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How a daemon is used, asked of it by calls: for programs that watch over it.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_SERVING_CONNECTION_H_
#define PERCPUD_CLIENT_SDK_PERCPU_SERVING_CONNECTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/options.h"

namespace percpu {

// A session that may write to series.
struct WorkerInfo {
  // The process, as the kernel told the daemon. Absent for remote sessions.
  std::optional<std::uint32_t> pid;
  // Namespaces that it may write to; the daemon names the first few.
  std::vector<std::string> namespaces;
};

// What was asked of one of the daemon's methods since it started.
struct MethodCalls {
  // The name of the method. All that look at the daemon are "Introspection".
  std::string method;
  // Calls by google.rpc.Code.
  std::map<int, std::uint64_t> codes;
  // How many calls took at most as long as a bound of CallStats, and longer than the one before
  // it; one more than bounds.
  std::vector<std::uint64_t> latency;
  absl::Duration total;
};

struct CallStats {
  // The daemon's.
  std::string version;
  absl::Duration uptime;
  std::vector<absl::Duration> latency_bounds;
  std::vector<MethodCalls> methods;
};

// One method per call of the daemon. Errors are the daemon's, and as Client has them. Thread
// safe. A method blocks for CallOptions::deadline at most, and longer only if the answer has
// several pages.
class ServingConnection {
 public:
  ServingConnection() = default;
  ServingConnection(const ServingConnection&) = delete;
  ServingConnection& operator=(const ServingConnection&) = delete;
  virtual ~ServingConnection() = default;

  virtual absl::StatusOr<std::vector<WorkerInfo>> ListWorkers() = 0;
  virtual absl::StatusOr<CallStats> GetCallStats() = 0;
};

// Makes a connection to "unix:PATH", a path, or "HOST:PORT". It opens nothing before the
// first call.
std::shared_ptr<ServingConnection> MakeGrpcServingConnection(std::string_view address,
                                                             const CallOptions& options);

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_SERVING_CONNECTION_H_
