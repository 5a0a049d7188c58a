// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_MAIN_GATEWAY_KEEPER_H_
#define PERCPUD_SERVER_MAIN_GATEWAY_KEEPER_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/ranked_mutex.h"
#include "server/base/unique_fd.h"
#include "server/base/units.h"

namespace percpud {

// Keeps one percpud-gateway running, the program that lies beside this one, for as long as
// the daemon serves TCP. A gateway that ends is started again, after a pause that grows
// while they end at once. Each gets the listening sockets, and one end of a new pair of
// sockets whose other end is the daemon's: that pair proves who it is. Connections that
// come while there is no gateway wait in the listening sockets' queues. Thread safe.
class GatewayKeeper {
 public:
  struct Options {
    // Listening sockets, which outlive the keeper: of plain TCP, and of TLS.
    std::vector<int> listeners;
    std::vector<int> tls_listeners;
    // What the gateway is told of TLS, if there are some.
    std::vector<std::string> tls_flags;
    // The largest message that percpud takes.
    Bytes message_limit;
    // Gets the daemon's end of each pair, on the keeper's thread.
    std::function<void(UniqueFd fd)> connected;
  };

  // Errors: NoGateway, if the program cannot be run.
  static absl::Status CheckProgram();

  explicit GatewayKeeper(Options options);
  // Ends the gateway: a moment after Drain, or at once.
  ~GatewayKeeper();
  GatewayKeeper(const GatewayKeeper&) = delete;
  GatewayKeeper& operator=(const GatewayKeeper&) = delete;

  // Has the gateway read its certificates again.
  void ReadCertificates();
  // Has the gateway accept no more and end when its calls have ended; it is not started
  // again. Idempotent.
  void Drain();

 private:
  void Run();
  void Loop();
  [[nodiscard]] bool IsStopping();
  // A new gateway's process; kNone, with a line in the log, if there is none.
  pid_t Spawn();
  // Is the one to be ended when the keeper stops.
  void Watch(pid_t process);
  // Returns when the process has ended, and says how.
  std::string AwaitEnd(pid_t process);
  // The pause before the next one, if the last lived so long.
  absl::Duration NextPause(absl::Duration lived);
  // Returns after `pause`, or when the keeper stops.
  void Pause(absl::Duration pause);

  const Options options_;
  absl::Duration pause_;
  RankedMutex mu_{LockRank::kLeaf};
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  // The one that is running; not reaped before this is 0, so the number is nobody else's.
  pid_t process_ ABSL_GUARDED_BY(mu_) = 0;
  // Makes, and so has to outlive, every gateway: the kernel ends them with it.
  std::thread thread_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_MAIN_GATEWAY_KEEPER_H_
