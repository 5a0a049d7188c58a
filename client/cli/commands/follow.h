// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_FOLLOW_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_FOLLOW_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/command.h"

namespace percpu::cli {

// How watch and top outlive the daemon they look at: when it is gone they say so
// once, and try again until it is back or the user ends them.
class Follow {
 public:
  // `whom` is what the program they look at is called.
  explicit Follow(Context& context, const char* whom = "the daemon")
      : context_(context), whom_(whom) {}

  // The daemon has answered.
  void Succeeded();
  // Whether to try again after `status`. If so, it has waited for `pause`. A daemon
  // that never answered is not waited for, and a refusal is final.
  bool MayRetry(const absl::Status& status, absl::Duration pause);

 private:
  Context& context_;
  const char* const whom_;
  bool reached_ = false;
  bool told_ = false;
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_FOLLOW_H_
