// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/ticker.h"

#include <cassert>
#include <new>
#include <utility>

#include "percpu/internal/deadline.h"
#include "percpu/internal/thread.h"
#include "server/base/status_macros.h"

namespace percpu {

absl::StatusOr<std::unique_ptr<Ticker>> Ticker::Start(const Options& options,
                                                      std::function<void()> body) {
  std::unique_ptr<Ticker> out(new Ticker(std::move(body)));
  ASSIGN_OR_RETURN(out->thread_, StartThread(options.name, [self = out.get(), first = options.first,
                                                            interval = options.interval] {
                     self->Loop(first, interval);
                   }));
  return out;
}

Ticker::Ticker(std::function<void()> body) : body_(std::move(body)) { assert(body_ != nullptr); }

Ticker::~Ticker() {
  if (!thread_.joinable()) return;
  assert(thread_.get_id() != std::this_thread::get_id());
  {
    MutexLock lock(&mu_);
    is_stopping_ = true;
    stopping_.SignalAll();
  }
  thread_.join();
}

void Ticker::Loop(absl::Duration first, absl::Duration interval) {
  for (absl::Duration pause = first; !Sleep(pause); pause = interval) RunBody();
}

// This thread is the SDK's: nobody else could meet what is thrown here, and it would end the
// program.
void Ticker::RunBody() const {
  try {
    body_();
  } catch (const std::bad_alloc&) {
    return;
  }
}

bool Ticker::Sleep(absl::Duration duration) {
  const Deadline due = Deadline::After(duration);
  MutexLock lock(&mu_);
  while (!is_stopping_ && !due.has_passed()) stopping_.WaitBy(mu_, due);
  return is_stopping_;
}

}  // namespace percpu
