// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_INTERRUPT_H_
#define PERCPUD_CLIENT_CLI_INTERRUPT_H_

#include <signal.h>

#include <array>

namespace percpu::cli {

// While one lives, SIGINT, SIGTERM and SIGHUP do not end the process but are
// remembered, so that a command can clean up. The second signal ends it as
// usual. One at a time; made and destroyed on one thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // The signal that came since the last Forget, or 0. It outlives the object.
  [[nodiscard]] static int signal();
  static void Forget();

 private:
  std::array<struct sigaction, 3> before_{};
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_INTERRUPT_H_
