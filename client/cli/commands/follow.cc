// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/follow.h"

namespace percpu::cli {

void Follow::Succeeded() {
  reached_ = true;
  told_ = false;
}

bool Follow::MayRetry(const absl::Status& status, absl::Duration pause) {
  const bool is_away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  if (!is_away || !reached_) return false;
  if (!told_) {
    context_.err << "percpuctl: " << whom_ << " is gone; waiting for it to come back\n";
    context_.err.flush();
  }
  told_ = true;
  return !context_.clock.wait_for_quit(pause);
}

}  // namespace percpu::cli
